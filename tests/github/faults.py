"""Faults on demand: what goes wrong, where, how often, and whether the request took effect before."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.github.asked import Answer


@dataclass(kw_only=True)
class Fault:
    """Requests whose method and path match get this answer instead of theirs."""

    method: str  # "*": any
    path: str  # with shell wildcards; `*` also crosses slashes
    status: int
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1  # how many requests it still hits
    skip: int = 0  # how many it lets pass before
    after_effect: bool = False  # the request is carried out, only its answer is lost
    hangs_up: bool = False  # no answer at all: the connection is closed
    stall_s: float = 0.0  # between the two halves of the true answer's body
    accept: str = ""  # only requests that accept a media type with this in it
    page: str | None = None  # this body, which is no JSON, as some proxy in between gives it
    hits: int = 0  # how many requests it has hit

    def answer(self) -> Answer:
        if self.page is not None:
            return Answer(status=self.status, body=self.page, headers=self.headers, is_text=True)
        body = {"message": self.message or f"HTTP {self.status}", "documentation_url": "https://docs.github.com/rest"}
        return Answer(status=self.status, body=body, headers=self.headers)


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def meet(self, method: str, path: str, accept: str = "") -> Fault | None:
        """The first fault that hits this request; it is spent by it."""
        with self._lock:
            for fault in self._faults:
                if fault.method not in ("*", method) or not fnmatchcase(path, fault.path) or fault.times <= 0:
                    continue
                if fault.accept not in accept:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                fault.hits += 1
                return fault
        return None


def throttled(*, retry_after_s: int | None = None, reset_in_s: int | None = None, status: int = 429) -> Fault:
    """The primary limit is spent; with Retry-After, with a reset time, or with neither."""
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s is not None else {}
    if reset_in_s is not None:
        headers |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + reset_in_s)}
    message = "API rate limit exceeded for installation ID 1."
    return Fault(method="*", path="*", status=status, message=message, headers=headers)


def secondary_limit(*, retry_after_s: int | None = None) -> Fault:
    """Too much at once; 403, as GitHub mostly gives it."""
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s is not None else {}
    message = (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
        "If you reach out to GitHub Support for help, please include the request ID ABCD:1234."
    )
    return Fault(method="*", path="*", status=403, message=message, headers=headers)
