"""For how long a model that failed is left alone, and who tries it first afterwards.

Times are seconds since the epoch.
"""

import math
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from mesrai.errors import (
    ModelAuth,
    ModelError,
    ModelNotAdmitted,
    ModelOutOfCredit,
    ModelOverloaded,
    ModelQuota,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    ModelUnknown,
)

# What passes by itself in a while, and what lasts until somebody does something, or a quota is renewed.
PASSING: Final[tuple[type[ModelError], ...]] = (ModelThrottled, ModelOverloaded, ModelUnavailable, ModelTimeout)
LASTING: Final[tuple[type[ModelError], ...]] = (ModelAuth, ModelOutOfCredit, ModelQuota, ModelNotAdmitted, ModelUnknown)
PROBE_S: Final = 120.0  # so long the others wait for what the one who tries comes to
_FIRST_REST_S: Final = 60.0
_LONGEST_REST_S: Final = 900.0
_FARTHEST_S: Final = 32 * 86_400.0  # a later renewal is not believed
_ZONED: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?\s?(?:(Z|UTC|GMT)\b|([+-]\d\d):?(\d\d)\b)", re.IGNORECASE
)
_SPAN: Final = re.compile(
    r"(\d{1,9}(?:\.\d{1,3})?)\s{0,2}(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|[smhd])(?![a-z])[\s,]{0,2}(?:and\s)?"
)
_UNIT_S: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Why a model is not asked for now."""

    cause: ModelError
    until: float  # seconds since the epoch; infinite: as long as whoever remembers it lives
    is_over: bool = False  # its time is up, and somebody tries the model just now

    @property
    def back_at(self) -> float | None:
        """When the model may work again by itself; None: not before somebody does something, or it is not known."""
        by_itself = isinstance(self.cause, (*PASSING, ModelQuota)) and math.isfinite(self.until)
        return self.until if by_itself else None

    @property
    def is_lasting(self) -> bool:
        """Whether the model is not even asked when no other answers."""
        return not self.is_over and not isinstance(self.cause, PASSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is remembered of a model since it failed; it is forgotten when the model answers."""

    cause: ModelError
    until: float
    failures: int = 1  # one after the other, with a rest between them
    probed_until: float = 0.0  # one asker tries it until then


def after_failure(known: Known | None, error: ModelError, *, now: float, lasting_s: float) -> Known | None:
    """What to remember after a failure; None: it is no sign of an outage.

    Failures during an outage belong to it: only one after its end makes the next rest longer. `lasting_s` is how long
    what does not pass by itself is believed, where the provider gave no time.
    """
    if not isinstance(error, PASSING + LASTING):
        return None
    is_new = known is None or now >= known.until
    failures = 1 if known is None else known.failures + is_new
    until = now + _rest_s(error, failures, now=now, lasting_s=lasting_s)
    if known is not None and known.until >= until:
        return known
    return Known(cause=error, until=until, failures=failures)


def standing(known: Known, *, now: float) -> Outage | None:
    """The outage, if it lasts still or somebody tries the model just now."""
    is_over = known.until <= now
    if is_over and known.probed_until <= now:
        return None
    return Outage(cause=remembered(known.cause), until=known.until, is_over=is_over)


def probed(known: Known, *, now: float) -> Known | None:
    """What to remember when one asker begins to try the model; None: it may not try."""
    if known.until > now or known.probed_until > now:
        return None
    return replace(known, probed_until=now + PROBE_S)


def ends_with_answer(known: Known, *, now: float) -> bool:
    """Whether an answer of the model ends the outage.

    While something lasting stands nobody asks, so that an answer then belongs to a question from before.
    """
    return known.until <= now or isinstance(known.cause, PASSING)


def remembered(error: ModelError) -> ModelError:
    """The same failure, which this time cost no request."""
    again = type(error)(
        error.message,
        provider=error.provider,
        model=error.model,
        status=error.status,
        request_id=error.request_id,
        retry_after_s=error.retry_after_s,
        resets_at=error.resets_at,
    )
    again.calls = 0
    return again


def reset_from(words: str, now: float) -> float | None:
    """When a quota is renewed, from a provider's words for it; None if they do not say it beyond doubt.

    Understood are a point in time with its zone, one in (milli)seconds since the epoch, and `in 2 hours 5 minutes`.
    """
    text = words.strip()
    found = _ZONED.search(text)
    if found:
        at = _instant(*found.groups())
    elif re.fullmatch(r"\d{10}(?:\.\d{1,6})?", text):
        at = float(text)
    elif re.fullmatch(r"\d{13}", text):
        at = float(text) / 1000
    else:
        at = _after(text.lower(), now)
    return at if at is not None and now < at <= now + _FARTHEST_S else None


def _rest_s(error: ModelError, failures: int, *, now: float, lasting_s: float) -> float:
    told = error.retry_after_s or 0.0
    if isinstance(error, PASSING):
        return max(min(_FIRST_REST_S * 2.0 ** min(failures - 1, 9), _LONGEST_REST_S), told)
    reset = reset_from(error.resets_at, now) if isinstance(error, ModelQuota) else None
    if reset is not None:
        return reset - now
    return told if isinstance(error, ModelQuota) and told > 0 else lasting_s


def _instant(day: str, clock: str, utc: str | None, hours: str | None, minutes: str | None) -> float | None:
    zone = "+00:00" if utc else f"{hours}:{minutes}"
    try:
        return datetime.fromisoformat(f"{day}T{clock}{zone}").timestamp()
    except (ValueError, OverflowError):
        return None


def _after(text: str, now: float) -> float | None:
    text = text.removeprefix("in ").strip().removeprefix("about ")
    spans = list(_SPAN.finditer(text))
    if not spans or "".join(span.group() for span in spans) != text:
        return None
    seconds = sum(float(span.group(1)) * _UNIT_S[span.group(2)[0]] for span in spans)
    return now + seconds if math.isfinite(seconds) else None
