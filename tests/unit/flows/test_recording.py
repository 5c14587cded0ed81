"""What is kept of a review for people who watch it or come back, and how a person stops one."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.memory_forge import HEAD, MemoryForge
from tests.reviewing import NOW, SUBJECT, Bench, SlowModel, a_bench, finds_one

from mesrai.domain.command import Scope
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.usage import Usage
from mesrai.errors import ForgeAuth, ModelQuota, StoreUnavailable, UserError
from mesrai.flows import steer
from mesrai.flows.recording import READING, recording
from mesrai.flows.run_review import run_review, tell_failure
from mesrai.forges.forge import Conclusion, Reaction
from mesrai.jobs.queue import State
from mesrai.review.progress import Notice, Spending
from mesrai.store.audit import entries
from mesrai.store.database import Row, Value
from mesrai.store.review_events import events_of
from mesrai.store.reviews import (
    PARKED,
    RUNNING,
    STOPPED,
    KeptReview,
    ask_to_stop,
    find_excerpts,
    find_report,
    find_review,
)

Story = Callable[[Bench], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def scenario() -> None:
        async with a_bench(folder) as bench:
            await story(bench)

    asyncio.run(scenario())


async def kept(bench: Bench, job: int = 1) -> KeptReview:
    found = await find_review(bench.database, f"job-{job}")
    assert found is not None
    return found


def hand(bench: Bench) -> steer.Desk:
    return steer.Desk(
        database=bench.database, queue=bench.queue, organisation="acme", who="ada@example.com", name="Ada"
    )


async def whats(bench: Bench) -> list[str]:
    return [each.what for each in await entries(bench.database, "acme")]


def test_a_review_is_kept_with_what_it_is_about_and_what_it_came_to(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        found = await kept(bench)
        assert (found.title, found.author, found.trigger, found.number) == ("Discounts", "ada", "opened", "7")
        assert (found.critical, found.high, found.medium, found.low) == (0, 1, 0, 0)
        assert (found.models, found.nanos, found.currency) == ("scripted/m1", 2_000_000, "USD")
        assert found.took_s > 0
        rows = next(iter(json.loads(await find_excerpts(bench.database, found.id)).values()))
        assert rows == [[1, "def total(items):", 0, 0], [2, "    return sum(items) / len(items)", 1, 0]]

    play(tmp_path, story)


def test_its_steps_and_verified_findings_are_kept_in_their_order(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        told = await events_of(bench.database, "job-1")
        kinds = [each.kind for each in told if each.kind != "Spending"]
        assert kinds == ["step", "Started", "BatchEnded", "step"]
        assert told[0].told == {"text": READING}
        (ended,) = [each.told for each in told if each.kind == "BatchEnded"]
        found = {"severity": "high", "title": "Divides by zero for an empty cart", "path": "cart.py", "line": 2}
        assert (ended["found"], ended["paths"]) == ([found], ["cart.py"])

    play(tmp_path, story)


def test_of_what_was_spent_only_the_newest_is_kept(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        async with recording(bench.database, "job-9", lambda: 5.0) as record:
            for at in range(50):
                record.watch(Spending(usage=Usage(calls=at), in_flight=1))
        (only,) = await events_of(bench.database, "job-9")
        assert only.told["usage"]["calls"] == 49

    play(tmp_path, story)


class Away:
    """A database that is away."""

    def __init__(self) -> None:
        self.asked = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Away"]:
        self.asked += 1
        yield self

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        raise StoreUnavailable("The disk is full.")


def test_a_store_that_is_away_ends_no_review_and_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> int:
        away: Any = Away()
        async with recording(away, "job-9", lambda: 5.0) as record:
            for _ in range(3):
                record.watch(Notice(text="a failover"))
                await asyncio.sleep(0.15)
        return int(away.asked)

    assert asyncio.run(run()) >= 1
    assert "How job-9 goes cannot be kept for now: The disk is full." in caplog.text


def test_a_person_stops_a_running_review_and_the_pull_request_says_who(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        async def stopped() -> None:
            assert await steer.stop(hand(bench), await kept(bench))
            await asyncio.sleep(0.1)

        bench.renew_s = 0.02
        slow = SlowModel(bench, stopped, most_s=5.0)
        await bench.put()
        desk = replace(bench.desk, model=slow.opened)
        assert await asyncio.wait_for(run_review(desk, await bench.claimed()), 4) == "Stopped by Ada."
        found = await kept(bench)
        assert (found.outcome, found.reason, found.stop_by) == (STOPPED, "Stopped by Ada.", "Ada")
        assert (bench.forge.conclusion, bench.forge.check.title) == (Conclusion.NEUTRAL, "Stopped by Ada")
        assert "Ada stopped the review, so nothing is said of this commit." in bench.forge.summary
        assert (bench.forge.reaction, await bench.standing()) == (Reaction.SKIPPED, [])
        assert (await bench.followed()).reviewed_sha == "", "it does not count as reviewed"
        assert await whats(bench) == ["review.stop"]
        assert not await steer.stop(hand(bench), found), "it is over"

    play(tmp_path, story)


def test_a_review_that_was_stopped_can_be_asked_for_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(lambda _: a_quota())
        await bench.reviewed()
        await steer.stop(hand(bench), await kept(bench))
        await bench.go_on()
        bench.says(finds_one)
        await steer.review_again(hand(bench), await kept(bench), Scope.FULL)
        assert (await bench.followed()).asked == "--full"
        await bench.go_on()
        assert (await bench.outcome(2), (await bench.followed()).reviewed_sha) == ("reviewed", HEAD)
        assert bench.forge.check.title != "Stopped by Ada"
        assert await whats(bench) == ["review.ask", "review.stop"]

    play(tmp_path, story)


def a_quota() -> ModelQuota:
    error = ModelQuota("The plan's quota is used up.")
    error.until = NOW + 900
    return error


def test_a_parked_review_that_is_stopped_is_woken_only_to_say_so(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(lambda _: a_quota())
        await bench.reviewed()
        asked = len(bench.model.prompts)
        assert await bench.outcome() == PARKED
        assert await steer.stop(hand(bench), await kept(bench))
        assert await bench.go_on() == "Stopped by Ada."
        assert len(bench.model.prompts) == asked, "no model is asked"
        assert (await bench.outcome(), bench.forge.conclusion) == (STOPPED, Conclusion.NEUTRAL)
        assert await bench.standing() == []

    play(tmp_path, story)


def test_a_job_that_waits_is_cancelled_with_what_was_asked_for(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        await steer.review_again(hand(bench), await kept(bench), Scope.USUAL)
        (waiting,) = await bench.standing()
        await steer.cancel(hand(bench), waiting.id)
        assert (await bench.standing(), (await bench.followed()).asked) == ([], "")
        assert await whats(bench) == ["job.cancel", "review.ask"]
        with pytest.raises(UserError):
            await steer.cancel(hand(bench), waiting.id)

    play(tmp_path, story)


def test_a_review_that_failed_for_good_is_kept_as_failed_and_can_be_retried(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.put()
        job = await bench.claimed()
        error = ForgeAuth("GitHub refuses the App.")
        await bench.queue.give_up(job, error.message)
        await tell_failure(bench.desk, job, error)
        await bench.queue.fail(job, error.message, retry_in_s=None)
        found = await kept(bench)
        assert (found.outcome, found.reason, found.title) == ("failed", "GitHub refuses the App.", "Discounts")
        assert await find_report(bench.database, found.id) is None
        await steer.retry(hand(bench), job.id)
        assert (await bench.standing())[0].state is State.WAITING
        assert await bench.go_on() == "reviewed: 1 findings, 1 comments posted."
        assert (await kept(bench)).outcome == "reviewed"

    play(tmp_path, story)


class Closed(MemoryForge):
    """One that takes our credentials no more."""

    async def pull_request(self, number: int) -> PullRequest:
        raise ForgeAuth("GitHub refuses the App.")


def test_a_review_that_began_and_whose_failure_nobody_can_be_told_is_kept_as_failed_too(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(lambda _: a_quota())
        await bench.reviewed()
        (parked,) = await bench.standing()
        await bench.queue.retry(parked.id)
        job = await bench.claimed()

        bench.forge = Closed()
        with pytest.raises(ForgeAuth):
            await tell_failure(bench.desk, job, ForgeAuth("GitHub refuses the App."))
        assert ((await kept(bench)).outcome, (await kept(bench)).reason) == ("failed", "GitHub refuses the App.")

    play(tmp_path, story)


def test_nobody_is_asked_to_stop_what_is_over_or_stopped_already(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        assert not await ask_to_stop(bench.database, "job-1", "Ada")
        await bench.database.rows("UPDATE reviews SET outcome = :now", now=RUNNING)
        assert await ask_to_stop(bench.database, "job-1", "Ada")
        assert not await ask_to_stop(bench.database, "job-1", "Eve")
        assert (await kept(bench)).stop_by == "Ada"
        assert (await kept(bench)).subject == SUBJECT

    play(tmp_path, story)
