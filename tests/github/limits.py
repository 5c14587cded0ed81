"""How fast one caller may ask: GitHub's budget of requests, and its limit on writes in a row."""

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from tests.github.asked import Refused


@dataclass(kw_only=True)
class Limits:
    """What each caller may still do. Set the numbers low to see a client run into them.

    The budget: `budget` requests per `budget_s`, for REST and for GraphQL apart. The second limit: `writes` requests
    other than GET per `writes_s` (of GitHub 80 in a minute); None: not enforced.
    """

    budget: int = 5000
    budget_s: float = 3600.0
    writes: int | None = None
    writes_s: float = 60.0
    exceeded: int = 0  # how many requests were refused
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _used: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)  # count, and when it starts anew
    _written: dict[str, deque[float]] = field(default_factory=dict)

    def spend(self, caller: str, resource: str, *, is_write: bool) -> None:
        """Count a request. Errors: Refused when it is one too many."""
        now = time.time()
        with self._lock:
            used, resets = self._of(caller, resource, now)
            if used >= self.budget:
                self.exceeded += 1
                raise Refused(403, f"API rate limit exceeded for {caller or 'this address'}.")
            self._used[caller, resource] = (used + 1, resets)
            if is_write and self.writes is not None:
                self._write(caller, now, self.writes)

    def _of(self, caller: str, resource: str, now: float) -> tuple[int, float]:
        used, resets = self._used.get((caller, resource), (0, 0.0))
        return (used, resets) if resets > now else (0, now + self.budget_s)

    def _write(self, caller: str, now: float, most: int) -> None:
        times = self._written.setdefault(caller, deque())
        while times and times[0] <= now - self.writes_s:
            times.popleft()
        if len(times) >= most:
            self.exceeded += 1
            wait = max(int(times[0] + self.writes_s - now + 0.999), 1)
            message = (
                "You have exceeded a secondary rate limit and have been temporarily blocked from content creation."
            )
            raise Refused(403, f"{message} Please retry your request again later.", headers={"Retry-After": str(wait)})
        times.append(now)

    def headers(self, caller: str, resource: str) -> dict[str, str]:
        """What every answer says of the budget."""
        with self._lock:
            used, resets = self._of(caller, resource, time.time())
        return {
            "X-RateLimit-Limit": str(self.budget),
            "X-RateLimit-Remaining": str(max(self.budget - used, 0)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(int(resets)),
            "X-RateLimit-Resource": resource,
        }
