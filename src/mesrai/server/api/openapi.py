"""The description of the interface in OpenAPI 3.1, made from the table of operations."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from mesrai.review.render.json_text import review_schema
from mesrai.server.api.call import USUAL, Operation
from mesrai.server.api.problems import MEANINGS, MEDIA_TYPE, Code, Problem

Json = dict[str, Any]
_REF: Final = "#/components/schemas/{name}"
_ABOUT: Final = (
    "The interface of a Mesrai server for programs. Every call but this description needs a token, which is made on "
    "the page /account and sent as `Authorization: Bearer mesrai_…`; it may do what it was given and what its member "
    "may still do. Errors are problem details (RFC 9457) with a `code` for programs. Lists are pages: `next` of one is "
    "`after` of the next. Within version 1 fields and operations are only added."
)
_BODY: Final = (Code.NOT_JSON, Code.TOO_SLOW, Code.TOO_LARGE, Code.UNSUPPORTED_TYPE, Code.INVALID)
_RATE: Final = {
    "RateLimit-Limit": "calls a minute",
    "RateLimit-Remaining": "calls that are left in this minute",
    "RateLimit-Reset": "seconds until the next one begins",
}


def document(operations: Sequence[Operation]) -> Json:
    """The whole description."""
    paths: Json = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mesrai",
            "version": "1",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "headers": {
                name: {"description": told, "schema": {"type": "integer"}}
                for name, told in (_RATE | {"Retry-After": "seconds until it may be tried again"}).items()
            },
            "responses": _problems(operations),
            "schemas": _schemas(operations),
        },
    }


def codes_of(operation: Operation) -> tuple[Code, ...]:
    """Every problem that an operation may answer with."""
    codes = [*operation.errors, Code.FAULT, Code.INVALID, Code.UNAVAILABLE]
    codes += USUAL if operation.needs is not None else ()
    codes += (Code.NOT_FOUND,) if operation.at is not None else ()
    codes += _BODY if operation.body is not None else ()
    codes += (Code.IN_PROGRESS, Code.KEY_REUSED, Code.INVALID) if operation.is_once else ()
    return tuple(code for code in Code if code in codes)


def _operation(operation: Operation) -> Json:
    told: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.told,
        "responses": _responses(operation),
    }
    if operation.needs is None:
        told["security"] = []
    else:
        needed = "a token, whatever it may do" if operation.is_for_any_token else f"the right `{operation.needs}`"
        told["description"] = f"Needs {needed}."
    parameters = _parameters(operation)
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        schema = _component(operation.body)
        told["requestBody"] = {
            "required": bool(schema.get("required")),
            "content": {"application/json": {"schema": {"$ref": _REF.format(name=operation.body.__name__)}}},
        }
    return told


def _parameters(operation: Operation) -> list[Json]:
    found = [*_fields(operation.at, "path"), *_fields(operation.query, "query")]
    if operation.is_once:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same request sent again under the same key within 24 hours gives the same answer.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
            }
        )
    if operation.media_type == "text/event-stream":
        found.append(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "Only what came after this event.",
                "schema": {"type": "integer", "minimum": 0, "maximum": 2**53},
            }
        )
    return found


def _fields(shape: type[msgspec.Struct] | None, place: str) -> list[Json]:
    if shape is None:
        return []
    schema = _component(shape)
    found: list[Json] = []
    for name, field in schema.get("properties", {}).items():
        spec = _plain_parameter(dict(field))
        told = spec.pop("description", "")
        parameter = {"name": name, "in": place, "required": place == "path", "schema": spec}
        found.append(parameter | ({"description": told} if told else {}))
    return found


def _plain_parameter(spec: Json) -> Json:
    """Without null, which a parameter cannot be: it is left out instead."""
    spec.pop("default", None)
    kinds = [each for each in spec.pop("anyOf", ()) if each != {"type": "null"}]
    if kinds:
        spec |= kinds[0]
    if None in spec.get("enum", ()):
        spec["enum"] = [each for each in spec["enum"] if each is not None]
    if isinstance(spec.get("type"), list):
        spec["type"] = next(each for each in spec["type"] if each != "null")
    return spec


def _responses(operation: Operation) -> Json:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE} if operation.needs else {}
    good: Json = {"description": "Done."} | ({"headers": headers} if headers else {})
    if operation.answer is not None:
        good["content"] = {operation.media_type: {"schema": _schema(operation.answer)}}
    refused = {
        str(status): {"$ref": f"#/components/responses/{_named(codes)}"}
        for status, codes in _by_status(operation).items()
    }
    return dict(sorted({str(operation.status): good, **refused}.items()))


def _problems(operations: Sequence[Operation]) -> Json:
    """Every answer that is a problem, or one of several with the same status."""
    kinds = {codes for each in operations for codes in _by_status(each).values()}
    return {_named(codes): _problem(codes) for codes in sorted(kinds)}


def _problem(codes: tuple[Code, ...]) -> Json:
    told: Json = {
        "description": " ".join(f"{MEANINGS[code][1]} (`{code}`)." for code in codes),
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
    }
    if {Code.RATE_LIMITED, Code.UNAVAILABLE, Code.IN_PROGRESS} & set(codes):
        told["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return told


def _by_status(operation: Operation) -> Mapping[int, tuple[Code, ...]]:
    found: dict[int, tuple[Code, ...]] = {}
    for code in codes_of(operation):
        status = MEANINGS[code][0]
        found[status] = (*found.get(status, ()), code)
    return found


def _named(codes: tuple[Code, ...]) -> str:
    return "_or_".join(codes)


def _schemas(operations: Sequence[Operation]) -> Json:
    """Every shape by its name, and the report as `mesrai review --format json` writes it."""
    shapes = [shape for each in operations for shape in (each.body, each.answer) if shape is not None]
    _, parts = msgspec.json.schema_components([*shapes, Problem], ref_template=_REF)
    report = review_schema()
    named = {f"Report{name}": _renamed(part) for name, part in report.pop("$defs").items()}
    root = _renamed({key: value for key, value in report.items() if key != "$schema"})
    schemas = {name: _tidied(part) for name, part in parts.items()} | named | {"Report": root}
    detail = schemas.get("ReviewDetail", {}).get("properties", {})
    if detail:
        detail["report"] = {
            "anyOf": [{"$ref": _REF.format(name="Report")}, {"type": "null"}],
            "description": "As `mesrai review --format json` writes it; null while there is none.",
        }
    return dict(sorted(schemas.items()))


def _schema(shape: Any) -> Json:
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
    return schema


def _component(shape: type[msgspec.Struct]) -> Json:
    _, parts = msgspec.json.schema_components([shape], ref_template=_REF)
    found: Json = _inlined(parts[shape.__name__], parts)
    return found


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:
    """With what it refers to in its place: parameters have no components."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return _inlined(parts[schema["$ref"].rsplit("/", 1)[1]], parts) | rest
        return {key: _inlined(value, parts) for key, value in schema.items()}
    return [_inlined(each, parts) for each in schema] if isinstance(schema, list) else schema


def _tidied(schema: Json) -> Json:
    """Docstrings on one line."""
    told = schema.get("description")
    return schema | ({"description": re.sub(r"\s+", " ", told)} if isinstance(told, str) else {})


def _renamed(part: Any) -> Any:
    """A part of the report's schema, with references to where the parts stand here."""
    if isinstance(part, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/Report")
            if key == "$ref" and isinstance(value, str)
            else _renamed(value)
            for key, value in part.items()
        }
    return [_renamed(each) for each in part] if isinstance(part, list) else part
