"""A review as a Code Insights report of Bitbucket with its annotations.

https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mesrai.domain.diff import Side
from mesrai.domain.finding import Category, Finding, Severity
from mesrai.domain.review import Outcome, Review, Unanchored
from mesrai.review.render import wording
from mesrai.review.render.untrusted import cut, one_line, visible

MOST_ANNOTATIONS: Final = 1_000  # of one report
_MOST_SUMMARY: Final = 450
_MOST_DETAILS: Final = 2_000
_KINDS: Final[Mapping[str, str]] = {Category.SECURITY: "VULNERABILITY", Category.BUG: "BUG"}
_Json = dict[str, Any]


def insights_report(review: Review, *, is_passed: bool) -> _Json:
    """The report; one of a review that is not whole has not passed, whatever was found."""
    is_whole = review.outcome in (Outcome.REVIEWED, Outcome.NOTHING)
    details = [wording.headline(review), f"Coverage: {wording.coverage_line(review)}."]
    details += [one_line(each, 300) for each in review.failures[:3]]
    counts = dict.fromkeys(Severity, 0)
    for finding in review.findings:
        counts[finding.severity] += 1
    return {
        "title": "Mesrai code review",
        "details": cut("\n".join(details), _MOST_DETAILS),
        "report_type": "BUG",
        "reporter": "Mesrai",
        "result": "PASSED" if is_passed and is_whole else "FAILED",
        "data": [{"title": str(each).capitalize(), "type": "NUMBER", "value": counts[each]} for each in Severity],
    }


def insights_annotations(review: Review) -> Sequence[_Json]:
    """What stands on the lines, the gravest first; no more than Bitbucket takes."""
    ordered = sorted(review.findings, key=lambda each: each.severity.rank)
    told = [_annotation(each) for each in ordered]
    told += [_outside(number, each) for number, each in enumerate(review.unanchored, 1)]
    return list({each["external_id"]: each for each in told}.values())[:MOST_ANNOTATIONS]


def _annotation(finding: Finding) -> _Json:
    line = {} if finding.side is Side.OLD else {"line": finding.start_line}
    return {
        "external_id": f"mesrai-{finding.fingerprint}",
        "annotation_type": _KINDS.get(finding.category, "CODE_SMELL"),
        "summary": cut(one_line(finding.title), _MOST_SUMMARY),
        "details": cut(visible(finding.body).strip(), _MOST_DETAILS),
        "severity": str(finding.severity).upper(),
        "path": visible(finding.path),
        **line,
    }


def _outside(number: int, found: Unanchored) -> _Json:
    known = [str(each) for each in Severity]
    return {
        "external_id": f"mesrai-outside-{number}",
        "annotation_type": _KINDS.get(found.category, "CODE_SMELL"),
        "summary": cut(one_line(found.title), _MOST_SUMMARY),
        "details": cut(visible(found.body).strip(), _MOST_DETAILS),
        "severity": (found.severity if found.severity in known else str(Severity.MEDIUM)).upper(),
        "path": visible(found.path),
        **({"line": found.line} if found.line else {}),
    }
