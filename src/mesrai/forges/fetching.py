"""Fetch from a forge into a clone, within bounds of time and size, and say what went wrong without any secret."""

import asyncio
import os
import re
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path

from mesrai.domain.secret import Secret
from mesrai.errors import (
    ForgeAuth,
    ForgeError,
    ForgeNotFound,
    ForgeRateLimited,
    ForgeUnavailable,
    MesraiError,
    SourceError,
)
from mesrai.forges.git import Ended, Git
from mesrai.forges.together import together

_STATUS = re.compile(r"returned error: (\d{3})|\bHTTP (\d{3})\b")
_UNKNOWN_REF = re.compile(r"couldn't find remote ref (\S+)|not our ref ([0-9a-f]+)")
_NO_CREDENTIAL = re.compile(r"could not read (?:Username|Password)|Authentication failed|terminal prompts disabled")
_NETWORK = re.compile(
    r"Could not resolve|Failed to connect|Couldn't connect|Connection (?:timed out|refused|reset|died)|timed out"
    r"|Empty reply|SSL|certificate|early EOF|hung up|unexpected disconnect|RPC failed|Operation too slow|Recv failure"
    r"|transfer closed|unable to access|expected '?(?:packfile|acknowledgments|flush)"
)
_FAULTY = re.compile(r"fsck|hasDot|gitmodules|malformed|unterminated|^error: object [0-9a-f]{40,64}: \w+: ")
_LOOK_S = 0.1
_WAIT_S = 60.0  # after a refusal that does not say how long


class RefUnknown(SourceError):
    """The forge does not have this ref or commit."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"The forge has no {ref}.")
        self.ref = ref


class RepositoryRefused(SourceError):
    """What the forge sends is not taken; another try would end the same way."""


class CloneBroken(SourceError):
    """The clone on disk cannot be used."""


class Fetching:
    """Fetches into one clone with one credential."""

    def __init__(
        self, git: Git, *, authorization: Secret | None, blob_limit: int, most_bytes: int, most_s: float
    ) -> None:
        """`git` is one that may fetch; `most_bytes` is what a fetch may add to the disk."""
        self._git = git
        self._authorization = authorization
        self._filter = f"--filter=blob:limit={blob_limit}"
        self._most_bytes = most_bytes
        self._most_s = most_s
        self.depth = 0  # that was reached

    async def fetch(self, refspecs: Sequence[str], *, depth: int) -> None:
        """Fetch full refspecs, so deep.

        Errors: RefUnknown, ForgeAuth, ForgeNotFound, ForgeRateLimited, ForgeUnavailable; RepositoryRefused; CloneBroken
        where a new clone may do.
        """
        packs = self._git.folder / "objects" / "pack"
        async with together() as group:
            watching = group.create_task(self._watch(packs, size_of(packs) + self._most_bytes))
            ended = await self._run(
                *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"),
                *(f"--depth={depth}", self._filter, "--end-of-options", "origin", *refspecs),
            )
            watching.cancel()
        if ended.code != 0:
            raise failure_in(self._without_secret(ended.complaint))
        self.depth = max(self.depth, depth)

    async def join_packs(self) -> None:
        """Make one pack of many. Errors: CloneBroken."""
        git = self._git.at(self._git.folder, variables={"GIT_ALLOW_PROTOCOL": ""})
        try:
            await git.run("repack", "-a", "-d", "-q", most_s=self._most_s)
        except SourceError as error:
            raise CloneBroken(error.message) from error

    async def _run(self, *arguments: str) -> Ended:
        try:
            return await self._git.ask(*arguments, accept=range(-64, 256), most_s=self._most_s)
        except SourceError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise ForgeUnavailable(f"To fetch took longer than {self._most_s:g} s and was stopped.") from error
            raise

    async def _watch(self, folder: Path, most: int) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            if size_of(folder) > most:
                raise RepositoryRefused(
                    f"The repository is larger than {self._most_bytes / 1_000_000:,.1f} MB, which is all the room there"
                    " is for clones."
                )

    def _without_secret(self, said: str) -> str:
        """A forge may repeat what it was sent."""
        for part in _parts_of(self._authorization):
            said = said.replace(part, "••••")
        return said


def failure_in(said: str) -> MesraiError:
    """The error for git's complaint about a fetch."""
    if unknown := _UNKNOWN_REF.search(said):
        return RefUnknown(unknown[1] or unknown[2])
    if _NO_CREDENTIAL.search(said):
        return ForgeAuth("The forge asks git for credentials, or does not accept those it was given.", status=401)
    if status := _STATUS.search(said):
        return _failure_of(int(status[1] or status[2]), said)
    if said.startswith("fatal: repository") and "not found" in said:
        return ForgeNotFound("The forge has no such repository, or does not show it to us.", status=404)
    if _NETWORK.search(said):
        return ForgeUnavailable(f"The forge could not be reached with git: {said}")
    if _FAULTY.search(said):
        return RepositoryRefused(f"The repository holds an object that git refuses: {said}")
    return CloneBroken(f"git fetch failed: {said or 'without a word'}")


def size_of(folder: Path) -> int:
    """Bytes of all files below the folder, as far as they are there."""
    total = 0
    for inner, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(inner, name)).st_size  # noqa: PTH118 - many small files
            except FileNotFoundError:
                continue  # it was removed meanwhile
    return total


def _parts_of(authorization: Secret | None) -> Sequence[str]:
    """All that is secret in a header: itself, what follows its scheme, and the password inside."""
    if authorization is None:
        return ()
    value = authorization.open()
    credential = value.rpartition(" ")[2]
    try:
        password = b64decode(credential, validate=True).decode().partition(":")[2]
    except ValueError:
        password = ""
    return [part for part in (value, credential, password) if part]


def _failure_of(status: int, said: str) -> ForgeError:
    if status == 429:
        return ForgeRateLimited("The forge limits how fast git may ask.", retry_after_s=_WAIT_S, status=status)
    if status in (401, 403):
        return ForgeAuth("The forge does not let git read this repository.", status=status)
    if status in (404, 410):
        return ForgeNotFound("The forge has no such repository, or does not show it to us.", status=status)
    if 300 <= status < 400:
        return ForgeNotFound(
            f"The repository is elsewhere now: the forge answers with a redirect ({status}), and none is followed.",
            status=status,
        )
    return ForgeUnavailable(f"The forge failed while git fetched: {said}", status=status)
