"""Locks between processes on a file: one is free again as soon as its holder ends, however that happens."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from mesrai.errors import SourceError

_FIRST_WAIT_S = 0.02
_LONGEST_WAIT_S = 0.5
# The descriptor is not inherited by programs that we start, so none of them keeps the lock when we are gone.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@asynccontextmanager
async def locked(path: Path, *, is_shared: bool = False, most_s: float) -> AsyncIterator[None]:
    """Hold the lock for the block; a shared one only keeps others from holding it alone.

    It holds between tasks of one process as well. Errors: SourceError if others hold it longer than `most_s`.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + most_s
    wait = _FIRST_WAIT_S
    with _opened(path) as descriptor:
        while not _take(descriptor, is_shared=is_shared):
            if loop.time() + wait > until:
                raise SourceError(f"The clone {path.stem[:12]} is in use, for longer than {most_s:g} s.")
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_S)
        yield


@contextmanager
def locked_at_once(path: Path) -> Iterator[bool]:
    """Hold the lock alone for the block, if that is possible without waiting; gives whether it is."""
    with _opened(path) as descriptor:
        yield _take(descriptor, is_shared=False)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, _FLAGS, 0o600)
    except OSError as error:
        raise SourceError(f"The lock {path} cannot be opened: {error.strerror}.") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)  # which frees the lock


def _take(descriptor: int, *, is_shared: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
