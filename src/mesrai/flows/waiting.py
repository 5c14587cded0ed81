"""When a review may go on that a spent quota or budget ended, as a whole or in part."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mesrai.errors import BudgetSpent, MesraiError, ModelError
from mesrai.llm.model import Answer, Model, Profile, Prompt

_BUDGET_S: Final = 6 * 3600.0  # until a spent budget is looked at again
_LEAST_S: Final = 60.0  # that anything waits: a time that has just come may be a little wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why something waits, and until when."""

    reason: str
    until: float  # seconds since the epoch


class Heeding:
    """A model that remembers which of its failures time may heal."""

    def __init__(self, model: Model, now: Callable[[], float]) -> None:
        """Ask `model`; `now` is the time, in seconds since the epoch."""
        self._model = model
        self._now = now
        self.wait: Wait | None = None  # the shortest one; None: waiting helps with nothing that failed

    @property
    def profile(self) -> Profile:
        """See Model."""
        return self._model.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """See Model."""
        try:
            return await self._model.ask(prompt)
        except ModelError as error:
            wait = wait_for(error, self._now())
            if wait is not None and (self.wait is None or wait.until < self.wait.until):
                self.wait = wait
            raise


def wait_for(cause: MesraiError | None, now: float) -> Wait | None:
    """How long to wait after this failure; None if that does not help."""
    if not isinstance(cause, ModelError):
        return None
    until = cause.until
    if isinstance(cause, BudgetSpent):
        # No time gives one review more.
        until = None if cause.is_of_review else now + (cause.retry_after_s or _BUDGET_S)
    return None if until is None else Wait(reason=cause.message, until=max(until, now + _LEAST_S))


def clock_time(until: float) -> str:
    """A time in words."""
    return datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M UTC")


def rest_waits(reason: str, *, until: float) -> str:
    """What the summary of a partial review says of the rest, as plain text."""
    return f"The rest of the change waits: {reason} It goes on by itself at about {clock_time(until)}."
