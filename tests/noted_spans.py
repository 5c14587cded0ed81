"""Tracing that keeps the spans it is told of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mesrai.domain.tracing import Facts, Side, Span


@dataclass
class Noted:
    """A span that is kept."""

    name: str
    side: Side
    parent: str
    facts: dict[str, Any]
    failed: list[str] = field(default_factory=list)

    def note(self, facts: Facts) -> None:
        self.facts.update(facts)

    def fail(self, kind: str) -> None:
        self.failed.append(kind)


class Noting:
    """Tracing that keeps what it is told."""

    def __init__(self) -> None:
        self.spans: list[Noted] = []

    @contextmanager
    def span(self, name: str, facts: Facts, *, side: Side = Side.INSIDE, parent: str = "") -> Iterator[Span]:
        noted = Noted(name, side, parent, dict(facts))
        self.spans.append(noted)
        try:
            yield noted
        except BaseException as error:
            noted.fail(type(error).__name__)
            raise
