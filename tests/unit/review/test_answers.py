"""A model's answer is read strictly, whatever it is wrapped in; nothing unreadable passes for an empty review."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.finding import Severity
from mesrai.review.answers import (
    AnswerMisshapen,
    RawFinding,
    ReviewAnswer,
    Verdict,
    read_review_answer,
    read_verdicts,
)


def a_raw(**changes: Any) -> dict[str, Any]:
    raw = {
        "path": "a.py",
        "line": 3,
        "quote": "x = 1",
        "evidence": "x is read before it is set",
        "title": "x is read too early",
        "body": "Set x first.",
        "category": "bug",
        "severity": "high",
        "confidence": 0.9,
        "replacement": None,
    }
    return raw | changes


def an_answer(*findings: dict[str, Any], paths: tuple[str, ...] = ("a.py",)) -> str:
    return json.dumps(
        {"files": [{"path": path, "note": "sets x"} for path in paths], "findings": findings, "summary": "Sets x."}
    )


EXPECTED = ReviewAnswer(
    summary="Sets x.",
    notes=(("a.py", "sets x"),),
    findings=(
        RawFinding(
            path="a.py",
            line=3,
            quote="x = 1",
            evidence="x is read before it is set",
            title="x is read too early",
            body="Set x first.",
            category="bug",
            severity="high",
            confidence=0.9,
            replacement=None,
        ),
    ),
)


@pytest.mark.parametrize(
    "wrapped",
    ["{}", "```json\n{}\n```", "Here is my review:\n```\n{}\n```\nDone.", "I looked at it. {} That is all."],
)
def test_answer_is_found_in_what_surrounds_it(wrapped: str) -> None:
    assert read_review_answer(wrapped.replace("{}", an_answer(a_raw())), ["a.py"]) == EXPECTED


def test_other_words_for_severity_are_understood() -> None:
    read = read_review_answer(an_answer(a_raw(severity="Warning"), a_raw(severity="blocker")), ["a.py"])
    assert [finding.severity for finding in read.findings] == ["medium", "critical"]


def test_useless_line_is_no_line_and_a_percentage_is_a_share() -> None:
    read = read_review_answer(an_answer(a_raw(line="12", confidence=85), a_raw(line=-1)), ["a.py"])
    assert [(finding.line, finding.confidence) for finding in read.findings] == [(12, 0.85), (None, 0.9)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not valid JSON"),
        ("No issues found. The change looks good!", "not valid JSON"),
        ('{"findings": [', "not valid JSON"),
        ("[]", "must be a JSON object with the key `findings`"),
        ('{"summary": "fine"}', "must be a JSON object with the key `findings`"),
        ('{"findings": null, "files": [], "summary": ""}', "`findings` must be a list"),
        ('{"findings": ["bad"], "files": [], "summary": ""}', "findings[0] must be an object"),
        (an_answer(a_raw(severity="huge")), "findings[0].severity must be one of"),
        (an_answer(a_raw(category="vibes")), "findings[0].category must be one of"),
        (an_answer(a_raw(confidence="sure")), "findings[0].confidence must be a number"),
        (an_answer(a_raw(replacement=["x"])), "findings[0].replacement must be a string or null"),
        (an_answer(a_raw(title=" ")), "findings[0].title must not be empty"),
        (an_answer(a_raw(quote=None)), "findings[0]: `quote` must be a string"),
        (an_answer(paths=()), "`files` has no entry for: a.py"),
    ],
)
def test_misshapen_answer_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(AnswerMisshapen) as caught:
        read_review_answer(text, ["a.py"])
    assert problem in str(caught.value)


def test_silence_about_a_file_is_not_an_answer_about_it() -> None:
    with pytest.raises(AnswerMisshapen, match=r"b\.py"):
        read_review_answer(an_answer(paths=("a.py",)), ["a.py", "b.py"])


def verdicts(*given: dict[str, Any]) -> str:
    return json.dumps({"verdicts": given})


def a_verdict(**changes: Any) -> dict[str, Any]:
    return {"number": 1, "evidence": "line 3", "verdict": "confirmed", "severity": "low", "confidence": 1} | changes


def test_verdicts_are_read_in_the_order_of_their_numbers() -> None:
    read = read_verdicts(verdicts(a_verdict(number=2, verdict="refuted", severity=""), a_verdict()), 2)
    assert read == (
        Verdict(number=1, is_confirmed=True, evidence="line 3", severity=Severity.LOW, confidence=1.0),
        Verdict(number=2, is_confirmed=False, evidence="line 3", severity=None, confidence=1.0),
    )


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        ([], "none for finding 1, 2"),
        ([a_verdict()], "none for finding 2"),
        ([a_verdict(), a_verdict()], "finding 1 has two verdicts"),
        ([a_verdict(verdict="maybe")], "must be confirmed or refuted"),
        ([a_verdict(number="1")], "number must be an integer"),
    ],
)
def test_missing_or_unclear_verdict_is_refused(given_: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(AnswerMisshapen) as caught:
        read_verdicts(verdicts(*given_), 2)
    assert problem in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["files", "findings", "summary", "path", "title"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(st.text(max_size=60) | json_values.map(json.dumps))
def test_reading_never_fails_in_another_way(text: str) -> None:
    for read in (lambda: read_review_answer(text, ["a.py"]), lambda: read_verdicts(text, 1)):
        with suppress(AnswerMisshapen):
            read()


ODD_NUMBERS: list[Any] = ["²", "٣", "9" * 5_000, 10**400, -(10**400), 2**63, 1e308, "1e9", "-1", True, "", [], {}]


@pytest.mark.parametrize("odd", ODD_NUMBERS, ids=lambda odd: str(odd)[:8])
def test_a_number_that_is_none_is_no_line_and_never_an_accident(odd: Any) -> None:
    [finding] = read_review_answer(an_answer(a_raw(line=odd)), ["a.py"]).findings
    assert finding.line is None


def test_a_share_beyond_all_bounds_is_the_nearest_bound() -> None:
    given_ = [10**400, -(10**400), float("inf"), float("-inf"), float("nan")]
    read = read_review_answer(an_answer(*(a_raw(confidence=each) for each in given_)), ["a.py"])
    assert [finding.confidence for finding in read.findings] == [1.0, 0.0, 1.0, 0.0, 0.0]


@given(
    st.dictionaries(
        st.sampled_from([*a_raw(), *a_verdict()]), json_values | st.integers() | st.sampled_from(ODD_NUMBERS)
    )
)
def test_one_odd_field_makes_an_answer_or_the_one_error(odd: dict[str, Any]) -> None:
    for text in (an_answer(a_raw(**odd)), verdicts(a_verdict(**odd))):
        for read in (lambda text=text: read_review_answer(text, ["a.py"]), lambda text=text: read_verdicts(text, 1)):
            with suppress(AnswerMisshapen):
                read()
