"""A value that is made when it is first asked for, and then kept."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Once(Generic[Value]):
    """Makes its value at most once, however many ask at the same time; after a failure the next one tries again."""

    def __init__(self, make: Callable[[], Awaitable[Value]]) -> None:
        self._make = make
        self._made: list[Value] = []
        self._turn = asyncio.Lock()

    async def get(self) -> Value:
        """The value. Errors: those of making it."""
        async with self._turn:
            if not self._made:
                self._made.append(await self._make())
            return self._made[0]
