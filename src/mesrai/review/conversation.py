"""One conversation with a model: it may look things up, then it answers, and may repair its answer once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from mesrai.domain.usage import Usage
from mesrai.errors import AnswerUnreadable, ModelError
from mesrai.llm.model import Answer, Model, ModelTurn, Prompt, ToolCall, ToolTurn, Turn, UserTurn
from mesrai.llm.money import spent_on
from mesrai.review.answers import AnswerMisshapen
from mesrai.review.shapes import skeleton_of

T = TypeVar("T")
_MOST_CALLS_A_TURN = 8
LAST_TURN = "No more look-ups. Give the final answer now, as one JSON object."


@dataclass(kw_only=True)
class Ledger:
    """What the calls of one review cost so far, by provider and model."""

    spent: dict[tuple[str, str], Usage] = field(default_factory=dict)
    notices: dict[str, None] = field(default_factory=dict)  # in order, each once
    first_answer_at: float | None = None  # on the event loop's clock
    in_flight: int = 0  # calls that wait for their answer
    on_usage: Callable[[], None] = lambda: None
    on_notice: Callable[[str], None] = lambda _text: None  # each notice once

    @property
    def total(self) -> Usage:
        """All of it."""
        return sum(self.spent.values(), Usage())

    def add(self, provider: str, model: str, usage: Usage) -> None:
        """Count one answer or failure."""
        self.spent[provider, model] = self.spent.get((provider, model), Usage()) + usage
        self.on_usage()


class Lookups(Protocol):
    """What carries out the model's calls."""

    @property
    def is_spent(self) -> bool:
        """Whether nothing more can be looked up."""
        ...

    async def run_all(self, calls: Sequence[ToolCall]) -> list[str]:
        """A result for every call."""
        ...


class NoLookups:
    """See Lookups: for a question that is answered from what it says."""

    is_spent = True

    async def run_all(self, calls: Sequence[ToolCall]) -> list[str]:
        """Refuse them: the model called what it was not offered."""
        return ["Error: nothing can be looked up here"] * len(calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[T]):
    """What a conversation came to."""

    value: T
    model: str  # who gave it


async def converse(
    model: Model, prompt: Prompt, *, toolbox: Lookups, steps: int, read: Callable[[str], T], ledger: Ledger
) -> Reply[T]:
    """Ask until there is an answer that `read` accepts.

    The model may call tools in at most `steps` turns. An answer that `read` refuses is sent back once with the reason.
    Errors: ModelError; AnswerUnreadable if the repaired answer is no better.
    """
    answer, prompt = await _look_and_answer(model, prompt, toolbox, steps, ledger)
    try:
        return Reply(value=read(answer.turn.text), model=answer.model)
    except AnswerMisshapen as problem:
        asked = f"Your answer cannot be used: {problem}. Send all of it again, as one JSON object and nothing else."
        form = f"\n\n{skeleton_of(prompt.shape)}" if prompt.shape is not None else ""
        prompt = _grown(prompt, answer.turn, *_refusals(answer.turn), UserTurn(text=asked + form))
    answer = await _ask(model, replace(prompt, may_call_tools=False), ledger)
    try:
        return Reply(value=read(answer.turn.text), model=answer.model)
    except AnswerMisshapen as problem:
        if problem.partial is not None:
            return Reply(value=problem.partial, model=answer.model)
        raise AnswerUnreadable(
            f"The answer does not have the agreed shape, even after one repair: {problem}",
            provider=answer.provider,
            model=answer.model,
            request_id=answer.request_id,
        ) from problem


async def _look_and_answer(
    model: Model, prompt: Prompt, toolbox: Lookups, steps: int, ledger: Ledger
) -> tuple[Answer, Prompt]:
    """The first turn without tool calls, and the prompt that led to it."""
    for step in range(steps + 1):
        is_last = step == steps or toolbox.is_spent
        answer = await _ask(model, replace(prompt, may_call_tools=prompt.may_call_tools and not is_last), ledger)
        if not answer.turn.tool_calls:
            return answer, prompt
        results = await _results(answer.turn, toolbox)
        turns: list[Turn] = [answer.turn, *results]
        if step + 1 >= steps or toolbox.is_spent:
            turns.append(UserTurn(text=LAST_TURN))
        prompt = _grown(prompt, *turns)
    answer = await _ask(model, replace(prompt, may_call_tools=False), ledger)
    return answer, prompt


async def _results(turn: ModelTurn, toolbox: Lookups) -> list[ToolTurn]:
    """A result for every call, since providers refuse a conversation in which one is missing."""
    allowed, surplus = turn.tool_calls[:_MOST_CALLS_A_TURN], turn.tool_calls[_MOST_CALLS_A_TURN:]
    texts = await toolbox.run_all(allowed)
    done = [ToolTurn(call_id=call.id, text=text) for call, text in zip(allowed, texts, strict=True)]
    return done + [ToolTurn(call_id=call.id, text="Error: too many calls at once") for call in surplus]


def _refusals(turn: ModelTurn) -> list[ToolTurn]:
    return [ToolTurn(call_id=call.id, text="Error: no more look-ups") for call in turn.tool_calls]


async def _ask(model: Model, prompt: Prompt, ledger: Ledger) -> Answer:
    ledger.in_flight += 1
    ledger.on_usage()
    try:
        answer = await model.ask(prompt)
    except ModelError as error:
        profile = model.profile
        ledger.add(error.provider or profile.provider, error.model or profile.model, spent_on(error))
        raise
    finally:
        ledger.in_flight -= 1
    ledger.add(answer.provider, answer.model, answer.usage)
    for notice in answer.notices:
        if notice not in ledger.notices:
            ledger.notices[notice] = None
            ledger.on_notice(notice)
    if ledger.first_answer_at is None:
        ledger.first_answer_at = asyncio.get_running_loop().time()
    return answer


def _grown(prompt: Prompt, *turns: Turn) -> Prompt:
    return replace(prompt, turns=(*prompt.turns, *turns))
