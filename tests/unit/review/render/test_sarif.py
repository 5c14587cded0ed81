import json
from typing import Any

from hypothesis import given
from tests.factories import a_finding, a_review, a_suggestion
from tests.golden import assert_golden
from tests.sample_review import a_failed_review, a_full_review, a_partial_review
from tests.strategies import FEW, hostile_text, reviews

from mesrai.domain.diff import Side
from mesrai.domain.review import Review
from mesrai.review.render.sarif import render_sarif


def run_of(review: Review) -> Any:
    return json.loads(render_sarif(review, version="1.2.3"))["runs"][0]


def test_whole_output() -> None:
    assert_golden("partial.sarif", render_sarif(a_partial_review(), version="1.2.3"))


@FEW
@given(reviews(hostile_text()))
def test_every_result_has_its_rule_and_a_region_on_the_new_file_only(review: Review) -> None:
    run = run_of(review)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    assert len(run["results"]) == len(review.findings) + len(review.unanchored)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert "](" not in result["message"]["text"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"].isascii()
    for finding, result in zip(review.findings, run["results"], strict=False):
        region = result["locations"][0]["physicalLocation"].get("region")
        lines = {"startLine": finding.start_line, "endLine": finding.end_line}
        assert region == (lines if finding.side is Side.NEW else None)
        assert result["partialFingerprints"] == {"mesrai/v1": finding.fingerprint}


def test_findings_of_an_analyser_have_its_rule_and_others_their_category() -> None:
    rules = {rule["id"] for rule in run_of(a_full_review())["tool"]["driver"]["rules"]}
    assert rules == {"mesrai/bug", "mesrai/security", "mesrai/error_handling", "ruff/F401"}


def test_failed_and_partial_reviews_are_no_successful_invocations() -> None:
    (invocation,) = run_of(a_failed_review())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [each["message"]["text"] for each in invocation["toolExecutionNotifications"]] == [
        "The review failed: nothing of this change was reviewed.",
        "The provider does not accept this key.",
        "Not read: The provider does not accept this key.",
    ]
    assert run_of(a_partial_review())["invocations"][0]["executionSuccessful"] is False
    assert run_of(a_full_review())["invocations"][0]["executionSuccessful"] is True


def test_replacement_ends_before_the_line_end_and_a_deletion_after_it() -> None:
    found = (
        a_finding(suggestion=a_suggestion(2, 3, "x\ny")),
        a_finding("Other", suggestion=a_suggestion(2, 3, "")),
    )
    fixes = [result["fixes"][0]["artifactChanges"][0]["replacements"] for result in run_of(a_review(*found))["results"]]
    assert fixes == [
        [{"deletedRegion": {"startLine": 2, "endLine": 3}, "insertedContent": {"text": "x\ny"}}],
        [
            {
                "deletedRegion": {"startLine": 2, "startColumn": 1, "endLine": 4, "endColumn": 1},
                "insertedContent": {"text": ""},
            }
        ],
    ]


def test_path_is_percent_encoded_byte_by_byte() -> None:
    (result,) = run_of(a_review(a_finding(path="dír/a b#\udcff.py")))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "d%C3%ADr/a%20b%23%FF.py",
        "uriBaseId": "%SRCROOT%",
    }
