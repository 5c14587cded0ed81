"""Connections in the store: whole, sealed, audited, and readable while the master key is rotated."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.databases import ENGINES, a_database

from mesrai.domain.connection import Connection, Learned, Routing, Slot, Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError, StoreError, UserError, VaultLocked
from mesrai.store.audit import entries
from mesrai.store.connection_text import connection_of, text_of
from mesrai.store.connections import (
    Stored,
    find_stored,
    load_opened,
    opened,
    remove_connection,
    reseal_all,
    save_connection,
)
from mesrai.store.database import Database, Row, Value
from mesrai.store.key_file import begin_rotation, find_keys, finish_rotation
from mesrai.store.master_key import load_keyring
from mesrai.store.opening import open_database
from mesrai.store.rotating import rotate_master_key
from mesrai.store.vault import Keyring, MasterKey

CANARY = "sk-canary-0123456789abcdefWXYZ"
RING = Keyring(MasterKey(os.urandom(32)))
Use = Callable[[Database], Awaitable[Any]]


def a_connection(slot: Slot = Slot.MAIN, **changes: Any) -> Connection:
    facts: dict[str, Any] = {
        "slot": slot,
        "provider": "moonshot",
        "base_url": "https://api.moonshot.ai/v1",
        "model": "kimi-k2.6",
        "key": Secret(CANARY),
    }
    return Connection(**(facts | changes))


FULL = a_connection(
    thinking=Thinking.CUSTOM,
    custom={"moonshot": {"thinking": {"type": "disabled"}, "n": [1, 2.5, None, True, "é"]}},
    routing=Routing(order=("novita", "groq"), allow_fallbacks=False),
    temperature=0.5,
    tier=3,
    max_concurrent_requests=30,
    requests_per_minute=500,
    tokens_per_minute=2_000_000,
    tokens_per_day=50_000_000_000,
    max_output_tokens=32_768,
    learned=Learned(window=262_144, reasoning="both", efforts=("low", "high"), as_of="2026-11-24"),
    proven_at="2026-11-24T10:00:00+00:00",
    notices=("The address was completed.",),
)


def run(engine: str, folder: Path, use: Use) -> Any:
    async def scenario(url: str) -> Any:
        async with asyncio.timeout(20), open_database(url) as database:
            return await use(database)

    with a_database(engine, folder) as url:
        return asyncio.run(scenario(url))


async def save(database: Database, *connections: Connection, ring: Keyring = RING, organisation: str = "acme") -> None:
    for each in connections:
        await save_connection(database, ring, each, organisation=organisation, who="ann")


async def trail(database: Database) -> Sequence[tuple[str, str, Mapping[str, Any]]]:
    return [(each.what, each.subject, each.details) for each in await entries(database, "acme")]


def today() -> str:
    return datetime.now(UTC).date().isoformat()


# --- the text of a connection


def test_every_field_is_in_the_text_or_kept_apart() -> None:
    written = json.loads(text_of(FULL))
    assert set(written) == {field.name for field in fields(Connection)} - {"slot", "key", "origin"}
    assert all(value not in (None, "", []) for value in written.values())


def test_a_full_connection_comes_back_whole() -> None:
    assert connection_of(text_of(FULL), Slot.MAIN, origin="here") == replace(FULL, key=None, origin="here")


counts = st.none() | st.integers(0, 10**12)
values = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.floats(0, 1), max_size=3)
connections = st.builds(
    Connection,
    slot=st.sampled_from(Slot),
    provider=st.text(max_size=9),
    base_url=st.text(max_size=9),
    model=st.text(max_size=9),
    key=st.none(),
    thinking=st.sampled_from(Thinking),
    custom=st.none() | st.dictionaries(st.text(max_size=3), st.fixed_dictionaries({"a": values}), max_size=2),
    routing=st.none() | st.builds(Routing, order=st.tuples(st.text(max_size=3)), allow_fallbacks=st.booleans()),
    temperature=st.none() | st.floats(0, 2),
    tier=counts,
    max_output_tokens=counts,
    learned=st.none() | st.builds(Learned, window=counts, efforts=st.tuples(st.text(max_size=4))),
    notices=st.tuples(st.text(max_size=9)),
)


@settings(max_examples=50)
@given(connection=connections)
def test_any_connection_comes_back_whole(connection: Connection) -> None:
    assert connection_of(text_of(connection), connection.slot, origin="") == connection


def test_what_is_missing_has_its_default() -> None:
    text = json.dumps({"provider": "openai", "base_url": "https://api.openai.com/v1", "model": "gpt"})
    expected = Connection(
        slot=Slot.MAIN, provider="openai", base_url="https://api.openai.com/v1", model="gpt", key=None, origin="o"
    )
    assert connection_of(text, Slot.MAIN, origin="o") == expected


@pytest.mark.parametrize("place", ["", "learned", "routing"])
def test_a_field_of_a_newer_program_is_told(place: str) -> None:
    written = json.loads(text_of(FULL))
    (written[place] if place else written)["colour"] = "red"
    with pytest.raises(StoreError, match="newer Mesrai, which also sets colour"):
        connection_of(json.dumps(written), Slot.FALLBACK, origin="")


@pytest.mark.parametrize(
    "change",
    [
        {"model": 3}, {"tier": "3"}, {"tier": True}, {"temperature": "hot"}, {"thinking": "ultra"}, {"custom": []},
        {"routing": []}, {"routing": {"order": "a"}}, {"learned": {"efforts": [1]}}, {"notices": "one"},
        {"routing": {"allow_fallbacks": 1}},
    ],
)  # fmt: skip
def test_a_damaged_value_is_told(change: Mapping[str, Any]) -> None:
    with pytest.raises(StoreError, match="saved main connection is damaged"):
        connection_of(json.dumps(json.loads(text_of(FULL)) | change), Slot.MAIN, origin="")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"model": "m"}', "[" * 500])
def test_a_damaged_text_is_told(text: str) -> None:
    with pytest.raises(StoreError, match="damaged"):
        connection_of(text, Slot.MAIN, origin="")


# --- saving and reading


@pytest.mark.parametrize("engine", ENGINES)
def test_a_saved_connection_comes_back_whole_with_its_key(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> Stored:
        await save(database, FULL, a_connection(Slot.FALLBACK, key=None), organisation="acme")
        await save(database, a_connection(model="other"), organisation="other")
        stored = await find_stored(database, "acme")
        assert list(stored) == [Slot.MAIN, Slot.FALLBACK]
        assert opened(stored[Slot.FALLBACK], RING).key is None
        assert stored[Slot.FALLBACK].key_hint == ""
        return stored[Slot.MAIN]

    stored = run(engine, tmp_path, use)
    origin = f"`mesrai byok connect` (saved {today()})"
    assert stored.connection == replace(FULL, key=None, origin=origin)
    assert opened(stored, RING) == replace(FULL, origin=origin)
    assert (stored.key_hint, stored.updated_by, stored.proven_at) == ("••••WXYZ", "ann", FULL.proven_at)
    assert abs(stored.updated_at - datetime.now(UTC).timestamp()) < 60


def test_where_nothing_is_saved_there_is_nothing(tmp_path: Path) -> None:
    async def use(database: Database) -> Mapping[Slot, Stored]:
        return await find_stored(database, "acme")

    assert run("sqlite", tmp_path, use) == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_change_is_in_the_trail_and_no_key(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> Any:
        await save(database, a_connection(model="kimi-k2.5", tier=1))
        await save(database, a_connection(model="kimi-k2.6", key=Secret("sk-another-key-0000000000abcd")))
        await save(database, a_connection(model="kimi-k2.6", key=Secret("sk-another-key-0000000000abcd")))
        await save(database, a_connection(thinking=Thinking.OFF, custom={"moonshot": {"a": CANARY}}, key=None))
        await save(database, a_connection(thinking=Thinking.OFF, routing=Routing(order=("groq",))))
        assert await remove_connection(database, "acme", Slot.MAIN, who="bob")
        assert not await remove_connection(database, "acme", Slot.MAIN, who="bob")
        return await trail(database)

    place = {"provider": "moonshot", "base_url": "https://api.moonshot.ai/v1"}
    key = {"key": "set", "key_hint": "••••WXYZ"}
    assert run(engine, tmp_path, use) == [
        ("connection.remove", "main", {**place, "model": "kimi-k2.6", "key_hint": "••••WXYZ"}),
        (
            "connection.change",
            "main",
            {"routing": [None, {"order": ["groq"], "allow_fallbacks": True}], "custom": "changed", **key},
        ),
        ("connection.change", "main", {"thinking": ["medium", "off"], "custom": "changed", "key": "removed"}),
        ("connection.change", "main", {}),
        (
            "connection.change",
            "main",
            {"model": ["kimi-k2.5", "kimi-k2.6"], "tier": [1, None], "key": "replaced", "key_hint": "••••abcd"},
        ),
        ("connection.add", "main", {**place, "model": "kimi-k2.5", "thinking": "medium", "tier": 1, **key}),
    ]


def test_a_main_connection_goes_only_after_its_fallback(tmp_path: Path) -> None:
    async def use(database: Database) -> Any:
        await save(database, a_connection(), a_connection(Slot.FALLBACK))
        with pytest.raises(UserError, match="Remove the fallback first"):
            await remove_connection(database, "acme", Slot.MAIN, who="ann")
        assert len(await find_stored(database, "acme")) == 2
        for slot in (Slot.FALLBACK, Slot.MAIN):
            assert await remove_connection(database, "acme", slot, who="ann")
        return await find_stored(database, "acme")

    assert run("sqlite", tmp_path, use) == {}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE connections SET sealed_key = (SELECT sealed_key FROM connections o WHERE o.slot = 'fallback')",
        "UPDATE connections SET organisation = 'thief'",
        "UPDATE connections SET slot = 'fallback' WHERE slot = 'main'",
        "UPDATE connections SET id = 'another' || slot",
        "UPDATE connections SET settings = replace(settings, 'api.moonshot.ai', 'thief.example')",
        "UPDATE connections SET sealed_key = NULL",
        "UPDATE connections SET sealed_key = 'sk-plain'",
    ],
)
def test_a_key_that_was_moved_or_changed_in_the_database_does_not_open(change: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        await save(database, a_connection(), a_connection(Slot.FALLBACK))
        if "SET slot" in change:
            await database.rows("DELETE FROM connections WHERE slot = 'fallback'")
        await database.rows(change)
        found = await find_stored(database, "acme") or await find_stored(database, "thief")
        for stored in found.values():
            if stored.connection.slot is Slot.MAIN or "SET slot" in change:
                opened(stored, RING)

    with pytest.raises(VaultLocked, match=r"key of the saved .* cannot be opened"):
        run("sqlite", tmp_path, use)


def test_a_lost_master_key_can_be_seen_and_replaced(tmp_path: Path) -> None:
    async def use(database: Database) -> Any:
        await save(database, a_connection(), ring=Keyring(MasterKey(os.urandom(32))))
        stored = (await find_stored(database, "acme"))[Slot.MAIN]
        with pytest.raises(VaultLocked, match=r"main connection cannot be opened.*is not at hand.*mesrai byok connect"):
            opened(stored, RING)
        await save(database, a_connection())
        assert (await trail(database))[0][2] == {"key": "replaced", "key_hint": "••••WXYZ"}
        return opened((await find_stored(database, "acme"))[Slot.MAIN], RING).key

    assert run("sqlite", tmp_path, use) == Secret(CANARY)


@pytest.mark.parametrize("damage", ["settings = '{'", """settings = '{"colour": "red"}'"""])
def test_what_cannot_be_read_can_be_replaced_and_removed(damage: str, tmp_path: Path) -> None:
    async def use(database: Database) -> Any:
        await save(database, a_connection(), a_connection(Slot.FALLBACK))
        await database.rows(f"UPDATE connections SET {damage}")
        with pytest.raises(StoreError):
            await find_stored(database, "acme")
        await save(database, a_connection())
        await remove_connection(database, "acme", Slot.FALLBACK, who="ann")
        removed, changed, *_ = await trail(database)
        assert removed == ("connection.remove", "fallback", {"key_hint": "••••WXYZ"})
        assert changed[2]["before"] == "could not be read"
        return list(await find_stored(database, "acme"))

    assert run("sqlite", tmp_path, use) == [Slot.MAIN]


def test_a_slot_of_a_newer_program_is_told(tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        await save(database, a_connection())
        await database.rows("UPDATE connections SET slot = 'third'")
        await find_stored(database, "acme")

    with pytest.raises(StoreError, match="third, as a newer Mesrai"):
        run("sqlite", tmp_path, use)


@pytest.mark.parametrize("engine", ENGINES)
def test_several_processes_may_save_at_once(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> int:
        async with open_database(url) as first, open_database(url) as second:
            saves = [
                save(database, a_connection(slot)) for _ in range(20) for database in (first, second) for slot in Slot
            ]
            await asyncio.gather(*saves)
            for stored in (await find_stored(first, "acme")).values():
                assert opened(stored, RING).key == Secret(CANARY)
            return len(await entries(second, "acme", most=100))

    with a_database(engine, tmp_path) as url:
        assert asyncio.run(scenario(url)) == 80


# --- nothing in clear


def test_a_canary_key_is_nowhere_in_clear(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shown: list[str] = []

    async def use(database: Database) -> None:
        ring = load_keyring({}, folder)
        await save(database, a_connection(), a_connection(Slot.FALLBACK), ring=ring)
        await rotate_master_key(database, ring, folder / "master.key", who="ann")
        await save(database, a_connection(), ring=ring)
        stored = await find_stored(database, "acme")
        shown.extend((repr(stored), repr(opened(stored[Slot.MAIN], ring)), repr(await trail(database)), repr(ring)))
        held = bytes_below(tmp_path)
        assert {".db", ".db-wal", ".key"} <= {Path(name).suffix for name, text in held.items() if text}
        assert [name for name, text in held.items() if CANARY[3:12].encode() in text] == []

    run("sqlite", tmp_path, use)
    assert not [text for text in shown if CANARY[3:12] in text]


def bytes_below(folder: Path) -> Mapping[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_no_row_of_any_table_holds_a_key_in_clear(tmp_path: Path) -> None:
    async def use(database: Database) -> str:
        await save(database, a_connection(), a_connection(Slot.FALLBACK))
        return repr([await database.rows(f"SELECT * FROM {table}") for table in ("connections", "audit")])

    assert CANARY[3:12] not in run("postgresql", tmp_path, use)


# --- rotation


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rotation_reseals_all_and_readers_never_fail(engine: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    rounds = 3

    async def read_on(url: str, is_over: asyncio.Event) -> int:
        """As processes that start, or go on, while others rotate."""
        reads, running = 0, load_keyring({}, folder)
        async with open_database(url) as database:
            while not is_over.is_set():
                for ring in (load_keyring({}, folder, make=False), running):
                    for stored in (await find_stored(database, "acme")).values():
                        assert opened(stored, ring).key == Secret(CANARY)
                        reads += 1
        return reads

    async def scenario(url: str) -> tuple[int, list[int]]:
        is_over = asyncio.Event()
        async with open_database(url) as database:
            ring = load_keyring({}, folder)
            await save(database, a_connection(), a_connection(Slot.FALLBACK), ring=ring)
            await save(database, a_connection(), ring=ring, organisation="other")
            reader = asyncio.create_task(read_on(url, is_over))
            await asyncio.sleep(0.05)
            counts = []
            for _ in range(rounds):
                counts.append(await rotate_master_key(database, ring, folder / "master.key", who="ann"))
            is_over.set()
            reads = await reader
            sealed = [row["sealed_key"] for row in await database.rows("SELECT sealed_key FROM connections")]
            only = load_keyring({}, folder)
            assert all(only.is_current(each) for each in sealed)
            assert next(each for each in await trail(database) if each[0] == "keys.reseal") == (
                "keys.reseal",
                "master key",
                {"keys": 2, "master_key": only.current_id},
            )
            return reads, counts

    with a_database(engine, tmp_path) as url:
        reads, counts = asyncio.run(scenario(url))
    assert reads > 10
    assert counts == [3] * rounds
    assert len(find_keys(folder / "master.key") or ()) == 1


def test_an_interrupted_rotation_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    async def all_open(database: Database) -> None:
        ring = load_keyring({}, folder, make=False)
        for organisation in ("a", "b", "c"):
            for stored in (await find_stored(database, organisation)).values():
                assert opened(stored, ring).key == Secret(CANARY)

    async def use(database: Database) -> Any:
        for organisation in ("a", "b", "c"):
            await save(database, a_connection(), ring=load_keyring({}, folder), organisation=organisation)
        begin_rotation(folder / "master.key")
        await all_open(database)
        with pytest.raises(InterruptedError):
            await reseal_all(Breaking(database, after=2), load_keyring({}, folder), who="ann")
        await all_open(database)
        sealed = [row["sealed_key"] for row in await database.rows("SELECT sealed_key FROM connections")]
        assert [load_keyring({}, folder).is_current(each) for each in sealed].count(True) == 2
        assert await rotate_master_key(database, load_keyring({}, folder), folder / "master.key", who="ann") == 3
        await all_open(database)
        return len(find_keys(folder / "master.key") or ())

    assert run("sqlite", tmp_path, use) == 1


class Breaking:
    """A database whose process is ended when it begins one transaction too many."""

    def __init__(self, database: Database, *, after: int) -> None:
        self.now, self.for_update = database.now, database.for_update
        self._database = database
        self._left = after

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        return await self._database.rows(sql, **values)

    def transaction(self) -> Any:
        self._left -= 1
        if self._left < 0:
            raise InterruptedError
        return self._database.transaction()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_key_that_is_saved_while_others_rotate_is_not_lost(engine: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"

    class Rotated(Breaking):
        """A whole rotation goes by after the key was sealed and before it is written."""

        def transaction(self) -> Any:
            if not (folder / "master.key.retired").exists():
                finish_rotation(begin_rotation(folder / "master.key"))
            return super().transaction()

    async def use(database: Database) -> Any:
        ring = load_keyring({}, folder)
        await save(Rotated(database, after=2), a_connection(), ring=ring)
        newest = load_keyring({}, folder)
        assert newest.current_id != retired_id(folder) != ""
        return opened((await find_stored(database, "acme"))[Slot.MAIN], newest).key

    assert run(engine, tmp_path, use) == Secret(CANARY)


def test_a_rotation_that_goes_by_while_a_process_begins_to_read_does_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    class BetweenReads(Breaking):
        """A whole rotation goes by between the first read and what comes next."""

        async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
            found = await self._database.rows(sql, **values)
            if not (folder / "master.key.retired").exists():
                ring = load_keyring({}, folder)
                await rotate_master_key(self._database, ring, folder / "master.key", who="ann")
            return found

    async def use(database: Database) -> Any:
        assert await load_opened(database, "acme", lambda: pytest.fail("nothing is saved")) == {}
        await save(database, a_connection(), ring=load_keyring({}, folder))
        found = await load_opened(BetweenReads(database, after=0), "acme", lambda: load_keyring({}, folder))
        return found[Slot.MAIN].key

    assert run("sqlite", tmp_path, use) == Secret(CANARY)


def retired_id(folder: Path) -> str:
    (retired,) = find_keys(folder / "master.key.retired") or ()
    return retired.id


def test_with_a_key_of_the_environment_a_rotation_only_reseals(tmp_path: Path) -> None:
    old, new = (os.urandom(32).hex() for _ in "ab")

    async def use(database: Database) -> Any:
        await save(database, a_connection(), ring=load_keyring({"MESRAI_MASTER_KEY": old}, tmp_path))
        both = load_keyring({"MESRAI_MASTER_KEY": new, "MESRAI_MASTER_KEY_PREVIOUS": old}, tmp_path)
        assert await rotate_master_key(database, both, None, who="ann") == 1
        assert await rotate_master_key(database, both, None, who="ann") == 0
        stored = (await find_stored(database, "acme"))[Slot.MAIN]
        return opened(stored, load_keyring({"MESRAI_MASTER_KEY": new}, tmp_path)).key

    assert run("sqlite", tmp_path, use) == Secret(CANARY)


def test_one_key_that_does_not_open_keeps_no_other_from_being_resealed(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    async def use(database: Database) -> Any:
        ring = load_keyring({}, folder)
        await save(database, a_connection(), a_connection(Slot.FALLBACK), ring=ring)
        await save(database, a_connection(), ring=Keyring(MasterKey(os.urandom(32))), organisation="lost")
        with pytest.raises(VaultLocked, match=r"^1 of the stored keys did not open.*main of lost"):
            await rotate_master_key(database, ring, folder / "master.key", who="ann")
        assert len(find_keys(folder / "master.key") or ()) == 2
        assert (await trail(database))[0][2]["keys"] == 2
        stored = await find_stored(database, "acme")
        newest = Keyring((find_keys(folder / "master.key") or ())[0])
        return [opened(each, newest).key for each in stored.values()]

    assert run("sqlite", tmp_path, use) == [Secret(CANARY)] * 2


def test_a_file_that_the_keys_are_not_from_is_not_rotated_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    async def use(database: Database) -> None:
        load_keyring({}, folder)
        await rotate_master_key(
            database, Keyring((find_keys(folder / "master.key") or ())[0]), folder / "master.key", who="ann"
        )

    with pytest.raises(SettingsError, match="not where the master key in use comes from"):
        run("sqlite", tmp_path, use)
    assert len(find_keys(folder / "master.key") or ()) == 2
