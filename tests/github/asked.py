"""A request to the stand-in and its answer, apart from any web framework."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.github.records import ROLES, App, Installation, Pull, Repository, Token, User
from tests.github.world import World

DOCS = "https://docs.github.com/rest"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks."""

    app: App | None = None  # the app itself, by a signed token of its own
    token: Token | None = None

    @property
    def user(self) -> User:
        """The account that acts. Errors: Refused for an app speaking as itself."""
        if self.token is None:
            raise Refused(401, "Requires authentication")
        return self.token.user

    @property
    def installation(self) -> Installation | None:
        return self.token.installation if self.token else None


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request."""

    world: World = field(repr=False)
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    raw: bytes = field(repr=False)
    caller: Caller = field(repr=False)
    names: Mapping[str, str] = field(default_factory=dict)  # what the path's pattern caught

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object that was sent. Errors: Refused."""
        try:
            sent = json.loads(self.raw or b"{}")
        except ValueError:
            raise Refused(400, "Problems parsing JSON") from None
        if not isinstance(sent, dict):
            raise Refused(400, "Body should be a JSON object")
        return sent

    def may(self, permission: str, level: str, *, role: str = "read") -> Repository:
        """The repository of the path, if the caller may do this there. Errors: Refused.

        An app needs the permission, a person the role.
        """
        repository = self.world.repository(self.names["owner"], self.names["repo"])
        token = self.caller.token
        if self.caller.app is not None:
            raise Refused(403, "Resource not accessible by integration")
        if repository is None or token is None or not _reaches(self.world, token, repository):
            raise Refused(404, "Not Found")
        allowed = token.permissions
        if allowed is not None and not permits(allowed, permission, level):
            raise Refused(403, "Resource not accessible by integration")
        if allowed is None and _rank(self.world.role(repository, token.user)) < _rank(role):
            raise Refused(403, "Must have admin rights to Repository." if role == "admin" else "Forbidden")
        return repository

    def pull(self, permission: str = "pull_requests", level: str = "read", *, name: str = "number") -> Pull:
        """The pull request of the path. Errors: Refused."""
        found = self.world.pull(self.may(permission, level), int(self.names[name]))
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def page(self, rows: list[Any]) -> tuple[list[Any], dict[str, str]]:
        """The page that was asked for, and the Link header that names the others."""
        size = min(max(int(self.query.get("per_page", 30)), 1), 100)
        number = max(int(self.query.get("page", 1)), 1)
        last = max(-(-len(rows) // size), 1)
        links = []
        for name, other in (("prev", number - 1), ("next", number + 1), ("last", last), ("first", 1)):
            useful = 1 <= other <= last and (number < last if name in ("next", "last") else number > 1)
            if useful:
                query = urlencode({**self.query, "page": other})
                links.append(f'<{self.world.root}{self.path}?{query}>; rel="{name}"')
        chosen = rows[(number - 1) * size : number * size]
        return chosen, {"Link": ", ".join(links)} if links else {}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One response."""

    status: int = 200
    body: Any = None  # JSON; or text
    headers: Mapping[str, str] = field(default_factory=dict)
    is_text: bool = False


class Refused(Exception):
    """The answer is an error, in GitHub's shape."""

    def __init__(
        self, status: int, message: str, errors: list[Any] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {message} {errors or ''}")
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = dict(headers or {})

    def answer(self) -> Answer:
        body: dict[str, Any] = {"message": self.message, "documentation_url": DOCS, "status": str(self.status)}
        if self.errors is not None:
            body["errors"] = self.errors
        return Answer(status=self.status, body=body, headers=self.headers)


def unprocessable(*errors: str) -> Refused:
    """422 as reviews give it."""
    return Refused(422, "Unprocessable Entity", list(errors))


def invalid(resource: str, field_name: str, message: str, code: str = "custom") -> Refused:
    """422 as most of the interface gives it."""
    error = {"resource": resource, "field": field_name, "code": code, "message": message}
    return Refused(422, "Validation Failed", [error])


Endpoint = Callable[[Ask], Answer]


def permits(allowed: Mapping[str, str], permission: str, level: str) -> bool:
    """Whether a set of permissions holds one of `permission` ("a|b": either) at that level."""
    for name in permission.split("|"):
        have = allowed.get(name)
        if have == "write" or (have == "read" and level == "read"):
            return True
    return False


def _rank(role: str) -> int:
    return ROLES.index(role)


def _reaches(world: World, token: Token, repository: Repository) -> bool:
    if token.repositories is not None and repository.id not in token.repositories:
        return False
    if token.installation is not None:
        return repository.id in token.installation.repositories
    return world.role(repository, token.user) != "none"
