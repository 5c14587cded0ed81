"""A review as workflow commands of GitHub Actions, which become annotations on the changed lines.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands says how values are escaped.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding, Severity
from mesrai.domain.review import Outcome, Review, Unanchored
from mesrai.review.render import wording
from mesrai.review.render.untrusted import cut, one_line, visible

_LEVELS: Final[Mapping[str, str]] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
}
_OUTCOMES: Final = {
    Outcome.REVIEWED: "notice",
    Outcome.NOTHING: "notice",
    Outcome.PARTIAL: "warning",
    Outcome.FAILED: "error",
}
MOST_OF_A_LEVEL: Final = 10  # annotations that GitHub shows of one step; later ones are dropped in silence
_MOST_TEXT: Final = 3_000
# The older form of a command, and Azure's, are looked for anywhere in a line.
_OLD_COMMAND: Final = re.compile(r"##(?=\w*\[)")


def render_workflow(review: Review) -> str:
    """One command a line: each finding, each failure, and last the outcome with the coverage.

    A finding of the old file, or without a line, stands on its file as a whole.
    """
    return "\n".join(_commands(review)) + "\n"


def render_step(review: Review, *, most: int = MOST_OF_A_LEVEL) -> str:
    """The same for one step of a workflow: the outcome first, then the gravest, and no more than would be shown."""
    failures = list(_failures(review))
    findings = [(each.severity, _finding(each)) for each in review.findings]
    outside = [(each.severity, _outside(each)) for each in review.unanchored]
    ordered = sorted([*findings, *outside], key=lambda each: _rank(each[0]))
    left = Counter(dict.fromkeys(("error", "warning", "notice"), most))
    left[_OUTCOMES[review.outcome]] -= 1
    kept: list[str] = []
    wanted = [*failures, *(command for _, command in ordered), *_unread(review)]
    for command in wanted:
        level = command[2:].partition(" ")[0]
        left[level] -= 1
        if left[level] >= 0:
            kept.append(command)
    unshown = len(wanted) - len(kept)
    note = f" {unshown} more are not shown here, but in the summary of the job." if unshown else ""
    return "\n".join([_outcome(review, note), *kept]) + "\n"


def _rank(severity: str) -> int:
    known = [str(each) for each in Severity]
    return known.index(severity) if severity in known else known.index(Severity.MEDIUM)


def _commands(review: Review) -> Iterator[str]:
    for finding in review.findings:
        yield _finding(finding)
    for each in review.unanchored:
        yield _outside(each)
    yield from _failures(review)
    yield from _unread(review)
    yield _outcome(review)


def _failures(review: Review) -> Iterator[str]:
    for failure in review.failures:
        yield workflow_command("error", one_line(failure, 1_000), title="Mesrai: a part of the review failed")


def _unread(review: Review) -> Iterator[str]:
    for file in wording.unread_files(review):
        reason = one_line(file.reason, 500) or "no reason given"
        read = f"{file.hunks_read} of {wording.counted(file.hunks, 'hunk')} read"
        yield workflow_command("warning", f"{read}: {reason}", file=file.path, title="Mesrai: not reviewed whole")


def _outcome(review: Review, note: str = "") -> str:
    spending = ", ".join(wording.spending(review))
    said = f"{wording.headline(review)} Coverage: {wording.coverage_line(review)}. {spending}.{note}"
    return workflow_command(_OUTCOMES[review.outcome], said, title="Mesrai")


def _finding(finding: Finding) -> str:
    text = _text(finding.title, finding.body)
    if finding.suggestion is not None:
        lines = wording.place_of(finding.path, finding.suggestion.start_line, finding.suggestion.end_line)
        text += f"\n\nSuggested for {lines}:\n{visible(finding.suggestion.replacement) or '(delete)'}"
    title = f"{finding.severity}: {one_line(finding.title)}"
    level = _LEVELS[finding.severity]
    if finding.side is Side.OLD:
        place = f"About {wording.lines_of(finding)}.\n\n"
        return workflow_command(level, place + text, file=finding.path, title=title)
    return workflow_command(
        level, text, file=finding.path, line=str(finding.start_line), endLine=str(finding.end_line), title=title
    )


def _outside(found: Unanchored) -> str:
    title = f"{one_line(found.severity, 20)}: {one_line(found.title)}"
    line = {"line": str(found.line)} if found.line else {}
    level = _LEVELS.get(found.severity, "warning")
    return workflow_command(level, _text(found.title, found.body), file=found.path, **line, title=title)


def _text(title: str, body: str) -> str:
    return visible(body).strip() or one_line(title)


def workflow_command(level: str, message: str, **properties: str) -> str:
    """One command, whatever the message holds: `level` is error, warning or notice."""
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {given}::{_message(cut(message, _MOST_TEXT))}"


def _message(text: str) -> str:
    plain = _OLD_COMMAND.sub("# #", visible(text))
    return plain.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
