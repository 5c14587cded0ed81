"""A review as a Code Quality report of GitLab, for its merge request widget.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding, Severity
from mesrai.domain.policy import POLICY_FILE
from mesrai.domain.review import Outcome, Review, Unanchored
from mesrai.review.render import wording
from mesrai.review.render.untrusted import cut, one_line, visible

_SEVERITIES: Final[Mapping[str, str]] = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "major",
    Severity.MEDIUM: "minor",
    Severity.LOW: "info",
}
_UNREVIEWED: Final = "mesrai/not-reviewed"
_MOST_TEXT: Final = 1_000
_Json = dict[str, Any]


def render_code_quality(review: Review) -> str:
    """A list of problems in ASCII, with a line end; each fingerprint stands in it once.

    What was not reviewed is a problem in it, for GitLab takes an empty list for a change without problems.
    """
    issues = [
        *_unreviewed(review),
        *(_finding(each) for each in review.findings),
        *(_outside(each) for each in review.unanchored),
    ]
    distinct = {issue["fingerprint"]: issue for issue in reversed(issues)}
    return json.dumps([issue for issue in issues if distinct[issue["fingerprint"]] is issue], indent=2) + "\n"


def _finding(finding: Finding) -> _Json:
    text = one_line(finding.title)
    if finding.side is Side.OLD:
        text += f" ({wording.lines_of(finding)})"
    if finding.body.strip():
        text += f"\n\n{visible(finding.body).strip()}"
    line = 1 if finding.side is Side.OLD else finding.start_line
    return _issue(text, _check(finding.source, finding.category), finding.severity, finding.path, line) | {
        "fingerprint": finding.fingerprint
    }


def _outside(found: Unanchored) -> _Json:
    text = f"{one_line(found.title)}\n\n{visible(found.body).strip()}"
    return _issue(text, _check(found.source, found.category), found.severity, found.path, found.line or 1)


def _unreviewed(review: Review) -> Iterator[_Json]:
    unread = wording.unread_files(review)
    if review.outcome in (Outcome.FAILED, Outcome.PARTIAL):
        reasons = "; ".join(one_line(each, 300) for each in review.failures[:3])
        told = f"{wording.headline(review)} {reasons}".rstrip()
        place = next((file.path for file in unread), POLICY_FILE)
        yield _issue(told, _UNREVIEWED, Severity.CRITICAL, place, 1) | {"severity": "blocker"}
    for file in unread:
        read = f"{file.hunks_read} of {wording.counted(file.hunks, 'hunk')} read"
        reason = one_line(file.reason, 500) or "no reason given"
        yield _issue(f"Not reviewed whole: {read}: {reason}", _UNREVIEWED, Severity.HIGH, file.path, 1)


def _issue(text: str, check: str, severity: str, path: str, line: int) -> _Json:
    shown = visible(path.removeprefix("./"))
    named = f"{check}\0{shown}\0{text.partition(chr(10))[0]}".encode("utf-8", "replace")
    return {
        "description": cut(text, _MOST_TEXT),
        "check_name": check,
        "fingerprint": hashlib.sha256(named).hexdigest()[:40],
        "severity": _SEVERITIES.get(severity, "minor"),
        "location": {"path": shown, "lines": {"begin": max(line, 1)}},
    }


def _check(source: str, category: str) -> str:
    """An analyser's own rule, or the category of what a model found."""
    analyser, _, code = one_line(source, 80).partition(" ")
    return f"{analyser}/{code}" if code else f"mesrai/{one_line(category, 40)}"
