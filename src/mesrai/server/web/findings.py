"""A kept review as the result page shows it: findings with their code, and suggestions as differences."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding, Suggestion
from mesrai.domain.review import FileCoverage, FileStatus, Review
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.review.render import wording
from mesrai.review.render.untrusted import shown_path, visible

_MOST_BODY: Final = 12_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLine:
    """One line of code, or the gap where some are left out."""

    number: int | None
    text: str
    mark: str = ""  # "here": the finding is about it; "old" and "new": of a difference; "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFinding:
    """One finding, in words and lines."""

    finding: Finding
    place: str
    url: str  # on the code host; empty: it cannot be linked
    body: str  # markdown
    evidence: str  # markdown
    code: Sequence[CodeLine] = ()
    change: Sequence[CodeLine] = ()  # what is suggested
    change_lines: str = ""  # which lines that replaces
    also: Sequence[str] = ()


class Places:
    """The pages of one commit on its code host."""

    def __init__(self, repository_url: str, *, head: str, base: str) -> None:
        self._root = repository_url
        self._commits = {Side.NEW: head, Side.OLD: base}

    def url(self, path: str, side: Side = Side.NEW, start: int | None = None, end: int | None = None) -> str:
        """Where a place is shown; empty if that cannot be said."""
        commit = self._commits[side]
        if not (self._root and len(commit) in (40, 64) and commit.isalnum() and commit.isascii()):
            return ""
        try:
            shown = quote(path.encode("utf-8"))
        except UnicodeEncodeError:
            return ""
        lines = "" if start is None else f"#L{start}" + (f"-L{end}" if end not in (None, start) else "")
        return f"{self._root}/blob/{commit}/{shown}{lines}"


def shown_findings(review: Review, excerpts: str, places: Places) -> Sequence[ShownFinding]:
    """The findings, worst first as they come. `excerpts`: see flows.recording.excerpts_of."""
    rows = _excerpts(excerpts)
    return [_shown(each, rows.get(each.fingerprint, ()), places) for each in review.findings]


def unread_first(review: Review) -> Sequence[tuple[FileCoverage, str]]:
    """Every changed file with its path in words: those that were not read come first."""
    order = [FileStatus.FAILED, FileStatus.PARTIAL, FileStatus.SKIPPED, FileStatus.REVIEWED]
    ordered = sorted(review.coverage, key=lambda file: (order.index(file.status), file.path))
    return [(file, shown_path(file.path)) for file in ordered]


def _shown(finding: Finding, rows: Sequence[CodeLine], places: Places) -> ShownFinding:
    suggestion = finding.suggestion
    return ShownFinding(
        finding=finding,
        place=wording.place(finding),
        url=places.url(finding.path, finding.side, finding.start_line, finding.end_line),
        body=wording.body_of(finding)[:_MOST_BODY],
        evidence=finding.evidence.strip(),
        code=rows,
        change=_change(suggestion, rows) if suggestion else (),
        change_lines=_lines(suggestion) if suggestion else "",
        also=[visible(each, keep="") for each in finding.also_at],
    )


def _change(suggestion: Suggestion, rows: Sequence[CodeLine]) -> Sequence[CodeLine]:
    wanted = range(suggestion.start_line, suggestion.end_line + 1)
    old = [row for row in rows if row.number in wanted and row.mark != "gap"]
    if len(old) != len(wanted):
        old = []  # a part of them would look like the whole
    new = redact_secrets(suggestion.replacement)[0].split("\n") if suggestion.replacement else []
    before = [row.text for row in old]
    same = _same_head(before, new)
    tail = _same_head(before[same:][::-1], new[same:][::-1])
    end_old, end_new = len(before) - tail, len(new) - tail
    return [
        *(CodeLine(number=row.number, text=row.text) for row in old[:same]),
        *(CodeLine(number=row.number, text=row.text, mark="old") for row in old[same:end_old]),
        *(CodeLine(number=None, text=visible(text), mark="new") for text in new[same:end_new]),
        *(CodeLine(number=row.number, text=row.text) for row in old[end_old:]),
    ]


def _same_head(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines two texts have in common at their beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _lines(suggestion: Suggestion) -> str:
    first, last = suggestion.start_line, suggestion.end_line
    return f"line {first}" if first == last else f"lines {first}-{last}"


def _excerpts(text: str) -> Mapping[str, Sequence[CodeLine]]:
    if not text:
        return {}
    told: Mapping[str, Sequence[Sequence[int | str]]] = json.loads(text)
    return {fingerprint: [_row(*row) for row in rows] for fingerprint, rows in told.items()}


def _row(number: int | str, text: int | str, is_meant: int | str, left_out: int | str) -> CodeLine:
    if left_out:
        return CodeLine(number=None, text=f"{left_out} more lines", mark="gap")
    return CodeLine(number=int(number), text=visible(str(text)), mark="here" if is_meant else "")
