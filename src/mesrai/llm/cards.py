"""The models to choose by name, and what choosing one of their plans means."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mesrai.domain.connection import Thinking
from mesrai.errors import SettingsError
from mesrai.llm.catalogue_rows import CardRow, PlanRow, Table, merged
from mesrai.llm.endpoint import Dialect
from mesrai.llm.model import Json, Price
from mesrai.llm.words import safe_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of thinking, as a model takes it."""

    thinking: Thinking
    body: Json  # what is sent for it; empty: nothing
    notice: str = ""  # where it does not do what it says


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """All that changes together with a plan."""

    card: str  # id
    plan: str  # id
    name: str  # of the plan
    provider: str  # id
    provider_name: str
    base_url: str
    key_page: str
    key_prefixes: tuple[str, ...]
    billing_page: str
    model: str
    dialect: Dialect
    max_concurrent_requests: int | None  # to fill in beforehand; None: no cap
    billing: str  # "tokens" or "subscription"
    price: Price | None  # None: not known, or not paid by the token
    window: int  # tokens
    max_output: int
    allows: str
    note: str
    levels: tuple[Level, ...]
    temperature: str  # "fixed", "free" or "ignored"; empty: not known
    namespace: str  # of custom JSON
    notices: tuple[str, ...]  # what whoever connects must know
    facts: tuple[str, ...]  # what is good to know


def card_named(name: str, cards: Sequence[CardRow]) -> CardRow:
    """The card with that id, name or alias, however it is spelled. Errors: SettingsError with near names."""
    found = next((card for card in cards if _plain(name) in map(_plain, (card.id, card.name, *card.aliases))), None)
    if found is None:
        raise SettingsError(_unknown("card", name, [card.id for card in cards]))
    return found


def plan_named(name: str, card: CardRow) -> PlanRow:
    """The card's plan with that id, name or provider; with no name, the only one there is. Errors: SettingsError."""
    plans = card.plans
    if not name and len(plans) == 1:
        return plans[0]
    if not name:
        raise SettingsError(f"{card.name} is sold by several plans: choose {', '.join(plan.id for plan in plans)}.")
    found = next((plan for plan in plans if _plain(name) in map(_plain, (plan.id, plan.name, plan.provider))), None)
    if found is None:
        raise SettingsError(_unknown(f"plan of {card.name}", name, [plan.id for plan in plans]))
    return found


def merged_card(under: Table, over: Table) -> Table:
    """An operator's card over ours: its values win, and its plans are laid over ours by their ids."""
    return {**merged(under, over), "plans": merged_plans(under.get("plans", []), over.get("plans", []))}


def merged_plans(under: Any, over: Any) -> Any:
    """Both lists of plans; what is no list of plans is left for the check of the row to refuse."""
    if not all(isinstance(each, dict) for plans in (under, over) if isinstance(plans, list) for each in plans):
        return over
    if not isinstance(under, list) or not isinstance(over, list):
        return over
    own = {plan.get("id"): plan for plan in over}
    ours = [merged(plan, own.pop(plan.get("id"), {})) for plan in under]
    return [*ours, *own.values()]


def _unknown(what: str, name: str, ids: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.lower(), ids, n=3, cutoff=0.5)
    meant = f"Did you mean {' or '.join(near)}?" if near else f"There is {', '.join(ids)}."
    return f"There is no {what} {safe_words(name, 60)}. {meant}"


def _plain(name: str) -> str:
    """A name without what people spell differently."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
