"""Which optional field of a request a provider refused, so that it can be left out and the request sent again."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mesrai.errors import ModelError, ModelUnknown, PromptRejected
from mesrai.llm.error_body import Said

Path = tuple[str, ...]  # the keys that lead to a field of the body

OPTIONAL: Final = frozenset({
    "temperature", "top_p", "thinking", "reasoning", "reasoning_effort", "enable_thinking", "chat_template_kwargs",
    "output_config", "response_format", "max_tokens", "max_completion_tokens", "prompt_cache_key", "stream_options",
    "tool_choice", "tools", "parallel_tool_calls", "generationConfig",
})  # fmt: skip
# Who may see the code, and who may keep it: a request that cannot say so is not sent.
_KEPT: Final = frozenset({"provider", "store", "inference_geo"})
_NESTED: Final = "generationConfig"  # Gemini's optional fields are all in it, and it is never left out as a whole
LIMITS: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
# What providers call a field when they do not use its name.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "response_format": ("response format", "json_schema", "json schema", "json mode", "structured output",
                        "response mime type"),
    "stream_options": ("include_usage",),
    "output_config.format": ("output_format", "json_schema", "structured output"),
    "tool_choice": ("tool choice",),
    "generationConfig.responseMimeType": ("response mime type",),
    "generationConfig.responseJsonSchema": ("response schema",),
    "generationConfig.thinkingConfig": ("thinking", "thinking_level", "thinkinglevel", "thinking_budget",
                                        "thinkingbudget", "budget 0 is invalid"),
    "tools": ("does not support tools", "support tool use", "support function calling", "tools are not supported",
              "tool calling is not supported", "function calling is not enabled"),
}  # fmt: skip
# These speak of a message or a tool that is wrong, and only mention a field in passing.
_OTHER_FAULTS: Final = (
    "reasoning_content is missing", "must start with a thinking block", "tool_call_id", "expected `thinking`",
    "tools.function",
)  # fmt: skip
_CAP: Final = re.compile(
    r"(?:at most|up to|less than or equal to|<=|maximum (?:value )?(?:for .{1,40}? )?(?:is|of)|cannot exceed|"
    r"not exceed|maximum allowed (?:number of output tokens )?(?:for .{1,60}?)?(?:is)?|\[1, ?)\D{0,3}(\d[\d,]{2,9})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A field the provider does not take, and how the request must change."""

    path: Path
    cap: int | None = None  # the largest value it takes, where it takes the field but not so much
    renamed: str = ""  # the field's other name, where the provider may take that

    @property
    def name(self) -> str:
        """As people write it."""
        return ".".join(self.path)


def refused_field(
    error: ModelError, said: Said, body: Mapping[str, Any], more: Collection[str] = (), kept: Collection[str] = ()
) -> Refused | None:
    """The optional field of `body` the provider refused with this error; None if it refused something else.

    `more` are further fields of the body that may be left out; `kept` are those that may not.
    """
    is_tools = isinstance(error, ModelUnknown) and error.status in (400, 404)
    if not isinstance(error, PromptRejected) and not is_tools:
        return None
    text = said.text.lower()
    if any(fault in text for fault in _OTHER_FAULTS):
        return None
    optional = {*OPTIONAL, *more}.difference(kept)
    paths = [path for path in _paths(body, optional) if not is_tools or path == ("tools",)]
    named = [path for path in paths if said.param and ".".join(path) == said.param]
    mentioned = sorted((at, -len(path), path) for path in paths if (at := _mentioned_at(path, text)) is not None)
    if not named and not mentioned:
        return None
    path = named[0] if named else mentioned[0][2]
    return _limit(path, text, body) if path[0] in LIMITS else Refused(path=path)


def without(body: Mapping[str, Any], refused: Refused) -> dict[str, Any]:
    """The body changed so that it no longer holds what was refused; the same if it does not hold it."""
    first, *rest = refused.path
    if first not in body:
        return dict(body)
    if rest:
        inner = {key: value for key, value in body[first].items() if key != rest[0]}
        return {**body, first: inner} if inner else _less(body, first)
    if refused.cap is not None:
        return {**body, first: min(refused.cap, body[first])}
    if refused.renamed:
        return {**_less(body, first), refused.renamed: body[first]}
    if first == "tools":
        return _less(_less(_less(body, "tools"), "tool_choice"), "toolConfig")
    return _less(body, first)


def _less(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != key}


def _paths(body: Mapping[str, Any], optional: Collection[str]) -> Iterator[Path]:
    for field in optional:
        value = body.get(field)
        if value is None or field in _KEPT or (field == "tools" and _has_called(body)):
            continue
        if field != _NESTED:
            yield (field,)
        if isinstance(value, Mapping) and field != "response_format":
            yield from ((field, key) for key in value if key != "type")


def _has_called(body: Mapping[str, Any]) -> bool:
    """Whether the conversation holds tool calls already, which without declared tools is refused."""
    for message in body.get("messages", ()):
        content = message.get("content")
        blocks = content if isinstance(content, list) else ()
        if message.get("tool_calls") or any(block.get("type") == "tool_use" for block in blocks):
            return True
    return any("functionCall" in part for content in body.get("contents", ()) for part in content["parts"])


def _mentioned_at(path: Path, text: str) -> int | None:
    names = list(_ALIASES.get(".".join(path), ()))
    if path != ("tools",):
        names.append(".".join(path))
    if len(path) == 2 and "_" in path[1]:
        names.append(path[1])
    if path[0] == _NESTED:
        snake = re.sub("([A-Z])", r"_\1", path[1]).lower()  # Google writes both, and the names of messages before them
        names += [
            path[1].lower(),
            snake,
            f"generation_config.{snake}",
            f"generatecontentrequest.generation_config.{snake}",
        ]
    places = [
        found.start() for name in names if (found := re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text)) is not None
    ]
    return min(places, default=None)


def _limit(path: Path, text: str, body: Mapping[str, Any]) -> Refused | None:
    """What to do about a refused output limit: lower it if a bound is named, else use its other name."""
    found = _CAP.search(text)
    if found:
        cap = int(found.group(1).replace(",", ""))
        return Refused(path=path, cap=cap) if 0 < cap < body[path[0]] else None
    return Refused(path=path, renamed=LIMITS[path[0]])
