"""Which models are down, as one process remembers it."""

import math
import time
from collections.abc import Callable, Mapping, Sequence

from mesrai.domain.outages import Known, Outage, after_failure, ends_with_answer, probed, standing
from mesrai.errors import ModelError


class InProcessOutages:
    """Lives as long as one review: what does not pass by itself is believed until its end. See `Outages`."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        """Nothing is known to be down."""
        self._clock = clock
        self._known: dict[str, Known] = {}

    async def standing(self, names: Sequence[str]) -> Mapping[str, Outage]:
        """The outages that last still, or are over and tried just now, by name."""
        now = self._clock()
        found = {name: standing(self._known[name], now=now) for name in names if name in self._known}
        return {name: outage for name, outage in found.items() if outage is not None}

    async def may_probe(self, name: str) -> bool:
        """Whether the model may be asked: if it was out, by one at a time."""
        if name not in self._known:
            return True
        known = probed(self._known[name], now=self._clock())
        if known is None:
            return False
        self._known[name] = known
        return True

    async def note(self, name: str, error: ModelError) -> Outage | None:
        """Remember a failure."""
        now = self._clock()
        known = after_failure(self._known.get(name), error, now=now, lasting_s=math.inf)
        if known is None:
            return None
        self._known[name] = known
        return standing(known, now=now)

    async def clear(self, name: str) -> None:
        """The model answered."""
        if name in self._known and ends_with_answer(self._known[name], now=self._clock()):
            del self._known[name]

    async def forget(self, name: str) -> None:
        """Nothing is known any more."""
        self._known.pop(name, None)
