"""Figures that a process keeps of itself, and the shape of every figure that is shown to operators."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Labels = tuple[tuple[str, str], ...]
_MOST_SERIES: Final = 2_000  # of one figure; whoever can name labels must not fill the memory
_OTHER: Final = "other"


class Kind(StrEnum):
    """How a figure behaves."""

    COUNTER = "counter"  # only grows, from 0 at the start of the process
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A figure: its name, what it means, and its labels. Seconds and bytes are plain."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()  # of a histogram, growing


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A value of a figure. Of a histogram: how many were at most each bucket, their number last, and their sum."""

    family: Family
    labels: Labels = ()
    value: float = 0.0
    counts: tuple[int, ...] = ()


@dataclass(slots=True)
class _Observed:
    counts: list[int]
    total: float = 0.0


class Tally:
    """Counters, gauges and histograms of this process; used from its event loop alone."""

    def __init__(self) -> None:
        self._values: dict[Family, dict[Labels, float]] = {}
        self._observed: dict[Family, dict[Labels, _Observed]] = {}

    def add(self, family: Family, amount: float = 1.0, **labels: str) -> None:
        """Count something."""
        values = self._values.setdefault(family, {})
        at = _labels(family, labels, values)
        values[at] = values.get(at, 0.0) + amount

    def set(self, family: Family, value: float, **labels: str) -> None:
        """Say how much something is now."""
        values = self._values.setdefault(family, {})
        values[_labels(family, labels, values)] = value

    def observe(self, family: Family, value: float, **labels: str) -> None:
        """Put a value into a histogram."""
        observed = self._observed.setdefault(family, {})
        at = _labels(family, labels, observed)
        kept = observed.setdefault(at, _Observed([0] * (len(family.buckets) + 1)))
        kept.counts[bisect_left(family.buckets, value)] += 1
        kept.total += value

    def samples(self) -> Sequence[Sample]:
        """All of it, as it is now."""
        found = [
            Sample(family=family, labels=labels, value=value)
            for family, values in self._values.items()
            for labels, value in values.items()
        ]
        for family, observed in self._observed.items():
            for labels, kept in observed.items():
                grown = tuple(sum(kept.counts[: number + 1]) for number in range(len(kept.counts)))
                found.append(Sample(family=family, labels=labels, value=kept.total, counts=grown))
        return found


def sample(family: Family, value: float, **labels: str) -> Sample:
    """A value that was found elsewhere."""
    return Sample(family=family, labels=tuple((name, labels[name]) for name in family.labels), value=value)


def is_number(text: str) -> bool:
    """Whether a text is a number that can be a value."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _labels(family: Family, labels: Mapping[str, str], known: Mapping[Labels, object]) -> Labels:
    at = tuple((name, labels[name]) for name in family.labels)
    if at in known or len(known) < _MOST_SERIES:
        return at
    return tuple((name, _OTHER) for name in family.labels)
