"""The file diffs of a change, told by GitHub where it tells them, and else made from the files themselves."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final

from mesrai.domain.change import Revision
from mesrai.domain.diff import Action, FileDiff, FileKind
from mesrai.domain.file_text import is_binary
from mesrai.domain.text_diff import hunks_between
from mesrai.domain.unified_diff import SUBMODULE_MODE, SYMLINK_MODE, read_diff
from mesrai.errors import ForgeNotFound, ForgeRejected, ForgeUnavailable, SourceError
from mesrai.forges.github.objects import MOST_FILE, Blobs, Changed, Node
from mesrai.forges.github.payloads import a_mapping, as_documented, text
from mesrai.forges.github.transport import Transport
from mesrai.forges.together import together
from mesrai.forges.work_tree import named

_AS_DIFF: Final = "application/vnd.github.diff"
_MOST_TOLD: Final = 300  # files in one difference: https://docs.github.com/rest/pulls/pulls
_MOST_MADE: Final = 600  # files whose both sides are read one by one
_MOST_BYTES: Final = 48 * 1024 * 1024  # of them together
_KINDS: Final = {SYMLINK_MODE: FileKind.SYMLINK, SUBMODULE_MODE: FileKind.SUBMODULE}
# What stands above a patch, by the status of its row. The name is put in afterwards: git would quote some.
_HEADS: Final = {
    "added": "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n",
    "removed": "diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n",
    "modified": "diff --git a/x b/x\n--- a/x\n+++ b/x\n",
}
_LOST: Final = "\ufffd"  # stands in JSON for bytes that are no text in UTF-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All file diffs of a change, sorted by path, and what is to be said of how they were taken."""

    files: tuple[FileDiff, ...]
    notices: tuple[str, ...]


class Difference:
    """The difference of two commits whose changed paths are known. Errors: ForgeError, SourceError."""

    def __init__(self, transport: Transport, repository: str, blobs: Blobs, *, most_made: int = _MOST_MADE) -> None:
        self._transport = transport
        self._repository = repository
        self._blobs = blobs
        self._most_made = most_made

    async def take(self, revision: Revision, changed: Sequence[Changed], *, pull: int | None) -> Told:
        """One file diff for every changed path, or for a path and the one it was moved from.

        `pull` is the pull request whose whole change this is; None if it is of no one. What is too large is of kind
        LARGE, and what is more than can be read so, of kind UNREAD.
        """
        by_path = {each.path: each for each in changed}
        told = await self._told(revision, by_path)
        if pull is not None and by_path.keys() - _paths_of(told):
            told = {**await self._listed(pull, by_path), **told}
        accounted = _paths_of(told)
        left = [each for each in changed if each.path not in accounted]
        moved = _moves(left)
        accounted = _paths_of({file.path: file for file in moved})
        made, over = await self._made([each for each in left if each.path not in accounted])
        files = sorted((*told.values(), *moved, *made), key=lambda file: file.path)
        large = [file.path for file in files if file.kind is FileKind.LARGE]
        notices = [f"Too large to be read: {named(large)}."] if large else []
        if over:
            notices.append(
                f"The change is larger than what GitHub's interface gives: {len(over):,} files were not read: "
                f"{named(sorted(over))}. With git installed and MESRAI_SOURCE=clone they are."
            )
        return Told(files=tuple(files), notices=tuple(notices))

    async def _told(self, revision: Revision, by_path: Mapping[str, Changed]) -> Mapping[str, FileDiff]:
        """What GitHub's own difference has; nothing where it gives none."""
        if not by_path or len(by_path) > 2 * _MOST_TOLD:
            return {}
        path = f"{self._repository}/compare/{revision.base}...{revision.head}"
        try:
            content = await self._transport.read_bytes(path, accept=_AS_DIFF)
            return _accounted(await asyncio.to_thread(read_diff, content), by_path)
        except (ForgeRejected, ForgeUnavailable, ForgeNotFound, SourceError):
            return {}  # too large, or two commits without one in common; whatever else it is, what follows meets it too

    async def _listed(self, pull: int, by_path: Mapping[str, Changed]) -> Mapping[str, FileDiff]:
        """What the list of a pull request's files has; of those without a patch, nothing."""
        try:
            rows = await self._transport.pages(f"{self._repository}/pulls/{pull}/files")
        except ForgeRejected:  # larger than an answer may be
            return {}
        with as_documented():
            return await asyncio.to_thread(_read_rows, [a_mapping(row) for row in rows], by_path)

    async def _made(self, left: Sequence[Changed]) -> tuple[Sequence[FileDiff], Set[str]]:
        """A file diff of each, and the paths that were too many to be read."""
        files: list[FileDiff] = []
        wanted: list[Changed] = []
        over: set[str] = set()
        total = 0
        for each in left:
            size = sum(side.size for side in (each.old, each.new) if side is not None)
            if _kind_of(each) is not FileKind.TEXT or _is_unchanged(each):
                files.append(_bare(each))
            elif len(wanted) >= self._most_made or total + size > _MOST_BYTES:
                over.add(each.path)
                files.append(_bare(each, FileKind.UNREAD))
            else:
                wanted.append(each)
                total += size
        async with together() as group:
            making = [group.create_task(self._make(each)) for each in wanted]
        return [*files, *(task.result() for task in making)], over

    async def _make(self, each: Changed) -> FileDiff:
        old = await self._blobs.get(each.old) if each.old is not None and each.old.is_file else b""
        new = await self._blobs.get(each.new) if each.new is not None and each.new.is_file else b""
        if is_binary(old) or is_binary(new):
            return _bare(each, FileKind.BINARY)
        return replace(_bare(each), hunks=await asyncio.to_thread(hunks_between, old, new))


def _accounted(files: Iterable[FileDiff], by_path: Mapping[str, Changed]) -> Mapping[str, FileDiff]:
    """The files that agree with what is known to have changed, with their modes; by path."""
    found: dict[str, FileDiff] = {}
    for file in files:
        here, there = by_path.get(file.path), by_path.get(file.base_path)
        old = there.old if there is not None and file.action is not Action.ADDED else None
        new = here.new if here is not None and file.action is not Action.DELETED else None
        if here is None or not _fits(file, here, old, new):
            continue
        kind = FileKind.LARGE if _is_large(old) or _is_large(new) else file.kind
        found[file.path] = replace(
            file,
            kind=kind,
            old_mode=old.mode if old is not None else "",
            new_mode=new.mode if new is not None else "",
            hunks=() if kind is FileKind.LARGE else file.hunks,
        )
    return found


def _fits(file: FileDiff, here: Changed, old: Node | None, new: Node | None) -> bool:
    if file.action is Action.ADDED:
        return here.old is None and new is not None
    if file.action is Action.DELETED:
        return here.new is None and old is not None
    return file.action is not Action.COPIED and old is not None and new is not None


def _paths_of(files: Mapping[str, FileDiff]) -> set[str]:
    """The paths that these account for."""
    return {*files, *(file.base_path for file in files.values())}


def _read_rows(rows: Sequence[Mapping[str, Any]], by_path: Mapping[str, Changed]) -> Mapping[str, FileDiff]:
    return _accounted([file for row in rows for file in _from_row(row, by_path)], by_path)


def _from_row(row: Mapping[str, Any], by_path: Mapping[str, Changed]) -> Iterator[FileDiff]:
    """The file diff that one row of a list of files tells, if it has a patch that can be read."""
    path, patch = text(row, "filename"), row.get("patch")
    changed = by_path.get(path)
    side = changed and (changed.new or changed.old)
    if not side or not isinstance(patch, str) or not patch or _LOST in patch or row.get("sha") != side.id:
        return
    status = text(row, "status")
    head = _HEADS.get(status, _HEADS["modified"])
    try:
        read = read_diff(f"{head}{patch}\n".encode("utf-8", "surrogatepass"))
    except SourceError:
        return
    if len(read) != 1:
        return
    file = replace(read[0], path=path, kind=_KINDS.get(side.mode, FileKind.TEXT))
    if status == "renamed":
        file = replace(file, action=Action.RENAMED, old_path=text(row, "previous_filename"))
    yield file


def _moves(left: Sequence[Changed]) -> Sequence[FileDiff]:
    """Files that are gone from one path, and are at another one without a change."""
    gone: dict[str, list[Changed]] = defaultdict(list)
    came: dict[str, list[Changed]] = defaultdict(list)
    for each in left:
        if each.old is not None and each.new is None and each.old.is_file:
            gone[each.old.id].append(each)
        if each.new is not None and each.old is None and each.new.is_file:
            came[each.new.id].append(each)
    pairs = [(old, new) for blob, olds in gone.items() for old, new in zip(olds, came[blob], strict=False)]
    return [
        replace(_bare(new), old_path=old.path, action=Action.RENAMED, old_mode=_mode(old.old)) for old, new in pairs
    ]


def _bare(each: Changed, kind: FileKind | None = None) -> FileDiff:
    """The file diff without hunks."""
    action = Action.ADDED if each.old is None else Action.DELETED if each.new is None else Action.MODIFIED
    return FileDiff(
        path=each.path,
        action=action,
        kind=kind or _kind_of(each),
        old_mode=_mode(each.old),
        new_mode=_mode(each.new),
    )


def _kind_of(each: Changed) -> FileKind:
    large = FileKind.LARGE if _is_large(each.old) or _is_large(each.new) else FileKind.TEXT
    return _KINDS.get(_mode(each.new) or _mode(each.old), large)


def _is_unchanged(each: Changed) -> bool:
    """Whether only the mode changed."""
    return each.old is not None and each.new is not None and each.old.id == each.new.id


def _is_large(node: Node | None) -> bool:
    return node is not None and node.size > MOST_FILE


def _mode(node: Node | None) -> str:
    return "" if node is None else node.mode
