"""Read what lies in a working tree without following a symbolic link, so never anything outside the tree."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from mesrai.errors import SourceError

_NOT_THERE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENAMETOOLONG, errno.EINVAL}
)
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def find_place(root: Path, path: str) -> Path | None:
    """Where the path lies on disk, whether or not anything is there; None if it is not wholly inside the tree.

    `root` must be a real path. A path through a symlinked folder or into git's own folder is not inside.
    """
    parts = path.split("/")
    if "\0" in path or any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        return None
    place = root.joinpath(*parts)
    return place if os.path.realpath(place.parent) == str(place.parent) else None


def find_state(root: Path, path: str) -> os.stat_result | None:
    """What the disk says about the path itself; None if nothing is there. Errors: SourceError."""
    place = find_place(root, path)
    if place is None:
        return None
    try:
        return place.lstat()
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise _unreadable(path, error) from error


def find_bytes(root: Path, path: str, most: int) -> bytes | None:
    """A regular file's bytes; None if there is no such file or it has more than `most`. Errors: SourceError."""
    place = find_place(root, path)
    if place is None:
        return None
    try:
        if stat.S_ISLNK(place.lstat().st_mode):  # where there is no O_NOFOLLOW
            return None
        descriptor = os.open(place, _FLAGS)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - Path cannot open a descriptor
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode) or state.st_size > most:
                return None
            content = file.read(most + 1)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise _unreadable(path, error) from error
    return content if len(content) <= most else None


def is_under(path: str, paths: Sequence[str]) -> bool:
    """Whether the path is one of `paths` or in a folder among them; always if there are none."""
    return not paths or any(path == each or path.startswith(f"{each}/") for each in paths)


def shown(path: str) -> str:
    """The path for a message: without characters that a terminal would obey."""
    return path if path.isprintable() else repr(path)[1:-1]


def named(paths: Sequence[str], most: int = 3) -> str:
    """The first few paths for a message, and how many more there are."""
    first = ", ".join(shown(path) for path in paths[:most])
    return first if len(paths) <= most else f"{first} and {len(paths) - most} more"


def _unreadable(path: str, error: OSError) -> SourceError:
    return SourceError(f"{shown(path)} could not be read: {error.strerror}.")
