"""A Model that keeps account of what it was asked and what it answered, for people who look at a review later."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.domain.usage import Usage
from mesrai.errors import MesraiError, ModelError, StoreError
from mesrai.llm.model import Answer, Model, ModelTurn, Profile, Prompt, ToolTurn, Turn
from mesrai.llm.money import spent_on

T = TypeVar("T")
LOG: Final = logging.getLogger("mesrai.llm")
STOPPED: Final = "It was stopped before the answer came."
_MOST: Final = 400_000  # characters of one text that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of a question."""

    provider: str
    model: str
    took_s: float
    is_failover: bool = False  # another model than the main one answered
    usage: Usage = field(default_factory=Usage)
    error: str = ""  # a sentence; empty: it was answered
    answer: str = ""  # JSON


class CallBook(Protocol):
    """Where calls are kept. Errors: StoreError."""

    async def begin(self, prompt: Prompt, profile: Profile, text: str) -> int:
        """Keep that a question is asked, with the JSON `text` of it; its number."""
        ...

    async def end(self, number: int, came: Came) -> None:
        """Keep what came of it."""
        ...


class Recorded:
    """Keeps each question and its answer, without credentials. What cannot be kept costs no answer: it is logged once.

    It stands below whatever remembers answers, so that only what was really asked is kept.
    """

    def __init__(self, model: Model, book: CallBook, *, keeps_words: bool) -> None:
        """Ask `model`, and keep in `book`; without `keeps_words` only the figures."""
        self._model = model
        self._book = book
        self._keeps_words = keeps_words
        self._is_told = False

    @property
    def profile(self) -> Profile:
        """The model's own."""
        return self._model.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """The model's answer. Errors: the model's."""
        clock = asyncio.get_running_loop().time
        began = clock()
        beginning = asyncio.ensure_future(self._begun(prompt))
        try:
            answer = await self._model.ask(prompt)
        except MesraiError as error:
            await self._ended(beginning, self._failure(error, clock() - began))
            raise
        except asyncio.CancelledError:
            profile = self.profile
            came = Came(provider=profile.provider, model=profile.model, took_s=clock() - began, error=STOPPED)
            await asyncio.wait([asyncio.ensure_future(self._ended(beginning, came))])
            raise
        await self._ended(beginning, await self._answered(answer, clock() - began))
        return answer

    async def _begun(self, prompt: Prompt) -> int | None:
        text = await asyncio.to_thread(prompt_text, prompt) if self._keeps_words else ""
        return await self._tried(self._book.begin(prompt, self.profile, text))

    async def _ended(self, beginning: "asyncio.Future[int | None]", came: Came) -> None:
        number = await beginning
        if number is not None:
            await self._tried(self._book.end(number, came))

    async def _tried(self, keeping: Awaitable[T]) -> T | None:
        """What it gives; None if the store is away, which is told once."""
        try:
            return await keeping
        except StoreError as error:
            if not self._is_told:
                LOG.warning("What models are asked cannot be kept for now: %s", error.message)
            self._is_told = True
            return None

    async def _answered(self, answer: Answer, took_s: float) -> Came:
        text = await asyncio.to_thread(answer_text, answer.turn) if self._keeps_words else ""
        return Came(
            provider=answer.provider,
            model=answer.model,
            took_s=took_s,
            is_failover=self._is_other(answer.provider, answer.model),
            usage=answer.usage,
            answer=text,
        )

    def _failure(self, error: MesraiError, took_s: float) -> Came:
        provider, model, usage = self.profile.provider, self.profile.model, Usage()
        if isinstance(error, ModelError):
            provider, model, usage = error.provider or provider, error.model or model, spent_on(error)
        return Came(provider=provider, model=model, took_s=took_s, usage=usage, error=redact_secrets(error.message)[0])

    def _is_other(self, provider: str, model: str) -> bool:
        return (provider, model) != (self.profile.provider, self.profile.model)


def prompt_text(prompt: Prompt) -> str:
    """What is asked as JSON, without credentials: the words, the tools' names, and the shape that is wanted."""
    told = {
        "system": _safe(prompt.system),
        "turns": [_turn(each) for each in prompt.turns],
        "tools": [tool.name for tool in prompt.tools] if prompt.may_call_tools else [],
        "shape": prompt.shape.name if prompt.shape else "",
        "max_output_tokens": prompt.max_output_tokens,
    }
    return json.dumps(told, ensure_ascii=False)


def answer_text(turn: ModelTurn) -> str:
    """What was answered as JSON, without credentials."""
    return json.dumps(_turn(turn), ensure_ascii=False)


def _turn(turn: Turn) -> Mapping[str, Any]:
    if isinstance(turn, ModelTurn):
        calls = [{"id": call.id, "name": call.name, "arguments": _safe(call.arguments)} for call in turn.tool_calls]
        return {"role": "model", "text": _safe(turn.text), "calls": calls}
    if isinstance(turn, ToolTurn):
        return {"role": "tool", "call": turn.call_id, "text": _safe(turn.text)}
    return {"role": "user", "text": _safe(turn.text)}


def _safe(text: str) -> str:
    shown = redact_secrets(text)[0]
    rest = f"\n… ({len(shown) - _MOST:,} more characters are not kept)" if len(shown) > _MOST else ""
    return shown[:_MOST] + rest
