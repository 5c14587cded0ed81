"""Review one pull request: look at it anew, decide, review what is new, say it, and remember how far it got."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final

from mesrai.analysers.analyser import Analyser
from mesrai.domain.change import Change
from mesrai.domain.command import Scope
from mesrai.domain.occasion import Occasion, Trigger, is_left_alone, reason_to_skip, too_many_files
from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import Lifecycle, PullRequest, RepositoryName
from mesrai.domain.review import Outcome, Review
from mesrai.errors import ForgeUnavailable, HeadGone, MesraiError
from mesrai.flows.configured import FindCentral, FindSaved, policy_of
from mesrai.flows.holding import held
from mesrai.flows.interrupted import end_interrupted
from mesrai.flows.publish import (
    Known,
    Published,
    announce,
    publish,
    say_failed,
    say_overtaken,
    say_parked,
    say_skipped,
    say_stopped,
)
from mesrai.flows.publishing.messages import Moment, say_message
from mesrai.flows.pushes import noted
from mesrai.flows.recording import READING, Record, begin, end, excerpts_of, keep_failed, recording, review_of
from mesrai.flows.remember import with_memories
from mesrai.flows.waiting import Heeding, Wait, rest_waits, wait_for
from mesrai.forges.forge import Forge, Source
from mesrai.jobs.queue import Job, Queue
from mesrai.llm.model import Model
from mesrai.review.options import Depth, Options
from mesrai.review.pipeline import Reading, ReviewFailed, review_change
from mesrai.review.render.description import without_part_of_ours
from mesrai.store.database import Database
from mesrai.store.pull_requests import USUAL, Followed, change_followed, find_followed
from mesrai.store.repositories import SWITCHED_OFF, is_switched_off
from mesrai.store.reviews import PARKED, STOPPED, find_report, find_review, set_outcome, stop_by

_DEPTHS: Final = {Scope.FAST: Depth.FAST, Scope.DEEP: Depth.DEEP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What this story needs. Wiring puts it together."""

    queue: Queue
    database: Database
    organisation: str
    forge: Callable[[RepositoryName, int | None], AbstractAsyncContextManager[Forge]]
    source: Callable[[Forge, PullRequest, str], AbstractAsyncContextManager[Source]]  # what came after an earlier head
    model: Callable[[Job, PullRequest], AbstractAsyncContextManager[Model]]  # it remembers what was paid for
    analysers: Sequence[Analyser]
    now: Callable[[], float]
    renew_s: float  # between two renewals of a job's lease; well below its length
    central: FindCentral | None = None  # None: no central repository configures the others
    saved: FindSaved | None = None  # None: nothing is saved on pages
    tell: Callable[[str], Awaitable[None]] | None = None  # others what became of a review. Errors: StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One pull request under review."""

    desk: Desk
    job: Job
    forge: Forge
    pull_request: PullRequest
    followed: Followed
    occasion: Occasion
    stop: asyncio.Event  # something newer waits, or somebody wants it stopped, so this review should end soon
    record: Record  # of what happens, for whoever watches

    @property
    def review_id(self) -> str:
        return review_of(self.job)

    @property
    def known(self) -> Known:
        followed = self.followed
        return Known(summary_comment=followed.summary_comment, check=followed.check_id, check_sha=followed.check_sha)

    @property
    def reviewed(self) -> str:
        """The head up to which all was reviewed for the branch that it is to go into now; empty: none."""
        is_same_base = self.followed.reviewed_base in ("", self.pull_request.base_ref)
        return self.followed.reviewed_sha if is_same_base else ""

    @property
    def since(self) -> str:
        """The head after which the commits are new; empty: all of it is to be reviewed.

        Who asks again for a commit that was reviewed already wants to have it looked at again.
        """
        is_again = self.occasion.trigger is Trigger.ASKED and self.reviewed == self.pull_request.head_sha
        return "" if self.occasion.scope is Scope.FULL or is_again else self.reviewed


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """What becomes of the job."""

    told: str  # in words
    until: float | None = None  # seconds since the epoch: it waits until then; None: it is over


async def run_review(desk: Desk, job: Job) -> str:
    """Carry out a review job: it is finished or parked when this returns, which says in words what came of it.

    Errors: LeaseLost if another worker has it; ForgeError, StoreError, SourceError, UserError: the worker judges them.
    """
    review = review_of(job)
    async with (
        held(desk.queue, job, renew_s=desk.renew_s, look=lambda: stop_by(desk.database, review)) as stop,
        recording(desk.database, review, desk.now) as record,
    ):
        came = await _carried_out(desk, job, stop, record)
    if desk.tell is not None:  # before the job ends, so that it is not forgotten if this process does
        await desk.tell(review)
    if came.until is None:
        await desk.queue.finish(job)
    else:
        await desk.queue.park(job, until=came.until, reason=came.told)
    return came.told if came.until is None else f"It waits: {came.told}"


async def _carried_out(desk: Desk, job: Job, stop: asyncio.Event, record: Record) -> _End:
    repository, number, installation = place_of(job.payload)
    async with desk.forge(repository, installation) as forge:
        pull_request = await forge.pull_request(number)
        head, now = pull_request.head_sha, desk.now()
        followed = await noted(desk.database, job, head=head, installation=installation, now=now)
        case = _Case(
            desk=desk,
            job=job,
            forge=forge,
            pull_request=pull_request,
            followed=followed,
            occasion=_occasion(job, followed),
            stop=stop,
            record=record,
        )
        await end_interrupted(desk.database, forge, pull_request, followed, review=case.review_id)
        if pull_request.lifecycle is not Lifecycle.OPEN:
            return await _unreviewed(case, f"The pull request is {pull_request.lifecycle}.")
        if await _is_ended(case):
            return _End(told="This job had reviewed it already when its worker was lost.")
        if who := await stop_by(desk.database, case.review_id, head_sha=head):
            return await _stopped_by(case, case.known, who)
        if await is_switched_off(desk.database, desk.organisation, str(repository)):
            return await _not_due(case, SWITCHED_OFF.format(repository), is_told=False)
        if case.since == pull_request.head_sha:
            return await _unreviewed(case, "This commit was reviewed already.")
        try:
            async with desk.source(forge, pull_request, case.since) as source:
                return await _with_source(case, source)
        except HeadGone as gone:
            return await _unreviewed(case, f"{gone.message} The newer push is reviewed.")


async def tell_failure(desk: Desk, job: Job, error: MesraiError) -> None:
    """Say on the pull request that its review failed for good. Errors: ForgeError, StoreError."""
    repository, number, installation = place_of(job.payload)
    await set_outcome(desk.database, review_of(job), Outcome.FAILED, reason=error.message)  # also if nobody can say it
    async with desk.forge(repository, installation) as forge:
        pull_request = await forge.pull_request(number)
        followed = await find_followed(desk.database, job.subject)
        known = Known(summary_comment=followed.summary_comment, check=followed.check_id, check_sha=followed.check_sha)
        known = await say_failed(forge, pull_request, error, known=known)
        await _keep_known(desk, job.subject, known)
    await keep_failed(desk.database, desk.organisation, job, pull_request, error.message)
    # With the same answers, it might fail for the same reason.
    await change_followed(desk.database, job.subject, lambda now: replace(now, round=now.round + 1))


def place_of(payload: Mapping[str, object]) -> tuple[RepositoryName, int, int | None]:
    """The repository, the pull request's number and the installation that a job is about."""
    repository = RepositoryName(forge=str(payload["forge"]), owner=str(payload["owner"]), name=str(payload["name"]))
    installation = payload.get("installation")
    return repository, int(str(payload["number"])), None if installation is None else int(str(installation))


async def _with_source(case: _Case, source: Source) -> _End:
    policy = await policy_of(source, case.pull_request.repository, case.desk.central, case.desk.saved)
    reason = reason_to_skip(
        case.pull_request,
        policy,
        case.occasion,
        is_paused=case.followed.is_paused,
        was_reviewed=bool(case.followed.reviewed_sha),
        pushes=case.followed.pushes,
        now=case.desk.now(),
    )
    if not reason:
        change = await source.change()
        count = sum(1 for file in change.files if not policy.ignores(file.path))
        reason = too_many_files(count, policy, case.occasion)
    if reason:
        return await _not_due(case, reason, is_told=not is_left_alone(case.pull_request, policy, case.occasion))
    desk, trigger = case.desk, case.occasion.trigger
    # First, so that what is announced now is ended whatever becomes of this process.
    await begin(desk.database, desk.organisation, case.job, case.pull_request, trigger)
    case.record.step(READING)
    known = await announce(case.forge, case.pull_request, known=case.known)
    await _keep_known(case.desk, case.job.subject, known)
    policy = await with_memories(
        policy,
        case.desk.database,
        organisation=case.desk.organisation,
        repository=str(case.pull_request.repository),
        paths=[file.path for file in change.files],
    )
    return await _reviewed(case, source, change, policy, known)


async def _reviewed(case: _Case, source: Source, change: Change, policy: Policy, known: Known) -> _End:
    if any(not policy.ignores(file.path) for file in change.files):
        known = replace(known, problems=(*known.problems, *await _said(case, Moment.START, change, policy)))
    review, rest = await _asked(case, source, change, policy)
    case.record.excerpts = await excerpts_of(review, source)
    if case.stop.is_set():
        return await _stopped(case, known, review)
    case.record.step("Saying it on the pull request")
    if rest is not None and review.outcome is Outcome.FAILED:
        return await _park(case, known, rest)
    if rest is not None:
        review = replace(review, notices=(rest_waits(rest.reason, until=rest.until), *review.notices))
    is_incremental = bool(case.since) and change.revision.base == case.since  # else it was not built on that
    published = await publish(
        case.forge, case.pull_request, review, known=known, policy=policy, is_incremental=is_incremental
    )
    if rest is None and published.is_said and review.outcome in (Outcome.REVIEWED, Outcome.PARTIAL):
        untold = await _said(case, Moment.END, change, policy)
        published = replace(published, problems=(*published.problems, *untold))
    return await _remember(case, review, published, rest)


async def _asked(case: _Case, source: Source, change: Change, policy: Policy) -> tuple[Review, Wait | None]:
    """The review, and until when what is missing of it should wait; None if nothing is, or waiting does not help."""
    desk, pull_request = case.desk, case.pull_request
    # Without what an earlier run wrote there: it says nothing new, and other questions would be paid for again.
    change = replace(change, title=pull_request.title, description=without_part_of_ours(pull_request.body))
    options = Options(
        depth=_DEPTHS.get(case.occasion.scope, Depth.NORMAL), cache_key=f"mesrai-{pull_request.head_sha[:12]}"
    )
    try:
        async with desk.model(case.job, pull_request) as model:
            heeding = Heeding(model, desk.now)
            reading = Reading(source=source, analysers=desk.analysers, model=heeding)
            review = await review_change(
                change, reading, policy=policy, options=options, watch=case.record.watch, stop=case.stop
            )
            return review, heeding.wait if review.outcome is Outcome.PARTIAL else None
    except ReviewFailed as failed:
        return failed.review, wait_for(failed.cause, desk.now())


async def _said(case: _Case, moment: Moment, change: Change, policy: Policy) -> tuple[str, ...]:
    """Say the owners' message; what could not be done."""
    is_first = not case.followed.reviewed_sha
    return await say_message(case.forge, case.pull_request, moment, change, policy, is_first=is_first)


async def _park(case: _Case, known: Known, wait: Wait) -> _End:
    known = await say_parked(case.forge, case.pull_request, wait.reason, until=wait.until, known=known)
    await _keep_known(case.desk, case.job.subject, known)
    await set_outcome(case.desk.database, case.review_id, PARKED, reason=wait.reason)
    return _End(told=wait.reason, until=wait.until)


async def _park_rest(case: _Case, review: Review, known: Known, wait: Wait) -> _End:
    """A part of the review was said, and says so; the same job goes on with the rest, and says the whole then."""
    known = await say_parked(case.forge, case.pull_request, wait.reason, until=wait.until, known=known, is_partial=True)
    await _keep_known(case.desk, case.job.subject, known)
    await _keep_review(case, review, PARKED, wait.reason)
    return _End(told=f"A part was reviewed. {wait.reason}", until=wait.until)


async def _stopped(case: _Case, known: Known, review: Review) -> _End:
    """Somebody wanted it stopped, or something newer waits: what was announced of this commit is ended."""
    if who := await stop_by(case.desk.database, case.review_id):
        return await _stopped_by(case, known, who, review)
    now = await case.forge.pull_request(case.pull_request.number)
    if now.head_sha != case.pull_request.head_sha or now.lifecycle is not Lifecycle.OPEN:
        await say_overtaken(case.forge, case.pull_request, now, known=known)
    await set_outcome(case.desk.database, case.review_id, STOPPED, reason="Something newer took its place.")
    return _End(told="Stopped: a newer push, or what somebody asked for, is to be reviewed.")


async def _stopped_by(case: _Case, known: Known, who: str, review: Review | None = None) -> _End:
    """A person ended it. What was verified by then is kept for whoever looks, and said nowhere else."""
    desk, reason = case.desk, f"Stopped by {who}."
    is_partial = review is None and await find_report(desk.database, case.review_id) is not None
    known = await say_stopped(case.forge, case.pull_request, who, known=known, is_partial=is_partial)
    await _keep_known(desk, case.job.subject, known)
    if review is not None:
        await _keep_review(case, review, STOPPED, reason)
    await set_outcome(desk.database, case.review_id, STOPPED, reason=reason)
    return await _unreviewed(case, reason)


async def _keep_review(case: _Case, review: Review, outcome: str, reason: str = "") -> None:
    excerpts = case.record.excerpts
    await end(case.desk.database, case.job, review, outcome, reason=reason, excerpts=excerpts)


async def _remember(case: _Case, review: Review, published: Published, rest: Wait | None) -> _End:
    """A partial or failed review does not move the mark: what was not read is read next time.

    Errors: ForgeUnavailable if the review could not be said, so that it is tried again.
    """
    desk = case.desk
    problems = " ".join(published.problems)
    known = Known(
        summary_comment=published.summary_comment, check=published.check, check_sha=case.pull_request.head_sha
    )
    await _keep_known(desk, case.job.subject, known)
    if published.is_overtaken:
        await set_outcome(desk.database, case.review_id, STOPPED, reason=problems)
        return _End(told=f"Not shown: {problems}")
    if not published.is_said:
        raise ForgeUnavailable(f"The review could not be shown. {problems}")
    if rest is not None:
        return await _park_rest(case, review, known, rest)
    await _keep_review(case, review, review.outcome.value)
    await _settle(case, review.outcome.value)
    told = f"{review.outcome}: {len(review.findings)} findings, {published.posted} comments posted."
    return _End(told=f"{told} {problems}".strip())


async def _is_ended(case: _Case) -> bool:
    """Whether this very job showed its review of this commit, and its worker was lost before it could say so."""
    kept = await find_review(case.desk.database, case.review_id) if case.job.attempt > 1 else None
    if kept is None or kept.head_sha != case.pull_request.head_sha or kept.outcome not in set(Outcome):
        return False
    if kept.reason:  # it failed before there was anything to show, and is tried again
        return False
    if kept.base_ref not in ("", case.pull_request.base_ref):
        return False
    await _settle(case, kept.outcome)
    return True


async def _settle(case: _Case, outcome: str) -> None:
    """Remember how far the reviews got, and that what was asked for was done."""
    is_whole = outcome in (Outcome.REVIEWED, Outcome.NOTHING)
    pull_request, asks = case.pull_request, case.followed.asks

    def changed(now: Followed) -> Followed:
        now = replace(now.without_ask(asks), round=now.round + 1)
        if not is_whole:
            return now
        return replace(now, reviewed_sha=pull_request.head_sha, reviewed_base=pull_request.base_ref)

    await change_followed(case.desk.database, case.job.subject, changed)


async def _not_due(case: _Case, reason: str, *, is_told: bool) -> _End:
    """No review is due. People are told if they should be, and if one was announced, which does not come now."""
    desk, kept = case.desk, await find_review(case.desk.database, case.review_id)
    is_announced = kept is not None and not kept.is_over
    if is_told or is_announced:
        known = await say_skipped(case.forge, case.pull_request, reason, known=case.known, is_announced=is_announced)
        await _keep_known(desk, case.job.subject, known)
    if is_announced:
        await set_outcome(desk.database, case.review_id, STOPPED, reason=reason)
    return await _unreviewed(case, reason)


async def _unreviewed(case: _Case, told: str) -> _End:
    followed = case.followed
    if followed.asked:
        await change_followed(case.desk.database, case.job.subject, lambda now: now.without_ask(followed.asks))
    return _End(told=told)


async def _keep_known(desk: Desk, subject: str, known: Known) -> None:
    await change_followed(
        desk.database,
        subject,
        lambda now: replace(
            now, summary_comment=known.summary_comment, check_id=known.check, check_sha=known.check_sha
        ),
    )


def _occasion(job: Job, followed: Followed) -> Occasion:
    if followed.asked:
        scope = Scope.USUAL if followed.asked == USUAL else Scope(followed.asked)
        return Occasion(trigger=Trigger.ASKED, scope=scope)
    return Occasion(trigger=Trigger(str(job.payload.get("trigger", Trigger.OPENED))))
