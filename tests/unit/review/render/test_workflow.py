import re
from collections import Counter
from urllib.parse import unquote

from hypothesis import given
from tests.factories import a_coverage, a_finding, a_review, an_unanchored
from tests.golden import assert_golden
from tests.sample_review import a_failed_review, a_partial_review
from tests.strategies import FEW, hostile_text, reviews

from mesrai.domain.diff import Side
from mesrai.domain.finding import Severity
from mesrai.domain.review import FileStatus, Outcome, Review
from mesrai.review.render.workflow import render_step, render_workflow

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::([^\r\n]*)")


def test_whole_output() -> None:
    assert_golden("partial.workflow.txt", render_workflow(a_partial_review()))


@FEW
@given(reviews(hostile_text()))
def test_nothing_in_a_review_starts_another_command(review: Review) -> None:
    text = render_workflow(review)
    lines = text.removesuffix("\n").split("\n")
    unread = sum(file.status in (FileStatus.PARTIAL, FileStatus.FAILED) for file in review.coverage)
    assert len(lines) == len(review.findings) + len(review.unanchored) + len(review.failures) + unread + 1
    assert text.splitlines() == lines
    for line in lines:
        found = COMMAND.fullmatch(line)
        assert found
        assert all(re.fullmatch(r"(file|line|endLine|title)=[^,:\n]*", each) for each in found[2].split(","))
        assert not re.search(r"##\w*\[", line)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\ud800-\udfff]", line)
        assert not re.search("%(?!25|0A|0D|3A|2C)", line)


def test_values_come_back_as_they_were() -> None:
    text = render_workflow(a_review(a_finding("50%: a, b", path="a,b:c%.py", body="one\ntwo 100%")))
    found = COMMAND.match(text)
    assert found
    given_ = dict(each.split("=", 1) for each in found[2].split(","))
    assert {name: unquote(value) for name, value in given_.items()} == {
        "file": "a,b:c%.py",
        "line": "2",
        "endLine": "2",
        "title": "high: 50%: a, b",
    }
    assert unquote(found[3]) == "one\ntwo 100%"


def test_finding_on_the_old_file_stands_on_the_whole_file() -> None:
    first = render_workflow(a_review(a_finding(side=Side.OLD, body="Gone."))).split("\n")[0]
    assert first == (
        "::error file=src/cart.py,title=high%3A The total leaves out the quantities"
        "::About line 2 of the old file.%0A%0AGone."
    )


def test_unanchored_finding_without_a_line_stands_on_the_whole_file() -> None:
    first = render_workflow(a_review(unanchored=(an_unanchored(line=None),))).split("\n")[0]
    assert first.startswith("::warning file=src/checkout.py,title=medium%3A The caller")


def test_last_line_says_that_the_review_failed() -> None:
    last = render_workflow(a_failed_review()).splitlines()[-1]
    assert last.startswith("::error title=Mesrai::The review failed: nothing of this change was reviewed.")


def test_last_line_of_a_partial_review_warns() -> None:
    review = a_review(
        outcome=Outcome.PARTIAL, coverage=(a_coverage(), a_coverage("b.py", status=FileStatus.FAILED, hunks_read=0))
    )
    last = render_workflow(review).splitlines()[-1]
    assert last.startswith("::warning title=Mesrai::Only a part of this change was reviewed: 1 of 2 files was not read")


def test_a_step_shows_the_gravest_of_each_level_and_says_how_many_more_there_are() -> None:
    low = [a_finding(f"low {at}", severity=Severity.LOW) for at in range(12)]
    grave = [a_finding(f"grave {at}", severity=Severity.HIGH) for at in range(11)]
    worst = a_finding("worst", severity=Severity.CRITICAL)
    lines = render_step(a_review(*low, *grave, worst)).splitlines()
    assert lines[0].startswith("::notice title=Mesrai::24 problems found")
    assert "5 more are not shown here" in lines[0]
    assert lines[1].startswith("::error ")
    assert "critical%3A worst" in lines[1]
    levels = Counter(COMMAND.fullmatch(line)[1] for line in lines)  # type: ignore[index]
    assert levels == {"error": 10, "notice": 10}


@FEW
@given(reviews(hostile_text()))
def test_nothing_in_a_review_starts_another_command_in_a_step(review: Review) -> None:
    lines = render_step(review).removesuffix("\n").split("\n")
    levels = Counter(found[1] if (found := COMMAND.fullmatch(line)) else "" for line in lines)
    assert levels[""] == 0
    assert max(levels.values()) <= 10
    assert lines[0].partition("::")[2].partition("::")[0].endswith("title=Mesrai")
