"""Complete a wish by asking, in the order of the page: card, plan, key; or provider, address, model, key."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from mesrai.cli.byok.card_words import plans_of, put_cards, put_plan
from mesrai.cli.byok.desk import Bench
from mesrai.cli.byok.talk import Choice, Talk, ask_hidden, ask_text, choose, confirm, require_person, show
from mesrai.cli.byok.tuning import fields_set
from mesrai.cli.byok.wish import Wish
from mesrai.domain.connection import Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.llm.address import clean_base_url
from mesrai.llm.cards import plan_named
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.connecting import key_from
from mesrai.review.render.sheet import Sheet

_MANUAL: Final = "Configure manually"
# The providers of the manual way, in its order; any other is reached by its id.
_PROVIDERS: Final = (
    "openai", "anthropic", "gemini", "openrouter", "novita", "openai_compatible", "ollama", "vllm",
)  # fmt: skip
_ANY_KEY: Final = "any-key"
_NO_CAP: Final = "no cap"
_MOST_MODELS: Final = 12
_N = TypeVar("_N", int, float)


def complete(bench: Bench, wish: Wish, plan: str, *, asks_tuning: bool) -> Wish:
    """The wish with everything that it needs. Errors: UsageError that names an option, if nobody can be asked.

    A setting that cannot be used is an error before the key is asked for.
    """
    wish = _place(bench, wish, plan)
    replace(wish, key=wish.key or Secret(_ANY_KEY)).connection(bench.catalogue)
    row = bench.catalogue.provider(wish.provider) if wish.provider else None
    if wish.key is None and (row is None or row.needs_key or bench.talk.is_attended):
        wish = replace(wish, key=ask_key(bench, row))
    if asks_tuning and bench.talk.is_attended and not fields_set(wish.tuning):
        wish = _tuned(bench, wish)
    return wish


def ask_key(bench: Bench, row: ProviderRow | None) -> Secret | None:
    """The key, typed or pasted unseen; None where none is needed and none was given. Errors: UsageError."""
    require_person(bench.talk, "--key-env or --key-stdin")
    if row is not None and not row.needs_key:
        needs = "usually needs no key" if row.base_url or row.local_port else "may need no key"
        show(bench.talk, f"{row.name} {needs}.\n")
        return _ask_optional_key()
    page = row.key_page if row else ""
    show(bench.talk, f"\nGet a key: {page}\n" if page else "\n")
    return ask_hidden("Key (not shown)", lambda text: key_from(text, "The key"))


def _ask_optional_key() -> Secret | None:
    given: list[Secret] = []

    def read(text: str) -> bool:
        key = key_from(text, "The key")
        given.extend([key] if key else [])
        return True

    ask_hidden("Key (not shown; Enter for none)", read)
    return given[0] if given else None


def _place(bench: Bench, wish: Wish, plan: str) -> Wish:
    """Where it leads and to which model."""
    if wish.card is None and not (wish.provider or wish.base_url):
        require_person(bench.talk, "CARD, or --provider with --model,")
        wish = _carded(bench, wish)
    if wish.card is not None:
        return _planned(bench, wish, plan)
    if plan:
        raise SettingsError("--plan goes with a card: see `mesrai byok cards`.")
    return _manual(bench, wish) if bench.talk.is_attended else wish


def _carded(bench: Bench, wish: Wish) -> Wish:
    """The card that is chosen from the list; none where it shall be done by hand."""
    cards = bench.catalogue.cards
    sheet = Sheet(bench.talk.look)
    put_cards(sheet, cards, bench.catalogue, has_plans=False)
    sheet.line((f"{len(cards) + 1:>3}  ", "dim"), (_MANUAL, "bold"))
    show(bench.talk, sheet.text())
    choices = [Choice(name=card.name, also=(card.id, *card.aliases)) for card in cards]
    number = choose(bench.talk, f"\nWhich model as {wish.slot}?", [*choices, Choice(name=_MANUAL, also=("manual",))])
    return replace(wish, card=cards[number]) if number < len(cards) else wish


def _planned(bench: Bench, wish: Wish, plan: str) -> Wish:
    """The plan of its card that was named or is chosen."""
    if wish.card is None:
        return wish
    if plan or len(wish.card.plans) == 1:
        found = plan_named(plan, wish.card)
        return _at(wish, wish.with_plan(bench.catalogue.plan_facts(wish.card.id, found.id)))
    listed = ", ".join(each.id for each in wish.card.plans)
    require_person(bench.talk, f"--plan ({listed})")
    plans = plans_of(wish.card, bench.catalogue)
    sheet = Sheet(bench.talk.look)
    sheet.line(("", ""))
    sheet.line((wish.card.name, "bold"), (" is sold by several plans; a key works at its own only.", ""))
    for number, each in enumerate(plans, 1):
        sheet.gap()
        put_plan(sheet, each, number)
    show(bench.talk, sheet.text())
    choices = [Choice(name=each.name, also=(each.plan, each.provider)) for each in plans]
    return _at(wish, wish.with_plan(plans[choose(bench.talk, "\nWhich plan is your key from?", choices)]))


def _at(asked: Wish, found: Wish) -> Wish:
    """A base URL that was given stands over the plan's."""
    return replace(found, base_url=asked.base_url) if asked.base_url else found


def _manual(bench: Bench, wish: Wish) -> Wish:
    """Provider, address and model, those that are missing."""
    talk, catalogue = bench.talk, bench.catalogue
    if not wish.provider and not wish.base_url:
        wish = replace(wish, provider=_ask_provider(talk, catalogue))
    row = catalogue.provider(wish.provider) if wish.provider else catalogue.provider("openai_compatible")
    if not wish.base_url and not row.base_url:
        local = f"http://127.0.0.1:{row.local_port}/v1" if row.local_port else ""
        wish = replace(wish, base_url=ask_text(talk, "Base URL", _address(catalogue, row), local))
    if not wish.model:
        wish = replace(wish, model=_ask_model(talk, catalogue, row))
    return wish


def _ask_provider(talk: Talk, catalogue: Catalogue) -> str:
    rows = [catalogue.provider(each) for each in _PROVIDERS if each in {row.id for row in catalogue.providers}]
    sheet = Sheet(talk.look)
    sheet.line(("", ""))
    widest = max(len(row.name) for row in rows)
    for number, row in enumerate(rows, 1):
        place = row.base_url or "at an address of yours"
        sheet.line((f"{number:>3}  ", "dim"), (f"{row.name:<{widest}}  ", "bold"), (place, "dim"))
    sheet.line(("     ", ""), ("or the id of another one: docs/catalogue.md lists them", "dim"))
    show(talk, sheet.text())

    def read(answer: str) -> str:
        if answer.isdecimal() and 1 <= int(answer) <= len(rows):
            return rows[int(answer) - 1].id
        if not answer:
            raise SettingsError(f"Type a number from 1 to {len(rows)}, or the id of a provider.")
        return catalogue.provider(answer).id

    return ask_text(talk, "\nProvider", read)


def _address(catalogue: Catalogue, row: ProviderRow) -> Callable[[str], str]:
    def read(answer: str) -> str:
        clean_base_url(answer, catalogue.providers, row)
        return answer

    return read


def _ask_model(talk: Talk, catalogue: Catalogue, row: ProviderRow) -> str:
    known = [each.id for each in catalogue.models_of(row.id) if each.retired is None][:_MOST_MODELS]
    sheet = Sheet(talk.look)
    for number, each in enumerate(known, 1):
        sheet.line((f"{number:>3}  ", "dim"), (each, ""))
    show(talk, "\n" + sheet.text() if known else "")

    def read(answer: str) -> str:
        if answer.isdecimal() and 1 <= int(answer) <= len(known):
            return known[int(answer) - 1]
        if not answer:
            raise SettingsError("Type the model's id as the provider writes it.")
        return answer

    return ask_text(talk, "Model (its number, or any id)" if known else "Model", read, row.default_model)


def _tuned(bench: Bench, wish: Wish) -> Wish:
    """The wish with what is changed of the advanced settings."""
    cap = f"{wish.cap} requests at once" if wish.cap else "no cap on requests at once"
    if not confirm(f"Change advanced settings? Now: thinking medium, {cap}.", default=False):
        return wish
    talk = bench.talk
    levels = [Choice(name=str(each)) for each in Thinking]
    show(talk, f"Thinking: {', '.join(f'{number} {each}' for number, each in enumerate(Thinking, 1))}\n")
    thinking = list(Thinking)[choose(talk, "Thinking", levels, list(Thinking).index(Thinking.MEDIUM))]
    wish = replace(wish, tuning=replace(wish.tuning, thinking=thinking))
    if thinking is Thinking.CUSTOM:
        wish = ask_text(talk, "Custom JSON, on one line", _tried(bench, wish, "custom_json", str))
    read = _tried(bench, wish, "temperature", _number(float, 0))
    wish = ask_text(talk, "Temperature (Enter: the model's own)", read)
    tuning = replace(
        wish.tuning,
        max_output_tokens=ask_text(talk, "Max output tokens (Enter: the model's own)", _number(int, 1)),
        max_concurrent_requests=ask_text(talk, "Max concurrent requests", _number(int, 1), str(wish.cap or _NO_CAP)),
    )
    if wish.provider == "openrouter":
        from mesrai.llm.routing import hosts_in

        hosts = ask_text(talk, "Pin providers, in order, with commas (Enter: none)", hosts_in)
        tuning = replace(tuning, routing=hosts)
        if hosts and not confirm("Allow other hosts if none of these serves the model?", default=True):
            tuning = replace(tuning, routing_fallbacks=False)
    return replace(wish, tuning=tuning)


def _tried(bench: Bench, wish: Wish, name: str, read: Callable[[str], Any]) -> Callable[[str], Wish]:
    """The wish with this setting, if it can be used: a mistake in it is told where it is made."""

    def tried(answer: str) -> Wish:
        setting: dict[str, Any] = {name: read(answer)}
        changed = replace(wish, tuning=replace(wish.tuning, **setting))
        replace(changed, key=wish.key or Secret(_ANY_KEY)).connection(bench.catalogue)
        return changed

    return tried


def _number(kind: type[_N], least: int) -> Callable[[str], _N | None]:
    def read(answer: str) -> _N | None:
        if not answer or answer == _NO_CAP:
            return None
        try:
            number = kind(answer)
        except ValueError:
            raise SettingsError("A number belongs here, or nothing.") from None
        if number < least:
            raise SettingsError(f"A number from {least} on belongs here, or nothing.")
        return number

    return read
