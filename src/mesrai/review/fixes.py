"""Turn a proposed replacement into a suggestion, if it can be applied and is worth it."""

from mesrai.domain.diff import Side
from mesrai.domain.file_text import lines_of
from mesrai.domain.finding import Suggestion
from mesrai.review.candidates import Candidate
from mesrai.review.code.symbols import parses_no_worse
from mesrai.review.material import CUT

_MOST_LINES = 60
REDACTED = "[redacted"  # how every mark in place of a secret begins


def suggestion_for(candidate: Candidate, head: str | None) -> Suggestion | None:
    """The suggestion, or None where the replacement must not be offered.

    It must differ, replace exactly the anchored whole lines of the new file as they stand in `head`, hold nothing
    that was hidden or cut from the model's view, and leave the file no less parseable than before.
    """
    anchor, replacement = candidate.anchor, candidate.raw.replacement
    if replacement is None or anchor is None or head is None:
        return None
    if anchor.side is not Side.NEW or not anchor.is_whole_lines:
        return None
    new = _fitted(replacement, anchor.indent_shift)
    if REDACTED in new or REDACTED in anchor.code or CUT in new or new.count("\n") >= _MOST_LINES:
        return None
    before = lines_of(head)
    first, last = anchor.start_line - 1, anchor.end_line
    current = before[first:last]
    if [line.rstrip() for line in current] != [line.rstrip() for line in anchor.code.split("\n")]:
        return None
    lines = new.split("\n") if new else []
    if [line.rstrip() for line in lines] == [line.rstrip() for line in current]:
        return None
    after = [*before[:first], *lines, *before[last:]]
    if not parses_no_worse("\n".join(before), "\n".join(after), candidate.path):
        return None
    return Suggestion(start_line=anchor.start_line, end_line=anchor.end_line, replacement=new)


def _fitted(replacement: str, shift: str) -> str:
    """The replacement with one kind of line end, no last one, and the indentation the model left out of its quote."""
    text = replacement.replace("\r\n", "\n").removesuffix("\n")
    if not shift:
        return text
    return "\n".join(shift + line if line.strip() else line for line in text.split("\n"))
