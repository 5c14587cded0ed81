"""Holds all that goes in and out of the stand-in against what GitHub publishes about itself.

Requests and responses: GitHub's OpenAPI description. Webhook payloads: its `x-webhooks`. GraphQL: GitHub's schema.
"""

import json
import threading
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema, build_ast_schema, parse, validate
from graphql.error import GraphQLError
from tests.github.exchange import Exchange
from tests.github.fetch import DESCRIPTION, SCHEMA, missing

_HOST = "https://api.github.com"
# Answers that any address may give, whether its own description says so or not.
_ANYWHERE = {401, 403, 404, 406, 429, 500, 502, 503, 504}


if TYPE_CHECKING:
    from tests.github.described import Described


@dataclass(frozen=True, kw_only=True)
class Violation:
    """Something that GitHub's own description does not allow."""

    what: str  # request, response, webhook or query
    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.what} {self.where}: {self.why}"


class Judge:
    """Collects violations. Without the published files it sees nothing, and `absent` says why."""

    def __init__(self, paths: Iterable[str]) -> None:
        names = [path.name for path in missing()]
        self.absent = f"not fetched: {', '.join(names)} (run tests/github/fetch.py)" if names else ""
        self.violations: list[Violation] = []
        self.seen = 0
        self._queries: set[str] = set()
        self._lock = threading.Lock()  # the validators are shared by threads, and are not made for it
        self._described = _described(frozenset(paths)) if DESCRIPTION.exists() else None
        if self.absent:
            warnings.warn(f"GitHub's description of itself is {self.absent}; nothing is judged by it", stacklevel=3)

    def see(self, exchange: Exchange) -> None:
        """Judge one exchange."""
        if self._described is None:
            return
        with self._lock:
            self.seen += 1
            where = f"{exchange.method} {exchange.path}"
            for what, why in self._described.faults_of(exchange):
                self.violations.append(Violation(what=what, where=where, why=why))
            if exchange.path == "/graphql":
                self._see_query(exchange)

    def see_event(self, event: str, payload: Mapping[str, Any]) -> None:
        """Judge what a webhook is about to tell."""
        if self._described is None:
            return
        with self._lock:
            self.seen += 1
            name = f"{event}-{payload['action']}" if "action" in payload else event
            for why in self._described.faults_of_event(name, payload):
                self.violations.append(Violation(what="webhook", where=name, why=why))

    def _see_query(self, exchange: Exchange) -> None:
        text = str(json.loads(exchange.raw or b"{}").get("query", ""))
        if text in self._queries or not SCHEMA.exists():
            return
        self._queries.add(text)
        for why in faults_of_query(text):
            self.violations.append(Violation(what="query", where=" ".join(text.split())[:80], why=why))


def faults_of_query(text: str) -> list[str]:
    """What GitHub's schema does not allow in a query or mutation."""
    try:
        return [error.message for error in validate(published_schema(), parse(text))]
    except GraphQLError as error:
        return [error.message]


@lru_cache(maxsize=1)
def published_schema() -> GraphQLSchema:
    """GitHub's whole schema; reading it takes half a second, once in a process."""
    return build_ast_schema(parse(SCHEMA.read_text("utf-8"), no_location=True), assume_valid=True)


def _described(paths: frozenset[str]) -> "Described":
    # Imported here, for openapi-core takes a second to import.
    from tests.github.described import described

    return described(paths)
