import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory_forge import HEAD, Crashed, Fault
from tests.reviewing import AFTER, BEFORE, CHANGED, NOW, SUBJECT, Bench, SlowModel, a_bench, finds_one
from tests.scripted_model import Script

from mesrai.domain.occasion import Trigger
from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import Lifecycle
from mesrai.errors import (
    BudgetSpent,
    ForgeRateLimited,
    ForgeUnavailable,
    LeaseLost,
    MesraiError,
    ModelError,
    ModelQuota,
    ModelUnavailable,
    StoreUnavailable,
)
from mesrai.flows.run_review import run_review, tell_failure
from mesrai.forges.forge import Conclusion, Reaction
from mesrai.jobs.embedded import DatabaseQueue
from mesrai.jobs.queue import Job, State
from mesrai.llm.model import Prompt
from mesrai.review.options import Depth, Options
from mesrai.store.pull_requests import Followed, change_followed

NEXT = "c" * 40
MOST_FILES = Policy().most_files
Story = Callable[[Bench], Awaitable[None]]


def play(folder: Path, story: Story, *, lease_s: float = 60.0) -> None:
    async def scenario() -> None:
        async with a_bench(folder, lease_s=lease_s) as bench:
            await story(bench)

    asyncio.run(scenario())


async def ask(bench: Bench, asked: str) -> None:
    await change_followed(bench.database, SUBJECT, lambda now: now.with_ask(asked))


def fails(error: ModelError) -> Script:
    return lambda _prompt: error


def a_quota(until: float | None = NOW + 900) -> ModelQuota:
    error = ModelQuota("The plan's quota is used up.")
    error.until = until
    return error


# What is reviewed


def test_a_review_is_said_once_and_moves_the_mark(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        told = await bench.reviewed()
        assert told == "reviewed: 1 findings, 1 comments posted."
        assert len(bench.forge.all_threads) == 1
        followed = await bench.followed()
        assert (followed.reviewed_sha, followed.installation, followed.check_sha) == (HEAD, 3, HEAD)
        assert (await bench.outcome(), await bench.standing()) == ("reviewed", [])

    play(tmp_path, story)


@pytest.mark.parametrize("lifecycle", [Lifecycle.CLOSED, Lifecycle.MERGED])
def test_what_is_no_longer_open_is_left_alone(tmp_path: Path, lifecycle: Lifecycle) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.pull = replace(bench.forge.pull, lifecycle=lifecycle)
        await ask(bench, "--full")
        assert await bench.reviewed() == f"The pull request is {lifecycle}."
        assert (bench.forge.writes, bench.model.prompts, (await bench.followed()).asked) == ([], [], "")

    play(tmp_path, story)


def test_a_commit_that_was_reviewed_is_not_reviewed_again_by_itself(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        writes = list(bench.forge.writes)
        assert await bench.reviewed(Trigger.EDITED) == "This commit was reviewed already."
        assert (bench.forge.writes, len(bench.model.prompts)) == (writes, 2)

    play(tmp_path, story)


def test_after_a_whole_review_only_what_is_new_is_reviewed(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        bench.push(NEXT, {"cart.py": AFTER, "new.py": "x = 1\n"})
        await bench.reviewed(Trigger.PUSHED)
        assert bench.sinces == ["", HEAD]
        assert "aaaaaaa" in bench.forge.summary, "it says since when"
        assert (await bench.followed()).reviewed_sha == NEXT

    play(tmp_path, story)


def test_a_review_of_rewritten_history_counts_as_one_of_the_whole(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        thread = bench.forge.all_threads[0].id
        bench.is_rewritten = True
        bench.push(NEXT, {"new.py": "x = 1\n"})
        bench.base = {}
        bench.forge.outdate(thread)
        await bench.reviewed(Trigger.PUSHED)
        assert bench.forge.all_threads[0].is_resolved, "the file is no longer part of the change"

    play(tmp_path, story)


def test_a_partial_review_does_not_move_the_mark(tmp_path: Path) -> None:
    def only_reviews(prompt: Prompt) -> str | ModelError:
        is_review = prompt.shape is not None and prompt.shape.name == "submit_review"
        return finds_one(prompt) if is_review else ModelUnavailable("It is away.")

    async def story(bench: Bench) -> None:
        bench.says(only_reviews)
        assert (await bench.reviewed()).startswith("partial")
        assert (await bench.followed()).reviewed_sha == ""
        bench.says(finds_one)
        bench.push(NEXT, {"cart.py": AFTER + "\n"})
        await bench.reviewed(Trigger.PUSHED)
        assert bench.sinces == ["", ""]

    play(tmp_path, story)


def test_a_failed_review_says_so_and_does_not_move_the_mark(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(fails(ModelUnavailable("It is away.")))
        assert (await bench.reviewed()).startswith("failed")
        assert bench.forge.conclusion is Conclusion.FAILURE
        assert bench.forge.reaction is Reaction.FAILED
        assert (await bench.followed()).reviewed_sha == ""
        assert await bench.outcome() == "failed"

    play(tmp_path, story)


# What is not reviewed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_draft": True}, "draft"),
        ({"title": "WIP: discounts"}, ""),
        ({"base_ref": "elsewhere"}, "not among the branches"),
    ],
)
def test_what_is_skipped_says_why_and_is_reviewed_when_asked(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.pull = replace(bench.forge.pull, **changes)  # type: ignore[arg-type]
        told = await bench.reviewed()
        if reason:
            assert reason in told
            assert bench.forge.reaction is Reaction.SKIPPED
            assert bench.forge.conclusion is Conclusion.NEUTRAL
            assert (bench.model.prompts, (await bench.followed()).reviewed_sha) == ([], "")
        await ask(bench, "usual")
        assert (await bench.reviewed(Trigger.ASKED)).startswith("reviewed")

    play(tmp_path, story)


def test_automatic_reviews_that_the_policy_turns_off_are_skipped(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.base = {"cart.py": BEFORE, "mesrai-config.yml": "automatedReviewActive: false\n"}
        bench.head = bench.base | {"cart.py": AFTER}
        assert "Automatic reviews are off" in await bench.reviewed()
        assert bench.model.prompts == []

    play(tmp_path, story)


def test_paused_reviews_wait_for_somebody_who_asks(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await change_followed(bench.database, SUBJECT, lambda now: replace(now, is_paused=True))
        assert "paused" in await bench.reviewed(Trigger.PUSHED)
        await ask(bench, "usual")
        assert (await bench.reviewed(Trigger.ASKED)).startswith("reviewed")

    play(tmp_path, story)


def test_more_files_than_are_reviewed_by_themselves_wait_for_somebody_who_asks(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.head = {**{f"f{number}.bin": b"\0" for number in range(Policy().most_files + 1)}, **CHANGED}
        assert f"more than {Policy().most_files}" in await bench.reviewed()
        await ask(bench, "usual")
        assert (await bench.reviewed(Trigger.ASKED)).startswith("reviewed")

    play(tmp_path, story)


def test_the_fourth_push_within_a_quarter_of_an_hour_is_skipped(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        told = []
        for head in "1234":
            bench.push(head * 40, {"cart.py": f"{AFTER}\nn = {head}\n"})
            told.append(await bench.reviewed(Trigger.PUSHED))
        assert [each.startswith("reviewed") for each in told] == [True, True, True, False]
        assert "3 pushes came within 15 minutes" in told[3]

    play(tmp_path, story)


def test_a_push_counts_once_however_often_its_job_begins(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.put(Trigger.PUSHED)
        for _ in range(4):
            bench.forge.fault = Fault(at=1, error=ForgeRateLimited(retry_after_s=0.0))
            bench.forge.writes.clear()
            job = await bench.claimed()
            with pytest.raises(ForgeRateLimited):
                await run_review(bench.desk, job)
            await bench.queue.park(job, until=0.0, reason="again")
        bench.forge.fault = None
        assert (await bench.go_on()).startswith("reviewed")
        assert len((await bench.followed()).pushes) == 1

    play(tmp_path, story)


# When somebody asks


@pytest.mark.parametrize(
    ("asked", "depth"),
    [("usual", Depth.NORMAL), ("--full", Depth.NORMAL), ("--fast", Depth.FAST), ("--deep", Depth.DEEP)],
)
def test_what_was_reviewed_is_reviewed_again_as_it_was_asked(tmp_path: Path, asked: str, depth: Depth) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        bench.model.prompts.clear()
        await ask(bench, asked)
        assert (await bench.reviewed(Trigger.ASKED)).startswith("reviewed")
        assert bench.sinces == ["", ""]
        assert bench.model.prompts[0].thinking == Options(depth=depth).thinking
        assert len(bench.forge.all_threads) == 1, "nothing is said twice"
        assert (await bench.followed()).asked == ""

    play(tmp_path, story)


@pytest.mark.parametrize(("asked", "since"), [("usual", HEAD), ("--full", ""), ("--fast", HEAD), ("--deep", HEAD)])
def test_after_a_push_only_full_asks_for_all_of_it(tmp_path: Path, asked: str, since: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        bench.push(NEXT, {"cart.py": AFTER, "new.py": "x = 1\n"})
        await ask(bench, asked)
        await bench.reviewed(Trigger.ASKED)
        assert bench.sinces == ["", since]

    play(tmp_path, story)


def test_a_later_push_cannot_undo_what_was_asked_for(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.pull = replace(bench.forge.pull, is_draft=True)
        await bench.put(Trigger.PUSHED)
        await ask(bench, "--full")
        await bench.put(Trigger.ASKED)
        await bench.put(Trigger.PUSHED)
        assert (await bench.go_on()).startswith("reviewed")
        assert await bench.standing() == [], "all three are one job"

    play(tmp_path, story)


def test_what_is_asked_for_while_a_review_runs_is_not_forgotten(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        def asks_meanwhile(prompt: Prompt) -> str:
            asyncio.get_running_loop().create_task(ask(bench, "--deep"))
            return finds_one(prompt)

        bench.says(asks_meanwhile)
        await ask(bench, "--full")
        await bench.reviewed(Trigger.ASKED)
        assert (await bench.followed()).asked == "--deep"

    play(tmp_path, story)


# Waiting


def test_a_spent_quota_parks_the_job_until_it_is_renewed_and_says_so(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(fails(a_quota()))
        await ask(bench, "--full")
        assert (await bench.reviewed(Trigger.ASKED)).startswith("It waits: ")
        (job,) = await bench.standing()
        assert (job.state, job.due_at, job.reason) == (State.PARKED, NOW + 900, "The plan's quota is used up.")
        assert (await bench.outcome(), (await bench.followed()).asked) == ("parked", "--full")
        assert "waits" in bench.forge.summary
        assert bench.forge.conclusion is None
        bench.says(finds_one)
        await bench.put(Trigger.PUSHED)  # wakes it
        assert (await bench.go_on()).startswith("reviewed")
        assert "waits" not in bench.forge.summary
        assert len(bench.forge.conversation) == len(bench.forge.checks) == 1

    play(tmp_path, story)


def test_a_parked_job_wakes_up_by_itself(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.now = 0.0
        bench.says(fails(a_quota(until=1.0)))
        await bench.reviewed()
        bench.says(finds_one)
        assert (await bench.go_on()).startswith("reviewed")

    play(tmp_path, story)


def test_a_spent_budget_is_looked_at_again_after_some_hours(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(fails(BudgetSpent("The budget of November is spent.")))
        assert await bench.reviewed() == "It waits: The budget of November is spent."
        (job,) = await bench.standing()
        assert (job.state, job.due_at) == (State.PARKED, NOW + 6 * 3600)

    play(tmp_path, story)


# What comes in between


def test_a_newer_push_stops_the_review_and_is_reviewed_itself(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.renew_s = 0.01

        async def pushed() -> None:
            bench.push(NEXT, {"cart.py": AFTER + "\n"})
            await bench.put(Trigger.PUSHED)

        await bench.put()
        job = await bench.claimed()
        model = SlowModel(bench, pushed)
        assert (await run_review(replace(bench.desk, model=model.opened), job)).startswith("Stopped")
        assert (await bench.outcome(), (await bench.followed()).reviewed_sha) == ("stopped", "")
        assert bench.forge.all_threads == []
        assert (bench.forge.check.title, bench.forge.conclusion) == ("Overtaken", Conclusion.NEUTRAL)
        assert (await bench.go_on()).startswith("reviewed")
        assert (await bench.followed()).reviewed_sha == NEXT

    play(tmp_path, story)


def test_a_head_that_moves_before_the_review_is_said_is_left_to_its_own_review(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        def moves(prompt: Prompt) -> str:
            bench.forge.pull = replace(bench.forge.pull, head_sha=NEXT)
            return finds_one(prompt)

        bench.says(moves)
        assert (await bench.reviewed()).startswith("Not shown: A newer commit")
        assert (await bench.outcome(), (await bench.followed()).reviewed_sha) == ("stopped", "")
        assert bench.forge.all_threads == []

    play(tmp_path, story)


def test_a_head_that_git_no_longer_has_ends_the_job(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.gone = True
        assert "The newer push is reviewed." in await bench.reviewed()
        assert (await bench.standing(), bench.forge.writes) == ([], [])

    play(tmp_path, story)


def test_a_lost_lease_ends_the_review_at_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.renew_s = 0.02

        async def taken() -> None:
            await bench.database.rows("UPDATE jobs SET worker = 'other', attempts = attempts + 1")

        await bench.put()
        job = await bench.claimed()
        with pytest.raises(LeaseLost):
            await run_review(replace(bench.desk, model=SlowModel(bench, taken, most_s=5.0).opened), job)
        assert bench.forge.all_threads == []

    play(tmp_path, story)


def test_a_job_is_held_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.renew_s = 0.02
        await bench.put()
        job = await bench.claimed()

        async def slowly() -> None:
            await asyncio.sleep(0.15)
            assert await bench.queue.claim("other", kinds=("review",)) is None

        assert (await run_review(replace(bench.desk, model=SlowModel(bench, slowly).opened), job)).startswith("rev")

    play(tmp_path, story, lease_s=0.1)


# What goes wrong, and going on after it


@pytest.mark.parametrize("at", range(1, 13))
@pytest.mark.parametrize("error", [Crashed(), ForgeRateLimited(retry_after_s=0.0)])
def test_wherever_a_job_ends_the_next_run_says_the_rest_and_pays_for_nothing_again(
    tmp_path: Path, at: int, error: Exception
) -> None:
    async def story(bench: Bench) -> None:
        await bench.put()
        job = await bench.claimed()
        bench.forge.fault = Fault(at=at, error=error, has_effect=at % 2 == 0)
        try:
            await run_review(bench.desk, job)
        except (Crashed, ForgeRateLimited):
            bench.forge.fault = None
            await bench.queue.park(job, until=0.0, reason="again")
            assert (await bench.go_on()).startswith("reviewed")
        assert len(bench.model.prompts) == 2
        assert len(bench.forge.all_threads) == len(bench.forge.conversation) == len(bench.forge.checks) == 1
        assert bench.forge.conclusion is Conclusion.NEUTRAL
        assert (await bench.standing(), (await bench.followed()).reviewed_sha) == ([], HEAD)

    play(tmp_path, story)


def test_a_review_that_could_not_be_said_is_tried_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.fault = Fault(at=1, error=ForgeUnavailable(), call="edit_comment")
        await bench.put()
        job = await bench.claimed()
        with pytest.raises(ForgeUnavailable, match="could not be shown"):
            await run_review(bench.desk, job)
        assert (await bench.followed()).reviewed_sha == ""
        bench.forge.fault = None
        await bench.queue.park(job, until=0.0, reason="again")
        assert (await bench.go_on()).startswith("reviewed")
        assert (len(bench.model.prompts), len(bench.forge.all_threads)) == (2, 1)

    play(tmp_path, story)


def test_a_job_whose_worker_was_lost_after_the_review_was_said_reviews_nothing_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await ask(bench, "--deep")
        await bench.reviewed(Trigger.ASKED)
        asked = len(bench.model.prompts)
        await change_followed(bench.database, SUBJECT, lambda now: Followed(subject=now.subject, asked="--deep"))
        await bench.database.rows("UPDATE jobs SET state = 'running', lease_until = 0.0")
        assert "had reviewed it already" in await bench.go_on()
        assert len(bench.model.prompts) == asked
        followed = await bench.followed()
        assert (followed.reviewed_sha, followed.asked) == (HEAD, "")

    play(tmp_path, story)


def test_what_failed_for_good_is_said_on_the_pull_request(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.put()
        job = await bench.claimed()
        await tell_failure(bench.desk, job, MesraiError("mesrai-config.yml:3: that is no severity"))
        assert "that is no severity" in bench.forge.summary
        assert bench.forge.conclusion is Conclusion.FAILURE
        assert (await bench.followed()).check_sha == HEAD

    play(tmp_path, story)


def test_a_store_that_is_away_for_a_moment_does_not_end_the_hold(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.renew_s = 0.02
        bench.queue = AwayOnce(bench.database, lease_s=0.15)
        await bench.put()
        job = await bench.claimed()

        async def slowly() -> None:
            await asyncio.sleep(0.2)
            assert await bench.queue.claim("other", kinds=("review",)) is None

        assert (await run_review(replace(bench.desk, model=SlowModel(bench, slowly).opened), job)).startswith("rev")

    play(tmp_path, story)


class AwayOnce(DatabaseQueue):
    """A queue that cannot be reached the first time that a job is renewed."""

    is_away = True

    async def renew(self, job: Job) -> bool:
        if self.is_away:
            self.is_away = False
            raise StoreUnavailable
        return await super().renew(job)
