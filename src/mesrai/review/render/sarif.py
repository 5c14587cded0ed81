"""A review as SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding, Severity, Suggestion
from mesrai.domain.review import FileCoverage, FileStatus, Outcome, Review, Unanchored
from mesrai.review.render import wording
from mesrai.review.render.untrusted import cut, one_line, visible

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final[Mapping[str, str]] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_NO_BYTE: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # surrogates that do not stand for a byte
_MOST_TEXT: Final = 8_000
_ROOT: Final = "%SRCROOT%"
_Json = dict[str, Any]


def render_sarif(review: Review, *, version: str = "") -> str:
    """The review as one SARIF run, with a line end; `version` is that of the program.

    A finding of the old file stands on the file as a whole. A review that is failed or partial is an invocation
    that was not successful.
    """
    results = [*(_result(finding) for finding in review.findings), *(_outside(each) for each in review.unanchored)]
    rules = sorted({result["ruleId"] for result in results})
    for result in results:
        result["ruleIndex"] = rules.index(result["ruleId"])
    driver: _Json = {"name": "Mesrai", "rules": [_rule(each) for each in rules]}
    if version:
        driver["version"] = version
    run: _Json = {
        "tool": {"driver": driver},
        "invocations": [_invocation(review)],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"outcome": review.outcome, "coverage": wording.coverage_line(review)},
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: Finding) -> _Json:
    result: _Json = {
        "ruleId": _rule_id(finding.source, finding.category),
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [_location(finding.path, _region(finding))],
        "partialFingerprints": {"mesrai/v1": finding.fingerprint},
        "rank": round(finding.confidence * 100, 1),
        "properties": {
            "severity": finding.severity,
            "category": finding.category,
            "confidence": finding.confidence,
            "source": one_line(finding.source),
        },
    }
    if finding.suggestion is not None:
        result["fixes"] = [_fix(finding.path, finding.suggestion)]
    return result


def _outside(found: Unanchored) -> _Json:
    region = {"startLine": found.line} if found.line else None
    return {
        "ruleId": _rule_id(found.source, found.category),
        "level": _LEVELS.get(found.severity, "warning"),
        "message": {"text": _text(f"{one_line(found.title)}\n\n{found.body}")},
        "locations": [_location(found.path, region)],
        "properties": {
            "severity": one_line(found.severity, 20),
            "category": one_line(found.category, 40),
            "source": one_line(found.source),
            "outsideTheChange": True,
        },
    }


def _message(finding: Finding) -> str:
    parts = [one_line(finding.title)]
    if finding.side is Side.OLD:
        parts[0] += f" ({wording.lines_of(finding)})"
    body = wording.body_of(finding)
    if body:
        parts.append(body)
    if finding.also_at:
        parts.append("Also at " + ", ".join(one_line(each) for each in finding.also_at))
    return _text("\n\n".join(parts))


def _text(text: str) -> str:
    """Text in which nothing is an embedded link, which viewers would make clickable (section 3.11.6)."""
    return cut(visible(text), _MOST_TEXT).replace("](", "] (")


def _region(finding: Finding) -> _Json | None:
    return None if finding.side is Side.OLD else {"startLine": finding.start_line, "endLine": finding.end_line}


def _location(path: str, region: _Json | None) -> _Json:
    place: _Json = {"artifactLocation": _artifact(path)}
    if region:
        place["region"] = region
    return {"physicalLocation": place}


def _artifact(path: str) -> _Json:
    """Bytes of a path that are not UTF-8 stand as surrogate escapes in it; a URI has them percent-encoded."""
    return {"uri": quote(_NO_BYTE.sub("\ufffd", path), errors="surrogateescape"), "uriBaseId": _ROOT}


def _fix(path: str, suggestion: Suggestion) -> _Json:
    """Without columns a region reaches up to, and not over, the end of its last line."""
    region: _Json = {"startLine": suggestion.start_line, "endLine": suggestion.end_line}
    if not suggestion.replacement:
        region = {
            "startLine": suggestion.start_line,
            "startColumn": 1,
            "endLine": suggestion.end_line + 1,
            "endColumn": 1,
        }
    replacement = {"deletedRegion": region, "insertedContent": {"text": suggestion.replacement}}
    return {
        "description": {"text": "The suggested change."},
        "artifactChanges": [{"artifactLocation": _artifact(path), "replacements": [replacement]}],
    }


def _rule_id(source: str, category: str) -> str:
    """An analyser's own rule, or the category of what a model found."""
    analyser, _, code = one_line(source, 80).partition(" ")
    return f"{analyser}/{code}" if code else f"mesrai/{one_line(category, 40)}"


def _rule(rule_id: str) -> _Json:
    group, _, name = rule_id.partition("/")
    words = name.replace("_", " ")
    text = f"A problem of the kind “{words}”." if group == "mesrai" else f"Rule {words} of {group}."
    rule: _Json = {"id": rule_id, "name": words, "shortDescription": {"text": text}}
    if group == "mesrai":
        rule["properties"] = {"tags": [name]}
    return rule


def _invocation(review: Review) -> _Json:
    is_whole = review.outcome in (Outcome.REVIEWED, Outcome.NOTHING)
    return {
        "executionSuccessful": is_whole,
        "exitCodeDescription": wording.headline(review),
        "toolExecutionNotifications": [*_notifications(review)],
    }


def _notifications(review: Review) -> Iterator[_Json]:
    if review.outcome in (Outcome.FAILED, Outcome.PARTIAL):
        yield _notification("error", wording.headline(review))
    for failure in review.failures:
        yield _notification("error", failure)
    for file in review.coverage:
        if file.status is not FileStatus.REVIEWED:
            yield _notification("note" if file.status is FileStatus.SKIPPED else "error", _uncovered(file), file.path)
    for notice in review.notices:
        yield _notification("note", notice)


def _uncovered(file: FileCoverage) -> str:
    words = {FileStatus.SKIPPED: "Left out", FileStatus.PARTIAL: "Read in part", FileStatus.FAILED: "Not read"}
    hunks = (
        f" ({file.hunks_read} of {wording.counted(file.hunks, 'hunk')})" if file.status is FileStatus.PARTIAL else ""
    )
    return f"{words[file.status]}{hunks}: {file.reason or 'no reason given'}"


def _notification(level: str, text: str, path: str = "") -> _Json:
    notification: _Json = {"level": level, "message": {"text": _text(one_line(text, 1_000))}}
    if path:
        notification["locations"] = [_location(path, None)]
    return notification
