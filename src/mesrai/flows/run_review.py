"""Review one pull request: look at it anew, decide, review what is new, say it, and remember how far it got."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from mesrai.analysers.analyser import Analyser
from mesrai.domain.change import At, Change
from mesrai.domain.command import Scope
from mesrai.domain.occasion import Occasion, Trigger, reason_to_skip, too_many_files
from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import Lifecycle, PullRequest, RepositoryName
from mesrai.domain.review import Outcome, Review
from mesrai.errors import BudgetSpent, ForgeUnavailable, HeadGone, LeaseLost, MesraiError, ModelError, StoreError
from mesrai.flows.publish import (
    Known,
    Published,
    announce,
    publish,
    say_failed,
    say_overtaken,
    say_parked,
    say_skipped,
)
from mesrai.forges.forge import Forge, Source
from mesrai.jobs.queue import Job, Queue
from mesrai.llm.model import Model
from mesrai.review.guidance import load_policy
from mesrai.review.options import Depth, Options
from mesrai.review.pipeline import Reading, ReviewFailed, review_change
from mesrai.review.render.description import without_part_of_ours
from mesrai.review.render.json_text import render_json
from mesrai.store.database import Database
from mesrai.store.pull_requests import Followed, change_followed, find_followed
from mesrai.store.reviews import PARKED, STOPPED, begin_review, end_review, find_review, set_outcome

_DEPTHS: Final = {Scope.FAST: Depth.FAST, Scope.DEEP: Depth.DEEP}
_BUDGET_WAIT_S: Final = 6 * 3600.0  # until a spent budget is looked at again
_MOST_PUSHES: Final = 10  # whose times are remembered
USUAL: Final = "usual"  # how Followed.asked says Scope.USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What this story needs. Wiring puts it together."""

    queue: Queue
    database: Database
    organisation: str
    forge: Callable[[RepositoryName, int | None], AbstractAsyncContextManager[Forge]]
    source: Callable[[Forge, PullRequest, str], AbstractAsyncContextManager[Source]]  # what came after an earlier head
    model: Callable[[Job, PullRequest], AbstractAsyncContextManager[Model]]  # it remembers what the job paid for
    analysers: Sequence[Analyser]
    now: Callable[[], float]
    renew_s: float  # between two renewals of a job's lease; well below its length


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One pull request under review."""

    desk: Desk
    job: Job
    forge: Forge
    pull_request: PullRequest
    followed: Followed
    occasion: Occasion
    stop: asyncio.Event  # something newer waits, so this review should end soon

    @property
    def review_id(self) -> str:
        return f"job-{self.job.id}"

    @property
    def known(self) -> Known:
        followed = self.followed
        return Known(summary_comment=followed.summary_comment, check=followed.check_id, check_sha=followed.check_sha)

    @property
    def since(self) -> str:
        """The head after which the commits are new; empty: all of it is to be reviewed.

        Who asks again for a commit that was reviewed already wants to have it looked at again.
        """
        reviewed, is_asked = self.followed.reviewed_sha, self.occasion.trigger is Trigger.ASKED
        is_again = is_asked and reviewed == self.pull_request.head_sha
        return "" if self.occasion.scope is Scope.FULL or is_again else reviewed


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """What becomes of the job."""

    told: str  # in words
    until: float | None = None  # seconds since the epoch: it waits until then; None: it is over


async def run_review(desk: Desk, job: Job) -> str:
    """Carry out a review job: it is finished or parked when this returns, which says in words what came of it.

    Errors: LeaseLost if another worker has it; ForgeError, StoreError, SourceError, UserError: the worker judges them.
    """
    async with _held(desk, job) as stop:
        end = await _carried_out(desk, job, stop)
    if end.until is None:
        await desk.queue.finish(job)
    else:
        await desk.queue.park(job, until=end.until, reason=end.told)
    return end.told if end.until is None else f"It waits: {end.told}"


async def _carried_out(desk: Desk, job: Job, stop: asyncio.Event) -> _End:
    repository, number, installation = place_of(job.payload)
    async with desk.forge(repository, installation) as forge:
        pull_request = await forge.pull_request(number)
        followed = await _noted(desk, job, pull_request.head_sha)
        case = _Case(
            desk=desk,
            job=job,
            forge=forge,
            pull_request=pull_request,
            followed=followed,
            occasion=_occasion(job, followed),
            stop=stop,
        )
        if pull_request.lifecycle is not Lifecycle.OPEN:
            return await _unreviewed(case, f"The pull request is {pull_request.lifecycle}.")
        if await _is_ended(case):
            return _End(told="This job had reviewed it already when its worker was lost.")
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
    async with desk.forge(repository, installation) as forge:
        pull_request = await forge.pull_request(number)
        followed = await find_followed(desk.database, job.subject)
        known = Known(summary_comment=followed.summary_comment, check=followed.check_id, check_sha=followed.check_sha)
        known = await say_failed(forge, pull_request, error, known=known)
        await _keep_known(desk, job.subject, known)


def place_of(payload: Mapping[str, object]) -> tuple[RepositoryName, int, int | None]:
    """The repository, the pull request's number and the installation that a job is about."""
    repository = RepositoryName(forge=str(payload["forge"]), owner=str(payload["owner"]), name=str(payload["name"]))
    installation = payload.get("installation")
    return repository, int(str(payload["number"])), None if installation is None else int(str(installation))


async def _with_source(case: _Case, source: Source) -> _End:
    policy = (await load_policy(source, At.BASE)).policy
    reason = reason_to_skip(
        case.pull_request,
        policy,
        case.occasion,
        is_paused=case.followed.is_paused,
        pushes=case.followed.pushes,
        now=case.desk.now(),
    )
    if not reason:
        change = await source.change()
        reason = too_many_files(sum(1 for file in change.files if not policy.ignores(file.path)), case.occasion)
    if reason:
        known = await say_skipped(case.forge, case.pull_request, reason, known=case.known)
        await _keep_known(case.desk, case.job.subject, known)
        return await _unreviewed(case, reason)
    known = await announce(case.forge, case.pull_request, known=case.known)
    await _keep_known(case.desk, case.job.subject, known)
    await begin_review(
        case.desk.database,
        review=case.review_id,
        subject=case.job.subject,
        head_sha=case.pull_request.head_sha,
        organisation=case.desk.organisation,
    )
    return await _reviewed(case, source, change, policy, known)


async def _reviewed(case: _Case, source: Source, change: Change, policy: Policy, known: Known) -> _End:
    desk, pull_request = case.desk, case.pull_request
    # Without what an earlier run wrote there: it says nothing new, and other questions would be paid for again.
    change = replace(change, title=pull_request.title, description=without_part_of_ours(pull_request.body))
    options = Options(
        depth=_DEPTHS.get(case.occasion.scope, Depth.NORMAL), cache_key=f"mesrai-{pull_request.head_sha[:12]}"
    )
    try:
        async with desk.model(case.job, pull_request) as model:
            reading = Reading(source=source, analysers=desk.analysers, model=model)
            review = await review_change(change, reading, policy=policy, options=options, stop=case.stop)
    except ReviewFailed as failed:
        until = None if case.stop.is_set() else _wakes_at(failed.cause, desk.now())
        if until is not None:
            return await _park(case, known, failed, until)
        review = failed.review
    if case.stop.is_set():
        return await _stopped(case, known)
    is_incremental = bool(case.since) and change.revision.base == case.since  # else it was not built on that
    published = await publish(
        case.forge, pull_request, review, known=known, policy=policy, is_incremental=is_incremental
    )
    return await _remember(case, review, published)


async def _park(case: _Case, known: Known, failed: ReviewFailed, until: float) -> _End:
    reason = failed.cause.message if failed.cause else failed.message
    known = await say_parked(case.forge, case.pull_request, reason, until=until, known=known)
    await _keep_known(case.desk, case.job.subject, known)
    await set_outcome(case.desk.database, case.review_id, PARKED, reason=reason)
    return _End(told=reason, until=until)


async def _stopped(case: _Case, known: Known) -> _End:
    """Something newer waits: a push, or somebody who asked. What was announced of this commit is ended."""
    now = await case.forge.pull_request(case.pull_request.number)
    if now.head_sha != case.pull_request.head_sha or now.lifecycle is not Lifecycle.OPEN:
        await say_overtaken(case.forge, case.pull_request, now, known=known)
    await set_outcome(case.desk.database, case.review_id, STOPPED, reason="Something newer took its place.")
    return _End(told="Stopped: a newer push, or what somebody asked for, is to be reviewed.")


async def _remember(case: _Case, review: Review, published: Published) -> _End:
    """A partial or failed review does not move the mark: what was not read is read next time.

    Errors: ForgeUnavailable if the review could not be said, so that it is tried again.
    """
    desk, head = case.desk, case.pull_request.head_sha
    problems = " ".join(published.problems)

    def changed(now: Followed) -> Followed:
        return replace(now, summary_comment=published.summary_comment, check_id=published.check, check_sha=head)

    await change_followed(desk.database, case.job.subject, changed)
    if published.is_overtaken:
        await set_outcome(desk.database, case.review_id, STOPPED, reason=problems)
        return _End(told=f"Not shown: {problems}")
    if not published.is_said:
        raise ForgeUnavailable(f"The review could not be shown. {problems}")
    await end_review(desk.database, case.review_id, review.outcome.value, report=render_json(review))
    await _settle(case, review.outcome.value)
    told = f"{review.outcome}: {len(review.findings)} findings, {published.posted} comments posted."
    return _End(told=f"{told} {problems}".strip())


async def _is_ended(case: _Case) -> bool:
    """Whether this very job showed its review of this commit, and its worker was lost before it could say so."""
    kept = await find_review(case.desk.database, case.review_id) if case.job.attempt > 1 else None
    if kept is None or kept.head_sha != case.pull_request.head_sha or kept.outcome not in set(Outcome):
        return False
    await _settle(case, kept.outcome)
    return True


async def _settle(case: _Case, outcome: str) -> None:
    """Remember how far the reviews got, and that what was asked for was done."""
    is_whole = outcome in (Outcome.REVIEWED, Outcome.NOTHING)
    head, asked = case.pull_request.head_sha, case.followed.asked

    def changed(now: Followed) -> Followed:
        return replace(
            now,
            reviewed_sha=head if is_whole else now.reviewed_sha,
            asked="" if now.asked == asked else now.asked,
        )

    await change_followed(case.desk.database, case.job.subject, changed)


async def _unreviewed(case: _Case, told: str) -> _End:
    asked = case.followed.asked
    if asked:
        await change_followed(
            case.desk.database,
            case.job.subject,
            lambda now: replace(now, asked="" if now.asked == asked else now.asked),
        )
    return _End(told=told)


async def _noted(desk: Desk, job: Job, head: str) -> Followed:
    """What is remembered, with this push among the last ones: once, however often the job begins."""
    is_push = job.payload.get("trigger") == Trigger.PUSHED and job.attempt == 1
    _, _, installation = place_of(job.payload)

    def changed(now: Followed) -> Followed:
        is_new = is_push and head not in (now.check_sha, now.reviewed_sha)
        pushes = (*now.pushes, desk.now())[-_MOST_PUSHES:] if is_new else now.pushes
        return replace(now, installation=installation, pushes=pushes)

    return await change_followed(desk.database, job.subject, changed)


async def _keep_known(desk: Desk, subject: str, known: Known) -> None:
    await change_followed(
        desk.database,
        subject,
        lambda now: replace(
            now, summary_comment=known.summary_comment, check_id=known.check, check_sha=known.check_sha
        ),
    )


@asynccontextmanager
async def _held(desk: Desk, job: Job) -> AsyncIterator[asyncio.Event]:
    """Renew the job's lease while the block runs. The event says that a newer job of its subject waits.

    Errors: LeaseLost, which ends the block wherever it is.
    """
    stop = asyncio.Event()
    lost: list[LeaseLost] = []
    task = asyncio.current_task()

    async def renew() -> None:
        while True:
            await asyncio.sleep(desk.renew_s)
            try:
                if not await desk.queue.renew(job):
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


def _wakes_at(cause: MesraiError | None, now: float) -> float | None:
    """When a review that failed for this cause may work; None if waiting does not help."""
    if isinstance(cause, BudgetSpent):
        return now + _BUDGET_WAIT_S
    return cause.until if isinstance(cause, ModelError) else None


def _occasion(job: Job, followed: Followed) -> Occasion:
    if followed.asked:
        scope = Scope.USUAL if followed.asked == USUAL else Scope(followed.asked)
        return Occasion(trigger=Trigger.ASKED, scope=scope)
    return Occasion(trigger=Trigger(str(job.payload.get("trigger", Trigger.OPENED))))
