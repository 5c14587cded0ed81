"""What Gemini's own API refuses in a request, in its words."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mesrai.sandbox.gemini_surface import SIGNATURE
from mesrai.sandbox.listing import Row
from mesrai.sandbox.saying import Body

_FIELDS: Final = frozenset({
    "contents", "tools", "toolConfig", "safetySettings", "systemInstruction", "generationConfig", "cachedContent",
    "labels", "serviceTier", "store",
})  # fmt: skip
_LEVELS: Final = ("minimal", "low", "medium", "high")
_NO_FIELD: Final = 'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.'


def gemini_complaint(body: Body, row: Row | None) -> str | None:
    """Why the request is refused with 400; None if it is not."""
    return next(_complaints(body, row), None)


def _complaints(body: Body, row: Row | None) -> Iterator[str]:
    for name in body:
        if name not in (*_FIELDS, "stream"):  # the stand-in puts it there, from the path
            yield _NO_FIELD.format(name=name, place="")
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        yield "* GenerateContentRequest.contents: contents is not specified"
        return
    generation = _of(body, "generationConfig")
    yield from _about_schemas(body, generation)
    yield from _about_thinking(_of(generation, "thinkingConfig"), row)
    if row is not None and row.thinking == "tokens" and body.get("tools") and "responseMimeType" in generation:
        yield "Function calling with a response mime type: 'application/json' is unsupported"
    yield from _about_contents(contents)
    if row is not None and row.thinking.startswith("level"):
        yield from _about_signatures(contents)


def _about_schemas(body: Body, generation: Mapping[str, Any]) -> Iterator[str]:
    """`parameters` and `responseSchema` take a part of OpenAPI's schemas only."""
    for number, tool in enumerate(body.get("tools") or ()):
        for index, each in enumerate(tool.get("functionDeclarations") or ()):
            if "parameters" in each and _has_key(each["parameters"], "additionalProperties"):
                place = f" at 'tools[{number}].function_declarations[{index}].parameters'"
                yield _NO_FIELD.format(name="additionalProperties", place=place)
    if _has_key(generation.get("responseSchema"), "additionalProperties"):
        yield _NO_FIELD.format(name="additionalProperties", place=" at 'generation_config.response_schema'")
    if "responseSchema" in generation and "responseJsonSchema" in generation:
        yield "Only one of response_schema and response_json_schema may be set."
    if "responseJsonSchema" in generation and generation.get("responseMimeType") != "application/json":
        yield "response_json_schema needs the response_mime_type application/json."


def _about_thinking(thinking: Mapping[str, Any], row: Row | None) -> Iterator[str]:
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if level is not None and budget is not None:
        yield "You can only set only one of thinking budget and thinking level."
    if level is not None and str(level).lower() not in _LEVELS:
        yield f"Invalid value at 'generation_config.thinking_config.thinking_level': \"{level}\""
    if row is None:
        return
    if level is not None and row.thinking == "tokens":
        yield "Thinking level is not supported for this model."
    if row.thinking == "level_low" and str(level).lower() == "minimal":
        yield "Thinking level MINIMAL is not supported for this model."


def _about_contents(contents: list[Any]) -> Iterator[str]:
    wanted = 0
    for content in contents:
        parts = content.get("parts") if isinstance(content, Mapping) else None
        if not parts:
            yield "* GenerateContentRequest.contents.parts: contents.parts must not be empty."
            return
        answers = sum("functionResponse" in part for part in parts)
        if answers != wanted:
            yield (
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        wanted = sum("functionCall" in part for part in parts)


def _about_signatures(contents: list[Any]) -> Iterator[str]:
    """The first call of every step since the user's last words must be signed, by the signature it came with."""
    for content in reversed(contents):
        parts = content["parts"]
        if content.get("role") != "model" and any("text" in part for part in parts):
            return
        first = next((part for part in parts if "functionCall" in part), None)
        if first is None:
            continue
        if "thoughtSignature" not in first:
            yield (
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                f"work correctly. Function call `{first['functionCall'].get('name')}`."
            )
        elif not _is_ours(first["thoughtSignature"]):
            yield "Thought signature is not valid."


def _is_ours(signature: Any) -> bool:
    try:
        return base64.b64decode(str(signature), validate=True).startswith(SIGNATURE.encode())
    except ValueError:
        return False


def _has_key(schema: Any, key: str) -> bool:
    if isinstance(schema, list):
        return any(_has_key(each, key) for each in schema)
    if not isinstance(schema, Mapping):
        return False
    return key in schema or any(_has_key(each, key) for each in schema.values())


def _of(body: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = body.get(field)
    return value if isinstance(value, Mapping) else {}
