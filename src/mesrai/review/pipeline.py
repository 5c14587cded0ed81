"""A review: from a change to what is wrong with it, in order."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mesrai.analysers.analyser import Analyser
from mesrai.domain.change import Change
from mesrai.domain.policy import Policy
from mesrai.domain.review import FileCoverage, FileStatus, ModelUsage, Outcome, Review, Timings
from mesrai.domain.usage import Estimate
from mesrai.errors import MesraiError, SourceError
from mesrai.forges.forge import Source
from mesrai.llm.model import Model
from mesrai.review.asking import Desk, Work, ask_all
from mesrai.review.batches import Batch, batches_of, output_tokens_for, parts_of, room_for
from mesrai.review.candidates import dropped_from
from mesrai.review.code.symbols import Outline
from mesrai.review.conversation import Ledger
from mesrai.review.coverage import coverage_of
from mesrai.review.estimate import Question, estimate_of
from mesrai.review.gather import Gathered, gather
from mesrai.review.judge import judge_findings, reason_unwanted
from mesrai.review.options import Options
from mesrai.review.progress import Notice, Spending, Started, Watch, unwatched
from mesrai.review.prompts import Framing, framing_for, review_prompt, rules_that_hold
from mesrai.review.report import (
    change_facts,
    failures_of,
    finding_from,
    finding_from_diagnostic,
    offline_coverage,
    outcome_of,
    summary_of,
    unanchored_from,
)
from mesrai.review.tools import Toolbox

OFFLINE_NOTICE = (
    "Only static analysers read this change; no model was asked. Connect one for a review that understands the code: "
    "`mesrai byok connect`, or see `mesrai doctor`."
)


NO_RULES = "No rule of the repository's owners holds for these files, so nothing was checked and no model was asked."


class ReviewFailed(MesraiError):
    """Nothing of the change could be reviewed. `review` says what is known; the cause is the first failure."""

    def __init__(self, review: Review, cause: MesraiError | None) -> None:
        super().__init__(cause.message if cause else "The review was stopped before anything was read.")
        self.review = review
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The only things a review reaches outside with."""

    source: Source
    analysers: Sequence[Analyser]
    model: Model


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What will be asked."""

    desk: Desk
    batches: Sequence[Batch]
    estimate: Estimate


async def review_change(
    change: Change,
    reading: Reading,
    *,
    policy: Policy,
    options: Options,
    watch: Watch = unwatched,
    stop: asyncio.Event | None = None,
) -> Review:
    """Review a change with a model. When `stop` is set, what is verified by then is returned as a partial review.

    Errors: ReviewFailed if no part of the change could be read; SourceError if the change itself cannot.
    """
    began = _now()
    gathered = await _gathered(change, reading, policy, options)
    unasked = _why_unasked(gathered, policy, options)
    if unasked is not None:
        return _nothing(gathered, began, policy, summary=unasked)
    plan = _plan(gathered, reading, policy, options, watch)
    asked_at = _now()
    watch(Started(files=len(gathered.files), batches=len(plan.batches), estimate=plan.estimate))
    works = await ask_all(plan.desk, plan.batches, stop)
    # In a thread: it parses every file with a finding, and other reviews and webhooks share this event loop.
    review = await asyncio.to_thread(_assembled, gathered, works, plan.desk.ledger, policy)
    review = replace(review, estimate=plan.estimate, timings=_timings(began, asked_at, plan.desk.ledger))
    if review.outcome is Outcome.FAILED:
        cause = next((work.failure for work in works if work.failure), None)
        raise ReviewFailed(review, cause) from cause
    return review


async def estimate_change(change: Change, reading: Reading, *, policy: Policy, options: Options) -> Estimate:
    """What `review_change` would about cost; nothing is asked. Errors: SourceError if the change cannot be read."""
    gathered = await _gathered(change, reading, policy, options)
    if _why_unasked(gathered, policy, options) is not None:
        return estimate_of((), reading.model.profile, options)
    return _plan(gathered, reading, policy, options, unwatched).estimate


async def review_offline(change: Change, source: Source, analysers: Sequence[Analyser], *, policy: Policy) -> Review:
    """Review a change with static analysers alone. Errors: ReviewFailed, SourceError."""
    began = _now()
    gathered = await gather(change, source, analysers, policy, context_chars=None)
    if not gathered.files:
        return _nothing(gathered, began, policy)
    coverage = (*offline_coverage(gathered.files, gathered, analysers), *gathered.skipped)
    judged = judge_findings([finding_from_diagnostic(said, gathered) for said in gathered.diagnostics], policy)
    review = Review(
        outcome=outcome_of(coverage, ()),
        summary="",
        change=change_facts(change),
        findings=judged.findings,
        dropped=judged.dropped,
        coverage=coverage,
        timings=Timings(total_s=round(_now() - began, 3), gather_s=round(_now() - began, 3)),
        notices=(*change.notices, *policy.notices, OFFLINE_NOTICE),
        failures=tuple(f"{failure.analyser}: {failure.message}" for failure in gathered.analyser_failures),
    )
    if review.outcome is Outcome.FAILED:
        raise ReviewFailed(review, MesraiError("; ".join(review.failures)))
    return review


async def _gathered(change: Change, reading: Reading, policy: Policy, options: Options) -> Gathered:
    return await gather(change, reading.source, reading.analysers, policy, context_chars=options.effort.context_chars)


def _why_unasked(gathered: Gathered, policy: Policy, options: Options) -> str | None:
    """Why there is nothing to ask, perhaps in no words; None if there is something."""
    if not gathered.files:
        return ""
    if options.rules_only and not rules_that_hold(policy, gathered.files):
        return NO_RULES
    return None


def _plan(gathered: Gathered, reading: Reading, policy: Policy, options: Options, watch: Watch) -> _Plan:
    framing = framing_for(gathered.change, gathered.files, policy, gathered.guidance, options)
    desk = _desk(gathered, reading, framing, options, watch)
    batches = _batches(gathered, desk)
    tools, _ = desk.tools(Toolbox(desk.source, most_chars=desk.room.tools), options.effort.look_steps)
    questions = [
        Question(
            prompt=review_prompt(framing, batch, tools, options, desk.most_tokens),
            files=len(batch.paths),
            look_chars=desk.room.tools if tools else 0,
        )
        for batch in batches
    ]
    return _Plan(desk=desk, batches=batches, estimate=estimate_of(questions, desk.model.profile, options))


def _desk(gathered: Gathered, reading: Reading, framing: Framing, options: Options, watch: Watch) -> Desk:
    profile = reading.model.profile
    tokens = output_tokens_for(profile, options.max_output_tokens)
    effort = options.effort
    room = room_for(
        profile,
        overhead_chars=framing.chars,
        output_tokens=tokens,
        most=effort.part_chars,
        tools=effort.look_chars if profile.has_tools else 0,
    )
    ledger = Ledger()
    ledger.on_usage = lambda: watch(Spending(usage=ledger.total, in_flight=ledger.in_flight))
    ledger.on_notice = lambda text: watch(Notice(text=text))
    return Desk(
        model=reading.model,
        source=reading.source,
        framing=framing,
        files={file.path: file for file in gathered.files},
        heads=gathered.shown_heads,
        room=room,
        most_tokens=tokens,
        options=options,
        ledger=ledger,
        watch=watch,
    )


def _batches(gathered: Gathered, desk: Desk) -> list[Batch]:
    parts = [
        part
        for file in gathered.files
        for part in parts_of(
            file,
            gathered.contexts[file.path].pieces if file.path in gathered.contexts else (),
            [said for said in gathered.diagnostics if said.path == file.path],
            desk.room.total,
        )
    ]
    return batches_of(parts, room=desk.room, parallel=desk.options.parallel)


def _assembled(gathered: Gathered, works: Sequence[Work], ledger: Ledger, policy: Policy) -> Review:
    confirmed = [candidate for work in works for candidate in work.confirmed]
    unplaced = [each for each in confirmed if each.anchor is None]
    unwanted = [(each, reason_unwanted(each.raw.category, each.raw.severity, policy)) for each in unplaced]
    unanchored = tuple(unanchored_from(each) for each, reason in unwanted if not reason)
    outlines: dict[str, Outline] = {}
    judged = judge_findings([finding_from(each, gathered, outlines) for each in confirmed if each.anchor], policy)
    coverage = (*coverage_of(gathered.files, works), *gathered.skipped)
    return Review(
        outcome=outcome_of(coverage, works),
        summary=summary_of(works),
        change=change_facts(gathered.change),
        findings=judged.findings,
        unanchored=unanchored,
        dropped=(
            *judged.dropped,
            *(dropped_from(each.raw, each.source, reason) for each, reason in unwanted if reason),
            *(each for work in works for each in work.dropped),
        ),
        coverage=coverage,
        usage=ledger.total,
        models=tuple(
            ModelUsage(provider=provider, model=model, usage=usage) for (provider, model), usage in ledger.spent.items()
        ),
        notices=_notices(gathered, ledger, policy),
        failures=failures_of(works),
    )


def _notices(gathered: Gathered, ledger: Ledger, policy: Policy) -> tuple[str, ...]:
    notices = [*gathered.change.notices, *policy.notices, *gathered.guidance.notices, *ledger.notices]
    if gathered.hidden_secrets:
        notices.append(f"{gathered.hidden_secrets} values that look like secrets were hidden from the model.")
    notices += [f"{failure.analyser} gave no hints: {failure.message}" for failure in gathered.analyser_failures]
    return tuple(dict.fromkeys(notices))


def _nothing(gathered: Gathered, began: float, policy: Policy, *, summary: str = "") -> Review:
    """A review that had nothing to read. Errors: ReviewFailed if there was something, which could not be."""
    skipped = len(gathered.skipped)
    told = f"All {skipped} changed files were left out; the reasons are in the coverage." if skipped else "No changes."
    unasked = [
        FileCoverage(path=file.path, status=FileStatus.SKIPPED, reason="no rule covers it", hunks=len(file.hunks))
        for file in gathered.files
    ]
    spent = round(_now() - began, 3)
    coverage = (*unasked, *gathered.skipped)
    review = Review(
        outcome=outcome_of(coverage, ()),
        summary=summary or told,
        change=change_facts(gathered.change),
        coverage=coverage,
        timings=Timings(total_s=spent, gather_s=spent),
        notices=(*gathered.change.notices, *policy.notices),
    )
    if review.outcome is Outcome.FAILED:
        raise ReviewFailed(review, SourceError("No file of this change could be read: it is too large."))
    return review


def _timings(began: float, asked_at: float, ledger: Ledger) -> Timings:
    now = _now()
    first = ledger.first_answer_at
    return Timings(
        total_s=round(now - began, 3),
        gather_s=round(asked_at - began, 3),
        ask_s=round(now - asked_at, 3),
        first_answer_s=None if first is None else round(first - began, 3),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
