"""A review as JSON, for programs: written, read back, cut to chosen fields, and described by a schema."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from mesrai.domain.review import SCHEMA_VERSION, Review
from mesrai.domain.unseen import UNSEEN
from mesrai.domain.usage import Estimate
from mesrai.errors import SettingsError, UserError
from mesrai.review.render.json_words import DESCRIPTIONS

_CENTS: Final = Decimal("0.000001")
_ALWAYS: Final = ("schema_version", "outcome")  # so that no choice of fields can hide a failure
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def render_json(review: Review, *, fields: Sequence[str] = (), indent: int = 2) -> str:
    """The review as JSON with a line end; `indent` 0 writes it on one line.

    Of `fields`, such as "summary" or "findings.path", only those are kept, and always schema_version and outcome.
    Errors: SettingsError for a field that there is not.
    """
    tree = _cut(_plain(msgspec.to_builtins(review, builtin_types=(Decimal,))), _wanted(fields))
    encoded = msgspec.json.Encoder(decimal_format="number").encode(tree)
    text = msgspec.json.format(encoded, indent=indent or -1).decode()
    # Such characters are valid in JSON, but a terminal acts on some; outside of strings only line feeds occur.
    return UNSEEN.sub(lambda found: "\n" if found[0] == "\n" else _escape(found[0]), text) + "\n"


def render_agent(review: Review, *, fields: Sequence[str] = ()) -> str:
    """The same as `render_json`, on one line: the stable form for programs."""
    return render_json(review, fields=fields, indent=0)


def render_estimate(estimate: Estimate) -> str:
    """An estimate by itself as JSON with a line end."""
    tree = _plain(
        {"schema_version": SCHEMA_VERSION, "estimate": msgspec.to_builtins(estimate, builtin_types=(Decimal,))}
    )
    return msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(tree), indent=2).decode() + "\n"


def read_review(data: bytes) -> Review:
    """The review that `render_json` wrote without `fields`. Errors: UserError."""
    try:
        review = msgspec.json.decode(data, type=Review)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"This is not a review written by mesrai: {error}") from error
    if review.schema_version != SCHEMA_VERSION:
        raise UserError(f"This review has schema version {review.schema_version}; only {SCHEMA_VERSION} can be read.")
    return review


def review_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `render_json` writes without `fields`."""
    _, parts = msgspec.json.schema_components([Review], ref_template="#/$defs/{name}")
    described = {name: _described(name, part) for name, part in sorted(parts.items())}
    root = described.pop("Review")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": described,
    }


def _plain(value: Any) -> Any:
    """Costs with six decimals, and no character that UTF-8 cannot hold, as some file names have."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return value.quantize(_CENTS)
    return _SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value


def _escape(char: str) -> str:
    units = char.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


_Tree = dict[str, Any]  # name → the same of what is below it; empty: all of it


def _wanted(fields: Sequence[str]) -> _Tree:
    names = _names(review_schema()) if fields else ()
    wanted: _Tree = {}
    for field in dict.fromkeys(fields):
        if field not in names:
            raise SettingsError(f"--fields: there is no field {field!r}. There are: {', '.join(names)}.")
        _grow(wanted, field.split("."))
    for name in _ALWAYS if wanted else ():
        wanted[name] = {}
    return wanted


def _grow(tree: _Tree, path: Sequence[str]) -> None:
    """Add a path; one that ends takes all below it."""
    for at, name in enumerate(path):
        is_last = at == len(path) - 1
        if name in tree and not tree[name]:
            return
        tree[name] = {} if is_last else tree.get(name, {})
        tree = tree[name]


def _cut(value: Any, wanted: _Tree) -> Any:
    if not wanted:
        return value
    if isinstance(value, list):
        return [_cut(each, wanted) for each in value]
    if isinstance(value, dict):
        return {key: _cut(each, wanted[key]) for key, each in value.items() if key in wanted}
    return value


def _names(schema: Mapping[str, Any]) -> Sequence[str]:
    """Every field that may be asked for, with dots."""

    def below(part: Mapping[str, Any], before: str) -> Sequence[str]:
        names: list[str] = []
        for name, field in part.get("properties", {}).items():
            names += [before + name, *below(_target(field, schema["$defs"]), f"{before}{name}.")]
        return names

    return below(schema, "")


def _target(field: Mapping[str, Any], parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object a field holds, perhaps in a list, or what it is itself."""
    for inner in (field.get("items", {}), *field.get("anyOf", ()), field):
        if "$ref" in inner:
            found: Mapping[str, Any] = parts[inner["$ref"].rsplit("/", 1)[1]]
            return found
    return field


def _described(name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """A part of the schema with its fields explained and in their order, all of them required."""
    shown = dict(part)
    if "properties" in part:
        shown["properties"] = {
            field: _field(f"{name}.{field}", spec)
            for field, spec in sorted(part["properties"].items(), key=_order(name))
        }
        shown["required"] = list(shown["properties"])
    return shown


def _order(name: str) -> Callable[[tuple[str, Any]], int]:
    names = [key.partition(".")[2] for key in DESCRIPTIONS if key.startswith(f"{name}.")]
    return lambda item: names.index(item[0])


def _field(key: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in spec.items() if name != "default"}
    if key == "Usage.cost":
        kept = {"type": ["number", "null"], "minimum": 0}
    if kept.get("type") == "integer":
        kept["minimum"] = 1 if key.endswith("_line") else 0
    if key == "Finding.confidence":
        kept |= {"minimum": 0, "maximum": 1}
    return {**kept, "description": DESCRIPTIONS[key]}
