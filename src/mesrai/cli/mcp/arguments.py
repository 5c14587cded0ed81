"""Check what an agent gives a tool against the tool's own JSON Schema; only what our schemas use is known here."""

from collections.abc import Mapping
from typing import Any

from mesrai.errors import UserError

Schema = Mapping[str, Any]
_TYPES = {"string": str, "boolean": bool, "array": list}


def checked(given: object, schema: Schema) -> dict[str, Any]:
    """The arguments. Errors: UserError, in words an agent can act on."""
    if not isinstance(given, dict):
        raise UserError("The arguments must be an object.")
    known: Mapping[str, Schema] = schema["properties"]
    for name in given:
        if name not in known:
            raise UserError(f"There is no argument {name!r:.80}; there are {', '.join(known) or 'none'}.")
    for name in schema.get("required", ()):
        if name not in given:
            raise UserError(f"The argument {name} is missing.")
    for name, value in given.items():
        _check(name, value, known[name])
    return dict(given)


def _check(name: str, value: object, schema: Schema) -> None:
    if not isinstance(value, _TYPES[schema["type"]]):
        raise UserError(f"The argument {name} must be of type {schema['type']}.")
    allowed = schema.get("enum")
    if allowed is not None and value not in allowed:
        raise UserError(f"The argument {name} must be one of {', '.join(allowed)}.")
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        raise UserError(f"The argument {name} is longer than {schema['maxLength']} characters.")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            raise UserError(f"The argument {name} must have {schema.get('minItems', 0)} to {schema['maxItems']} items.")
        for each in value:
            _check(name, each, schema["items"])
