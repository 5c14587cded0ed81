"""What was set of a connection, in one place or in several laid over each other."""

import json
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from mesrai.domain.connection import Connection, Learned, Thinking
from mesrai.domain.permits import Limits
from mesrai.domain.secret import Secret

_PLACE: Final = frozenset({"provider", "base_url", "model", "key"})
_REMEMBERED: Final = ("learned", "proven_at")
_LIMITS: Final = frozenset({
    "max_concurrent_requests", "tier", "requests_per_minute", "tokens_per_minute", "tokens_per_day",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was set of a connection in one place, or in several laid over each other. Empty or None: not set."""

    provider: str = ""
    base_url: str = ""
    model: str = ""
    key: Secret | None = None
    thinking: Thinking | None = None
    custom_json: str = ""  # as it was written
    routing: tuple[str, ...] = ()  # OpenRouter's hosts, in order
    routing_fallbacks: bool | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None
    tier: int | None = None
    max_concurrent_requests: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None
    learned: Learned | None = None  # when the very model was tested
    proven_at: str = ""
    origins: tuple[str, ...] = ()  # where the values come from, for people

    @property
    def has_place(self) -> bool:
        """Whether it says where requests go."""
        return bool(self.provider or self.base_url)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is set."""
        return not self._own()

    def over(self, other: "Draft") -> "Draft":
        """These values, and the other's where there is none.

        What was found out of the other by asking it is kept only where that still holds.
        """
        own = self._own()
        taken = {name: value for name, value in other._own().items() if name not in own}
        if "custom_json" in own:
            taken.pop("thinking", None)  # what is newly written is meant to be sent
        if own.keys() & _PLACE:
            taken.pop("learned", None)
        if own.keys() - _LIMITS:
            taken.pop("proven_at", None)
        if not taken:
            return self
        return replace(self, **taken, origins=tuple(dict.fromkeys((*self.origins, *other.origins))))

    def _own(self) -> dict[str, Any]:
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "origins"}
        return {name: value for name, value in values.items() if _is_set(value)}


def draft_of(connection: Connection, usual: Limits) -> Draft:
    """What would make the connection again. Limits that are the usual ones of its tier or plan count as not set."""
    limits, routing = connection.limits, connection.routing
    return Draft(
        provider=connection.provider,
        base_url=connection.base_url,
        model=connection.model,
        key=connection.key,
        thinking=connection.thinking,
        custom_json=""
        if connection.custom is None
        else json.dumps(connection.custom, ensure_ascii=False, separators=(",", ":")),
        routing=routing.order if routing else (),
        routing_fallbacks=routing.allow_fallbacks if routing else None,
        temperature=connection.temperature,
        max_output_tokens=connection.max_output_tokens,
        tier=connection.tier,
        max_concurrent_requests=_unless(limits.concurrent, usual.concurrent),
        requests_per_minute=_unless(limits.requests_per_minute, usual.requests_per_minute),
        tokens_per_minute=_unless(limits.tokens_per_minute, usual.tokens_per_minute),
        tokens_per_day=_unless(limits.tokens_per_day, usual.tokens_per_day),
        learned=connection.learned,
        proven_at=connection.proven_at,
        origins=(connection.origin,) if connection.origin else (),
    )


def _unless(value: int | None, usual: int | None) -> int | None:
    return None if value == usual else value


def _is_set(value: object) -> bool:
    return bool(value) if isinstance(value, Secret) else value is not None and value not in ("", ())
