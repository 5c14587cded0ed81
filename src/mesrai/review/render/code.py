"""The lines of code that a rendering shows around a finding."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from mesrai.domain.diff import Side
from mesrai.domain.file_text import lines_of
from mesrai.domain.finding import Finding
from mesrai.domain.secrets_in_text import redact_secrets

# The lines of a file on one side of the change, or None where they cannot be had.
Lines = Callable[[str, Side], Sequence[str] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of an excerpt, or the gap where lines are left out."""

    number: int  # 1-based; of a gap, the first line left out
    text: str
    is_marked: bool = False  # the finding is about it
    left_out: int = 0  # of a gap, how many lines


def no_lines(_path: str, _side: Side) -> Sequence[str] | None:
    """The lines of nothing: for a rendering without code."""
    return None


def lines_in(new: Mapping[str, str], old: Mapping[str, str] | None = None) -> Lines:
    """The lines of the texts given: path → text of the new file, and of the old one by its path in the finding."""

    def lines(path: str, side: Side) -> Sequence[str] | None:
        text = (new if side is Side.NEW else old or {}).get(path)
        return None if text is None else lines_of(text)

    return cache(lines)


def hiding_secrets(lines: Lines) -> Lines:
    """The same lines with credentials replaced by what they are: for text that leaves this machine."""

    def hidden(path: str, side: Side) -> Sequence[str] | None:
        found = lines(path, side)
        return None if found is None else redact_secrets("\n".join(found))[0].split("\n")

    return cache(hidden)


def excerpt(lines: Sequence[str], start: int, end: int, *, around: int = 2, most: int = 14) -> tuple[Row, ...]:
    """Lines `start` to `end` and some around them; of a long range, the beginning and the end.

    Empty if the range does not lie within `lines`.
    """
    if not 1 <= start <= end <= len(lines):
        return ()
    first, last = max(1, start - around), min(len(lines), end + around)
    rows = [
        Row(number=number, text=lines[number - 1], is_marked=start <= number <= end)
        for number in range(first, last + 1)
    ]
    if len(rows) <= most:
        return tuple(rows)
    tail = most // 3
    head = most - tail - 1
    gap = Row(number=rows[head].number, text="", left_out=len(rows) - head - tail)
    return (*rows[:head], gap, *rows[-tail:])


def code_of(finding: Finding, lines: Lines, *, around: int = 0, most: int = 40) -> tuple[Row, ...]:
    """The code a finding is about; empty if it cannot be had."""
    found = lines(finding.path, finding.side)
    return () if found is None else excerpt(found, finding.start_line, finding.end_line, around=around, most=most)
