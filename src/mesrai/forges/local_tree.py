"""Look around in the whole tree at the head of a local change."""

import asyncio
from collections.abc import Mapping, Sequence

from mesrai.errors import SourceError
from mesrai.forges.forge import LogEntry, Match
from mesrai.forges.line_history import blame_commit, blame_text
from mesrai.forges.listing import list_commit, list_index, list_untracked, list_working_tree
from mesrai.forges.objects import Entry, Objects
from mesrai.forges.once import Once
from mesrai.forges.repository import Repository
from mesrai.forges.revisions import INDEX, WORKING_TREE
from mesrai.forges.text_search import Query, TextSearch
from mesrai.forges.work_tree import find_bytes

MOST_FILE = 4 * 1024 * 1024


class LocalTree:
    """The tree of a commit, of the index, or of the working tree. What is listed is read once."""

    def __init__(self, repository: Repository, objects: Objects, head: str) -> None:
        self._repository = repository
        self._git = repository.git
        self._objects = objects
        self._head = head
        self._untracked = Once(self._list_untracked)
        self._entries = Once(self._list_entries)
        self._text = TextSearch(repository, head, self.untracked)

    async def untracked(self) -> Sequence[str]:
        """Untracked paths of a working tree, as `list_untracked` gives them. Errors: SourceError."""
        return await self._untracked.get()

    async def file(self, path: str) -> bytes | None:
        """A file's bytes; None if the tree has no such regular file, or it is too large. Errors: SourceError."""
        if self._head in (INDEX, WORKING_TREE):
            entry = (await self._entries.get()).get(path)
        else:
            entry = await self._objects.find(self._head, path)
        if entry is None or not entry.is_file:
            return None
        if entry.id:
            return await self._objects.blob(entry.id, MOST_FILE)
        return await asyncio.to_thread(find_bytes, self._repository.root, path, MOST_FILE)

    async def paths(self) -> Sequence[str]:
        """See Tree."""
        return sorted(path for path, entry in (await self._entries.get()).items() if entry.is_file)

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
        """See Tree. A regular expression that git does not understand is a SourceError, as is an empty text."""
        if not text:
            raise SourceError("There is nothing to search for.")
        if any(letter in text for letter in "\n\0") or "\0" in "".join((under, *endings)):
            return ()  # no line and no path holds them
        query = Query(text=text, is_word=word, is_regex=regex, under=under.rstrip("/"), endings=tuple(endings))
        return (await self._text.find(query))[:most]

    async def history(self, path: str, line: int, *, most: int = 5) -> Sequence[LogEntry]:
        """See Tree."""
        content = await self.file(path)
        if content is None or not 1 <= line <= content.count(b"\n") + (not content.endswith(b"\n")):
            return ()
        if self._head in (INDEX, WORKING_TREE):
            return await blame_text(self._git, content, path, line, most=most)
        return await blame_commit(self._git, self._head, path, line, most=most)

    async def _list_untracked(self) -> Sequence[str]:
        return await list_untracked(self._git)

    async def _list_entries(self) -> Mapping[str, Entry]:
        if self._head == INDEX:
            return await list_index(self._git)
        if self._head == WORKING_TREE:
            return await list_working_tree(self._git, await self.untracked())
        return await list_commit(self._git, self._head)
