import asyncio
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.errors import StoreError, StoreUnavailable
from mesrai.store.database import Database, numbered, shown_url
from mesrai.store.migrating import script
from mesrai.store.opening import open_database
from mesrai.store.versions import NEWEST

INSERT = "INSERT INTO admissions (account, at, tokens) VALUES (:account, :at, :tokens)"
COUNT = "SELECT count(*) AS n FROM admissions WHERE account = :account"


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_transaction_wrote_is_there_after_reopening(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> object:
        async with open_database(url) as database, database.transaction() as statements:
            await statements.rows(INSERT, account="a", at=1.5, tokens=7)
        async with open_database(url) as database:
            return await database.rows("SELECT account, at, tokens FROM admissions")

    with a_database(engine, tmp_path) as url:
        assert asyncio.run(scenario(url)) == [{"account": "a", "at": 1.5, "tokens": 7}]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_transaction_that_fails_leaves_nothing(engine: str, tmp_path: Path) -> None:
    async def failing(database: Database) -> None:
        async with database.transaction() as statements:
            await statements.rows(INSERT, account="a", at=1.5, tokens=7)
            raise KeyError

    async def scenario(url: str) -> object:
        async with open_database(url) as database:
            with pytest.raises(KeyError):
                await failing(database)
            return (await database.rows(COUNT, account="a"))[0]["n"]

    with a_database(engine, tmp_path) as url:
        assert asyncio.run(scenario(url)) == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.02, 0.06])
def test_a_transaction_that_is_cancelled_at_any_time_keeps_nobody_out(
    engine: str, after_s: float, tmp_path: Path
) -> None:
    async def write(database: Database, hold_s: float = 0.0) -> None:
        async with database.transaction() as statements:
            await statements.rows("SELECT account FROM accounts WHERE account = 'a'" + database.for_update)
            await statements.rows(INSERT, account="a", at=1.5, tokens=7)
            await asyncio.sleep(hold_s)

    async def scenario(url: str) -> object:
        async with open_database(url) as one, open_database(url) as two:
            await one.rows("INSERT INTO accounts (account) VALUES ('a')")
            first = asyncio.create_task(write(one, hold_s=0.05))
            await asyncio.sleep(0.01)
            second = asyncio.create_task(write(two, hold_s=0.05))  # it waits for the first, at the beginning
            await asyncio.sleep(after_s)
            second.cancel()
            await asyncio.wait([first, second])
            assert second.cancelled()
            await asyncio.wait_for(asyncio.gather(write(one), write(two)), 5)
            return (await one.rows(COUNT, account="a"))[0]["n"]

    with a_database(engine, tmp_path) as url:
        assert asyncio.run(scenario(url)) == 3


@pytest.mark.parametrize("engine", ENGINES)
def test_the_clock_is_the_database_s_and_counts_seconds(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> float:
        async with open_database(url) as database:
            before = (await database.rows(f"SELECT {database.now} AS now"))[0]["now"]
            await asyncio.sleep(0.1)
            return float((await database.rows(f"SELECT {database.now} AS now"))[0]["now"] - before)

    with a_database(engine, tmp_path) as url:
        assert 0.09 < asyncio.run(scenario(url)) < 2


@pytest.mark.parametrize("engine", ENGINES)
def test_a_wrong_statement_is_a_typed_error(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        async with open_database(url) as database:
            await database.rows("SELECT * FROM nowhere")

    with a_database(engine, tmp_path) as url, pytest.raises(StoreUnavailable, match="nowhere"):
        asyncio.run(scenario(url))


def test_two_processes_may_make_the_same_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/mesrai.db"

    async def opened() -> None:
        async with open_database(url):
            pass

    async def both() -> None:
        await asyncio.gather(opened(), opened())

    asyncio.run(both())
    assert (tmp_path / "new" / "mesrai.db").stat().st_mode & 0o077 == 0


def test_the_newest_version_is_the_last_migration() -> None:
    assert script().get_current_head() == NEWEST


def test_a_schema_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        async with open_database(url) as database:
            await database.rows("UPDATE alembic_version SET version_num = '9999'")
        async with open_database(url):
            pass

    with a_database("sqlite", tmp_path) as url, pytest.raises(StoreError, match="newer"):
        asyncio.run(scenario(url))


def test_an_unreachable_server_is_named_without_its_password() -> None:
    async def scenario() -> None:
        async with open_database("postgresql://me:hunter2@127.0.0.1:9/mesrai"):
            pass

    with pytest.raises(StoreUnavailable) as caught:
        asyncio.run(scenario())
    assert "127.0.0.1:9/mesrai" in caught.value.message
    assert "hunter2" not in caught.value.message


def test_a_path_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def scenario() -> None:
        async with open_database(f"sqlite:///{tmp_path}/file/mesrai.db"):
            pass

    with pytest.raises(StoreUnavailable, match="cannot be made"):
        asyncio.run(scenario())


def test_names_become_numbers_and_casts_stay() -> None:
    sql, values = numbered("SELECT :a::text, :b, :a WHERE x = :b", {"a": 1, "b": "two", "unused": None})
    assert sql == "SELECT $1::text, $2, $1 WHERE x = $2"
    assert values == [1, "two"]


def test_the_shown_address_has_no_user_and_no_password() -> None:
    assert shown_url("postgresql://me:secret@db.example.com:5433/mesrai") == "postgresql://db.example.com:5433/mesrai"
    assert shown_url("sqlite:////var/lib/mesrai.db") == "/var/lib/mesrai.db"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunt/er2@127.0.0.1:9/mesrai",
        "postgresql://me:hunt#er2@127.0.0.1:9/mesrai",
        "postgresql://me:hunt?er2@127.0.0.1:9/mesrai",
        "postgresql://me:hunt[er2@127.0.0.1:9/mesrai",
        "postgresql://me:hunter2@127.0.0.1:99999/mesrai",
        "postgresql://me:hunter2@127.0.0.1:x/mesrai",
        "postgresql:hunter2",
    ],
)
def test_an_address_that_cannot_be_read_is_a_typed_error_without_its_password(url: str) -> None:
    async def scenario() -> None:
        async with open_database(url):
            pass

    with pytest.raises(StoreUnavailable, match="The database") as caught:
        asyncio.run(scenario())
    assert "hunt" not in caught.value.message
    assert "er2" not in caught.value.message


def test_of_several_hosts_all_are_shown() -> None:
    assert shown_url("postgresql://me:secret@one:1,two:2/mesrai?sslmode=require") == "postgresql://one:1,two:2/mesrai"


@pytest.mark.parametrize("parameters", ["sslmode=prefer", "application_name=mesrai"])
def test_parameters_of_the_address_reach_the_driver_from_the_first_migration_on(
    parameters: str, tmp_path: Path
) -> None:
    async def scenario(url: str) -> object:
        async with open_database(url) as database:
            await database.rows("DROP SCHEMA public CASCADE")
            await database.rows("CREATE SCHEMA public")
        async with open_database(f"{url}?{parameters}") as database:
            return (await database.rows("SELECT version_num FROM alembic_version"))[0]["version_num"]

    with a_database("postgresql", tmp_path) as url:
        assert asyncio.run(scenario(url)) == NEWEST


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a#b", "a'b"])
def test_a_file_may_have_any_name(name: str, tmp_path: Path) -> None:
    async def scenario() -> object:
        async with open_database(f"sqlite:///{tmp_path}/{name}/mesrai.db") as database:
            return (await database.rows("SELECT version_num FROM alembic_version"))[0]["version_num"]

    assert asyncio.run(scenario()) == NEWEST
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("engine", ENGINES)
def test_text_that_no_database_takes_is_stored_without_the_odd_signs(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> object:
        async with open_database(url) as database:
            await database.rows(INSERT, account="a\udcff\ud83d\ude00\0é", at=1.5, tokens=7)
            return (await database.rows("SELECT account FROM admissions"))[0]["account"]

    with a_database(engine, tmp_path) as url:
        assert asyncio.run(scenario(url)) == "a\ufffd\U0001f600\ufffdé"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_number_that_is_too_large_is_a_typed_error(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        async with open_database(url) as database:
            await database.rows(INSERT, account="a", at=1.5, tokens=10**30)

    with a_database(engine, tmp_path) as url, pytest.raises(StoreUnavailable):
        asyncio.run(scenario(url))


def test_a_transaction_whose_process_stopped_is_ended_by_the_server(tmp_path: Path) -> None:
    async def scenario(url: str) -> object:
        async with open_database(url) as database:
            return (await database.rows("SHOW idle_in_transaction_session_timeout"))[0]

    with a_database("postgresql", tmp_path) as url:
        assert asyncio.run(scenario(url)) == {"idle_in_transaction_session_timeout": "15s"}


def test_a_connection_that_the_server_ended_is_a_typed_error_and_the_next_one_works(tmp_path: Path) -> None:
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "

    async def lost(database: Database, other: Database) -> None:
        async with database.transaction() as statements:
            await statements.rows(INSERT, account="a", at=1.5, tokens=7)
            await other.rows(f"{end} pg_backend_pid()")
            await statements.rows(INSERT, account="a", at=1.5, tokens=7)

    async def scenario(url: str) -> object:
        async with open_database(url) as database, open_database(url) as other:
            with pytest.raises(StoreUnavailable):
                await lost(database, other)
            return (await database.rows(COUNT, account="a"))[0]["n"]

    with a_database("postgresql", tmp_path) as url:
        assert asyncio.run(scenario(url)) == 0
