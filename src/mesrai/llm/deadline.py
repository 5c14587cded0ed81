"""The time one question may take, which stands still while the question waits for its turn."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Final

_CURRENT: Final[ContextVar["Deadline | None"]] = ContextVar("deadline", default=None)  # of the question a task asks


class Deadline:
    """Ends what runs within it when its time is used up."""

    def __init__(self, seconds: float, *, clock: Callable[[], float]) -> None:
        """Begin to count."""
        self._clock = clock
        self._until = clock() + seconds
        self._scope: asyncio.Timeout | None = None

    @property
    def left_s(self) -> float:
        """What is left of it; not below 0."""
        return max(self._until - self._clock(), 0.0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Cancel what is inside when the time is used up. Errors: TimeoutError."""
        token = _CURRENT.set(self)
        try:
            async with asyncio.timeout(self.left_s) as self._scope:
                yield
        finally:
            self._scope = None
            _CURRENT.reset(token)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time inside."""
        scope = self._scope
        began = self._clock()
        if scope is not None and not scope.expired():
            scope.reschedule(None)
        try:
            yield
        finally:
            self._until += self._clock() - began
            if scope is not None and not scope.expired():
                scope.reschedule(asyncio.get_running_loop().time() + self.left_s)


@contextmanager
def deadline_paused() -> Iterator[None]:
    """Stop the clock of the question that is being asked, if it has one: waiting in a fair queue is no failure."""
    deadline = _CURRENT.get()
    if deadline is None:
        yield
        return
    with deadline.paused():
        yield
