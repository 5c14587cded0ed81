"""What Anthropic's own address refuses in a messages request, in its words."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mesrai.sandbox.listing import Row
from mesrai.sandbox.saying import Body

_LEAST_BUDGET: Final = 1_024


def claude_complaint(body: Body, row: Row) -> str | None:
    """Why the request is refused with 400; None if it is not."""
    return next(_complaints(body, row), None)


def _complaints(body: Body, row: Row) -> Iterator[str]:
    given = body.get("thinking")
    thinking = given if isinstance(given, Mapping) else {}
    kind = thinking.get("type")
    if row.thinking == "adaptive" and kind == "enabled":
        yield (
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    if row.thinking == "budget":
        yield from _about_budget(body, thinking)
    is_on = kind in ("enabled", "adaptive", "between_tools")
    if is_on and body.get("temperature", 1) != 1:
        yield "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode."
    if is_on and (body.get("tool_choice") or {}).get("type") in ("tool", "any"):
        yield "Thinking may not be enabled when tool_choice forces tool use."
    yield from _about_signatures(body)


def _about_budget(body: Body, thinking: Mapping[str, Any]) -> Iterator[str]:
    if thinking.get("type") in ("adaptive", "between_tools"):
        yield "adaptive thinking is not supported on this model"
    if thinking.get("type") != "enabled":
        return
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int):
        yield "thinking.enabled.budget_tokens: Field required"
    elif budget < _LEAST_BUDGET:
        yield f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_LEAST_BUDGET}"
    elif budget >= body.get("max_tokens", 0):
        yield "`max_tokens` must be greater than `thinking.budget_tokens`."


def _about_signatures(body: Body) -> Iterator[str]:
    """Thinking is taken back only with the signature it came with."""
    for at, message in enumerate(body.get("messages") or ()):
        blocks = message.get("content")
        for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
            if block.get("type") == "thinking" and not block.get("signature"):
                yield f"messages.{at}.content.{index}.thinking.signature: Field required"
