"""The settings that tune a connection, checked against what its model and provider take."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mesrai.domain.connection import Learned, Routing, Thinking
from mesrai.domain.permits import Limits
from mesrai.errors import SettingsError
from mesrai.llm.catalogue import Catalogue, Known
from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.custom_json import body_fields, custom_notices, parse_custom
from mesrai.llm.draft import Draft
from mesrai.llm.endpoint import Dialect
from mesrai.llm.routing import hosts_in, routing_fields
from mesrai.llm.shaping import is_thinking

_MOST_TEMPERATURE: Final = {Dialect.ANTHROPIC: 1.0}
# Where a budget for reasoning counts inside the answer and must leave room for one.
_BUDGET: Final = {
    Dialect.ANTHROPIC: "thinking.budget_tokens",
    Dialect.GEMINI: "generationConfig.thinkingConfig.thinkingBudget",
}
_LEAST_KEY: Final = 8  # letters; a shorter one could be any word
_USUAL_MOST: Final = 2.0
_USUAL_OUTPUT: Final = 16_384  # tokens; what a review asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The settings as they will be used, and what to say of them."""

    thinking: Thinking
    custom: Mapping[str, Any] | None
    routing: Routing | None
    temperature: float | None
    max_output_tokens: int | None
    limits: Limits
    notices: tuple[str, ...]


def tuned(draft: Draft, row: ProviderRow, model: str, catalogue: Catalogue, learned: Learned | None) -> Tuned:
    """Check the settings. Errors: SettingsError for one that would be refused, with the reason.

    One that will have no effect, or less than it says, is told as a notice.
    """
    custom = parse_custom(draft.custom_json, namespace=row.namespace) if draft.custom_json.strip() else None
    if draft.key and len(draft.key.open()) >= _LEAST_KEY and draft.key.open() in json.dumps(custom):
        raise SettingsError("Custom JSON holds the connection's key. It is shown, so a key does not belong in it.")
    thinking = draft.thinking or (Thinking.MEDIUM if custom is None else Thinking.CUSTOM)
    if thinking is Thinking.CUSTOM and custom is None:
        raise SettingsError("thinking is custom, so custom JSON is needed: it says what is sent.")
    own = body_fields(custom, row.namespace)
    level = thinking if own is None else Thinking.CUSTOM
    sent = own if own is not None else catalogue.traits_for(row.id, model, learned).thinking.get(level, {})
    routing = _routing(draft, row)
    most = catalogue.most_output(row.id, model, learned)
    notices = (
        *catalogue.notices_for(row.id, model, level, learned),
        *_about_custom(custom, own, thinking, row, catalogue.scheme_for(row.id, model, learned).custom),
        *_about_routing(routing, own, row),
        *_about_limits(draft, row, catalogue),
        *_about_temperature(draft.temperature, row, catalogue.find_model(row.id, model), sent),
        *_about_answers(draft.max_output_tokens, most, sent, row),
    )
    return Tuned(
        thinking=thinking,
        custom=custom,
        routing=routing,
        temperature=draft.temperature,
        max_output_tokens=draft.max_output_tokens,
        limits=limits_of(draft, row, catalogue),
        notices=notices,
    )


def usual_limits(tier: int | None, row: ProviderRow, catalogue: Catalogue) -> Limits:
    """The limits where none are set: the tier's, or else the plan's. Errors: SettingsError for an unknown tier."""
    if tier is None:
        return Limits(concurrent=row.max_concurrent_requests)
    return catalogue.tier_limits(row.id, tier)


def limits_of(draft: Draft, row: ProviderRow, catalogue: Catalogue) -> Limits:
    """The limits that were set, and the usual ones where none was. Errors: SettingsError for an unknown tier."""
    usual = usual_limits(draft.tier, row, catalogue)
    return Limits(
        concurrent=draft.max_concurrent_requests or usual.concurrent,
        requests_per_minute=draft.requests_per_minute or usual.requests_per_minute,
        tokens_per_minute=draft.tokens_per_minute or usual.tokens_per_minute,
        tokens_per_day=draft.tokens_per_day or usual.tokens_per_day,
    )


def _routing(draft: Draft, row: ProviderRow) -> Routing | None:
    if not draft.routing and draft.routing_fallbacks is None:
        return None
    if row.namespace != "openrouter":
        raise SettingsError(
            f"Routing is for OpenRouter, which chooses between hosts; {row.name} serves its models itself."
        )
    return Routing(order=hosts_in(",".join(draft.routing)), allow_fallbacks=draft.routing_fallbacks is not False)


def _about_temperature(
    value: float | None, row: ProviderRow, known: Known | None, sent: Mapping[str, Any]
) -> Iterator[str]:
    """Errors: SettingsError for a temperature that would be refused."""
    if value is None:
        return
    most = _MOST_TEMPERATURE.get(row.dialect, _USUAL_MOST)
    if not math.isfinite(value) or not 0 <= value <= most:
        raise SettingsError(f"temperature must be a number from 0 to {most:g} at {row.name}.")
    model = known.row if known else None
    is_fixed = model is not None and model.temperature == "fixed"
    why = f" {model.temperature_why}" if model and model.temperature_why else ""
    if known and is_fixed and not known.is_borrowed:
        raise SettingsError(f"The temperature of {known.row.id} cannot be set.{why} Leave temperature out.")
    if is_fixed:
        yield "The model's own provider lets no temperature be set; at this address it is sent, and may be refused."
    elif row.dialect is Dialect.ANTHROPIC and is_thinking(sent):
        yield "A temperature goes with this format only without reasoning; it is not sent while the model reasons."
    elif model is not None and model.temperature == "ignored":
        yield f"The provider ignores a temperature here, though it is sent.{why}"


def _about_answers(asked: int | None, most: int, sent: Mapping[str, Any], row: ProviderRow) -> Iterator[str]:
    if asked is not None and asked > most:
        yield f"This model's answers have at most {most:,} tokens, so that is the limit."
    limit = min(asked or _USUAL_OUTPUT, most)
    budget = _found(sent, _BUDGET.get(row.dialect, ""))
    if isinstance(budget, int) and budget >= limit:
        yield (
            f"Reasoning may not take the whole answer: of {limit:,} tokens in all the budget of {budget:,} becomes "
            "half. Set max_output_tokens higher."
        )


def _about_custom(
    custom: Mapping[str, Any] | None,
    own: Mapping[str, Any] | None,
    thinking: Thinking,
    row: ProviderRow,
    told: Mapping[str, str],
) -> Iterator[str]:
    if custom is None:
        return
    yield from custom_notices(custom, row.namespace)
    if own is None:
        if thinking is Thinking.CUSTOM:
            yield "The custom JSON says nothing for this provider, so nothing is sent about reasoning."
        return
    if thinking is not Thinking.CUSTOM:
        yield f"The custom JSON stands in place of the level {thinking}, which is not sent until the JSON is removed."
    yield from (notice for field, notice in told.items() if _says(own, field))


def _says(fields: Mapping[str, Any], wanted: str) -> bool:
    """Whether the fields hold "a.b", or "a.b=value"."""
    path, _, value = wanted.partition("=")
    found = _found(fields, path)
    return found is not None and (not value or found == value)


def _found(fields: Mapping[str, Any], path: str) -> Any:
    """What stands at "a.b"; None if nothing does."""
    found: Any = fields
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _about_routing(routing: Routing | None, own: Mapping[str, Any] | None, row: ProviderRow) -> Iterator[str]:
    if routing is None:
        return
    for host in routing.order:
        if host in row.host_names:
            yield f"{row.name} is thought to call this host {row.host_names[host]}; {host} is sent as you wrote it."
    said = (own or {}).get("provider", {})
    ours = routing_fields(routing)["provider"]
    both = [name for name in ours if name in said and said[name] != ours[name]]
    if both:
        yield f"The custom JSON says {' and '.join(both)} too, and it wins over the routing."


def _about_limits(draft: Draft, row: ProviderRow, catalogue: Catalogue) -> Iterator[str]:
    usual = usual_limits(draft.tier, row, catalogue).concurrent
    asked = draft.max_concurrent_requests
    if usual and asked and asked > usual:
        whose = f"tier {draft.tier}" if draft.tier is not None else row.name
        yield f"{whose[0].upper()}{whose[1:]} allows about {usual} requests at once; more than that may be refused."
