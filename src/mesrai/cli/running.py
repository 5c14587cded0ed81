"""Run one review for the terminal: open what it needs, watch it, let Ctrl-C stop it gently."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mesrai.cli.call import Call
from mesrai.cli.progress import progress_for
from mesrai.domain.change import At, Change
from mesrai.domain.diff import Side
from mesrai.domain.file_text import text_of
from mesrai.domain.policy import Policy
from mesrai.domain.review import Review
from mesrai.domain.selection import SelectionKind
from mesrai.domain.usage import Estimate
from mesrai.forges.forge import Source
from mesrai.review.guidance import load_policy
from mesrai.review.options import Options
from mesrai.review.pipeline import Reading, estimate_change, review_change, review_offline
from mesrai.review.render.code import Lines, lines_in
from mesrai.settings import Settings
from mesrai.wiring import (
    Errand,
    Installation,
    LocalSource,
    all_analysers,
    local_source,
    model_for,
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


@asynccontextmanager
async def run_review(call: Call) -> AsyncIterator[Done]:
    """Review what the call selects. Errors: MesraiError, ReviewFailed among them."""
    async with AsyncExitStack() as opened:
        installation = None if call.is_offline else await opened.enter_async_context(open_installation(os.environ))
        source = await opened.enter_async_context(local_source(Path.cwd(), call.selection))
        change = await source.change()
        policy = await _policy(call, source)
        if installation is None or not change.files:
            review = await review_offline(change, source, all_analysers(), policy=policy)
        else:
            review = await _with_model(call, installation, change, source, policy)
        yield await _done(review, change, source)


async def run_estimate(call: Call) -> Estimate:
    """What reviewing what the call selects would about cost. Errors: MesraiError."""
    async with open_installation(os.environ) as installation, local_source(Path.cwd(), call.selection) as source:
        settings, change = installation.unlocked(), await source.change()
        async with model_for(settings, settings.connections) as model:
            return await estimate_change(
                change,
                Reading(source=source, analysers=all_analysers(), model=model),
                policy=await _policy(call, source),
                options=_options(call, settings, change),
            )


async def _policy(call: Call, source: Source) -> Policy:
    """Your own uncommitted policy counts for your own uncommitted change; otherwise only the base's does."""
    at = At.HEAD if call.selection.kind in _UNCOMMITTED else At.BASE
    return (await load_policy(source, at)).policy


async def _with_model(
    call: Call, installation: Installation, change: Change, source: LocalSource, policy: Policy
) -> Review:
    settings = installation.unlocked()
    errand = Errand(repository=source.root.name, limit=call.budget)
    async with model_for(settings, settings.connections, database=installation.database, errand=errand) as model:
        with stopped_by_interrupt() as stop, progress_for(is_quiet=call.is_quiet, is_verbose=call.is_verbose) as watch:
            review = await review_change(
                change,
                Reading(source=source, analysers=all_analysers(), model=model),
                policy=policy,
                options=_options(call, settings, change),
                watch=watch,
                stop=stop,
            )
    told = (
        [f"Asked {settings.main.model}, connected by {settings.origin}."] if call.is_verbose and settings.main else []
    )
    told += [*settings.notices, *(notice for each in settings.connections for notice in each.notices)]
    return replace(review, notices=tuple(dict.fromkeys((*told, *review.notices))))


def _options(call: Call, settings: Settings, change: Change) -> Options:
    main = settings.main
    options = Options(
        depth=call.depth,
        rules_only=call.is_rules_only,
        context=call.context,
        cache_key=f"mesrai-{change.revision.head[:12]}",
    )
    if main is None:
        return options
    parallel = min(main.max_concurrent_requests or options.parallel, options.parallel)
    return replace(options, max_output_tokens=main.max_output_tokens, parallel=parallel)


async def _done(review: Review, change: Change, source: LocalSource) -> Done:
    paths = dict.fromkeys(finding.path for finding in review.findings if finding.side is Side.NEW)
    before = {file.path: file.base_path for file in change.files}
    old_paths = dict.fromkeys(finding.path for finding in review.findings if finding.side is Side.OLD)
    heads = {path: await source.file(path, At.HEAD) for path in paths}
    bases = {path: await source.file(before.get(path, path), At.BASE) for path in old_paths}
    return Done(
        review=review,
        change=change,
        root=source.root,
        heads={path: data for path, data in heads.items() if data is not None},
        lines=lines_in(_texts(heads), _texts(bases)),
    )


def _texts(files: dict[str, bytes | None]) -> dict[str, str]:
    return {path: text_of(data) for path, data in files.items() if data is not None}


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
