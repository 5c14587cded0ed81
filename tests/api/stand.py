"""The interface over a real database, served on loopback, and programs that call it with tokens."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from tests.api.described import check
from tests.web.stand import Answer, Person, Stand, a_site

from mesrai.domain.roles import RIGHTS, Right, Role
from mesrai.server.api.door import BASE, PER_MINUTE, api_at_base
from mesrai.server.api.operations import OPERATIONS
from mesrai.server.app import Doors, server_app
from mesrai.server.web.house import House
from mesrai.server.web.pages.all import PAGES
from mesrai.server.web.site import Site
from mesrai.store.accounts import find_account
from mesrai.store.tokens import add_token


@dataclass(frozen=True)
class Told:
    """What the interface answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """Of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self.text
        return str(self.json["code"])


@dataclass(frozen=True)
class Program:
    """Something that calls the interface, and finds every answer in its description."""

    person: Person
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Told:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Told:
        return self.ask("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Told:
        return self.ask("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Told:
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Told:
        return self.ask("DELETE", path, None, **headers)

    def ask(self, method: str, path: str, body: Any, **headers: str) -> Told:
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        sent = {**self.headers, **({"content-type": "application/json"} if text else {})}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        told = told_of(self.person.ask(method, BASE + path, text, sent))
        is_json = bool(told.text) and told.headers.get("content-type", "").endswith("json")
        check(method, path, told.status, told.headers, told.json if is_json else told.text or None)
        return told


def told_of(answer: Answer) -> Told:
    return Told(answer.status, answer.headers, answer.text)


@dataclass(frozen=True)
class Counter:
    """The interface, and ways to come to it."""

    stand: Stand

    def program(
        self, role: Role = Role.OWNER, rights: Sequence[Right] | None = None, *, repositories: tuple[str, ...] = ()
    ) -> Program:
        """A token of a new member, with all the rights of the role if none are named."""
        person = self.stand.member(role, repositories=repositories)
        given = [right for right in Right if role in RIGHTS[right]] if rights is None else rights
        word = self.stand.run(_token(self.stand.house, person.email, given))
        return Program(Person(self.stand.url, {}, person.email), {"authorization": f"Bearer {word}"})

    def nobody(self) -> Program:
        return Program(Person(self.stand.url))


def both(house: House) -> Starlette:
    """The service's application: interface and pages."""
    return server_app(Doors(github_webhook=None, broken=house.broken), Site(house, PAGES))


def alone(per_minute: int) -> Callable[[House], Starlette]:
    """The interface alone, with another limit of calls."""

    def made(house: House) -> Starlette:
        return Starlette(routes=[api_at_base(house, OPERATIONS, per_minute=per_minute)])

    return made


@contextmanager
def an_interface(folder: Path, *, per_minute: int = PER_MINUTE * 100, **more: Any) -> Iterator[Counter]:
    """The interface on a new database."""
    with a_site(folder, app=alone(per_minute), **more) as stand:
        yield Counter(stand)


async def _token(house: House, email: str, rights: Sequence[Right]) -> str:
    account = await find_account(house.database, email)
    assert account is not None
    async with house.database.transaction() as statements:
        word = await add_token(
            house.database,
            statements,
            organisation=house.organisation,
            account=account.id,
            name="test",
            rights=rights,
            lasts_s=3_600.0,
        )
    return word.open()
