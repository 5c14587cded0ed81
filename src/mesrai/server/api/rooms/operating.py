"""What operators look at: the queue, the audit trail, the members."""

from typing import Any, Final

from mesrai.domain.roles import Right
from mesrai.errors import UserError
from mesrai.flows import steer
from mesrai.jobs.queue import Waiting
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import Instant, Number, Page, Sent, Shape, cut, when
from mesrai.server.api.problems import ApiError, Code, not_found
from mesrai.server.api.rooms.findings import number_after
from mesrai.server.api.rooms.reviews import desk_of
from mesrai.store.accounts import members
from mesrai.store.audit import entries

_MOST_JOBS: Final = 1_000


class JobShown(Shape, frozen=True, kw_only=True):
    """A job that is not done."""

    id: int
    kind: str
    subject: str
    state: str
    due_at: Instant
    reason: str
    attempts: int
    worker: str
    age_s: float


class JobList(Shape, frozen=True, kw_only=True):
    """A page of jobs, the oldest first."""

    items: list[JobShown]
    next: str | None


class JobAt(Sent, frozen=True, kw_only=True):
    """Which job."""

    job: Number


class EntryShown(Shape, frozen=True, kw_only=True):
    """One change."""

    id: int
    at: Instant
    who: str
    what: str
    subject: str
    details: dict[str, Any]


class EntryList(Shape, frozen=True, kw_only=True):
    """A page of the audit trail, the newest first."""

    items: list[EntryShown]
    next: str | None


class MemberShown(Shape, frozen=True, kw_only=True):
    """A member of the organisation."""

    id: int
    email: str
    name: str
    role: str
    repositories: list[str]
    since: Instant


class MemberList(Shape, frozen=True, kw_only=True):
    """A page of members, by their numbers."""

    items: list[MemberShown]
    next: str | None


class Caller(Shape, frozen=True, kw_only=True):
    """Who asks, and what the token, or the person, may do."""

    email: str
    role: str
    rights: list[str]
    organisation: str
    repositories: list[str]


async def list_jobs(call: Call) -> JobList:
    """GET /queue."""
    asked = call.read(Page)
    after = number_after(asked.after) or 0
    standing = sorted(await call.house.queue.standing(most=_MOST_JOBS), key=lambda each: each.id)
    shown, has_more = cut([each for each in standing if each.id > after], asked.limit)
    return JobList(items=[_job(each) for each in shown], next=str(shown[-1].id) if has_more else None)


async def retry(call: Call) -> JobShown:
    """POST /queue/{job}/retry."""
    return _job(await _done(call, is_retry=True))


async def cancel(call: Call) -> JobShown:
    """POST /queue/{job}/cancel."""
    return _job(await _done(call, is_retry=False))


async def list_entries(call: Call) -> EntryList:
    """GET /audit."""
    asked, house = call.read(Page), call.house
    found = await entries(house.database, house.organisation, most=asked.limit + 1, before=number_after(asked.after))
    shown, has_more = cut(list(found), asked.limit)
    items = [
        EntryShown(
            id=each.id, at=when(each.at), who=each.who, what=each.what, subject=each.subject, details=dict(each.details)
        )
        for each in shown
    ]
    return EntryList(items=items, next=str(shown[-1].id) if has_more else None)


async def list_members(call: Call) -> MemberList:
    """GET /members."""
    asked = call.read(Page)
    after = number_after(asked.after) or 0
    found = sorted(await members(call.house.database, call.house.organisation), key=lambda each: each.account)
    shown, has_more = cut([each for each in found if each.account > after], asked.limit)
    return MemberList(
        next=str(shown[-1].account) if has_more else None,
        items=[
            MemberShown(
                id=each.account,
                email=each.email,
                name=each.name,
                role=str(each.role),
                repositories=list(each.repositories),
                since=when(each.since),
            )
            for each in shown
        ],
    )


async def show_caller(call: Call) -> Caller:
    """GET /caller."""
    member = call.caller.member
    return Caller(
        email=member.email,
        role=str(member.role),
        rights=sorted(call.caller.rights),
        organisation=call.house.organisation,
        repositories=list(member.repositories),
    )


async def _done(call: Call, *, is_retry: bool) -> Waiting:
    """Errors: ApiError if there is no such job, or it cannot be done."""
    number, desk = call.read(JobAt).job, desk_of(call)
    if all(each.id != number for each in await call.house.queue.standing(most=_MOST_JOBS)):
        raise not_found("job")
    try:
        return await (steer.retry(desk, number) if is_retry else steer.cancel(desk, number))
    except UserError as error:
        raise ApiError(Code.CONFLICT, error.message) from error


def _job(job: Waiting) -> JobShown:
    return JobShown(
        id=job.id,
        kind=job.kind,
        subject=job.subject,
        state=str(job.state),
        due_at=when(job.due_at),
        reason=job.reason,
        attempts=job.attempts,
        worker=job.worker,
        age_s=job.age_s,
    )


OPERATIONS: Final = (
    Operation(
        name="listJobs",
        tag="queue",
        method="GET",
        path="/queue",
        needs=Right.SEE_QUEUE,
        told="List the jobs that are not done: of the oldest thousand, by their numbers.",
        do=list_jobs,
        query=Page,
        answer=JobList,
    ),
    Operation(
        name="retryJob",
        tag="queue",
        method="POST",
        path="/queue/{job}/retry",
        needs=Right.EDIT_QUEUE,
        told="Let a job that waits, is parked or has failed be done now. The answer is how it stood before.",
        do=retry,
        at=JobAt,
        answer=JobShown,
        errors=(Code.CONFLICT,),
    ),
    Operation(
        name="cancelJob",
        tag="queue",
        method="POST",
        path="/queue/{job}/cancel",
        needs=Right.EDIT_QUEUE,
        told="Take a job that waits out of the queue, or stop a review that began. The answer is how it stood before.",
        do=cancel,
        at=JobAt,
        answer=JobShown,
        errors=(Code.CONFLICT,),
    ),
    Operation(
        name="listAudit",
        tag="audit",
        method="GET",
        path="/audit",
        needs=Right.SEE_AUDIT,
        told="List who changed what, the newest first. No key is ever in it.",
        do=list_entries,
        query=Page,
        answer=EntryList,
    ),
    Operation(
        name="listMembers",
        tag="members",
        method="GET",
        path="/members",
        needs=Right.SEE_PEOPLE,
        told="List the members of the organisation.",
        do=list_members,
        query=Page,
        answer=MemberList,
    ),
    Operation(
        name="showCaller",
        tag="members",
        method="GET",
        path="/caller",
        needs=Right.OWN_ACCOUNT,
        told="Who asks, and what may be done with this token.",
        is_for_any_token=True,
        do=show_caller,
        answer=Caller,
    ),
)
