import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.memory_forge import ADA, Crashed, Fault
from tests.reviewing import PLACE, SUBJECT, Bench, a_bench

from mesrai.domain.occasion import Trigger
from mesrai.errors import ForgeError, ForgeNotFound, ForgeUnavailable, MesraiError
from mesrai.flows.obey import obey, tell_failure
from mesrai.flows.receive import COMMAND, REVIEW
from mesrai.forges.forge import Reaction

Story = Callable[[Bench], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def scenario() -> None:
        async with a_bench(folder) as bench:
            await story(bench)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("@mesrai start-review", "usual"),
        ("@mesrai review", "usual"),
        ("@mesrai review --full", "--full"),
        ("@mesrai review --fast", "--fast"),
        ("@mesrai review --deep", "--deep"),
    ],
)
def test_a_review_that_is_asked_for_is_put_and_remembered(tmp_path: Path, said: str, asked: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.told(said)
        assert (await bench.followed()).asked == asked
        assert bench.forge.reactions == {50: Reaction.STARTED}
        (job,) = await bench.standing()
        assert (job.kind, job.subject) == (REVIEW, SUBJECT)
        assert (await bench.go_on()).startswith("reviewed")

    play(tmp_path, story)


@pytest.mark.parametrize("said", ["@mesrai review", "@mesrai pause", "@mesrai help"])
def test_who_may_not_write_is_not_obeyed(tmp_path: Path, said: str) -> None:
    async def story(bench: Bench) -> None:
        assert (
            await bench.told(said, login="eve") == "Only people who may write to this repository can tell Mesrai "
            "what to do."
        )
        assert bench.forge.reactions == {50: Reaction.SKIPPED}
        assert (await bench.standing(), bench.forge.conversation) == ([], [])
        assert ((await bench.followed()).asked, (await bench.followed()).is_paused) == ("", False)

    play(tmp_path, story)


def test_a_review_is_asked_for_once_however_often_the_job_begins(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.told("@mesrai review --deep")
        assert (await bench.go_on()).startswith("reviewed")
        await bench.told("@mesrai review --deep")  # the same comment: the job's end was not written down
        assert ((await bench.followed()).asked, await bench.standing()) == ("", [])
        await bench.told("@mesrai review --deep", comment=51)
        assert ((await bench.followed()).asked, len(await bench.standing())) == ("--deep", 1)

    play(tmp_path, story)


def test_what_was_asked_and_not_put_before_the_job_was_killed_is_put(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.told("@mesrai review")
        await bench.database.rows("DELETE FROM jobs")
        await bench.told("@mesrai review")
        assert len(await bench.standing()) == 1

    play(tmp_path, story)


def test_what_does_not_speak_to_us_ends_the_job_unseen(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert await bench.told("Looks good to me.") == "It says nothing to us."
        assert (await bench.standing(), bench.forge.writes) == ([], [])

    play(tmp_path, story)


def test_what_was_pushed_while_reviews_were_paused_is_reviewed_when_they_are_resumed(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.told("@mesrai pause")
        assert "are paused" in await bench.reviewed(Trigger.PUSHED)
        assert not bench.model.prompts
        await bench.told("@mesrai resume", comment=51)
        assert (await bench.go_on()).startswith("reviewed")
        await bench.told("@mesrai resume", comment=52)
        assert await bench.go_on() == "This commit was reviewed already."
        assert len((await bench.followed()).pushes) == 1, "to resume is no push"

    play(tmp_path, story)


def test_reviews_are_paused_and_resumed(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.told("@mesrai pause")
        assert (await bench.followed()).is_paused
        assert "paused" in await bench.reviewed()
        await bench.told("@mesrai resume", comment=51)
        assert not (await bench.followed()).is_paused
        assert (await bench.reviewed()).startswith("reviewed")
        assert bench.forge.reactions == {50: Reaction.DONE, 51: Reaction.DONE}

    play(tmp_path, story)


@pytest.mark.parametrize("has_effect", [False, True])
def test_help_is_given_once_however_often_the_job_begins(tmp_path: Path, has_effect: bool) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.fault = Fault(at=1, error=Crashed(), has_effect=has_effect)
        with pytest.raises(Crashed):
            await bench.told("@mesrai help")
        bench.forge.fault = None
        await bench.database.rows("UPDATE jobs SET lease_until = 0.0")
        await obey(bench.desk, await bench.claimed(COMMAND))
        (answer,) = bench.forge.conversation
        assert "`@mesrai pause`" in answer.body

    play(tmp_path, story)


def test_help_that_is_asked_for_twice_is_given_twice(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.told("@mesrai help", comment=50)
        await bench.told("@mesrai help", comment=51)
        assert len(bench.forge.conversation) == 2

    play(tmp_path, story)


def test_help_is_given_in_the_thread_where_it_was_asked_for(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        (thread,) = bench.forge.all_threads
        first = thread.comments[0].id
        bench.forge.answer(thread.id, ADA, "@mesrai help")
        comment = bench.forge.ids
        for _ in range(2):
            await bench.told("@mesrai help", comment=comment, thread=first)
        (thread,) = bench.forge.all_threads
        assert [("`@mesrai pause`" in each.body) for each in thread.comments] == [False, False, True]

    play(tmp_path, story)


def test_a_comment_that_is_gone_is_obeyed_all_the_same(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.fault = Fault(at=1, error=ForgeNotFound(), call="react")
        await bench.told("@mesrai review --full")
        assert (await bench.followed()).asked == "--full"

    play(tmp_path, story)


@pytest.mark.parametrize("error", [ForgeUnavailable(), Crashed()])
def test_a_command_that_begins_again_asks_for_one_review(tmp_path: Path, error: Exception) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.fault = Fault(at=1, error=error, has_effect=True)
        with pytest.raises((ForgeError, Crashed)):
            await bench.told("@mesrai review")
        assert [job.kind for job in await bench.standing()] == [COMMAND], "nothing is asked for yet"
        await bench.database.rows("UPDATE jobs SET lease_until = 0.0")
        await obey(bench.desk, await bench.claimed(COMMAND))
        assert [job.kind for job in await bench.standing()] == [REVIEW]

    play(tmp_path, story)


def test_commands_of_one_pull_request_do_not_replace_one_another(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for comment, said in ((50, "@mesrai pause"), (51, "@mesrai review --deep")):
            told = {"comment": comment, "thread": None, "login": "ada", "body": said}
            await bench.queue.put(COMMAND, f"{SUBJECT}:{comment}", PLACE | told)
        for _ in range(2):
            await obey(bench.desk, await bench.claimed(COMMAND))
        followed = await bench.followed()
        assert (followed.is_paused, followed.asked) == (True, "--deep")

    play(tmp_path, story)


def test_a_command_that_cannot_be_carried_out_shows_it_on_its_comment(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.desk.queue.put(COMMAND, f"{SUBJECT}:50", {**PLACE, "comment": 50, "body": "@mesrai review"})
        await tell_failure(bench.desk, await bench.claimed(COMMAND), MesraiError())
        assert bench.forge.reactions == {50: Reaction.FAILED}

    play(tmp_path, story)
