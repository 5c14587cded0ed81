"""The accounts of the stand-in's world: which key is valid where, and what its account may do."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any, Final

from mesrai.sandbox.faces import FACES, Face
from mesrai.sandbox.faults import NAMES

_DATA: Final = files("mesrai.sandbox") / "data"
# After these, a key may go on with the name of a fault, which it then always gets.
_FAULT_STARTS: Final = (
    "sk-kimi-sim-global-", "sk-kimi-sim-", "sk-or-v1-sim-", "sk-ant-sim-", "sk-compat-sim-", "sk-sim-cn-", "zai-sim-",
    "AIza-sim-", "sk-sim-",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an account may ask. None: as much as it likes."""

    concurrency: int | None = None
    rpm: int | None = None  # requests a minute
    tpm: int | None = None  # tokens a minute, prompt and allowed answer
    tpd: int | None = None  # the same a day
    rpd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One account, as the stand-in plays it."""

    key: str
    faces: tuple[str, ...]
    told: str
    tier: int | None = None
    limits: Limits = Limits()
    balance: float = 49.58894
    refuses: str = ""  # a fault, on every question to a model
    lookup_refuses: str = ""  # a fault, on every other call
    window_minutes: float | None = None  # after that the quota is renewed, and nothing is refused any more
    is_free: bool = False
    is_management: bool = False


class Worlds:
    """All accounts, with the limits that were in force on a date."""

    def __init__(self, on: date) -> None:
        """Read the data files."""
        tiers = _tiers(on)
        self.known: Mapping[str, World] = {world.key: world for world in _worlds(tiers)}

    def find(self, key: str, face: Face) -> World | None:
        """The account of a key at a face; None if the key is not valid there."""
        known = self.known.get(key)
        if known is not None:
            return known if face.id in known.faces else None
        owners = _owners(key)
        is_open = face.takes_any_key and not owners and bool(key)
        if face.id not in owners and not is_open:
            return None
        return World(key=key, faces=(face.id,), told="", limits=Limits(concurrency=_default_cap(face)))


def fault_named_by(key: str) -> str:
    """The fault with its settings that a key names at its end; empty if it names none."""
    for start in _FAULT_STARTS:
        name = key.removeprefix(start)
        if name != key and name.split(";")[0] in NAMES:
            return name
    return ""


def _owners(key: str) -> Sequence[str]:
    """The faces to which a key that is not listed belongs: those with the longest beginning that fits."""
    fitting = [(len(start), face.id) for face in FACES for start in face.key_starts if key.startswith(start)]
    longest = max((length for length, _ in fitting), default=0)
    return [face for length, face in fitting if length == longest]


def _default_cap(face: Face) -> int | None:
    return 30 if face.has_gate else None


def _tiers(on: date) -> Sequence[Limits]:
    tables = tomllib.loads((_DATA / "tiers.toml").read_text("utf-8"))["table"]
    held = [table for table in tables if table["from"] <= on] or tables[:1]
    return [Limits(**row) for row in held[-1]["tiers"]]


def _worlds(tiers: Sequence[Limits]) -> Iterator[World]:
    for row in tomllib.loads((_DATA / "keys.toml").read_text("utf-8"))["key"]:
        given: dict[str, Any] = dict(row)
        own = {name: given.pop(name) for name in ("rpm", "rpd") if name in given}
        cap = given.pop("cap", None)
        tier = given.get("tier")
        limits = tiers[tier] if tier is not None else Limits(concurrency=cap, **own)
        if tier is not None:
            given["told"] += f"; tier {tier}: {limits.concurrency} at once, {limits.rpm} a minute"
        yield World(faces=tuple(given.pop("face")), limits=limits, **given)
