"""A connection in words and as JSON, its key at most as a hint."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any, Final

from mesrai.domain.connection import Connection
from mesrai.flows.model_words import Said as Said
from mesrai.flows.model_words import compact as compact
from mesrai.flows.model_words import limits_said as limits_said
from mesrai.flows.model_words import routing_said as routing_said
from mesrai.flows.model_words import settings_said as settings_said
from mesrai.flows.model_words import title_of as title_of
from mesrai.llm.catalogue import Catalogue
from mesrai.review.render.sheet import Piece, Sheet

_NARROWEST: Final = 24
_INDENT_BELOW: Final = 6
_WIDEST: Final = 110  # columns


def put_said(sheet: Sheet, said: Iterable[Said], *, indent: int = 10) -> None:
    """Put each on the sheet, what it is about before it."""
    for about, sentence in said:
        put_beside(sheet, [(" " * indent, ""), (f"{about:<13}", "dim")], sentence, at=indent + 13)


def put_beside(sheet: Sheet, before: Sequence[Piece], text: str, *, at: int, style: str = "") -> None:
    """Put text beside what stands before it, which takes `at` columns; further lines stand below the text.

    On a terminal so narrow that little room is left, all of the text stands below.
    """
    room = min(sheet.width, _WIDEST) - at
    if room < _NARROWEST:  # there is more room below
        sheet.line(*before)
        at = _INDENT_BELOW
        for line in wrap(text, min(sheet.width, _WIDEST) - at, break_on_hyphens=False):
            sheet.line((line, style), indent=at)
        return
    first, *rest = wrap(text, room, break_on_hyphens=False) or [""]
    sheet.line(*before, (first, style))
    for line in rest:
        sheet.line((line, style), indent=at)


def connection_json(connection: Connection, catalogue: Catalogue, key_hint: str) -> dict[str, Any]:
    """The connection without its key."""
    limits = connection.limits
    routing = connection.routing
    return {
        "slot": str(connection.slot),
        "provider": connection.provider,
        "provider_name": catalogue.provider(connection.provider).name,
        "base_url": connection.base_url,
        "model": connection.model,
        "key_hint": key_hint,
        "thinking": str(connection.thinking),
        "thinking_sends": catalogue.traits_for(connection.provider, connection.model).thinking.get(connection.thinking),
        "custom_json": connection.custom,
        "routing": {"order": list(routing.order), "allow_fallbacks": routing.allow_fallbacks} if routing else None,
        "temperature": connection.temperature,
        "max_output_tokens": connection.max_output_tokens,
        "tier": connection.tier,
        "max_concurrent_requests": limits.concurrent,
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_minute": limits.tokens_per_minute,
        "tokens_per_day": limits.tokens_per_day,
        "proven_at": connection.proven_at or None,
        "origin": connection.origin,
        "notices": list(connection.notices),
    }


def hint_of(connection: Connection) -> str:
    """The end of its key; empty if it has none."""
    return connection.key.hint if connection.key else ""


def when_text(at: float) -> str:
    """A time, given in seconds since the epoch, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def when_json(at: float) -> str:
    """A time, given in seconds since the epoch, as programs read it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def proven_text(connection: Connection) -> str:
    """When it was tested in full; empty if never."""
    return connection.proven_at.replace("T", " ")[:16] + " UTC" if connection.proven_at else ""
