"""How fast an account may be asked: a cap that gives way to throttles, and the windows of a minute and of a day.

Times are seconds on any one clock that does not stand still.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from mesrai.domain.permits import Limits
from mesrai.errors import ModelQuota

MINUTE_S: Final = 61.0  # a little long: a request reaches the provider some time after it was let through
DAY_S: Final = 86_400.0
SHORT_WAIT_S: Final = 60.0  # for the day's tokens; a longer one is no longer a pause but a used-up quota
_BURST_S: Final = 5.0  # throttles within it are one event: requests that were under way together
_QUIET_S: Final = 30.0  # without a throttle, after which the cap is tried higher


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """A cap that was lowered because the provider throttled."""

    cap: int
    reduced_from: int  # when it is back there, it is forgotten
    halved_at: float
    quiet_since: float  # the last throttle or growth


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A request that was let through."""

    at: float
    tokens: int


def cap_of(limits: Limits, reduced: Reduced | None) -> int | None:
    """How many requests may be in flight now, at least 1; None: any number."""
    caps = [] if limits.concurrent is None else [max(limits.concurrent, 1)]
    if reduced is not None:
        caps.append(max(reduced.cap, 1))
    return min(caps, default=None)


def after_throttle(reduced: Reduced | None, limits: Limits, *, out_count: int, now: float) -> Reduced:
    """The cap after the provider said that the account asks too fast, with `out_count` requests in flight."""
    if reduced is not None and abs(now - reduced.halved_at) < _BURST_S:
        return replace(reduced, quiet_since=now)
    cap = cap_of(limits, reduced)
    had = max(out_count, 1) if cap is None else cap
    return Reduced(
        cap=max(had // 2, 1),
        reduced_from=had if reduced is None else reduced.reduced_from,
        halved_at=now,
        quiet_since=now,
    )


def after_answer(reduced: Reduced | None, *, now: float) -> Reduced | None:
    """The cap after the provider answered: twice as high if it was quiet for a while; None: no longer lowered."""
    if reduced is None or now - reduced.quiet_since < _QUIET_S:
        return reduced
    cap = 2 * reduced.cap
    return None if cap >= reduced.reduced_from else replace(reduced, cap=cap, quiet_since=now)


def has_minute(limits: Limits) -> bool:
    """Whether requests or tokens of a minute are limited."""
    return limits.requests_per_minute is not None or limits.tokens_per_minute is not None


def has_windows(limits: Limits) -> bool:
    """Whether it matters when earlier requests were let through."""
    return has_minute(limits) or limits.tokens_per_day is not None


def minute_has_room(limits: Limits, tokens: int, *, request_count: int, used_tokens: int) -> bool:
    """Whether a request fits beside those of the last minute. Alone it always does, however large it is."""
    if request_count == 0:
        return True
    most, most_tokens = limits.requests_per_minute, limits.tokens_per_minute
    has_request = most is None or request_count < most
    return has_request and (most_tokens is None or used_tokens + tokens <= most_tokens)


def minute_wait_s(limits: Limits, tokens: int, admitted: Sequence[Admitted], now: float) -> float:
    """How long until a request fits beside `admitted` (the oldest first); 0: it fits now."""
    counted = [each for each in admitted if each.at > now - MINUTE_S]
    used, wait = sum(each.tokens for each in counted), 0.0
    for place, oldest in enumerate(counted):
        if minute_has_room(limits, tokens, request_count=len(counted) - place, used_tokens=used):
            return wait
        used -= oldest.tokens
        wait = oldest.at + MINUTE_S - now
    return wait


def day_has_room(limits: Limits, tokens: int, used_tokens: int) -> bool:
    """Whether a request fits beside the tokens of the last day. Alone it always does."""
    return limits.tokens_per_day is None or used_tokens == 0 or used_tokens + tokens <= limits.tokens_per_day


def day_wait_s(limits: Limits, tokens: int, admitted: Sequence[Admitted], now: float) -> float:
    """How long until the day has room for a request; 0: it has now."""
    counted = [each for each in admitted if each.at > now - DAY_S]
    used, wait = sum(each.tokens for each in counted), 0.0
    for oldest in counted:
        if day_has_room(limits, tokens, used):
            return wait
        used -= oldest.tokens
        wait = oldest.at + DAY_S - now
    return wait


def day_spent(limits: Limits, until: float) -> ModelQuota:
    """What to tell whoever would have to wait too long for the day's tokens; `until` is in seconds since the epoch."""
    resets_at = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
    error = ModelQuota(
        f"The {limits.tokens_per_day or 0:,} tokens that this connection may use in a day are used up. "
        f"There is room again at {resets_at}.",
        resets_at=resets_at,
    )
    error.calls, error.until = 0, until  # nothing was sent
    return error


def fairest(waiting: Mapping[str, int], out: Mapping[str, int]) -> str:
    """The review whose turn it is: with the fewest permits out, then the one whose first waiting request came first.

    `waiting` has the number of that request by review, and is not empty; `out` has how many permits a review holds.
    """
    return min(waiting, key=lambda review: (out.get(review, 0), waiting[review]))
