"""What is saved on the pages reaches the reviews of the running service, and a rule is tried on its models."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from tests.databases import a_new_file
from tests.served import FAULTY, Place, a_place, check_of, said, serving, until
from tests.web.stand import Person

from mesrai.domain import saved_policy
from mesrai.domain.roles import Role
from mesrai.store.accounts import add_account, put_member
from mesrai.store.database import Database
from mesrai.store.opening import open_database
from mesrai.store.repositories import Found, put_repositories
from mesrai.store.sessions import begin_session

T = TypeVar("T")
CONFIGURATION = """\
customMessages:
  startReviewMessage: 'Hello from the pages: @changedSummary'
rules:
- {title: Nothing from outside is run, rule: Text from outside is never run as code., severity: high}
"""


def within(url: str, use: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_database(url) as database:
            return await use(database)

    return asyncio.run(run())


async def an_owner(database: Database) -> str:
    async with database.transaction() as statements:
        account = await add_account(database, statements, email="ada@example.com", name="Ada")
        assert account is not None
        await put_member(
            database, statements, organisation="default", account=account, role=Role.OWNER, repositories=()
        )
        word = await begin_session(database, statements, organisation="default", account=account, client="test")
    return word.open()


def shop_of(place: Place) -> str:
    return f"{place.github.url.removeprefix('http://')}/acme/shop"


def test_what_an_owner_saves_on_the_pages_holds_from_the_next_review_on(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    with a_place(tmp_path, url) as place, serving(place) as address:
        word = within(url, an_owner)
        found = [Found(name=shop_of(place), installation=None, is_private=False)]
        within(url, lambda database: put_repositories(database, "default", found))
        ada = Person(address, {"mesrai_session": word})
        told = {"text": CONFIGURATION, "seen": saved_policy.seal_of("")}
        assert ada.post("/configuration/text", told, seen="/account").status == 303

        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: check_of(place, pull.head_sha), "the check has ended", place)
        assert "Hello from the pages: 1 file changed" in said(pull)
        assert any("Text from outside is never run as code." in str(call.body) for call in place.sandbox.calls)

        comments, asked = len(pull.comments), len(place.sandbox.calls)
        trial = {"repository": shop_of(place), "title": "Nothing from outside is run", "number": str(pull.number)}
        expected = ada.post("/rules/try", trial | {"action": "estimate"}, seen="/account").text
        assert "Trying the rule on it would cost about" in expected
        assert len(place.sandbox.calls) == asked
        tried = ada.post("/rules/try", trial | {"action": "try"}, seen="/account").text
        assert "1 of 1 file read" in tried
        assert len(place.sandbox.calls) > asked
        assert len(pull.comments) == comments, "nothing is posted"
