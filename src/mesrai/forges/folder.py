"""A folder on this machine as the files of a repository: a checkout of the central one."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from mesrai.errors import SettingsError
from mesrai.forges.work_tree import find_bytes

_MOST_FILE = 4 * 1024 * 1024


class FolderFiles:
    """The regular files below a folder. See Files; no symbolic link is followed."""

    def __init__(self, root: Path) -> None:
        """Errors: SettingsError if there is no such folder: without it, half of the rules would be missing."""
        if not root.is_dir():
            raise SettingsError(f"MESRAI_CENTRAL_CONFIG: there is no folder {root}.")
        self.root = root.resolve()
        self.name = str(root)

    async def file(self, path: str) -> bytes | None:
        """See Files."""
        return await asyncio.to_thread(find_bytes, self.root, path, _MOST_FILE)

    async def below(self, folder: str) -> Sequence[str]:
        """See Files."""
        return await asyncio.to_thread(self._below, folder)

    def _below(self, folder: str) -> list[str]:
        found: list[str] = []
        for inner, folders, names in os.walk(self.root / folder):
            folders[:] = [each for each in folders if each != ".git"]
            paths = [Path(inner, name) for name in names]
            found += [
                path.relative_to(self.root).as_posix() for path in paths if path.is_file() and not path.is_symlink()
            ]
        return sorted(found)
