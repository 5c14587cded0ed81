"""The contracts for reading a change: Source, and Tree for looking around in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mesrai.domain.change import At, Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A line that a search found."""

    path: str
    line: int  # 1-based
    text: str  # cut to 400 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A commit that touched a line."""

    commit: str
    date: str  # ISO 8601
    subject: str


class Tree(Protocol):
    """The whole tree at the head revision, for looking around. Read-only and bounded.

    Paths are relative to the repository's root, with slashes; one that leaves the tree, or is a symlink or
    submodule, does not exist here. Errors: SourceError.
    """

    async def paths(self) -> Sequence[str]:
        """All tracked paths (and, in a working tree, the untracked ones that are not ignored), sorted."""
        ...

    async def search(
        self,
        text: str,
        *,
        word: bool = False,
        regex: bool = False,
        under: str = "",
        endings: Sequence[str] = (),
        most: int = 100,
    ) -> Sequence[Match]:
        """Lines that contain `text` (as a whole word if `word`; an extended regular expression if `regex`).

        Only in files below the folder `under`, and with one of the `endings` such as ".py", if any are given.
        """
        ...

    async def history(self, path: str, line: int, *, most: int = 5) -> Sequence[LogEntry]:
        """The commits that last touched a line, newest first; empty for a line that is not committed."""
        ...


class Source(Protocol):
    """Where a change and its files are read from."""

    @property
    def tree(self) -> Tree | None:
        """A way to look around at the head revision, or None where the source cannot offer one."""
        ...

    async def change(self) -> Change:
        """The change under review. Errors: SourceError."""
        ...

    async def file(self, path: str, at: At) -> bytes | None:
        """A file's bytes at one end of the change; None if there is no regular file of that name, or it is
        larger than 4 MiB. Errors: SourceError.
        """
        ...
