"""Read commits, trees and blobs of a repository through one long-lived git."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from mesrai.errors import SourceError
from mesrai.forges.git import Git, opened, stop

_MOST_TREE = 64 * 1024 * 1024
_MOST_SECONDS = 60.0
_TREE_MODE = "040000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name in a tree."""

    mode: str  # six octal digits
    id: str  # of the blob, tree or commit

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file: no symlink, submodule or folder."""
        return self.mode.startswith("100")


class Objects:
    """The objects of one repository. Close it, or use it as an async context, to end its git.

    With `omits_large`, a blob that is not there is one that was too large to be fetched.
    """

    def __init__(self, git: Git, *, omits_large: bool = False) -> None:
        self._git = git
        self._omits_large = omits_large
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._trees: dict[str, Mapping[str, Entry]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End git. Reading again starts it anew."""
        process, self._process = self._process, None
        if process is not None:
            await stop(process)

    async def blob(self, blob: str, most: int) -> bytes | None:
        """A blob's bytes, or None if it has more than `most`. Errors: SourceError."""
        return await self._read(blob, most, may_miss=self._omits_large)

    async def parents(self, commit: str) -> tuple[str, ...]:
        """The commit's parents as it is stored, so also those that a shallow clone hides. Errors: SourceError."""
        raw = await self._read(commit, _MOST_TREE)
        head = (raw or b"").partition(b"\n\n")[0].decode("ascii", "replace").split("\n")
        return tuple(line.removeprefix("parent ") for line in head if line.startswith("parent "))

    async def find(self, commit: str, path: str) -> Entry | None:
        """What stands at the path in the commit's tree; None if nothing does. Errors: SourceError."""
        tree = f"{commit}^{{tree}}"
        *folders, name = path.split("/")
        for folder in folders:
            inner = (await self._tree(tree)).get(folder)
            if inner is None or inner.mode != _TREE_MODE:
                return None
            tree = inner.id
        return (await self._tree(tree)).get(name)

    async def _tree(self, tree: str) -> Mapping[str, Entry]:
        if tree not in self._trees:
            raw = await self._read(tree, _MOST_TREE)
            if raw is None:
                raise SourceError(f"The tree {tree[:12]} is too large to read.")
            self._trees[tree] = _entries_of(raw, id_size=len(tree.partition("^")[0]) // 2)
        return self._trees[tree]

    async def _read(self, name: str, most: int, *, may_miss: bool = False) -> bytes | None:
        async with self._turn:
            is_in_step = False  # whether the next answer will be to the next question
            try:
                async with asyncio.timeout(_MOST_SECONDS):
                    answer = await self._answer(name, most, may_miss=may_miss)
                is_in_step = True
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                raise _missing(name) from error
            except TimeoutError as error:
                raise SourceError(f"git cat-file took longer than {_MOST_SECONDS:g} s.") from error
            finally:
                if not is_in_step:
                    await self.close()
            return answer

    async def _answer(self, name: str, most: int, *, may_miss: bool) -> bytes | None:
        if self._process is None:
            self._process = await self._git.start("cat-file", "--batch")
        question, answer = opened(self._process.stdin), opened(self._process.stdout)
        question.write(name.encode() + b"\n")
        await question.drain()
        head = (await answer.readuntil(b"\n")).split()
        if may_miss and head[-1:] == [b"missing"]:
            return None
        if len(head) != 3:
            raise _missing(name)
        size = int(head[2])
        if size > most:
            await self.close()  # cheaper than to read on to the next answer
            return None
        return (await answer.readexactly(size + 1))[:-1]


def _missing(name: str) -> SourceError:
    return SourceError(
        f"The object {name.partition('^')[0][:12]} is not on this machine. In a partial clone, let git fetch it first, "
        "for example with: git diff BASE HEAD"
    )


def _entries_of(raw: bytes, *, id_size: int) -> Mapping[str, Entry]:
    """A tree object's entries: mode, space, name, NUL, id in binary."""
    entries: dict[str, Entry] = {}
    at = 0
    while at < len(raw):
        space = raw.index(b" ", at)
        end = raw.index(b"\0", space)
        name = raw[space + 1 : end].decode("utf-8", "surrogateescape")
        mode = raw[at:space].decode("ascii", "replace").zfill(6)
        entries[name] = Entry(mode=mode, id=raw[end + 1 : end + 1 + id_size].hex())
        at = end + 1 + id_size
    return entries
