"""What the lists of the pages ask the database, on both engines: always through an index."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from tests.databases import ENGINES, a_database

from mesrai.store.audit import entries
from mesrai.store.calls import calls_of, open_calls
from mesrai.store.database import Database, Row, Value
from mesrai.store.opening import open_database
from mesrai.store.review_events import events_of
from mesrai.store.review_figures import review_figures, reviewed_authors, reviewed_repositories
from mesrai.store.reviews import ReviewFilter, begun_among, find_review, newest_reviews
from mesrai.store.spent import By, Filter, spending_by

DAY_S = 86_400.0
BIG = ("reviews", "spent", "spending", "calls", "review_events", "audit", "jobs")


class Explained:
    """A database that keeps how it would answer each question, and then answers it. See Database."""

    def __init__(self, database: Database, engine: str) -> None:
        self._database = database
        self._explain = "EXPLAIN QUERY PLAN" if engine == "sqlite" else "EXPLAIN"
        self.now, self.for_update, self.transaction = database.now, database.for_update, database.transaction
        self.plans: list[tuple[str, str]] = []  # a step, and the question

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        told = await self._database.rows(f"{self._explain} {sql}", **values)
        self.plans += [(str(row.get("detail") or row.get("QUERY PLAN")), sql) for row in told]
        return await self._database.rows(sql, **values)


async def asked_by_pages(database: Explained) -> None:
    """What the pages that list much ask."""
    us = ReviewFilter(organisation="default")
    first = (await newest_reviews(database, us, most=1))[0]
    await newest_reviews(database, us, after=first.cursor)
    for chosen in (
        replace(us, author="ada"),
        replace(us, repository="github.com/a/r1"),
        replace(us, subject="github.com/a/r1#1"),
        replace(us, outcomes=("partial",)),
    ):
        await newest_reviews(database, chosen)
    await newest_reviews(database, ReviewFilter(organisation="default", severity="high", title="a", since=1.0))
    await reviewed_repositories(database, "default")
    await reviewed_authors(database, "default")
    await review_figures(database, "default", since=0.0, until=100 * DAY_S, repository="")
    await find_review(database, "job-7")
    await begun_among(database, ["job-7", "job-8"])
    await calls_of(database, "job-7")
    await open_calls(database, "job-7")
    await events_of(database, "job-7")
    await entries(database, "default")
    for by in (None, *By):
        await spending_by(database, "default", by, Filter(since=40 * DAY_S, until=50 * DAY_S))


async def filled(database: Database) -> None:
    """A few hundred rows, so that a plan is about something."""
    numbers = "WITH RECURSIVE n(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM n WHERE at < 600)"
    name, job = "'github.com/a/r' || (at % 9)", "'job-' || at"
    for sql in (
        f"""INSERT INTO reviews (id, organisation, subject, repository, head_sha, base_ref, outcome, reason, report,
        created_at, changed_at, author) {numbers} SELECT {job}, 'default', {name} || '#' || at, {name}, 'a', 'main',
        'reviewed', '', '{{}}', at * 8640.0, at * 8640.0, 'author-' || (at % 5) FROM n""",
        f"""INSERT INTO spent (organisation, day, review, repository, provider, model, currency, last_at, calls,
        failures, input_tokens, cached_tokens, output_tokens, reasoning_tokens, nanos, unpriced) {numbers}
        SELECT 'default', at / 10, {job}, {name}, 'p', 'm', 'USD', at * 8640.0, 1, 0, 1, 1, 1, 0, 1, 0 FROM n""",
        f"""INSERT INTO calls (review, at, took_s, purpose, provider, model, is_failover, error, prompt, answer,
        input_tokens, cached_tokens, output_tokens, currency) {numbers}
        SELECT {job}, 1.0, 1.0, '', 'p', 'm', 0, '', '', '', 1, 0, 1, '' FROM n""",
        f"INSERT INTO review_events (review, at, kind, told) {numbers} SELECT {job}, 1.0, 'step', '{{}}' FROM n",
        f"""INSERT INTO audit (at, organisation, who, what, subject, details) {numbers}
        SELECT 1.0, 'default', 'ada', 'x', 'y', '{{}}' FROM n""",
    ):
        await database.rows(sql)
    await database.rows("ANALYZE")


@pytest.mark.parametrize("engine", ENGINES)
def test_no_page_looks_through_a_whole_table(engine: str, tmp_path: Path) -> None:
    async def plans(url: str) -> list[tuple[str, str]]:
        if engine == "postgresql":  # it would rather read so small a table whole, if it may
            connection = await asyncpg.connect(url)
            await connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET enable_seqscan = off")
            await connection.close()
        async with open_database(url) as database:
            await filled(database)
            explained = Explained(database, engine)
            await asked_by_pages(explained)
            return explained.plans

    with a_database(engine, tmp_path) as url:
        found = asyncio.run(asyncio.wait_for(plans(url), 30))
    looked = [each for each in found if "Index" in each[0] or "INDEX" in each[0] or "PRIMARY KEY" in each[0]]
    assert len(looked) > 20
    assert [each for each in found if is_whole(each[0])] == []


def is_whole(step: str) -> bool:
    """Whether that step of a plan reads all of a large table."""
    words = step.replace("->", "").split()
    if words[:2] == ["Seq", "Scan"] or words[:3] == ["Parallel", "Seq", "Scan"]:
        return words[words.index("Scan") + 2] in BIG
    return words[0] == "SCAN" and words[1] in BIG and "INDEX" not in words and "PRIMARY" not in words
