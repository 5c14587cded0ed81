"""Review one pull request now, with nothing remembered but what stands on it; post it only if that is wished."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, replace

from mesrai.analysers.analyser import Analyser
from mesrai.domain.change import Change
from mesrai.domain.occasion import Occasion, Trigger, reason_to_skip, too_many_files
from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import Lifecycle, PullRequest, RepositoryName
from mesrai.domain.review import Review
from mesrai.errors import ForgeError, MesraiError
from mesrai.flows.configured import FindCentral, FindSaved, policy_of
from mesrai.flows.publish import Known, Published, announce, publish, say_failed
from mesrai.flows.publishing.progress import Seal
from mesrai.flows.publishing.standing import find_summary
from mesrai.forges.forge import Forge, Source
from mesrai.llm.model import Model
from mesrai.review.files_shown import read_files_shown
from mesrai.review.options import Options
from mesrai.review.pipeline import Reading, ReviewFailed, review_change, review_offline
from mesrai.review.progress import Watch, unwatched
from mesrai.review.render.code import Lines, no_lines
from mesrai.review.render.description import without_part_of_ours

# The policy with the memories that hold for these paths of a repository. Errors: StoreError, ModelError.
FindRemembered = Callable[[Policy, RepositoryName, Sequence[str]], Awaitable[Policy]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What this story needs. Wiring puts it together."""

    forge: Forge
    source: Callable[[PullRequest, str], AbstractAsyncContextManager[Source]]  # what came after an earlier head
    model: Callable[[PullRequest], AbstractAsyncContextManager[Model]] | None  # None: static analysers alone
    analysers: Sequence[Analyser]
    seal: Seal | None = None  # without one it is not remembered how far reviews got
    central: FindCentral | None = None  # None: no central repository configures the others
    saved: FindSaved | None = None  # None: nothing is saved on pages
    remembered: FindRemembered | None = None  # None: nothing is remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for."""

    trigger: Trigger = Trigger.ASKED
    options: Options = Options()
    is_full: bool = False  # all of the change, not only what is new
    since: str = ""  # only what came after this earlier head
    is_posted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """What came of it."""

    pull_request: PullRequest
    review: Review | None = None  # None: no review was due
    reason: str = ""  # why none was due, as a sentence
    lines: Lines = no_lines
    failed: ReviewFailed | None = None  # nothing could be reviewed; `review` says what is known
    published: Published | None = None
    unposted: str = ""  # why nothing could be posted, if it was to be
    is_by_model: bool = True  # False: static analysers alone read the change


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One pull request under review."""

    desk: Desk
    wish: Wish
    pull_request: PullRequest
    reviewed: str  # the head up to which all was reviewed, as our seal says; empty: not known
    since: str
    watch: Watch
    stop: asyncio.Event | None


async def review_once(
    desk: Desk, number: int, wish: Wish, *, watch: Watch = unwatched, stop: asyncio.Event | None = None
) -> Once:
    """Review a pull request as it stands. Unless it is to be posted, nothing is written anywhere.

    Where nothing can be written, which is tried before the model is asked, the review says so and is made all the
    same. A commit that was reviewed already is looked at again, as a whole. Errors: ForgeError, SourceError,
    UserError, StoreError, ModelError; what was announced is then said to have failed.
    """
    pull_request = await desk.forge.pull_request(number)
    reviewed = await _reviewed_head(desk, pull_request) if wish.is_posted else ""
    is_new = bool(reviewed) and reviewed != pull_request.head_sha and not wish.is_full
    since = wish.since or (reviewed if is_new else "")
    case = _Case(
        desk=desk, wish=wish, pull_request=pull_request, reviewed=reviewed, since=since, watch=watch, stop=stop
    )
    async with AsyncExitStack() as opened:
        source = await opened.enter_async_context(desk.source(pull_request, since))
        policy = await policy_of(source, pull_request.repository, desk.central, desk.saved)
        change = await source.change()
        reason = _reason_to_skip(case, policy, change)
        if reason:
            return Once(pull_request=pull_request, reason=reason)
        if desk.remembered is not None:
            policy = await desk.remembered(policy, pull_request.repository, [file.path for file in change.files])
        model = await opened.enter_async_context(desk.model(pull_request)) if desk.model is not None else None
        return await _carried_out(case, source, model, policy, change)


async def _reviewed_head(desk: Desk, pull_request: PullRequest) -> str:
    if desk.seal is None:
        return ""
    summary = await find_summary(desk.forge, pull_request.number, await desk.forge.me())
    return desk.seal.reviewed_head(pull_request, summary)


def _reason_to_skip(case: _Case, policy: Policy, change: Change) -> str:
    """Who only wants to read a review gets it, also of a pull request that is closed."""
    pull_request, wish = case.pull_request, case.wish
    is_only_read = wish.trigger is Trigger.ASKED and not wish.is_posted
    if is_only_read:
        return ""
    if pull_request.lifecycle is not Lifecycle.OPEN:
        return f"The pull request is {pull_request.lifecycle}."
    occasion = Occasion(trigger=wish.trigger)
    files = sum(1 for file in change.files if not policy.ignores(file.path))
    was_reviewed = bool(case.reviewed)
    reason = reason_to_skip(pull_request, policy, occasion, is_paused=False, was_reviewed=was_reviewed)
    return reason or too_many_files(files, policy, occasion)


async def _carried_out(case: _Case, source: Source, model: Model | None, policy: Policy, change: Change) -> Once:
    forge, pull_request = case.desk.forge, case.pull_request
    known, unposted = Known(is_once=True), ""
    if case.wish.is_posted:
        known = await announce(forge, pull_request, known=known)
        unposted = "" if known.summary_comment is not None else " ".join(known.problems)
    is_posted = case.wish.is_posted and not unposted
    try:
        review, failed = await _reviewed(case, source, model, policy, change)
        shown = await read_files_shown(review, change, source)
        is_incremental = bool(case.since) and change.revision.base == case.since  # else it was not built on that
        published = None
        if is_posted:
            known = replace(known, progress=_progress(case, is_incremental=is_incremental))
            published = await publish(
                forge, pull_request, review, known=known, policy=policy, is_incremental=is_incremental
            )
    except MesraiError as error:
        if is_posted:
            with suppress(ForgeError):
                await say_failed(forge, pull_request, error, known=known)
        raise
    return Once(
        pull_request=pull_request,
        review=review,
        lines=shown.lines,
        failed=failed,
        published=published,
        unposted=unposted,
        is_by_model=model is not None,
    )


async def _reviewed(
    case: _Case, source: Source, model: Model | None, policy: Policy, change: Change
) -> tuple[Review, ReviewFailed | None]:
    desk, pull_request = case.desk, case.pull_request
    # Without what an earlier run wrote there: it says nothing new.
    change = replace(change, title=pull_request.title, description=without_part_of_ours(pull_request.body))
    options = replace(case.wish.options, cache_key=f"mesrai-{pull_request.head_sha[:12]}")
    try:
        if model is None:
            return await review_offline(change, source, desk.analysers, policy=policy), None
        reading = Reading(source=source, analysers=desk.analysers, model=model)
        review = await review_change(change, reading, policy=policy, options=options, watch=case.watch, stop=case.stop)
    except ReviewFailed as failed:
        return failed.review, failed
    return review, None


def _progress(case: _Case, *, is_incremental: bool) -> str:
    """The mark for the case that the review is whole; empty where it looked at less than all that was unreviewed."""
    is_gapless = not is_incremental or case.since == case.reviewed
    if case.desk.seal is None or case.wish.options.rules_only or not is_gapless:
        return ""
    return case.desk.seal.mark(case.pull_request)
