"""Which kind of key an address takes, where one vendor issues several that do not work for one another."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from mesrai.domain.secret import Secret
from mesrai.llm.catalogue_rows import ProviderRow

_FILE: Final = Path(__file__).with_name("data") / "key_families.toml"
_ELSEWHERE: Final = "Check that the key is whole, still valid, and belongs to this base URL and plan."
_SHARED_PREFIX: Final = "sk-"  # of several vendors, so it tells nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Keys of one kind."""

    key: str  # what they are, for people: "a Developer API key from …"
    address: str
    hosts: tuple[str, ...]
    providers: tuple[str, ...]  # ids in the catalogue


def key_advice(host: str) -> str:
    """A sentence on which key this host takes and where the vendor's other keys belong; a general one elsewhere."""
    own = next((family for family in _families() if host.lower() in family.hosts), None)
    if own is None:
        return _ELSEWHERE
    others = "; ".join(f"{family.key} belongs to {family.address}" for family in _families() if family is not own)
    return f"This address takes {own.key}. {others[0].upper()}{others[1:]}."


def key_kind(provider: str) -> str:
    """What keys of a provider are, for people, without an article of ours; empty if nothing is said of them."""
    return next((family.key for family in _families() if provider in family.providers), "")


def prefix_of(key: Secret, providers: Sequence[ProviderRow]) -> str:
    """The longest known beginning of keys that this one has, if it tells vendors or plans apart; otherwise empty."""
    known = {prefix for row in providers for prefix in row.key_prefixes if prefix != _SHARED_PREFIX}
    return max((prefix for prefix in known if key.open().startswith(prefix)), key=len, default="")


def rows_for_key(key: Secret, providers: Sequence[ProviderRow]) -> tuple[ProviderRow, ...]:
    """The providers whose keys begin as this one does, in a way that tells; none if its beginning tells nothing."""
    prefix = prefix_of(key, providers)
    return tuple(row for row in providers if prefix and prefix in row.key_prefixes)


def own_prefixes(row: ProviderRow) -> tuple[str, ...]:
    """How keys of this provider begin, where all of them do so and others do not."""
    return row.key_prefixes if _SHARED_PREFIX not in row.key_prefixes else ()


@cache
def _families() -> tuple[Family, ...]:
    rows = tomllib.loads(_FILE.read_text("utf-8"))["families"]
    return tuple(
        Family(key=row["key"], address=row["address"], hosts=tuple(row["hosts"]), providers=tuple(row["providers"]))
        for row in rows
    )
