"""How the change of a pull request is read: from a clone, or through the code host's interface."""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from mesrai.domain.pull_request import PullRequest
from mesrai.errors import SettingsError
from mesrai.forges.clone_cache import CloneCache
from mesrai.forges.clones import open_pull_request
from mesrai.forges.forge import Source
from mesrai.forges.github.client import GitHub
from mesrai.settings.serving import Serving, SourceMode


@asynccontextmanager
async def source_of(
    cache: CloneCache | None, forge: GitHub, pull_request: PullRequest, since: str
) -> AsyncIterator[Source]:
    """What came after `since`, or all of it; without a cache nothing is cloned. Errors: SourceError, ForgeError."""
    if cache is None:
        async with forge.source(pull_request, since) as source:
            yield source
        return
    access = await forge.git_access()
    async with open_pull_request(cache, access.url, pull_request, authorization=access.header, since=since) as cloned:
        yield cloned


def clones_of(told: Serving, environ: Mapping[str, str]) -> CloneCache | None:
    """Where pull requests are cloned to; None if they are read through the forge's interface. Errors: SettingsError."""
    has_git = shutil.which("git", path=environ.get("PATH", os.defpath)) is not None
    if told.source is SourceMode.CLONE and not has_git:
        raise SettingsError("MESRAI_SOURCE: git was not found on PATH. Install git, or set MESRAI_SOURCE=api.")
    if told.source is SourceMode.API or not has_git:
        return None
    return CloneCache(told.clones, most_bytes=told.clones_bytes)
