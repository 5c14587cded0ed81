"""Try one rule on a pull request of any age: what it would report, and first what it would cost. Nothing is posted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from mesrai.domain.change import Change
from mesrai.domain.finding import Category, Severity
from mesrai.domain.policy import Policy, Rule
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.review import Review
from mesrai.domain.usage import Estimate
from mesrai.errors import MesraiError
from mesrai.flows.configured import policy_of
from mesrai.flows.recording import excerpts_of
from mesrai.flows.review_once import Desk
from mesrai.forges.forge import Source
from mesrai.review.options import Options
from mesrai.review.pipeline import Reading, ReviewFailed, estimate_change, review_change
from mesrai.review.progress import Watch
from mesrai.review.render.description import without_part_of_ours

_OPTIONS: Final = Options(rules_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a trial will about cost."""

    pull_request: PullRequest
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of a trial."""

    pull_request: PullRequest
    review: Review
    excerpts: str  # see recording.excerpts_of
    failed: MesraiError | None = None  # why nothing could be checked


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    pull_request: PullRequest
    source: Source
    change: Change
    policy: Policy
    reading: Reading


async def expect(desk: Desk, number: int, rule: Rule) -> Expected:
    """What trying the rule will about cost; no model is asked.

    Errors: ForgeError, SourceError, UserError, StoreError.
    """
    async with _opened(desk, number, rule) as case:
        estimate = await estimate_change(case.change, case.reading, policy=case.policy, options=_OPTIONS)
        return Expected(pull_request=case.pull_request, estimate=estimate)


async def try_rule(desk: Desk, number: int, rule: Rule, *, watch: Watch) -> Tried:
    """Check the rule alone, all its findings among it; a rule that is switched off is tried all the same.

    A review that came to nothing is told as failed. Errors: ForgeError, SourceError, UserError, StoreError, ModelError.
    """
    async with _opened(desk, number, rule) as case:
        failed = None
        try:
            review = await review_change(case.change, case.reading, policy=case.policy, options=_OPTIONS, watch=watch)
        except ReviewFailed as error:
            review, failed = error.review, error.cause
        excerpts = await excerpts_of(review, case.source)
        return Tried(pull_request=case.pull_request, review=review, excerpts=excerpts, failed=failed)


@asynccontextmanager
async def _opened(desk: Desk, number: int, rule: Rule) -> AsyncIterator[_Case]:
    pull_request = await desk.forge.pull_request(number)
    async with desk.source(pull_request, "") as source:
        policy = await policy_of(source, pull_request.repository, desk.central, desk.saved)
        change = await source.change()
        # Without what an earlier review wrote there: it says nothing new.
        change = replace(change, title=pull_request.title, description=without_part_of_ours(pull_request.body))
        if desk.model is None:
            raise MesraiError("No model can be asked here.")
        async with desk.model(pull_request) as model:
            yield _Case(
                pull_request=pull_request,
                source=source,
                change=change,
                policy=_only(rule, policy),
                reading=Reading(source=source, analysers=desk.analysers, model=model),
            )


def _only(rule: Rule, policy: Policy) -> Policy:
    """The policy for one rule: all that breaks it is wanted, however slight and however often."""
    control = replace(policy.suggestion_control, max_suggestions=0, severity_level_filter=Severity.LOW)
    return replace(
        policy,
        rules=(replace(rule, is_enabled=True),),
        memories=(),
        notices=(),
        categories=policy.categories | {Category.RULE},
        suggestion_control=control,
    )
