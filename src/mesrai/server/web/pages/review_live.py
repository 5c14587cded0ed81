"""A review while it runs: its steps, batches, questions in flight, and findings as they are verified."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response

from mesrai.jobs.queue import Waiting
from mesrai.server.web.kept import about, address_of, job_named, kept_review, live_values, not_there, result_values
from mesrai.server.web.visit import Patch, Visit
from mesrai.server.web.watching import Progress
from mesrai.store.review_events import events_of
from mesrai.store.reviews import KeptReview, find_review

_LOOK_S: Final = 0.5  # between two looks at what happened
_TICKS: Final = 6  # looks after which the page is told anew how long things take
_MOST_TICKS: Final = 7_200  # looks for one connection; the browser comes again


async def follow(visit: Visit) -> Response:
    """GET /reviews/{review}/live: the page's pieces as server-sent events, and its result at the end."""
    review = await kept_review(visit)
    if review is not None:
        return visit.events(_patches(visit, review))
    job = await job_named(visit)
    return not_there(visit) if job is None else visit.events(_soon(visit, job))


async def _soon(visit: Visit, job: Waiting) -> AsyncIterator[Patch]:
    """Until the review begins, which then is followed by itself."""
    before = ""
    for _ in range(_MOST_TICKS):
        review, now = await kept_review(visit), await job_named(visit)
        if review is not None:
            values = result_values(visit, review) if review.is_over else live_values(visit, review)
            html = visit.text("review_body.html", **about(visit, review), **await values)
            yield Patch(into="soon", html=html)
            return
        if now is None:
            yield Patch(into="soon", html=visit.text("review_soon_body.html", job=job, is_gone=True))
            return
        if now.state != before:
            before = now.state
            yield Patch(into="soon", html=visit.text("review_soon_body.html", job=now, is_gone=False))
        if visit.is_ending:
            return
        await asyncio.sleep(_LOOK_S)


async def _patches(visit: Visit, review: KeptReview) -> AsyncIterator[Patch]:
    database, progress = visit.house.database, Progress()
    before: object = None
    said = ""
    for tick in range(_MOST_TICKS):
        if visit.is_ending:
            return
        now = await find_review(database, review.id)
        if now is None or now.is_over:
            yield await _result(visit, now or review)
            return
        progress.take(await events_of(database, review.id, after=progress.last))
        values = await live_values(visit, now, progress)
        state = (progress.last, now, [call.id for call in values["in_flight"]], values["job"] and values["job"].state)
        if state != before or tick % _TICKS == 0:
            before = state
            yield Patch(into="live", html=visit.text("review_live.html", **about(visit, now), **values))
        if progress.said != said:
            said = progress.said
            yield Patch(into="said", html=visit.text("line.html", line=said))
        await asyncio.sleep(_LOOK_S)


async def _result(visit: Visit, review: KeptReview) -> Patch:
    values = {**about(visit, review), **await result_values(visit, review)}
    return Patch(into="review", html=visit.text("review_result.html", address=address_of(review), **values))
