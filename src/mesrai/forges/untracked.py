"""The file diffs of untracked files, which git itself does not print."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesrai.domain.diff import FileDiff, FileKind
from mesrai.domain.file_text import added_file, is_binary
from mesrai.domain.unified_diff import SYMLINK_MODE
from mesrai.errors import SourceError, UserError
from mesrai.forges.git import LARGE_FILE, MOST_BYTES
from mesrai.forges.work_tree import find_bytes, find_place, find_state, named, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Untracked:
    """What untracked files add to a change."""

    files: tuple[FileDiff, ...]
    contents: Mapping[str, bytes]  # of the text files in `files`, as their diffs show them
    notices: tuple[str, ...]


def read_untracked(
    root: Path, paths: Sequence[str], attributes: Mapping[str, str], *, most_bytes: int = MOST_BYTES
) -> Untracked:
    """Read each path that `git ls-files --others` names. `attributes` has git's `diff` attribute of each.

    A file that disappeared meanwhile is left out. Errors: UserError if their text is more than `most_bytes`.
    """
    files: list[FileDiff] = []
    contents: dict[str, bytes] = {}
    inner: list[str] = []
    notices: list[str] = []
    size = 0
    for path in paths:
        if path.endswith("/"):
            inner.append(path)
            continue
        try:
            added = _added(root, path, attributes.get(path, ""), contents)
        except SourceError as error:
            notices.append(f"An untracked file was left out: {error.message}")
            continue
        files += added
        size += len(contents.get(path, b""))
        if size > most_bytes:
            raise _too_much(paths, most_bytes)
    if inner:
        notices.append(f"Left out, being repositories of their own: {named(inner)}.")
    return Untracked(files=tuple(files), contents=contents, notices=tuple(notices))


def _added(root: Path, path: str, attribute: str, contents: dict[str, bytes]) -> list[FileDiff]:
    """The path's file diff, or nothing if it is gone; what was read is put into `contents`."""
    state = find_state(root, path)
    place = find_place(root, path)
    if state is None or place is None:
        return []
    if stat.S_ISLNK(state.st_mode):
        target = os.fsencode(place.readlink())
        return [added_file(path, target, mode=SYMLINK_MODE, kind=FileKind.SYMLINK)]
    mode = "100755" if state.st_mode & stat.S_IXUSR else "100644"
    if state.st_size > LARGE_FILE:
        return [added_file(path, b"", mode=mode, kind=FileKind.BINARY)]
    content = find_bytes(root, path, LARGE_FILE)
    if content is None:
        return []
    if attribute == "unset" or (attribute != "set" and is_binary(content)):
        return [added_file(path, b"", mode=mode, kind=FileKind.BINARY)]
    contents[path] = content
    return [added_file(path, content, mode=mode)]


def _too_much(paths: Sequence[str], most_bytes: int) -> UserError:
    first, size = shown(paths[0]), f"{most_bytes / 1_048_576:.3g} MiB"
    return UserError(
        f"The {len(paths)} untracked files (the first is {first}) hold more than {size} of text. "
        "Name what git should not see in .gitignore, or review less with --staged or by naming paths."
    )
