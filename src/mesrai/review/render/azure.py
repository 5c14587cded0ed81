"""A review as logging commands of Azure Pipelines, which become issues of the run.

https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands says how values are escaped.
"""

import re
from collections.abc import Iterator
from typing import Final

from mesrai.domain.diff import Side
from mesrai.domain.finding import Severity
from mesrai.domain.review import Outcome, Review
from mesrai.review.render import wording
from mesrai.review.render.untrusted import cut, one_line, visible

_GRAVE: Final = (Severity.CRITICAL, Severity.HIGH)
_MOST_TEXT: Final = 2_000
_COMMAND: Final = re.compile(r"##(?=\w*\[)")


def render_azure(review: Review) -> str:
    """One command a line: the outcome, failures, then each finding. Azure knows errors and warnings only."""
    return "\n".join(_commands(review)) + "\n"


def azure_command(name: str, text: str, **properties: str) -> str:
    """One command, whatever the text holds."""
    given = "".join(f"{key}={_escaped(value, is_property=True)};" for key, value in properties.items())
    return f"##vso[{name} {given}]{_escaped(cut(text, _MOST_TEXT))}"


def _commands(review: Review) -> Iterator[str]:
    is_whole = review.outcome in (Outcome.REVIEWED, Outcome.NOTHING)
    said = f"{wording.headline(review)} Coverage: {wording.coverage_line(review)}."
    yield _escaped(f"Mesrai: {said}") if is_whole else _issue("error", said)
    for failure in review.failures:
        yield _issue("error", f"A part of the review failed: {one_line(failure, 1_000)}")
    for file in wording.unread_files(review):
        yield _issue("warning", f"Not reviewed whole: {one_line(file.reason, 500) or 'no reason given'}", file.path)
    for finding in review.findings:
        kind = "error" if finding.severity in _GRAVE else "warning"
        line = "" if finding.side is Side.OLD else str(finding.start_line)
        text = f"{finding.severity}: {one_line(finding.title)}\n{visible(finding.body).strip()}"
        yield _issue(kind, text, finding.path, line)
    for each in review.unanchored:
        kind = "error" if each.severity in _GRAVE else "warning"
        text = f"{one_line(each.severity, 20)}: {one_line(each.title)}\n{visible(each.body).strip()}"
        yield _issue(kind, text, each.path, str(each.line or ""))


def _issue(kind: str, text: str, path: str = "", line: str = "") -> str:
    place = ({"sourcepath": path} if path else {}) | ({"linenumber": line} if line else {})
    return azure_command("task.logissue", text, type=kind, **place)


def _escaped(text: str, *, is_property: bool = False) -> str:
    plain = _COMMAND.sub("# #", visible(text))
    plain = plain.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")
    return plain.replace("]", "%5D").replace(";", "%3B") if is_property else plain
