"""The queue and the health of the service, for operators."""

from collections import Counter
from typing import Final

from starlette.responses import Response

from mesrai.domain.roles import Right
from mesrai.errors import UserError
from mesrai.flows import steer
from mesrai.flows.receive import REVIEW
from mesrai.jobs.queue import State
from mesrai.server.web.pages.reviews import desk_of
from mesrai.server.web.visit import Visit
from mesrai.store.reviews import begun_among

_KINDS: Final = {
    State.WAITING: "",
    State.PARKED: "warn",
    State.RUNNING: "good",
    State.LOST: "bad",
    State.FAILED: "bad",
}
_MOST: Final = 200


async def show(visit: Visit) -> Response:
    """GET /queue."""
    jobs = await visit.house.queue.standing(most=_MOST)
    workers = Counter(job.worker for job in jobs if job.state is State.RUNNING)
    return visit.page(
        "queue.html",
        jobs=jobs,
        begun=await begun_among(visit.house.database, [f"job-{job.id}" for job in jobs if job.kind == REVIEW]),
        now=visit.house.now(),
        states={str(state): kind for state, kind in _KINDS.items()},
        may_edit=visit.may(Right.EDIT_QUEUE),
        workers=sorted(workers.items()),
        broken=await visit.house.broken(),
    )


async def retry(visit: Visit) -> Response:
    """POST /queue/{job}/retry."""
    try:
        job = await steer.retry(desk_of(visit), _job(visit))
    except UserError as error:
        return visit.go("/queue", error.message, kind="bad")
    return visit.go("/queue", f"{job.subject} is due now.")


async def cancel(visit: Visit) -> Response:
    """POST /queue/{job}/cancel."""
    try:
        job = await steer.cancel(desk_of(visit), _job(visit))
    except UserError as error:
        return visit.go("/queue", error.message, kind="bad")
    return visit.go("/queue", f"The {job.kind} of {job.subject} is taken out of the queue, or is being stopped.")


def _job(visit: Visit) -> int:
    text = visit.path("job")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else 0
