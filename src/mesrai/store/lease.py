"""One process among those that share the store: its row, renewed while the process lives."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import uuid4

from mesrai.domain.pacing import DAY_S, MINUTE_S
from mesrai.errors import StoreError, StoreUnavailable
from mesrai.store.database import Database

_BEATS: Final = 3  # renewals in the time of one lease
_SAFE: Final = 0.9  # of a lease, after which we no longer rely on it: others must not be ahead of us
_KEPT_S: Final = 60.0  # after its lease, before a dead holder's rows are swept away
_AHEAD_S: Final = 3_600.0  # farther in the future than any lease: written while the clock was wrong


class Lease:
    """Keeps this process alive in the eyes of the others.

    A lease that was lost is never regained, since others may have taken what it stood for; a new one can be begun.
    """

    def __init__(self, database: Database, *, lease_s: float, on_lost: Callable[[str], None]) -> None:
        """A lease that is not begun yet. `on_lost` is told why, once for each lease that is lost."""
        self.holder = ""  # empty: there is no lease
        self._database = database
        self._lease_s = lease_s
        self._on_lost = on_lost
        self._ends_at = 0.0  # on the event loop's clock: what others think may be later, never earlier
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_good(self) -> bool:
        """Whether what stands under the lease may be used at this moment."""
        return bool(self.holder) and asyncio.get_running_loop().time() < self._ends_at

    async def begin(self) -> None:
        """Get a lease if there is none. Errors: StoreUnavailable."""
        if self.holder:
            return
        holder, asked_at = uuid4().hex, asyncio.get_running_loop().time()
        await self._database.rows(
            f"INSERT INTO holders (id, until) VALUES (:holder, {self._database.now} + :lease)",
            holder=holder,
            lease=self._lease_s,
        )
        self.holder, self._ends_at = holder, asked_at + _SAFE * self._lease_s
        self._keeper = asyncio.create_task(self._keep())

    async def end(self) -> None:
        """Give it up: all that stood under it is free at once. Errors: StoreUnavailable; it is free later then."""
        holder, self.holder = self.holder, ""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if holder:
            async with self._database.transaction() as statements:
                await statements.rows("DELETE FROM permits WHERE holder = :holder", holder=holder)
                await statements.rows("DELETE FROM holders WHERE id = :holder", holder=holder)

    async def _keep(self) -> None:
        """Renew until the lease is lost."""
        reason = "The process was stopped for too long"
        try:
            async with asyncio.timeout_at(self._ends_at) as limit:
                while True:
                    await asyncio.sleep(self._lease_s / _BEATS)
                    try:
                        if not await self._renewed():
                            break
                    except StoreError as error:
                        reason = error.message.removesuffix(".")
                        await asyncio.sleep(self._lease_s / _BEATS / _BEATS)
                    limit.reschedule(self._ends_at)
        except TimeoutError:
            pass
        finally:
            if self.holder:  # it was not ended
                self.holder, self._keeper = "", None
                self._on_lost(f"{reason}, so its requests were given up: others may be sending in their place.")

    async def _renewed(self) -> bool:
        """Whether the lease still stood, and is longer now. Sweeps up after those that are dead."""
        asked_at, now = asyncio.get_running_loop().time(), self._database.now
        rows = await self._database.rows(
            f"UPDATE holders SET until = {now} + :lease WHERE id = :holder AND until > {now} RETURNING id",
            holder=self.holder,
            lease=self._lease_s,
        )
        if not rows:
            return False
        self._ends_at = asked_at + _SAFE * self._lease_s
        await _sweep(self._database)
        return True


async def _sweep(database: Database) -> None:
    """Delete what no longer counts: nobody waits for it, so it needs no order."""
    now = database.now
    is_dead = f"until < {now} - :kept OR until > {now} + :ahead"
    dead = f"SELECT id FROM holders WHERE {is_dead}"
    with suppress(StoreUnavailable):
        await database.rows(f"DELETE FROM permits WHERE holder IN ({dead})", kept=_KEPT_S, ahead=_AHEAD_S)
        await database.rows(f"DELETE FROM holders WHERE {is_dead}", kept=2 * _KEPT_S, ahead=_AHEAD_S)
        await database.rows(
            f"DELETE FROM admissions WHERE at > {now} + :ahead"
            f" OR (at < {now} - :minute AND (is_for_day = 0 OR at < {now} - :day))",
            minute=MINUTE_S,
            day=DAY_S,
            ahead=_AHEAD_S,
        )
