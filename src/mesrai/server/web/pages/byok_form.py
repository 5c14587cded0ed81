"""What was filled in to connect a model: read field by field, and told next to the field that is wrong."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mesrai.domain.connection import Connection, Slot, Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import CredentialMissing, SettingsError, UserError
from mesrai.flows.offering import Deed, deed_in, followed
from mesrai.llm.cards import plan_named
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.connecting import connection_from, key_from
from mesrai.llm.draft import Draft
from mesrai.llm.wish import Wish
from mesrai.server.web.forms import Form

NO_KEY: Final = "none"  # stands for a key where none is needed; too short for any of it to be shown
FIELDS: Final = (
    "slot", "card", "plan", "provider", "base_url", "model", "thinking", "custom_json", "temperature", "tier",
    "routing", "routing_fallbacks", "cover", "edits", "max_output_tokens", "max_concurrent_requests",
    "requests_per_minute", "tokens_per_minute", "tokens_per_day",
)  # fmt: skip
_PREFIX: Final = "the connection: "
# How a mistake begins, and the field it is in.
_PLACES: Final = (
    ("Custom JSON", "custom_json"), ("thinking is custom", "custom_json"), ("temperature", "temperature"),
    ("The temperature", "temperature"), ("Routing", "routing"), ("The base URL", "base_url"), ("http://", "base_url"),
    ("The host of", "base_url"), ("The path of", "base_url"), ("max_", "max_output_tokens"),
)  # fmt: skip


class FieldWrong(UserError):
    """Something in one field of the form cannot be used."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name  # of the field; empty: of no single one


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form that was sent, without the key."""

    values: Mapping[str, str] = field(default_factory=dict)
    action: str = "test"  # or "save"
    deed: Deed | None = None
    words: tuple[str, ...] = ()  # what the deed is done with

    @property
    def slot(self) -> Slot:
        """Which of the two it is for. Errors: UserError."""
        return slot_named(self.values.get("slot", ""))

    def text(self, name: str) -> str:
        """A field; empty if it was not filled in."""
        return self.values.get(name, "")


def slot_named(name: str) -> Slot:
    """Errors: UserError for a slot that there is not."""
    if name not in set(Slot):
        raise UserError("A model is connected as main or as fallback.")
    return Slot(name)


def filled_in(form: Form) -> Filled:
    """What was sent. Errors: SettingsError for a deed that is none of ours."""
    values = {name: form.text(name) for name in FIELDS}
    values["custom_json"] = form.exact("custom_json").strip("\n")
    action, _, does = form.text("deed").partition(" ")
    if not does:
        return Filled(values=values, action="save" if form.text("action") == "save" else "test")
    deed, words = deed_in(does)
    return Filled(values=values, action="save" if action == "save" else "test", deed=deed, words=words)


def key_in(form: Form) -> Secret | None:
    """The key that was pasted; None if the field is empty. Errors: FieldWrong that does not show it."""
    try:
        return key_from(form.exact("key"), "The API key")
    except SettingsError as error:
        raise FieldWrong("key", error.message) from None


def wish_in(filled: Filled, key: Secret | None, catalogue: Catalogue) -> Wish:
    """The wish that the form describes, as the deed changes it. Errors: FieldWrong, UserError."""
    wish = Wish(slot=filled.slot, key=key, tuning=tuning_in(filled))
    try:
        wish = _without_usual_cap(_placed(wish, filled, catalogue), catalogue)
        return followed(wish, filled.deed, filled.words, catalogue) if filled.deed else wish
    except SettingsError as error:
        raise _wrong(error) from error


def connection_in(wish: Wish, catalogue: Catalogue, *, needs_key: bool = True) -> Connection:
    """The connection of a wish. Without `needs_key`, something stands for a key that is missing.

    Errors: FieldWrong.
    """
    draft = wish.draft()
    try:
        if wish.key is None and needs_key and _needs_key(wish, catalogue):
            raise FieldWrong("key", "Paste your API key.")
        if wish.key is None and not needs_key:
            draft = replace(draft, key=stand_in(wish, catalogue))
        return connection_from(draft, wish.slot, catalogue)
    except (SettingsError, CredentialMissing) as error:
        raise _wrong(error) from error


def stand_in(wish: Wish, catalogue: Catalogue) -> Secret:
    """Something in place of a key that begins as the provider's keys do."""
    prefixes = catalogue.provider(wish.provider).key_prefixes if wish.provider else ()
    return Secret(f"{next(iter(prefixes), '')}{NO_KEY}")


def tuning_in(filled: Filled) -> Draft:
    """The advanced settings. Errors: FieldWrong."""
    thinking = Thinking(filled.text("thinking")) if filled.text("thinking") in set(Thinking) else None
    hosts = tuple(host.strip() for host in filled.text("routing").split(",") if host.strip())
    return Draft(
        thinking=thinking,
        custom_json=filled.text("custom_json") if thinking is Thinking.CUSTOM else "",
        routing=hosts,
        routing_fallbacks=False if hosts and not filled.text("routing_fallbacks") else None,
        temperature=_number(filled, "temperature"),
        tier=_whole(filled, "tier", least=0),
        max_output_tokens=_whole(filled, "max_output_tokens", least=1),
        max_concurrent_requests=_whole(filled, "max_concurrent_requests", least=1),
        requests_per_minute=_whole(filled, "requests_per_minute", least=1),
        tokens_per_minute=_whole(filled, "tokens_per_minute", least=1),
        tokens_per_day=_whole(filled, "tokens_per_day", least=1),
    )


def _placed(wish: Wish, filled: Filled, catalogue: Catalogue) -> Wish:
    """The wish at the card's plan, or at the provider and address that were named."""
    if filled.text("card"):
        card = catalogue.card(filled.text("card"))
        plan = plan_named(filled.text("plan") or card.plans[0].id, card)
        return replace(wish, card=card).with_plan(catalogue.plan_facts(card.id, plan.id))
    if not filled.text("provider") and not filled.text("base_url"):
        raise UserError("Choose a model or a provider first.")
    provider = catalogue.provider(filled.text("provider")).id if filled.text("provider") else ""
    return replace(wish, provider=provider, base_url=filled.text("base_url"), model=filled.text("model"))


def _without_usual_cap(wish: Wish, catalogue: Catalogue) -> Wish:
    """A cap that was filled in beforehand belongs to the place, and changes together with it."""
    usual = wish.cap or (catalogue.provider(wish.provider).max_concurrent_requests if wish.provider else None)
    if usual is None or wish.tuning.max_concurrent_requests != usual:
        return wish
    return replace(wish, tuning=replace(wish.tuning, max_concurrent_requests=None))


def _needs_key(wish: Wish, catalogue: Catalogue) -> bool:
    if wish.base_url:
        probe = replace(wish.draft(), key=Secret(NO_KEY), custom_json="", thinking=None, temperature=None, routing=())
        return catalogue.provider(connection_from(probe, wish.slot, catalogue).provider).needs_key
    return catalogue.provider(wish.provider).needs_key


def _whole(filled: Filled, name: str, *, least: int) -> int | None:
    text = filled.text(name)
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 12 or int(text) < least:
        raise FieldWrong(name, f"A whole number from {least} on belongs here, or nothing.")
    return int(text)


def _number(filled: Filled, name: str) -> float | None:
    text = filled.text(name)
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FieldWrong(name, "A number belongs here, or nothing.")
    return number


def _wrong(error: SettingsError | CredentialMissing) -> FieldWrong:
    message = error.message.removeprefix(_PREFIX)
    found = next((name for start, name in _PLACES if message.startswith(start)), "")
    if not found and ("base_url" in message or "base URL" in message):
        return FieldWrong("base_url", "Name the base URL: this provider stands at an address of yours.")
    if not found and ("name the one to use as model" in message or "given as the model is a key" in message):
        found = "model"
    return FieldWrong(found, message)
