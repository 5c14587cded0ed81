"""Read the change of a throw-away repository in one call."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from tests.repositories import ENVIRONMENT

from mesrai.domain.change import At, Change
from mesrai.domain.diff import Action
from mesrai.domain.selection import Selection
from mesrai.forges.local import LocalSource, open_local

Value = TypeVar("Value")


def with_source(
    folder: Path,
    use: Callable[[LocalSource], Awaitable[Value]],
    selection: Selection | None = None,
    environ: Mapping[str, str] = ENVIRONMENT,
) -> Value:
    async def work() -> Value:
        async with await open_local(folder, selection or Selection(), environ) as source:
            return await use(source)

    return asyncio.run(work())


def change_of(folder: Path, selection: Selection | None = None, environ: Mapping[str, str] = ENVIRONMENT) -> Change:
    return with_source(folder, LocalSource.change, selection, environ)


def file_of(folder: Path, path: str, at: At, selection: Selection | None = None) -> bytes | None:
    return with_source(folder, lambda source: source.file(path, at), selection)


def actions(change: Change) -> dict[str, Action]:
    return {file.path: file.action for file in change.files}
