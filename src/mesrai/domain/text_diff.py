"""What changed between two contents of a file, where there is no git to ask."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from mesrai.domain.diff import Hunk, Line, LineKind
from mesrai.domain.file_text import text_of

_MARGIN: Final = 3  # unchanged lines around a change, as git shows them
_BEGINNING: Final = re.compile(r"[A-Za-z_$]")
_SECTION_CHARS: Final = 80
_MOST_PAIRS: Final = 1_000_000  # of equal lines; what has more is shown as replaced in one piece


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Lines that were put in place of others; numbers count from 0, ends are not included."""

    old: int
    old_end: int
    new: int
    new_end: int


def hunks_between(old: bytes, new: bytes) -> tuple[Hunk, ...]:
    """The hunks that make `old` into `new`; both are texts, and empty where the file is not there.

    The lines are right, but not always the fewest. Time is bounded whatever the texts are.
    """
    texts = _texts(old), _texts(new)
    groups: list[list[_Block]] = []
    for block in _blocks(_lines(old), _lines(new)):
        if groups and block.old - groups[-1][-1].old_end <= 2 * _MARGIN:
            groups[-1].append(block)
        else:
            groups.append([block])
    return tuple(_hunk(group, *texts) for group in groups)


def _lines(content: bytes) -> list[bytes]:
    """Each line with its end: git holds those for different that differ in it."""
    lines = [line + b"\n" for line in content.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _texts(content: bytes) -> list[str]:
    return [line.removesuffix("\r") for line in text_of(content).split("\n")]


def _blocks(old: Sequence[bytes], new: Sequence[bytes]) -> list[_Block]:
    """What differs, in order."""
    most = min(len(old), len(new))
    first = next((at for at in range(most) if old[at] != new[at]), most)
    most -= first
    same = next((at for at in range(most) if old[-1 - at] != new[-1 - at]), most)
    a, b = old[first : len(old) - same], new[first : len(new) - same]
    if not a and not b:
        return []
    counts = Counter(b)
    if sum(counts[line] for line in a) > _MOST_PAIRS:
        return [_Block(old=first, old_end=first + len(a), new=first, new_end=first + len(b))]
    return [
        _Block(old=first + old_at, old_end=first + old_end, new=first + new_at, new_end=first + new_end)
        for tag, old_at, old_end, new_at, new_end in SequenceMatcher(None, a, b).get_opcodes()
        if tag != "equal"
    ]


def _hunk(blocks: Sequence[_Block], old: Sequence[str], new: Sequence[str]) -> Hunk:
    """The blocks with what stands between and around them. `old` and `new` may end with an empty line too many."""
    start = max(blocks[0].old - _MARGIN, 0)
    shift = blocks[0].new - blocks[0].old
    lines: list[Line] = []
    at, new_at = start, start + shift
    for block in blocks:
        lines += _context(old, at, block.old, new_at - at)
        lines += [
            Line(kind=LineKind.REMOVED, old=n + 1, new=None, text=old[n]) for n in range(block.old, block.old_end)
        ]
        lines += [Line(kind=LineKind.ADDED, old=None, new=n + 1, text=new[n]) for n in range(block.new, block.new_end)]
        at, new_at = block.old_end, block.new_end
    count = len(old) - (old[-1] == "")
    end = min(at + _MARGIN, count)
    lines += _context(old, at, end, new_at - at)
    old_count, new_count = end - start, end + new_at - at - start - shift
    return Hunk(
        old_start=start + bool(old_count),
        old_count=old_count,
        new_start=start + shift + bool(new_count),
        new_count=new_count,
        section=_section(old, start),
        lines=tuple(lines),
    )


def _section(old: Sequence[str], start: int) -> str:
    """The nearest line above that begins something, as far as git can tell where nothing is set."""
    above = (old[at] for at in range(start - 1, -1, -1) if _BEGINNING.match(old[at]))
    return next(above, "").rstrip()[:_SECTION_CHARS]


def _context(old: Sequence[str], first: int, end: int, shift: int) -> list[Line]:
    return [Line(kind=LineKind.CONTEXT, old=at + 1, new=at + shift + 1, text=old[at]) for at in range(first, end)]
