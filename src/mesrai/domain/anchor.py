"""Prove where a quoted piece of code stands on the diff, or say that it does not."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mesrai.domain.diff import FileDiff, Line, LineKind, Side
from mesrai.domain.file_text import lines_of

# A number and a change mark before the code, as our prompts show it, or the bare mark of a unified diff.
_GUTTER = re.compile(r"^\s*\d+ [+\- ] ?|^\s*\d+\s*[|:] ?")
_MARK = re.compile(r"^[+\- ]")
_SHORTEST_PART = 8  # characters of a quote that may match inside a line
_EXTRA = {Side.NEW: LineKind.ADDED, Side.OLD: LineKind.REMOVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A place proven to be on the diff."""

    side: Side
    start_line: int  # 1-based, inclusive, on `side`
    end_line: int
    code: str  # the lines as the diff has them
    is_whole_lines: bool  # False if the quote is only a part of its line
    indent_shift: str  # white space the quote left out before its first line; empty if none, or if it cannot be told


def find_anchor(diff: FileDiff, quote: str, line: int | None = None) -> Anchor | None:
    """The place of `quote` in `diff`; of several, one that the change touches, then the one nearest to `line`.

    White space at the ends of lines and blank lines do not count. None if the quoted code is not in the diff:
    it is never moved to a neighbour.
    """
    for wanted in _readings(quote):
        found = list(_places(diff, wanted))
        if found:
            return min(found, key=lambda place: _preference(place, line))[1]
    return None


def find_in_text(text: str, quote: str, line: int | None = None) -> int | None:
    """The 1-based line of `text` where `quote` begins, nearest to `line`; None if it is not there."""
    lines = [(number, shown) for number, raw in enumerate(lines_of(text), 1) if (shown := _squeeze(raw))]
    for wanted in _readings(quote):
        plain = [_squeeze(each) for each in wanted]
        size = len(plain)
        starts = [
            lines[at][0]
            for at in range(len(lines) - size + 1)
            if all(lines[at + step][1] == plain[step] for step in range(size))
        ]
        if not starts and size == 1 and len(plain[0]) >= _SHORTEST_PART:
            starts = [number for number, shown in lines if plain[0] in shown]
        if starts:
            return min(starts, key=lambda start: abs(start - (line or start)))
    return None


def _readings(quote: str) -> Iterator[Sequence[str]]:
    """The quote's lines as they are, then without the gutter or diff marks a model may have copied."""
    lines = [each for each in quote.replace("\r\n", "\n").split("\n") if each.strip()]
    if not lines:
        return
    yield lines
    if all(_GUTTER.match(each) for each in lines):
        yield [_GUTTER.sub("", each, count=1) for each in lines]
    if all(_MARK.match(each) for each in lines) and any(each[0] in "+-" for each in lines):
        yield [each[1:] for each in lines if each[1:].strip()]


def _places(diff: FileDiff, wanted: Sequence[str]) -> Iterator[tuple[bool, Anchor]]:
    """Every place where the lines stand, and whether the change touches it."""
    plain = [_squeeze(each) for each in wanted]
    for side in (Side.NEW, Side.OLD):
        for hunk in diff.hunks:
            on_side = [each for each in hunk.lines if each.number(side) is not None]
            filled = [at for at, each in enumerate(on_side) if each.text.strip()]
            shown = [_squeeze(on_side[at].text) for at in filled]
            for at in range(len(filled) - len(plain) + 1):
                if shown[at] == plain[0] and shown[at : at + len(plain)] == plain:
                    first, last = filled[at], filled[at + len(plain) - 1]
                    shift = _shift(on_side[first].text, wanted[0])
                    yield _place(on_side[first : last + 1], side, shift=shift, whole=True)
            if len(plain) == 1 and len(plain[0]) >= _SHORTEST_PART:
                for at, text in zip(filled, shown, strict=True):
                    if plain[0] in text and plain[0] != text:
                        yield _place([on_side[at]], side, shift="", whole=False)


def _place(span: Sequence[Line], side: Side, *, shift: str, whole: bool) -> tuple[bool, Anchor]:
    start, end = span[0].number(side), span[-1].number(side)
    if start is None or end is None:
        raise ValueError("a span holds only lines of its side")
    touched = any(each.kind is _EXTRA[side] for each in span)
    code = "\n".join(each.text for each in span)
    return touched, Anchor(
        side=side, start_line=start, end_line=end, code=code, is_whole_lines=whole, indent_shift=shift
    )


def _preference(place: tuple[bool, Anchor], line: int | None) -> tuple[bool, bool, bool, int]:
    touched, anchor = place
    distance = 0 if line is None else abs(anchor.start_line - line)
    return (not anchor.is_whole_lines, not touched, anchor.side is Side.OLD, distance)


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def _shift(actual: str, quoted: str) -> str:
    """The indentation that the quote lacks; empty if the quote's own is longer or of another kind."""
    have = actual[: len(actual) - len(actual.lstrip())]
    got = quoted[: len(quoted) - len(quoted.lstrip())]
    return have[: len(have) - len(got)] if have.endswith(got) else ""
