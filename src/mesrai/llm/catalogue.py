"""The catalogue of providers and models: which there are, and what is known of them."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from mesrai.domain.connection import Connection, Learned, Thinking
from mesrai.domain.permits import Limits
from mesrai.errors import SettingsError
from mesrai.llm.address import owner_of
from mesrai.llm.cards import Level, PlanFacts, card_named, merged_card, plan_named
from mesrai.llm.catalogue_files import CatalogueFiles
from mesrai.llm.catalogue_rows import CardRow, ModelRow, ProviderRow, RequestRow, SchemeRow, TierRow
from mesrai.llm.custom_json import body_fields
from mesrai.llm.endpoint import Endpoint, Timeouts, Traits
from mesrai.llm.learned import scheme_learned
from mesrai.llm.model import Price, Profile
from mesrai.llm.routing import routing_fields
from mesrai.llm.shaping import merged as merged_fields
from mesrai.llm.words import safe_words

UNKNOWN_WINDOW: Final = 32_768
UNKNOWN_MAX_OUTPUT: Final = 8_192
_LEARNED_MAX_OUTPUT: Final = 32_768
_UNKNOWN_SCHEME: Final = "unknown"
_PROFILE_FIELDS: Final = ("structured", "has_tools", "chars_per_token")
_TRAITS_FIELDS: Final = (
    "max_tokens_field", "can_force_tool", "reasoning_field", "cache_key_field", "has_cache_control",
    "wants_stream_usage", "extra_body", "extra_headers",
)  # fmt: skip


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
    return Catalogue(CatalogueFiles(overlay))


class Catalogue:
    """All rows of the data files."""

    def __init__(self, files: CatalogueFiles) -> None:
        """Use `load_catalogue`."""
        self._files = files
        self._models: dict[str, tuple[ModelRow, ...]] = {}  # by provider

    @cached_property
    def providers(self) -> tuple[ProviderRow, ...]:
        """All providers; where several would do, the first is meant. Errors: SettingsError."""
        return tuple(self._files.rows("providers.toml", "provider", ProviderRow))

    @cached_property
    def schemes(self) -> Mapping[str, SchemeRow]:
        """All ways in which levels of thinking are sent, by id. Errors: SettingsError."""
        return {row.id: row for row in self._files.rows("thinking.toml", "scheme", SchemeRow)}

    @cached_property
    def cards(self) -> tuple[CardRow, ...]:
        """The models to choose by name, the first in care first. Errors: SettingsError."""
        return tuple(self._files.rows("cards.toml", "card", CardRow, merged_card))

    @cached_property
    def tiers(self) -> tuple[TierRow, ...]:
        """All tiers of accounts, those that hold no more too. Errors: SettingsError."""
        return tuple(self._files.rows("tiers.toml", "tier", TierRow))

    def card(self, name: str) -> CardRow:
        """The card with that id, name or alias, however it is spelled. Errors: SettingsError with near names."""
        return card_named(name, self.cards)

    def plan_facts(self, card: str, plan: str = "") -> PlanFacts:
        """What choosing a plan of a card means; a card with one plan needs no plan named. Errors: SettingsError."""
        chosen = self.card(card)
        found = plan_named(plan, chosen)
        row, known = self.provider(found.provider), self.find_model(found.provider, found.model)
        profile, traits = self.profile_for(row.id, found.model), self.traits_for(row.id, found.model)
        shown = (Thinking.OFF, Thinking.LOW, Thinking.MEDIUM, Thinking.HIGH)
        return PlanFacts(
            card=chosen.id,
            plan=found.id,
            name=found.name,
            provider=row.id,
            provider_name=row.name,
            base_url=row.base_url,
            key_page=row.key_page,
            key_prefixes=row.key_prefixes,
            billing_page=row.billing_page,
            model=found.model,
            dialect=row.dialect,
            max_concurrent_requests=found.max_concurrent_requests or row.max_concurrent_requests,
            billing=row.billing,
            price=profile.price,
            window=profile.window,
            max_output=profile.max_output,
            allows=found.allows,
            note=found.note,
            levels=tuple(
                Level(thinking=each, body=traits.thinking.get(each, {}), notice=traits.thinking_notices.get(each, ""))
                for each in shown
            ),
            temperature=(known.row.temperature or "") if known else "",
            namespace=row.namespace,
            notices=self.notices_for(row.id, found.model),
            facts=self.facts_for(row.id, found.model),
        )

    def tiers_of(self, provider: str) -> tuple[TierRow, ...]:
        """The tiers that hold at a provider, the lowest first; none where none are known. Errors: SettingsError."""
        row = self.provider(provider)
        holding = [each for each in self.tiers if row.id in each.providers and not each.until]
        return tuple(sorted(holding, key=lambda each: each.tier))

    def tier_limits(self, provider: str, tier: int) -> Limits:
        """What an account of that tier may ask at once. Errors: SettingsError for a tier that is not known."""
        known = self.tiers_of(provider)
        found = next((each for each in known if each.tier == tier), None)
        if found is not None:
            return found.limits
        name = self.provider(provider).name
        if not known:
            raise SettingsError(f"{name} has no tiers that are known. Set the limits themselves.")
        raise SettingsError(f"{name} has no tier {tier}; there are {', '.join(str(each.tier) for each in known)}.")

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
            self._models[row.id] = tuple(self._files.models(row))
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

    def profile_for(self, provider: str, model: str, learned: Learned | None = None) -> Profile:
        """The facts that decide what a prompt may hold. Unknown models get a small window and no price.

        What was learned of the vendor itself wins, until a row says something newer.
        """
        row, known = self.provider(provider), self.find_model(provider, model)
        learned = _newer(learned, known)
        request = _request(row, known)
        given = known.row if known else None
        window = min(given.window or UNKNOWN_WINDOW, given.max_input or 2**62) if given else UNKNOWN_WINDOW
        window = (learned.window if learned else None) or window
        defaults = {field: value for field in _PROFILE_FIELDS if (value := getattr(request, field)) is not None}
        return Profile(
            provider=row.id,
            model=model,
            window=window,
            max_output=min(window, (given.max_output if given else None) or _guessed_output(learned)),
            max_body=row.max_body,
            price=_price(row, known),
            **defaults,
        )

    def traits_for(self, provider: str, model: str, learned: Learned | None = None) -> Traits:
        """How requests must be shaped. Unknown models get what is safe at their provider.

        What was learned of the vendor itself wins.
        """
        request = _request(self.provider(provider), self.find_model(provider, model))
        scheme = self.scheme_for(provider, model, learned)
        levels = {level: scheme.level(level) for level in Thinking}
        defaults = {field: value for field in _TRAITS_FIELDS if (value := getattr(request, field)) is not None}
        return Traits(
            thinking={level: row.body for level, row in levels.items() if row.body},
            thinking_notices={level: row.notice for level, row in levels.items() if row.notice},
            **defaults,
        )

    def scheme_for(self, provider: str, model: str, learned: Learned | None = None) -> SchemeRow:
        """How levels of thinking are sent to a model. Errors: SettingsError."""
        row, known = self.provider(provider), self.find_model(provider, model)
        own = self._scheme(_request(row, known))
        learned = _newer(learned, known)
        found = scheme_learned(learned, row, self.schemes, own if known else None) if learned else None
        return found or own

    def most_output(self, provider: str, model: str, learned: Learned | None = None) -> int:
        """The most tokens an answer may be allowed; where the limit is not known, what the window holds."""
        profile, known = self.profile_for(provider, model, learned), self.find_model(provider, model)
        return profile.max_output if known and known.row.max_output else profile.window  # who sets it knows better

    def endpoint_for(self, connection: Connection, timeouts: Timeouts | None = None) -> Endpoint:
        """All that a dialect needs to reach the connection's model. Errors: SettingsError for an unknown provider."""
        row, learned = self.provider(connection.provider), self.learned_of(connection)
        profile = self.profile_for(row.id, connection.model, learned)
        traits = self.traits_for(row.id, connection.model, learned)
        own = body_fields(connection.custom, row.namespace)
        if connection.max_output_tokens is not None:
            most = self.most_output(row.id, connection.model, learned)
            profile = replace(profile, max_output=min(connection.max_output_tokens, most))
        if own is not None:  # in place of the preset, not beside it
            traits = replace(traits, thinking={Thinking.CUSTOM: own}, thinking_notices={})
        return Endpoint(
            dialect=row.dialect,
            base_url=connection.base_url,
            auth=row.auth,
            key=connection.key,
            profile=profile,
            thinking=connection.thinking if own is None else Thinking.CUSTOM,
            traits=replace(
                traits,
                temperature=connection.temperature,
                extra_body=merged_fields(traits.extra_body, routing_fields(connection.routing)),
            ),
            timeouts=timeouts or Timeouts(),
        )

    def learned_of(self, connection: Connection) -> Learned | None:
        """What is believed of the vendor's model list: what it said at one of the vendor's own addresses."""
        row = self.provider(connection.provider)
        is_own = connection.base_url in row.addresses and not row.is_anywhere
        return connection.learned if is_own else None

    def notices_for(
        self, provider: str, model: str, thinking: Thinking = Thinking.MEDIUM, learned: Learned | None = None
    ) -> tuple[str, ...]:
        """What a person who connects must know: terms of use, retired or unknown models, levels without effect."""
        row, known = self.provider(provider), self.find_model(provider, model)
        notices = [*row.notices]
        if known is None and learned is not None and learned.window:
            notices.append(
                f"The catalogue has no price for {safe_words(model, 80)}; its window is what {row.name} says itself."
            )
        elif known is None:
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
        level = self.traits_for(row.id, model, learned).thinking_notices.get(thinking)
        return (*notices, level) if level else tuple(notices)

    def facts_for(self, provider: str, model: str) -> tuple[str, ...]:
        """What is good to know: limits, and where prices are newer than older documents."""
        row, known = self.provider(provider), self.find_model(provider, model)
        price = _price(row, known)
        facts = [*row.notes, *(known.row.notes if known and not known.is_borrowed else ())]
        if price is not None:
            written = f", {price.cache_write} to write the cache" if price.cache_write is not None else ""
            facts.append(
                f"{price.currency} per million tokens as of {price.as_of}: {price.input} in, {price.cached} cached, "
                f"{price.output} out{written}."
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


def _newer(learned: Learned | None, known: Known | None) -> Learned | None:
    """What was learned, if it is not older than what the catalogue says of the model: nothing is believed for ever."""
    if learned is None or known is None or known.is_borrowed or not learned.as_of:
        return learned
    return learned if learned.as_of >= str(known.row.as_of) else None


def _guessed_output(learned: Learned | None) -> int:
    """The longest answer where no row says it: a vendor's own models may write more than one that nobody knows."""
    if learned is None or learned.window is None:
        return UNKNOWN_MAX_OUTPUT
    return max(UNKNOWN_MAX_OUTPUT, min(learned.window // 4, _LEARNED_MAX_OUTPUT))


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
        cache_write=found.cache_write,
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
