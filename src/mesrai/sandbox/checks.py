"""What the stand-in refuses in a request with 400, in the words of the providers it stands in for."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mesrai.sandbox.faces import Face, Style
from mesrai.sandbox.listing import Row
from mesrai.sandbox.saying import Body, text_of
from mesrai.sandbox.schemas import schema_complaints
from mesrai.sandbox.sizing import prompt_tokens
from mesrai.sandbox.thinking import effort_of, is_known_effort, is_thinking, thinking_type

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{2,63}")
_MOST_TOOLS: Final = 128
_UNKNOWN_CONTEXT: Final = 262_144
# Moonshot's K2.5 and later take no other values than these, and for the temperature the one of the mode.
_FIXED: Final = {"top_p": 0.95, "n": 1, "presence_penalty": 0, "frequency_penalty": 0, "logprobs": False}
_KINDS: Final = {
    "messages": list, "tools": list, "stream": bool, "stream_options": Mapping, "response_format": Mapping,
    "max_tokens": int, "max_completion_tokens": int,
}  # fmt: skip
_THINKING_KEYS: Final = {"switch": ("type",), "switch_keep": ("type", "keep"), "only_enabled": ("type", "keep")}


def complaint_about(chat: Body, *, face: Face, row: Row | None, window: int) -> str | None:
    """Why the request is refused with 400; None if it is not. `chat` is in the words of the chat surface."""
    return next((complaint for complaint in _complaints(chat, face, row, window)), None)


def _complaints(chat: Body, face: Face, row: Row | None, window: int) -> Iterator[str]:
    yield from _about_types(chat)
    messages = chat.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "Invalid request: messages must not be empty"
        return
    yield from _about_length(chat, min(window, row.context if row else _UNKNOWN_CONTEXT), face)
    if face.is_kimi:
        yield from _about_thinking(chat, row)
        yield from _about_sampling(chat, row)
    if face.style is Style.OPENAI:
        yield from _about_openai(chat, row)
    if face.style is Style.ZAI:
        yield from _about_zai(chat)
    yield from _about_tools(chat, row, face)
    yield from _about_messages(chat, messages, face, row)


def _about_types(chat: Body) -> Iterator[str]:
    for name, kind in _KINDS.items():
        value = chat.get(name)
        if value is not None and not isinstance(value, kind):
            yield f"Invalid request: {name} has the wrong type"
    for tool in chat.get("tools") or ():
        if not isinstance(tool["function"]["name"], str):
            yield "Invalid request: function name is invalid"
    shape = (chat.get("response_format") or {}).get("json_schema") or {}
    if not isinstance(shape.get("schema", {}), Mapping):
        yield "Invalid request: response_format.json_schema.schema must be an object"


def _about_length(chat: Body, window: int, face: Face) -> Iterator[str]:
    tokens = prompt_tokens(chat)
    if tokens > window and face.style is Style.GEMINI:
        yield f"The input token count ({tokens}) exceeds the maximum number of tokens allowed ({window})."
    elif tokens > window:
        yield f"Invalid request: Your request exceeded model token limit: {window} (requested: {tokens})"


def _about_messages(chat: Body, messages: list[Any], face: Face, row: Row | None) -> Iterator[str]:
    must_replay = face.is_kimi and is_thinking(chat, row)
    waiting: list[str] = []
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            yield f"Invalid request: message at position {index} must be an object"
            continue
        yield from _about_message(message, index, must_replay=must_replay)
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


def _about_message(message: Mapping[str, Any], index: int, *, must_replay: bool) -> Iterator[str]:
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
    if calls and must_replay and "reasoning_content" not in message:
        yield f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {index}"


def _about_thinking(chat: Body, row: Row | None) -> Iterator[str]:
    kind, thinking = thinking_type(chat), chat.get("thinking")
    if thinking is not None and chat.get("reasoning_effort") is not None:
        yield "cannot specify both 'thinking' and 'reasoning_effort'"
    if row is None or not isinstance(thinking, Mapping):
        return
    if row.thinking == "switch" and "keep" in thinking:
        yield f'thinking.keep is not supported by model "{row.id}"'
    if row.thinking in ("only_enabled", "plan") and kind not in (None, "enabled"):
        yield "invalid thinking: only type=enabled is allowed for this model"
    if row.thinking in ("switch", "switch_keep") and kind not in ("enabled", "disabled"):
        yield "invalid thinking: type must be enabled or disabled"
    known = _THINKING_KEYS.get(row.thinking)
    unknown = [key for key in thinking if known is not None and key not in known]
    if unknown:
        yield f"Invalid request: thinking: additional property {unknown[0]} is not allowed"
    if row.thinking == "plan" and not is_known_effort(effort_of(chat)):
        yield f"invalid thinking effort: {effort_of(chat)}"


def _about_sampling(chat: Body, row: Row | None) -> Iterator[str]:
    if row is None or row.sampling != "fixed":
        return
    fixed = {"temperature": 1 if is_thinking(chat, row) else 0.6, **_FIXED}
    for name, value in fixed.items():
        if chat.get(name, value) != value:
            yield f"invalid {name}: only {json.dumps(value)} is allowed for this model"


def _about_tools(chat: Body, row: Row | None, face: Face) -> Iterator[str]:
    tools = chat.get("tools") or ()
    if len(tools) > _MOST_TOOLS:
        yield f"Invalid request: at most {_MOST_TOOLS} tools are allowed"
    names = []
    for tool in tools:
        function = tool.get("function", {})
        names.append(function.get("name", ""))
        if not _NAME.fullmatch(names[-1]):
            yield (
                "Invalid request: function name is invalid, must start with a letter and can contain letters, numbers, "
                "underscores, and dashes"
            )
        if face.is_kimi:
            yield from schema_complaints(function.get("parameters", {}))
    if len(set(names)) < len(names):
        yield f"Invalid request: function name {names[-1]} is duplicated"
    choice = chat.get("tool_choice")
    if face.is_kimi and isinstance(choice, dict) and is_thinking(chat, row):
        yield "tool_choice 'specified' is incompatible with thinking enabled"
    if face.is_kimi and choice == "required" and row is not None and not row.can_require_tool:
        yield "tool_choice 'required' is not supported by this model"


def _about_openai(chat: Body, row: Row | None) -> Iterator[str]:
    if row is None or row.sampling != "default_only":
        return
    if chat.get("temperature", 1) != 1:
        yield (
            f"Unsupported value: 'temperature' does not support {json.dumps(chat['temperature'])} with this model. "
            "Only the default (1) value is supported."
        )
    if "max_tokens" in chat:
        yield (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )


def _about_zai(chat: Body) -> Iterator[str]:
    if isinstance(chat.get("tool_choice"), dict) or chat.get("tool_choice") == "required":
        yield "Invalid API parameter: tool_choice supports auto only"
    if (chat.get("response_format") or {}).get("type") == "json_schema":
        yield "Invalid API parameter: response_format supports text and json_object only"
