"""The connection that a person asks for, as far as it is known; what a plan or a piece of advice changes of it."""

from dataclasses import dataclass, replace
from typing import Any, Final, Self

from mesrai.domain.connection import Connection, Slot
from mesrai.domain.secret import Secret
from mesrai.llm.cards import PlanFacts
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.catalogue_rows import CardRow
from mesrai.llm.connecting import connection_from
from mesrai.llm.draft import Draft
from mesrai.llm.probing import Advice, Diagnosis, Problem, Step

# Where the likeliest advice leads to another address of the same account.
_SAME_ACCOUNT: Final = (Problem.NOT_ADMITTED, Problem.BAD_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for. Empty: not said."""

    slot: Slot
    card: CardRow | None = None
    provider: str = ""
    base_url: str = ""
    model: str = ""
    key: Secret | None = None
    cap: int | None = None  # the plan's, where it is not what is usual at its provider
    tuning: Draft = Draft()
    origin: str = ""  # where it was said, for people

    def with_plan(self, plan: PlanFacts) -> Self:
        """The same on a plan of its card; a model that was named stays."""
        is_named = bool(self.model) and not self._is_of_card(self.model)
        return self.elsewhere(
            provider=plan.provider,
            base_url="",
            model=self.model if is_named else plan.model,
            cap=plan.max_concurrent_requests,
        )

    def with_provider(self, provider: str, catalogue: Catalogue) -> Self:
        """The same at another provider: by the card's plan there, or else with the model by that name there."""
        plan = next((each for each in self.card.plans if each.provider == provider), None) if self.card else None
        if self.card and plan:
            return self.with_plan(catalogue.plan_facts(self.card.id, plan.id))
        row = catalogue.provider(provider)
        known = catalogue.find_model(row.id, self.model) if self.model else None
        is_served = known is not None and known.row.retired is None
        return self.elsewhere(
            provider=row.id,
            base_url="",
            model=self.model if is_served or not row.default_model else row.default_model,
            cap=row.max_concurrent_requests,
        )

    def elsewhere(self, **changes: Any) -> Self:
        """The same with another place or model, of which nothing was found out yet."""
        return replace(self, tuning=replace(self.tuning, learned=None, proven_at=""), **changes)

    def connection(self, catalogue: Catalogue) -> Connection:
        """The connection it describes. Errors: SettingsError, CredentialMissing; neither shows a key."""
        return connection_from(self.draft(), self.slot, catalogue)

    def draft(self) -> Draft:
        """The same as settings are written."""
        place = Draft(
            provider=self.provider,
            base_url=self.base_url,
            model=self.model,
            key=self.key,
            max_concurrent_requests=self.cap,
            origins=(self.origin,) if self.origin else (),
        )
        return self.tuning.over(place)

    def _is_of_card(self, model: str) -> bool:
        return self.card is not None and any(plan.model == model for plan in self.card.plans)


def takes_same_key(found: Diagnosis, advice: Advice) -> bool:
    """Whether the key that was tested may be the one for where the advice leads; otherwise that takes its own."""
    if advice.step is not Step.SWITCH_PLAN:
        return True
    is_first = bool(found.advice) and found.advice[0] == advice
    return found.problem is Problem.WRONG_PLAN or (found.problem in _SAME_ACCOUNT and is_first)


def plan_there(asked: Connection, provider: str, catalogue: Catalogue) -> tuple[str, str] | None:
    """Card and plan at another provider, of a card that has the connection's own plan too; None if there is none."""
    for card in catalogue.cards:
        is_own = any((plan.provider, plan.model) == (asked.provider, asked.model) for plan in card.plans)
        there = next((plan.id for plan in card.plans if plan.provider == provider), "")
        if is_own and there:
            return card.id, there
    return None
