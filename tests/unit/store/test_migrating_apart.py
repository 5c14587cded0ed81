"""A database is made by a process of its own where that is asked for, and by this one where that fails."""

import asyncio
import sys
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.errors import StoreUnavailable
from mesrai.store.opening import open_database
from mesrai.store.versions import NEWEST, _migrated_apart, schema_version


@pytest.mark.parametrize("engine", ENGINES)
def test_another_process_brings_the_schema_up_to_date(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> tuple[bool, str]:
        is_done = await _migrated_apart(url)
        async with open_database(url, migrates_apart=True) as database:
            return is_done, await schema_version(database)

    with a_database(engine, tmp_path) as url:
        assert asyncio.run(scenario(url)) == (True, NEWEST)


def test_alembic_is_not_loaded_into_the_process_that_goes_on(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from mesrai.store.opening import open_database\n"
        "from mesrai.store.versions import schema_version\n"
        "async def run(url):\n"
        "    async with open_database(url, migrates_apart=True) as database:\n"
        "        print(await schema_version(database))\n"
        "asyncio.run(run(sys.argv[1]))\n"
        "print('alembic' in sys.modules, 'sqlalchemy' in sys.modules)\n"
    )

    async def ran() -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, f"sqlite:///{tmp_path / 'm.db'}", stdout=asyncio.subprocess.PIPE
        )
        return (await process.communicate())[0].decode()

    assert asyncio.run(ran()).split() == [NEWEST, "False", "False"]


def test_what_it_cannot_do_is_told_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    path.write_bytes(b"this is no database, whatever its name says" * 100)

    async def scenario() -> None:
        assert not await _migrated_apart(f"sqlite:///{path}")
        async with open_database(f"sqlite:///{path}", migrates_apart=True):
            raise AssertionError("it opened")

    with pytest.raises(StoreUnavailable):
        asyncio.run(scenario())
