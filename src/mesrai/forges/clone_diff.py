"""Take the change between two commits of a clone, where what is too large is named and never opened."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mesrai.domain.change import Revision
from mesrai.domain.diff import Action, FileDiff, FileKind
from mesrai.errors import SourceError
from mesrai.forges.git import Git
from mesrai.forges.listing import names_of
from mesrai.forges.local_diff import Taken, take_committed
from mesrai.forges.repository import Repository
from mesrai.forges.work_tree import named

_RAW = ("diff", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
_ACTIONS = {"A": Action.ADDED, "D": Action.DELETED}
_NONE = "000000"
_MOST_NEW = 48 * 1024 * 1024  # bytes of all added and deleted files, whose whole text is in the difference
_MOST_NAMED = 1_000_000  # bytes of paths on one command line
_SIZE = re.compile(r"[0-9a-f]+ blob (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    """One path that differs."""

    path: str
    letter: str  # git's: A, D, M or T
    modes: tuple[str, str]
    blobs: tuple[str, ...]  # of regular files and symbolic links

    @property
    def is_whole(self) -> bool:
        return self.letter in _ACTIONS


async def take_change(repository: Repository, revision: Revision, *, largest: int, most: int = _MOST_NEW) -> Taken:
    """The difference between two commits; a file larger than `largest` bytes is of kind LARGE. Errors: SourceError.

    Where those that were added or deleted are more than `most` bytes together, the largest are of kind UNREAD.
    """
    changed = await _changed(repository.git, revision)
    sizes = await _sizes(repository.git, {blob for each in changed for blob in each.blobs})
    too_large = [each for each in changed if any(sizes.get(blob, largest + 1) > largest for blob in each.blobs)]
    left = set(changed) - set(too_large)
    too_much = _too_much([each for each in changed if each in left], sizes, most)
    without = [each.path for each in (*too_large, *too_much)]
    if sum(len(path) for path in without) > _MOST_NAMED:
        raise SourceError(f"{len(without)} of the changed files are too large to be read.")
    taken = await take_committed(repository, revision, without=without)
    unread = [_bare(each, FileKind.LARGE) for each in too_large] + [_bare(each, FileKind.UNREAD) for each in too_much]
    files = sorted((*taken.files, *unread), key=lambda file: file.path)
    told = {"Too large to be read": too_large, "Not read, because all together would be too much": too_much}
    notices = [f"{what}: {named([each.path for each in found])}." for what, found in told.items() if found]
    return Taken(files=tuple(files), notices=(*taken.notices, *notices))


async def paths_between(git: Git, base: str, head: str) -> frozenset[str]:
    """The paths that differ between two commits. Errors: SourceError."""
    return frozenset(each.path for each in await _changed(git, Revision(base=base, head=head)))


async def _changed(git: Git, revision: Revision) -> list[_Changed]:
    words = names_of(await git.run(*_RAW, revision.base, revision.head, "--"))
    return [_read(facts, path) for facts, path in zip(words[0::2], words[1::2], strict=True)]


def _read(facts: str, path: str) -> _Changed:
    """Of `:old-mode new-mode old-id new-id letter`."""
    old_mode, new_mode, old, new, letter = facts.removeprefix(":").split(" ")
    sides = ((old_mode, old), (new_mode, new))
    blobs = tuple(blob for mode, blob in sides if mode not in (_NONE, "160000"))
    return _Changed(path=path, letter=letter[0], modes=(old_mode, new_mode), blobs=blobs)


async def _sizes(git: Git, blobs: Collection[str]) -> Mapping[str, int]:
    """The size of each blob that is there."""
    asked = sorted(blobs)
    if not asked:
        return {}
    out = await git.run("cat-file", "--batch-check", stdin="".join(f"{blob}\n" for blob in asked).encode())
    found = zip(asked, out.decode("ascii", "replace").splitlines(), strict=True)
    return {blob: int(size[1]) for blob, line in found if (size := _SIZE.fullmatch(line))}


def _too_much(changed: Sequence[_Changed], sizes: Mapping[str, int], most: int) -> list[_Changed]:
    """The largest of the added and deleted files, without which the others are not more than `most` bytes."""
    found: list[_Changed] = []
    total = 0
    for each in sorted(
        (each for each in changed if each.is_whole), key=lambda each: sizes[each.blobs[0]] if each.blobs else 0
    ):
        total += sizes[each.blobs[0]] if each.blobs else 0
        if total > most:
            found.append(each)
    return found


def _bare(changed: _Changed, kind: FileKind) -> FileDiff:
    old_mode, new_mode = ("" if mode == _NONE else mode for mode in changed.modes)
    action = _ACTIONS.get(changed.letter, Action.MODIFIED)
    return FileDiff(path=changed.path, action=action, kind=kind, old_mode=old_mode, new_mode=new_mode)
