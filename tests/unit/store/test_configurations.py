"""Saved configuration in the store: each change is whole, one after the other, and in the audit trail."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.domain.saved_policy import Place, Saved
from mesrai.errors import UserError
from mesrai.store.audit import entries
from mesrai.store.configurations import (
    add_folder,
    change_configuration,
    configurations,
    find_configuration,
    remove_folder,
    saved_for,
)
from mesrai.store.database import Database
from mesrai.store.opening import open_database

pytestmark = pytest.mark.parametrize("engine", ENGINES)
SHOP = "github.com/acme/Shop"


def with_database(engine: str, folder: Path, use: Callable[[Database], Awaitable[None]]) -> None:
    async def run(url: str) -> None:
        async with open_database(url) as database:
            await use(database)

    with a_database(engine, folder) as url:
        asyncio.run(run(url))


def saying(text: str) -> Callable[[str], str]:
    return lambda _: text


def adding(more: str) -> Callable[[str], str]:
    return lambda text: text + more


def test_what_is_saved_is_found_for_its_repository_however_that_is_written(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        for place, text in (
            (Place(), "maxFiles: 1\n"),
            (Place(repository=SHOP), "maxFiles: 2\n"),
            (Place(repository=SHOP, folder="Api"), "maxFiles: 3\n"),
            (Place(repository="github.com/acme/other"), "maxFiles: 4\n"),
        ):
            assert await change_configuration(database, "acme", place, saying(text), who="ada")
        await change_configuration(database, "elsewhere", Place(), lambda _: "maxFiles: 5\n", who="eve")
        assert await saved_for(database, "acme", SHOP.lower()) == Saved(
            organisation="maxFiles: 1\n", repository="maxFiles: 2\n", folders={"Api": "maxFiles: 3\n"}
        )
        assert await saved_for(database, "acme", "github.com/acme/new") == Saved(
            organisation="maxFiles: 1\n", folders={}
        )
        assert len(await configurations(database, "acme")) == 4

    with_database(engine, tmp_path, use)


def test_a_change_is_told_key_by_key_and_one_that_fails_changes_nothing(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        def refuse(_: str) -> str:
            raise UserError("no")

        await change_configuration(database, "acme", Place(repository=SHOP), lambda _: "maxFiles: 2\n", who="ada")
        assert not await change_configuration(database, "acme", Place(repository=SHOP), lambda text: text, who="ada")
        with pytest.raises(UserError):
            await change_configuration(database, "acme", Place(repository=SHOP), refuse, who="ada")
        with pytest.raises(UserError):
            await change_configuration(database, "acme", Place(), refuse, who="ada")
        await change_configuration(database, "acme", Place(repository=SHOP), lambda _: "maxFiles: 7\n", who="bob")
        told = [(each.who, each.what, each.subject, each.details) for each in await entries(database, "acme")]
        assert told == [
            ("bob", "configuration.change", SHOP, {"maxFiles": [2, 7]}),
            ("ada", "configuration.change", SHOP, {"maxFiles": [None, 2]}),
        ]
        kept = await find_configuration(database, "acme", Place(repository=SHOP))
        assert kept is not None
        assert (kept.text, kept.changed_by) == ("maxFiles: 7\n", "bob")
        assert await find_configuration(database, "acme", Place()) is None

    with_database(engine, tmp_path, use)


def test_two_who_change_at_the_same_time_both_have_their_way(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        await asyncio.gather(
            *(change_configuration(database, "acme", Place(), adding(f"# {at}\n"), who="ada") for at in range(5))
        )
        kept = await find_configuration(database, "acme", Place())
        assert kept is not None
        assert sorted(kept.text.split("\n")) == ["", *(f"# {at}" for at in range(5))]

    with_database(engine, tmp_path, use)


def test_a_folder_is_added_and_removed(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        seen: list[list[str]] = []

        def named(name: str) -> Callable[[Sequence[str]], str]:
            def checked(others: Sequence[str]) -> str:
                seen.append(list(others))
                return name

            return checked

        assert await add_folder(database, "acme", SHOP, named("api"), who="ada") == "api"
        await add_folder(database, "acme", SHOP, named("web"), who="ada")
        assert seen == [[], ["api"]]
        await remove_folder(database, "acme", Place(repository=SHOP, folder="api"), who="ada")
        assert [each.folder for each in await configurations(database, "acme", SHOP)] == ["web"]
        for place in (Place(repository=SHOP, folder="api"), Place(repository=SHOP)):
            with pytest.raises(UserError):
                await remove_folder(database, "acme", place, who="ada")
        assert [each.what for each in await entries(database, "acme")][::-1] == [
            "configuration.add",
            "configuration.add",
            "configuration.remove",
        ]

    with_database(engine, tmp_path, use)
