"""A database that an earlier version filled is brought up to date, and what stood in it still counts."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, create_engine, inspect, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.databases import ENGINES, an_empty_database

from mesrai.jobs.embedded import DatabaseQueue
from mesrai.jobs.queue import State
from mesrai.store import migrating
from mesrai.store.opening import open_database
from mesrai.store.pull_requests import Followed, change_followed, find_followed
from mesrai.store.reviews import ReviewFilter, find_report, newest_reviews
from mesrai.store.versions import NEWEST

SUBJECT = "github.com/acme/shop#7"
ROWS: Mapping[str, Mapping[str, Any]] = {
    "jobs": {
        "kind": "review", "subject": SUBJECT, "repository": "github.com/acme/shop", "payload": '{"number": 7}',
        "state": "waiting", "due_at": 0.0, "attempts": 2, "spared": 1, "worker": "", "lease_until": 0.0,
        "reason": "It waits.",
    },
    "pull_requests": {
        "subject": SUBJECT, "installation": 3, "reviewed_sha": "a" * 40, "is_paused": 1, "asked": "--full",
        "summary_comment": 12, "check_id": None, "check_sha": "", "pushes": "[1.5]",
    },
    "reviews": {
        "id": "job-1", "organisation": "acme", "subject": SUBJECT, "repository": "github.com/acme/shop",
        "head_sha": "a" * 40, "outcome": "reviewed", "reason": "", "report": "{}", "created_at": 2.5,
    },
    "spending": {
        "at": 2 * 86_400 - 0.3, "organisation": "acme", "repository": "", "review": "job-1", "provider": "moonshot",
        "model": "k2", "is_settled": 1, "is_failed": 1, "calls": 2, "nanos": None, "currency": "USD",
    },
}  # fmt: skip


def in_database(url: str, work: Callable[[Connection], Any]) -> Any:
    """What `work` gives, in one transaction."""
    if url.startswith("sqlite"):
        with create_engine(url, poolclass=NullPool).begin() as connection:
            return work(connection)

    async def run() -> Any:
        engine = create_async_engine("postgresql+asyncpg://", poolclass=NullPool, async_creator=connect)
        async with engine.begin() as connection:
            return await connection.run_sync(work)

    async def connect() -> Any:
        return await asyncpg.connect(url)

    return asyncio.run(run())


def brought_to(revision: str) -> Callable[[Connection], None]:
    def upgrade(connection: Connection) -> None:
        config = migrating._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    return upgrade


def filled(connection: Connection) -> None:
    """A row in every table: those above, and in the others something of each column's kind."""
    meta = MetaData()
    meta.reflect(connection)
    for name, table in meta.tables.items():
        if name != "alembic_version":
            given = ROWS.get(name, {})
            row = {
                each.name: "[]" if each.type.python_type is str else 5
                for each in table.columns
                if (name, each.name) != ("jobs", "id")  # the database gives it
            }
            connection.execute(table.insert().values(**{**row, **given}))


def rows_of(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    meta = MetaData()
    meta.reflect(connection)
    return {
        name: [dict(row._mapping) for row in connection.execute(select(each))] for name, each in meta.tables.items()
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_what_an_earlier_version_wrote_is_all_there_after_the_upgrade(engine: str, tmp_path: Path) -> None:
    with an_empty_database(engine, tmp_path) as url:
        in_database(url, brought_to("0002"))
        in_database(url, filled)
        before = in_database(url, rows_of)
        assert len(before) > 12, "all tables of that version"
        migrating.migrate(url)
        after = in_database(url, rows_of)
        assert after.pop("alembic_version") == [{"version_num": NEWEST}]
        # Only of use to reviews that ran then, and kept in another way since.
        assert (len(before.pop("answers")), after["answers"]) == (1, [])
        (spent,) = after["spent"]
        names = ("day", "review", "calls", "failures", "nanos", "unpriced", "input_tokens")
        assert [spent[name] for name in names] == [1, "job-1", 2, 1, 0, 2, 5]
        before.pop("alembic_version")
        for name, (row,) in before.items():
            (now,) = after[name]
            assert {column: now[column] for column in row} == row, name


@pytest.mark.parametrize("engine", ENGINES)
def test_work_that_an_earlier_version_left_goes_on(engine: str, tmp_path: Path) -> None:
    async def goes_on(url: str) -> None:
        async with open_database(url) as database:
            assert await find_followed(database, SUBJECT) == Followed(
                subject=SUBJECT,
                installation=3,
                reviewed_sha="a" * 40,
                is_paused=True,
                asked="--full",
                summary_comment=12,
                pushes=(1.5,),
            )
            asked = await change_followed(database, SUBJECT, lambda now: now.with_ask("--deep"))
            assert (asked.asked, asked.asks, asked.round) == ("--deep", 1, 0)
            (review,) = await newest_reviews(database, ReviewFilter(organisation="acme"))
            assert (review.id, review.outcome, review.title, review.nanos) == ("job-1", "reviewed", "", None)
            assert await find_report(database, "job-1") == "{}"
            queue = DatabaseQueue(database)
            job = await queue.claim("w", kinds=("review",))
            assert job is not None
            assert (job.id, job.payload, job.attempt, job.spared, job.failure) == (1, {"number": 7}, 3, 1, "")
            await queue.give_up(job, "It failed.")
            (standing,) = await queue.standing()
            assert standing.state is State.RUNNING
            assert await queue.put("review", SUBJECT, {"number": 7}) > 1, "no number is given twice"

    with an_empty_database(engine, tmp_path) as url:
        in_database(url, brought_to("0002"))
        in_database(url, filled)
        migrating.migrate(url)
        asyncio.run(goes_on(url))


def test_the_upgraded_schema_is_the_new_one(tmp_path: Path) -> None:
    """On the way and at once, the tables, columns and indexes are the same."""

    def schema(connection: Connection) -> Any:
        looked = inspect(connection)
        return {
            table: (
                sorted((each["name"], str(each["type"]), each["nullable"]) for each in looked.get_columns(table)),
                sorted((each["name"], tuple(each["column_names"])) for each in looked.get_indexes(table)),
            )
            for table in looked.get_table_names()
        }

    with an_empty_database("sqlite", tmp_path) as old, an_empty_database("sqlite", tmp_path) as new:
        for revision in [each.revision for each in reversed(list(migrating.script().walk_revisions()))]:
            in_database(old, brought_to(revision))
        migrating.migrate(new)
        assert in_database(old, schema) == in_database(new, schema)
