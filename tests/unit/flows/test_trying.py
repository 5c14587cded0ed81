"""One rule tried on a pull request: it alone, all it finds, and failures as failures."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.fakes import Files, MemorySource
from tests.memory_forge import MemoryForge
from tests.scripted_model import Script, ScriptedModel

from mesrai.domain.finding import Severity
from mesrai.domain.policy import Rule
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.review import Outcome
from mesrai.errors import ModelAuth
from mesrai.flows.review_once import Desk
from mesrai.flows.trying import Tried, expect, try_rule
from mesrai.forges.forge import Source
from mesrai.llm.model import Model, Prompt, UserTurn
from mesrai.review.progress import Started

BASE: Files = {
    "cart.py": "def total(items):\n    return sum(items)\n",
    "mesrai-config.yml": "suggestionControl: {severityLevelFilter: critical, maxSuggestions: 1}\n"
    "reviewOptions: {mesrai_rules: false}\nrules: [{title: Another, rule: Never.}]\n",
}
HEAD: Files = {**BASE, "cart.py": "def total(items):\n    return sum(items) / 1.5\n"}
RULE = Rule(title="Cents", rule="Money is in cents.", severity=Severity.LOW, is_enabled=False)


def breaks_it(prompt: Prompt) -> str:
    """One low finding in cart.py, which is confirmed."""
    first = prompt.turns[0]
    assert isinstance(first, UserTurn)
    if prompt.shape is not None and prompt.shape.name == "submit_review":
        found = {
            "path": "cart.py",
            "line": 2,
            "quote": "return sum(items) / 1.5",
            "evidence": "1.5 is a float",
            "title": "A float",
            "body": "Money is a float here.",
            "category": "rule",
            "severity": "low",
            "confidence": 0.9,
            "replacement": None,
            "rule": "Cents",
        }
        return json.dumps({"files": [{"path": "cart.py", "note": "x"}], "findings": [found], "summary": "Halves."})
    count = int(re.findall(r"numbered 1 to (\d+)", first.text)[0])
    one: Mapping[str, Any] = {"evidence": "line 2", "verdict": "confirmed", "severity": "low", "confidence": 0.9}
    return json.dumps({"verdicts": [{"number": number, **one} for number in range(1, count + 1)]})


def a_desk(model: ScriptedModel, forge: MemoryForge) -> Desk:
    @asynccontextmanager
    async def source(_pull_request: PullRequest, _since: str) -> AsyncIterator[Source]:
        yield MemorySource(BASE, HEAD)

    @asynccontextmanager
    async def asked(_pull_request: PullRequest) -> AsyncIterator[Model]:
        yield model

    return Desk(forge=forge, source=source, model=asked, analysers=())


def tried(script: Script, rule: Rule = RULE) -> tuple[Tried, ScriptedModel, MemoryForge]:
    model, forge = ScriptedModel(script), MemoryForge()
    events: list[object] = []
    done = asyncio.run(try_rule(a_desk(model, forge), 7, rule, watch=events.append))
    assert not model.prompts or any(isinstance(each, Started) and each.estimate for each in events)
    return done, model, forge


def test_the_rule_alone_is_checked_and_all_it_finds_is_shown_and_nothing_is_posted() -> None:
    done, model, forge = tried(breaks_it)
    assert [each.title for each in done.review.findings] == ["A float"], "neither limit nor severity hide it"
    assert "Money is in cents." in model.prompts[0].system
    assert "Never." not in model.prompts[0].system
    assert '"return sum(items) / 1.5"' in done.excerpts.replace("    ", "")
    assert done.failed is None
    assert forge.writes == []


def test_a_rule_that_covers_nothing_of_the_change_costs_nothing_and_says_so() -> None:
    done, model, _ = tried(breaks_it, Rule(title="Go", rule="x", languages=("go",)))
    assert (done.review.outcome, done.review.findings, model.prompts) == (Outcome.NOTHING, (), [])
    assert done.review.summary


def test_a_trial_that_fails_is_no_empty_result() -> None:
    done, _, _ = tried(lambda _: ModelAuth("The key is wrong."))
    assert done.review.outcome is Outcome.FAILED
    assert done.failed is not None
    assert "The key is wrong." in done.failed.message


@pytest.mark.parametrize(("languages", "calls"), [((), 1), (("go",), 0)])
def test_what_it_would_cost_is_known_before_anything_is_asked(languages: tuple[str, ...], calls: int) -> None:
    model = ScriptedModel(breaks_it)
    rule = Rule(title="Cents", rule="Money is in cents.", languages=languages)
    expected = asyncio.run(expect(a_desk(model, MemoryForge()), 7, rule))
    assert expected.estimate.low.calls == calls
    assert model.prompts == []
