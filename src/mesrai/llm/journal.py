"""A Model that remembers the answers a job has paid for, so that a job that begins anew does not pay for them again."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any, Final, Protocol

from mesrai.domain.connection import Connection
from mesrai.domain.usage import Usage
from mesrai.errors import StoreError
from mesrai.llm.model import Answer, Model, ModelTurn, Profile, Prompt, ToolCall

RECALLED: Final = "The review was interrupted; answers that were paid for by then were used again."
_VERSION: Final = 1  # of the text an answer is kept as


class Book(Protocol):
    """Where the answers of one job are kept, as texts. Errors: StoreError."""

    async def find(self, question: str) -> str | None:
        """What was kept for a question; None if nothing was."""
        ...

    async def keep(self, question: str, answer: str) -> None:
        """Keep an answer. The first one for a question stays."""
        ...


class Journaled:
    """Asks only what the job did not ask before. It stands above all that retries, limits and counts money.

    An answer is kept before it is returned. One that a process before this one paid for has its usage when it is first
    returned, so that the whole review adds up; what is recorded as spent below this model is not spent again. Returned
    once more it costs nothing. The same question asked by two at once is asked once.
    """

    def __init__(self, model: Model, book: Book, *, tuning: str = "") -> None:
        """Ask `model`, and keep in `book`. `tuning` is what else decides an answer: see `tuning_of`."""
        self._model = model
        self._book = book
        self._tuning = tuning
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by question
        self._counted: set[str] = set()  # questions whose usage was returned by this process

    @property
    def profile(self) -> Profile:
        """The model's own."""
        return self._model.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """The answer that was kept, or else the model's; its notices say so if it could not be kept.

        Errors: the model's; StoreError, with nothing asked, if the book cannot be read.
        """
        question = question_of(prompt, self.profile, self._tuning)
        async with self._turns[question]:
            kept = await self._book.find(question)
            answer = None if kept is None else answer_of(kept)
            if answer is not None:
                return self._recalled(question, answer)
            answer = await self._model.ask(prompt)
            self._counted.add(question)
            told = await self._kept(question, answer)
            return replace(answer, notices=(*answer.notices, *told))

    def _recalled(self, question: str, answer: Answer) -> Answer:
        if question in self._counted:
            return replace(answer, usage=Usage(), took_s=0.0)
        self._counted.add(question)
        return replace(answer, took_s=0.0, notices=(*answer.notices, RECALLED))

    async def _kept(self, question: str, answer: Answer) -> Sequence[str]:
        """Keep it, also while this is cancelled; what the user should know if that failed: it is no reason to lose it.

        An answer nested too deeply to be written is among what cannot be kept.
        """
        try:
            keeping = asyncio.ensure_future(self._book.keep(question, text_of(answer)))
            try:
                await asyncio.shield(keeping)
            except asyncio.CancelledError:
                await asyncio.wait([keeping])
                raise
        except (StoreError, RecursionError) as error:
            reason = error.message if isinstance(error, StoreError) else "It is nested too deeply."
            return [f"An answer could not be remembered, in case the review is interrupted: {reason}"]
        return []


def question_of(prompt: Prompt, profile: Profile, tuning: str = "") -> str:
    """What makes two questions the same, in every process: all that is sent, and who is asked."""
    asked = [profile.provider, profile.model, tuning, replace(prompt, cache_key="")]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=_plain).encode()).hexdigest()


def tuning_of(connections: Sequence[Connection]) -> str:
    """What else decides an answer: which models are asked, in which order, and how they are set. No keys."""
    told = [
        [each.base_url, each.model, each.thinking, each.custom, each.routing, each.temperature, each.max_output_tokens]
        for each in connections
    ]
    return json.dumps(told, sort_keys=True, default=_plain)


def text_of(answer: Answer) -> str:
    """An answer as JSON in ASCII, from which `answer_of` makes the same."""
    return json.dumps({"version": _VERSION, "answer": answer}, default=_plain)


def answer_of(text: str) -> Answer | None:
    """The answer; None if another version of this program kept it, or if the text is damaged: it is asked anew then."""
    try:
        told = json.loads(text)
        if told["version"] != _VERSION:
            return None
        return _answer(told["answer"])
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        return None


def _answer(told: Mapping[str, Any]) -> Answer:
    turn, usage = told["turn"], told["usage"]
    cost = usage["cost"]
    calls = tuple(ToolCall(**call) for call in turn["tool_calls"])
    return Answer(
        **{
            **told,
            "turn": ModelTurn(text=turn["text"], tool_calls=calls, replay=turn["replay"]),
            "usage": Usage(**{**usage, "cost": None if cost is None else Decimal(cost)}),
            "notices": tuple(told["notices"]),
        }
    )


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return str(value) if isinstance(value, Decimal) else dict(value)
