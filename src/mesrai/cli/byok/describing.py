"""A connection in words and as JSON, its key at most as a hint."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any, Final

from mesrai.domain.connection import Connection, Thinking
from mesrai.llm.catalogue import Catalogue
from mesrai.review.render.sheet import Piece, Sheet
from mesrai.review.render.untrusted import one_line
from mesrai.review.render.wording import counted

Said = tuple[str, str]  # what it is about, and a sentence

_NARROWEST: Final = 24
_INDENT_BELOW: Final = 6
_WIDEST: Final = 110  # columns


def title_of(connection: Connection, catalogue: Catalogue) -> str:
    """Model and provider on one line."""
    return f"{one_line(connection.model, 80)} at {catalogue.provider(connection.provider).name}"


def settings_said(connection: Connection, catalogue: Catalogue, key_hint: str) -> Iterator[Said]:
    """What is set, without what is empty."""
    yield "address", connection.base_url
    yield "key", key_hint or "none"
    yield "thinking", thinking_said(connection, catalogue)
    if connection.custom is not None:
        yield "custom JSON", compact(connection.custom)
    if connection.routing is not None:
        yield "routing", routing_said(connection)
    if connection.temperature is not None:
        yield "temperature", f"{connection.temperature:g}"
    if connection.max_output_tokens is not None:
        yield "answers", f"of at most {connection.max_output_tokens:,} tokens"
    yield "limits", limits_said(connection)


def thinking_said(connection: Connection, catalogue: Catalogue) -> str:
    """The level, and the fields it sends."""
    if connection.thinking is Thinking.CUSTOM:
        return "custom: only what the custom JSON says"
    sent = catalogue.traits_for(connection.provider, connection.model).thinking.get(connection.thinking)
    return f"{connection.thinking}, sends {compact(sent)}" if sent else f"{connection.thinking}, sends nothing for it"


def routing_said(connection: Connection) -> str:
    """Which of OpenRouter's hosts may serve."""
    if connection.routing is None:
        return ""
    hosts = ", then ".join(connection.routing.order) or "as OpenRouter chooses"
    return hosts + ("" if connection.routing.allow_fallbacks else "; no other host")


def limits_said(connection: Connection) -> str:
    """How much may be asked at once; that there is no limit, where there is none."""
    limits = connection.limits
    parts = [f"tier {connection.tier}"] if connection.tier is not None else []
    parts += (
        [f"{counted(limits.concurrent, 'request')} at once"] if limits.concurrent else ["no cap on requests at once"]
    )
    parts += [f"{limits.requests_per_minute:,} requests a minute"] if limits.requests_per_minute else []
    parts += [f"{limits.tokens_per_minute:,} tokens a minute"] if limits.tokens_per_minute else []
    parts += [f"{limits.tokens_per_day:,} tokens a day"] if limits.tokens_per_day else []
    return ", ".join(parts)


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


def compact(value: Any) -> str:
    """JSON on one line, which may be broken after a comma."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ":"))


def when_text(at: float) -> str:
    """A time, given in seconds since the epoch, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def when_json(at: float) -> str:
    """A time, given in seconds since the epoch, as programs read it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def proven_text(connection: Connection) -> str:
    """When it was tested in full; empty if never."""
    return connection.proven_at.replace("T", " ")[:16] + " UTC" if connection.proven_at else ""
