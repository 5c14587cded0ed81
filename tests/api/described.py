"""Whether an answer is one that the description of the interface knows."""

import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from mesrai.server.api.openapi import document
from mesrai.server.api.operations import OPERATIONS

DOCUMENT: Mapping[str, Any] = document(OPERATIONS)
# Those without parameters first: they win over those with.
_PATHS = [
    (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path)
    for path in sorted(DOCUMENT["paths"], key=lambda path: path.count("{"))
]


def check(method: str, address: str, status: int, headers: Mapping[str, str], read: Any) -> None:
    """Fail if this is no answer to that call; what is called that is no operation is not looked at."""
    bare = address.partition("?")[0]
    path = next((path for pattern, path in _PATHS if pattern.fullmatch(bare)), "")
    told = DOCUMENT["paths"].get(path, {}).get(method.lower())
    if told is None:
        return
    name = told["operationId"]
    assert str(status) in told["responses"], f"{name} answered {status}, which is not described: {read}"
    response = told["responses"][str(status)]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    content = response.get("content")
    if content is None:
        assert read is None, f"{name} has nothing to say with {status}"
        return
    kind = headers["content-type"].partition(";")[0]
    assert kind in content, f"{name} answered {kind}"
    if kind.endswith("json"):
        schema = {**content[kind]["schema"], "components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(read)
