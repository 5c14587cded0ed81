"""Remember the pushes to a pull request, which decide whether further ones are reviewed."""

from dataclasses import replace
from typing import Final

from mesrai.domain.occasion import Trigger
from mesrai.jobs.queue import Job
from mesrai.store.database import Database
from mesrai.store.pull_requests import Followed, change_followed

_MOST: Final = 101  # whose times are remembered; one more than any cadence counts


async def noted(database: Database, job: Job, *, head: str, installation: int | None, now: float) -> Followed:
    """What is remembered, with this push among the last ones: once, however often the job begins.

    Errors: StoreUnavailable.
    """
    is_push = job.payload.get("trigger") == Trigger.PUSHED and job.attempt == 1

    def changed(before: Followed) -> Followed:
        is_new = is_push and head not in (before.check_sha, before.reviewed_sha)
        pushes = (*before.pushes, now)[-_MOST:] if is_new else before.pushes
        return replace(before, installation=installation, pushes=pushes)

    return await change_followed(database, job.subject, changed)
