"""A review that meets its budget: what was read is shown, what was not says why."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.fakes import MemorySource
from tests.scripted_model import ScriptedModel, an_answer

from mesrai.cli.exits import Exit, exit_code_for
from mesrai.domain.policy import Policy
from mesrai.domain.review import FileStatus, Outcome, Review
from mesrai.domain.usage import Usage
from mesrai.errors import BudgetSpent
from mesrai.llm.budgeted import Budgeted
from mesrai.llm.model import Answer, Price, Prompt, UserTurn
from mesrai.llm.purse import ReviewPurse
from mesrai.review.options import Options
from mesrai.review.pipeline import Reading, ReviewFailed, review_change

# An answer costs 0.05 USD here, and the worst case of a question is more than that and less than 0.09 USD.
COST = Usage(calls=1, input_tokens=100, output_tokens=10, cost=Decimal("0.05"), currency="USD")
PRICE = Price(input=Decimal("0.95"), cached=Decimal("0.16"), output=Decimal(4), currency="USD", as_of="2026-09-29")
FILES = {f"m{at:02}.py": "".join(f"value_{line} = {line}\n" for line in range(900)) for at in range(6)}


def nothing_found(prompt: Prompt) -> Answer:
    first = prompt.turns[0]
    assert isinstance(first, UserTurn)
    listed = first.text.split("each with an entry in `files`:\n", 1)[1]
    paths = [line[2:] for line in listed.splitlines() if line.startswith("- m")]
    notes = [{"path": path, "note": ""} for path in paths]
    return replace(an_answer(json.dumps({"files": notes, "findings": [], "summary": "Values."})), usage=COST)


def reviewed(limit: str) -> tuple[Review, ScriptedModel]:
    model = ScriptedModel(nothing_found, price=PRICE)

    async def run() -> Review:
        source = MemorySource({}, FILES)
        reading = Reading(source=source, analysers=(), model=Budgeted(model, ReviewPurse(Decimal(limit), "USD")))
        return await review_change(await source.change(), reading, policy=Policy(), options=Options())

    return asyncio.run(run()), model


def test_an_ample_budget_changes_nothing() -> None:
    review, model = reviewed("5")
    assert (review.outcome, len(model.prompts)) == (Outcome.REVIEWED, 6)
    assert review.usage.cost == Decimal("0.30")


def test_a_tight_budget_is_enough_where_the_questions_cost_less_than_their_worst_case() -> None:
    review, model = reviewed("0.34")
    assert (review.outcome, len(model.prompts)) == (Outcome.REVIEWED, 6)


def test_files_that_the_budget_does_not_allow_are_not_covered_and_say_so() -> None:
    review, model = reviewed("0.20")
    assert review.outcome is Outcome.PARTIAL
    assert len(model.prompts) == 3
    reasons = {file.status: file.reason for file in review.coverage}
    assert set(reasons) == {FileStatus.REVIEWED, FileStatus.FAILED}
    assert reasons[FileStatus.FAILED].startswith("The budget of this review, 0.20 USD, allows no further question: ")
    assert any("budget" in failure for failure in review.failures)
    assert review.usage.calls == len(model.prompts)


def test_a_review_that_may_ask_nothing_fails_and_names_the_budget() -> None:
    with pytest.raises(ReviewFailed, match="budget of this review") as caught:
        reviewed("0.01")
    assert caught.value.review.outcome is Outcome.FAILED
    assert isinstance(caught.value.cause, BudgetSpent)
    assert exit_code_for(caught.value) is Exit.FAILED
