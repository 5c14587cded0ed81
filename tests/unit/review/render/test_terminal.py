import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.factories import a_coverage, a_finding, a_review
from tests.golden import assert_golden
from tests.sample_review import SAMPLE_LINES, a_failed_review, a_full_review, a_partial_review
from tests.strategies import FEW, hostile_text, reviews

from mesrai.domain.finding import Severity
from mesrai.domain.review import FileStatus, Outcome, Review
from mesrai.domain.usage import Usage
from mesrai.review.render.code import lines_in
from mesrai.review.render.look import Look
from mesrai.review.render.terminal import by_file, render_terminal

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("name", "review", "look"),
    [
        ("full-100.txt", a_full_review(), Look(width=100)),
        ("full-40.txt", a_full_review(), Look(width=40)),
        ("partial-verbose-80.txt", a_partial_review(), Look(width=80, is_verbose=True)),
        ("failed-80.txt", a_failed_review(), Look(width=80)),
        ("partial-colour-80.ansi", a_partial_review(), Look(width=80, has_colour=True)),
    ],
)
def test_whole_output(name: str, review: Review, look: Look) -> None:
    assert_golden(name, render_terminal(review, lines=SAMPLE_LINES, look=look))


@FEW
@given(reviews(hostile_text()), st.integers(40, 200), st.booleans(), st.booleans())
def test_nothing_in_a_review_acts_on_the_terminal(
    review: Review, width: int, has_colour: bool, is_verbose: bool
) -> None:
    code = {finding.path: finding.body for finding in review.findings}
    look = Look(width=width, has_colour=has_colour, is_verbose=is_verbose)
    text = render_terminal(review, lines=lines_in(code, code), look=look)
    plain = COLOUR.sub("", text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028\u202e\ud800-\udfff]", plain)
    assert all(cell_len(line) <= width for line in plain.split("\n"))
    assert has_colour or plain == text


def test_drawing_is_plain_where_the_terminal_has_no_such_characters() -> None:
    assert render_terminal(a_full_review(), lines=SAMPLE_LINES, look=Look(is_unicode=False)).replace("é", "").isascii()


def headline(review: Review) -> str:
    return render_terminal(review, look=Look(width=200)).split("\n\n")[0].replace("\n", " ")


def test_no_problems_is_said_only_of_a_change_that_was_read_whole() -> None:
    skipped = a_coverage("a.lock", status=FileStatus.SKIPPED, reason="lock file", hunks_read=0)
    failed = a_coverage("b.py", status=FileStatus.FAILED, hunks_read=0)
    assert headline(a_review()) == "No problems found."
    assert headline(a_review(coverage=(a_coverage(), skipped))) == (
        "Nothing found in the 1 file read; 1 left out on purpose."
    )
    assert headline(a_review(models=(), usage=Usage())) == (
        "The static analysers found nothing in 1 file; no model read the change."
    )
    assert headline(a_review(outcome=Outcome.PARTIAL, coverage=(a_coverage(), failed))) == (
        "Only a part of this change was reviewed: 1 of 2 files was not read whole. Nothing can be said of the rest."
    )
    assert headline(a_review(outcome=Outcome.PARTIAL)) == (
        "Only a part of this change was reviewed: some of what was found could not be verified. "
        "Nothing can be said of the rest."
    )
    assert headline(a_failed_review()) == "The review failed: nothing of this change was reviewed."
    assert headline(a_review(outcome=Outcome.NOTHING, coverage=())) == "There was nothing to review."


@FEW
@given(reviews(st.text(max_size=5)))
def test_outcome_other_than_reviewed_never_sounds_like_a_pass(review: Review) -> None:
    first = headline(review)
    if review.outcome is not Outcome.REVIEWED:
        assert "No problems" not in first
        assert "Nothing found" not in first


def test_last_line_tells_outcome_counts_coverage_and_spending() -> None:
    last = render_terminal(a_full_review(), look=Look(width=200)).splitlines()[-1]
    assert last == (
        "Reviewed · 1 critical, 2 high, 2 medium, 1 low · 3 of 3 files read, 5 of 5 hunks, 1 left out · 3 calls · "
        "42k tokens in (50% cached) · 3,100 out · 0.0483 USD · 12 s"
    )


def test_notices_are_left_out_where_they_are_not_wanted_but_failures_never() -> None:
    text = render_terminal(a_partial_review(), look=Look(has_notices=False))
    assert "took over" not in text
    assert "Failed: The provider is overloaded." in text


def test_worst_file_comes_first_and_in_it_the_worst_finding() -> None:
    low = a_finding("A", path="a.py", severity=Severity.LOW)
    high = a_finding("B", path="b.py", severity=Severity.HIGH, start_line=9, end_line=9)
    critical = a_finding("C", path="b.py", severity=Severity.CRITICAL, start_line=90, end_line=90)
    assert by_file([low, high, critical]) == [("b.py", [critical, high]), ("a.py", [low])]


def test_long_range_shows_its_beginning_and_end() -> None:
    code = "\n".join(f"line {number}" for number in range(1, 101))
    finding = a_finding(start_line=10, end_line=60, path="a.py")
    text = render_terminal(a_review(finding), lines=lines_in({"a.py": code}))
    assert "▌ 10 │ line 10\n" in text
    assert "┄┄ │ 42 more lines\n" in text
    assert "  62 │ line 62\n" in text


def test_range_outside_the_file_shows_no_code() -> None:
    text = render_terminal(a_review(replace(a_finding(), start_line=7, end_line=9)), lines=SAMPLE_LINES)
    assert "│" not in text
