"""What people do about reviews and jobs from outside: stop one, have one done again, retry or cancel a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mesrai.domain.command import Scope
from mesrai.domain.occasion import Trigger
from mesrai.errors import UserError
from mesrai.flows.connect_forge import repository_named
from mesrai.flows.receive import REVIEW
from mesrai.jobs.queue import Queue, State, Waiting
from mesrai.store.audit import add_entry
from mesrai.store.database import Database, Statements
from mesrai.store.pull_requests import USUAL, change_followed, change_followed_in
from mesrai.store.repositories import SWITCHED_OFF, is_switched_off
from mesrai.store.reviews import STOPPED, KeptReview, ask_to_stop, find_review, set_outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What these stories need, and on whose behalf they are told."""

    database: Database
    queue: Queue
    organisation: str
    who: str  # for the audit trail: an address
    name: str  # as others see it, also on the code host


async def stop(desk: Desk, review: KeptReview) -> bool:
    """Have a running or waiting review stopped; False if it is over, or somebody wanted that before.

    Whoever carries it out says on the pull request who stopped it, within seconds. Errors: StoreUnavailable.
    """
    async with desk.database.transaction() as statements:
        if not await ask_to_stop(statements, review.id, desk.name):
            return False
        await _note(desk, statements, "review.stop", review.subject, {"review": review.id})
    job = _job_of(review)
    if await desk.queue.retry(job) or await desk.queue.standing(number=job):
        return True
    now = await find_review(desk.database, review.id)
    if now is not None and not now.is_over:  # its job is gone, so nobody is left to end it
        await set_outcome(desk.database, review.id, STOPPED, reason=f"Stopped by {desk.name}.")
    return True


async def review_again(desk: Desk, review: KeptReview, scope: Scope) -> int:
    """Have its pull request reviewed, as `@mesrai review` does; the job's number. Errors: UserError, StoreError."""
    repository = repository_named(review.repository)
    if not review.number.isdecimal():
        raise UserError("This review is of no pull request.")
    if await is_switched_off(desk.database, desk.organisation, review.repository):
        raise UserError(f"{SWITCHED_OFF.format(review.repository)} Switch them on first.")
    async with desk.database.transaction() as statements:
        followed = await change_followed_in(
            desk.database, statements, review.subject, lambda now: now.with_ask(scope.value or USUAL)
        )
        await _note(desk, statements, "review.ask", review.subject, {"scope": scope.value or USUAL})
    payload = {
        "forge": repository.forge,
        "owner": repository.owner,
        "name": repository.name,
        "number": int(review.number),
        "installation": followed.installation,
        "trigger": Trigger.ASKED.value,
    }
    return await desk.queue.put(REVIEW, review.subject, payload)


async def retry(desk: Desk, number: int) -> Waiting:
    """Have a job that waits, is parked or has failed done now. Errors: UserError if there is none; StoreUnavailable."""
    job = await _standing(desk, number)
    if not await desk.queue.retry(number):
        raise UserError("That job runs, or a newer one has its place.")
    async with desk.database.transaction() as statements:
        await _note(desk, statements, "job.retry", job.subject, {"job": number, "kind": job.kind})
    return job


async def cancel(desk: Desk, number: int) -> Waiting:
    """Take a job that waits out of the queue, or have a review that began stopped.

    Errors: UserError if that cannot be done; StoreUnavailable.
    """
    job = await _standing(desk, number)
    review = await find_review(desk.database, f"job-{number}") if job.kind == REVIEW else None
    if review is not None and not review.is_over:
        await stop(desk, review)
        return job
    if job.state not in (State.WAITING, State.PARKED):
        raise UserError("Only what waits can be taken out of the queue.")
    if await desk.queue.cancel(job.kind, job.subject, f"Cancelled by {desk.name}.") is None:
        raise UserError("It does not wait any more.")
    if job.kind == REVIEW:  # what was asked for is not due any more either
        await change_followed(desk.database, job.subject, lambda now: now.without_ask(now.asks))
    async with desk.database.transaction() as statements:
        await _note(desk, statements, "job.cancel", job.subject, {"job": number, "kind": job.kind})
    return job


async def _standing(desk: Desk, number: int) -> Waiting:
    found = await desk.queue.standing(number=number)
    if not found:
        raise UserError("There is no such job any more.")
    return found[0]


def _job_of(review: KeptReview) -> int:
    number = review.id.removeprefix("job-")
    return int(number) if number.isdecimal() else 0


async def _note(desk: Desk, statements: Statements, what: str, subject: str, details: Mapping[str, Any]) -> None:
    organisation, who = desk.organisation, desk.who
    await add_entry(statements, organisation=organisation, who=who, what=what, subject=subject, details=details)
