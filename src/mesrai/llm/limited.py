"""A Model that holds a permit while it asks, and the permits of one process."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from mesrai.domain.pacing import (
    DAY_S,
    MINUTE_S,
    SHORT_WAIT_S,
    Admitted,
    Reduced,
    after_answer,
    after_throttle,
    cap_of,
    day_spent,
    day_wait_s,
    fairest,
    has_windows,
    minute_wait_s,
)
from mesrai.domain.permits import Limits, Wanted
from mesrai.errors import ModelError, ModelThrottled
from mesrai.llm.deadline import deadline_paused
from mesrai.llm.model import Answer, Model, Permits, Profile, Prompt
from mesrai.llm.sizing import request_tokens


class Limited:
    """Asks its model only while it holds a permit of the account.

    It stands directly around the model that sends the requests: no permit is held while someone waits to ask again.
    Waiting for a permit does not count against the deadline of a question.
    """

    def __init__(self, model: Model, permits: Permits, *, account: str, limits: Limits, review: str = "") -> None:
        """Ask `model` under permits of `account`; those of one `review` stand in one queue."""
        self._model = model
        self._permits = permits
        self._account = account
        self._limits = limits
        self._review = review

    @property
    def profile(self) -> Profile:
        """The model's own."""
        return self._model.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """Wait for a permit, then ask. Errors: the model's, those of `Permits.hold`, StoreUnavailable."""
        wanted = Wanted(
            account=self._account,
            limits=self._limits,
            tokens=request_tokens(prompt, self.profile),
            review=self._review,
        )
        with _named(self.profile):
            async with AsyncExitStack() as held:
                with deadline_paused():
                    await held.enter_async_context(self._permits.hold(wanted))
                try:
                    answer = await self._model.ask(prompt)
                except ModelThrottled:
                    await self._permits.throttled(wanted)
                    raise
                await self._permits.answered(wanted)
                return answer


@contextmanager
def _named(profile: Profile) -> Iterator[None]:
    """An error of the permits says which model was to be asked."""
    try:
        yield
    except ModelError as error:
        if not error.provider:
            error.args = (f"{profile.provider}/{profile.model}: {error.message}",)
            error.provider, error.model = profile.provider, profile.model
        raise


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """One who waits."""

    number: int  # in the order they came
    wanted: Wanted
    turn: asyncio.Future[None]


@dataclass(slots=True)
class _Queue:
    """Who is in flight on one account, who waits, and what was let through lately."""

    out: Counter[str] = field(default_factory=Counter)  # by review
    waiting: dict[str, deque[_Place]] = field(default_factory=dict)  # by review; no deque is empty
    admitted: deque[Admitted] = field(default_factory=deque)
    reduced: Reduced | None = None
    timer: asyncio.TimerHandle | None = None  # when a window has room for who is next
    came: int = 0


class InProcessPermits:
    """Permits for the tasks of one event loop. See `Permits`."""

    def __init__(self) -> None:
        """No permit is out."""
        self._queues: dict[str, _Queue] = {}

    def hold(self, wanted: Wanted) -> AbstractAsyncContextManager[None]:
        """Wait for a permit, and give it back on exit."""
        return self._held(wanted)

    async def throttled(self, wanted: Wanted) -> None:
        """Lower the cap."""
        queue, now = self._queue(wanted), _now()
        queue.reduced = after_throttle(queue.reduced, wanted.limits, out_count=queue.out.total(), now=now)

    async def answered(self, wanted: Wanted) -> None:
        """Raise a lowered cap, if it was quiet for a while."""
        queue = self._queue(wanted)
        if queue.reduced is not None:
            queue.reduced = after_answer(queue.reduced, now=_now())
            _let_through(queue)

    def _queue(self, wanted: Wanted) -> _Queue:
        return self._queues.setdefault(wanted.account, _Queue())

    @asynccontextmanager
    async def _held(self, wanted: Wanted) -> AsyncIterator[None]:
        queue = self._queue(wanted)
        await _take(queue, wanted)
        try:
            yield
        finally:
            _give_back(queue, wanted)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _take(queue: _Queue, wanted: Wanted) -> None:
    queue.came += 1
    place = _Place(queue.came, wanted, asyncio.get_running_loop().create_future())
    queue.waiting.setdefault(wanted.review, deque()).append(place)
    _let_through(queue)
    try:
        await place.turn
    except asyncio.CancelledError:
        if place.turn.done() and not place.turn.cancelled() and place.turn.exception() is None:
            _give_back(queue, wanted)  # the permit came together with the cancellation
        else:
            _remove(queue, place)
            _let_through(queue)
        raise


def _give_back(queue: _Queue, wanted: Wanted) -> None:
    queue.out[wanted.review] -= 1
    if not queue.out[wanted.review]:
        del queue.out[wanted.review]
    _let_through(queue)


def _remove(queue: _Queue, place: _Place) -> None:
    line = queue.waiting.get(place.wanted.review)
    if line is not None and place in line:
        line.remove(place)
        if not line:
            del queue.waiting[place.wanted.review]


def _let_through(queue: _Queue) -> None:
    """Give permits to those whose turn it is, while there is room; a permit counts as out from here on.

    Nobody overtakes the one whose turn it is, so that a large request or a lower limit is not passed over for ever.
    """
    if queue.timer is not None:
        queue.timer.cancel()
        queue.timer = None
    while queue.waiting:
        line = queue.waiting[fairest({review: line[0].number for review, line in queue.waiting.items()}, queue.out)]
        place, now = line[0], _now()
        limits, tokens = place.wanted.limits, place.wanted.tokens
        cap = cap_of(limits, queue.reduced)
        if cap is not None and queue.out.total() >= cap:
            return
        _forget_old(queue, now - (MINUTE_S if limits.tokens_per_day is None else DAY_S))
        day_wait = day_wait_s(limits, tokens, queue.admitted, now)
        wait = max(minute_wait_s(limits, tokens, queue.admitted, now), day_wait)
        if day_wait <= SHORT_WAIT_S and wait > 0:
            queue.timer = asyncio.get_running_loop().call_later(wait, _let_through, queue)
            return
        _remove(queue, place)
        if place.turn.done():
            continue
        if day_wait > SHORT_WAIT_S:
            place.turn.set_exception(day_spent(limits, time.time() + day_wait))
            continue
        place.turn.set_result(None)
        queue.out[place.wanted.review] += 1
        if has_windows(limits):
            queue.admitted.append(Admitted(at=now, tokens=tokens))


def _forget_old(queue: _Queue, until: float) -> None:
    while queue.admitted and queue.admitted[0].at <= until:
        queue.admitted.popleft()
