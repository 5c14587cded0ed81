"""What configures reviews of the repository one stands in: its files as they lie there now, and what is saved."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mesrai.cli.model_asked import wishes_for
from mesrai.domain.change import At
from mesrai.domain.saved_policy import NOTHING_SAVED, Saved
from mesrai.domain.selection import Selection
from mesrai.errors import UserError
from mesrai.flows.configured import central_folder
from mesrai.forges.remote import find_remote
from mesrai.review.levels import Levels, Reviewed, read_levels
from mesrai.wiring import local_source, open_installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """A repository, and what configures it."""

    root: Path
    repository: str  # `host/owner/name` if `origin` tells, else the folder's name
    levels: Levels


async def levels_here(folder: str = "", *, is_by_files: bool = False) -> Here:
    """What holds for the repository as a whole, or for a folder or file of it as the person wrote it.

    Without `is_by_files`, what the team saved on the pages is among it, as in a review here: see `wishes_for`.
    Errors: NotARepository, UserError for a path outside the repository, PolicyError, SourceError, SettingsError;
    StoreError, ModelError for what is saved.
    """
    async with local_source(Path.cwd(), Selection()) as source:
        remote = await find_remote(source.root, os.environ)
        name = str(remote or source.root.name)
        central = central_folder(os.environ, source.root)
        saved = NOTHING_SAVED if is_by_files else await _saved("" if remote is None else name)
        levels = await read_levels(Reviewed(source, At.HEAD), central, name, _paths(source.root, folder), saved)
        return Here(root=source.root, repository=name, levels=levels)


async def _saved(repository: str) -> Saved:
    async with open_installation(os.environ) as installation:
        return (await wishes_for(os.environ, installation, repository)).saved


def _paths(root: Path, folder: str) -> Sequence[str]:
    """What stands for the folder: a file in it."""
    if not folder:
        return []
    place = Path(os.path.realpath(folder))
    with suppress(ValueError):
        inner = place.relative_to(root).as_posix()
        if inner == ".":
            return []
        return [f"{inner}/any" if place.is_dir() or not place.exists() else inner]
    raise UserError(f"--path: {folder} is outside the repository {root}.")
