"""What there is to choose from: the models that are known well with their plans, and who serves models."""

from typing import Final

from mesrai.domain.connection import Thinking
from mesrai.domain.roles import Right
from mesrai.llm.cards import PlanFacts
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.catalogue_rows import CardRow
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import Shape

_TAG: Final = "catalogue"


class TokenPrice(Shape, frozen=True, kw_only=True):
    """What a million tokens cost."""

    input: str
    cached: str
    output: str
    currency: str
    as_of: str


class PlanShown(Shape, frozen=True, kw_only=True):
    """A plan, with all that changes with it."""

    id: str
    name: str
    provider: str
    base_url: str
    key_page: str
    billing_page: str
    model: str
    protocol: str
    billing: str
    price: TokenPrice | None
    max_concurrent_requests: int | None
    window: int
    max_output_tokens: int
    thinking: list[Thinking]
    allows: str
    note: str
    notices: list[str]


class CardShown(Shape, frozen=True, kw_only=True):
    """A model that is known well, with its plans."""

    id: str
    name: str
    aliases: list[str]
    good_at: str
    context: str
    successor: str | None
    as_of: str
    source: str
    plans: list[PlanShown]


class CardList(Shape, frozen=True, kw_only=True):
    """All cards."""

    items: list[CardShown]


class ProviderShown(Shape, frozen=True, kw_only=True):
    """Who serves models."""

    id: str
    name: str
    protocol: str
    base_url: str
    default_model: str
    key_page: str
    needs_key: bool
    as_of: str


class ProviderList(Shape, frozen=True, kw_only=True):
    """All providers."""

    items: list[ProviderShown]


async def list_cards(call: Call) -> CardList:
    """GET /cards."""
    catalogue = (await call.house.installation()).settings.catalogue
    return CardList(items=[_card(each, catalogue) for each in catalogue.cards])


async def list_providers(call: Call) -> ProviderList:
    """GET /providers."""
    catalogue = (await call.house.installation()).settings.catalogue
    names = ("id", "name", "base_url", "default_model", "key_page", "needs_key", "as_of")
    return ProviderList(
        items=[
            ProviderShown(protocol=str(row.dialect), **{name: getattr(row, name) for name in names})
            for row in catalogue.providers
        ]
    )


def _card(card: CardRow, catalogue: Catalogue) -> CardShown:
    """A card with its plans."""
    return CardShown(
        id=card.id,
        name=card.name,
        aliases=list(card.aliases),
        good_at=card.good_at,
        context=card.context,
        successor=card.successor or None,
        as_of=card.as_of,
        source=card.source,
        plans=[_plan(catalogue.plan_facts(card.id, plan.id)) for plan in card.plans],
    )


def _plan(plan: PlanFacts) -> PlanShown:
    price = plan.price
    names = ("name", "provider", "base_url", "key_page", "billing_page", "model", "billing", "window", "allows", "note")
    return PlanShown(
        id=plan.plan,
        protocol=str(plan.dialect),
        price=TokenPrice(
            input=str(price.input),
            cached=str(price.cached),
            output=str(price.output),
            currency=price.currency,
            as_of=price.as_of,
        )
        if price
        else None,
        max_concurrent_requests=plan.max_concurrent_requests,
        max_output_tokens=plan.max_output,
        thinking=[each.thinking for each in plan.levels],
        notices=list(plan.notices),
        **{name: getattr(plan, name) for name in names},
    )


OPERATIONS: Final = (
    Operation(
        name="listCards",
        tag=_TAG,
        method="GET",
        path="/cards",
        needs=Right.SEE_CONNECTIONS,
        told="List the models that are known well, with their plans.",
        do=list_cards,
        answer=CardList,
    ),
    Operation(
        name="listProviders",
        tag=_TAG,
        method="GET",
        path="/providers",
        needs=Right.SEE_CONNECTIONS,
        told="List who serves models.",
        do=list_providers,
        answer=ProviderList,
    ),
)
