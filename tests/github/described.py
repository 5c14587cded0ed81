"""GitHub's description, ready to hold exchanges and webhook payloads against."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from tests.github.description import cut_description, pattern_of
from tests.github.exchange import Exchange

_HOST = "https://api.github.com"
# Answers that any address may give, whether its own description says so or not.
_SENT_ON = {301, 307}
_ANYWHERE = {401, 403, 404, 406, 429, 500, 502, 503, 504}
# The description itself is taken as it is: checking it would cost seconds.
_TRUSTED = Config(
    spec_validator_cls=None,  # type: ignore[arg-type]
    extra_media_type_deserializers={"application/vnd.github.diff": lambda raw, **_: raw.decode()},
)


@lru_cache(maxsize=2)
def described(paths: frozenset[str]) -> "Described":
    """The description of these paths; read once in a process. Errors: FileNotFoundError."""
    return Described(cut_description(paths))


class Described:
    """The description, ready to validate with."""

    def __init__(self, cut: dict[str, Any]) -> None:
        self._openapi = OpenAPI.from_dict(cut["openapi"], config=_TRUSTED)
        self._paths = {pattern_of(path): entry for path, entry in cut["openapi"]["paths"].items()}
        root = {"components": cut["openapi"]["components"]}
        resource = Resource.from_contents(root, default_specification=DRAFT4)
        self._registry: Registry[Any] = Registry().with_resource("urn:github", resource)
        self._components = root["components"]
        self._events = {name: _absolute(schema) for name, schema in cut["events"].items()}

    def faults_of(self, exchange: Exchange) -> Iterable[tuple[str, str]]:
        """(request or response, why)."""
        if exchange.path == "/graphql":
            return
        request = MockRequest(
            _HOST,
            exchange.method.lower(),
            exchange.path,
            args=dict(exchange.query),
            headers=dict(exchange.headers),
            data=exchange.raw or None,
            content_type=exchange.headers.get("content-type", "application/json"),
        )
        is_refusal = exchange.status >= 400
        yield from (("request", _why(error)) for error in self._openapi.iter_request_errors(request))
        operation = self._operation(exchange)
        if operation is None:
            yield "request", "GitHub has no such operation"
            return
        yield from (("request", why) for why in self._unknown_fields(operation, exchange))
        if exchange.status in _SENT_ON:
            return  # few addresses are described with it, though any that names a project may give it
        described = str(exchange.status) in operation["responses"]
        if not described and is_refusal and (exchange.status in _ANYWHERE or exchange.status == 422):
            yield from (("response", why) for why in self._faults_of_error(exchange))
            return
        response = MockResponse(
            exchange.answer,
            status_code=exchange.status,
            headers=dict(exchange.answer_headers),
            content_type=exchange.answer_headers.get("content-type", "application/json").partition(";")[0],
        )
        yield from (("response", _why(error)) for error in self._openapi.iter_response_errors(request, response))

    def _operation(self, exchange: Exchange) -> dict[str, Any] | None:
        parts = exchange.path.split("/")
        for pattern, entry in self._paths.items():
            wanted = pattern.split("/")
            if len(wanted) == len(parts) and all(
                w in ("{}", p) or "{}" in w for w, p in zip(wanted, parts, strict=True)
            ):
                found = entry.get(exchange.method.lower())
                if found is not None and not self._has_exact(parts, pattern):
                    return dict(found)
        return None

    def _has_exact(self, parts: list[str], pattern: str) -> bool:
        """Whether another pattern fits these parts with fewer parameters."""
        ours = pattern.count("{}")
        for other in self._paths:
            wanted = other.split("/")
            fits = len(wanted) == len(parts) and all(w in ("{}", p) for w, p in zip(wanted, parts, strict=True))
            if fits and other.count("{}") < ours:
                return True
        return False

    def _unknown_fields(self, operation: dict[str, Any], exchange: Exchange) -> Iterable[str]:
        """GitHub ignores fields it does not know; we want to hear of them."""
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None or not exchange.raw:
            return
        known = content["schema"].get("properties")
        sent = json.loads(exchange.raw)
        if known and isinstance(sent, dict):
            yield from (f"field {name!r} is not described" for name in sorted(set(sent) - set(known)))
        comments = sent.get("comments") if isinstance(sent, dict) else None
        for each in comments or ():
            fields = known["comments"]["items"]["properties"]
            yield from (f"comments[].{name} is not described" for name in sorted(set(each) - set(fields)))

    def _faults_of_error(self, exchange: Exchange) -> Iterable[str]:
        schema = {"$ref": "urn:github#/components/schemas/basic-error"}
        yield from self._faults(schema, json.loads(exchange.answer))

    def faults_of_event(self, name: str, payload: Mapping[str, Any]) -> Iterable[str]:
        schema = self._events.get(name)
        if schema is None:
            return [f"{name} is not among the events the description was cut for"]
        return self._faults(schema, payload)

    def _faults(self, schema: Any, instance: Any) -> list[str]:
        validator = OAS30Validator(schema, registry=self._registry)
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(instance)]


def _absolute(node: Any) -> Any:
    """The schema with its references pointing to the registered components."""
    if isinstance(node, dict):
        return {
            key: f"urn:github{value}" if key == "$ref" and isinstance(value, str) else _absolute(value)
            for key, value in node.items()
        }
    return [_absolute(value) for value in node] if isinstance(node, list) else node


def _why(error: Exception) -> str:
    """An error of openapi-core in one line, with the schema's own words where it has them."""
    cause = error.__cause__ or error
    schema_errors = getattr(cause, "schema_errors", None)
    if schema_errors:
        return "; ".join(f"{each.json_path}: {each.message[:300]}" for each in schema_errors)
    return f"{type(error).__name__}: {error} {cause if cause is not error else ''}".strip()
