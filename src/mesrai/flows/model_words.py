"""Models, plans, connections and their tests in words, the same at every door."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from mesrai.domain.connection import Connection, Thinking
from mesrai.llm.cards import Level, PlanFacts
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.model import Price
from mesrai.llm.probe_ceiling import ceiling_for
from mesrai.llm.probing import Diagnosis, Problem, Stage, Tested
from mesrai.review.render.untrusted import one_line
from mesrai.review.render.wording import cost_text, counted, seconds_text

Said = tuple[str, str]  # what it is about, and a sentence

STAGES: Final[Mapping[Stage, str]] = {
    Stage.ADDRESS: "Address",
    Stage.KEY: "Key",
    Stage.MODEL: "Model",
    Stage.INFERENCE: "First answer",
    Stage.TOOLS: "Tool round trip",
    Stage.SHAPE: "Agreed shape",
}
PROBLEMS: Final[Mapping[Problem, str]] = {
    Problem.WRONG_PLAN: "The key belongs to another plan",
    Problem.BAD_KEY: "The key is not accepted",
    Problem.NOT_ADMITTED: "This client is not admitted",
    Problem.OUT_OF_CREDIT: "Out of credit",
    Problem.QUOTA_SPENT: "The quota is used up",
    Problem.MEMBERSHIP_LAPSED: "The membership has lapsed",
    Problem.THROTTLED: "Reachable, but limited",
    Problem.OVERLOADED: "The provider is overloaded",
    Problem.UNKNOWN_MODEL: "The model is not known there",
    Problem.BAD_ADDRESS: "The address is not that of an API",
    Problem.UNREACHABLE: "The address cannot be reached",
    Problem.TOO_SLOW: "The answer came too late",
    Problem.PROVIDER_FAILED: "The provider failed",
    Problem.SETTING_REFUSED: "A setting is not taken",
    Problem.NO_TOOLS: "The model does not use tools",
    Problem.NO_SHAPE: "The answer has not the agreed shape",
    Problem.NO_ANSWER: "The answer is empty or cut",
    Problem.REFUSED_ANSWER: "The model refused to answer",
}
TEMPERATURES: Final[Mapping[str, str]] = {
    "fixed": "fixed by the model, so none can be set",
    "free": "yours to set",
    "ignored": "taken and ignored",
}
_FORMATS: Final[Mapping[str, str]] = {
    "openai": "OpenAI's chat completions",
    "anthropic": "Anthropic's messages",
    "gemini": "Gemini's own format",
}
_BILLING: Final[Mapping[str, str]] = {
    "tokens": "by the token",
    "subscription": "a flat price",
    "own": "none, it is yours",
}


def plan_said(plan: PlanFacts) -> Iterator[Said]:
    """What changes together with a plan."""
    yield "address", f"{plan.base_url} ({format_text(plan)})"
    yield "get a key", plan.key_page or "where you signed up"
    yield "model", plan.model
    yield "cap", cap_text(plan)
    yield "billing", billing_text(plan)
    if plan.allows:
        yield "allowed", plan.allows
    if plan.note:
        yield "note", plan.note


def format_text(plan: PlanFacts) -> str:
    """In whose format its requests are written."""
    return _FORMATS.get(str(plan.dialect), str(plan.dialect))


def cap_text(plan: PlanFacts) -> str:
    """How many requests the plan lets run at once."""
    cap = plan.max_concurrent_requests
    return f"{counted(cap, 'request')} at once" if cap else "none is set"


def billing_text(plan: PlanFacts) -> str:
    """How the plan is paid for, with the price if there is one by the token."""
    return _BILLING.get(plan.billing, plan.billing) + (f": {price_text(plan.price)}" if plan.price else "")


def level_text(level: Level) -> str:
    """A level of thinking and what it sends."""
    sent = f"sends {compact(level.body)}" if level.body else "sends nothing for it"
    return f"{level.thinking}: {sent}" + (f". {level.notice}" if level.notice else "")


def price_text(price: Price) -> str:
    """A price with its currency and date."""
    return (
        f"{price.input} in, {price.cached} cached, {price.output} out, "
        f"{price.currency} per million tokens as of {price.as_of}"
    )


def short_price(price: Price | None, *, has_date: bool) -> str:
    """A price in few words."""
    if price is None:
        return "price not known"
    dated = f", {price.as_of}" if has_date else ""
    return f"{price.input} in, {price.output} out {price.currency} per million{dated}"


def money_text(amount: Decimal, currency: str) -> str:
    """An amount precise enough for small sums."""
    digits = 2 if amount >= Decimal("0.1") or not amount else 3
    return f"{amount:.{digits}f} {currency}".strip()


def window_text(window: int) -> str:
    """A window as people say it."""
    if window >= 950_000:
        return f"{window / 1_000_000:.0f}M"
    return f"{window // 1024}k" if window % 1024 == 0 else f"{window / 1_000:.0f}k"


def title_of(connection: Connection, catalogue: Catalogue) -> str:
    """Model and provider on one line."""
    return f"{one_line(connection.model, 80)} at {catalogue.provider(connection.provider).name}"


def settings_said(connection: Connection, catalogue: Catalogue, key_hint: str) -> Iterator[Said]:
    """What is set, without what is empty."""
    yield "address", connection.base_url
    yield "key", key_hint or "none"
    yield "thinking", thinking_said(connection, catalogue)
    if connection.custom is not None:
        yield "custom JSON", compact(connection.custom)
    if connection.routing is not None:
        yield "routing", routing_said(connection)
    if connection.temperature is not None:
        yield "temperature", f"{connection.temperature:g}"
    if connection.max_output_tokens is not None:
        yield "answers", f"of at most {connection.max_output_tokens:,} tokens"
    yield "limits", limits_said(connection)


def thinking_said(connection: Connection, catalogue: Catalogue) -> str:
    """The level, and the fields it sends."""
    if connection.thinking is Thinking.CUSTOM:
        return "custom: only what the custom JSON says"
    sent = catalogue.traits_for(connection.provider, connection.model).thinking.get(connection.thinking)
    return f"{connection.thinking}, sends {compact(sent)}" if sent else f"{connection.thinking}, sends nothing for it"


def routing_said(connection: Connection) -> str:
    """Which of OpenRouter's hosts may serve."""
    if connection.routing is None:
        return ""
    hosts = ", then ".join(connection.routing.order) or "as OpenRouter chooses"
    return hosts + ("" if connection.routing.allow_fallbacks else "; no other host")


def limits_said(connection: Connection) -> str:
    """How much may be asked at once; that there is no limit, where there is none."""
    limits = connection.limits
    parts = [f"tier {connection.tier}"] if connection.tier is not None else []
    parts += (
        [f"{counted(limits.concurrent, 'request')} at once"] if limits.concurrent else ["no cap on requests at once"]
    )
    parts += [f"{limits.requests_per_minute:,} requests a minute"] if limits.requests_per_minute else []
    parts += [f"{limits.tokens_per_minute:,} tokens a minute"] if limits.tokens_per_minute else []
    parts += [f"{limits.tokens_per_day:,} tokens a day"] if limits.tokens_per_day else []
    return ", ".join(parts)


def ceiling_said(connection: Connection, catalogue: Catalogue) -> str:
    """The most that a full test can spend, in a sentence."""
    ceiling = ceiling_for(connection, catalogue)
    most = f"{counted(ceiling.calls, 'call')} to the model and {ceiling.tokens:,} tokens"
    is_flat = catalogue.provider(connection.provider).billing == "subscription"
    unknown = ", within the plan's flat price" if is_flat else "; no price by the token is known for it"
    cost = f", {ceiling.cost}" if ceiling.cost else unknown
    return f"The test asks first what is free, then takes at most {most}{cost}."


def provider_said(found: Diagnosis) -> str:
    """What the provider itself said; empty if it said nothing."""
    if not (found.provider_words or found.request_id):
        return ""
    beside = [f"status {found.status}"] if found.status is not None else []
    beside += [f"request {one_line(found.request_id, 100)}"] if found.request_id else []
    words = f"“{one_line(found.provider_words, 400)}”" if found.provider_words else "nothing more"
    return f"The provider said{' (' + ', '.join(beside) + ')' if beside else ''}: {words}"


def spent_said(tested: Tested) -> str:
    """What a test took; empty if it asked no model."""
    usage = tested.usage
    if not usage.calls:
        return ""
    tokens = usage.input_tokens + usage.output_tokens
    cost = f", {cost_text(usage)}" if usage.cost is not None else ""
    return f"The test took {counted(usage.calls, 'call')}, {tokens:,} tokens{cost}."


def took_text(seconds: float) -> str:
    """A span of time, in milliseconds where it is short."""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else seconds_text(seconds)


def compact(value: Any) -> str:
    """JSON on one line, which may be broken after a comma."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ":"))
