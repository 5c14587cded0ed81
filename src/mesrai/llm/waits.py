"""How long a provider asks to wait: from headers, from fields of the body, from its words."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from mesrai.llm.error_body import Said

_LONGEST_S: Final = 31 * 86_400.0
_FARTHEST_S: Final = 1e13  # a point in time in milliseconds is less
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART: Final = re.compile(
    r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s{0,2}"
    r"(ms|milliseconds?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|s|m|h|d)(?![a-z])\s{0,2}"
)
_IN_TEXT: Final = re.compile(
    r"(?:try again|retry|wait|available again|resets?)\s{1,3}(?:your request\s{1,3})?(?:after|in|for)?\s{0,3}"
    r"(?:about |approximately )?((?:\d[\d.]{0,12}\s{0,2}[a-z]{0,12}\s{0,2}){1,4})"
)
_RESET_IN_TEXT: Final = re.compile(
    r"\b(?:will (?:be )?)?(?:reset|resets|refreshed|renewed|renews)\s{1,3}"
    r"((?:at|on|in)\s[^.;\n]{2,60}(?:\.\d{1,6}Z)?)",
    re.IGNORECASE,
)


def wait_from(headers: Mapping[str, str], said: Said) -> float | None:
    """Seconds to wait before asking again; None if the provider does not say.

    `headers` have lower-case names. The most exact source wins: milliseconds, Retry-After, the body, reset headers of a
    limit that is used up, the words.
    """
    found = _number(headers.get("retry-after-ms"))
    candidates = [
        None if found is None else found / 1000,
        _retry_after(headers),
        duration_s(said.wait),
        _reset_header(headers),
        _in_words(said.text),
    ]
    return next((wait for wait in map(_sane, candidates) if wait is not None), None)


def reset_from(said: Said) -> str:
    """When a quota is renewed, in the provider's words; empty if it does not say."""
    if said.resets_at:
        return said.resets_at
    found = _RESET_IN_TEXT.search(said.text)
    return found.group(1).strip() if found else ""


def duration_s(value: str | float | None) -> float | None:
    """Seconds in `17`, `"17"`, `"17s"`, `"6m0s"`, `"120ms"`; None if it is no duration."""
    if value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) <= _FARTHEST_S else None
    text = value.strip().lower()
    plain = _number(text)
    if plain is not None:
        return plain
    parts = list(_PART.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        return None
    return sum(float(part.group(1)) * _UNIT_S[_unit(part.group(2))] for part in parts)


def _unit(word: str) -> str:
    return "ms" if word.startswith(("ms", "milli")) else word[0]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "").strip()
    seconds = duration_s(value) if value else None
    if seconds is not None or not value:
        return seconds
    at = _date(value)
    if at is None:
        return None
    # Against the provider's own clock where it is given, so that a wrong clock here does no harm.
    now = _date(headers.get("date", "")) or datetime.now(UTC)
    return (at - now).total_seconds()


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _reset_header(headers: Mapping[str, str]) -> float | None:
    """The longest reset among the limits that are used up, or the only one there is."""
    waits = []
    for suffix in ("", "-requests", "-tokens"):
        wait = _reset(headers.get(f"x-ratelimit-reset{suffix}"))
        left = headers.get(f"x-ratelimit-remaining{suffix}", "0").strip()
        if wait is not None and left in ("0", "0.0", ""):
            waits.append(wait)
    return max(waits, default=None)


def _reset(value: str | None) -> float | None:
    """Seconds until a reset that is given as a duration or as a point in time (in seconds or milliseconds)."""
    wait = duration_s(value)
    if wait is None or wait < 1e9:
        return wait
    at_s = wait / 1000 if wait > 1e11 else wait
    return at_s - datetime.now(UTC).timestamp()


def _in_words(text: str) -> float | None:
    for found in _IN_TEXT.finditer(text.lower()):
        words = found.group(1).strip()
        wait = duration_s(words)
        if wait is None:  # more words follow the number: keep the leading parts that are a duration
            first = _PART.match(words)
            number = re.match(r"[0-9]+(?:\.[0-9]+)?(?=\s*$)", words)
            wait = duration_s(first.group().strip()) if first else duration_s(number.group() if number else None)
        if wait is not None:
            return wait
    return None


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{0,9})?", text) else None


def _sane(wait: float | None) -> float | None:
    if wait is None or not math.isfinite(wait) or wait > _LONGEST_S:
        return None
    return max(wait, 0.0)
