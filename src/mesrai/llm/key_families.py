"""Which kind of key an address takes, where one vendor issues several that do not work for one another."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("data") / "key_families.toml"
_ELSEWHERE: Final = "Check that the key is whole, still valid, and belongs to this base URL and plan."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    key: str
    address: str
    hosts: tuple[str, ...]


def key_advice(host: str) -> str:
    """A sentence on which key this host takes and where the vendor's other keys belong; a general one elsewhere."""
    own = next((family for family in _families() if host.lower() in family.hosts), None)
    if own is None:
        return _ELSEWHERE
    others = "; ".join(f"{family.key} belongs to {family.address}" for family in _families() if family is not own)
    return f"This address takes {own.key}. {others[0].upper()}{others[1:]}."


@cache
def _families() -> tuple[_Family, ...]:
    rows = tomllib.loads(_FILE.read_text("utf-8"))["families"]
    return tuple(_Family(key=row["key"], address=row["address"], hosts=tuple(row["hosts"])) for row in rows)
