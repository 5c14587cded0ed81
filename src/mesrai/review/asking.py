"""Ask about every batch at once, verify what comes back, and keep account of what failed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesrai.domain.diff import FileDiff
from mesrai.domain.review import Dropped
from mesrai.errors import ModelError, PromptTooLong, SourceError, StoreError
from mesrai.forges.forge import Source
from mesrai.llm.model import Model, Tool
from mesrai.review.answers import ReviewAnswer, read_review_answer
from mesrai.review.batches import Batch, Room, halves_of
from mesrai.review.candidates import Candidate, dropped_from, place_findings
from mesrai.review.conversation import Ledger, Reply, converse
from mesrai.review.material import shown_path
from mesrai.review.options import Options
from mesrai.review.progress import BatchEnded, BatchSplit, Found, Stopping, Watch
from mesrai.review.prompts import Framing, review_prompt, verify_prompt
from mesrai.review.tools import Toolbox
from mesrai.review.verify import verify_findings

STOPPED = "stopped before it was read"
UNSPOKEN = "the model said nothing of it, even when it was asked again"


@dataclass(kw_only=True)
class Work:
    """What became of one batch so far."""

    batch: Batch
    answer: ReviewAnswer | None = None  # None: it was not read
    failure: ModelError | SourceError | StoreError | None = None  # why it was not read
    is_split: bool = False  # its parts go on as other works
    unverified: tuple[Candidate, ...] = ()  # found, and not yet or never verified
    verify_failure: ModelError | StoreError | None = None
    has_unverified: bool = False  # something was found and dropped without its second look
    confirmed: tuple[Candidate, ...] = ()
    dropped: list[Dropped] = field(default_factory=list)

    def unread(self, path: str) -> str:
        """Why a file of the batch was not read; empty if it was."""
        if self.answer is None:
            return self.failure.message if self.failure else STOPPED
        return UNSPOKEN if shown_path(path) in self.answer.missing else ""

    def give_up_unverified(self, reason: str) -> None:
        """Drop what was found and will not be verified."""
        self.has_unverified = self.has_unverified or bool(self.unverified)
        self.dropped += [dropped_from(each.raw, each.source, reason) for each in self.unverified]
        self.unverified = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All that asking about a batch needs."""

    model: Model
    source: Source
    framing: Framing
    files: Mapping[str, FileDiff]  # path → diff as shown
    heads: Mapping[str, str]  # path → new text as shown
    room: Room
    most_tokens: int
    options: Options
    ledger: Ledger
    watch: Watch

    def tools(self, toolbox: Toolbox, steps: int) -> tuple[tuple[Tool, ...], int]:
        """The tools to offer and in how many turns they may be called; none where the model cannot call any."""
        offered = toolbox.tools if steps and self.model.profile.has_tools else ()
        return offered, steps if offered else 0


async def ask_all(desk: Desk, batches: Sequence[Batch], stop: asyncio.Event | None) -> list[Work]:
    """Work through all batches. When `stop` is set, nothing more is asked and what is unfinished says so."""
    works = [Work(batch=batch) for batch in batches]
    running = {asyncio.create_task(_do(desk, work, works)) for work in works}
    stopper = asyncio.create_task(stop.wait()) if stop is not None else None
    everything = asyncio.gather(*running)
    try:
        waited: set[asyncio.Future[Any]] = {everything} if stopper is None else {everything, stopper}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if everything.done():
            everything.result()  # a fault that is no model's failure goes up
        else:
            desk.watch(Stopping())
            everything.cancel()
            await asyncio.gather(everything, *running, return_exceptions=True)
    finally:
        for task in [*running, *([stopper] if stopper else [])]:
            task.cancel()
        # What is cancelled may still keep an answer that is paid for; and an end that nobody looks at is a complaint.
        await asyncio.gather(everything, *running, return_exceptions=True)
    for work in works:
        work.give_up_unverified("not verified: the review was stopped")
    return [work for work in works if not work.is_split]


async def _do(desk: Desk, work: Work, works: list[Work]) -> None:
    toolbox = Toolbox(desk.source, most_chars=desk.room.tools)
    try:
        reply = await _read(desk, work.batch, toolbox)
    except PromptTooLong as error:
        await _split(desk, work, works, error)
        return
    except (ModelError, SourceError, StoreError) as error:  # of the store: what others answered must not go with it
        work.failure = error
    else:
        await _take(desk, work, reply)
    _report(desk, work)


async def _read(desk: Desk, batch: Batch, toolbox: Toolbox) -> Reply[ReviewAnswer]:
    tools, steps = desk.tools(toolbox, desk.options.effort.look_steps)
    return await converse(
        desk.model,
        review_prompt(desk.framing, batch, tools, desk.options, desk.most_tokens),
        toolbox=toolbox,
        steps=steps,
        read=lambda text: read_review_answer(text, [shown_path(path) for path in batch.paths]),
        ledger=desk.ledger,
    )


async def _split(desk: Desk, work: Work, works: list[Work], error: PromptTooLong) -> None:
    smaller = halves_of(work.batch)
    if not smaller:
        work.failure = error
        _report(desk, work)
        return
    work.is_split = True
    pieces = [Work(batch=batch) for batch in smaller]
    works.extend(pieces)
    desk.watch(BatchSplit(batch=work.batch.id, into=len(pieces)))
    await asyncio.gather(*(_do(desk, piece, works) for piece in pieces))


async def _take(desk: Desk, work: Work, reply: Reply[ReviewAnswer]) -> None:
    """Place the findings on the diff and verify them."""
    work.answer = reply.value
    files = {name: desk.files[path] for path in work.batch.paths for name in (path, shown_path(path))}
    placed = place_findings(reply.value.findings, files, desk.heads, reply.model)
    work.dropped += placed.dropped
    work.unverified = placed.candidates
    if not work.unverified:
        return
    toolbox = Toolbox(desk.source, most_chars=desk.room.tools)
    tools, steps = desk.tools(toolbox, desk.options.effort.check_steps)
    prompt = verify_prompt(desk.framing, work.batch, work.unverified, tools, desk.options, desk.most_tokens)
    try:
        verified = await verify_findings(
            desk.model, prompt, work.unverified, toolbox=toolbox, steps=steps, ledger=desk.ledger
        )
    except (ModelError, StoreError) as error:
        work.verify_failure = error
        work.give_up_unverified(f"not verified: {error.message}")
        return
    work.unverified = ()
    work.confirmed = verified.confirmed
    work.dropped += verified.refuted


def _report(desk: Desk, work: Work) -> None:
    failure = work.failure or work.verify_failure
    desk.watch(
        BatchEnded(
            batch=work.batch.id,
            paths=work.batch.paths,
            failure=failure.message if failure else "",
            confirmed=len(work.confirmed),
            refuted=len(work.dropped),
            found=tuple(_found(each) for each in work.confirmed),
        )
    )


def _found(candidate: Candidate) -> Found:
    raw, anchor = candidate.raw, candidate.anchor
    line = anchor.start_line if anchor is not None else candidate.line
    return Found(severity=str(raw.severity), title=raw.title, path=candidate.path, line=line)
