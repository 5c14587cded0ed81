"""The parts of a unified diff: file diffs, hunks and lines."""

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Which numbering a line reference uses."""

    NEW = "new"
    OLD = "old"


class LineKind(StrEnum):
    """What the change does to a line."""

    CONTEXT = "context"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a hunk; an added line has no old number, a removed one no new number."""

    kind: LineKind
    old: int | None  # 1-based
    new: int | None  # 1-based
    text: str  # without its line end; a carriage return before the line feed is left out too

    def number(self, side: Side) -> int | None:
        """The line's number on `side`, or None if it is not there."""
        return self.new if side is Side.NEW else self.old


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """A run of changed lines with the unchanged ones around them."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str = ""  # what git prints after the second @@
    lines: tuple[Line, ...]


class Action(StrEnum):
    """What the change does to a file."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    RENAMED = "renamed"
    COPIED = "copied"


class FileKind(StrEnum):
    """What sort of thing stands at the path."""

    TEXT = "text"
    BINARY = "binary"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"
    LARGE = "large"  # too large to be read, so that nothing more is known of it
    UNREAD = "unread"  # an ordinary file, but more than could be read of one change


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """What the change does to one path."""

    path: str  # the new path; of a deleted file, the old one. Slashes, relative to the repository's root
    old_path: str | None = None  # only if renamed or copied
    action: Action
    kind: FileKind = FileKind.TEXT
    old_mode: str = ""  # octal as git prints it, e.g. 100644; empty if the file was not there
    new_mode: str = ""
    hunks: tuple[Hunk, ...] = ()  # empty for binary files, pure renames and pure mode changes

    @property
    def additions(self) -> int:
        """Lines added."""
        return sum(line.kind is LineKind.ADDED for hunk in self.hunks for line in hunk.lines)

    @property
    def deletions(self) -> int:
        """Lines removed."""
        return sum(line.kind is LineKind.REMOVED for hunk in self.hunks for line in hunk.lines)

    @property
    def base_path(self) -> str:
        """The path at the base revision."""
        return self.old_path or self.path
