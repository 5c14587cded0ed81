"""Saved credentials of a code host: sealed, bound to their row, and opened under a new master key too."""

import asyncio
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.domain.secret import Secret
from mesrai.errors import VaultLocked
from mesrai.store.connections import has_sealed_keys
from mesrai.store.forge_access import (
    ForgeAccess,
    StoredAccess,
    find_access,
    opened_access,
    remove_access,
    reseal_access,
    save_access,
)
from mesrai.store.opening import open_database
from mesrai.store.vault import Keyring, MasterKey

OLD, NEW = MasterKey(b"o" * 32), MasterKey(b"n" * 32)
ACCESS = ForgeAccess(
    host="github.com",
    app_id="7",
    login="mesrai[bot]",
    key=Secret("the private key"),
    webhook_secret=Secret("hush hush"),
)


async def saved(url: str, access: ForgeAccess = ACCESS, keyring: Keyring | None = None) -> StoredAccess:
    async with open_database(url) as database:
        await save_access(database, keyring or Keyring(OLD), access, organisation="acme", who="ada")
        found = await find_access(database, "acme")
    assert found is not None
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_saved_opens_again_and_nothing_of_it_is_readable(engine: str, tmp_path: Path) -> None:
    with a_database(engine, tmp_path) as url:
        stored = asyncio.run(saved(url))
        assert opened_access(stored, Keyring(OLD)) == ACCESS
        assert "private" not in repr(stored) + stored.sealed_key + stored.sealed_webhook_secret


def test_a_secret_moved_to_another_row_does_not_open(tmp_path: Path) -> None:
    with a_database("sqlite", tmp_path) as url:
        first = asyncio.run(saved(url))
        second = asyncio.run(saved(url, ForgeAccess(host="github.com", login="eve", key=Secret("a token"))))
        swapped = StoredAccess(
            **{name: getattr(second, name) for name in StoredAccess.__slots__ if name != "sealed_key"},
            sealed_key=first.sealed_key,
        )
        with pytest.raises(VaultLocked):
            opened_access(swapped, Keyring(OLD))


def test_a_new_master_key_seals_it_anew(tmp_path: Path) -> None:
    async def scenario(url: str) -> tuple[int, int, ForgeAccess]:
        await saved(url)
        async with open_database(url) as database:
            both = Keyring(NEW, (OLD,))
            first, again = await reseal_access(database, both), await reseal_access(database, both)
            found = await find_access(database, "acme")
            assert found is not None
            return first, again, opened_access(found, Keyring(NEW))

    with a_database("sqlite", tmp_path) as url:
        assert asyncio.run(scenario(url)) == (1, 0, ACCESS)


def test_a_master_key_that_sealed_only_this_counts_as_in_use_until_it_is_removed(tmp_path: Path) -> None:
    async def scenario(url: str) -> list[bool]:
        async with open_database(url) as database:
            told = [await has_sealed_keys(database)]
            await save_access(database, Keyring(OLD), ACCESS, organisation="acme", who="ada")
            told.append(await has_sealed_keys(database))
            told.append(await remove_access(database, organisation="acme", who="ada"))
            return [*told, await has_sealed_keys(database)]

    with a_database("sqlite", tmp_path) as url:
        assert asyncio.run(scenario(url)) == [False, True, True, False]
