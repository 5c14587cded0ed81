"""Which definitions a change touches, and how."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from mesrai.domain.diff import FileDiff, Hunk, Line, LineKind
from mesrai.review.code.definitions import Definition, Kind
from mesrai.review.code.symbols import Outline

_WORD: Final = re.compile(r"[^\W\d]\w*")


class Degree(IntEnum):
    """How much it matters to those who use a definition; the lowest matters most."""

    SIGNATURE = 1  # how it is called, or the value it names
    BODY = 2
    NEW = 3  # nobody used it before


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A definition of the new file and what of it changed."""

    definition: Definition  # the function as a whole, not one nested in it
    degree: Degree
    lines: tuple[int, ...]  # where it is touched, in order


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """A place in the new file: an added line, or the gap between two lines where something was removed."""

    line: int
    following: int  # equal to `line` unless it is a gap
    indent: int = 0  # of what was removed


def shown_lines(file: FileDiff) -> frozenset[int]:
    """The lines of the new file that the diff shows."""
    return frozenset(line.new for hunk in file.hunks for line in hunk.lines if line.new is not None)


def added_runs(file: FileDiff) -> list[tuple[int, int]]:
    """First and last line of each run of added lines."""
    runs: list[tuple[int, int]] = []
    for hunk in file.hunks:
        for line in hunk.lines:
            if line.new is None or line.kind is not LineKind.ADDED:
                continue
            if runs and runs[-1][1] == line.new - 1:
                runs[-1] = (runs[-1][0], line.new)
            else:
                runs.append((line.new, line.new))
    return runs


def touches(file: FileDiff, outline: Outline) -> tuple[list[Touch], list[int]]:
    """What the change touches, in the order of the file, and the touched lines that no definition holds."""
    owners = _Owners(outline)
    lines: dict[int, list[int]] = {}
    loose: list[int] = []
    for spot in _spots(file):
        if not 1 <= spot.line <= outline.line_count or _is_blank(spot, outline):
            continue
        index = owners.of(spot)
        if index is None:
            loose.append(spot.line)
        else:
            lines.setdefault(index, []).append(spot.line)
    removed = {
        word for hunk in file.hunks for line in hunk.lines if line.new is None for word in _WORD.findall(line.text)
    }
    added = {number for first, last in added_runs(file) for number in range(first, last + 1)}
    found = [
        Touch(
            definition=outline.definitions[index],
            degree=_degree(outline.definitions[index], numbers, added, removed),
            lines=tuple(numbers),
        )
        for index, numbers in sorted(lines.items())
    ]
    return found, loose


def _is_blank(spot: _Spot, outline: Outline) -> bool:
    """Whether nothing but an empty line was added."""
    return spot.line == spot.following and not outline.lines[spot.line - 1].strip()


def removed_lines(file: FileDiff) -> Iterator[Line]:
    """The lines that the change takes away."""
    return (line for hunk in file.hunks for line in hunk.lines if line.kind is LineKind.REMOVED)


def _spots(file: FileDiff) -> Iterator[_Spot]:
    for hunk in file.hunks:
        yield from _hunk_spots(hunk)


def _hunk_spots(hunk: Hunk) -> Iterator[_Spot]:
    last = hunk.new_start - 1 if hunk.new_count else hunk.new_start
    removed: Line | None = None  # the first of a run of removed lines beside which nothing was added
    was_added = False
    for line in (*hunk.lines, None):
        if line is not None and line.kind is LineKind.REMOVED:
            removed = removed or (None if was_added else line)
            continue
        if line is not None and line.kind is LineKind.ADDED:
            removed, was_added = None, True
        elif removed is not None:
            yield _Spot(line=max(last, 1), following=last + 1, indent=_indent(removed.text))
            removed = None
        if line is not None and line.new is not None:
            last = line.new
            if line.kind is LineKind.ADDED:
                yield _Spot(line=last, following=last)
            else:
                was_added = False


class _Owners:
    """For each line, the innermost definition that holds it, climbed to the whole function."""

    def __init__(self, outline: Outline) -> None:
        self._definitions = outline.definitions
        self._lines = outline.lines
        self._owners = [-1] * (outline.line_count + 2)  # by line, the index of the innermost definition
        self._outers: list[int] = []  # by index, that of the definition around it
        for index, each in enumerate(outline.definitions):
            self._outers.append(self._owners[each.start_line])
            end = min(each.end_line, outline.line_count)
            self._owners[each.start_line : end + 1] = [index] * (end + 1 - each.start_line)

    def of(self, spot: _Spot) -> int | None:
        """The index of the definition that a spot is in."""
        index = self._owners[spot.line]
        if spot.line != spot.following and not self._is_last_part(index, spot):
            while index >= 0 and not self._definitions[index].holds(spot.following):
                index = self._outers[index]
        if index < 0:
            return None
        while self._outers[index] >= 0 and self._definitions[self._outers[index]].kind.is_function:
            index = self._outers[index]
        return index

    def _is_last_part(self, index: int, spot: _Spot) -> bool:
        """Whether what was removed after a definition was indented under it, and so its end."""
        return index >= 0 and spot.indent > _indent(self._lines[self._definitions[index].name_line - 1])


def _degree(definition: Definition, lines: Sequence[int], added: set[int], removed: set[str]) -> Degree:
    if definition.name_line in added and definition.name not in removed:
        return Degree.NEW
    if definition.kind in (Kind.CONSTANT, Kind.MACRO, Kind.TYPE):
        return Degree.SIGNATURE
    is_signature = any(definition.start_line <= line <= definition.signature_end_line for line in lines)
    return Degree.SIGNATURE if is_signature else Degree.BODY


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
