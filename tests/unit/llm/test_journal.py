import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scripted_model import ScriptedModel, a_call, a_profile, an_answer, in_turn
from tests.strategies import FEW, hostile_text

from mesrai.domain.connection import Connection, Slot, Thinking
from mesrai.domain.secret import Secret
from mesrai.domain.usage import Usage
from mesrai.errors import ModelOverloaded, StoreUnavailable
from mesrai.llm.journal import RECALLED, Journaled, answer_of, question_of, text_of, tuning_of
from mesrai.llm.model import Answer, AnswerShape, ModelTurn, Prompt, Tool, ToolCall, ToolTurn, UserTurn

SAID = ModelTurn(tool_calls=(ToolCall(id="c1", name="read", arguments="{"),), replay={"b": [1], "a": None})
PROMPT = Prompt(
    system="You review code.",
    turns=(
        UserTurn(text="漢字 \udcff"),
        SAID,
        ToolTurn(call_id="c1", text="def f(): ..."),
    ),
    tools=(Tool(name="read", description="Reads.", parameters={"type": "object"}),),
    shape=AnswerShape(name="findings", description="All.", schema={"type": "object"}),
    thinking=Thinking.HIGH,
    cache_key="review-1",
)


class MemoryBook:
    """A book that outlives the model around it."""

    def __init__(self, *, failing: str = "", slow_s: float = 0.0) -> None:
        self.kept: dict[str, str] = {}
        self.failing = failing
        self.slow_s = slow_s

    async def find(self, question: str) -> str | None:
        if self.failing == "find":
            raise StoreUnavailable("The database is away.")
        return self.kept.get(question)

    async def keep(self, question: str, answer: str) -> None:
        await asyncio.sleep(self.slow_s)
        if self.failing == "keep":
            raise StoreUnavailable("The database is away.")
        self.kept.setdefault(question, answer)


def prompts(count: int) -> list[Prompt]:
    return [replace(PROMPT, system=f"You review part {at}.") for at in range(count)]


def ask_all(model: Journaled, asked: list[Prompt]) -> list[Answer]:
    async def run() -> list[Answer]:
        return [await model.ask(prompt) for prompt in asked]

    return asyncio.run(run())


def test_a_job_that_begins_anew_asks_only_what_it_did_not_ask_before() -> None:
    book, first = MemoryBook(), ScriptedModel(in_turn("one", "two"))
    before = ask_all(Journaled(first, book), prompts(2))
    second = ScriptedModel(in_turn("three"))
    after = ask_all(Journaled(second, book), prompts(3))
    assert [answer.turn.text for answer in after] == ["one", "two", "three"]
    assert [answer.notices for answer in after] == [(RECALLED,), (RECALLED,), ()]
    assert [answer.usage for answer in after[:2]] == [answer.usage for answer in before]
    assert second.prompts == prompts(3)[2:]


def test_what_the_whole_review_cost_is_the_same_with_and_without_a_crash() -> None:
    book = MemoryBook()
    ask_all(Journaled(ScriptedModel(in_turn("one", "two")), book), prompts(2))
    answers = ask_all(Journaled(ScriptedModel(in_turn("three")), book), [*prompts(3), *prompts(3)])
    assert sum((answer.usage for answer in answers), Usage()).cost == Decimal("0.003")


def test_an_answer_is_kept_before_it_is_returned_also_where_the_asker_is_cancelled() -> None:
    book, model = MemoryBook(slow_s=0.02), ScriptedModel(in_turn("one"))

    async def run() -> None:
        asking = asyncio.create_task(Journaled(model, book).ask(PROMPT))
        await asyncio.sleep(0.005)
        assert model.prompts
        assert not book.kept
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert len(book.kept) == 1

    asyncio.run(run())


def test_two_who_ask_the_same_at_once_ask_once_and_pay_once() -> None:
    model = ScriptedModel(in_turn("one"))
    journaled = Journaled(model, MemoryBook(slow_s=0.01))

    async def run() -> list[Answer]:
        return list(await asyncio.gather(journaled.ask(PROMPT), journaled.ask(replace(PROMPT, cache_key="other"))))

    first, second = asyncio.run(run())
    assert (first.turn, first.usage.calls) == (second.turn, 1)
    assert second.usage == Usage()
    assert len(model.prompts) == 1


def test_a_failure_is_not_remembered_and_the_next_asker_asks() -> None:
    model = ScriptedModel(in_turn(ModelOverloaded(), "one"))
    journaled = Journaled(model, MemoryBook())

    async def run() -> Any:
        return await asyncio.gather(journaled.ask(PROMPT), journaled.ask(PROMPT), return_exceptions=True)

    failure, answer = asyncio.run(run())
    assert isinstance(failure, ModelOverloaded)
    assert answer.turn.text == "one"
    assert answer.usage.calls == 1


def test_an_answer_that_cannot_be_kept_is_returned_and_says_so() -> None:
    (answer,) = ask_all(Journaled(ScriptedModel(in_turn("one")), MemoryBook(failing="keep")), [PROMPT])
    assert answer.turn.text == "one"
    assert answer.notices == (
        "An answer could not be remembered, in case the review is interrupted: The database is away.",
    )


def test_nothing_is_asked_while_the_book_cannot_be_read() -> None:
    model = ScriptedModel(in_turn("one"))
    with pytest.raises(StoreUnavailable):
        ask_all(Journaled(model, MemoryBook(failing="find")), [PROMPT])
    assert model.prompts == []


def test_a_replay_nested_too_deeply_to_be_written_is_no_reason_to_lose_an_answer() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    said = replace(an_answer("one"), turn=ModelTurn(text="one", replay=deep))
    (answer,) = ask_all(Journaled(ScriptedModel(lambda _: said), MemoryBook()), [PROMPT])
    assert answer.turn.text == "one"
    assert len(answer.notices) == 1


@pytest.mark.parametrize(
    "damaged", ["", "{", "[]", "null", '{"version": 0}', '{"version": 1}', '{"version": 1, "answer": {"turn": 1}}']
)
def test_what_cannot_be_read_is_asked_anew(damaged: str) -> None:
    book, model = MemoryBook(), ScriptedModel(in_turn("one"))
    book.kept[question_of(PROMPT, model.profile)] = damaged
    (answer,) = ask_all(Journaled(model, book), [PROMPT])
    assert (answer.turn.text, answer.usage.calls) == ("one", 1)


CHANGED: dict[str, Callable[[Prompt], Prompt]] = {
    "system": lambda prompt: replace(prompt, system="Else."),
    "turn": lambda prompt: replace(prompt, turns=prompt.turns[:1]),
    "replay": lambda prompt: replace(prompt, turns=(prompt.turns[0], ModelTurn(text=""), prompt.turns[2])),
    "tool": lambda prompt: replace(prompt, tools=(replace(prompt.tools[0], description="Else."),)),
    "no call": lambda prompt: replace(prompt, may_call_tools=False),
    "shape": lambda prompt: replace(prompt, shape=None),
    "room": lambda prompt: replace(prompt, max_output_tokens=1),
    "thinking": lambda prompt: replace(prompt, thinking=None),
}


def test_every_part_of_a_question_counts_but_the_cache_key() -> None:
    profile = a_profile()
    asked = {question_of(change(PROMPT), profile) for change in CHANGED.values()}
    asked |= {question_of(PROMPT, profile), question_of(PROMPT, profile, "tuned")}
    asked |= {question_of(PROMPT, a_profile(model="m2")), question_of(PROMPT, a_profile(provider="p2"))}
    assert len(asked) == len(CHANGED) + 4
    assert question_of(replace(PROMPT, cache_key="other"), profile) == question_of(PROMPT, profile)
    said = replace(SAID, replay=MappingProxyType({"a": None, "b": [1]}))
    same = replace(PROMPT, turns=(PROMPT.turns[0], said, PROMPT.turns[2]))
    assert question_of(same, profile) == question_of(PROMPT, profile)


def test_a_question_is_the_same_in_another_process() -> None:
    code = (
        "from mesrai.llm.journal import question_of\n"
        "from mesrai.llm.model import Profile, Prompt, Tool, UserTurn\n"
        "tool = Tool(name='read', description='Reads.', parameters={'type': 'object', 'required': ['path']})\n"
        "prompt = Prompt(system='漢字', turns=(UserTurn(text='\\udcff'),), tools=(tool,), thinking=None)\n"
        "question = question_of(prompt, Profile(provider='p', model='m', window=1, max_output=1), 'tuned')\n"
    )
    here: dict[str, Any] = {}
    exec(code, here)
    there = {
        subprocess.run(
            [sys.executable, "-c", f"{code}print(question)"],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert there == {here["question"]}


def test_tuning_tells_settings_apart_and_holds_no_key() -> None:
    one = Connection(
        slot=Slot.MAIN, provider="p", base_url="https://p.example/v1", model="m", key=Secret("sk-very-secret-key")
    )
    told = {tuning_of([one]), tuning_of([one, one])}
    told |= {tuning_of([replace(one, thinking=Thinking.OFF)]), tuning_of([replace(one, custom={"openai": {"a": 1}})])}
    assert len(told) == 4
    assert all("secret" not in each for each in told)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | hostile_text(3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_text(2), inner, max_size=3),
    max_leaves=8,
)
COUNT = st.integers(0, 10**9)
ANSWERS = st.builds(
    Answer,
    turn=st.builds(
        ModelTurn,
        text=hostile_text(),
        tool_calls=st.lists(
            st.builds(ToolCall, id=hostile_text(2), name=hostile_text(2), arguments=hostile_text()), max_size=3
        ).map(tuple),
        replay=st.dictionaries(hostile_text(2), JSON, max_size=3),
    ),
    usage=st.builds(
        Usage,
        calls=COUNT,
        input_tokens=COUNT,
        cached_tokens=COUNT,
        output_tokens=COUNT,
        reasoning_tokens=COUNT,
        cost=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
        currency=st.sampled_from(["", "USD", "CNY"]),
    ),
    provider=hostile_text(2),
    model=hostile_text(2),
    request_id=hostile_text(2),
    took_s=st.floats(0, 1e6),
    notices=st.lists(hostile_text(), max_size=3).map(tuple),
)


@FEW
@given(ANSWERS)
def test_an_answer_comes_back_from_its_text_exactly(answer: Answer) -> None:
    text = text_of(answer)
    assert text.isascii()
    found = answer_of(text)
    assert found == answer
    assert found is not None
    assert str(found.usage.cost) == str(answer.usage.cost)  # also its zeros, which equality does not see
    assert json.loads(text)["version"] == 1


def test_an_answer_with_calls_comes_back_from_its_text() -> None:
    answer = an_answer(calls=(a_call("read", path="a.py"),))
    assert answer_of(text_of(answer)) == answer
