"""The catalogue of providers and models: which there are, and what is known of them."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from mesrai.domain.connection import Connection, Thinking
from mesrai.errors import SettingsError
from mesrai.llm.address import owner_of
from mesrai.llm.catalogue_rows import (
    ModelRow,
    ProviderRow,
    RequestRow,
    SchemeRow,
    Table,
    merged,
    overlay_tables,
    row_from,
    shipped_tables,
)
from mesrai.llm.endpoint import Endpoint, Timeouts, Traits
from mesrai.llm.model import Price, Profile
from mesrai.llm.words import safe_words

UNKNOWN_WINDOW: Final = 32_768
UNKNOWN_MAX_OUTPUT: Final = 8_192
_UNKNOWN_SCHEME: Final = "unknown"
_PROFILE_FIELDS: Final = ("structured", "has_tools", "chars_per_token")
_TRAITS_FIELDS: Final = (
    "max_tokens_field", "can_force_tool", "reasoning_field", "cache_key_field", "has_cache_control",
    "wants_stream_usage", "extra_body", "extra_headers",
)  # fmt: skip
_Row = TypeVar("_Row", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a model id at a provider."""

    row: ModelRow
    is_borrowed: bool = False  # the facts are those of the model's own provider, not of this address
    is_alias: bool = False


def load_catalogue(overlay: Path | None = None) -> "Catalogue":
    """The catalogue, with an operator's file merged over it: rows are matched by id (models also by provider).

    Files are read when they are needed; each method may raise SettingsError for a wrong one.
    """
    return Catalogue(overlay_tables(overlay) if overlay else {}, str(overlay or ""))


class Catalogue:
    """All rows of the data files."""

    def __init__(self, overlay: Mapping[str, Sequence[Table]], overlay_name: str) -> None:
        """Use `load_catalogue`."""
        self._overlay = overlay
        self._overlay_name = overlay_name
        self._models: dict[str, tuple[ModelRow, ...]] = {}  # by provider

    @cached_property
    def providers(self) -> tuple[ProviderRow, ...]:
        """All providers; where several would do, the first is meant. Errors: SettingsError."""
        return tuple(self._rows("providers.toml", "provider", ProviderRow))

    @cached_property
    def schemes(self) -> Mapping[str, SchemeRow]:
        """All ways in which levels of thinking are sent, by id. Errors: SettingsError."""
        return {row.id: row for row in self._rows("thinking.toml", "scheme", SchemeRow)}

    def provider(self, name: str) -> ProviderRow:
        """The provider with that id, alias or name, however it is spelled. Errors: SettingsError."""
        wanted = _plain(name)
        for row in self.providers:
            if wanted in {_plain(each) for each in row.names}:
                return row
        ids = [row.id for row in self.providers]
        near = difflib.get_close_matches(wanted, ids, n=3, cutoff=0.5)
        meant = f"Did you mean {' or '.join(near)}?" if near else f"There is {', '.join(ids)}."
        raise SettingsError(f"There is no provider {safe_words(name, 60)}. {meant}")

    def provider_at(self, base_url: str) -> ProviderRow | None:
        """Whose address a cleaned base URL is; None if it is nobody's that is known."""
        return owner_of(base_url, self.providers)

    def models_of(self, provider: str) -> tuple[ModelRow, ...]:
        """The models known at a provider. Errors: SettingsError."""
        row = self.provider(provider)
        if row.id not in self._models:
            self._models[row.id] = tuple(self._read_models(row))
        return self._models[row.id]

    def find_model(self, provider: str, model: str) -> Known | None:
        """What is known of a model id at a provider; None if nothing is.

        Where a provider may stand at any address, a model known elsewhere by exactly that id counts as known.
        """
        row = self.provider(provider)
        for each in self.models_of(row.id):
            if each.id == model or model in each.aliases:
                return Known(row=each, is_alias=each.id != model)
        if not row.is_anywhere:
            return None
        for other in self.providers:
            if other.dialect is row.dialect:
                for each in self.models_of(other.id):
                    if each.id == model and each.retired is None:
                        return Known(row=each, is_borrowed=True)
        return None

    def near_models(self, provider: str, model: str) -> tuple[str, ...]:
        """Ids at that provider which look like `model`, the closest first."""
        ids = {_plain(each.id): each.id for each in self.models_of(provider) if each.retired is None}
        near = difflib.get_close_matches(_plain(model), list(ids), n=3, cutoff=0.6)
        return tuple(ids[each] for each in near)

    def profile_for(self, provider: str, model: str) -> Profile:
        """The facts that decide what a prompt may hold. Unknown models get a small window and no price."""
        row, known = self.provider(provider), self.find_model(provider, model)
        request = _request(row, known)
        given = known.row if known else None
        window = min(given.window or UNKNOWN_WINDOW, given.max_input or 2**62) if given else UNKNOWN_WINDOW
        defaults = {field: value for field in _PROFILE_FIELDS if (value := getattr(request, field)) is not None}
        return Profile(
            provider=row.id,
            model=model,
            window=window,
            max_output=min(window, (given.max_output if given else None) or UNKNOWN_MAX_OUTPUT),
            max_body=row.max_body,
            price=_price(row, known),
            **defaults,
        )

    def traits_for(self, provider: str, model: str) -> Traits:
        """How requests must be shaped. Unknown models get what is safe at their provider."""
        request = _request(self.provider(provider), self.find_model(provider, model))
        scheme = self._scheme(request)
        levels = {level: scheme.level(level) for level in Thinking}
        defaults = {field: value for field in _TRAITS_FIELDS if (value := getattr(request, field)) is not None}
        return Traits(
            thinking={level: row.body for level, row in levels.items() if row.body},
            thinking_notices={level: row.notice for level, row in levels.items() if row.notice},
            **defaults,
        )

    def endpoint_for(self, connection: Connection, timeouts: Timeouts | None = None) -> Endpoint:
        """All that a dialect needs to reach the connection's model. Errors: SettingsError for an unknown provider."""
        row = self.provider(connection.provider)
        profile = self.profile_for(row.id, connection.model)
        if connection.max_output_tokens is not None:
            known = self.find_model(row.id, connection.model)
            most = profile.max_output if known and known.row.max_output else profile.window  # who sets it knows better
            profile = replace(profile, max_output=min(connection.max_output_tokens, most))
        return Endpoint(
            dialect=row.dialect,
            base_url=connection.base_url,
            auth=row.auth,
            key=connection.key,
            profile=profile,
            traits=self.traits_for(row.id, connection.model),
            timeouts=timeouts or Timeouts(),
        )

    def notices_for(self, provider: str, model: str, thinking: Thinking = Thinking.MEDIUM) -> tuple[str, ...]:
        """What a person who connects must know: terms of use, retired or unknown models, levels without effect."""
        row, known = self.provider(provider), self.find_model(provider, model)
        notices = [*row.notices]
        if known is None:
            notices.append(self._unknown_notice(row, model))
        else:
            notices += known.row.notices
            if known.is_borrowed:
                notices.append(
                    f"What is assumed of {known.row.id} is what its own provider says; at this address it may differ, "
                    "and the price is not known."
                )
            if known.is_alias and known.row.alias_notice:
                notices.append(known.row.alias_notice)
            if known.row.retired is not None:
                notices.append(_retired_notice(row, known.row))
        level = self.traits_for(row.id, model).thinking_notices.get(thinking)
        return (*notices, level) if level else tuple(notices)

    def facts_for(self, provider: str, model: str) -> tuple[str, ...]:
        """What is good to know: limits, and where prices are newer than older documents."""
        row, known = self.provider(provider), self.find_model(provider, model)
        price = _price(row, known)
        facts = [*row.notes, *(known.row.notes if known and not known.is_borrowed else ())]
        if price is not None:
            facts.append(
                f"{price.currency} per million tokens as of {price.as_of}: {price.input} in, {price.cached} cached, "
                f"{price.output} out."
            )
        return tuple(facts)

    def _unknown_notice(self, row: ProviderRow, model: str) -> str:
        near = self.near_models(row.id, model)
        meant = f" Close to it are {', '.join(near)}." if near else ""
        return (
            f"Nothing is known of the model {safe_words(model, 80)} at {row.name}: "
            f"a window of {UNKNOWN_WINDOW:,} tokens and no price are assumed.{meant}"
        )

    def _scheme(self, request: RequestRow) -> SchemeRow:
        name = request.thinking or _UNKNOWN_SCHEME
        if name not in self.schemes:
            raise SettingsError(f"thinking.toml has no scheme {safe_words(name, 60)}.")
        return self.schemes[name]

    def _rows(self, file: str, kind: str, shape: type[_Row]) -> Iterator[_Row]:
        """The shipped rows with the operator's merged in, then the operator's new ones."""
        over = {table["id"]: table for table in self._overlay.get(kind, ())}
        for table in shipped_tables(file, kind):
            own = over.pop(table["id"], None)
            yield row_from(merged(table, own), shape, self._overlay_name) if own else row_from(table, shape, file)
        for table in over.values():
            yield row_from(table, shape, self._overlay_name)

    def _read_models(self, provider: ProviderRow) -> Iterator[ModelRow]:
        """The same for one provider's models."""
        over = {
            table["id"]: {**table, "providers": [provider.id]}
            for table in self._overlay.get("model", ())
            if provider.id in table.get("providers", ())
        }
        for file in (f"models/{name}.toml" for name in provider.models):
            for table in shipped_tables(file, "model"):
                if provider.id in table.get("providers", ()):
                    own = over.pop(table["id"], None)
                    yield (
                        row_from(merged(table, own), ModelRow, self._overlay_name)
                        if own
                        else row_from(table, ModelRow, file)
                    )
        for table in over.values():
            yield row_from(table, ModelRow, self._overlay_name)


def _request(row: ProviderRow, known: Known | None) -> RequestRow:
    """How requests for a model are shaped: its own row over its provider's."""
    return known.row.request.over(row.request) if known else row.request


def _price(row: ProviderRow, known: Known | None) -> Price | None:
    """The model's price at that provider; None where it is not known, or not paid by the token."""
    if known is None or known.is_borrowed or row.billing != "tokens":
        return None
    found = next((price for price in known.row.prices if not price.providers or row.id in price.providers), None)
    if found is None:
        return None
    return Price(
        input=found.input,
        cached=found.input if found.cached is None else found.cached,
        output=found.output,
        currency=found.currency,
        as_of=found.as_of,
    )


def _retired_notice(row: ProviderRow, model: ModelRow) -> str:
    retired = model.retired
    if retired is None:
        raise ValueError("only a retired model has such a notice")
    why = retired.why or f"{row.name} retired {model.id} on {retired.on}."
    return (
        f"{why} It is asked for as you wrote it and will probably not be found; its successor is {retired.successor}."
    )


def _plain(name: str) -> str:
    """A name without what people spell differently."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
