"""When one credential may ask GitHub again: writes one after another with a gap, nothing while a limit holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mesrai.errors import ForgeRateLimited

# https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
WRITE_GAP_S: Final = 1.0


class Pace:
    """The pace of one credential in this process. Times are the event loop's."""

    def __init__(self, write_gap_s: float) -> None:
        self._gap_s = write_gap_s
        self._lock = asyncio.Lock()
        self._next_write = 0.0
        self._limited_until: dict[str, float] = {}  # by what is limited

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the only place for a write, once the gap since the one before has passed."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            await asyncio.sleep(max(0.0, self._next_write - loop.time()))
            try:
                yield
            finally:
                self._next_write = loop.time() + self._gap_s

    def check(self, resource: str) -> None:
        """Errors: ForgeRateLimited while a limit is known to hold, since asking all the same prolongs it."""
        left_s = self._limited_until.get(resource, 0.0) - asyncio.get_running_loop().time()
        if left_s > 0:
            raise ForgeRateLimited("GitHub's rate limit is used up for now.", retry_after_s=left_s)

    def limited(self, resource: str, wait_s: float) -> None:
        """Ask nothing of this resource for a while."""
        until = asyncio.get_running_loop().time() + wait_s
        self._limited_until[resource] = max(until, self._limited_until.get(resource, 0.0))
