"""A local git repository as a source: the working tree, the index, a commit, a branch or a range."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from mesrai.domain.change import At, Change
from mesrai.domain.diff import Action, FileKind
from mesrai.domain.selection import Selection
from mesrai.errors import UserError
from mesrai.forges.listing import files_below
from mesrai.forges.local_diff import Taken, take_committed, take_working_tree
from mesrai.forges.local_tree import MOST_FILE, LocalTree
from mesrai.forges.objects import Objects
from mesrai.forges.once import Once
from mesrai.forges.repository import Repository, find_repository, path_in
from mesrai.forges.revisions import EMPTY, INDEX, WORKING_TREE, Pair, find_pair, read_message
from mesrai.forges.together import together
from mesrai.forges.work_tree import find_bytes, find_state, shown

_MOST_KEPT = 64 * 1024 * 1024  # bytes of reviewed files; what is beyond is read when it is asked for


async def open_local(folder: Path, selection: Selection, environ: Mapping[str, str] = os.environ) -> "LocalSource":
    """The selected change of the repository around `folder`. Close it, or use it as an async context.

    Errors: NotARepository, UnknownRevision, UserError for a path that is nowhere in it, SourceError.
    """
    repository = await find_repository(folder, environ)
    async with AsyncExitStack() as stack:  # ends git if what follows fails
        objects = await stack.enter_async_context(Objects(repository.git))
        pair = await find_pair(repository, objects, selection)
        paths = [path_in(repository, folder, path) for path in selection.paths]
        source = LocalSource(repository, objects, pair, paths=() if "" in paths else tuple(paths))
        for path, written in zip(paths, selection.paths, strict=True):
            await source.check_path(path, written)
        stack.pop_all()
        return source


class LocalSource:
    """A change of a local repository. Nothing is written to the repository, and none of its programs runs.

    What `change` read of a working tree is kept: `file(path, At.HEAD)` gives those bytes even if the file changes
    afterwards, so they can be compared with the disk before anything is written.
    """

    def __init__(self, repository: Repository, objects: Objects, pair: Pair, *, paths: tuple[str, ...]) -> None:
        self._repository = repository
        self._git = repository.git
        self._objects = objects
        self._pair = pair
        self._paths = paths
        self._tree = LocalTree(repository, objects, pair.revision.head)
        self._change = Once(self._read_change)
        self._reviewed: dict[str, bytes | None] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the git that is still running."""
        await self._objects.close()

    @property
    def root(self) -> Path:
        """The top of the working tree."""
        return self._repository.root

    @property
    def tree(self) -> LocalTree:
        """See Source."""
        return self._tree

    async def change(self) -> Change:
        """See Source. It is read once. Errors: also UserError, if there is too much to review."""
        return await self._change.get()

    async def file(self, path: str, at: At) -> bytes | None:
        """See Source."""
        if at is At.HEAD:
            return self._reviewed[path] if path in self._reviewed else await self._tree.file(path)
        base = self._pair.revision.base
        entry = None if base == EMPTY else await self._objects.find(base, path)
        return await self._objects.blob(entry.id, MOST_FILE) if entry and entry.is_file else None

    async def below(self, folder: str, at: At) -> Sequence[str]:
        """See Source."""
        if at is At.HEAD:
            prefix = folder.rstrip("/") + "/"
            return [path for path in await self._tree.paths() if path.startswith(prefix)]
        base = self._pair.revision.base
        return () if base == EMPTY else await files_below(self._git, base, folder)

    async def check_path(self, path: str, written: str) -> None:
        """Raise UserError if the path is neither on disk nor at one of the two ends."""
        if not path or find_state(self.root, path):
            return
        ends = {self._pair.revision.base, self._pair.revision.head} - {EMPTY, INDEX, WORKING_TREE}
        for end in ends:
            if await self._objects.find(end, path):
                return
        if not await self._git.run("ls-files", "-z", "--", path):
            raise UserError(f"There is no file or folder {shown(written)} in this repository.")

    async def _read_change(self) -> Change:
        async with together() as group:
            reading = group.create_task(read_message(self._git, self._pair))
            taking = group.create_task(self._take())
        message, taken = reading.result(), taking.result()
        if self._pair.revision.head == WORKING_TREE:
            await asyncio.to_thread(self._keep_reviewed, taken)
        return Change(
            revision=self._pair.revision,
            files=taken.files,
            title=message.title,
            description=message.description,
            notices=(*self._pair.notices, *taken.notices),
        )

    async def _take(self) -> Taken:
        revision = self._pair.revision
        if revision.head != WORKING_TREE:
            return await take_committed(self._repository, revision, self._paths)
        untracked = await self._tree.untracked()
        return await take_working_tree(self._repository, self._objects, revision, self._paths, untracked)

    def _keep_reviewed(self, taken: Taken) -> None:
        size = 0
        for file in taken.files:
            if file.kind is not FileKind.TEXT or file.action is Action.DELETED or size > _MOST_KEPT:
                continue
            content = taken.contents.get(file.path) or find_bytes(self.root, file.path, MOST_FILE)
            self._reviewed[file.path] = content if content is None or len(content) <= MOST_FILE else None
            size += len(content or b"")
