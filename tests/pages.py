"""The pages of docs/ that are made from the code: `python -m tests.pages` writes them, a test compares them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mesrai.domain.connection import Thinking
from mesrai.llm.cards import PlanFacts
from mesrai.llm.catalogue import UNKNOWN_MAX_OUTPUT, UNKNOWN_WINDOW, Catalogue, load_catalogue
from mesrai.llm.catalogue_rows import CardRow, ModelRow, PriceRow, ProviderRow, TierRow
from mesrai.llm.endpoint import Timeouts
from mesrai.settings import FIXED_NAMES, LIMIT_KEYS, PROCESS_NAMES, SLOT_NAMES
from mesrai.settings.oidc import OIDC_NAMES
from mesrai.settings.operating import OPERATING_NAMES
from mesrai.settings.serving import SERVING_NAMES

_LEVELS = (Thinking.OFF, Thinking.LOW, Thinking.MEDIUM, Thinking.HIGH)
DOCS = Path(__file__).parents[1] / "docs"

_CATALOGUE_INTRO = f"""\
# The catalogue of providers and models

Made from `src/mesrai/llm/data/`; edit there, then run `python -m tests.pages`.

Every row says when it was true and who said so. Prices are per million tokens. A model that is not listed works too: it
is taken to have a window of {UNKNOWN_WINDOW:,} tokens and answers of at most {UNKNOWN_MAX_OUTPUT:,}, and what it costs
is not known. An operator may lay a file of their own over these rows: see `MESRAI_CATALOGUE` in
[settings.md](settings.md). It holds `[[provider]]`, `[[model]]`, `[[scheme]]`, `[[tier]]` and `[[card]]` rows like
those here; a row with a known `id` changes only what it names, and a card's plans are matched by their `id` too.
"""
_SETTINGS_INTRO = """\
# Settings

Made from the code by `python -m tests.pages`.

Mesrai reads its settings once, from the environment, from the connections saved with `mesrai byok`, and from a file:
`config.toml` in the user's configuration folder for `mesrai` (on Linux `~/.config/mesrai/config.toml`).
`mesrai doctor` shows what was found and used.

```toml
[main]
provider = "moonshot"
model = "kimi-k2.6"
key_env = "MOONSHOT_API_KEY"   # or key = "sk-…", and then chmod 600 the file
thinking = "medium"

[fallback]                     # asked where the main model fails
provider = "openrouter"
model = "moonshotai/kimi-k2.6"
key_env = "OPENROUTER_API_KEY"

[limits]
total_s = 900
```
"""
_VENDOR_NAMES = """\
A provider's usual variables, the first provider first. Without any other setting the first key found is used, or the
first one of a provider that has the model asked for. Where several providers share a name, the beginning of the key
decides (`sk-kimi-` is the Kimi Code Plan), and otherwise the first of them.
"""
_RULES = """\
## Which setting wins

1. `MESRAI_*` (for the fallback `MESRAI_FALLBACK_*`)
2. the connection saved with `mesrai byok`
3. the file, for a connection that is not saved
4. the fixed-mode names, where none of the above says whose model it is
5. the providers' usual variables, where no key was found before

Single values are laid over each other: `MESRAI_MODEL` alone changes the model of the saved or the file's connection.
But a key never goes to another service than the one it was set with: where `MESRAI_PROVIDER` or `MESRAI_BASE_URL` names
another service, nothing of that connection is used; and a provider's usual variable is used at that provider's own
address only. What was set and not used is named in a notice, and so is everything that was repaired."""
_CUSTOM = """\
## Custom JSON

`custom_json` holds fields of the request that have no setting of their own. It is strict JSON; what is wrong with it is
told with the line and column, and nothing is asked until it is mended.

- `{"thinking": {"type": "disabled"}}` belongs to the provider in use. With `{"anthropic": {…}, "openai": {…}}` it can
  hold fields for several: `anthropic`, `google`, `openai`, `openrouter` and `openaiCompatible` (all the others). Only
  those of the provider in use are sent.
- It stands in place of what the level of thinking sends. OpenRouter's routing is the exception: it is joined with it.
- camelCase and snake_case are both understood: `budgetTokens` is sent as `budget_tokens`.
- `messages`, `tools`, `tool_choice`, `stream`, `model` and what else a review depends on cannot be set, nor a key.
"""


def catalogue_page() -> str:
    """docs/catalogue.md."""
    catalogue = load_catalogue()
    parts = [*_cards(catalogue), *_providers(catalogue), *_tiers(catalogue), *_models(catalogue), *_thinking(catalogue)]
    return "\n".join([_CATALOGUE_INTRO, *parts]) + "\n"


def settings_page() -> str:
    """docs/settings.md."""
    parts = [*_slots(), _CUSTOM, *_file_rest(), *_vendor_names(load_catalogue())]
    return "\n".join([_SETTINGS_INTRO, *parts, _RULES]) + "\n"


def _cards(catalogue: Catalogue) -> Iterator[str]:
    yield "## Models to choose by name"
    yield ""
    yield "Choosing a plan fills in address, model id, format and cap together. *cap*: requests at once."
    yield ""
    for card in catalogue.cards:
        yield from _card(card, [catalogue.plan_facts(card.id, plan.id) for plan in card.plans])


def _card(card: CardRow, plans: Sequence[PlanFacts]) -> Iterator[str]:
    yield f"### {card.name} (`{card.id}`)"
    yield ""
    later = f" Its successor here is `{card.successor}`." if card.successor else ""
    yield f"{card.good_at} Window: {card.context}.{later} As of {card.as_of}."
    yield ""
    heads = ("plan", "address", "model", "format", "cap", "in / cached / out", "what it is for, and notes")
    yield from _table(heads, (_plan_cells(plan) for plan in plans))
    yield ""


def _plan_cells(plan: PlanFacts) -> Sequence[str]:
    price = plan.price
    cost = f"{price.input} / {price.cached} / {price.output} {price.currency}" if price else "not known"
    return (
        f"[{plan.name}]({plan.key_page}) {_code(plan.plan)}",
        _code(plan.base_url),
        _code(plan.model),
        plan.dialect,
        str(plan.max_concurrent_requests or "–"),
        "by subscription" if plan.billing == "subscription" else cost,
        " ".join(each for each in (plan.allows, plan.note) if each) or "–",
    )


def _tiers(catalogue: Catalogue) -> Iterator[str]:
    yield "## Tiers"
    yield ""
    yield "What an account may ask at once, by what was paid in; `tier` in the settings fills these limits in."
    yield ""
    heads = ("provider", "tier", "paid in", "at once", "requests a minute", "tokens a minute", "tokens a day", "as of")
    yield from _table(heads, (_tier_cells(row) for row in catalogue.tiers))
    yield ""


def _tier_cells(row: TierRow) -> Sequence[str]:
    limits = (row.concurrent, row.requests_per_minute, row.tokens_per_minute, row.tokens_per_day)
    return (
        ", ".join(_code(each) for each in row.providers),
        str(row.tier),
        row.paid,
        *(f"{each:,}" if each else "–" for each in limits),
        f"{row.as_of}; held until {row.until}" if row.until else row.as_of,
    )


def _providers(catalogue: Catalogue) -> Iterator[str]:
    yield "## Providers"
    yield ""
    heads = ("id", "who", "address", "format", "key in the environment", "default model", "at once", "as of")
    yield from _table(heads, (_provider_cells(row) for row in catalogue.providers))
    yield ""
    yield "*at once*: the most concurrent requests where nothing else is set. *format*: what follows the address,"
    yield "`/chat/completions` (openai) or `/v1/messages` (anthropic)."
    yield ""
    for row in catalogue.providers:
        said = [*row.notices, *row.notes, *dict.fromkeys(each.notice for each in row.instead)]
        if said:
            yield f"**{row.name}** (`{row.id}`)"
            yield ""
            yield from (f"- {text}" for text in said)
            yield ""


def _provider_cells(row: ProviderRow) -> Sequence[str]:
    return (
        _code(row.id),
        f"[{row.name}]({row.key_page})" if row.key_page else row.name,
        ", ".join(_code(each) for each in row.addresses) or "yours",
        row.dialect,
        ", ".join(_code(each) for each in row.key_names) or "–",
        _code(row.default_model) if row.default_model else "–",
        str(row.max_concurrent_requests or "–"),
        row.as_of,
    )


def _models(catalogue: Catalogue) -> Iterator[str]:
    yield "## Models"
    yield ""
    for row in catalogue.providers:
        models = catalogue.models_of(row.id)
        if models:
            yield f"### {row.name} (`{row.id}`)"
            yield ""
            heads = (
                "model",
                "window",
                "longest answer",
                "in / cached / out",
                "as of",
                "thinking",
                "answers by",
                "note",
            )
            yield from _table(heads, (_model_cells(catalogue, row, model) for model in models))
            yield ""


def _model_cells(catalogue: Catalogue, row: ProviderRow, model: ModelRow) -> Sequence[str]:
    profile = catalogue.profile_for(row.id, model.id)
    prices = [each for each in model.prices if not each.providers or row.id in each.providers]
    price = prices[0] if prices and row.billing == "tokens" else None
    also = [f"also {', '.join(_code(each) for each in model.aliases)}"] if model.aliases else []
    gone = []
    if model.retired:
        when = f"retired {model.retired.on}" if model.retired.on else "not an id here"
        gone = [f"**{when}**: use {_code(model.retired.successor)}"]
    return (
        _code(model.id),
        f"{profile.window:,}",
        f"{profile.max_output:,}",
        _price(price) if price else ("by subscription" if row.billing == "subscription" else "not known"),
        price.as_of if price else model.as_of,
        _code(model.request.thinking or row.request.thinking or "unknown"),
        profile.structured,
        "; ".join([*gone, *also, *model.notices, *model.notes]),
    )


def _price(price: PriceRow) -> str:
    cached = "–" if price.cached is None else f"{price.cached}"
    return f"{price.input} / {cached} / {price.output} {price.currency}"


def _thinking(catalogue: Catalogue) -> Iterator[str]:
    yield "## What the levels of thinking send"
    yield ""
    rows = []
    for scheme in catalogue.schemes.values():
        cells = [_code(scheme.id)]
        for level in _LEVELS:
            row = scheme.level(level)
            mark = " ¹" if row.notice else ""
            cells.append((_code(_compact(row.body)) if row.body else "nothing") + mark)
        rows.append([*cells, f"{scheme.as_of}, {scheme.source}"])
    yield from _table(("scheme", *_LEVELS, "as of"), rows)
    yield ""
    yield "¹ You are told that this level does not do here what it says."


def _compact(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_compact(each)}" for key, each in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _slots() -> Iterator[str]:
    yield "## The two connections"
    yield ""
    rows = [
        (_code(f"MESRAI_{name}"), _code(f"MESRAI_FALLBACK_{name}"), _code(key), text)
        for name, (key, text) in SLOT_NAMES.items()
    ]
    yield from _table(
        ("environment, main", "environment, fallback", "key of `[main]` and `[fallback]`", "what it is"), rows
    )
    yield ""


def _file_rest() -> Iterator[str]:
    yield "## The rest"
    yield ""
    usual = Timeouts()
    rows = [(_code(f"[limits] {key}"), f"{text} Default: {getattr(usual, key):g}.") for key, text in LIMIT_KEYS.items()]
    rows.append(
        (_code("catalogue"), f"At the top of the file: {PROCESS_NAMES['MESRAI_CATALOGUE']} It counts from the file.")
    )
    rows.append((_code("database"), f"At the top of the file: {PROCESS_NAMES['MESRAI_DATABASE_URL']}"))
    rows += [(_code(name), text) for name, text in PROCESS_NAMES.items()]
    yield from _table(("file key or environment variable", "what it is"), rows)
    yield ""
    yield "## The service"
    yield ""
    yield "For `mesrai serve` and `mesrai worker`; see [github.md](github.md)."
    yield ""
    serving = [(_code(name), text) for name, text in {**SERVING_NAMES, **OIDC_NAMES, **OPERATING_NAMES}.items()]
    yield from _table(("environment variable", "what it is"), serving)
    yield ""


def _vendor_names(catalogue: Catalogue) -> Iterator[str]:
    yield "## Names that other tools use"
    yield ""
    yield "Fixed mode, for the main connection, as it is set in the containers of a deployment:"
    yield ""
    yield from _table(
        ("environment variable", "what it is"), [(_code(name), text) for name, text in FIXED_NAMES.items()]
    )
    yield ""
    yield _VENDOR_NAMES
    rows = [
        (_code(row.id), ", ".join(map(_code, row.key_names)), ", ".join(map(_code, row.base_url_names)) or "–")
        for row in catalogue.providers
        if row.key_names
    ]
    yield from _table(("provider", "key", "address"), rows)
    yield ""


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)
    for cells in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(text: str) -> str:
    return f"`{text}`"


def main() -> None:
    """Write the pages."""
    (DOCS / "catalogue.md").write_text(catalogue_page(), "utf-8")
    (DOCS / "settings.md").write_text(settings_page(), "utf-8")


if __name__ == "__main__":
    main()
