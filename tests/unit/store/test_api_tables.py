"""What the interface keeps, on both engines: requests sent once, feedback, webhooks with their deliveries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.domain.secret import Secret
from mesrai.store import webhooks
from mesrai.store.api_once import KEPT_S, LOST_S, Kept, begin_once, end_once, forget_once, prune_once
from mesrai.store.api_rates import count_call, prune_rates
from mesrai.store.database import Database
from mesrai.store.feedback import Opinion, Verdict, opinions, say_opinion, take_opinion_back
from mesrai.store.forgetting import Which, forget_old
from mesrai.store.opening import open_database
from mesrai.store.reviews import begin_review, end_review
from mesrai.store.vault import KEY_BYTES, Keyring, MasterKey

KEYRING = Keyring(MasterKey(b"k" * KEY_BYTES))


@pytest.fixture(params=ENGINES)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Database], Awaitable[None]]], None]:
    """Tells a story with an open database."""

    def tell(story: Callable[[Database], Awaitable[None]]) -> None:
        async def run(url: str) -> None:
            async with open_database(url) as database:
                await story(database)

        with a_database(request.param, tmp_path) as url:
            asyncio.run(run(url))

    return tell


@asynccontextmanager
async def older(database: Database, table: str, by: float) -> AsyncIterator[None]:
    await database.rows(f"UPDATE {table} SET at = at - :by", by=by)
    yield


Tell = Callable[[Callable[[Database], Awaitable[None]]], None]


def test_a_request_is_kept_for_a_day_and_a_lost_one_for_minutes(told: Tell) -> None:
    async def story(database: Database) -> None:
        assert await begin_once(database, "token 1", "a", "seal") is None
        assert await begin_once(database, "token 1", "a", "seal") == Kept(seal="seal", answer="")
        assert await begin_once(database, "token 2", "a", "seal") is None
        await end_once(database, "token 1", "a", "{}")
        assert await begin_once(database, "token 1", "a", "other") == Kept(seal="seal", answer="{}")
        await forget_once(database, "token 2", "a")
        assert await begin_once(database, "token 2", "a", "seal") is None
        async with older(database, "api_once", LOST_S + 1):
            assert await begin_once(database, "token 2", "a", "seal") is None, "whoever carried it out is gone"
            assert await begin_once(database, "token 1", "a", "seal") == Kept(seal="seal", answer="{}")
        async with older(database, "api_once", KEPT_S):
            await prune_once(database)
            assert await database.rows("SELECT * FROM api_once") == []

    told(story)


def test_calls_are_counted_by_caller_and_period(told: Tell) -> None:
    async def story(database: Database) -> None:
        assert [await count_call(database, "token 1", 5) for _ in range(3)] == [1, 2, 3]
        assert await count_call(database, "token 2", 5) == 1
        assert await count_call(database, "token 1", 6) == 1
        await prune_rates(database, before=6)
        assert [row["period"] for row in await database.rows("SELECT * FROM api_rates")] == [6]

    told(story)


def test_of_two_words_of_one_person_the_last_one_counts(told: Tell) -> None:
    said = Opinion(
        organisation="acme", repository="github.com/acme/shop", review="job-1", fingerprint="f", who="ada",
        verdict=Verdict.WRONG, note="why",
    )  # fmt: skip

    async def story(database: Database) -> None:
        first = await say_opinion(database, said)
        last = await say_opinion(
            database,
            Opinion(
                organisation="acme", repository="github.com/acme/shop", review="job-1", fingerprint="f", who="ada",
                verdict=Verdict.LATER,
            ),
        )  # fmt: skip
        other = await say_opinion(
            database,
            Opinion(
                organisation="acme", repository="github.com/acme/app", review="job-2", fingerprint="f", who="ada",
                verdict=Verdict.USEFUL,
            ),
        )  # fmt: skip
        assert (first.id, last.verdict, last.note) == (last.id, Verdict.LATER, "")
        assert await opinions(database, "acme") == [other, last]
        assert await opinions(database, "acme", before=other.id, most=1) == [last]
        assert await opinions(database, "acme", repository="github.com/acme/app") == [other]
        assert await opinions(database, "acme", review="job-1") == [last]
        assert await opinions(database, "other") == []
        assert not await take_opinion_back(database, ("acme", "job-1", "f"), "grace")
        assert await take_opinion_back(database, ("acme", "job-1", "f"), "ada")
        assert await opinions(database, "acme") == [other]

    told(story)


def test_what_was_said_of_a_review_goes_with_it(told: Tell) -> None:
    async def story(database: Database) -> None:
        for review in ("job-1", "job-2"):
            await begin_review(
                database, review=review, subject="github.com/acme/shop#7", head_sha="a", organisation="acme"
            )
            await end_review(database, review, "reviewed", report="{}")
            await say_opinion(
                database,
                Opinion(
                    organisation="acme", repository="github.com/acme/shop", review=review, fingerprint="f", who="ada",
                    verdict=Verdict.USEFUL,
                ),
            )  # fmt: skip
        await database.rows("UPDATE reviews SET changed_at = changed_at - 100.0 WHERE id = 'job-1'")
        await forget_old(database, Which(organisation="acme", reviews_older_than_s=50.0), who="ada")
        assert [each.review for each in await opinions(database, "acme")] == ["job-2"]

    told(story)


def test_a_webhook_from_its_beginning_to_its_end(told: Tell) -> None:
    async def story(database: Database) -> None:
        made = await webhooks.add_webhook(
            database, KEYRING, Secret("whsec_x"), organisation="acme", url="https://x.example", events=["a"], who="ada"
        )
        assert await webhooks.webhooks(database, "acme") == [made]
        assert await webhooks.find_webhook(database, "other", made.id) is None
        assert webhooks.opened_secret(made, KEYRING).open() == "whsec_x"
        first = await webhooks.add_delivery(database, webhook=made.id, event_id="e1", event="a", body="{}")
        again = await webhooks.add_delivery(database, webhook=made.id, event_id="e1", event="a", body="[]")
        assert again == first, "an event is given once"
        second = await webhooks.add_delivery(database, webhook=made.id, event_id="e2", event="a", body="{}")
        assert [each.id for each in await webhooks.deliveries_of(database, made.id)] == [second.id, first.id]
        assert await webhooks.deliveries_of(database, made.id, before=second.id) == [first]
        await webhooks.note_attempt(database, first.id, webhooks.FAILED, None, "nobody there")
        kept = await webhooks.find_delivery(database, made.id, first.id)
        assert kept is not None
        assert (kept.state, kept.attempts, kept.status, kept.told) == ("failed", 1, None, "nobody there")
        switched = [await webhooks.note_failed(database, made.id, "gone") for _ in range(webhooks.MOST_FAILURES)]
        assert switched == [False] * (webhooks.MOST_FAILURES - 1) + [True]
        off = await webhooks.any_webhook(database, made.id)
        assert off is not None
        assert (off.is_active, off.failures) == (False, webhooks.MOST_FAILURES)
        on = await webhooks.switch_webhook(database, "acme", made.id, is_active=True, who="ada")
        assert on is not None
        assert (on.is_active, on.failures, on.reason) == (True, 0, "")
        await webhooks.note_failed(database, made.id, "gone")
        await webhooks.note_well(database, made.id)
        async with database.transaction() as statements:
            waiting = await webhooks.deliver_again(database, statements, first.id)
        assert waiting is not None
        assert waiting.state == webhooks.WAITING
        await database.rows(
            "UPDATE webhook_deliveries SET created_at = created_at - :age WHERE id = :id",
            age=webhooks.KEPT_S + 1,
            id=first.id,
        )
        await webhooks.prune_webhook_deliveries(database)
        assert [each.id for each in await webhooks.deliveries_of(database, made.id)] == [second.id]
        assert await webhooks.remove_webhook(database, "acme", made.id, who="ada")
        assert not await webhooks.remove_webhook(database, "acme", made.id, who="ada")
        assert await webhooks.deliveries_of(database, made.id) == []

    told(story)
