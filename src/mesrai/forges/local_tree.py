"""Look around in the whole tree at the head of a local change."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from mesrai.domain.file_text import text_of
from mesrai.errors import SourceError
from mesrai.forges.forge import LogEntry, Match
from mesrai.forges.line_history import blame_commit, blame_text
from mesrai.forges.listing import list_commit, list_index, list_untracked, list_working_tree
from mesrai.forges.objects import Entry, Objects
from mesrai.forges.once import Once
from mesrai.forges.repository import Repository
from mesrai.forges.revisions import INDEX, WORKING_TREE
from mesrai.forges.together import together
from mesrai.forges.work_tree import find_bytes, find_place

MOST_FILE = 4 * 1024 * 1024

_MOST_FOUND = 16 * 1024 * 1024  # bytes of git grep, most of which may be one very long line
_MOST_TEXT = 400
_SEARCH_S = 20.0
_MOST_NAMED = 3_000  # paths on one command line
_GREP = ("grep", "-z", "-n", "-I", "--no-color", "--no-column", "--no-heading", "--no-break", "--no-textconv")


class LocalTree:
    """The tree of a commit, of the index, or of the working tree. What is listed is read once."""

    def __init__(self, repository: Repository, objects: Objects, head: str) -> None:
        self._repository = repository
        self._git = repository.git
        self._objects = objects
        self._head = head
        self._untracked = Once(self._list_untracked)
        self._entries = Once(self._list_entries)

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
        if any(letter in text for letter in "\n\0") or "\0" in under:
            return ()  # no line and no path holds them
        wanted = (*_GREP, "-E" if regex else "-F", *(("-w",) if word else ()), "-e", text)
        folder: tuple[str, ...] = (under.rstrip("/"),) if under.rstrip("/") else ()
        if endings:
            named = [path for path in await self.paths() if path.endswith(tuple(endings)) and _is_in(path, folder)]
            if not named:
                return ()
            folder = tuple(named) if len(named) <= _MOST_NAMED else folder
        if self._head == WORKING_TREE:
            found = await self._search_working_tree(wanted, folder, most)
        else:
            tree, prefix = ("--cached", "") if self._head == INDEX else (self._head, f"{self._head}:")
            found = list(_matches(await self._grep((*wanted, tree), folder), prefix))
        return [match for match in found if not endings or match.path.endswith(tuple(endings))][:most]

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

    async def _search_working_tree(self, wanted: Sequence[str], folder: Sequence[str], most: int) -> Sequence[Match]:
        untracked = [path for path in await self.untracked() if not path.endswith("/")]
        places = frozenset(folder)  # many files, or one folder
        is_listed = len(places) > 1
        inside = [path for path in untracked if (path in places if is_listed else _is_in(path, folder))]
        async with together() as group:
            runs = [group.create_task(self._grep(wanted, folder))]
            if inside:  # --untracked alone would miss tracked files that an ignore rule names
                narrowed = inside if len(inside) <= _MOST_NAMED else folder
                runs.append(group.create_task(self._grep((*wanted, "--untracked"), narrowed)))
        found = {match for run in runs for match in _matches(run.result(), "")}
        # Where a tracked folder became a symbolic link, git grep follows it.
        inner = {path for path in {match.path for match in found} if find_place(self._repository.root, path)}
        ordered = sorted(found, key=lambda match: (match.path, match.line))
        return [match for match in ordered if match.path in inner][:most]

    async def _grep(self, arguments: Sequence[str], paths: Sequence[str]) -> bytes:
        return await self._git.first(*arguments, "--", *paths, accept=(0, 1), most_bytes=_MOST_FOUND, most_s=_SEARCH_S)


def _is_in(path: str, places: Sequence[str]) -> bool:
    """Whether a path is one of the places, or below one of them; without places, it is."""
    return not places or path in places or any(path.startswith(f"{place}/") for place in places)


def _matches(out: bytes, prefix: str) -> Iterator[Match]:
    """Of `git grep -z -n`: path, NUL, line number, NUL, line; the last one may be cut, and is then left out."""
    at = 0
    while (after_path := out.find(b"\0", at)) >= 0:
        after_number = out.find(b"\0", after_path + 1)
        end = out.find(b"\n", after_number + 1)
        if after_number < 0 or end < 0:
            return
        path = out[at:after_path].decode("utf-8", "surrogateescape").removeprefix(prefix)
        text = text_of(out[after_number + 1 : end].removesuffix(b"\r"))
        yield Match(path=path, line=int(out[after_path + 1 : after_number]), text=text[:_MOST_TEXT])
        at = end + 1
