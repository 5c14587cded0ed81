import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.store.database import Database
from mesrai.store.opening import open_database
from mesrai.store.pull_requests import Followed, change_followed, find_followed, save_followed

pytestmark = pytest.mark.parametrize("engine", ENGINES)
SUBJECT = "forge.example/owner/name#7"
WHOLE = Followed(
    subject=SUBJECT,
    installation=2**40,
    reviewed_sha="a" * 40,
    reviewed_base="main",
    is_paused=True,
    asked="deep",
    asks=2**43,
    round=2**44,
    summary_comment=2**41,
    check_id=2**42,
    check_sha="b" * 40,
    pushes=(1_700_000_000.123456, 1_700_000_001.5),
)


def with_database(engine: str, folder: Path, use: Callable[[Database], Awaitable[None]]) -> None:
    async def run(url: str) -> None:
        async with open_database(url) as database:
            await use(database)

    with a_database(engine, folder) as url:
        asyncio.run(run(url))


def test_what_was_saved_is_found_and_nothing_is_known_of_others(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        assert await find_followed(database, SUBJECT) == Followed(subject=SUBJECT)
        await save_followed(database, database, WHOLE)
        assert await find_followed(database, SUBJECT) == WHOLE
        await save_followed(database, database, replace(WHOLE, installation=None, pushes=(), is_paused=False))
        assert await find_followed(database, SUBJECT) == replace(WHOLE, installation=None, pushes=(), is_paused=False)
        assert await find_followed(database, "forge.example/owner/name#8") == Followed(
            subject="forge.example/owner/name#8"
        )

    with_database(engine, tmp_path, use)


def test_no_change_is_lost_where_many_change_at_once(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        def pushed(at: float) -> Callable[[Followed], Followed]:
            return lambda followed: replace(followed, pushes=(*followed.pushes, at))

        changes = [change_followed(database, SUBJECT, pushed(float(at))) for at in range(12)]
        paused = change_followed(database, SUBJECT, lambda followed: replace(followed, is_paused=True))
        await asyncio.gather(*changes, paused)
        found = await find_followed(database, SUBJECT)
        assert sorted(found.pushes) == [float(at) for at in range(12)]
        assert found.is_paused

    with_database(engine, tmp_path, use)


def test_a_change_that_fails_changes_nothing(engine: str, tmp_path: Path) -> None:
    def broken(_: Followed) -> Followed:
        raise KeyError

    async def use(database: Database) -> None:
        await save_followed(database, database, WHOLE)
        with pytest.raises(KeyError):
            await change_followed(database, SUBJECT, broken)
        assert await find_followed(database, SUBJECT) == WHOLE
        assert await change_followed(database, SUBJECT, lambda each: each) == WHOLE

    with_database(engine, tmp_path, use)


def test_what_is_asked_for_is_due_until_that_very_asking_is_done(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        first = await change_followed(database, SUBJECT, lambda now: now.with_ask("--deep"))
        second = await change_followed(database, SUBJECT, lambda now: now.with_ask("--deep"))
        assert (first.asked, second.asked) == ("--deep", "--deep")
        assert (await change_followed(database, SUBJECT, lambda now: now.without_ask(first.asks))).asked == "--deep"
        assert (await change_followed(database, SUBJECT, lambda now: now.without_ask(second.asks))).asked == ""

    with_database(engine, tmp_path, use)


@pytest.mark.parametrize(
    ("asked", "due"), [(["usual"], "usual"), (["--full", "usual"], "--full"), (["usual", "--fast"], "--fast")]
)
def test_the_usual_review_does_not_undo_a_particular_one_that_is_due(
    engine: str, tmp_path: Path, asked: list[str], due: str
) -> None:
    async def use(database: Database) -> None:
        followed = Followed(subject=SUBJECT)
        for scope in asked:
            followed = followed.with_ask(scope)
        await save_followed(database, database, followed)
        assert (await find_followed(database, SUBJECT)).asked == due

    with_database(engine, tmp_path, use)
