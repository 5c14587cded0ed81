"""The queue and the health of the service, for operators."""

from collections import Counter
from typing import Final

from starlette.responses import Response

from mesrai.jobs.queue import State
from mesrai.server.web.visit import Visit

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
        states={str(state): kind for state, kind in _KINDS.items()},
        workers=sorted(workers.items()),
        broken=await visit.house.broken(),
    )
