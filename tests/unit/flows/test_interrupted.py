"""What a review announced before its process was lost is ended, once something newer came."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory_forge import HEAD, Crashed
from tests.reviewing import AFTER, SUBJECT, Bench, SlowModel, a_bench

from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import Lifecycle
from mesrai.flows.run_review import run_review
from mesrai.forges.forge import Conclusion
from mesrai.store.pull_requests import change_followed

NEXT = "c" * 40


def play(folder: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        async with a_bench(folder) as bench:
            await story(bench)

    asyncio.run(run())


async def lost_in_the_middle(bench: Bench) -> None:
    """A review is announced, and its process is killed before the model answers."""

    async def crash() -> None:
        raise Crashed

    await bench.put()
    job = await bench.claimed()
    with pytest.raises(Crashed):
        await run_review(replace(bench.desk, model=SlowModel(bench, crash).opened), job)
    await bench.database.rows("UPDATE jobs SET lease_until = 0.0")
    assert [check.conclusion for check in bench.forge.checks.values()] == [None]


def conclusions(bench: Bench) -> dict[str, Conclusion | None]:
    assert len({check.sha for check in bench.forge.checks.values()}) == len(bench.forge.checks), "one on each commit"
    return {check.sha: check.conclusion for check in bench.forge.checks.values()}


def test_a_push_after_a_process_was_lost_ends_what_that_announced(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await lost_in_the_middle(bench)
        bench.push(NEXT, {"cart.py": AFTER + "\n"})
        assert (await bench.reviewed(Trigger.PUSHED)).startswith("reviewed")
        ended = conclusions(bench)
        assert ended[HEAD] is Conclusion.NEUTRAL
        assert ended[NEXT] is not None
        assert (await bench.outcome(1), await bench.outcome(2)) == ("stopped", "reviewed")
        assert len(bench.forge.conversation) == 1

    play(tmp_path, story)


def test_a_check_that_was_made_and_never_remembered_is_ended_too(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await lost_in_the_middle(bench)
        await change_followed(bench.database, SUBJECT, lambda now: replace(now, check_id=None, check_sha=""))
        bench.push(NEXT, {"cart.py": AFTER + "\n"})
        await bench.reviewed(Trigger.PUSHED)
        assert conclusions(bench)[HEAD] is Conclusion.NEUTRAL

    play(tmp_path, story)


def test_the_same_job_that_finds_another_head_ends_what_it_announced_itself(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await lost_in_the_middle(bench)
        bench.push(NEXT, {"cart.py": AFTER + "\n"})
        assert (await bench.go_on()).startswith("reviewed")
        assert conclusions(bench)[HEAD] is Conclusion.NEUTRAL
        assert await bench.outcome(1) == "reviewed"

    play(tmp_path, story)


def test_a_pull_request_that_was_closed_meanwhile_is_not_left_under_review(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await lost_in_the_middle(bench)
        bench.forge.pull = replace(bench.forge.pull, lifecycle=Lifecycle.CLOSED)
        assert await bench.go_on() == "The pull request is closed."
        assert conclusions(bench) == {HEAD: Conclusion.NEUTRAL}
        assert "is under way" not in bench.forge.summary
        assert await bench.outcome(1) == "stopped"

    play(tmp_path, story)


def test_a_review_that_goes_on_where_it_was_keeps_what_it_announced(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await lost_in_the_middle(bench)
        assert (await bench.go_on()).startswith("reviewed")
        assert len(bench.forge.checks) == 1
        assert await bench.outcome(1) == "reviewed"

    play(tmp_path, story)
