"""What the stand-in refuses in a request, in the words of the providers it stands in for."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mesrai.sandbox.saying import Body, text_of

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{2,63}")
_FIXED: Final = {"temperature": 1, "top_p": 0.95, "n": 1}  # Moonshot's K2.5 and later take no other value


def complaint_about(body: Body, *, window: int) -> str | None:
    """Why the request is refused with 400; None if it is not."""
    return next((complaint for complaint in _complaints(body, window)), None)


def is_thinking(body: Mapping[str, Any]) -> bool:
    """Whether this model thinks on this request: Kimi models do unless told not to."""
    thinking = body.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    model = str(body.get("model", ""))
    return kind != "disabled" if model.startswith(("kimi", "k3")) else kind in ("enabled", "adaptive")


def _complaints(body: Body, window: int) -> Iterator[str]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "Invalid request: messages must not be empty"
        return
    tokens = len(json.dumps(messages)) // 4
    if tokens > window:
        yield f"Invalid request: Your request exceeded model token limit: {window} (requested: {tokens})"
    yield from _about_sampling(body)
    yield from _about_tools(body)
    waiting: list[str] = []
    for index, message in enumerate(messages):
        yield from _about_message(body, message, index)
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in waiting:
                yield "Invalid request: tool_call_id not found"
            else:
                waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            yield f"Invalid request: tool_call_id not found: {waiting[0]} has no result before message {index}"
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
    if waiting:
        yield f"Invalid request: tool_call_id not found: {waiting[0]} has no result"


def _about_message(body: Body, message: Mapping[str, Any], index: int) -> Iterator[str]:
    calls = message.get("tool_calls") or ()
    content = message.get("content")
    if "content" in message and not text_of(content).strip():
        yield "Invalid request: text content is empty"
    if "content" not in message and not calls:
        yield f"Invalid request: message at position {index} must not be empty"
    for call in calls:
        try:
            json.loads(call["function"]["arguments"])
        except ValueError:
            yield "Invalid request: function arguments must be valid JSON"
    if calls and is_thinking(body) and "reasoning_content" not in message:
        yield (f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {index}")


def _about_sampling(body: Body) -> Iterator[str]:
    if str(body.get("model", "")).startswith(("kimi-k2", "k2", "kimi-k3", "k3")):
        for name, value in _FIXED.items():
            if body.get(name, value) != value:
                yield f"invalid {name}: only {value} is allowed for this model"


def _about_tools(body: Body) -> Iterator[str]:
    names = []
    for tool in body.get("tools") or ():
        function = tool.get("function", {})
        names.append(function.get("name", ""))
        if not _NAME.fullmatch(names[-1]):
            yield (
                "Invalid request: function name is invalid, must start with a letter and can contain letters, numbers, "
                "underscores, and dashes"
            )
        if function.get("parameters", {}).get("type") != "object":
            yield 'Invalid request: tools.function.parameters.type is required and must be "object"'
    if len(set(names)) < len(names):
        yield f"Invalid request: function name {names[-1]} is duplicated"
    if isinstance(body.get("tool_choice"), dict) and is_thinking(body):
        yield "tool_choice 'specified' is incompatible with thinking enabled"
