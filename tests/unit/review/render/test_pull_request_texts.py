import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tests.factories import a_finding, a_review, a_suggestion, an_unanchored
from tests.golden import assert_golden
from tests.memory_forge import BASE, HEAD, a_pull_request
from tests.sample_review import a_failed_review, a_full_review, a_partial_review
from tests.strategies import FEW, findings, hostile_text, reviews

from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding, Severity
from mesrai.domain.policy import ExistingDescription
from mesrai.domain.review import Review
from mesrai.review.render.description import description_with
from mesrai.review.render.fit import cut_markdown
from mesrai.review.render.inline_comment import render_inline_comment
from mesrai.review.render.links import Links
from mesrai.review.render.marks import Item, is_summary, mark_id, read_finding_mark, read_items
from mesrai.review.render.summary_comment import Earlier, Placed, Told, items_of, render_state, render_summary

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
LINKS = Links(a_pull_request().repository, head=HEAD, base=BASE)
OUR_MARK = re.compile(r"<!-- mesrai:v1 [a-z0-9=-]+(?: severity=[a-z]+(?: refused)?)? -->")
OUR_HTML = re.compile(rf"(?:{OUR_MARK.pattern}|<details><summary>[\w ,]+</summary>|</details>|</?sub>|\s)*")
TOKEN = "ghp_" + "k3Jd82mQx7RtVb1LzYw5NcPfHs9GaE4uTo6B"


def tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def assert_harmless(text: str) -> None:
    """Nothing from outside acts: no mention, reference, command, mark or HTML, and no link but to the forge."""
    found = list(tokens(text))
    assert not any(token.type == "image" for token in found)
    hrefs = [str(token.attrs["href"]) for token in found if token.type == "link_open"]
    assert [href for href in hrefs if not href.startswith("https://github.com/acme/shop/blob/")] == []
    html = [token.content for token in found if token.type in ("html_block", "html_inline")]
    assert [each for each in html if not OUR_HTML.fullmatch(each)] == []
    shown = "\n".join(token.content for token in found if token.type == "text")
    assert not re.search(r"https?://|www\.\w", shown)
    assert not re.search(r"@\w|#\d|!\d|\bGH-\d", shown)
    assert not re.search(r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? +\w+-\d", shown)
    assert text.count("<!--") == len(OUR_MARK.findall(text))
    assert not re.search(r"(?m)^\s*/[A-Za-z][\w-]*(\s|$)", text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800-\udfff]", text)


def a_told(review: Review) -> Told:
    states = ["new", "open", "answered", "dismissed", "resolved"]
    placed = [
        Placed(finding=each, state=states[at % 5], is_told_here=at % 2 == 1, reason="@x " + each.title)
        for at, each in enumerate(review.findings)
    ]
    return Told(review=review, placed=placed, problems=[each.title for each in review.findings], has_overview=True)


# Whole texts


def test_inline_comments() -> None:
    text = "\n\n=====\n\n".join(render_inline_comment(each, LINKS) for each in a_full_review().findings) + "\n"
    assert_golden("comments.md", text)
    assert_harmless(text)


@pytest.mark.parametrize(
    ("name", "review"),
    [("full", a_full_review()), ("partial", a_partial_review()), ("failed", a_failed_review())],
)
def test_summary(name: str, review: Review) -> None:
    told = Told(review=review, placed=[Placed(finding=each, state="new") for each in review.findings])
    text = render_summary(told, LINKS) + "\n"
    assert_golden(f"summary-{name}.md", text)
    assert_harmless(text)


def test_summary_of_what_is_new() -> None:
    told = Told(
        review=a_review(),
        earlier=[
            Earlier(severity=Severity.HIGH, path="a.py", line=3, text="**High: Old**", is_outdated=False),
            Earlier(severity=Severity.LOW, path="b|c.py", line=None, text="**Low: Older**", is_outdated=True),
        ],
        carried=[Item(fingerprint="abc", severity=Severity.LOW, text="**Low: Told earlier**")],
        problems=["The check could not be set: 502"],
        since="c" * 40,
        has_overview=True,
    )
    text = render_summary(told, LINKS) + "\n"
    assert_golden("summary-incremental.md", text)
    assert_harmless(text)


# Nothing breaks out


@FEW
@given(findings(hostile_text()))
def test_nothing_in_a_finding_breaks_out_of_its_comment(finding: Finding) -> None:
    text = render_inline_comment(finding, LINKS)
    assert_harmless(text)
    assert read_finding_mark(text) == (mark_id(finding.fingerprint), finding.severity)
    last = PARSER.parse(text)[-2].children
    assert last is not None
    assert last[0].content == "<sub>"


@FEW
@given(reviews(hostile_text()))
def test_nothing_in_a_review_breaks_out_of_the_summary(review: Review) -> None:
    told = a_told(review)
    text = render_summary(told, LINKS)
    assert_harmless(text)
    assert is_summary(text)
    wanted = [(mark_id(each.fingerprint), each.severity) for each in items_of(told, LINKS)]
    assert [(each.fingerprint, each.severity) for each in read_items(text)] == wanted


@given(hostile_text(20), hostile_text(20), st.sampled_from(ExistingDescription))
def test_what_is_put_into_a_description_is_harmless_and_put_once(
    summary: str, authors: str, mode: ExistingDescription
) -> None:
    alone = description_with("", summary, mode, is_partial=False)
    assert_harmless(alone)
    once = description_with(authors, summary, mode, is_partial=True)
    assert description_with(once, summary, mode, is_partial=True).strip() == once.strip()


@given(hostile_text(30), st.integers(200, 400))
def test_a_cut_text_fits_and_closes_what_it_opened(text: str, most: int) -> None:
    whole = f"<details>\n\n{'word ' * 20}\n{text}\n\n```py\n" + "code\n" * 100 + "```\n\n</details>"
    cut = cut_markdown(whole, most)
    assert len(cut) <= most
    assert cut.endswith("*The rest is left out here: the text would be too long.*")


def test_a_text_is_cut_on_a_line_end_with_its_fence_and_fold_closed() -> None:
    whole = "<details><summary>Code</summary>\n\n```py\n" + "x = 1\n" * 100 + "```\n\n</details>"
    cut = cut_markdown(whole, 300)
    kinds = [token.type for token in PARSER.parse(cut)]
    assert (kinds.count("fence"), cut.count("</details>")) == (1, 1)
    assert set(re.findall(r"x.*", cut)) - {"xt would be too long.*"} == {"x = 1"}
    assert kinds[-3:] == ["paragraph_open", "inline", "paragraph_close"]


def test_a_mark_counts_only_where_a_comment_begins() -> None:
    mark = "<!-- mesrai:v1 fp=abc severity=low -->"
    assert read_finding_mark(f"{mark}\nText") == ("abc", Severity.LOW)
    assert read_finding_mark(f"Text\n{mark}") is None
    assert not is_summary("> <!-- mesrai:v1 summary -->")


# Suggestions


EXACT = a_finding(start_line=2, end_line=3, suggestion=a_suggestion(2, 3, "    return sum(items)"))


def test_a_suggestion_for_exactly_the_commented_lines_can_be_applied() -> None:
    assert "```suggestion\n    return sum(items)\n```" in render_inline_comment(EXACT, LINKS)


def test_a_suggestion_to_delete_the_lines_leaves_no_empty_line() -> None:
    finding = replace(EXACT, suggestion=a_suggestion(2, 3, ""))
    assert "```suggestion\n```" in render_inline_comment(finding, LINKS)


def test_a_suggestion_with_a_fence_gets_a_longer_one() -> None:
    finding = replace(EXACT, suggestion=a_suggestion(2, 3, "```py\nx\n```"))
    assert "````suggestion\n```py\nx\n```\n````" in render_inline_comment(finding, LINKS)


@pytest.mark.parametrize(
    "finding",
    [
        replace(EXACT, suggestion=a_suggestion(2, 4)),
        replace(EXACT, suggestion=a_suggestion(3, 3)),
        replace(EXACT, side=Side.OLD),
        replace(EXACT, suggestion=a_suggestion(2, 3, f'token = "{TOKEN}"')),
        replace(EXACT, suggestion=a_suggestion(2, 3, "if a\u202e:\n    pass")),
        replace(EXACT, suggestion=a_suggestion(2, 3, "<!-- mesrai:v1 fp=abc severity=low -->")),
        replace(EXACT, suggestion=a_suggestion(2, 3, "/approve\n")),
        replace(EXACT, suggestion=a_suggestion(2, 3, "x" * 500)),
    ],
)
def test_a_suggestion_that_is_not_shown_as_it_is_cannot_be_applied(finding: Finding) -> None:
    text = render_inline_comment(finding, LINKS)
    assert "```suggestion" not in text
    assert "Suggested for line" in text
    assert_harmless(text)


# Secrets and states


def test_a_credential_is_never_said() -> None:
    leak = f"The token {TOKEN} is in the code."
    finding = a_finding(leak, body=leak, evidence=leak, suggestion=a_suggestion(2, 2, leak), source=TOKEN)
    unanchored = an_unanchored(leak, body=leak)
    review = a_review(finding, summary=leak, unanchored=(unanchored,), notices=(leak,), failures=(leak,))
    told = replace(a_told(review), placed=[Placed(finding=finding, state="new", is_told_here=True, reason=leak)])
    for text in (
        render_inline_comment(finding, LINKS),
        render_summary(told, LINKS),
        description_with("", leak, ExistingDescription.REPLACE, is_partial=False),
        render_state(leak),
    ):
        assert TOKEN not in text
        assert "redacted" in text


def test_a_state_replaces_the_state_before_it() -> None:
    first = render_summary(Told(review=a_review()), LINKS)
    running = render_state("Under way.", first)
    parked = render_state("Waits.", running)
    assert "Under way" not in parked
    assert parked.count("## No problems found") == 1
    assert render_state("Waits.", render_state("Under way.")) == render_state("Waits.")
