"""The central repository, which configures all others: its default branch, read through GitHub's interface."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from mesrai.domain.pull_request import RepositoryName
from mesrai.errors import ForgeError, SourceError
from mesrai.forges.github.objects import MOST_FILE, Blobs, Trees
from mesrai.forges.github.payloads import a_mapping, a_sha, as_documented, text
from mesrai.forges.github.transport import Transport

CANNOT: Final = "The central repository {} cannot be read, so it is not known what holds for this review: {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What was read of one commit."""

    commit: str
    files: dict[str, bytes | None] = field(default_factory=dict)
    folders: dict[str, Sequence[str]] = field(default_factory=dict)


class CentralFiles:
    """The files at one commit. See Files; each is read once, and by whoever may see them now."""

    def __init__(self, name: str, kept: _Kept, transport: Transport, repository: str, *, cannot: str = CANNOT) -> None:
        self.name = name
        self._cannot = cannot
        self._kept = kept
        self._trees = Trees(transport, repository)
        self._blobs = Blobs(transport, repository)

    async def file(self, path: str) -> bytes | None:
        """See Files. One that is too large is an error: it would be passed over in silence."""
        files = self._kept.files
        if path not in files:
            with _told_of(self.name, self._cannot):
                files[path] = await self._read(path)
        return files[path]

    async def below(self, folder: str) -> Sequence[str]:
        """See Files."""
        folders = self._kept.folders
        if folder not in folders:
            with _told_of(self.name, self._cannot):
                folders[folder] = await self._trees.below(self._kept.commit, folder)
        return folders[folder]

    async def _read(self, path: str) -> bytes | None:
        node = await self._trees.find(self._kept.commit, path)
        if node is None or not node.is_file:
            return None
        if node.size > MOST_FILE:
            raise SourceError(f"{path} is larger than 4 MiB.")
        return await self._blobs.get(node)


class CentralRepository:
    """Where the files are; while the branch has not moved, they are not read again."""

    def __init__(
        self, name: str, reach: Callable[[RepositoryName], Awaitable[Transport]], *, cannot: str = CANNOT
    ) -> None:
        """`name` is its `owner/name`; `reach` gives the way to a repository, under credentials for it.

        `cannot`: what an error says, with places for the name and for what happened.
        """
        self._cannot = cannot
        owner, _, last = name.partition("/")
        self._name = name
        self._reach = reach
        self._repository = RepositoryName(forge="", owner=owner, name=last)
        self._path = f"repos/{quote(owner, safe='')}/{quote(last, safe='')}"
        self._kept = _Kept(commit="")

    async def files(self) -> CentralFiles:
        """The files as they are now. Each time GitHub must let these very credentials see the branch.

        Errors: ForgeError, SourceError; their messages name the central repository.
        """
        with _told_of(self._name, self._cannot):
            transport = await self._reach(self._repository)
            with as_documented():
                branch = text(a_mapping(await transport.read(self._path)), "default_branch")
                commit = a_sha(a_mapping(await transport.read(f"{self._path}/commits/{quote(branch, safe='')}")))
        if self._kept.commit != commit:
            self._kept = _Kept(commit=commit)
        return CentralFiles(self._name, self._kept, transport, self._path, cannot=self._cannot)


@contextmanager
def _told_of(name: str, cannot: str) -> Iterator[None]:
    """Have an error say which repository it is about: people look for it in the one under review."""
    try:
        yield
    except (ForgeError, SourceError) as error:
        error.args = (cannot.format(name, error.message),)
        raise
