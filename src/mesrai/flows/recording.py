"""Keep how a review goes and what it came to, for people who watch it or come back to it."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Final

from mesrai.domain.budget import nanos_of
from mesrai.domain.change import At
from mesrai.domain.diff import Side
from mesrai.domain.file_text import lines_of, text_of
from mesrai.domain.finding import Finding
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.review import Outcome, Review
from mesrai.errors import ForgeError, SourceError, StoreError
from mesrai.forges.forge import Source
from mesrai.jobs.queue import Job
from mesrai.llm.model import Profile, Prompt
from mesrai.llm.recorded import Came
from mesrai.review.progress import Event, Spending
from mesrai.review.render.code import excerpt, hiding_secrets
from mesrai.review.render.json_text import render_json
from mesrai.review.render.untrusted import one_line
from mesrai.store.calls import Ended, begin_call, end_call, give_up_calls
from mesrai.store.database import Database
from mesrai.store.review_events import Happened, add_events
from mesrai.store.reviews import About, Sums, begin_review, end_review, set_outcome, tell_about, tell_sums

LOG: Final = logging.getLogger("mesrai.reviews")
STEP: Final = "step"
READING: Final = "Reading the change"  # the first step
_EVERY_S: Final = 0.3  # at least between two batches of events
_AROUND: Final = 3  # lines of code above and below a finding
_MOST_LINES: Final = 40  # of one excerpt


class Record:
    """What happens while one review runs. Nothing that is told here waits for the store."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: the time, in seconds since the epoch."""
        self._now = now
        self._events: list[Happened] = []
        self._some = asyncio.Event()
        self.excerpts = ""  # see `excerpts_of`

    def step(self, words: str) -> None:
        """Another part of the work begins."""
        self._take(STEP, {"text": words})

    def watch(self, event: Event) -> None:
        """Something happened: see review.progress. Of what was spent, only the newest is kept."""
        if isinstance(event, Spending):
            self._events = [each for each in self._events if each.kind != Spending.__name__]
        self._take(type(event).__name__, asdict(event))

    def taken(self) -> Sequence[Happened]:
        """What was told since the last time."""
        events, self._events = self._events, []
        self._some.clear()
        return events

    async def some(self) -> None:
        """Wait until there is something to take."""
        await self._some.wait()

    def _take(self, kind: str, told: Mapping[str, Any]) -> None:
        self._events.append(Happened(at=self._now(), kind=kind, told=_plain(told)))
        self._some.set()


@asynccontextmanager
async def recording(database: Database, review: str, now: Callable[[], float]) -> AsyncIterator[Record]:
    """A record that is kept in the background while the block runs. What cannot be kept is logged once, and lost."""
    record = Record(now)

    async def keep() -> None:
        events = record.taken()
        if events:
            await add_events(database, review, events)

    async def go_on() -> None:
        is_told = False
        while True:
            await record.some()
            try:
                await keep()
            except StoreError as error:
                if not is_told:
                    LOG.warning("How %s goes cannot be kept for now: %s", review, error.message)
                is_told = True
            await asyncio.sleep(_EVERY_S)

    keeper = asyncio.create_task(go_on())
    try:
        yield record
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])
        try:
            await keep()
        except StoreError as error:
            LOG.warning("How %s ended cannot be kept in its steps: %s", review, error.message)


class ReviewCalls:
    """The calls of one review: see llm.recorded.CallBook."""

    def __init__(self, database: Database, review: str) -> None:
        self._database = database
        self._review = review

    async def begin(self, prompt: Prompt, profile: Profile, text: str) -> int:
        """Keep that a question is asked."""
        purpose, asked = prompt.shape.name if prompt.shape else "", (profile.provider, profile.model)
        return await begin_call(self._database, self._review, purpose=purpose, asked=asked, prompt=text)

    async def end(self, number: int, came: Came) -> None:
        """Keep what came of it."""
        usage = came.usage
        ended = Ended(
            took_s=came.took_s,
            provider=came.provider,
            model=came.model,
            is_failover=came.is_failover,
            error=came.error,
            answer=came.answer,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            nanos=None if usage.cost is None else nanos_of(usage.cost),
            currency=usage.currency,
        )
        await end_call(self._database, number, ended)


async def begin(database: Database, organisation: str, job: Job, pull_request: PullRequest, trigger: str) -> str:
    """Keep that the job's review begins; its id. Errors: StoreUnavailable."""
    review = review_of(job)
    await begin_review(
        database,
        review=review,
        subject=job.subject,
        head_sha=pull_request.head_sha,
        base_ref=pull_request.base_ref,
        organisation=organisation,
    )
    about = About(title=one_line(pull_request.title, 300), author=pull_request.author.login, trigger=trigger)
    await tell_about(database, review, about)
    await give_up_calls(database, review)  # whoever asked them is gone
    return review


async def end(
    database: Database, job: Job, review: Review, outcome: str, *, reason: str = "", excerpts: str = ""
) -> None:
    """Keep how the job's review stands, its report and what it came to. Errors: StoreUnavailable."""
    # Before the outcome, which says that all is kept.
    await tell_sums(database, review_of(job), sums_of(review, excerpts))
    await end_review(database, review_of(job), outcome, report=render_json(review), reason=reason)


async def keep_failed(database: Database, organisation: str, job: Job, pull_request: PullRequest, reason: str) -> None:
    """Keep that the job's review failed for good, whether or not it ever began. Errors: StoreUnavailable."""
    await begin(database, organisation, job, pull_request, str(job.payload.get("trigger", "")))
    await set_outcome(database, review_of(job), Outcome.FAILED, reason=reason)


def review_of(job: Job) -> str:
    """The id of the review that a job carries out."""
    return f"job-{job.id}"


def sums_of(review: Review, excerpts: str = "") -> Sums:
    """A review in numbers."""
    bad: Counter[str] = Counter(each.severity for each in review.findings)
    bad.update(each.severity for each in review.unanchored)
    cost = review.usage.cost
    return Sums(
        critical=bad["critical"],
        high=bad["high"],
        medium=bad["medium"],
        low=bad["low"],
        models=", ".join(f"{each.provider}/{each.model}" for each in review.models),
        took_s=review.timings.total_s,
        nanos=None if cost is None else nanos_of(cost),
        currency=review.usage.currency,
        excerpts=excerpts,
    )


async def excerpts_of(review: Review, source: Source) -> str:
    """The code around each finding as JSON: by fingerprint, rows of a number, a text and whether it is meant.

    Without credentials. What cannot be read again is left out: the findings stand without it.
    """
    found: dict[str, list[list[Any]]] = {}
    texts: dict[tuple[str, Side], Sequence[str] | None] = {}
    for finding in review.findings:
        place = (finding.path, finding.side)
        if place not in texts:
            texts[place] = await _lines(source, *place)
        rows = _rows(finding, texts[place])
        if rows:
            found[finding.fingerprint] = rows
    return json.dumps(found, ensure_ascii=False) if found else ""


def _rows(finding: Finding, lines: Sequence[str] | None) -> list[list[Any]]:
    if lines is None:
        return []
    first, last = finding.start_line, finding.end_line
    if finding.suggestion is not None and finding.side is Side.NEW:
        first = min(first, finding.suggestion.start_line)
        last = max(last, finding.suggestion.end_line)
    rows = excerpt(lines, first, last, around=_AROUND, most=_MOST_LINES)
    shown = range(finding.start_line, finding.end_line + 1)
    return [[row.number, row.text[:500], int(row.number in shown), row.left_out] for row in rows]


async def _lines(source: Source, path: str, side: Side) -> Sequence[str] | None:
    try:
        content = await source.file(path, At.HEAD if side is Side.NEW else At.BASE)
    except (SourceError, ForgeError) as error:
        LOG.info("The code around a finding is not shown: %s", error.message)
        return None
    if content is None:
        return None
    lines = lines_of(text_of(content))
    return await asyncio.to_thread(hiding_secrets(lambda _path, _side: lines), path, side)


def _plain(value: Any) -> Any:
    """What JSON has words for."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
