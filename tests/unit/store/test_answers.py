import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.jobs.embedded import DatabaseQueue
from mesrai.store.answers import AnswerBook, prune_answers
from mesrai.store.database import Database
from mesrai.store.opening import open_database

pytestmark = pytest.mark.parametrize("engine", ENGINES)


def with_database(engine: str, folder: Path, use: Callable[[Database], Awaitable[None]]) -> None:
    async def run(url: str) -> None:
        async with open_database(url) as database:
            await use(database)

    with a_database(engine, folder) as url:
        asyncio.run(run(url))


def test_an_answer_is_kept_for_its_job_and_the_first_one_stays(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        book = AnswerBook(database, 1)
        assert await book.find("q") is None
        await book.keep("q", '{"n": 1}')
        await AnswerBook(database, 1).keep("q", '{"n": 2}')
        await book.keep("r", "{}")
        assert await AnswerBook(database, 1).find("q") == '{"n": 1}'
        assert await AnswerBook(database, 2).find("q") is None
        await book.forget()
        assert await book.find("r") is None

    with_database(engine, tmp_path, use)


def test_answers_go_when_their_job_is_over(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        queue = DatabaseQueue(database)
        jobs = []
        for at in range(4):
            await queue.put("review", f"forge.example/owner/name#{at}", {})
            job = await queue.claim("w", kinds=("review",))
            assert job is not None
            await AnswerBook(database, job.id).keep("q", "{}")
            jobs.append(job)
        await queue.finish(jobs[0])
        await queue.fail(jobs[1], "broken", retry_in_s=None)
        await queue.park(jobs[2], until=9e9, reason="quota")
        assert await prune_answers(database) == 2
        left = await database.rows("SELECT job FROM answers ORDER BY job")
        assert [row["job"] for row in left] == [jobs[2].id, jobs[3].id]

    with_database(engine, tmp_path, use)
