"""Reviews: start, list, look at, watch, cancel, have done again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.responses import Response, StreamingResponse

from mesrai.domain.command import Scope
from mesrai.domain.pull_request_address import read_pull_request_address
from mesrai.domain.roles import Right
from mesrai.errors import StoreError, UserError
from mesrai.flows import connect_forge, steer
from mesrai.flows.receive import REVIEW
from mesrai.jobs.queue import Waiting
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import cut, seconds, when
from mesrai.server.api.problems import ApiError, Code, not_found
from mesrai.server.api.rooms.review_shapes import (
    AskAgain,
    AskedFor,
    ReviewAt,
    ReviewDetail,
    ReviewList,
    ReviewQuery,
    ReviewSummary,
    StartReview,
    fields_of,
    summary_of,
    waiting_of,
)
from mesrai.store.review_events import events_of
from mesrai.store.reviews import KeptReview, ReviewFilter, find_report, find_review, newest_reviews

_SCOPES: Final = {"usual": Scope.USUAL, "full": Scope.FULL, "fast": Scope.FAST, "deep": Scope.DEEP}
_TAG: Final = "reviews"
_LOOK_S: Final = 0.5
_QUIET_S: Final = 15.0  # after which a watcher is told that we are still there
_WATCHED_S: Final = 3_600.0  # for which one connection is kept; watchers come again
_MOST_JOBS: Final = 1_000


async def start(call: Call) -> AskedFor:
    """POST /reviews."""
    asked = call.read(StartReview)
    name, number = _meant(asked, call.house.forge.host)
    desk = call.house.connecting(call.who)
    found = await connect_forge.review_now(desk, name, number, _SCOPES[asked.scope])
    return AskedFor(id=f"job-{found.job}", repository=name, pull_request=number)


async def list_reviews(call: Call) -> ReviewList:
    """GET /reviews."""
    asked = call.read(ReviewQuery)
    if asked.pull_request and not asked.repository:
        raise ApiError(Code.INVALID, "A pull request is meant together with its repository.")
    chosen = ReviewFilter(
        organisation=call.house.organisation,
        repository=asked.repository,
        subject=f"{asked.repository}#{asked.pull_request}" if asked.pull_request else "",
        outcomes=(asked.state,) if asked.state else (),
        since=seconds(asked.since),
        until=seconds(asked.until),
        author=asked.author,
        severity=asked.severity or "",
        title=asked.title,
    )
    try:
        found = await newest_reviews(call.house.database, chosen, most=asked.limit + 1, after=asked.after)
    except UserError as error:
        raise ApiError(Code.INVALID, error.message) from error
    shown, has_more = cut(list(found), asked.limit)
    return ReviewList(items=[summary_of(each) for each in shown], next=shown[-1].cursor if has_more else None)


async def show(call: Call) -> ReviewDetail:
    """GET /reviews/{review}."""
    name = call.read(ReviewAt).review
    kept = await _kept(call, name)
    if kept is None:
        job = await _job_of(call, name)
        if job is None:
            raise not_found("review")
        return ReviewDetail(**fields_of(waiting_of(name, job)), report=msgspec.Raw(b"null"))
    report = await find_report(call.house.database, kept.id)
    return ReviewDetail(**fields_of(summary_of(kept)), report=msgspec.Raw((report or "null").strip().encode()))


async def watch(call: Call) -> Response:
    """GET /reviews/{review}/events."""
    kept = await _kept(call, call.read(ReviewAt).review)
    if kept is None:
        raise not_found("review")
    shown = call.request.headers.get("last-event-id", "")
    after = int(shown) if shown.isascii() and shown.isdecimal() and len(shown) < 16 else 0
    return StreamingResponse(_told(call, kept.id, after), media_type="text/event-stream")


async def cancel(call: Call) -> ReviewSummary:
    """POST /reviews/{review}/cancel."""
    name = call.read(ReviewAt).review
    kept = await _kept(call, name)
    if kept is None:
        job = await _job_of(call, name)
        if job is None:
            raise not_found("review")
        try:
            await steer.cancel(desk_of(call), job.id)
        except UserError as error:
            raise ApiError(Code.CONFLICT, error.message) from error
        return msgspec.structs.replace(waiting_of(name, job), state="stopped")
    if kept.is_over:
        raise ApiError(Code.CONFLICT, f"The review is over already: {kept.outcome}.")
    await steer.stop(desk_of(call), kept)
    return summary_of(await _kept(call, name) or kept)


async def again(call: Call) -> AskedFor:
    """POST /reviews/{review}/retry: a review that waits goes on now, any other pull request is reviewed anew."""
    name = call.read(ReviewAt).review
    kept, job = await _kept(call, name), await _job_of(call, name)
    if kept is None and job is None:
        raise not_found("review")
    if job is not None and await call.house.queue.retry(job.id):
        return _asked(f"job-{job.id}", job.subject)
    if kept is None:
        raise ApiError(Code.CONFLICT, "The review is being carried out.")
    number = await steer.review_again(desk_of(call), kept, _SCOPES[call.read(AskAgain).scope])
    return _asked(f"job-{number}", kept.subject)


def desk_of(call: Call) -> steer.Desk:
    """What the stories about reviews and jobs need."""
    house = call.house
    name = call.caller.member.name or call.who
    return steer.Desk(
        database=house.database, queue=house.queue, organisation=house.organisation, who=call.who, name=name
    )


async def find_own(call: Call, name: str) -> KeptReview:
    """A review of the caller's organisation. Errors: ApiError if there is none."""
    kept = await _kept(call, name)
    if kept is None:
        raise not_found("review")
    return kept


async def _kept(call: Call, name: str) -> KeptReview | None:
    kept = await find_review(call.house.database, name)
    return kept if kept is not None and kept.organisation == call.house.organisation else None


async def _job_of(call: Call, name: str) -> Waiting | None:
    """The review's job while it is not done; None if there is none."""
    text = name.removeprefix("job-")
    if text == name or not text.isascii() or not text.isdecimal() or len(text) > 15:
        return None
    standing = await call.house.queue.standing(most=_MOST_JOBS)
    return next((each for each in standing if each.id == int(text) and each.kind == REVIEW), None)


def _meant(asked: StartReview, here: str) -> tuple[str, int]:
    """The repository and the number. Errors: UserError, ApiError."""
    if asked.url and not asked.repository and not asked.number:
        address = read_pull_request_address(asked.url)
        host = address.origin.partition("://")[2] or here
        return f"{host}/{address.owner}/{address.name}", address.number
    if asked.url or not asked.repository or not asked.number:
        raise ApiError(Code.INVALID, "Give either `url`, or `repository` and `number`.")
    return asked.repository, asked.number


def _asked(review: str, subject: str) -> AskedFor:
    repository, _, number = subject.partition("#")
    return AskedFor(id=review, repository=repository, pull_request=int(number))


async def _told(call: Call, review: str, after: int) -> AsyncIterator[str]:
    """What happened and happens, as server-sent events, until the review is over."""
    database, quiet, watched = call.house.database, 0.0, 0.0
    while watched < _WATCHED_S:
        try:
            kept = await find_review(database, review)
            found = await events_of(database, review, after=after)
        except StoreError:
            return  # the watcher comes again, with the number of the last event
        for each in found:
            after, quiet = each.id, 0.0
            told = msgspec.json.encode({"at": when(each.at), "kind": each.kind, "told": each.told}).decode()
            yield f"id: {each.id}\nevent: {each.kind}\ndata: {told}\n\n"
        if kept is None or (kept.is_over and not found):
            state = "" if kept is None else kept.outcome
            yield f"event: end\ndata: {msgspec.json.encode({'state': state}).decode()}\n\n"
            return
        if quiet >= _QUIET_S:
            quiet = 0.0
            yield ": still there\n\n"
        if not found:
            await asyncio.sleep(_LOOK_S)
            quiet, watched = quiet + _LOOK_S, watched + _LOOK_S


OPERATIONS: Final = (
    Operation(
        name="startReview",
        tag=_TAG,
        method="POST",
        path="/reviews",
        needs=Right.RUN_REVIEWS,
        told="Have a pull request reviewed now, whatever the policy would leave out.",
        do=start,
        body=StartReview,
        answer=AskedFor,
        status=202,
        errors=(Code.REFUSED,),
        is_once=True,
    ),
    Operation(
        name="listReviews",
        tag=_TAG,
        method="GET",
        path="/reviews",
        needs=Right.SEE_REVIEWS,
        told="List reviews, the newest first.",
        do=list_reviews,
        query=ReviewQuery,
        answer=ReviewList,
    ),
    Operation(
        name="getReview",
        tag=_TAG,
        method="GET",
        path="/reviews/{review}",
        needs=Right.SEE_REVIEWS,
        told="Look at one review with its report; one that has not begun is `waiting`.",
        do=show,
        at=ReviewAt,
        answer=ReviewDetail,
    ),
    Operation(
        name="watchReview",
        tag=_TAG,
        method="GET",
        path="/reviews/{review}/events",
        needs=Right.SEE_REVIEWS,
        told="Watch a review: what happened, then what happens, as server-sent events until `event: end`. "
        "With `Last-Event-ID` only what came after it.",
        do=watch,
        at=ReviewAt,
        answer=str,
        media_type="text/event-stream",
    ),
    Operation(
        name="cancelReview",
        tag=_TAG,
        method="POST",
        path="/reviews/{review}/cancel",
        needs=Right.RUN_REVIEWS,
        told="Stop a review that runs or waits; it ends within seconds, and says on the pull request who stopped it.",
        do=cancel,
        at=ReviewAt,
        answer=ReviewSummary,
        status=202,
        errors=(Code.CONFLICT,),
    ),
    Operation(
        name="retryReview",
        tag=_TAG,
        method="POST",
        path="/reviews/{review}/retry",
        needs=Right.RUN_REVIEWS,
        told="Let a review that waits or failed go on now; of one that is over, review the pull request again.",
        do=again,
        at=ReviewAt,
        body=AskAgain,
        answer=AskedFor,
        status=202,
        errors=(Code.CONFLICT, Code.REFUSED),
        is_once=True,
    ),
)
