"""A Model that asks only while the purse allows it, and records what each request cost."""

import asyncio
from dataclasses import replace
from math import ceil
from typing import Final

from mesrai.domain.budget import Asked, Paid
from mesrai.domain.usage import Usage
from mesrai.errors import ModelError, StoreError
from mesrai.llm.deadline import deadline_paused
from mesrai.llm.model import Answer, Model, Profile, Prompt, Purse
from mesrai.llm.money import priced, spent_on
from mesrai.llm.shaping import output_limit
from mesrai.llm.sizing import prompt_tokens

_SLACK: Final = 1.25  # code full of signs and numbers has more tokens than its length lets expect


class Budgeted:
    """Reserves the worst case before a request, and settles what it really cost after it.

    It stands directly around the model that sends it, below permits, retries and failover: so each request counts with
    the price of the model that gets it, tries that failed count too, and nothing is reserved for those who wait.
    """

    def __init__(self, model: Model, purse: Purse) -> None:
        """Ask `model` with money from `purse`."""
        self._model = model
        self._purse = purse
        self._untold: list[str] = []

    @property
    def profile(self) -> Profile:
        """The model's own."""
        return self._model.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """Ask if it can be paid for; the answer's notices say when a share of the month's budget was reached.

        Errors: BudgetSpent if it cannot; ModelError if spending cannot be recorded; else the model's.
        """
        asked = self._asked(prompt)
        reservation = await self._reserve(asked)
        # Until it is known: a request that is cut off is billed for its prompt at least, and no provider says so.
        usage, is_failed = self._prompt_alone(prompt), True
        try:
            answer = await self._model.ask(prompt)
            usage, is_failed = self._counted(prompt, answer.usage), False
        except ModelError as error:
            usage = self._counted(prompt, spent_on(error))
            raise
        finally:
            paid = Paid(asked=asked, usage=usage, is_failed=is_failed)
            await asyncio.shield(self._settle(reservation, paid))
        told, self._untold = self._untold, []
        return replace(answer, notices=(*answer.notices, *told, *self._purse.take_notices()))

    def _asked(self, prompt: Prompt) -> Asked:
        profile = self.profile
        if profile.price is None:
            return Asked(provider=profile.provider, model=profile.model, most=None)
        tokens = ceil(prompt_tokens(prompt, profile) * _SLACK)
        most = priced(
            Usage(input_tokens=tokens, output_tokens=output_limit(prompt, profile)), profile.price, written=tokens
        )
        return Asked(provider=profile.provider, model=profile.model, most=most.cost, currency=most.currency)

    async def _reserve(self, asked: Asked) -> int:
        try:
            with deadline_paused():
                return await self._purse.reserve(asked)
        except ModelError as error:
            error.provider, error.model, error.calls = asked.provider, asked.model, 0
            raise
        except StoreError as error:
            unasked = ModelError(
                f"Nothing is asked while its cost cannot be recorded: {error.message}",
                provider=asked.provider,
                model=asked.model,
            )
            unasked.calls = 0
            raise unasked from error

    async def _settle(self, reservation: int, paid: Paid) -> None:
        """Never fails: an answer that is paid for is not thrown away because its cost could not be written down."""
        try:
            await self._purse.settle(reservation, paid)
        except StoreError as error:
            self._untold.append(f"What a question cost could not be recorded: {error.message}")

    def _counted(self, prompt: Prompt, usage: Usage) -> Usage:
        """The usage in the currency of the reservation; where the provider did not count, the prompt is counted."""
        price = self.profile.price
        if price is None:
            return usage
        if usage.cost is None:
            return replace(self._prompt_alone(prompt), calls=usage.calls)
        if usage.currency == price.currency:
            return usage
        return priced(usage, price) if usage.cost else replace(usage, currency=price.currency)

    def _prompt_alone(self, prompt: Prompt) -> Usage:
        tokens = prompt_tokens(prompt, self.profile)
        return priced(Usage(calls=1, input_tokens=tokens), self.profile.price, written=tokens)
