"""A model connection as the user sets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mesrai.domain.permits import Limits
from mesrai.domain.secret import Secret


class Slot(StrEnum):
    """Which of the two connections: the fallback is asked where the main one fails."""

    MAIN = "main"
    FALLBACK = "fallback"


class Thinking(StrEnum):
    """How much a model should reason before it answers."""

    OFF = "off"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CUSTOM = "custom"  # nothing but what the custom JSON says


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Which of OpenRouter's hosts may serve the model."""

    order: tuple[str, ...] = ()  # hosts to try, in this order; empty: OpenRouter chooses
    allow_fallbacks: bool = True  # False: fail if none of `order` serves the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the vendor's own model list said of the model when the connection was tested."""

    window: int | None = None  # tokens
    reasoning: str = ""  # "only", "no" or "both"; empty: not said
    efforts: tuple[str, ...] = ()  # the names it takes
    as_of: str = ""  # ISO date


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A slot filled."""

    slot: Slot
    provider: str  # the provider's id in the catalogue
    base_url: str  # cleaned; requests go to paths below it
    model: str
    key: Secret | None  # None: the endpoint wants none (Ollama, vLLM)
    thinking: Thinking = Thinking.MEDIUM
    custom: Mapping[str, Any] | None = None  # by namespace, as llm.custom_json makes it; None: nothing custom
    routing: Routing | None = None  # OpenRouter only
    temperature: float | None = None  # None: not sent
    tier: int | None = None  # of the provider's rate-limit table; None: unknown
    max_concurrent_requests: int | None = None  # None: no cap of the user's
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None  # prompt and allowed answer, counted before the answer is written
    tokens_per_day: int | None = None
    max_output_tokens: int | None = None  # None: as the model's card says
    learned: Learned | None = None
    proven_at: str = ""  # ISO time of the last test in which it answered; empty: never
    origin: str = ""  # where it was configured, for people: "MOONSHOT_API_KEY in the environment"
    notices: tuple[str, ...] = ()  # what was repaired or is newer than the user's words

    @property
    def limits(self) -> Limits:
        """How much may be asked of the account at once."""
        return Limits(
            concurrent=self.max_concurrent_requests,
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            tokens_per_day=self.tokens_per_day,
        )
