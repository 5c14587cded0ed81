"""The open findings of a pull request as text for a coding agent, and as JSON for programs."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from mesrai.domain.open_finding import OpenFinding
from mesrai.review.render import wording
from mesrai.review.render.prompt_only import CAUTION, agent_text, fenced, labelled
from mesrai.review.render.untrusted import one_line, visible

_MOST_TEXT: Final = 4_000


def render_suggested_prompt(findings: Sequence[OpenFinding], *, place: str, head: str) -> str:
    """Compact text with a line end. `place` names the pull request, `head` the commit that the lines are of."""
    counted = wording.counted(len(findings), "finding")
    parts = [f"# {counted} open on {place} at {head[:12]}"]
    if findings:
        parts.append(CAUTION)
    parts += ["\n".join(_finding(number, each)) for number, each in enumerate(findings, 1)]
    return "\n\n".join(parts) + "\n"


def render_suggested_json(findings: Sequence[OpenFinding], *, place: str, head: str) -> str:
    """One document with a line end, in plain ASCII."""
    told = [
        {
            "fingerprint": each.fingerprint,
            "severity": str(each.severity),
            "path": each.path,
            "first_line": each.first_line,
            "last_line": each.last_line,
            "title": each.title,
            "text": each.text,
            "replacement": each.replacement,
        }
        for each in findings
    ]
    return json.dumps({"schema_version": 1, "pull_request": place, "head": head, "findings": told}, indent=2) + "\n"


def _finding(number: int, finding: OpenFinding) -> Iterator[str]:
    where = wording.place_of(finding.path, finding.first_line, finding.last_line)
    yield f"## {number}. {where} {finding.severity}: {one_line(finding.title) or 'no title'}"
    if finding.first_line is None:
        yield "The lines it stood on changed since: look whether it still holds."
    text = agent_text(finding.text, _MOST_TEXT)
    if text:
        yield labelled("Problem:", text)
    suggestion = finding.suggestion
    if suggestion is None:
        return
    if suggestion.replacement:
        yield f"Suggested in place of {where}:\n{fenced(visible(suggestion.replacement))}"
    else:
        yield f"Suggested: delete {where}."
