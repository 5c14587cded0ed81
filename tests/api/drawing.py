"""What hypothesis draws from a JSON Schema: mostly what it describes, with words that mean something here among it."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

_EDGES = (
    "",
    " ",
    "0",
    "-1",
    "null",
    "true",
    "\x00",
    "\u2028",
    "é" * 50,
    "'; DROP TABLE reviews; --",
    "../..",
    "%2e%2e",
    "{}",
)

Words = Mapping[str, Sequence[Any]]  # by the name of a field


def field(name: str, schema: Mapping[str, Any], parts: Mapping[str, Any], words: Words) -> st.SearchStrategy[Any]:
    """Values of a field: mostly one that means something here, where there is any."""
    found = drawn(schema, parts, words)
    hints = st.sampled_from(list(words[name])) if words.get(name) else None
    return found if hints is None else st.one_of(hints, hints, hints, found)


def drawn(schema: Mapping[str, Any], parts: Mapping[str, Any], words: Words) -> st.SearchStrategy[Any]:
    """Values of a schema; `parts` are what it refers to."""
    if "$ref" in schema:
        return drawn(parts[schema["$ref"].rsplit("/", 1)[1]], parts, words)
    if "anyOf" in schema:
        return st.one_of([drawn(each, parts, words) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.one_of([drawn({**schema, "type": each}, parts, words) for each in kind])
    if kind is None:
        return _anything()
    if kind == "object":
        return _object(schema, parts, words)
    if kind == "array":
        items = drawn(schema.get("items", {}), parts, words)
        return st.lists(items, min_size=schema.get("minItems", 0), max_size=min(schema.get("maxItems", 3), 3))
    return _scalar(kind, schema)


def _object(schema: Mapping[str, Any], parts: Mapping[str, Any], words: Words) -> st.SearchStrategy[Any]:
    if "properties" not in schema:
        inner = schema.get("additionalProperties", {})
        values = drawn(inner if isinstance(inner, dict) else {}, parts, words)
        return st.dictionaries(
            st.text(min_size=1, max_size=20), values, min_size=schema.get("minProperties", 0), max_size=3
        )
    required = set(schema.get("required", ()))
    fields = {name: field(name, each, parts, words) for name, each in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: each for name, each in fields.items() if name in required},
        optional={name: each for name, each in fields.items() if name not in required},
    )


def _scalar(kind: str, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if kind == "string":
        return _text(schema)
    if kind == "integer":
        return st.integers(least, most)
    if kind == "number":
        return st.floats(least, most, allow_nan=False, allow_infinity=False)
    return st.booleans() if kind == "boolean" else st.none()


def _text(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda at: f"{at.isoformat()}Z")
    if schema.get("format") == "date":
        return st.dates().map(str)
    least, most = schema.get("minLength", 0), min(schema.get("maxLength", 40), 40)
    usual = st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=most)
    fitting = [each for each in _EDGES if least <= len(each) <= schema.get("maxLength", 1_000)]
    return st.one_of(st.sampled_from(fitting), usual)


def _anything() -> st.SearchStrategy[Any]:
    simple = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=10))
    return st.one_of(simple, st.lists(simple, max_size=2), st.dictionaries(st.text(max_size=5), simple, max_size=2))
