"""The stages of a test that ask the model: a first answer, a tool round trip, an answer of an agreed shape."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from mesrai.errors import (
    AnswerCut,
    AnswerEmpty,
    AnswerUnreadable,
    ModelError,
    ModelThrottled,
    ModelUnavailable,
)
from mesrai.llm import remedies
from mesrai.llm.model import Answer, Model, Prompt, Tool, ToolTurn, Turn, UserTurn
from mesrai.llm.probe_case import Case, Found, limited
from mesrai.llm.probe_ceiling import Meter
from mesrai.llm.probe_shape import EXERCISE, SHAPE, Misshapen, read_exercise
from mesrai.llm.probing import Advice, Diagnosis, Problem, State, Step

# Tokens of an answer, reasoning included; with less than twice a model's least budget for reasoning, none would be
# asked for, and the test would not be of what reviews send.
FIRST_ROOM: Final = 2_400
LARGER_ROOM: Final = 6_000  # where that was too little
SLOW_S: Final = 10.0
MOST_WAIT_S: Final = 65.0  # in all, for a limit of so many requests a minute
_CACHE_KEY: Final = "mesrai-test"
_WORD: Final = "heron"
_SYSTEM: Final = "You are asked a few small questions that show whether you can be used for reviewing code."
_READY: Final = "Answer with the single word: ready"
# A review in small, so that it is answered by whatever answers reviews.
_LOOK_UP: Final = """Review this part of the change. Before you answer, call the tool read_file with path notes.py: \
line 4 of it holds a word that you cannot know otherwise. When you have the result, answer with that word alone.

## File notes.py
### Change
     3 + except:
     4 +     word = read_word()"""
_CALL_NOW: Final = "You did not call read_file. Call it now, with path notes.py."
READ_FILE: Final = Tool(
    name="read_file",
    description="Lines of a file. At most 400 lines a call.",
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "start_line": {"type": "integer"},
            "end_line": {"type": "integer"},
        },
        "required": ["path"],
        "additionalProperties": False,
    },
)


@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks one model, once or a little more often, within a ceiling."""

    model: Model
    meter: Meter
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    on_wait: Callable[[float], None] = lambda _seconds: None  # before each wait for a limit
    notices: dict[str, None] = field(default_factory=dict)  # in order, each once
    waits: int = 0
    waited_s: float = 0.0
    _room: int = FIRST_ROOM

    async def ask(self, prompt: Prompt) -> Answer:
        """The answer. What may pass is asked once more: too little room, a broken answer, a limit that names a wait.

        Errors: ModelError; BudgetSpent where the ceiling would be passed.
        """
        may_repeat = True
        while True:
            sent = replace(prompt, max_output_tokens=self.meter.room_for(prompt, self._room), cache_key=_CACHE_KEY)
            try:
                answer = await self.model.ask(sent)
            except ModelError as error:
                self.meter.failed(sent, error)
                if await self._waits(error):
                    continue
                if not may_repeat or not self._may_pass(error):
                    raise
                may_repeat = False
            else:
                self.meter.answered(sent, answer.usage)
                self.notices.update(dict.fromkeys(answer.notices))
                return answer

    async def _waits(self, error: ModelError) -> bool:
        """Whether a limit was waited for: only as long as the provider says, and not for ever."""
        told = error.retry_after_s
        if not isinstance(error, ModelThrottled) or told is None:
            return False
        # Vendors may say one second where a minute has to pass, so that each wait is longer than the one before.
        wait = max(told, 2.0**self.waits) if self.waits else told
        if self.waited_s + wait > MOST_WAIT_S:
            return False
        self.waits += 1
        self.waited_s += wait
        self.on_wait(wait)
        await self.sleep(wait)
        return True

    def _may_pass(self, error: ModelError) -> bool:
        if isinstance(error, AnswerCut) and error.reached_limit:
            is_larger = self._room < LARGER_ROOM
            self._room = LARGER_ROOM
            return is_larger
        return isinstance(error, AnswerEmpty | AnswerCut) or (
            isinstance(error, ModelUnavailable) and error.status is not None
        )


async def check_inference(case: Case, asker: Asker) -> Found:
    """One tiny answer. Errors: ModelError."""
    answer = await asker.ask(Prompt(system=_SYSTEM, turns=(UserTurn(text=_READY),)))
    facts = (f"{answer.usage.input_tokens:,} tokens in, {answer.usage.output_tokens:,} out", *_waits_of(asker))
    if answer.took_s <= SLOW_S:
        return Found(state=State.PASSED, told=f"{answer.model} answers.", facts=facts)
    diagnosis = Diagnosis(
        problem=Problem.TOO_SLOW,
        told=(
            f"{answer.model} answers, but took {answer.took_s:.0f} s for a single word. After an idle while the first "
            "answer may wait until the model is started; reviews wait for it too."
        ),
        advice=remedies.slowness(case),
        request_id=answer.request_id,
    )
    return limited(diagnosis, facts)


async def check_tools(case: Case, asker: Asker) -> Found:
    """One tool is called, and its result sent back with the model's reasoning. Errors: ModelError."""
    if not asker.model.profile.has_tools:
        return limited(_no_tools(case, f"{case.connection.model} is known to use no tools."))
    prompt = Prompt(system=_SYSTEM, turns=(UserTurn(text=_LOOK_UP),), tools=(READ_FILE,))
    answer = await asker.ask(prompt)
    if not answer.turn.tool_calls and not _lost_tools(answer):
        prompt = _grown(prompt, answer.turn, UserTurn(text=_CALL_NOW))
        answer = await asker.ask(prompt)
    if not answer.turn.tool_calls:
        why = "The provider does not take tools for this model." if _lost_tools(answer) else "The model called no tool."
        return limited(_no_tools(case, why))
    results = [ToolTurn(call_id=call.id, text=f"4     {_WORD}") for call in answer.turn.tool_calls]
    answer = await asker.ask(replace(_grown(prompt, answer.turn, *results), may_call_tools=False))
    is_used = _WORD in answer.turn.text.lower()
    told = "A tool was called, and its result was taken up."
    facts = ("The answer makes use of what the tool returned.",) if is_used else ()
    return Found(state=State.PASSED, told=told, facts=(*facts, *_waits_of(asker)))


async def check_shape(case: Case, asker: Asker) -> Found:
    """One answer of an agreed shape, repaired once if need be. Errors: ModelError, AnswerUnreadable."""
    del case
    prompt = Prompt(system=_SYSTEM, turns=(UserTurn(text=EXERCISE),), shape=SHAPE, may_call_tools=False)
    answer = await asker.ask(prompt)
    try:
        read_exercise(answer.turn.text)
    except Misshapen as problem:
        asked = f"Your answer cannot be used: {problem}. Send all of it again, as one JSON object and nothing else."
        answer = await asker.ask(_grown(prompt, answer.turn, UserTurn(text=asked)))
        _read_again(answer)
        return Found(state=State.PASSED, told="The answer has the agreed shape.", facts=("It took one repair.",))
    return Found(state=State.PASSED, told="The answer has the agreed shape.", facts=_waits_of(asker))


def _read_again(answer: Answer) -> None:
    try:
        read_exercise(answer.turn.text)
    except Misshapen as problem:
        raise AnswerUnreadable(
            f"The answer does not have the agreed shape, even after one repair: {problem}.",
            provider=answer.provider,
            model=answer.model,
            request_id=answer.request_id,
        ) from problem


def _no_tools(case: Case, why: str) -> Diagnosis:
    told = f"{why} Reviews run without look-ups, so they know only the change and the code around it."
    advice = Advice(step=Step.PICK_MODEL, told="For look-ups, use a model with tools.", model=_other(case))
    return Diagnosis(problem=Problem.NO_TOOLS, told=told, advice=(advice,))


def _other(case: Case) -> str:
    return case.row.default_model if case.row.default_model != case.connection.model else ""


def _lost_tools(answer: Answer) -> bool:
    """Whether the tools were left out of the request, since the provider refused them."""
    return any("does not take `tools`" in notice for notice in answer.notices)


def _grown(prompt: Prompt, *turns: Turn) -> Prompt:
    return replace(prompt, turns=(*prompt.turns, *turns))


def _waits_of(asker: Asker) -> tuple[str, ...]:
    if asker.waited_s < 1:
        return ()
    return (f"The provider limits how fast this account may ask; waited {asker.waited_s:.0f} s so far.",)
