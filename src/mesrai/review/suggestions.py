"""Apply suggestions to a file's text so that nothing but the suggested lines changes."""

import difflib
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from mesrai.domain.diff import Line, LineKind
from mesrai.domain.finding import Suggestion
from mesrai.errors import FileChanged, UserError

_BOM: Final = "\ufeff"
_MOST_COMPARED: Final = 250_000  # pairs of lines; comparing more takes long


class SuggestionsOverlap(UserError):
    """Two suggestions replace the same line."""


def apply_suggestion(text: str, suggestion: Suggestion, expected_lines: Sequence[str] | None = None) -> str:
    """The text with the suggested lines in place of the old ones.

    Each new line ends as the line it stands for did, further ones as the last of them; a file whose last line has
    no end keeps that, and a byte order mark stays. Errors: FileChanged if there are no such lines, or if they are
    not the `expected_lines` (given without their ends).
    """
    body = text.removeprefix(_BOM)
    lines = _with_ends(body)
    first, last = suggestion.start_line - 1, suggestion.end_line
    if not 0 <= first < last <= len(lines):
        raise FileChanged(f"The suggestion is for {_range(suggestion)}, but the file has {len(lines)} lines.")
    old = lines[first:last]
    if expected_lines is not None and [line for line, _ in old] != list(expected_lines):
        raise FileChanged(f"At {_range(suggestion)} is no longer the code that was reviewed.")
    ends = [end for _, end in old]
    new = _ended(replacement_lines(suggestion), ends, usual=_usual_end(lines, first))
    before = lines[:first]
    if not new and not ends[-1] and before and before[-1][0]:  # the file still ends without a line end
        before[-1] = (before[-1][0], "")
    changed = "".join(line + end for line, end in [*before, *new, *lines[last:]])
    return (_BOM if len(body) < len(text) else "") + changed


def apply_all(text: str, suggestions: Sequence[Suggestion]) -> str:
    """The text with all of them applied; the order does not matter. Errors: SuggestionsOverlap, FileChanged."""
    ordered = sorted(suggestions, key=lambda each: (each.start_line, each.end_line))
    for one, other in pairwise(ordered):
        if overlaps(one, other):
            raise SuggestionsOverlap(
                f"The suggestion for {_range(one)} and the one for {_range(other)} replace the same line."
            )
    for suggestion in reversed(ordered):
        text = apply_suggestion(text, suggestion)
    return text


def overlaps(one: Suggestion, other: Suggestion) -> bool:
    """Whether both replace some line."""
    return one.start_line <= other.end_line and other.start_line <= one.end_line


def replacement_lines(suggestion: Suggestion) -> list[str]:
    """The new lines, none of them to delete the old ones."""
    if not suggestion.replacement:
        return []
    return [line.removesuffix("\r") for line in suggestion.replacement.split("\n")]


def suggestion_diff(lines: Sequence[str] | None, suggestion: Suggestion) -> tuple[Line, ...]:
    """The suggestion as diff lines; `lines` are those of the whole file, and without them only the new ones are shown.

    Old numbers are of the file as it is, new ones of the file after the change.
    """
    new = replacement_lines(suggestion)
    start = suggestion.start_line
    old = list(lines[start - 1 : suggestion.end_line]) if lines is not None else []
    result: list[Line] = []
    for tag, old_from, old_to, new_from, new_to in _steps(old, new):
        if tag == "equal":
            result += [
                Line(kind=LineKind.CONTEXT, old=start + at, new=start + new_from + at - old_from, text=old[at])
                for at in range(old_from, old_to)
            ]
            continue
        result += [
            Line(kind=LineKind.REMOVED, old=start + at, new=None, text=old[at]) for at in range(old_from, old_to)
        ]
        result += [Line(kind=LineKind.ADDED, old=None, new=start + at, text=new[at]) for at in range(new_from, new_to)]
    return tuple(result)


def render_suggestion_diff(lines: Sequence[str] | None, suggestion: Suggestion) -> str:
    """The same as text: each line with a space, a minus or a plus before it."""
    marks = {LineKind.CONTEXT: " ", LineKind.REMOVED: "-", LineKind.ADDED: "+"}
    return "\n".join(marks[line.kind] + line.text for line in suggestion_diff(lines, suggestion))


def _steps(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if len(old) * len(new) > _MOST_COMPARED:
        return [("replace", 0, len(old), 0, len(new))]
    return difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()


def _with_ends(text: str) -> list[tuple[str, str]]:
    """Each line and its end; the last has none if the text does not end with one."""
    *whole, rest = text.split("\n")
    lines = [(line[:-1], "\r\n") if line.endswith("\r") else (line, "\n") for line in whole]
    return [*lines, (rest, "")] if rest else lines


def _ended(new: Sequence[str], ends: Sequence[str], *, usual: str) -> list[tuple[str, str]]:
    """The new lines with the ends of those they replace."""
    inner = [end for end in ends if end]
    pad = inner[-1] if inner else usual
    given = [ends[min(at, len(ends) - 1)] or pad for at in range(len(new))]
    if new:
        given[-1] = ends[-1] if not ends[-1] else given[-1]
    return list(zip(new, given, strict=True))


def _usual_end(lines: Sequence[tuple[str, str]], at: int) -> str:
    """How lines end just before `at`."""
    return next((end for _, end in reversed(lines[:at]) if end), "\n")


def _range(suggestion: Suggestion) -> str:
    if suggestion.start_line == suggestion.end_line:
        return f"line {suggestion.start_line}"
    return f"lines {suggestion.start_line}-{suggestion.end_line}"
