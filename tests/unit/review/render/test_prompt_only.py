import re

from hypothesis import given
from markdown_it import MarkdownIt
from tests.golden import assert_golden
from tests.sample_review import SAMPLE_LINES, a_failed_review, a_partial_review
from tests.strategies import FEW, hostile_text, reviews

from mesrai.domain.review import Review
from mesrai.review.render.code import lines_in
from mesrai.review.render.prompt_only import render_prompt

PARSER = MarkdownIt("commonmark", {"html": False})  # read by programs, so tags mean nothing


def test_whole_text() -> None:
    assert_golden("partial.prompt.txt", render_prompt(a_partial_review(), lines=SAMPLE_LINES))


def test_failed_review_says_so_and_names_what_was_not_read() -> None:
    text = render_prompt(a_failed_review())
    assert text.startswith("# Code review: failed\n\nThe review failed: nothing of this change was reviewed.\n")
    assert "- 0 of 1 hunk read in src/cart.py: The provider does not accept this key." in text


@FEW
@given(reviews(hostile_text()))
def test_no_text_from_outside_makes_a_heading_or_leaves_a_fence_open(review: Review) -> None:
    code = {finding.path: finding.body for finding in review.findings}
    text = render_prompt(review, lines=lines_in(code, code))
    headings = [token.tag for token in PARSER.parse(text) if token.type == "heading_open"]
    assert [tag for tag in headings if tag in ("h1", "h2")] == ["h1"] + ["h2"] * (
        len(review.findings) + len(review.unanchored)
    )
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800-\udfff]", text)
