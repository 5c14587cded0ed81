"""The shape of the catalogue's data files, and how they are read."""

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from mesrai.domain.connection import Thinking
from mesrai.domain.permits import Limits
from mesrai.errors import SettingsError
from mesrai.llm.endpoint import Auth, Dialect
from mesrai.llm.model import Structured
from mesrai.llm.words import safe_words

Table = dict[str, Any]
_Row = TypeVar("_Row", bound=msgspec.Struct)
_SHIPPED: Final = files("mesrai.llm") / "data"


class RequestRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How requests are shaped. None: as the provider says, or else as Traits and Profile say by default."""

    max_tokens_field: str | None = None
    thinking: str | None = None  # id of a scheme
    structured: Structured | None = None
    has_tools: bool | None = None
    can_force_tool: bool | None = None
    reasoning_field: str | None = None
    cache_key_field: str | None = None
    has_cache_control: bool | None = None
    wants_stream_usage: bool | None = None
    chars_per_token: float | None = None
    extra_body: dict[str, Any] | None = None
    extra_headers: dict[str, str] | None = None

    def over(self, other: "RequestRow") -> "RequestRow":
        """These values, and the other's where there is none."""
        ours = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return msgspec.structs.replace(other, **ours)


class InsteadRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that people give in place of the API's, and what to tell them."""

    address: str
    notice: str


class ProviderRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who serves models, at one address with one kind of key."""

    id: str
    name: str
    dialect: Dialect
    as_of: str  # ISO date
    source: str
    vendor: str = ""  # equal for the rows of one vendor, whose keys are mixed up; empty: the row's own id
    region: Literal["", "global", "mainland"] = ""  # where the vendor serves each part of the world by itself
    namespace: Literal["anthropic", "google", "openai", "openrouter", "openaiCompatible"] = "openaiCompatible"
    aliases: tuple[str, ...] = ()
    base_url: str = ""  # empty: only the user knows it
    also: tuple[str, ...] = ()  # further addresses, used as they stand
    instead: tuple[InsteadRow, ...] = ()
    local_port: int | None = None  # a server on this machine or network at that port is this provider
    is_anywhere: bool = False  # it may stand at any address
    auth: Auth = Auth.BEARER
    needs_key: bool = True
    key_page: str = ""
    billing_page: str = ""  # where funds are added, or the plan is seen
    lists_models: str = ""  # path below the base URL of the list of models; empty: there is none that is documented
    list_proves_key: bool = True  # whether that list is refused to a wrong key
    key_check: str = ""  # path of what tells most about a key for nothing; empty: the list of models
    key_prefixes: tuple[str, ...] = ()
    key_names: tuple[str, ...] = ()  # environment variables that usually hold its key
    base_url_names: tuple[str, ...] = ()  # environment variables that usually hold its address
    default_model: str = ""
    models: tuple[str, ...] = ()  # files of models/ that describe its models
    max_concurrent_requests: int | None = None
    max_body: int | None = None
    billing: Literal["tokens", "subscription", "own"] = "tokens"
    notices: tuple[str, ...] = ()  # whoever connects must know this
    notes: tuple[str, ...] = ()  # good to know
    host_names: dict[str, str] = {}  # what people call a host behind this provider → what it is called here
    learned: dict[str, str] = {}  # what the vendor's model list says of reasoning (only, no, both) → id of a scheme
    request: RequestRow = RequestRow()

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses known to be its own, the usual one first."""
        return (self.base_url, *self.also) if self.base_url else self.also

    @property
    def names(self) -> tuple[str, ...]:
        """Every word that means it."""
        return (self.id, *self.aliases, self.name)


class PriceRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money per million tokens at some of the model's providers."""

    input: Decimal
    output: Decimal
    currency: str
    as_of: str
    source: str
    cached: Decimal | None = None  # None: cached tokens are not cheaper, or it is not known
    cache_write: Decimal | None = None  # None: tokens put into the cache cost no more than others
    providers: tuple[str, ...] = ()  # none named: all of the model's


class RetiredRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a model id no longer answers, or never did."""

    successor: str
    on: str = ""  # ISO date; empty: it was never an id there
    why: str = ""  # a whole sentence, where the date does not say enough


class ModelRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model at one or several providers."""

    id: str
    providers: tuple[str, ...]
    as_of: str
    source: str
    name: str = ""
    aliases: tuple[str, ...] = ()  # other ids the provider answers to; sent as the user wrote them
    alias_notice: str = ""
    window: int | None = None
    max_input: int | None = None  # where the prompt alone is limited
    max_output: int | None = None
    temperature: Literal["fixed", "free", "ignored"] | None = None  # what the provider does with one that is sent
    temperature_why: str = ""  # a sentence on what is fixed or ignored
    faster: str = ""  # the id to name where this one answers too slowly
    prices: tuple[PriceRow, ...] = ()
    retired: RetiredRow | None = None
    notices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    request: RequestRow = RequestRow()


class LevelRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one level of thinking sends."""

    body: dict[str, Any] = {}
    notice: str = ""


class SchemeRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each level of thinking sends."""

    id: str
    as_of: str
    source: str
    off: LevelRow = LevelRow()
    low: LevelRow = LevelRow()
    medium: LevelRow = LevelRow()
    high: LevelRow = LevelRow()
    custom: dict[str, str] = {}  # "thinking.type" or "thinking.type=disabled" in custom JSON → what to say of it

    def level(self, thinking: Thinking) -> LevelRow:
        """The row of one level; of custom an empty one."""
        rows = {Thinking.OFF: self.off, Thinking.LOW: self.low, Thinking.MEDIUM: self.medium, Thinking.HIGH: self.high}
        return rows.get(thinking, LevelRow())


class TierRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account of some providers may ask at once, once so much was paid in."""

    id: str
    providers: tuple[str, ...]
    tier: int
    paid: str  # what makes the tier, for people
    as_of: str
    source: str
    until: str = ""  # ISO date on which it no longer held; empty: it holds
    concurrent: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None

    @property
    def limits(self) -> Limits:
        """The same, as limits of an account."""
        return Limits(
            concurrent=self.concurrent,
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            tokens_per_day=self.tokens_per_day,
        )


class PlanRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to buy the model of a card."""

    id: str
    name: str
    provider: str  # id
    model: str  # its id there
    allows: str = ""  # what the vendor allows it for, in one line
    note: str = ""
    max_concurrent_requests: int | None = None  # None: as the provider's row says


class CardRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that Mesrai was made to work with, to be chosen by name."""

    id: str
    name: str
    good_at: str  # one line
    context: str  # the window in words
    plans: tuple[PlanRow, ...]
    as_of: str
    source: str
    aliases: tuple[str, ...] = ()
    successor: str = ""  # id of the card that came after it; empty: it is current

    def __post_init__(self) -> None:
        if not self.plans:
            raise ValueError("a card needs at least one plan")


@cache
def shipped_tables(name: str, kind: str) -> Sequence[Table]:
    """The raw rows of one of our own data files. Errors: SettingsError."""
    return tables_in((_SHIPPED / name).read_text("utf-8"), name, (kind,))[kind]


def shipped_model_files() -> Sequence[str]:
    """The names of all files of models."""
    names = (entry.name for entry in (_SHIPPED / "models").iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def overlay_tables(path: Path) -> Mapping[str, Sequence[Table]]:
    """The raw rows of an operator's file. Errors: SettingsError."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The catalogue file {path} cannot be read: {_reason(error)}.") from error
    return tables_in(text, str(path), ("provider", "model", "scheme", "tier", "card"))


def tables_in(text: str, file: str, kinds: Sequence[str]) -> Mapping[str, Sequence[Table]]:
    """The arrays of tables in a TOML text, each kind present. Errors: SettingsError."""
    try:
        # Prices are exact: 0.95 must not become a binary fraction.
        whole = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {safe_words(str(error))}.") from error
    unknown = [key for key in whole if key not in kinds]
    if unknown:
        raise SettingsError(f"{file}: {safe_words(unknown[0], 60)} is not known here; there is {', '.join(kinds)}.")
    tables = {kind: whole.get(kind, []) for kind in kinds}
    for kind, rows in tables.items():
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows
        ):
            raise SettingsError(f"{file}: each {kind} must be a [[{kind}]] with an id.")
    return tables


def row_from(table: Table, kind: type[_Row], file: str) -> _Row:
    """A raw row, checked. Errors: SettingsError that names the file, the row and the key."""
    try:
        return msgspec.convert(_plain(table), kind)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{file}, {safe_words(table['id'], 60)}: {safe_words(str(error))}.") from error


def _plain(value: Any) -> Any:
    """The value with ordinary floats wherever it is no price."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: each if key == "prices" else _plain(each) for key, each in value.items()}
    return value


def merged(under: Table, over: Table) -> Table:
    """Both tables, the second winning; tables inside are merged too, lists are replaced."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "input/output error") if isinstance(error, OSError) else "it is not UTF-8 text"
