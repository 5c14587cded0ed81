"""An answer of GitHub that is no success, read into the error that says what can be done. No I/O."""

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.errors import ForgeAuth, ForgeError, ForgeNotFound, ForgeRateLimited, ForgeRejected, ForgeUnavailable

_MOST_WORDS: Final = 200
_SECONDARY_S: Final = 60.0  # to wait where GitHub gives no time: https://docs.github.com/rest/using-the-rest-api
_LONGEST_S: Final = 24 * 3600.0
_LIMIT_WORDS: Final = ("rate limit", "abuse detection", "submitted too quickly")
_KEY_LIKE: Final = re.compile(
    r"\b(?:gh[a-z]_|github_pat_|eyJ)[A-Za-z0-9._-]{8,}|\b(?=[A-Za-z_-]{0,99}[0-9])[A-Za-z0-9_-]{32,}"
)


def refusal_from(status: int, headers: Mapping[str, str], body: bytes) -> ForgeError:
    """The error that an answer with this status means. `headers` have names in lower case. Never raises."""
    words = words_in(body)
    request_id = re.sub(r"[^A-Za-z0-9:-]", "", headers.get("x-github-request-id", ""))[:80]
    said = f" GitHub says: {words}" if words else ""
    wait_s = _limited_for(status, headers, words)
    if wait_s is not None:
        return ForgeRateLimited(f"GitHub limits how fast we may ask.{said}", retry_after_s=wait_s, status=status)
    if status == 401:
        return ForgeAuth(f"GitHub does not accept the credentials.{said}", status=status, request_id=request_id)
    if status == 403:
        return ForgeAuth(f"GitHub does not permit this.{said}", status=status, request_id=request_id)
    if status in (404, 410):
        return ForgeNotFound(f"GitHub has no such thing, or hides it.{said}", status=status, request_id=request_id)
    if status == 408 or status >= 500:
        return ForgeUnavailable(f"GitHub failed (HTTP {status}).{said}", status=status, request_id=request_id)
    return ForgeRejected(f"GitHub refused (HTTP {status}).{said}", status=status, request_id=request_id)


def graphql_refusal_from(errors: Any) -> ForgeError:
    """The error that the `errors` of a GraphQL answer mean. Never raises."""
    first = next((error for error in errors if isinstance(error, dict)), {}) if isinstance(errors, list) else {}
    kind = str(first.get("type", ""))
    words = _clean(first.get("message"))
    said = f" GitHub says: {words}" if words else ""
    if kind == "RATE_LIMITED" or _is_limit(words):
        return ForgeRateLimited(f"GitHub limits how fast we may ask.{said}", retry_after_s=_SECONDARY_S)
    if kind == "NOT_FOUND":
        return ForgeNotFound(f"GitHub has no such thing, or hides it.{said}")
    if kind in ("FORBIDDEN", "INSUFFICIENT_SCOPES"):
        return ForgeAuth(f"GitHub does not permit this.{said}")
    if "timeout" in words.lower() or "something went wrong" in words.lower():
        return ForgeUnavailable(f"GitHub failed.{said}")
    return ForgeRejected(f"GitHub refused.{said}")


def spent_for_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until the hour's allowance is renewed, if it is used up; None if it is not."""
    if headers.get("x-ratelimit-remaining", "").strip() != "0":
        return None
    reset = _number(headers.get("x-ratelimit-reset", ""))
    return _SECONDARY_S if reset is None else _sane(reset - _now(headers))


def words_in(body: bytes) -> str:
    """What the body says went wrong: one line, short, without anything that looks like a key."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(payload, dict):
        return ""
    errors = payload.get("errors")
    details = [_detail(error) for error in errors[:3]] if isinstance(errors, list) else [_clean(errors)]
    return _clean("; ".join(part for part in [_clean(payload.get("message")), *details] if part))


def _limited_for(status: int, headers: Mapping[str, str], words: str) -> float | None:
    if status == 422 and "submitted too quickly" in words.lower():
        return _SECONDARY_S
    if status not in (403, 429):
        return None
    given = _number(headers.get("retry-after", ""))
    if given is not None:
        return _sane(given)
    spent = spent_for_s(headers)
    if spent is not None:
        return spent
    return _SECONDARY_S if status == 429 or _is_limit(words) else None


def _is_limit(words: str) -> bool:
    return any(word in words.lower() for word in _LIMIT_WORDS)


def _detail(error: Any) -> str:
    if not isinstance(error, dict):
        return _clean(error)
    field, message = _clean(error.get("field")), _clean(error.get("message") or error.get("code"))
    return message if not field or field in message else f"{field}: {message}"


def _clean(words: Any) -> str:
    if not isinstance(words, str):
        return ""
    printable = "".join(mark if mark.isprintable() else " " for mark in words[: 4 * _MOST_WORDS])
    redacted, _ = redact_secrets(_KEY_LIKE.sub("[redacted]", " ".join(printable.split())))
    return redacted if len(redacted) <= _MOST_WORDS else redacted[: _MOST_WORDS - 1] + "…"


def _number(value: str) -> float | None:
    value = value.strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 16 else None


def _now(headers: Mapping[str, str]) -> float:
    """By GitHub's own clock where it tells, so that a wrong clock here does no harm."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return time.time()


def _sane(wait_s: float) -> float:
    return min(max(wait_s, 1.0), _LONGEST_S)
