"""Do several things at once, and leave none of them running when one fails."""

from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def together() -> AsyncIterator[TaskGroup]:
    """A task group that raises the first error itself, not a group of errors, once the other tasks have ended."""
    try:
        async with TaskGroup() as group:
            yield group
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
