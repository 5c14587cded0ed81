"""Turn what a person set into a connection: find the provider, clean the address, check the key, say what was done."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.domain.connection import Connection, Slot
from mesrai.domain.permits import Limits
from mesrai.domain.secret import Secret
from mesrai.errors import CredentialMissing, SettingsError
from mesrai.llm.address import Address, clean_base_url
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.draft import Draft as Draft
from mesrai.llm.draft import draft_of
from mesrai.llm.endpoint import Dialect
from mesrai.llm.tuning import tuned, usual_limits

_AUTO: Final = "auto"  # as a model id: the provider's default
_INVISIBLE: Final = re.compile("[\\s\u200b-\u200f\u2060\ufeff]+")
_SHARED_PREFIX: Final = "sk-"  # of several vendors, so it tells nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where requests go."""

    provider: str  # id
    url: str
    is_known: bool  # the address is known to be that provider's own


def key_from(pasted: str, place: str) -> Secret | None:
    """The key without what pasting adds; None if nothing is left. Errors: SettingsError that does not show it."""
    text = _INVISIBLE.sub(" ", pasted).strip().strip("\"'`").strip()
    text = re.sub(r"^(?:Authorization:\s*)?Bearer\s+", "", text, flags=re.IGNORECASE).replace(" ", "")
    if not text.isascii() or not text.isprintable():
        raise SettingsError(f"{place}: the key holds characters that no key has. Copy it again from the provider.")
    return Secret(text) if text else None


def place_of(draft: Draft, catalogue: Catalogue) -> Place | None:
    """Where a draft's requests would go; None if it does not say. Errors: SettingsError."""
    if not draft.has_place:
        return None
    row, address, _ = _placed(draft, catalogue)
    if address is None:
        return Place(provider=row.id, url=row.base_url, is_known=True)
    return Place(provider=row.id, url=address.url, is_known=address.provider is not None)


def are_elsewhere(over: Draft, under: Draft, catalogue: Catalogue) -> bool:
    """Whether two drafts speak of different services, so that the key of one must not go to the other.

    Errors: SettingsError.
    """
    first, second = place_of(over, catalogue), place_of(under, catalogue)
    if first is None or second is None:
        return False
    if not over.base_url or (first.is_known and second.is_known):
        return first.provider != second.provider
    return first.url != second.url


def provider_for_key(key: Secret, providers: Sequence[ProviderRow]) -> ProviderRow | None:
    """The first provider whose keys alone begin as this one does; None if the beginning tells nothing."""
    prefix = _specific_prefix(key, providers)
    return next((row for row in providers if prefix and prefix in row.key_prefixes), None)


def connection_from(draft: Draft, slot: Slot, catalogue: Catalogue) -> Connection:
    """The connection a draft describes, with everything a person should know as notices.

    Errors: SettingsError, CredentialMissing; neither ever shows a key.
    """
    row, address, notices = _placed(draft, catalogue)
    if row.needs_key and not draft.key:
        raise CredentialMissing(_missing_key(row, draft))
    model = draft.model if draft.model.lower() != _AUTO else ""
    model = model or row.default_model
    if not model:
        raise SettingsError(f"{_origin_of(draft)}: {row.name} serves any model, so name the one to use as model.")
    if _is_key(model, draft.key, catalogue.providers):
        raise SettingsError(f"{_origin_of(draft)}: what is given as the model is a key. Give the model's id there.")
    if draft.key:
        notices += _key_notices(draft.key, row, address, catalogue.providers)
    base_url = address.url if address else row.base_url
    learned = draft.learned if base_url in row.addresses and not row.is_anywhere else None
    try:
        settings = tuned(draft, row, model, catalogue, learned)
    except SettingsError as error:
        raise SettingsError(f"{_origin_of(draft)}: {error.message}") from error
    return Connection(
        slot=slot,
        provider=row.id,
        base_url=base_url,
        model=model,
        key=draft.key,
        thinking=settings.thinking,
        custom=settings.custom,
        routing=settings.routing,
        temperature=settings.temperature,
        tier=draft.tier,
        max_concurrent_requests=settings.limits.concurrent,
        requests_per_minute=settings.limits.requests_per_minute,
        tokens_per_minute=settings.limits.tokens_per_minute,
        tokens_per_day=settings.limits.tokens_per_day,
        max_output_tokens=settings.max_output_tokens,
        learned=draft.learned,
        proven_at=draft.proven_at,
        origin=_origin_of(draft),
        notices=tuple(dict.fromkeys((*notices, *settings.notices))),
    )


def draft_from(connection: Connection, catalogue: Catalogue) -> Draft:
    """What would make a connection again, so that single values can be laid over it. Errors: SettingsError.

    Limits that came from its tier or plan follow these when they change.
    """
    row = catalogue.provider(connection.provider)
    known = connection.tier is None or any(each.tier == connection.tier for each in catalogue.tiers_of(row.id))
    return draft_of(connection, usual_limits(connection.tier, row, catalogue) if known else Limits())


def _placed(draft: Draft, catalogue: Catalogue) -> tuple[ProviderRow, Address | None, list[str]]:
    """The provider and the address, and what to say of them. Errors: SettingsError."""
    chosen = catalogue.provider(draft.provider) if draft.provider else None
    if not draft.base_url:
        row = chosen or (provider_for_key(draft.key, catalogue.providers) if draft.key else None)
        if row is None:
            raise SettingsError(f"{_origin_of(draft)}: a key alone does not say whose it is. Set provider or base_url.")
        if not row.base_url:
            raise SettingsError(f"{_origin_of(draft)}: {row.id} stands at an address of yours. Set base_url.")
        return row, None, []
    address = clean_base_url(draft.base_url, catalogue.providers, chosen)
    row = address.provider or chosen or catalogue.provider("openai_compatible")
    notices = list(address.notices)
    if address.provider is None and not row.base_url and address.dialect is not None:
        row = catalogue.provider(
            "anthropic_compatible" if address.dialect is Dialect.ANTHROPIC else "openai_compatible"
        )
        if chosen is not None and chosen.id != row.id:
            notices.append(f"The path of the base URL is that of the other format, so it is used as {row.id}.")
    if chosen is not None and chosen.base_url and row.id != chosen.id:
        notices.append(f"{address.url} belongs to {row.name}, not to {chosen.name}; it is used as {row.id}.")
    return row, address, notices


def _key_notices(key: Secret, row: ProviderRow, address: Address | None, providers: Sequence[ProviderRow]) -> list[str]:
    """What the beginning of a key tells against its place. Keys at addresses that nobody is known to own may be any."""
    if row.is_anywhere or (address is not None and address.provider is None):
        return []
    prefix = _specific_prefix(key, providers)
    if prefix and prefix not in row.key_prefixes:
        theirs = [each for each in providers if prefix in each.key_prefixes]
        ids = " or ".join(each.id for each in theirs)
        return [
            f"This key begins with {prefix}, as keys of {theirs[0].name} do, and will probably not be accepted by "
            f"{row.name}. The right provider is then {ids}."
        ]
    if row.key_prefixes and not key.open().startswith(row.key_prefixes):
        return [f"Keys of {row.name} begin with {' or '.join(row.key_prefixes)}; this one does not."]
    return []


def _is_key(model: str, key: Secret | None, providers: Sequence[ProviderRow]) -> bool:
    """Whether a model's name is a key that got into the wrong place, so that it is never shown or sent as a name."""
    prefixes = {prefix for row in providers for prefix in row.key_prefixes}
    return model.startswith(tuple(prefixes)) or (key is not None and key.open() in model)


def _specific_prefix(key: Secret, providers: Sequence[ProviderRow]) -> str:
    """The longest known beginning of keys that this key has, if it tells vendors apart; otherwise an empty string."""
    known = {prefix for row in providers for prefix in row.key_prefixes if prefix != _SHARED_PREFIX}
    return max((prefix for prefix in known if key.open().startswith(prefix)), key=len, default="")


def _missing_key(row: ProviderRow, draft: Draft) -> str:
    ways = ["key or key_env in the settings file", *row.key_names[:1]]
    page = f" Keys are made at {row.key_page}." if row.key_page else ""
    return f"{_origin_of(draft)}: {row.name} needs a key. Set {' or '.join(ways)}.{page}"


def _origin_of(draft: Draft) -> str:
    return " and ".join(draft.origins) or "the connection"
