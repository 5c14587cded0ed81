"""The files of a repository's default branch, for pages that show what they say."""

import time
from dataclasses import dataclass
from typing import Final

from mesrai.assembly.hosts import Hosts
from mesrai.errors import SettingsError
from mesrai.flows.connect_forge import repository_named
from mesrai.forges.forge import Files
from mesrai.forges.github.central import CentralRepository

_CANNOT: Final = "{} cannot be read: {}"
_FRESH_S: Final = 30.0  # so long the host is not asked anew whether the branch has moved
_MOST: Final = 100  # repositories whose files are remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    at: float
    files: Files


class RepositoryFiles:
    """The files of any repository that the host's credentials reach."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._repositories: dict[str, CentralRepository] = {}
        self._read: dict[str, _Read] = {}

    async def of(self, name: str) -> Files:
        """Those of a repository such as `github.com/owner/name`. Errors: ForgeError, SourceError, SettingsError."""
        host = await self._hosts.current()
        if host is None:
            raise SettingsError("No code host is connected.")
        repository = repository_named(name)
        read = self._read.get(name)
        if read is not None and time.monotonic() - read.at < _FRESH_S:
            return read.files
        known = self._repositories.pop(name, None) or CentralRepository(
            repository.path, self._hosts.transport, cannot=_CANNOT
        )
        files = await known.files()
        self._repositories[name] = known
        self._read[name] = _Read(at=time.monotonic(), files=files)
        for oldest in list(self._repositories)[:-_MOST]:
            self._repositories.pop(oldest)
            self._read.pop(oldest, None)
        return files
