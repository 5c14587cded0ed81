"""A Model that holds a permit while it asks, and the permits of one process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from mesrai.llm.model import Answer, Model, Permits, Profile, Prompt


class Limited:
    """Keeps at most `limit` requests in flight on an account.

    It stands directly around the model that sends them: no permit is held while someone waits to ask again.
    """

    def __init__(self, model: Model, permits: Permits, *, account: str, limit: int | None) -> None:
        """Ask `model` under permits of `account`; `limit` None is no limit."""
        self._model = model
        self._permits = permits
        self._account = account
        self._limit = limit

    @property
    def profile(self) -> Profile:
        """The model's own."""
        return self._model.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """Wait for a permit, then ask. Errors: the model's."""
        async with self._permits.hold(self._account, self._limit):
            return await self._model.ask(prompt)


@dataclass(slots=True)
class _Queue:
    """Who is in flight on one account, and who waits."""

    out_count: int = 0
    waiting: deque[tuple[int, asyncio.Future[None]]] = field(default_factory=deque)  # its limit, and what wakes it


class InProcessPermits:
    """Permits for the tasks of one event loop, given in the order they were asked for."""

    def __init__(self) -> None:
        """No permit is out."""
        self._queues: dict[str, _Queue] = {}

    def hold(self, account: str, limit: int | None) -> AbstractAsyncContextManager[None]:
        """Wait for a permit on `account` (at most `limit` are out at once; None is no limit), give it back on exit."""
        return self._held(account, limit)

    @asynccontextmanager
    async def _held(self, account: str, limit: int | None) -> AsyncIterator[None]:
        queue = self._queues.setdefault(account, _Queue())
        await _take(queue, limit)
        try:
            yield
        finally:
            _give_back(queue)
            if not queue.out_count and not queue.waiting:
                self._queues.pop(account, None)


async def _take(queue: _Queue, limit: int | None) -> None:
    if limit is None or (queue.out_count < max(limit, 1) and not queue.waiting):
        queue.out_count += 1
        return
    turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    place = (max(limit, 1), turn)
    queue.waiting.append(place)
    try:
        await turn
    except asyncio.CancelledError:
        if turn.done() and not turn.cancelled():
            _give_back(queue)  # the permit came together with the cancellation
        elif place in queue.waiting:
            queue.waiting.remove(place)
            _wake(queue)
        raise


def _give_back(queue: _Queue) -> None:
    queue.out_count -= 1
    _wake(queue)


def _wake(queue: _Queue) -> None:
    """Hand permits to those who wait longest; a permit counts as out from here on."""
    while queue.waiting and queue.out_count < queue.waiting[0][0]:
        _, turn = queue.waiting.popleft()
        if not turn.done():
            queue.out_count += 1
            turn.set_result(None)
