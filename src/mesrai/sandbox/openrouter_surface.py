"""What is OpenRouter's own in its answers: who answered, the reasoning in two fields, and the cost."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mesrai.sandbox.listing import Row
from mesrai.sandbox.openai_surface import Form
from mesrai.sandbox.saying import Body, Said

# Provider slug → the name that an answer carries.
_HOSTS: Final = {"moonshotai": "Moonshot AI", "novita": "Novita", "fireworks": "Fireworks", "together": "Together"}


def form_for(chat: Body, row: Row | None) -> Form:
    """How an answer of this model looks. `host_of` must have found a host."""
    price = row.price if row else ()

    def more_usage(said: Said) -> Body:
        cost = _cost(said, price)
        return {"cost": cost, "is_byok": False, "cost_details": {"upstream_inference_cost": cost}}

    return Form(
        id="gen-sim",
        head={"provider": host_of(chat)},
        reasoning=_reasoning,
        more_usage=more_usage,
        has_usage_in_choice=False,
        before=b": OPENROUTER PROCESSING\n\n",
    )


def host_of(chat: Body) -> str:
    """Who is to answer by the request's routing; empty if it allows nobody."""
    routing = chat.get("provider")
    routing = routing if isinstance(routing, Mapping) else {}
    allowed = [slug for slug in _HOSTS if _is_allowed(slug, routing)]
    wanted = [slug for each in _words(routing.get("order")) for slug in allowed if slug == each.split("/")[0].lower()]
    if routing.get("order") and routing.get("allow_fallbacks") is False:
        allowed = wanted
    first = next(iter([*wanted, *allowed]), "")
    return _HOSTS.get(first, "")


def _is_allowed(slug: str, routing: Mapping[str, Any]) -> bool:
    only, ignored = list(_words(routing.get("only"))), list(_words(routing.get("ignore")))
    return slug not in ignored and (not only or slug in only)


def _words(value: Any) -> Iterator[str]:
    return (str(each) for each in value) if isinstance(value, list) else iter(())


def _reasoning(text: str) -> Body:
    detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
    return {"reasoning": text, "reasoning_details": [detail]}


def _cost(said: Said, price: Sequence[float]) -> float:
    if not price:
        return 0.0
    fresh, cached, written = price
    tokens = (said.prompt_tokens - said.cached_tokens) * fresh + said.cached_tokens * cached
    return round((tokens + said.output_tokens * written) / 1_000_000, 9)
