"""GitHub's own description of itself, cut down to what the stand-in offers; the cut is kept in `.fixtures/`."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.github.fetch import DESCRIPTION, FIXTURES

EVENTS = (
    "check_run-completed",
    "check_run-created",
    "check_run-rerequested",
    "installation-created",
    "installation-deleted",
    "installation_repositories-added",
    "issue_comment-created",
    "issue_comment-deleted",
    "issue_comment-edited",
    "ping",
    "pull_request-closed",
    "pull_request-converted_to_draft",
    "pull_request-edited",
    "pull_request-labeled",
    "pull_request-opened",
    "pull_request-ready_for_review",
    "pull_request-reopened",
    "pull_request-synchronize",
    "pull_request_review-submitted",
    "pull_request_review_comment-created",
    "pull_request_review_comment-deleted",
    "pull_request_review_comment-edited",
    "pull_request_review_thread-resolved",
    "pull_request_review_thread-unresolved",
    "push",
)
# REST's description says that these are numbers. Of an outdated comment GitHub sends null, as the description of the
# webhook with the same comment says.
_NULL_WHEN_OUTDATED = ("line", "position")
_PARAMETER = re.compile(r"\{[^}]*\}")


def pattern_of(path: str) -> str:
    """A path with its parameters' names left out."""
    return _PARAMETER.sub("{}", path)


def cut_description(paths: Iterable[str]) -> dict[str, Any]:
    """The description of these paths and of our events: `{"openapi": ..., "events": {name: schema}, ...}`.

    Errors: FileNotFoundError before it was fetched.
    """
    wanted = sorted({pattern_of(path) for path in paths})
    size = DESCRIPTION.stat().st_size
    key = hashlib.sha256(json.dumps([wanted, EVENTS, size, Path(__file__).read_text()]).encode()).hexdigest()[:16]
    kept = FIXTURES / f"description-{key}.json"
    if not kept.exists():
        cut = _cut(json.loads(DESCRIPTION.read_bytes()), set(wanted))
        partial = kept.with_suffix(f".{os.getpid()}.part")
        partial.write_text(json.dumps(cut))
        partial.rename(kept)
    loaded: dict[str, Any] = json.loads(kept.read_bytes())
    return loaded


def _cut(whole: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    paths = {path: entry for path, entry in whole["paths"].items() if pattern_of(path) in wanted}
    absent = wanted - {pattern_of(path) for path in paths} - {"/graphql"}
    assert not absent, f"GitHub has no such paths: {absent}"
    # Inlined there, and an account became user AND enterprise; elsewhere it is user OR enterprise.
    listed = paths["/app/installations"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    listed["items"] = {"$ref": "#/components/schemas/installation"}
    events = {}
    for name in EVENTS:
        hook = whole["x-webhooks"][name.replace("_", "-")]["post"]
        events[name] = hook["requestBody"]["content"]["application/json"]["schema"]
    components: dict[str, Any] = {}
    waiting = [paths, events]
    while waiting:
        for reference in _references(waiting.pop()):
            kind, name = reference.removeprefix("#/components/").split("/")
            if name not in components.setdefault(kind, {}):
                components[kind][name] = whole["components"][kind][name]
                waiting.append(components[kind][name])
    _let_null_be_told(components["schemas"])
    openapi = {
        "openapi": whole["openapi"],
        "info": {"title": whole["info"]["title"], "version": whole["info"]["version"]},
        "servers": whole["servers"],
        "paths": _without_examples(paths),
        "components": {kind: each for kind, each in components.items() if kind != "examples"},
    }
    cut = {"openapi": _without_examples(openapi), "events": _without_examples(events)}
    _let_null_be(cut)
    return cut


def _let_null_be_told(schemas: dict[str, Any]) -> None:
    """Where GitHub sends null although the description of REST has forgotten it."""
    for name in _NULL_WHEN_OUTDATED:
        schemas["pull-request-review-comment"]["properties"][name]["nullable"] = True
    for name in ("pull-request", "pull-request-simple"):  # the head's repository was deleted
        head = schemas[name]["properties"]["head"]["properties"]
        head["repo"] = {"nullable": True, "oneOf": [head["repo"]]}


def _let_null_be(node: Any) -> None:
    """Where the description says `nullable`, let null through choices and alternatives too.

    It is written as if `nullable` did that; by OpenAPI 3.0.3 it does not.
    """
    if isinstance(node, dict):
        if node.get("nullable") is True:
            if isinstance(node.get("enum"), list) and None not in node["enum"]:
                node["enum"].append(None)
            for kind in ("oneOf", "anyOf"):
                if isinstance(node.get(kind), list):
                    node[kind].append({"nullable": True, "enum": [None]})
        for value in node.values():
            _let_null_be(value)
    elif isinstance(node, list):
        for value in node:
            _let_null_be(value)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            elif key not in ("examples", "example"):
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _without_examples(node: Any) -> Any:
    if isinstance(node, dict):
        # A property may be called "examples"; an example is never a schema with a type.
        return {
            key: _without_examples(value)
            for key, value in node.items()
            if key not in ("examples", "example", "description", "externalDocs") or _is_schema(value)
        }
    return [_without_examples(value) for value in node] if isinstance(node, list) else node


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) and ("type" in value or "$ref" in value or "anyOf" in value or "allOf" in value)
