import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tests.factories import a_finding, a_review, a_suggestion
from tests.golden import assert_golden
from tests.sample_review import SAMPLE_LINES, a_failed_review, a_full_review, a_partial_review
from tests.strategies import FEW, hostile_text, reviews

from mesrai.domain.review import Review
from mesrai.review.render.code import lines_in
from mesrai.review.render.markdown import render_markdown
from mesrai.review.render.markdown_text import blocks, code_cell, fenced, inline, title
from mesrai.review.render.untrusted import one_line

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
OUR_HTML = re.compile(r"<details><summary>[\w ,]+</summary>\s*|</details>\s*|</?sub>")


def tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def texts(text: str) -> str:
    return "\n".join(token.content for token in tokens(text) if token.type == "text")


def assert_harmless(text: str) -> None:
    kinds = {token.type for token in tokens(text)}
    assert not kinds & {"image", "link_open", "heading_open_1"}
    html = [token.content for token in tokens(text) if token.type in ("html_block", "html_inline")]
    assert [each for each in html if not OUR_HTML.fullmatch(each)] == []
    shown = texts(text)
    assert not re.search(r"https?://|www\.\w", shown)
    assert not re.search(r"@\w|#\d|!\d|\bGH-\d", shown)
    assert "<!--" not in text
    assert not re.search(r"(?m)^\s*/\w+(\s|$)", text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800-\udfff]", text)


@pytest.mark.parametrize(
    ("name", "review"),
    [("full.md", a_full_review()), ("partial.md", a_partial_review()), ("failed.md", a_failed_review())],
)
def test_whole_document(name: str, review: Review) -> None:
    text = render_markdown(review, lines=SAMPLE_LINES)
    assert_golden(name, text)
    assert_harmless(text)


@FEW
@given(reviews(hostile_text()))
def test_nothing_in_a_review_breaks_out_of_the_document(review: Review) -> None:
    code = {finding.path: finding.body + "\n" + finding.title for finding in review.findings}
    text = render_markdown(review, lines=lines_in(code, code))
    assert_harmless(text)
    headings = [token for token in tokens(text) if token.type == "heading_open"]
    extra = bool(review.unanchored) + bool(review.coverage)
    assert len(headings) == 1 + len(review.findings) + len(review.unanchored) + extra
    assert PARSER.parse(text)[-2].children[0].content == "<sub>"  # type: ignore[index]


@given(hostile_text(40))
def test_blocks_are_harmless(text: str) -> None:
    assert_harmless(blocks(text))


@given(hostile_text(), hostile_text())
def test_text_from_outside_stays_in_its_cell(one: str, other: str) -> None:
    row = f"| {inline(one_line(one))} | {code_cell(one_line(other))} | {title(one_line(one))} |"
    table = f"| a | b | c |\n|---|---|---|\n{row}\n"
    assert [token.type for token in tokens(table)].count("td_open") == 3
    assert_harmless(table)
    assert "\n" not in row


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("see ![x](http://e.com/p.png)", r"see x (`http://e.com/p.png`)"),
        ("[docs](https://e.com/a_b) now", "docs (`https://e.com/a_b`) now"),
        ("<https://e.com>", "&lt;`https://e.com`&gt;"),
        ("ask @admin", "ask @&#8203;admin"),
        ("&#64;admin", r"&amp;#&#8203;64;admin"),
        ("Fixes #12, closes PROJ-7", "Fixes #&#8203;12, closes&#8203; PROJ-7"),
        ("/approve", r"\/approve"),
        ("<!-- x -->", "&lt;!-- x --&gt;"),
        ("`<!-- x -->`", "`<\u200b!-- x -->`"),
        ("# Big", "**Big**"),
        ("a `b | c` and **strong** snake_case", "a `b | c` and **strong** snake_case"),
        ("- one\n  - two\n- three", "- one\n   - two\n- three"),
        ("`a`https://e.com/x", "`a` `https://e.com/x`"),
        ("www.a.b`www.c.d`", "`www.a.b` `www.c.d`"),
        ("```suggestion\nx\n```", "```\nx\n```"),
        ("```python\nx\n```", "```python\nx\n```"),
        ("````\n```\n", "````\n```\n````"),
        ("x\u202ey\x1b[2J", r"x⟨U+202E⟩y␛\[2J"),
        ("2 * 3 ** 4 $x$", r"2 \* 3 \*\* 4 &#36;x&#36;"),
    ],
)
def test_markdown_from_outside_is_text(given_: str, shown: str) -> None:
    assert blocks(given_) == shown


def test_table_from_outside_keeps_its_lines_as_code() -> None:
    assert blocks("| a | `x |\n|---|---|\n| <b> | y` |") == "```\n| a | `x |\n|---|---|\n| <b> | y` |\n```"


def test_fence_is_longer_than_any_run_inside() -> None:
    assert fenced("a\n`````\nb", "diff") == "``````diff\na\n`````\nb\n``````"


def test_command_inside_code_is_no_command() -> None:
    assert fenced(" /approve\n/usr/bin/env\n/lgtm") == "```\n \u200b/approve\n/usr/bin/env\n\u200b/lgtm\n```"


def test_long_review_stays_within_the_limit_and_says_what_is_left_out() -> None:
    found = [a_finding(f"Problem <{number}>", body="<&>" * 3_000, path="p" * 300) for number in range(200)]
    text = render_markdown(a_review(*found), max_chars=20_000)
    assert len(text) <= 20_000
    assert re.search(r"\d+ findings left out here", text)
    assert "more findings" in text
    assert_harmless(text)


def test_limit_holds_where_every_part_is_long() -> None:
    long = "<" * 2_000
    review = a_partial_review()
    found = tuple(a_finding(long, body=long, path=long, source=long) for _ in range(50))
    text = render_markdown(a_review(*found, summary=long * 9, notices=(long,) * 50, failures=(long,) * 50))
    assert len(text) <= 60_000
    assert len(render_markdown(review, max_chars=6_000)) <= 6_000


def test_suggestion_is_shown_as_new_lines_where_the_file_is_not_known() -> None:
    text = render_markdown(a_review(a_finding(suggestion=a_suggestion(2, 2, "    return 1"))))
    assert "```diff\n+    return 1\n```" in text


def test_credentials_in_the_code_are_hidden() -> None:
    secret = "gh" + "p_" + "a1B2c3D4e5" * 3 + "F6g7h8"
    code = lines_in({"src/cart.py": f"def f():\n    token = '{secret}'\n"})
    plain_finding = a_finding("Token", body="A token.")
    fixed = a_finding("Token", body="A token.", suggestion=a_suggestion(2, 2, f"    key = '{secret}'"))
    text = render_markdown(a_review(plain_finding, fixed), lines=code)
    assert secret not in text
    assert text.count("[redacted: ") == 3


def test_body_that_repeats_the_title_is_not_shown_twice() -> None:
    text = render_markdown(a_review(a_finding("Unused", body="Unused\n\nRule: here")))
    assert re.search(r"(?m)^Rule: here$", text)
    assert not re.search(r"(?m)^Unused$", text)
