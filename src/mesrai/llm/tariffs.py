"""How the connected models are paid for, as far as a budget has to know."""

from collections.abc import Sequence
from typing import Final

from mesrai.domain.budget import Tariff
from mesrai.domain.connection import Connection
from mesrai.llm.catalogue import Catalogue

_FREE: Final = ("subscription", "own")  # of a provider's billing: what one more token costs is nothing


def tariffs_of(connections: Sequence[Connection], catalogue: Catalogue) -> tuple[Tariff, ...]:
    """The tariff of each connection, in their order. Errors: SettingsError for a wrong catalogue file."""
    return tuple(_tariff(each, catalogue) for each in connections)


def _tariff(connection: Connection, catalogue: Catalogue) -> Tariff:
    price = catalogue.profile_for(connection.provider, connection.model).price
    return Tariff(
        name=connection.model,
        currency=price.currency if price else "",
        is_free=price is None and catalogue.provider(connection.provider).billing in _FREE,
    )
