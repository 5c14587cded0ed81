"""Apply a file diff to the text it was made from."""

from collections.abc import Sequence

from mesrai.domain.diff import FileDiff


def applied(old: Sequence[str], file: FileDiff) -> list[str]:
    """The new text, from the old one and the hunks; fails where a hunk does not fit."""
    new: list[str] = []
    taken = 0
    for hunk in file.hunks:
        start = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        new += old[taken:start]
        taken = start
        for line in hunk.lines:
            if line.old is not None:
                assert (line.old, line.text) == (taken + 1, old[taken])
                taken += 1
            if line.new is not None:
                new.append(line.text)
                assert line.new == len(new)
    return new + list(old[taken:])
