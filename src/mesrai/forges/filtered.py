"""Account for changed files that are stored through a filter, such as Git LFS, which a review never runs."""

import hashlib
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mesrai.domain.diff import FileDiff, FileKind
from mesrai.forges.work_tree import find_place, find_state, named

MOST_POINTER = 1024  # bytes, of a pointer file: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The files of the change once filters are accounted for."""

    files: tuple[FileDiff, ...]
    notices: tuple[str, ...]


def account_for_filters(
    root: Path, files: Sequence[FileDiff], filters: Mapping[str, str], pointers: Mapping[str, bytes]
) -> Compared:
    """The files of a working tree without those that only differ by their filter.

    `filters` names the filter of each path that has one; `pointers` holds the base's content of those that are
    small enough to be a Git LFS pointer. A file stored by LFS compares by its hash, and is shown as binary.
    """
    kept: list[FileDiff] = []
    raw: list[str] = []
    for file in files:
        found = _POINTER.fullmatch(pointers.get(file.path, b""))
        if file.path not in filters:
            kept.append(file)
        elif found is None:
            kept.append(file)
            raw.append(file.path)
        elif not _is_content(root, file.path, found[1].decode(), int(found[2])):
            kept.append(replace(file, kind=FileKind.BINARY, hunks=()))
    notices = (
        f"Compared as they lie in the working tree, because their filters are not run during a review: {named(raw)}.",
    )
    return Compared(files=tuple(kept), notices=notices if raw else ())


def _is_content(root: Path, path: str, sha256: str, size: int) -> bool:
    """Whether the file holds what the pointer stands for."""
    place, state = find_place(root, path), find_state(root, path)
    if place is None or state is None or not stat.S_ISREG(state.st_mode) or state.st_size != size:
        return False
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
