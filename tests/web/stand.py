"""The pages over a real database, served on loopback, and people who visit them."""

import asyncio
import http.client
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from starlette.applications import Starlette
from tests.databases import a_new_file

from mesrai.assembly.hosts import Hosts, access_from, open_place, place_named
from mesrai.assembly.house import house_of
from mesrai.domain.roles import Role
from mesrai.jobs.embedded import DatabaseQueue
from mesrai.server.app import site_app
from mesrai.server.listening import listen
from mesrai.server.web.house import House
from mesrai.server.web.pages.all import PAGES
from mesrai.server.web.site import Site
from mesrai.server.web.visit import cookie_of
from mesrai.settings.serving import load_serving
from mesrai.store.accounts import add_account, put_member
from mesrai.store.opening import open_database
from mesrai.store.sessions import begin_session
from mesrai.wiring import keyring_of

T = TypeVar("T")
PASSWORD = "three words together"


@dataclass(frozen=True)
class Answer:
    """What the site answered."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    text: str

    @property
    def csrf(self) -> str:
        """The token of the page's first form."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        return found[1] if found else ""


@dataclass
class Person:
    """Somebody with a cookie, or without one."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    email: str = ""

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, fields: Mapping[str, str] | None = None, *, seen: str = "/", **headers: str) -> Answer:
        """Fill in a form of the page `seen` and send it: with its token, and from our own origin."""
        csrf = self.get(seen).csrf
        told = {"csrf": csrf, **(fields or {})}
        return self.ask("POST", path, urlencode(told), {"origin": self.url, **headers})

    def ask(self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
        sent = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if body:
            sent["content-type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body or None, {**sent, **(headers or {})})
        response = connection.getresponse()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                self._take(value)
        text = response.read().decode("utf-8")
        told = {name.lower(): value for name, value in response.getheaders()}
        connection.close()
        return Answer(status=response.status, headers=told, text=text)

    def _take(self, cookie: str) -> None:
        name, _, rest = cookie.partition("=")
        value = rest.partition(";")[0].strip('"')
        if value and "max-age=0" not in cookie.lower():
            self.cookies[name] = value
        else:
            self.cookies.pop(name, None)


@dataclass(frozen=True)
class Stand:
    """The running site."""

    url: str
    house: House
    loop: asyncio.AbstractEventLoop
    env: Mapping[str, str]

    def run(self, work: Awaitable[T]) -> T:
        """Something asynchronous, where the site itself runs: the way to put things into its database."""

        async def waited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(waited(), self.loop).result(30)

    def visitor(self) -> Person:
        """Somebody who is not signed in."""
        return Person(self.url)

    def member(self, role: Role = Role.OWNER, *, repositories: tuple[str, ...] = ()) -> Person:
        """A new member who is signed in, without the time that a password takes."""
        email = f"{role}-{len(self.run(_emails(self.house)))}@example.com"
        word = self.run(_signed_in(self.house, email, role, repositories))
        return Person(self.url, {cookie_of(self.house): word}, email)


@contextmanager
def a_site(
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    url: str = "",
    change: Callable[[House], House] | None = None,
    app: Callable[[House], Starlette] | None = None,
) -> Iterator[Stand]:
    """The site on a new SQLite file, or on the database at `url`. `change` may put other parts into the house.

    `app` makes another application over the house than the pages alone. "{site}" in `env` is the site's address.
    """
    url = url or a_new_file(folder)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as where it is served for real
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    told = {name: value.replace("{site}", address) for name, value in (env or {}).items()}
    environ = {"HOME": str(folder), "MESRAI_DATABASE_URL": url, **told}
    ready: threading.Event = threading.Event()
    made: dict[str, Any] = {}

    async def serve() -> None:
        made["loop"], made["stop"] = asyncio.get_running_loop(), asyncio.Event()
        told = load_serving(environ)
        async with open_database(url) as database, open_place(told.github_url, 0) as session:
            outside = access_from(told.github, place_named(told.github_url)) if told.github else None
            hosts = Hosts(database, "default", lambda: keyring_of(environ), session, outside=outside)
            house = house_of(environ, database, DatabaseQueue(database), hosts, told)
            made["house"] = change(house) if change else house
            ready.set()
            served = app(made["house"]) if app else site_app(Site(made["house"], PAGES))
            await listen(served, listener, stop=made["stop"])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(30), "the site did not start"
    try:
        yield Stand(url=address, house=made["house"], loop=made["loop"], env=environ)
    finally:
        made["loop"].call_soon_threadsafe(made["stop"].set)
        thread.join(20)


async def _emails(house: House) -> list[str]:
    return [str(row["email"]) for row in await house.database.rows("SELECT email FROM people")]


async def _signed_in(house: House, email: str, role: Role, repositories: tuple[str, ...]) -> str:
    async with house.database.transaction() as statements:
        account = await add_account(house.database, statements, email=email, name=str(role).capitalize())
        assert account is not None
        await put_member(
            house.database,
            statements,
            organisation=house.organisation,
            account=account,
            role=role,
            repositories=repositories,
        )
        word = await begin_session(
            house.database, statements, organisation=house.organisation, account=account, client="test"
        )
    return word.open()
