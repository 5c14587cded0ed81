"""A Model that asks again what may work later: with growing random waits, or as long as the provider says."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import random
from typing import Final

from mesrai.domain.usage import Usage
from mesrai.errors import (
    AnswerCut,
    AnswerEmpty,
    ModelError,
    ModelOverloaded,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    StoreUnavailable,
)
from mesrai.llm.deadline import Deadline
from mesrai.llm.model import Answer, Model, Profile, Prompt
from mesrai.llm.money import spent_on

# How often each may happen before it is final. A used-up quota, a bad key and the like are final at once.
_TRIES: Final[dict[type[ModelError], int]] = {
    ModelThrottled: 6,
    ModelOverloaded: 6,
    ModelUnavailable: 3,
    ModelTimeout: 2,
    AnswerEmpty: 2,
    AnswerCut: 2,
}
_MOST_TRIES: Final = 6  # of all kinds together
_STORE_TRIES: Final = 5  # of getting a permit: a database that restarts is back by then
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0
_OVERLOAD_FACTOR: Final = 2.0  # an overloaded provider recovers more slowly than a limit
_SPREAD: Final = 0.1  # of a told wait, added at random so that not all come back at once


class Retrying:
    """Asks a model until it answers, fails for good, or the deadline for one question passes."""

    def __init__(
        self,
        model: Model,
        *,
        deadline_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random,
    ) -> None:
        """Ask `model`. All tries and waits of one question take at most `deadline_s`; `chance` gives 0 to 1.

        What waits for its turn in between stops the clock: see `deadline_paused`.
        """
        self._model = model
        self._deadline_s = deadline_s
        self._clock = clock
        self._sleep = sleep
        self._chance = chance

    @property
    def profile(self) -> Profile:
        """The model's own."""
        return self._model.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """The answer, with the failed tries in its usage.

        Errors: the last ModelError, with all tries in `calls`; StoreUnavailable if the store stays away.
        """
        deadline = Deadline(self._deadline_s, clock=self._clock)
        failed: Counter[type[ModelError]] = Counter()
        lost, unstored = Usage(), 0
        while True:
            try:
                answer = await self._ask_once(prompt, deadline)
            except ModelError as error:
                lost += spent_on(error)
                error.calls, error.usage = lost.calls, lost
                kind = next((kind for kind in _TRIES if isinstance(error, kind)), None)
                if kind is None:
                    raise
                failed[kind] += 1
                prompt = self._larger(prompt, error)
                if failed[kind] >= _TRIES[kind] or failed.total() >= _MOST_TRIES:
                    raise
                await self._wait(error, failed[kind], deadline)
            except StoreUnavailable:
                unstored += 1
                if unstored >= _STORE_TRIES:
                    raise
                await self._sleep(self._chance() * _FIRST_WAIT_S * 2 ** (unstored - 1))
            else:
                return replace(answer, usage=answer.usage + lost)

    async def _ask_once(self, prompt: Prompt, deadline: Deadline) -> Answer:
        try:
            async with deadline.running():
                return await self._model.ask(prompt)
        except TimeoutError as passed:
            profile = self.profile
            raise ModelTimeout(
                f"{profile.provider}/{profile.model}: No answer within {self._deadline_s:g} s, all tries together.",
                provider=profile.provider,
                model=profile.model,
            ) from passed

    def _larger(self, prompt: Prompt, error: ModelError) -> Prompt:
        """The prompt with twice the room for its answer, if it lacked room. Errors: `error`, if there is no more."""
        if not isinstance(error, AnswerCut) or not error.reached_limit:
            return prompt
        most = self.profile.max_output
        had = min(prompt.max_output_tokens, most)
        if had >= most:
            raise error
        return replace(prompt, max_output_tokens=min(2 * had, most))

    async def _wait(self, error: ModelError, failures: int, deadline: Deadline) -> None:
        """Wait before the next try. Errors: `error`, saying when to come back, if the wait would pass the deadline."""
        told = error.retry_after_s
        if told is not None:
            wait = told * (1 + _SPREAD * self._chance())
        elif isinstance(error, AnswerCut) and error.reached_limit:
            return
        else:
            factor = _OVERLOAD_FACTOR if isinstance(error, ModelOverloaded) else 1.0
            wait = self._chance() * min(factor * _FIRST_WAIT_S * 2 ** (failures - 1), factor * _LONGEST_WAIT_S)
        if wait >= deadline.left_s:
            if told is None:
                raise error
            raise _too_late(error, told) from error
        await self._sleep(wait)


def _too_late(error: ModelError, told_s: float) -> ModelError:
    """The error with when to come back, for a wait that is longer than there is time."""
    span = f"{told_s:.0f} seconds" if told_s < 120 else f"{told_s / 60:.0f} minutes"
    late = type(error)(
        f"{error.message} It asks to come back in {span}, which is longer than this question may take.",
        provider=error.provider,
        model=error.model,
        status=error.status,
        request_id=error.request_id,
        retry_after_s=error.retry_after_s,
        resets_at=error.resets_at,
    )
    late.calls, late.usage = error.calls, error.usage
    return late
