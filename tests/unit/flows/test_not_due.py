"""What was announced on a pull request is ended, whatever keeps its review from going on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory_forge import HEAD, Fault
from tests.reviewing import AFTER, NOW, PLACE, SUBJECT, Bench, a_bench, finds_one

from mesrai.domain.command import Scope
from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import Lifecycle
from mesrai.errors import ForgeRejected, ModelQuota, UserError
from mesrai.flows import steer
from mesrai.flows.obey import obey, tell_failure
from mesrai.flows.receive import COMMAND
from mesrai.flows.steer import review_again
from mesrai.forges.forge import Conclusion, Reaction
from mesrai.llm.model import Prompt
from mesrai.store.repositories import Found, put_repositories, switch_repository
from mesrai.store.reviews import find_review

NEXT = "c" * 40
NAME = "github.com/acme/shop"
OFF = f"Reviews of {NAME} are switched off."


def play(folder: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        async with a_bench(folder) as bench:
            await story(bench)

    asyncio.run(run())


def has_no_quota(prompt: Prompt) -> str:
    error = ModelQuota("The plan's quota is used up.")
    error.until = NOW + 7_200
    raise error


async def waits(bench: Bench) -> None:
    """A review was announced and waits for a quota; that time has come."""
    bench.says(has_no_quota)
    assert (await bench.reviewed()).startswith("It waits")
    assert (bench.forge.conclusion, await bench.outcome()) == (None, "parked")
    await bench.queue.retry(1)
    bench.says(finds_one)


async def switch_off(bench: Bench) -> None:
    await put_repositories(bench.database, "acme", [Found(name=NAME, installation=3, is_private=True)])
    await switch_repository(bench.database, "acme", NAME, is_reviewed=False, who="ada")


@pytest.mark.parametrize("why", ["pause", "draft", "switch", "ignored"])
def test_a_review_that_waited_and_is_not_due_any_more_is_ended(tmp_path: Path, why: str) -> None:
    async def story(bench: Bench) -> None:
        await waits(bench)
        if why == "pause":
            await bench.told("@mesrai pause")
        if why == "draft":
            bench.forge.pull = replace(bench.forge.pull, is_draft=True)
        if why == "switch":
            await switch_off(bench)
        if why == "ignored":
            bench.base = {**bench.base, "mesrai-config.yml": "ignoredUsers:\n  - ada\n"}
        told = await bench.go_on()
        assert (bench.forge.conclusion, await bench.outcome()) == (Conclusion.NEUTRAL, "stopped")
        assert bench.forge.reaction is Reaction.SKIPPED
        assert "waits" not in bench.forge.summary
        assert f"The review of `{HEAD[:12]}` does not go on:" in bench.forge.summary
        kept = await find_review(bench.database, "job-1")
        assert kept is not None
        assert kept.reason == told
        assert await bench.standing() == []

    play(tmp_path, story)


def test_a_repository_that_is_switched_off_meanwhile_is_left_alone(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.put()
        await bench.queue.put(COMMAND, f"{SUBJECT}:50", PLACE | {"comment": 50, "login": "ada", "body": "@mesrai help"})
        await switch_off(bench)
        assert await bench.go_on() == OFF
        assert await obey(bench.desk, await bench.claimed(COMMAND)) == OFF
        assert (bench.forge.writes, bench.sinces, bench.model.prompts, await bench.standing()) == ([], [], [], [])

    play(tmp_path, story)


def test_nobody_has_a_repository_reviewed_again_that_is_switched_off(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        await switch_off(bench)
        kept = await find_review(bench.database, "job-1")
        assert kept is not None
        desk = steer.Desk(database=bench.database, queue=bench.queue, organisation="acme", who="ada@x.y", name="Ada")
        with pytest.raises(UserError, match="are switched off"):
            await review_again(desk, kept, Scope.USUAL)
        assert await bench.standing() == []

    play(tmp_path, story)


def test_a_stop_is_of_the_commit_that_it_was_said_of(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await waits(bench)
        kept = await find_review(bench.database, "job-1")
        assert kept is not None
        desk = steer.Desk(database=bench.database, queue=bench.queue, organisation="acme", who="ada@x.y", name="Ada")
        assert await steer.stop(desk, kept)
        bench.push(NEXT, {"cart.py": AFTER + "\n"})
        await bench.put(Trigger.PUSHED)
        assert (await bench.go_on()).startswith("reviewed")
        again = await find_review(bench.database, "job-1")
        assert again is not None
        assert (again.outcome, again.head_sha, again.stop_by) == ("reviewed", NEXT, "")

    play(tmp_path, story)


@pytest.mark.parametrize("lifecycle", [Lifecycle.CLOSED, Lifecycle.MERGED])
def test_who_asks_for_a_review_of_what_is_closed_is_told_so_once(tmp_path: Path, lifecycle: Lifecycle) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.pull = replace(bench.forge.pull, lifecycle=lifecycle)
        told = f"The pull request is {lifecycle}, so it is not reviewed."
        assert await bench.told("@mesrai review") == told
        assert await bench.told("@mesrai review") == told
        assert bench.forge.summary.startswith(told)
        assert bench.forge.reactions == {50: Reaction.SKIPPED}
        assert ((await bench.followed()).asked, await bench.standing()) == ("", [])

    play(tmp_path, story)


def test_why_a_command_failed_is_told_also_where_no_reaction_can_be_shown(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        said = {"comment": 50, "thread": None, "login": "ada", "body": "@mesrai remember: tabs"}
        await bench.queue.put(COMMAND, f"{SUBJECT}:50", PLACE | said)
        job = await bench.claimed(COMMAND)
        bench.forge.fault = Fault(at=1, error=ForgeRejected("You may not react."), call="react")
        await tell_failure(bench.desk, job, UserError("No model is connected."))
        assert bench.forge.summary.startswith("This could not be done: No model is connected.")

    play(tmp_path, story)
