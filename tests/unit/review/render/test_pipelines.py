"""Reviews as the pipelines of GitLab, Bitbucket and Azure take them."""

import json
import re

from hypothesis import given
from tests.factories import a_finding, a_review
from tests.sample_review import a_failed_review, a_partial_review
from tests.strategies import FEW, hostile_text, reviews

from mesrai.domain.review import Review
from mesrai.review.render.azure import render_azure
from mesrai.review.render.code_quality import render_code_quality
from mesrai.review.render.insights import insights_annotations, insights_report

COMMAND = re.compile(r"##vso\[task\.logissue ((?:type|sourcepath|linenumber)=[^;\]\r\n]*;)+\][^\r\n]*")


@FEW
@given(reviews(hostile_text()))
def test_nothing_in_a_review_is_another_command_for_azure(review: Review) -> None:
    text = render_azure(review)
    assert text.splitlines() == text.removesuffix("\n").split("\n")
    for line in text.splitlines():
        assert COMMAND.fullmatch(line) or line.startswith("Mesrai: ")
        assert len(re.findall(r"##\w*\[", line)) == line.startswith("##")


@FEW
@given(reviews(hostile_text()))
def test_a_fingerprint_stands_once_in_a_report_for_gitlab(review: Review) -> None:
    issues = json.loads(render_code_quality(review))
    prints = [each["fingerprint"] for each in issues]
    assert len(prints) == len(set(prints))
    assert {each.fingerprint for each in review.findings} <= set(prints)


@FEW
@given(reviews(hostile_text()))
def test_what_bitbucket_gets_fits_its_limits(review: Review) -> None:
    annotations = insights_annotations(review)
    assert len({each["external_id"] for each in annotations}) == len(annotations)
    assert all(len(each["summary"]) <= 450 and len(each["details"]) <= 2_000 for each in annotations)
    report = insights_report(review, is_passed=True)
    assert len(report["details"]) <= 2_000
    assert len(report["data"]) <= 10


def test_a_review_that_is_not_whole_never_looks_clean() -> None:
    for review in (a_failed_review(), a_partial_review()):
        assert "mesrai/not-reviewed" in render_code_quality(review)
        assert insights_report(review, is_passed=True)["result"] == "FAILED"
        assert render_azure(review).startswith("##vso[task.logissue type=error;]")


def test_a_whole_review_without_findings_is_an_empty_report() -> None:
    assert json.loads(render_code_quality(a_review(findings=()))) == []
    assert insights_report(a_review(findings=(a_finding(),)), is_passed=True)["result"] == "PASSED"
