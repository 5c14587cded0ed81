"""Hold a job while it is carried out: its lease is renewed, and what takes the job away ends the work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from mesrai.errors import LeaseLost, StoreError
from mesrai.jobs.queue import Job, Queue

_LOOK_S: Final = 2.0  # between two looks whether somebody wants the work stopped

Look = Callable[[], Awaitable[str]]  # who wants it stopped; empty: nobody. Errors: StoreError


@asynccontextmanager
async def held(queue: Queue, job: Job, *, renew_s: float, look: Look | None = None) -> AsyncIterator[asyncio.Event]:
    """Renew the job's lease every `renew_s` seconds while the block runs.

    The event says that a newer job of its subject waits, or that `look` names somebody who wants it stopped. Errors:
    LeaseLost, which ends the block wherever it is.
    """
    stop = asyncio.Event()
    lost: list[LeaseLost] = []
    task = asyncio.current_task()

    async def renew() -> None:
        while True:
            await asyncio.sleep(renew_s)
            try:
                if not await queue.renew(job):
                    stop.set()
            except LeaseLost as error:
                lost.append(error)
                if task is not None:
                    task.cancel()
                return
            except StoreError:
                continue  # it may work next time; if not, the lease ends and the queue says so

    keepers = [asyncio.create_task(renew())]
    if look is not None:
        keepers.append(asyncio.create_task(_watched(look, stop, min(_LOOK_S, renew_s))))
    try:
        yield stop
    except asyncio.CancelledError:
        if lost and task is not None:
            task.uncancel()
            raise lost[0] from None
        raise
    finally:
        for keeper in keepers:
            keeper.cancel()


async def _watched(look: Look, stop: asyncio.Event, every_s: float) -> None:
    """Set `stop` when somebody wants it."""
    while not stop.is_set():
        await asyncio.sleep(every_s)
        with suppress(StoreError):  # the next look may work
            if await look():
                stop.set()
