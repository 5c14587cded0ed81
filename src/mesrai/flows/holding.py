"""Hold a job while it is carried out: its lease is renewed, and what takes the job away ends the work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mesrai.errors import LeaseLost, StoreError
from mesrai.jobs.queue import Job, Queue


@asynccontextmanager
async def held(queue: Queue, job: Job, *, renew_s: float) -> AsyncIterator[asyncio.Event]:
    """Renew the job's lease every `renew_s` seconds while the block runs.

    The event says that a newer job of its subject waits. Errors: LeaseLost, which ends the block wherever it is.
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

    keeper = asyncio.create_task(renew())
    try:
        yield stop
    except asyncio.CancelledError:
        if lost and task is not None:
            task.uncancel()
            raise lost[0] from None
        raise
    finally:
        keeper.cancel()
