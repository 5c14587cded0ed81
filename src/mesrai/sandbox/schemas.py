"""Moonshot's dialect of JSON Schema for tools: what its validator refuses, in its words."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_WORDS: Final = (
    "Invalid request: tools.function.parameters is not a valid moonshot flavored json schema, details: <At path "
    "'{path}': {fault}>"
)
_SHAPED: Final = ("enum", "const", "$ref", "anyOf", "oneOf", "allOf")


def schema_complaints(schema: Any) -> Iterator[str]:
    """Why the parameters of a tool are refused; the first is what the vendor would say."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        yield 'Invalid request: tools.function.parameters.type is required and must be "object"'
        return
    for path, fault in _faults(schema, ""):
        yield _WORDS.format(path=path or "root", fault=fault)


def _faults(schema: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, Mapping):
        yield path, "schema must be an object"
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#/$defs"):
        yield path, "references must start with #/$defs"
    if "anyOf" in schema and "type" in schema:
        yield path, "when using anyOf, type should be defined in anyOf items instead of the parent schema"
    if "type" not in schema and not any(key in schema for key in _SHAPED):
        yield path, "type is not defined"
    for below, inner in _inner(schema):
        yield from _faults(inner, f"{path}.{below}" if path else below)


def _inner(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for group in ("properties", "$defs"):
        named = schema.get(group)
        for name, each in named.items() if isinstance(named, Mapping) else ():
            yield f"{group}.{name}", each
    for group in ("anyOf", "oneOf", "allOf"):
        listed = schema.get(group)
        for index, each in enumerate(listed if isinstance(listed, list) else ()):
            yield f"{group}.{index}", each
    if "items" in schema:
        yield "items", schema["items"]
