"""Keep what analysers say about lines that the change adds."""

from collections.abc import Iterable

from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.diff import FileDiff, LineKind

# These are about a block as a whole: any added line in it may have made it so.
WHOLE_BLOCK_CODES = frozenset(("merge-conflict", "private-key"))


def on_added_lines(diagnostics: Iterable[Diagnostic], files: Iterable[FileDiff]) -> list[Diagnostic]:
    """Those whose first line was added by the change; for statements about whole blocks, any of their lines.

    A statement that spans lines is about where it starts: an old `try` with one new line in it is an old statement.
    """
    added = _added(files)
    return [each for each in diagnostics if _touches(each, added.get(each.path, frozenset()))]


def _touches(diagnostic: Diagnostic, added: frozenset[int]) -> bool:
    if diagnostic.code in WHOLE_BLOCK_CODES:
        return any(line in added for line in range(diagnostic.start_line, diagnostic.end_line + 1))
    return diagnostic.start_line in added


def _added(files: Iterable[FileDiff]) -> dict[str, frozenset[int]]:
    """The new numbers of the added lines of each file."""
    return {
        file.path: frozenset(
            line.new
            for hunk in file.hunks
            for line in hunk.lines
            if line.kind is LineKind.ADDED and line.new is not None
        )
        for file in files
    }
