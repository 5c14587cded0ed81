"""Search the text of a tree: on disk where the disk holds the same, which is far faster than in git's objects."""

import os
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mesrai.domain.file_text import text_of
from mesrai.forges.forge import Match
from mesrai.forges.listing import names_of
from mesrai.forges.once import Once
from mesrai.forges.repository import Repository
from mesrai.forges.revisions import INDEX, WORKING_TREE
from mesrai.forges.together import together
from mesrai.forges.work_tree import find_place, is_under

_MOST_FOUND = 16 * 1024 * 1024  # bytes of git grep, most of which may be one very long line
_MOST_TEXT = 400
_MOST_SECONDS = 20.0
_MOST_NAMED = 500  # paths on one command line
_GREP = ("grep", "-z", "-n", "-I", "--no-color", "--no-column", "--no-heading", "--no-break", "--no-textconv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for, and where."""

    text: str
    is_word: bool
    is_regex: bool
    under: str  # a folder, without a slash at its end; empty: the whole tree
    endings: tuple[str, ...]  # of file names; empty: all

    @property
    def arguments(self) -> tuple[str, ...]:
        """What git is told, but for where to look."""
        return (*_GREP, "-E" if self.is_regex else "-F", *(("-w",) if self.is_word else ()), "-e", self.text)

    @property
    def places(self) -> list[str]:
        """Where to look, as pathspecs."""
        if self.endings:
            folder = f"{_escaped(self.under)}/" if self.under else ""
            return [f":(glob){folder}**/*{_escaped(ending)}" for ending in self.endings]
        return _literal([self.under]) if self.under else []

    def names_of(self, paths: Iterable[str]) -> list[str]:
        """Those of the paths that are searched."""
        inside = [path for path in paths if is_under(path, (self.under,) if self.under else ())]
        return [path for path in inside if not self.endings or path.endswith(self.endings)]


class TextSearch:
    """Searches one tree. What differs between it and the disk is found out once."""

    def __init__(self, repository: Repository, head: str, untracked: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._root = repository.root
        self._is_bare = repository.is_bare
        self._git = repository.git.at(repository.root, variables={"GIT_LITERAL_PATHSPECS": "0"})
        self._head = head
        self._untracked = untracked
        self._differing = Once(self._find_differing)

    async def find(self, query: Query) -> list[Match]:
        """The lines that match, sorted; where there are very many, not all. Errors: SourceError."""
        if self._head == WORKING_TREE:
            found = await self._find_in_working_tree(query)
        elif (differing := await self._differing.get()) is None:
            found = list(_matches(await self._grep_objects(query, query.places), self._prefix))
        else:
            found = await self._find_on_disk_first(query, differing)
        return sorted(set(found), key=lambda match: (match.path, match.line))

    async def _find_in_working_tree(self, query: Query) -> list[Match]:
        untracked = [path for path in query.names_of(await self._untracked()) if not path.endswith("/")]
        async with together() as group:
            runs = [group.create_task(self._grep(query.arguments, query.places))]
            if untracked:  # --untracked alone would miss tracked files that an ignore rule names
                places = _literal(untracked) if len(untracked) <= _MOST_NAMED else query.places
                runs.append(group.create_task(self._grep((*query.arguments, "--untracked"), places)))
        return self._inner([match for run in runs for match in _matches(run.result(), "")])

    async def _find_on_disk_first(self, query: Query, differing: frozenset[str]) -> list[Match]:
        inside = sorted(query.names_of(differing))
        async with together() as group:
            on_disk = group.create_task(self._grep(query.arguments, query.places))
            others = group.create_task(self._grep_objects(query, _literal(inside))) if inside else None
        same = [match for match in _matches(on_disk.result(), "") if match.path not in differing]
        return self._inner(same) + list(_matches(others.result() if others else b"", self._prefix))

    async def _find_differing(self) -> frozenset[str] | None:
        """The paths where the tree and the disk differ; None if they are many, or git does not look at all files."""
        if self._is_bare:
            return None
        flags = await self._git.run("ls-files", "-z", "-v")
        if any(not name.startswith("H ") for name in names_of(flags)):  # unmerged, sparse or assumed unchanged
            return None
        head = () if self._head == INDEX else (self._head,)
        options = ("--name-only", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules=all", f"-O{os.devnull}")
        out = await self._git.run("diff", *options, *head, "--")
        paths = names_of(out)
        return frozenset(paths) if len(paths) <= _MOST_NAMED else None

    def _inner(self, found: Sequence[Match]) -> list[Match]:
        """Without matches outside the tree: git grep follows a symbolic link that a tracked folder became."""
        inner = {path for path in {match.path for match in found} if find_place(self._root, path)}
        return [match for match in found if match.path in inner]

    @property
    def _prefix(self) -> str:
        return "" if self._head == INDEX else f"{self._head}:"

    async def _grep_objects(self, query: Query, places: Sequence[str]) -> bytes:
        return await self._grep((*query.arguments, "--cached" if self._head == INDEX else self._head), places)

    async def _grep(self, arguments: Sequence[str], places: Sequence[str]) -> bytes:
        return await self._git.first(
            *arguments, "--", *places, accept=(0, 1), most_bytes=_MOST_FOUND, most_s=_MOST_SECONDS
        )


def _literal(paths: Sequence[str]) -> list[str]:
    return [f":(literal){path}" for path in paths]


def _escaped(text: str) -> str:
    """The text for a pattern, where each of its characters stands for itself."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", text)


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
