"""Accounts that are bound to an identity elsewhere."""

import asyncio
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.errors import StoreUnavailable
from mesrai.store.accounts import add_account, bind_account, find_account, find_bound_account
from mesrai.store.opening import open_database

ADA = "https://login.example ada"


@pytest.mark.parametrize("engine", ENGINES)
def test_an_identity_has_one_account_and_an_account_is_bound_from_what_it_was(engine: str, tmp_path: Path) -> None:
    async def story(url: str) -> None:
        async with open_database(url) as database:
            assert await find_bound_account(database, "") is None
            for email in ("a@acme.example", "b@acme.example"):
                assert await add_account(database, database, email=email, name="A", password="a hash") is not None
            assert await find_bound_account(database, "") is None, "an account that is bound to nobody is nobody's"
            before = await find_account(database, "a@acme.example")
            other = await find_account(database, "b@acme.example")
            assert before is not None
            assert other is not None
            assert await bind_account(database, before, subject=ADA, password="")
            bound = await find_bound_account(database, ADA)
            assert bound is not None
            assert (bound.id, bound.email, bound.password) == (before.id, "a@acme.example", "")
            assert not await bind_account(database, before, subject="https://login.example eve", password="")
            assert await add_account(database, database, email="c@acme.example", name="C", subject=ADA) is None
            with pytest.raises(StoreUnavailable):
                await bind_account(database, other, subject=ADA, password="")

    with a_database(engine, tmp_path) as url:
        asyncio.run(story(url))
