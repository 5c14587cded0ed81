"""How fields of a person's own JSON are called on the wire, and which of them are not theirs to set."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Path = tuple[str, ...]

NAMESPACES: Final = ("anthropic", "google", "openai", "openrouter", "openaiCompatible")
_KNOWN: Final = {re.sub("[_-]", "", name).lower(): name for name in NAMESPACES}

_OWN: Final = "Mesrai writes it itself, since the review depends on it."
_SETTING: Final = "It has a setting of its own: {}."
_KEY: Final = "Keys and headers do not belong in custom JSON, which is shown; the key has a field of its own."
_CREDENTIALS: Final = frozenset({"apikey", "authorization", "authorizationtoken", "accesstoken", "xapikey", "bearer"})
_UNWRAPPED: Final = "Give the fields in it themselves."
# by name without underscores and capitals → why a person may not set it
_PROTECTED: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("messages", "contents", "input", "prompt", "system", "systeminstruction", "tools", "toolchoice", "toolconfig",
         "functions", "functioncall", "stream", "streamoptions", "responseformat", "n", "stop", "stopsequences"), _OWN,
    ),
    "model": _SETTING.format("model"),
    "models": "Another model than the connection's would answer; connect it as the fallback.",
    "temperature": _SETTING.format("temperature"),
    **dict.fromkeys(("maxtokens", "maxcompletiontokens", "maxoutputtokens"), _SETTING.format("max_output_tokens")),
    **dict.fromkeys(("apikey", "key", "authorization", "headers", "extraheaders", "xapikey"), _KEY),
    "extrabody": _UNWRAPPED,
}  # fmt: skip
_PROTECTED_INSIDE: Final[Mapping[Path, str]] = {
    ("outputconfig", "format"): _OWN,
    **{
        ("generationconfig", name): _OWN
        for name in ("responseschema", "responsejsonschema", "responsemimetype", "candidatecount", "stopsequences")
    },
    ("generationconfig", "temperature"): _SETTING.format("temperature"),
    ("generationconfig", "maxoutputtokens"): _SETTING.format("max_output_tokens"),
}
# Options of the AI SDK that steer that client and are no fields of a request.
SDK_ONLY: Final = frozenset({
    "strict_json_schema", "structured_outputs", "send_reasoning", "tool_streaming", "system_message_mode",
    "force_reasoning", "disable_parallel_tool_use", "structured_output_mode", "structuredOutputs",
})  # fmt: skip
# What stands in OpenRouter's `provider`, and is written beside it too: https://openrouter.ai/docs/features/provider-routing
ROUTING_FIELDS: Final = frozenset({
    "order", "only", "ignore", "allow_fallbacks", "require_parameters", "data_collection", "zdr", "quantizations",
    "sort", "max_price", "enforce_distillable_text",
})  # fmt: skip
# Gemini keeps these in generationConfig; the AI SDK has them outside.
_GENERATION: Final = frozenset({
    "thinkingConfig", "responseModalities", "mediaResolution", "audioTimestamp", "imageConfig", "topP", "topK", "seed",
    "responseSchema", "responseJsonSchema", "responseMimeType", "candidateCount", "temperature", "maxOutputTokens",
})  # fmt: skip
OBJECTS: Final = frozenset({("provider",), ("generationConfig",), ("output_config",), ("thinking",), ("reasoning",)})
_RENAMED: Final = {"text_verbosity": "verbosity"}
_FREE: Final = frozenset({"logit_bias", "chat_template_kwargs", "labels"})  # what stands in these is not ours to spell


def namespace_named(key: str) -> str | None:
    """The namespace a key means, in either spelling; None if it means none."""
    return _KNOWN.get(re.sub("[_-]", "", key).lower())


def wire_fields(fields: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The fields as they go on the wire of a provider with that namespace. Doing it again changes nothing."""
    wire: dict[str, Any] = {}
    for key, value in fields.items():
        *outer, name = _outer_path(key, namespace)
        place = wire
        for each in outer:
            inner = place.get(each)
            place[each] = inner = dict(inner) if isinstance(inner, Mapping) else {}
            place = inner
        renamed = value if name in _FREE else _renamed(value, namespace)
        old = place.get(name)
        both = isinstance(old, Mapping) and isinstance(renamed, Mapping)
        place[name] = {**renamed, **old} if both and isinstance(old, Mapping) else renamed
    return wire


def spelled(fields: Mapping[str, Any], namespace: str) -> Iterator[tuple[Path, Path]]:
    """Every key: its path as written, and its path on the wire."""
    for key, value in fields.items():
        wire = _outer_path(key, namespace)
        yield (key,), wire
        if wire[-1] not in _FREE:
            yield from _spelled_inside(value, namespace, (key,), wire)


def reason_against(wire: Path) -> str:
    """Why a person may not set a field of the request; empty if they may."""
    plain = tuple(re.sub("[_-]", "", each).lower() for each in wire)
    if len(plain) == 1:
        return _PROTECTED.get(plain[0], "")
    return _KEY if plain[-1] in _CREDENTIALS else _PROTECTED_INSIDE.get(plain, "")


def _outer_path(key: str, namespace: str) -> Path:
    """Where an outer key stands in the request."""
    name = _wire_name(key, namespace)
    if namespace == "google" and name in _GENERATION:
        return ("generationConfig", name)
    if namespace == "anthropic" and name == "effort":
        return ("output_config", "effort")
    if namespace == "openrouter" and name in ROUTING_FIELDS:
        return ("provider", name)
    return (name,)


def _wire_name(key: str, namespace: str) -> str:
    if namespace == "google":
        return re.sub(r"(?<=[a-z0-9])_([a-z0-9])", lambda found: found[1].upper(), key)
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), key)
    return _RENAMED.get(snake, snake)


def _renamed(value: Any, namespace: str) -> Any:
    if isinstance(value, list):
        return [_renamed(each, namespace) for each in value]
    if not isinstance(value, Mapping):
        return value
    names = {key: _wire_name(key, namespace) for key in value}
    return {name: value[key] if name in _FREE else _renamed(value[key], namespace) for key, name in names.items()}


def _spelled_inside(value: Any, namespace: str, written: Path, wire: Path) -> Iterator[tuple[Path, Path]]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _spelled_inside(each, namespace, (*written, str(index)), (*wire, str(index)))
        return
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        name = _wire_name(key, namespace)
        yield (*written, key), (*wire, name)
        if name not in _FREE:
            yield from _spelled_inside(inner, namespace, (*written, key), (*wire, name))
