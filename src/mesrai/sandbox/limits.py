"""The meter of each account: what is in flight, and whether one more request is admitted."""

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mesrai.sandbox.worlds import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A limit that one more request would break."""

    limit: str  # concurrency, rpm, tpm, tpd or rpd
    words: str  # what the Developer API says
    wait_s: int


@dataclass(slots=True)
class _Window:
    """What was admitted in a sliding span of time."""

    span_s: float
    admitted: deque[tuple[float, int]] = field(default_factory=deque)
    tokens: int = 0

    def slide(self, now: float) -> None:
        """Forget what is older than the span."""
        while self.admitted and self.admitted[0][0] <= now - self.span_s:
            self.tokens -= self.admitted.popleft()[1]

    def add(self, now: float, tokens: int) -> None:
        """Take one more."""
        self.admitted.append((now, tokens))
        self.tokens += tokens

    def wait_s(self, now: float) -> int:
        """Whole seconds until the oldest leaves."""
        return max(1, math.ceil(self.admitted[0][0] + self.span_s - now)) if self.admitted else 1


class Account:
    """The requests of one account. All is counted on one event loop, so every number is exact."""

    def __init__(self, key: str, minute_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`minute_s`: how many seconds of the clock a minute of the limits lasts."""
        self._clock = clock
        digest = hashlib.sha256(key.encode()).hexdigest()
        self.id, self.key_id = f"acct-{digest[:8]}", f"ak-{digest[8:16]}"
        self.in_flight = self.most_in_flight = self.calls = self.answered = self.refused = 0
        self.busy_s = 0.0  # the sum over all requests of the time each was in flight
        self._admitted = 0
        self._minute = _Window(minute_s)
        self._day = _Window(minute_s * 24 * 60)
        self._changed_at = clock()
        self._first_at = self._last_at = 0.0

    def enter(self) -> None:
        """A request has arrived."""
        self._pass_time()
        self._first_at = self._first_at or self._changed_at
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def leave(self, *, was_admitted: bool) -> None:
        """The last byte of its answer was sent, or its client is gone."""
        self._pass_time()
        self._last_at = self._changed_at
        self.in_flight -= 1
        self._admitted -= was_admitted

    def admit(self, limits: Limits, tokens: int) -> Excess | None:
        """Let a request in that may use so many tokens; the limit it would break if there is one."""
        now = self._clock()
        self._minute.slide(now)
        self._day.slide(now)
        excess = self._excess(limits, tokens, now)
        if excess is None:
            self._admitted += 1
            self._minute.add(now, tokens)
            self._day.add(now, tokens)
        return excess

    def shown(self) -> dict[str, Any]:
        """As JSON, without the key."""
        return {
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "calls": self.calls,
            "answered": self.answered,  # with 200
            "refused": self.refused,  # 429s, and other refusals over a limit, that this server had to give
            "busy_s": round(self.busy_s, 4),
            "span_s": round(max(self._last_at - self._first_at, 0.0), 4),
        }

    def _excess(self, limits: Limits, tokens: int, now: float) -> Excess | None:
        minute, day = self._minute, self._day
        who = f"Your account {self.id}<{self.key_id}> request reached"
        again = "please try again after {} seconds"
        if limits.concurrency is not None and self._admitted >= limits.concurrency:
            words = f"{who} max concurrency: {limits.concurrency}, {again.format(1)}"
            return Excess(limit="concurrency", words=words, wait_s=1)
        wait = minute.wait_s(now)
        if limits.rpm is not None and len(minute.admitted) >= limits.rpm:
            return Excess(limit="rpm", words=f"{who} max request: {limits.rpm}, {again.format(wait)}", wait_s=wait)
        if limits.rpd is not None and len(day.admitted) >= limits.rpd:
            return Excess(limit="rpd", words=f"{who} max requests per day: {limits.rpd}", wait_s=day.wait_s(now))
        if limits.tpm is not None and minute.tokens + tokens > limits.tpm:
            words = f"{who} TPM rate limit, current:{minute.tokens + tokens}, limit:{limits.tpm}"
            return Excess(limit="tpm", words=words, wait_s=wait)
        if limits.tpd is not None and day.tokens + tokens > limits.tpd:
            words = f"{who} TPD rate limit, current:{day.tokens + tokens}, limit:{limits.tpd}"
            return Excess(limit="tpd", words=words, wait_s=day.wait_s(now))
        return None

    def _pass_time(self) -> None:
        now = self._clock()
        self.busy_s += self.in_flight * (now - self._changed_at)
        self._changed_at = now
