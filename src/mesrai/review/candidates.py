"""Findings on their way: placed on the diff, or dropped because their code is nowhere to be found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesrai.domain.anchor import Anchor, find_anchor, find_in_text
from mesrai.domain.diff import FileDiff, Side
from mesrai.domain.review import Dropped
from mesrai.review.answers import RawFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A finding whose quoted code was found, on the diff or at least in the file."""

    raw: RawFinding
    file: FileDiff
    anchor: Anchor | None  # None: the code stands in the new file, but not on the diff
    line: int | None  # where it begins, of the new file where it stands there
    source: str  # the model that found it

    @property
    def path(self) -> str:
        """The file's path."""
        return self.file.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What became of the findings of one answer."""

    candidates: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...]


def place_findings(
    findings: Sequence[RawFinding], files: Mapping[str, FileDiff], heads: Mapping[str, str], source: str
) -> Placed:
    """Find each finding's code in the diff (`files`: path → diff), else in the new file (`heads`: path → text)."""
    candidates: list[Candidate] = []
    dropped: list[Dropped] = []
    for raw in findings:
        file = files.get(raw.path) or files.get(_plain(raw.path))
        if file is None:
            dropped.append(dropped_from(raw, source, "it names a file that is not in this part of the change"))
            continue
        if not raw.quote.strip():
            dropped.append(dropped_from(raw, source, "it quotes no code"))
            continue
        anchor = find_anchor(file, raw.quote, raw.line)
        line = anchor.start_line if anchor and anchor.side is Side.NEW else None
        if anchor is None:
            line = find_in_text(heads.get(file.path, ""), raw.quote, raw.line)
        if anchor is None and line is None:
            dropped.append(dropped_from(raw, source, "the code it quotes is neither in the change nor in the file"))
            continue
        candidates.append(Candidate(raw=raw, file=file, anchor=anchor, line=line, source=source))
    return Placed(candidates=tuple(candidates), dropped=tuple(dropped))


def dropped_from(raw: RawFinding, source: str, reason: str) -> Dropped:
    """The finding as one that is not shown."""
    return Dropped(
        reason=reason,
        path=raw.path,
        title=raw.title,
        body=raw.body,
        severity=raw.severity,
        category=raw.category,
        quote=raw.quote[:2_000],
        source=source,
        line=raw.line,
    )


def _plain(path: str) -> str:
    for prefix in ("a/", "b/", "./", "/"):
        if path.startswith(prefix):
            return path[len(prefix) :]
    return path
