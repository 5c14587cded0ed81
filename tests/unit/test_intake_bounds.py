"""How much of one repository may wait, and what becomes of what is too much."""

import asyncio
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.assembly.intake import MOST_WAITING, Intake
from mesrai.errors import WebhookRejected
from mesrai.flows.receive import COMMAND, REVIEW, Meaning, Work
from mesrai.jobs.embedded import DatabaseQueue, put_in
from mesrai.store.opening import open_database

SHOP, OTHER = "github.com/acme/shop", "github.com/acme/other"


def meant(kind: str, subject: str) -> Meaning:
    return Meaning(told="It is due.", work=Work(kind=kind, subject=subject))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_repository_that_has_too_much_waiting_gets_no_more_and_is_told(engine: str, tmp_path: Path) -> None:
    async def flood(url: str) -> None:
        async with open_database(url) as database:
            queue = DatabaseQueue(database)

            async def take(kind: str, subject: str) -> str:
                seal = f"{kind} {subject}"
                return await Intake(database, queue, "default", seal=seal).take(f"guid {seal}", meant(kind, subject))

            async with database.transaction() as statements:
                for number in range(MOST_WAITING - 1):
                    await put_in(database, statements, COMMAND, f"{SHOP}#7:{number}", {})
            assert await take(REVIEW, f"{SHOP}#1") == "It is due."
            with pytest.raises(WebhookRejected, match=f"1,000 jobs wait for {SHOP} already") as refused:
                await take(REVIEW, f"{SHOP}#2")
            assert refused.value.status == 503
            assert len(await queue.standing(most=2_000)) == MOST_WAITING

            intake = Intake(database, queue, "default", seal="a later push")
            assert await intake.take("guid of a later push", meant(REVIEW, f"{SHOP}#1")) == "It is due."
            assert await take(REVIEW, f"{OTHER}#2") == "It is due."
            assert len(await queue.standing(most=2_000)) == MOST_WAITING + 1

            job = await queue.claim("w", kinds=(COMMAND,))
            assert job is not None
            assert await take(REVIEW, f"{SHOP}#2") == "It is due.", "a delivery that was refused can come again"

    with a_database(engine, tmp_path) as url:
        asyncio.run(flood(url))
