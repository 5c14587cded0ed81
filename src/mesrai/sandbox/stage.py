"""What the stand-in remembers: the faults still to play, the calls it got, and what each key sent last."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mesrai.sandbox.faults import NAMES, Fault, fault_from
from mesrai.sandbox.saying import Body

FAULT_KEY: Final = "sk-sim-"  # a key that goes on with the name of a fault always gets that fault
_CACHE_LEAST_TOKENS: Final = 256


@dataclass(slots=True, kw_only=True)
class Called:
    """One request to a model."""

    path: str
    key: str
    headers: Mapping[str, str]
    body: Body
    fault: str = ""
    status: int = 0  # until it is answered

    def shown(self, *, with_body: bool) -> dict[str, Any]:
        """As JSON; the headers stay inside the process."""
        shown = {
            "path": self.path,
            "model": self.body.get("model"),
            "stream": bool(self.body.get("stream")),
            "fault": self.fault,
            "status": self.status,
        }
        return shown | ({"body": self.body} if with_body else {})


@dataclass(slots=True)
class Stage:
    """The memory of one stand-in. Clear it between tests."""

    calls: list[Called] = field(default_factory=list)
    _queue: deque[Fault | None] = field(default_factory=deque)
    _by_key: dict[str, Fault | None] = field(default_factory=dict)
    _header_uses: Counter[str] = field(default_factory=Counter)
    _last_said: dict[str, str] = field(default_factory=dict)
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    def call_count(self) -> int:
        """How many requests to a model came."""
        return len(self.calls)

    def clear(self) -> None:
        """Forget everything."""
        self.calls.clear()
        self._queue.clear()
        self._by_key.clear()
        self._header_uses.clear()
        self._last_said.clear()
        self.most_in_flight = self.in_flight

    def script(self, faults: Iterable[str | None]) -> None:
        """Play these on the next calls, one a call; None, an empty text or `none` is a call that goes well."""
        self._queue.extend(fault_from(each or "") for each in faults)

    def always(self, key: str, fault: str) -> None:
        """Play this on all calls with that key."""
        self._by_key[key] = fault_from(fault)

    def next_fault(self, key: str, header: str) -> Fault | None:
        """What to play on this call: by its header, else from the script, else by its key."""
        fault = fault_from(header)
        if fault is not None:
            self._header_uses[header] += 1
            return fault if self._header_uses[header] <= fault.number("n", float("inf")) else None
        if self._queue:
            return self._queue.popleft()
        if key in self._by_key:
            return self._by_key[key]
        name = key.removeprefix(FAULT_KEY) if key.startswith(FAULT_KEY) else ""
        return fault_from(name) if name.split(";")[0] in NAMES else None

    def cached_tokens(self, key: str, said: str) -> int:
        """How much of the conversation this key sent before, as a provider's prefix cache would count it."""
        common = _common_length(self._last_said.get(key, ""), said) // 4
        self._last_said[key] = said
        return common if common > _CACHE_LEAST_TOKENS else 0


def _common_length(one: str, other: str) -> int:
    """How many letters both begin with, found by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
