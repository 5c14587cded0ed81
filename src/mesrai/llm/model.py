"""The contract for asking a language model: Model, and what goes in and comes out."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from mesrai.domain.budget import Asked, Paid
from mesrai.domain.connection import Thinking
from mesrai.domain.outages import Outage as Outage
from mesrai.domain.permits import Wanted
from mesrai.domain.usage import Usage
from mesrai.errors import ModelError

Json = Mapping[str, Any]


class Structured(StrEnum):
    """How a model is brought to answer in an agreed shape."""

    SCHEMA = "schema"  # the provider enforces a JSON schema on the answer
    TOOL = "tool"  # the answer is the arguments of a tool call
    TEXT = "text"  # it is asked for in the prompt, and read from the text


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money per million tokens, valid from a date."""

    input: Decimal
    cached: Decimal
    output: Decimal
    currency: str
    as_of: str  # ISO date
    cache_write: Decimal | None = None  # of tokens put into the cache; None: as plain input


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Facts about one model at one provider, as far as they are known."""

    provider: str  # the provider's id in the catalogue
    model: str
    window: int  # tokens of prompt and answer together; a small guess if unknown
    max_output: int  # the most tokens an answer may have, reasoning included
    max_body: int | None = None  # bytes, if the provider limits the request body
    has_tools: bool = True
    structured: Structured = Structured.SCHEMA
    price: Price | None = None
    chars_per_token: float = 3.5  # for deciding what fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Something the model may call."""

    name: str  # 3 to 64 letters, digits, underscores or dashes, beginning with a letter
    description: str
    parameters: Json  # a JSON schema: an object, every node typed, no $ref


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool the model wants called."""

    id: str
    name: str
    arguments: str  # JSON text as the model wrote it; may be malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTurn:
    """What we say."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTurn:
    """What the model said earlier, sent back verbatim."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    replay: Json = field(default_factory=dict)  # dialect's own: reasoning exactly as it came; opaque to all others


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolTurn:
    """What a called tool returned."""

    call_id: str
    text: str


Turn = UserTurn | ModelTurn | ToolTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShape:
    """The JSON shape an answer must have."""

    name: str  # letters and underscores
    description: str
    schema: Json  # an object schema: every node typed, all properties required, additionalProperties false


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One question: a stable beginning, then turns that only ever grow at the end."""

    system: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    may_call_tools: bool = True  # False: the tools stay declared, but the model must answer now
    shape: AnswerShape | None = None
    max_output_tokens: int = 16_384  # reasoning included; capped to the model's own limit
    thinking: Thinking | None = None  # None: as the connection says. One that is off or custom stays so
    cache_key: str = ""  # equal for the calls of one review


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model answered. It has text, a tool call, or both; an empty or cut answer is an error instead."""

    turn: ModelTurn
    usage: Usage
    provider: str  # who really answered
    model: str  # which model was asked
    request_id: str = ""
    took_s: float = 0.0
    notices: tuple[str, ...] = ()  # what the user should know, e.g. a setting the provider refused and we left out


class Model(Protocol):
    """One language model, ready to be asked."""

    @property
    def profile(self) -> Profile:
        """The facts that decide what a prompt may hold."""
        ...

    async def ask(self, prompt: Prompt) -> Answer:
        """Ask, and return a complete answer.

        Errors: ModelError and its kinds; whatever is returned is whole. Cancelling the task ends the request.
        """
        ...


class Permits(Protocol):
    """The right to have one more request in flight on an account."""

    def hold(self, wanted: Wanted) -> AbstractAsyncContextManager[None]:
        """Wait until the request may be sent, and give the permit back on exit.

        Never are more permits of an account out than its limit says. Those who wait are served evenly between reviews,
        and within one review in the order they came. Errors: ModelQuota if the day's tokens are used up.
        """
        ...

    async def throttled(self, wanted: Wanted) -> None:
        """The provider said that this account asks too fast: its cap is halved for a while."""
        ...

    async def answered(self, wanted: Wanted) -> None:
        """The provider answered: a halved cap may grow again."""
        ...


class Outages(Protocol):
    """Which models are known to be down, so that they are not asked in vain."""

    async def standing(self, names: Sequence[str]) -> Mapping[str, Outage]:
        """The outages that last still, or are over and tried by somebody just now, by name."""
        ...

    async def may_probe(self, name: str) -> bool:
        """Whether an outage that is over may be tried now: True for one asker at a time; True if there is none.

        Whoever gets True tells what came of it: by `note`, or by `clear`.
        """
        ...

    async def note(self, name: str, error: ModelError) -> Outage | None:
        """The model failed: return the outage this amounts to; None if it says nothing of the next question."""
        ...

    async def clear(self, name: str) -> None:
        """The model answered: that ends an outage, unless the question was from before it."""
        ...

    async def forget(self, name: str) -> None:
        """What was known does not hold any more: the connection was set anew, or just passed its test."""
        ...


class Purse(Protocol):
    """The money one review may spend, and the record of what it spent."""

    async def reserve(self, asked: Asked) -> int:
        """Set the most that a request may cost aside, and return the number of the reservation; 0 if none is needed.

        Waits while only other reservations stand in the way, since most requests cost less than was reserved.
        Errors: BudgetSpent if it does not fit; StoreError if that cannot be known.
        """
        ...

    async def settle(self, reservation: int, paid: Paid) -> None:
        """Put in the reservation's place what the request really cost, be it nothing. Errors: StoreError."""
        ...

    def take_notices(self) -> tuple[str, ...]:
        """What the user should know of the budget by now, each said once."""
        ...
