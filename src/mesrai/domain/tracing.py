"""What traces are told: spans of what a process does, for whoever operates it; by default nobody listens."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from typing import Final, Protocol

Facts = Mapping[str, str | int | float | bool]  # by OpenTelemetry's names; never a secret, a prompt or an answer


class Side(StrEnum):
    """Which end of a request a span stands for."""

    INSIDE = "inside"  # of no request
    ANSWERS = "answers"
    ASKS = "asks"


class Span(Protocol):
    """Something that takes time, while it does."""

    def note(self, facts: Facts) -> None:
        """Say more of it."""
        ...

    def fail(self, kind: str) -> None:
        """It failed, in a way that has this name."""
        ...


class Tracing(Protocol):
    """Where spans go."""

    def span(
        self, name: str, facts: Facts, *, side: Side = Side.INSIDE, parent: str = ""
    ) -> AbstractContextManager[Span]:
        """A span as long as the block, within the one around it, or else within a W3C `traceparent`.

        What is raised in the block fails it by the error's kind, and is raised on.
        """
        ...


class _Unheard:
    def note(self, facts: Facts) -> None:
        """See Span."""

    def fail(self, kind: str) -> None:
        """See Span."""


_UNHEARD: Final = _Unheard()


class Untraced:
    """Nobody listens."""

    @contextmanager
    def span(
        self,
        name: str,  # noqa: ARG002
        facts: Facts,  # noqa: ARG002
        *,
        side: Side = Side.INSIDE,  # noqa: ARG002
        parent: str = "",  # noqa: ARG002
    ) -> Iterator[Span]:
        """See Tracing."""
        yield _UNHEARD


UNTRACED: Final = Untraced()
