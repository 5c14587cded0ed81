"""A Model that asks its models in order, and leaves out those that cannot answer for now or for good."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from mesrai.domain.outages import Outage
from mesrai.domain.usage import Usage
from mesrai.errors import (
    AnswerCut,
    AnswerEmpty,
    AnswerRefused,
    AnswerUnreadable,
    ModelError,
    NoModelLeft,
    PromptRejected,
    PromptTooLong,
    Remedy,
    StoreError,
)
from mesrai.llm.model import Answer, Model, Outages, Profile, Prompt
from mesrai.llm.money import spent_on

# The model is there and answers, if not what was wanted.
_ANSWERED: Final = (AnswerCut, AnswerEmpty, AnswerRefused, AnswerUnreadable, PromptRejected, PromptTooLong)


class Failover:
    """The main model and its fallbacks as one.

    The next model is asked where the error's remedy is another model, and where it is to retry, since whoever retries
    has given up by then. A prompt that is too long, or whatever else another model cannot mend, goes up at once.
    A conversation may change its model in the middle: each dialect sends another model's turns as plain text.
    """

    def __init__(self, models: Sequence[Model], *, names: Sequence[str], outages: Outages) -> None:
        """Ask `models`, the main one first; at least one. Under its name each is known to `outages`."""
        if not models or len(models) != len(names):
            raise ValueError("at least one model is needed, and a name for each")
        self._models = tuple(models)
        self._names = tuple(names)
        self._outages = outages
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

        A model that is out is not asked; if what ails it may pass, it is asked when no other answers. An outage that is
        over is tried by one asker, the others go on without. Errors: with one model its own error; with several
        NoModelLeft, or one that no other model can mend; what asking a model raises besides.
        """
        standing = await self._standing(self._names)
        out = {place: standing[name] for place, name in enumerate(self._names) if name in standing}
        causes = {place: _cause(outage) for place, outage in out.items()}
        ready = deque(place for place in range(len(self._models)) if place not in out)
        in_need = deque(place for place, outage in out.items() if not outage.is_lasting)
        lost = Usage()
        while ready or in_need:
            if ready and (tried := await self._tried_elsewhere(ready[0])) is not None:
                causes[ready[0]] = _cause(tried)
                in_need.append(ready.popleft())
                continue
            place = (ready or in_need).popleft()
            try:
                answer = await self._models[place].ask(prompt)
            except ModelError as error:
                causes[place] = error
                lost += spent_on(error)
                await self._note(place, error)
                if error.remedy not in (Remedy.NEXT_MODEL, Remedy.RETRY):
                    error.calls, error.usage = lost.calls, lost
                    raise
            else:
                await self._clear(place)
                before = (causes[earlier] for earlier in sorted(causes) if earlier < place)
                return replace(answer, usage=answer.usage + lost, notices=(*answer.notices, *_notices(before, answer)))
        if len(causes) == 1:
            raise causes.popitem()[1]
        raise NoModelLeft([causes[place] for place in sorted(causes)])

    async def _tried_elsewhere(self, place: int) -> Outage | None:
        """The outage, if another asker tries just now whether it is over; None: this model may be asked."""
        name = self._names[place]
        with suppress(StoreError):
            if not await self._outages.may_probe(name):
                return (await self._standing([name])).get(name)
        return None

    async def _standing(self, names: Sequence[str]) -> Mapping[str, Outage]:
        """The outages that last still. While the store is away none is known, and every model is worth asking."""
        with suppress(StoreError):
            return await self._outages.standing(names)
        return {}

    async def _note(self, place: int, error: ModelError) -> None:
        """Remember the failure. That the store is away must not keep the next model from answering.

        What was refused on our side says nothing of the model: a smaller question may pass, or one under other limits.
        """
        if not error.calls or error.until is not None:
            return
        with suppress(StoreError):
            if isinstance(error, _ANSWERED):
                await self._outages.clear(self._names[place])
            elif (outage := await self._outages.note(self._names[place], error)) is not None:
                error.until = outage.back_at

    async def _clear(self, place: int) -> None:
        """Remember that the model answered. That the store is away must not lose the answer."""
        with suppress(StoreError):
            await self._outages.clear(self._names[place])


def _cause(outage: Outage) -> ModelError:
    outage.cause.until = outage.back_at
    return outage.cause


def _profile_of(profiles: Sequence[Profile]) -> Profile:
    bodies = [profile.max_body for profile in profiles if profile.max_body is not None]
    return replace(
        profiles[0],
        window=min(profile.window for profile in profiles),
        max_body=min(bodies, default=None),
        has_tools=all(profile.has_tools for profile in profiles),
        chars_per_token=min(profile.chars_per_token for profile in profiles),
    )


def _notices(causes: Iterable[ModelError], answer: Answer) -> list[str]:
    told = []
    for cause in causes:
        failed = f"{cause.provider}/{cause.model}"
        reason = cause.message.removeprefix(f"{failed}: ")
        told.append(f"{answer.provider}/{answer.model} answered in place of {failed}: {reason}")
    return told
