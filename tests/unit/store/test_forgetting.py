"""Deleting reviews and what was said in them: as much as was meant, on both engines, and for good."""

import asyncio
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database, a_new_file

from mesrai.store.audit import entries
from mesrai.store.database import Database
from mesrai.store.forgetting import Forgotten, Which, compact, count_old, forget_old
from mesrai.store.opening import open_database

DAY = 86_400.0
SAID = "def secret_of_the_customer(): ..."


async def keep(
    database: Database, review: str, *, days: float, repository: str = "r/one", outcome: str = "reviewed"
) -> None:
    now = database.now
    values: dict[str, str | float] = {"id": review, "age": days * DAY, "repository": repository, "outcome": outcome}
    await database.rows(
        "INSERT INTO reviews (id, organisation, subject, repository, head_sha, outcome, reason, report, created_at, "
        f"changed_at) VALUES (:id, 'default', 's', :repository, 'h', :outcome, '', '', {now} - :age, {now} - :age)",
        **values,
    )
    await database.rows(
        "INSERT INTO calls (review, at, took_s, purpose, provider, model, is_failover, error, prompt, answer, "
        f"input_tokens, cached_tokens, output_tokens, currency) VALUES (:review, {now} - :age, 1, '', 'p', 'm', 0, '', "
        ":said, 'yes', 1, 0, 1, '')",
        review=review,
        age=days * DAY,
        said=SAID,
    )
    await database.rows(
        f"INSERT INTO review_events (review, at, kind, told) VALUES (:review, {now} - :age, 'step', '{{}}')",
        review=review,
        age=days * DAY,
    )


async def ids(database: Database) -> list[str]:
    return [str(row["id"]) for row in await database.rows("SELECT id FROM reviews ORDER BY id")]


async def said(database: Database) -> list[str]:
    rows = await database.rows("SELECT review FROM calls WHERE prompt <> '' OR answer <> '' ORDER BY review")
    return [str(row["review"]) for row in rows]


@pytest.mark.parametrize("engine", ENGINES)
def test_old_reviews_go_with_all_that_is_theirs_and_those_under_way_stay(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        async with open_database(url) as database:
            await keep(database, "a-old", days=40)
            await keep(database, "b-other", days=40, repository="r/two")
            await keep(database, "c-new", days=2)
            await keep(database, "d-waits", days=40, outcome="parked")
            which = Which(organisation="default", repository="r/one", reviews_older_than_s=30 * DAY)
            expected = Forgotten(reviews=1, calls=1, events=1)
            assert await count_old(database, which) == expected
            assert await forget_old(database, which, who="ada") == expected
            assert await ids(database) == ["b-other", "c-new", "d-waits"]
            assert await said(database) == ["b-other", "c-new", "d-waits"]
            [entry] = await entries(database, "default")
            assert (entry.who, entry.what, entry.subject) == ("ada", "reviews.prune", "r/one")
            elsewhere = Which(organisation="another", reviews_older_than_s=0.0)
            assert not (await forget_old(database, elsewhere, who="ada")).is_anything
            assert len(await entries(database, "default")) == 1

    with a_database(engine, tmp_path) as url:
        asyncio.run(scenario(url))


@pytest.mark.parametrize("engine", ENGINES)
def test_prompts_go_and_the_reviews_with_their_figures_stay(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        async with open_database(url) as database:
            await keep(database, "a-old", days=40)
            await keep(database, "c-new", days=2)
            which = Which(organisation="default", prompts_older_than_s=30 * DAY)
            assert await count_old(database, which) == Forgotten(prompts=1)
            assert await forget_old(database, which, who="ada") == Forgotten(prompts=1)
            assert await forget_old(database, which, who="ada") == Forgotten()
            assert await ids(database) == ["a-old", "c-new"]
            assert await said(database) == ["c-new"]

    with a_database(engine, tmp_path) as url:
        asyncio.run(scenario(url))


def test_nothing_of_it_is_left_in_the_bytes_of_a_sqlite_file(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    path = Path(url.removeprefix("sqlite:///"))

    async def scenario() -> None:
        async with open_database(url) as database:
            await keep(database, "a-old", days=40)
            which = Which(organisation="default", reviews_older_than_s=DAY)
            assert (await forget_old(database, which, who="ada")).is_anything
            await compact(database, url)

    def all_bytes() -> bytes:
        return b"".join(each.read_bytes() for each in tmp_path.glob(f"{path.name}*"))

    asyncio.run(scenario())
    assert SAID.encode() not in all_bytes()
