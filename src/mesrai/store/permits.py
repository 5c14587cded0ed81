"""Permits that all processes share which use the same store."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Self

from mesrai.domain.pacing import day_spent
from mesrai.domain.permits import Wanted
from mesrai.errors import MesraiError, ModelUnavailable, StoreError, StoreUnavailable
from mesrai.store.database import Database
from mesrai.store.granting import Granted, News, step
from mesrai.store.lease import Lease

LEASE_S: Final = 30.0
_QUICK_S: Final = 0.005  # between looks whether others let one of us through, growing while nothing changes
_SLOW_S: Final = 0.25
_SLOWER: Final = 1.3
_STEP_S: Final = 1.0  # at the latest, while somebody waits: processes die, and windows open
_CLOSING_S: Final = 5.0


@dataclass(slots=True, eq=False, kw_only=True)
class _Place:
    """One who wants a permit, or holds it."""

    number: int
    wanted: Wanted
    turn: asyncio.Future[None]
    scope: asyncio.Timeout | None = None  # what its request runs in
    lost: str = ""  # why its permit is no longer good


@dataclass(slots=True, kw_only=True)
class _Account:
    """What this process knows of one account."""

    news: News = field(default_factory=News)
    waiting: dict[int, _Place] = field(default_factory=dict)  # by number
    out: dict[int, _Place] = field(default_factory=dict)
    step_at: float = 0.0  # when to step even without news, if somebody waits

    @property
    def has_news(self) -> bool:
        return self.news != News()


class StorePermits:
    """Permits counted in the store. See `Permits`; use it as a context manager.

    One task speaks with the store for all: it takes what happened meanwhile to the store in one transaction, so a
    permit that is given back goes at once to whoever is next, in whatever process. What it could not write it tries
    again. Beside the errors of `Permits.hold`, waiting raises StoreUnavailable: without the store nothing is sent.
    If the lease is lost, requests in flight end with ModelUnavailable.
    """

    def __init__(self, database: Database, *, lease_s: float = LEASE_S) -> None:
        """Permits in `database`. A process that dies frees its permits within `lease_s`."""
        self._database = database
        self._lease = Lease(database, lease_s=lease_s, on_lost=self._lose)
        self._accounts: dict[str, _Account] = {}
        self._came = 0
        self._wake = asyncio.Event()
        self._poll_s = _QUICK_S
        self._looked_at = 0.0
        self._closing = False
        self._clerk: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start; the store is not asked before a permit is wanted."""
        self._clerk = asyncio.create_task(self._run())
        self._clerk.add_done_callback(self._stopped)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give everything back; if the store is away, it is free when the lease ends."""
        self._closing = True
        self._wake.set()
        assert self._clerk is not None  # noqa: S101 - it was entered
        await asyncio.wait([self._clerk], timeout=_CLOSING_S)
        self._clerk.cancel()
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await self._lease.end()

    def hold(self, wanted: Wanted) -> AbstractAsyncContextManager[None]:
        """Wait for a permit, and give it back on exit."""
        return self._held(wanted)

    async def throttled(self, wanted: Wanted) -> None:
        """Have the cap lowered, for all processes."""
        self._account(wanted).news.throttled = wanted.limits
        self._wake.set()

    async def answered(self, wanted: Wanted) -> None:
        """Have a lowered cap raised, if it was quiet for a while; told with what is given back."""
        self._account(wanted).news.is_answered = True

    def _account(self, wanted: Wanted) -> _Account:
        return self._accounts.setdefault(wanted.account, _Account())

    @asynccontextmanager
    async def _held(self, wanted: Wanted) -> AsyncIterator[None]:
        place = self._come(wanted)
        try:
            await place.turn
            if place.lost or not self._lease.is_good:
                raise _lost(place, calls=0)
            async with asyncio.timeout(None) as place.scope:
                yield
        except TimeoutError as passed:
            if place.scope is None or not place.scope.expired():
                raise
            raise _lost(place, calls=1) from passed
        finally:
            self._leave(place)

    def _come(self, wanted: Wanted) -> _Place:
        if self._clerk is None or self._clerk.done() or self._closing:
            raise StoreUnavailable("Permits are closed.")
        self._came += 1
        place = _Place(number=self._came, wanted=wanted, turn=asyncio.get_running_loop().create_future())
        account = self._account(wanted)
        account.waiting[place.number] = place
        account.news.coming[place.number] = wanted
        self._wake.set()
        return place

    def _leave(self, place: _Place) -> None:
        account = self._account(place.wanted)
        account.waiting.pop(place.number, None)
        account.out.pop(place.number, None)
        if account.news.coming.pop(place.number, None) is None and not place.lost:
            account.news.leaving.add(place.number)
            self._wake.set()

    async def _run(self) -> None:
        """The clerk: speak with the store until closed."""
        while True:
            await self._news_or_time()
            try:
                await self._round()
            except StoreError as error:
                self._refuse_all(error)
                if self._closing:
                    return
                await asyncio.sleep(_SLOW_S)
            if self._closing and not any(account.has_news for account in self._accounts.values()):
                return

    async def _news_or_time(self) -> None:
        if self._closing or any(account.has_news for account in self._accounts.values()):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_s if self._somebody_waits else None):
                await self._wake.wait()
        self._wake.clear()

    async def _round(self) -> None:
        """Take all news to the store, step where it is time, and look who was let through by others."""
        now = asyncio.get_running_loop().time()
        due = [
            (name, account)
            for name, account in self._accounts.items()
            if account.has_news or (account.waiting and now >= account.step_at)
        ]
        if due:
            await self._lease.begin()
        for name, account in due:
            await self._step(name, account)
        if self._somebody_waits and (not due or now - self._looked_at >= _QUICK_S):
            self._looked_at = now
            await self._look()

    @property
    def _somebody_waits(self) -> bool:
        return any(account.waiting for account in self._accounts.values())

    async def _step(self, name: str, account: _Account) -> None:
        """One step with the account's news, which stay news if it fails."""
        holder, news = self._lease.holder, account.news
        if not holder:
            return  # lost a moment ago; the next round begins another
        account.news = News()
        try:
            granted = await step(self._database, name, holder, news)
        except StoreError:
            _put_back(account, news)
            raise
        if holder != self._lease.holder:
            return  # the lease was lost meanwhile: all of this is void, and those who wait came anew
        wait_s = _STEP_S if granted.wait_s is None else min(granted.wait_s, _STEP_S)
        account.step_at = asyncio.get_running_loop().time() + max(wait_s, _QUICK_S)
        if news != News() or granted.numbers:
            self._poll_s = _QUICK_S
        self._tell(account, granted)

    def _tell(self, account: _Account, granted: Granted) -> None:
        self._let_through(account, granted.numbers)
        for number, until in granted.refused.items():
            place = account.waiting.pop(number, None)
            if place is not None and not place.turn.done():
                place.turn.set_exception(day_spent(place.wanted.limits, until))

    async def _look(self) -> None:
        """See who of this process was let through by a step of another."""
        holder = self._lease.holder
        rows = await self._database.rows(
            "SELECT number FROM permits WHERE holder = :holder AND is_out = 1", holder=holder
        )
        if holder != self._lease.holder:
            return
        numbers = {row["number"] for row in rows}
        has_changed = False
        for account in self._accounts.values():
            has_changed |= self._let_through(account, numbers & account.waiting.keys())
        self._poll_s = _QUICK_S if has_changed else min(self._poll_s * _SLOWER, _SLOW_S)

    def _let_through(self, account: _Account, numbers: Collection[int]) -> bool:
        """Whether any of the numbers waited still. One who gave up meanwhile has said so, or will."""
        has_changed = False
        for number in numbers:
            place = account.waiting.pop(number, None)
            if place is not None:
                account.out[number] = place
                has_changed = True
                if not place.turn.done():
                    place.turn.set_result(None)
        return has_changed

    def _lose(self, reason: str) -> None:
        """The lease is lost: end the requests in flight, and have those who wait come anew."""
        for account in self._accounts.values():
            for place in account.out.values():
                place.lost = reason
                if place.scope is not None and not place.scope.expired():
                    place.scope.reschedule(0)
            account.out.clear()
            account.news.leaving.clear()
            account.news.coming = {number: place.wanted for number, place in account.waiting.items()}
        self._wake.set()

    def _refuse_all(self, error: MesraiError) -> None:
        for account in self._accounts.values():
            for place in account.waiting.values():
                if not place.turn.done():
                    place.turn.set_exception(type(error)(error.message))
            account.waiting.clear()

    def _stopped(self, clerk: asyncio.Task[None]) -> None:
        """Nobody waits for a clerk that is gone."""
        failure = None if clerk.cancelled() else clerk.exception()
        self._refuse_all(StoreUnavailable("Permits are closed." if failure is None else f"Permits failed: {failure!r}"))


def _lost(place: _Place, *, calls: int) -> ModelUnavailable:
    error = ModelUnavailable(place.lost or "The process was stopped for too long, so its turn was given up.")
    error.calls = calls
    return error


def _put_back(account: _Account, news: News) -> None:
    """Have news told again that were perhaps not written. Who came with them is refused, and leaves, written or not."""
    later, account.news = account.news, news
    news.coming = later.coming
    news.leaving |= later.leaving
    news.throttled = later.throttled or news.throttled
    news.is_answered |= later.is_answered
