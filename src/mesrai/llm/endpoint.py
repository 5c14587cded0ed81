"""What a dialect needs to know to reach one model: address, key, and how requests must be shaped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mesrai.domain.connection import Thinking
from mesrai.domain.secret import Secret
from mesrai.llm.model import Json, Profile


class Dialect(StrEnum):
    """The HTTP format a provider speaks."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


class Auth(StrEnum):
    """The header that carries the key."""

    BEARER = "bearer"
    X_API_KEY = "x-api-key"
    X_GOOG_API_KEY = "x-goog-api-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """How requests to one model must be shaped; all of it comes from the catalogue's data files."""

    max_tokens_field: str = "max_completion_tokens"
    thinking: Mapping[Thinking, Json] = field(default_factory=dict)  # body fields to merge for each level; custom: all
    thinking_notices: Mapping[Thinking, str] = field(default_factory=dict)  # where a level has no effect: say why
    temperature: float | None = None  # None: no sampling field is ever sent
    can_force_tool: bool = False  # whether tool_choice may demand a tool
    reasoning_field: str = "reasoning_content"  # where reasoning comes and is sent back; empty: not sent back
    cache_key_field: str = ""  # body field for Prompt.cache_key; empty: none
    has_cache_control: bool = False  # Anthropic's explicit cache markers are understood
    wants_stream_usage: bool = True  # send stream_options.include_usage
    extra_body: Json = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds allowed for each phase of one request."""

    connect_s: float = 10.0
    first_token_s: float = 180.0  # from the request sent to the first event that carries anything
    idle_s: float = 120.0  # between two events afterwards; comments and pings do not count
    total_s: float = 900.0
    question_s: float = 1_200.0  # for one question with all its tries and the waits between them


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One model at one address with one key."""

    dialect: Dialect
    base_url: str  # without a trailing slash; the dialect appends its own path
    auth: Auth = Auth.BEARER
    key: Secret | None
    profile: Profile
    thinking: Thinking = Thinking.MEDIUM  # the connection's own level
    traits: Traits = Traits()
    timeouts: Timeouts = Timeouts()
