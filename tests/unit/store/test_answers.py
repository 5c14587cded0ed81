import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.jobs.embedded import DatabaseQueue
from mesrai.store.answers import AnswerBook, book_now, prune_answers
from mesrai.store.database import Database
from mesrai.store.opening import open_database
from mesrai.store.pull_requests import change_followed

pytestmark = pytest.mark.parametrize("engine", ENGINES)


def with_database(engine: str, folder: Path, use: Callable[[Database], Awaitable[None]]) -> None:
    async def run(url: str) -> None:
        async with open_database(url) as database:
            await use(database)

    with a_database(engine, folder) as url:
        asyncio.run(run(url))


SUBJECT = "forge.example/owner/name#7"


def test_an_answer_is_kept_for_its_round_and_the_first_one_stays(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        book = await book_now(database, SUBJECT)
        assert await book.find("q") is None
        await book.keep("q", '{"n": 1}')
        await AnswerBook(database, SUBJECT).keep("q", '{"n": 2}')
        assert await (await book_now(database, SUBJECT)).find("q") == '{"n": 1}'
        assert await (await book_now(database, f"{SUBJECT}:50")).find("q") is None
        await change_followed(database, SUBJECT, lambda now: replace(now, round=now.round + 1))
        assert await (await book_now(database, SUBJECT)).find("q") is None
        assert await book.find("q") == '{"n": 1}'

    with_database(engine, tmp_path, use)


def test_answers_go_when_no_job_is_about_their_subject(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        queue = DatabaseQueue(database)
        jobs = []
        for at in range(4):
            await queue.put("review", f"forge.example/owner/name#{at}", {})
            job = await queue.claim("w", kinds=("review",))
            assert job is not None
            await AnswerBook(database, job.subject).keep("q", "{}")
            jobs.append(job)
        await queue.finish(jobs[0])
        await queue.fail(jobs[1], "broken", retry_in_s=None)
        await queue.park(jobs[2], until=9e9, reason="quota")
        assert await prune_answers(database) == 2
        left = await database.rows("SELECT subject FROM answers ORDER BY subject")
        assert [row["subject"] for row in left] == [jobs[2].subject, jobs[3].subject]

    with_database(engine, tmp_path, use)
