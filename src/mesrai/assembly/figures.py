"""Where the figures for operators come from: this process's own tally, and what the database says."""

import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from mesrai import __version__
from mesrai.domain import figures as show
from mesrai.domain.tally import Sample, Tally, is_number, sample
from mesrai.errors import StoreError
from mesrai.jobs.counts import JobCounts, count_jobs
from mesrai.store.database import Database
from mesrai.store.operating_figures import Shared, Used, UsedSoFar, read_shared

_STATM: Final = Path("/proc/self/statm")
_REMAINING: Final = "x-ratelimit-remaining"


def figures_of(database: Database, tally: Tally) -> Callable[[], Awaitable[Sequence[Sample]]]:
    """What reads all figures. Where the database cannot be read, its own are missing and `mesrai_database_up` is 0."""
    used = UsedSoFar(database)
    tally.set(show.BUILD, 1, version=__version__)
    tally.set(show.STARTED, time.time())

    async def read() -> Sequence[Sample]:
        resident = _resident_bytes()
        if resident is not None:
            tally.set(show.MEMORY, resident)
        try:
            jobs, shared, asked = await count_jobs(database), await read_shared(database), await used.read()
        except StoreError:
            return [*tally.samples(), sample(show.DATABASE_UP, 0)]
        return [*tally.samples(), sample(show.DATABASE_UP, 1), *_jobs(jobs), *_shared(shared), *_used(asked)]

    return read


def forge_seen(tally: Tally, forge: str) -> Callable[[str, int, Mapping[str, str]], None]:
    """What is told of every answer of the code host: the resource, the status, the headers by lower-case name.

    Of several credentials the tightest one is shown, until its window ends.
    """
    lowest: dict[str, tuple[float, float]] = {}  # resource → what is left, and until when that holds

    def seen(resource: str, status: int, headers: Mapping[str, str]) -> None:
        tally.add(show.FORGE_REQUESTS, forge=forge, status=str(status))
        left, reset = headers.get(_REMAINING, ""), headers.get("x-ratelimit-reset", "")
        if not (is_number(left) and is_number(reset)):
            return
        before, until = lowest.get(resource, (float("inf"), 0.0))
        if float(left) <= before or until < time.time():
            lowest[resource] = (float(left), float(reset))
            tally.set(show.FORGE_REMAINING, float(left), forge=forge, resource=resource)

    return seen


def _jobs(found: JobCounts) -> Iterator[Sample]:
    for (kind, state), count in found.counts.items():
        yield sample(show.JOBS, count, kind=kind, state=state)
    yield sample(show.OLDEST, found.oldest_s)


def _shared(found: Shared) -> Iterator[Sample]:
    for account, state, count in found.permits:
        yield sample(show.PERMITS, count, account=account, state=state)
    for account, cap in found.reduced:
        yield sample(show.PERMITS_REDUCED, cap, account=account)
    for provider, model, cause in found.outages:
        yield sample(show.OUTAGES, 1, provider=provider, model=model, cause=cause)
    for outcome, count in found.reviews:
        yield sample(show.REVIEWS, count, outcome=outcome)
    for organisation, currency, amount in found.spent:
        yield sample(show.MONTH_COST, float(amount), organisation=organisation, currency=currency)
    for organisation, currency, amount in found.budgets:
        yield sample(show.MONTH_BUDGET, float(amount), organisation=organisation, currency=currency)


def _used(found: Sequence[Used]) -> Iterator[Sample]:
    """Calls and tokens of a model are one figure, in whatever currency they were paid."""
    calls: dict[tuple[str, str, str], int] = {}
    tokens: dict[tuple[str, str, str], int] = {}
    for each in found:
        at = (each.provider, each.model)
        for outcome, count in (("answered", max(0, each.calls - each.failed)), ("failed", each.failed)):
            calls[*at, outcome] = calls.get((*at, outcome), 0) + count
        counted = (each.input_tokens, each.cached_tokens, each.output_tokens, each.reasoning_tokens)
        for what, count in zip(("input", "cached", "output", "reasoning"), counted, strict=True):
            tokens[*at, what] = tokens.get((*at, what), 0) + count
        if each.currency:
            yield sample(
                show.MODEL_COST, float(each.cost), provider=each.provider, model=each.model, currency=each.currency
            )
    for (provider, model, outcome), count in calls.items():
        yield sample(show.MODEL_CALLS, count, provider=provider, model=model, outcome=outcome)
    for (provider, model, what), count in tokens.items():
        yield sample(show.MODEL_TOKENS, count, provider=provider, model=model, what=what)


def _resident_bytes() -> float | None:
    """None where the system does not say."""
    try:
        return float(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None
