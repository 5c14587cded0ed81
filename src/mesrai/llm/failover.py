"""A Model that asks its models in order, and leaves out those that cannot answer for now or for good."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mesrai.domain.usage import Usage
from mesrai.errors import (
    ModelAuth,
    ModelError,
    ModelNotAdmitted,
    ModelOutOfCredit,
    ModelOverloaded,
    ModelQuota,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    ModelUnknown,
    NoModelLeft,
    Remedy,
)
from mesrai.llm.model import Answer, Model, Profile, Prompt
from mesrai.llm.money import spent_on

# What will not pass while one review lasts, and what may pass in a while.
_LASTING: Final = (ModelAuth, ModelOutOfCredit, ModelQuota, ModelNotAdmitted, ModelUnknown)
_PASSING: Final = (ModelThrottled, ModelOverloaded, ModelUnavailable, ModelTimeout)
_REST_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Out:
    """Why a model is not asked, and until when."""

    cause: ModelError
    until: float


class Failover:
    """The main model and its fallbacks as one. Live as long as one review: it remembers which model is out.

    The next model is asked where the error's remedy is another model, and where it is to retry, since whoever retries
    has given up by then. A prompt that is too long, or whatever else another model cannot mend, goes up at once.
    A conversation may change its model in the middle: each dialect sends another model's turns as plain text.
    """

    def __init__(self, models: Sequence[Model], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask `models`, the main one first; at least one."""
        if not models:
            raise ValueError("at least one model is needed")
        self._models = tuple(models)
        self._clock = clock
        self._out: dict[int, _Out] = {}  # by place
        self._profile = _profile_of([model.profile for model in models])

    @property
    def profile(self) -> Profile:
        """The main model's, narrowed so that a prompt that fits it fits every model.

        The smallest window, body and letters per token count, and tools only if all have them: a fallback that is asked
        in an emergency must not fail for size. The output limit stays the main model's; each model keeps its own.
        """
        return self._profile

    async def ask(self, prompt: Prompt) -> Answer:
        """The first answer; its notices say so if it is not the main model's.

        Errors: with one model its own error; with several NoModelLeft, or one that no other model can mend.
        """
        causes = {place: _remembered(out.cause) for place, out in self._out.items() if out.until > self._clock()}
        lost = Usage()
        for place in self._order():
            try:
                answer = await self._models[place].ask(prompt)
            except ModelError as error:
                causes[place] = error
                lost += spent_on(error)
                self._note(place, error)
                if error.remedy not in (Remedy.NEXT_MODEL, Remedy.RETRY):
                    error.calls, error.usage = lost.calls, lost
                    raise
            else:
                before = (causes[earlier] for earlier in sorted(causes) if earlier < place)
                return replace(answer, usage=answer.usage + lost, notices=(*answer.notices, *_notices(before, answer)))
        if len(causes) == 1:
            raise causes.popitem()[1]
        raise NoModelLeft([causes[place] for place in sorted(causes)])

    def _order(self) -> list[int]:
        """The places to ask: those that rest come last, those that are out for good not at all."""
        now = self._clock()
        until = {place: self._out[place].until if place in self._out else 0.0 for place in range(len(self._models))}
        ready = [place for place in until if until[place] <= now]
        return ready + [place for place in until if now < until[place] < math.inf]

    def _note(self, place: int, error: ModelError) -> None:
        if isinstance(error, _LASTING):
            self._out[place] = _Out(cause=error, until=math.inf)
        elif isinstance(error, _PASSING) and len(self._models) > 1:
            self._out[place] = _Out(cause=error, until=self._clock() + _REST_S)


def _profile_of(profiles: Sequence[Profile]) -> Profile:
    bodies = [profile.max_body for profile in profiles if profile.max_body is not None]
    return replace(
        profiles[0],
        window=min(profile.window for profile in profiles),
        max_body=min(bodies, default=None),
        has_tools=all(profile.has_tools for profile in profiles),
        chars_per_token=min(profile.chars_per_token for profile in profiles),
    )


def _remembered(error: ModelError) -> ModelError:
    """The same failure, which this time cost no request."""
    again = type(error)(
        error.message,
        provider=error.provider,
        model=error.model,
        status=error.status,
        request_id=error.request_id,
        retry_after_s=error.retry_after_s,
        resets_at=error.resets_at,
    )
    again.calls = 0
    return again


def _notices(causes: Iterable[ModelError], answer: Answer) -> list[str]:
    told = []
    for cause in causes:
        failed = f"{cause.provider}/{cause.model}"
        reason = cause.message.removeprefix(f"{failed}: ")
        told.append(f"{answer.provider}/{answer.model} answered in place of {failed}: {reason}")
    return told
