"""A bounded folder of bare clones, one of each repository, shared by processes."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mesrai.errors import SourceError
from mesrai.forges.clone_address import CloneAddress
from mesrai.forges.clone_git import making_git
from mesrai.forges.fetching import CloneBroken, size_of
from mesrai.forges.file_lock import locked, locked_at_once

_MADE = "mesrai-depth"  # a file in a clone that was fetched once; it says how deep
_TRASH = "trash-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long and how much."""

    wait_s: float = 300.0  # for others who fetch into the same clone
    fetch_s: float = 300.0  # for one fetch
    depths: tuple[int, ...] = (100, 500, 2_500)  # commits from the tips, until the merge base is among them
    largest_file: int = 4 * 1024 * 1024  # bytes; a larger one is not fetched. What a Source gives is no larger


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one clone lies, for one who may write to it."""

    folder: Path
    turn: Path  # the lock of who fetches, or removes
    use: Path  # the lock of all who read

    @property
    def depth(self) -> int:
        """How deep it was fetched at least; 0 for one that was never fetched to the end."""
        try:
            text = (self.folder / _MADE).read_text(encoding="ascii")
        except FileNotFoundError:
            return 0
        return int(text) if text.isdecimal() else 0

    def mark(self, depth: int) -> None:
        """Note that the clone is whole, and how deep it was fetched."""
        draft = self.folder / f"{_MADE}.new"
        draft.write_text(str(depth), encoding="ascii")
        draft.replace(self.folder / _MADE)

    def doubt(self) -> None:
        """Have the clone made anew by the next one who fetches."""
        (self.folder / _MADE).unlink(missing_ok=True)


class CloneCache:
    """Clones below one folder, which belongs to us alone. All methods: SourceError where the disk does not obey.

    Each is locked between processes by whoever fetches; whoever reads keeps it from being removed. The locks are free
    again when their holder ends. A clone is named by a hash of its address, so no name reaches the disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_bytes: int,
        most_repositories: int = 500,
        bounds: Bounds | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.most_bytes = most_bytes
        self.bounds = bounds or Bounds()
        self.environ = environ
        self._folder = folder.absolute()
        self._most_repositories = most_repositories

    @asynccontextmanager
    async def turn(self, address: CloneAddress) -> AsyncIterator[Place]:
        """Be the only one who writes to this repository's clone, which may not exist yet."""
        place = self._place(address.key)
        await asyncio.to_thread(self._make_folder)
        async with locked(place.turn, most_s=self.bounds.wait_s):
            try:
                yield place
            finally:
                await asyncio.to_thread(_sweep, place.folder)

    @asynccontextmanager
    async def use(self, place: Place) -> AsyncIterator[None]:
        """Keep a clone from being removed while it is read. Begin it while it is your turn."""
        async with locked(place.use, is_shared=True, most_s=self.bounds.wait_s):
            os.utime(place.use)
            yield

    async def prepare(self, place: Place, *, object_format: str) -> bool:
        """Have a clone there, made anew if there was none or a half-made one; gives whether it was there."""
        if place.depth:
            await asyncio.to_thread(_sweep, place.folder)
            return True
        await self.discard(place)
        draft = place.folder.with_suffix(f".{secrets.token_hex(4)}.new")
        options = ("--bare", "--quiet", "--template=", f"--object-format={object_format}")
        await making_git(self._folder, self.environ).run("init", *options, str(draft))
        draft.chmod(0o700)
        draft.replace(place.folder)
        return False

    async def discard(self, place: Place) -> None:
        """Throw a clone away. Errors: CloneBroken if others read it."""
        if not place.folder.exists():
            return
        with locked_at_once(place.use) as is_ours:
            if not is_ours:
                raise CloneBroken("The clone is broken, and cannot be made anew while it is read.")
            trash = self._throw_away(place)
        await asyncio.to_thread(shutil.rmtree, trash, ignore_errors=True)

    async def evict(self) -> None:
        """Remove those that were not used for longest until the rest is within bounds; what is in use stays."""
        await asyncio.to_thread(self._evict)

    def _evict(self) -> None:
        self._remove_leftovers()
        sizes = {folder: size_of(folder) for folder in self._folder.glob("*.git")}
        total, count = sum(sizes.values()), len(sizes)
        for folder in sorted(sizes, key=lambda each: _used_at(self._place(each.stem))):
            if total <= self.most_bytes and count <= self._most_repositories:
                return
            if self._removed(self._place(folder.stem)):
                total, count = total - sizes[folder], count - 1

    def _removed(self, place: Place) -> bool:
        with locked_at_once(place.turn) as may_write, locked_at_once(place.use) as is_unread:
            if not may_write or not is_unread or not place.folder.exists():
                return False
            trash = self._throw_away(place)
        shutil.rmtree(trash, ignore_errors=True)
        return True

    def _throw_away(self, place: Place) -> Path:
        """Move it out of sight at once: to delete takes time, and may be cut short."""
        trash = self._folder / f"{_TRASH}{secrets.token_hex(8)}"
        place.folder.replace(trash)
        return trash

    def _remove_leftovers(self) -> None:
        """What others began to remove or to make before they died."""
        for trash in self._folder.glob(f"{_TRASH}*"):
            shutil.rmtree(trash, ignore_errors=True)
        for draft in self._folder.glob("*.new"):
            with locked_at_once(self._place(draft.name.partition(".")[0]).turn) as is_ours:
                if is_ours:
                    shutil.rmtree(draft, ignore_errors=True)

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            state = self._folder.stat()
            if state.st_uid != os.getuid():
                raise SourceError(f"The folder for clones belongs to another user: {self._folder}.")
            if state.st_mode & 0o077:
                self._folder.chmod(0o700)
        except OSError as error:
            raise SourceError(f"The folder for clones cannot be made: {self._folder}: {error.strerror}.") from error

    def _place(self, key: str) -> Place:
        return Place(
            folder=self._folder / f"{key}.git", turn=self._folder / f"{key}.turn", use=self._folder / f"{key}.use"
        )


def _used_at(place: Place) -> float:
    with suppress(FileNotFoundError):
        return place.use.stat().st_mtime
    return 0.0


def _sweep(folder: Path) -> None:
    """Remove what a git that was killed left: it would fill the disk, or keep the next one from writing."""
    for left in _left_behind(folder):
        left.unlink(missing_ok=True)


def _left_behind(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.lock")
    yield from folder.glob("shallow_*")
    yield from folder.glob("objects/pack/tmp_*")
    yield from folder.glob("objects/pack/.tmp*")
    yield from (folder / "refs").rglob("*.lock")
