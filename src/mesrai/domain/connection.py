"""A model connection as the user sets it."""

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A slot filled."""

    slot: Slot
    provider: str  # the provider's id in the catalogue
    base_url: str  # cleaned; requests go to paths below it
    model: str
    key: Secret | None  # None: the endpoint wants none (Ollama, vLLM)
    thinking: Thinking = Thinking.MEDIUM
    max_concurrent_requests: int | None = None  # None: no cap of the user's
    max_output_tokens: int | None = None  # None: as the model's card says
    origin: str = ""  # where it was configured, for people: "MOONSHOT_API_KEY in the environment"
    notices: tuple[str, ...] = ()  # what was repaired or is newer than the user's words
