"""What the stand-in remembers: the faults still to play, the calls it got, and what each key sent last."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mesrai.sandbox.faults import ON_LOOKUPS, Fault, fault_from
from mesrai.sandbox.limits import Account
from mesrai.sandbox.saying import Body
from mesrai.sandbox.worlds import fault_named_by

_CACHE_LEAST_TOKENS: Final = 256
_MOST_CALLS: Final = 20_000  # kept; of more, the older half is forgotten


@dataclass(slots=True, kw_only=True)
class Called:
    """One request to a model."""

    path: str
    key: str
    headers: Mapping[str, str]
    body: Body
    fault: str = ""
    status: int = 0  # until it is answered
    account: str = ""

    def shown(self, *, with_body: bool) -> dict[str, Any]:
        """As JSON; the headers stay inside the process."""
        shown = {
            "path": self.path,
            "account": self.account,
            "model": self.body.get("model"),
            "stream": bool(self.body.get("stream")),
            "fault": self.fault,
            "status": self.status,
        }
        return shown | ({"body": self.body} if with_body else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One call that asked no model."""

    path: str
    key: str
    status: int


@dataclass(slots=True)
class Stage:
    """The memory of one stand-in. Clear it between tests."""

    minute_s: float = 60.0  # real seconds that a minute of the limits lasts
    clock: Callable[[], float] = time.monotonic  # by which the limits are counted
    calls: list[Called] = field(default_factory=list)
    lookups: list[Lookup] = field(default_factory=list)
    call_count: int = 0
    _accounts: dict[str, Account] = field(default_factory=dict)
    started_at: float = field(default_factory=time.time)
    _queue: deque[Fault | None] = field(default_factory=deque)
    _by_key: dict[str, Fault | None] = field(default_factory=dict)
    _uses: Counter[str] = field(default_factory=Counter)
    _last_said: dict[str, str] = field(default_factory=dict)
    in_flight: int = 0
    most_in_flight: int = 0

    def account(self, key: str) -> Account:
        """The counts of a key."""
        if key not in self._accounts:
            self._accounts[key] = self._new_account(key)
        return self._accounts[key]

    def account_of(self, key: str) -> Account:
        """The counts of a key that may not have asked yet."""
        return self._accounts.get(key) or self._new_account(key)

    def _new_account(self, key: str) -> Account:
        return Account(key, self.minute_s, self._now)

    def _now(self) -> float:
        return self.clock()  # which may have been replaced since

    @property
    def accounts(self) -> list[Account]:
        """All accounts that asked a model."""
        return list(self._accounts.values())

    @property
    def refused(self) -> int:
        """How many requests this server refused over a limit."""
        return sum(account.refused for account in self._accounts.values())

    def enter(self, key: str) -> Account:
        """A request to a model has arrived."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        account = self.account(key)
        account.enter()
        return account

    def leave(self, account: Account, *, was_admitted: bool) -> None:
        """It was answered to its last byte, or its client is gone."""
        self.in_flight -= 1
        account.leave(was_admitted=was_admitted)

    def keep(self, called: Called) -> None:
        """Remember a request to a model."""
        self.call_count += 1
        self.calls.append(called)
        if len(self.calls) > _MOST_CALLS:
            del self.calls[: _MOST_CALLS // 2]

    def keep_lookup(self, lookup: Lookup) -> None:
        """Remember a call that asked no model."""
        self.lookups.append(lookup)
        if len(self.lookups) > _MOST_CALLS:
            del self.lookups[: _MOST_CALLS // 2]

    def clear(self) -> None:
        """Forget everything. What is in flight stays counted with the account it came with."""
        self.calls.clear()
        self.lookups.clear()
        self.call_count = 0
        self._accounts.clear()
        self.started_at = time.time()
        self._queue.clear()
        self._by_key.clear()
        self._uses.clear()
        self._last_said.clear()
        self.most_in_flight = self.in_flight

    def script(self, faults: Iterable[str | None]) -> None:
        """Play these on the next calls, one a call; None, an empty text or `none` is a call that goes well."""
        self._queue.extend(fault_from(each or "") for each in faults)

    def always(self, key: str, fault: str) -> None:
        """Play this on all calls with that key, also on those that ask no model where it fits."""
        self._by_key[key] = fault_from(fault)

    def always_at(self, face: str, fault: str) -> None:
        """Play this on all calls at that face."""
        self._by_key[f"face:{face}"] = fault_from(fault)

    def next_fault(self, key: str, header: str, face: str = "") -> Fault | None:
        """What to play on this call: by its header, else from the script, else by its key, else by its face.

        With the setting `n` only the first so many calls with that header or key get it.
        """
        fault = fault_from(header)
        if fault is not None:
            return self._counted(fault, header)
        if self._queue:
            return self._queue.popleft()
        fault = self.standing_fault(key, face)
        return fault and self._counted(fault, f"key {key}")

    def _counted(self, fault: Fault, name: str) -> Fault | None:
        if "n" not in fault.settings:
            return fault
        self._uses[name] += 1
        return fault if self._uses[name] <= fault.number("n", 0) else None

    def lookup_fault(self, key: str, header: str, face: str) -> Fault | None:
        """What to play on a call that asks no model; the script is for models only."""
        fault = fault_from(header) or self.standing_fault(key, face)
        return fault if fault is not None and fault.name in ON_LOOKUPS else None

    def standing_fault(self, key: str, face: str = "") -> Fault | None:
        """What is played on every call of a key or face."""
        for name in (key, f"face:{face}"):
            if name in self._by_key:
                return self._by_key[name]
        return fault_from(fault_named_by(key))

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
