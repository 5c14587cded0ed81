"""Run one review for the terminal: open what it needs, watch it, let Ctrl-C stop it gently."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from mesrai.cli.call import Call
from mesrai.cli.model_asked import Wishes, model_asked, wishes_for
from mesrai.cli.progress import progress_for
from mesrai.domain.change import At, Change
from mesrai.domain.finding import Category, Severity
from mesrai.domain.policy import Policy, Rule
from mesrai.domain.review import Review
from mesrai.domain.selection import SelectionKind
from mesrai.domain.usage import Estimate
from mesrai.flows.configured import central_folder
from mesrai.forges.remote import find_remote
from mesrai.review.files_shown import read_files_shown
from mesrai.review.guidance import PolicyFound, load_policy
from mesrai.review.options import Options
from mesrai.review.pipeline import Reading, estimate_change, review_change, review_offline
from mesrai.review.progress import Watch
from mesrai.review.render.code import Lines
from mesrai.settings import Settings
from mesrai.wiring import (
    Errand,
    Installation,
    LocalSource,
    all_analysers,
    local_source,
    open_installation,
)

_UNCOMMITTED = (SelectionKind.WORKING_TREE, SelectionKind.STAGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A review, and what was read for it."""

    review: Review
    change: Change
    root: Path  # of the repository
    heads: dict[str, bytes]  # path → the new file as it was reviewed, for every file with a finding
    lines: Lines  # the same, and the old files where a finding is about one, by lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Attended:
    """Who watches a review and may stop it, where that is not the person at the terminal."""

    watch: Watch
    stop: asyncio.Event


@asynccontextmanager
async def run_review(call: Call, attended: Attended | None = None) -> AsyncIterator[Done]:
    """Review what the call selects. Without `attended`, progress is shown on stderr, and Ctrl-C stops it gently.

    Errors: MesraiError, ReviewFailed among them.
    """
    async with AsyncExitStack() as opened:
        installation = None if call.is_offline else await opened.enter_async_context(open_installation(os.environ))
        source = await opened.enter_async_context(local_source(Path.cwd(), call.selection))
        change = await source.change()
        if installation is None or not change.files:
            policy = await _policy(call, source, Wishes())
            review = await review_offline(change, source, all_analysers(), policy=policy)
        else:
            policy = await _whole_policy(call, installation, source, change)
            with _attended(call) if attended is None else nullcontext(attended) as present:
                review = await _with_model(call, installation, change, source, policy, present)
        yield await _done(review, change, source)


async def run_estimate(call: Call) -> Estimate:
    """What reviewing what the call selects would about cost. Errors: MesraiError."""
    async with open_installation(os.environ) as installation, local_source(Path.cwd(), call.selection) as source:
        settings, change = installation.unlocked(), await source.change()
        async with model_asked(os.environ, installation) as model:
            return await estimate_change(
                change,
                Reading(source=source, analysers=all_analysers(), model=model),
                policy=await _whole_policy(call, installation, source, change),
                options=_options(call, settings, change),
            )


async def _whole_policy(call: Call, installation: Installation, source: LocalSource, change: Change) -> Policy:
    """With what the team saved on the pages, and with memories. Errors: MesraiError."""
    remote = await find_remote(source.root, os.environ)
    wishes = await wishes_for(os.environ, installation, "" if remote is None else str(remote))
    policy = await _policy(call, source, wishes)
    paths = [file.path for file in change.files]
    held = [each for each in wishes.memories if each.holds_for("" if remote is None else str(remote), paths)]
    policy = replace(policy, memories=(*policy.memories, *held))
    return await _with_memories(installation, source, change, policy)


async def _policy(call: Call, source: LocalSource, wishes: Wishes) -> Policy:
    """Your own uncommitted policy counts for your own uncommitted change; otherwise only the base's does."""
    at = At.HEAD if call.selection.kind in _UNCOMMITTED else At.BASE
    policy = (await policy_here(source, at, wishes)).policy
    return policy if call.only_rule is None else _with_only(policy, call.only_rule)


def _with_only(policy: Policy, rule: Rule) -> Policy:
    """The policy, for one rule: all that breaks it is wanted, however slight and however often."""
    shown = replace(policy.suggestion_control, max_suggestions=0, severity_level_filter=Severity.LOW)
    return replace(policy, rules=(rule,), categories=policy.categories | {Category.RULE}, suggestion_control=shown)


async def policy_here(source: LocalSource, at: At, wishes: Wishes | None = None) -> PolicyFound:
    """What configures a review of this repository. Errors: PolicyError, SourceError, SettingsError."""
    remote = await find_remote(source.root, os.environ)
    central = central_folder(os.environ, source.root)
    saved = (wishes or Wishes()).saved
    return await load_policy(source, at, repository=str(remote or source.root.name), central=central, saved=saved)


async def _with_memories(installation: Installation, source: LocalSource, change: Change, policy: Policy) -> Policy:
    """With what the organisation remembers, and what of the repository that `origin` leads to."""
    if installation.database is None:
        return policy
    from mesrai.flows.remember import with_memories

    remote = await find_remote(source.root, os.environ)
    return await with_memories(
        policy,
        installation.database,
        organisation=installation.settings.organisation,
        repository="" if remote is None else str(remote),
        paths=[file.path for file in change.files],
    )


async def _with_model(
    call: Call,
    installation: Installation,
    change: Change,
    source: LocalSource,
    policy: Policy,
    attended: Attended,
) -> Review:
    settings = installation.unlocked()
    errand = Errand(repository=source.root.name, limit=call.budget)
    async with model_asked(os.environ, installation, errand) as model:
        review = await review_change(
            change,
            Reading(source=source, analysers=all_analysers(), model=model),
            policy=policy,
            options=_options(call, settings, change),
            watch=attended.watch,
            stop=attended.stop,
        )
    told = (
        [f"Asked {settings.main.model}, connected by {settings.origin}."] if call.is_verbose and settings.main else []
    )
    told += [*settings.notices, *(notice for each in settings.connections for notice in each.notices)]
    return replace(review, notices=tuple(dict.fromkeys((*told, *review.notices))))


def _options(call: Call, settings: Settings, change: Change) -> Options:
    return replace(options_for(call, settings), cache_key=f"mesrai-{change.revision.head[:12]}")


def options_for(call: Call, settings: Settings) -> Options:
    """What the call asks of a review, within what the connected model allows."""
    main = settings.main
    options = Options(depth=call.depth, rules_only=call.is_rules_only, context=call.context)
    if main is None:
        return options
    parallel = min(main.max_concurrent_requests or options.parallel, options.parallel)
    return replace(options, max_output_tokens=main.max_output_tokens, parallel=parallel)


async def _done(review: Review, change: Change, source: LocalSource) -> Done:
    shown = await read_files_shown(review, change, source)
    return Done(review=review, change=change, root=source.root, heads=dict(shown.heads), lines=shown.lines)


@contextmanager
def _attended(call: Call) -> Iterator[Attended]:
    """The person at the terminal."""
    watching = progress_for(is_quiet=call.is_quiet, is_verbose=call.is_verbose)
    with _stopped(call.stop_after_s) as stop, watching as watch:
        yield Attended(watch=watch, stop=stop)


@contextmanager
def _stopped(after_s: float | None) -> Iterator[asyncio.Event]:
    """An event that the first Ctrl-C sets, or the time."""
    with stopped_by_interrupt() as stop:
        timer = None if after_s is None else asyncio.get_running_loop().call_later(after_s, stop.set)
        try:
            yield stop
        finally:
            if timer is not None:
                timer.cancel()


@contextmanager
def stopped_by_interrupt() -> Iterator[asyncio.Event]:
    """An event that the first Ctrl-C sets; the second one ends the process in the usual way."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def first() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, first)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)
