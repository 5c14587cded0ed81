"""Reviews that somebody asks for once more, that are retargeted, that wait in part, or whose workers are lost."""

import asyncio
import gc
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory_forge import HEAD, Crashed, Fault
from tests.reviewing import AFTER, NOW, SUBJECT, Bench, SlowModel, a_bench, finds_one

from mesrai.domain.occasion import Trigger
from mesrai.errors import BudgetSpent, ForgeUnavailable, MesraiError, ModelError, ModelQuota, ModelUnavailable
from mesrai.flows.receive import REVIEW
from mesrai.flows.run_review import run_review, tell_failure
from mesrai.forges.forge import Conclusion, Reaction
from mesrai.jobs.embedded import MOST_ATTEMPTS
from mesrai.jobs.queue import Job, State
from mesrai.llm.journal import Journaled
from mesrai.llm.model import Prompt
from mesrai.store.answers import book_now
from mesrai.store.pull_requests import change_followed
from mesrai.worker import Desk, work

NEXT = "c" * 40
BUDGET = "The budget of this month is spent."
Story = Callable[[Bench], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def scenario() -> None:
        async with a_bench(folder) as bench:
            await story(bench)

    asyncio.run(scenario())


async def ask(bench: Bench, scope: str = "usual") -> None:
    """Somebody asks for a review, which is due then."""
    await change_followed(bench.database, SUBJECT, lambda now: now.with_ask(scope))
    await bench.put(Trigger.ASKED)


def asked_for(bench: Bench) -> list[str]:
    """What the model was asked, but for what it was to be sure of."""
    return [prompt.turns[0].text for prompt in bench.model.prompts if prompt.shape and "review" in prompt.shape.name]


# Going into another branch


def test_a_pull_request_that_goes_into_another_branch_is_reviewed_anew(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        assert (await bench.followed()).reviewed_base == "main"
        bench.base = {"mesrai-config.yml": "baseBranches:\n  - release\n"}
        bench.head = {**bench.base, "cart.py": AFTER}
        bench.forge.pull = replace(bench.forge.pull, base_ref="release")
        assert (await bench.reviewed(Trigger.EDITED)).startswith("reviewed")
        assert bench.sinces == ["", ""], "all of it"
        followed = await bench.followed()
        assert (followed.reviewed_sha, followed.reviewed_base) == (HEAD, "release")
        assert await bench.reviewed(Trigger.EDITED) == "This commit was reviewed already."

    play(tmp_path, story)


def test_another_title_alone_is_no_reason_to_review_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        bench.forge.pull = replace(bench.forge.pull, title="Other words")
        assert await bench.reviewed(Trigger.EDITED) == "This commit was reviewed already."
        assert len(bench.model.prompts) == 2

    play(tmp_path, story)


def test_what_was_reviewed_before_branches_were_remembered_counts(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await change_followed(bench.database, SUBJECT, lambda now: replace(now, reviewed_sha=HEAD))
        assert await bench.reviewed() == "This commit was reviewed already."

    play(tmp_path, story)


# Asking once more


def test_who_asks_while_a_review_runs_gets_what_it_paid_for(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.renew_s = 0.01
        await bench.put()
        job = await bench.claimed()

        async def asks() -> None:
            await ask(bench)

        model = AfterFirst(bench, asks)
        assert (await run_review(replace(bench.desk, model=model.opened), job)).startswith("Stopped")
        assert len(asked_for(bench)) == 1
        assert (await bench.go_on()).startswith("reviewed")
        assert len(asked_for(bench)) == 1, "the answer to the same question was paid for"
        assert len(bench.forge.all_threads) == len(bench.forge.checks) == 1

    play(tmp_path, story)


class AfterFirst(SlowModel):
    """The bench's model with its journal; after its first answer something happens, and then nothing for a while."""

    async def ask(self, prompt: Prompt) -> object:  # type: ignore[override]
        is_first = not self._bench.model.prompts
        answer = await Journaled(self._bench.model, await book_now(self._bench.database, SUBJECT)).ask(prompt)
        if not is_first:
            await self._before()
            await asyncio.sleep(5.0)
        return answer


def test_who_asks_again_for_what_was_reviewed_gets_fresh_answers(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        await ask(bench)
        assert (await bench.go_on()).startswith("reviewed")
        assert len(bench.model.prompts) == 4

    play(tmp_path, story)


def test_the_same_asked_twice_is_done_twice_as_it_was_asked(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        def asks_the_same(prompt: Prompt) -> str:
            asyncio.get_running_loop().create_task(
                change_followed(bench.database, SUBJECT, lambda now: now.with_ask("--deep"))
            )
            return finds_one(prompt)

        await ask(bench, "--deep")
        bench.says(asks_the_same)
        assert (await bench.go_on()).startswith("reviewed")
        assert (await bench.followed()).asked == "--deep"

    play(tmp_path, story)


# Waiting in part


def no_second_look(error: ModelError) -> Callable[[Prompt], str | ModelError]:
    def script(prompt: Prompt) -> str | ModelError:
        is_review = prompt.shape is not None and prompt.shape.name == "submit_review"
        return finds_one(prompt) if is_review else error

    return script


def a_quota() -> ModelQuota:
    error = ModelQuota("The plan's quota is used up.")
    error.until = NOW + 900
    return error


@pytest.mark.parametrize(
    ("error", "until"),
    [
        (a_quota(), NOW + 900),
        (BudgetSpent(BUDGET), NOW + 6 * 3600),
        (BudgetSpent("Other reviews reserved the rest.", retry_after_s=300.0), NOW + 300),
    ],
)
def test_the_rest_of_a_review_waits_and_is_done_without_paying_twice(
    tmp_path: Path, error: ModelError, until: float
) -> None:
    async def story(bench: Bench) -> None:
        bench.says(no_second_look(error))
        assert (await bench.reviewed()).startswith("It waits: A part was reviewed.")
        (job,) = await bench.standing()
        assert (job.state, job.due_at) == (State.PARKED, until)
        assert f"The rest of the change waits: {error.message} It goes on by itself at about 2030-" in re.sub(
            r"\\", "", bench.forge.summary
        ).replace("&#39;", "'")
        assert bench.forge.conclusion is None, "it is under way still"
        assert "the rest waits until" in bench.forge.check.title
        assert ((await bench.followed()).reviewed_sha, await bench.outcome()) == ("", "parked")
        bench.says(finds_one)
        asked = len(asked_for(bench))
        await bench.put(Trigger.EDITED)  # wakes it
        assert (await bench.go_on()).startswith("reviewed: 1 findings, 1 comments")
        assert len(asked_for(bench)) == asked, "what was read is not read again"
        assert "waits" not in bench.forge.summary
        assert len(bench.forge.conversation) == len(bench.forge.checks) == len(bench.forge.all_threads) == 1
        assert ((await bench.followed()).reviewed_sha, await bench.outcome()) == (HEAD, "reviewed")

    play(tmp_path, story)


def test_the_rest_is_done_by_itself_when_its_time_comes(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.now = 0.0
        bench.says(no_second_look(a_quota()))
        error = a_quota()
        error.until = 1.0
        bench.says(no_second_look(error))
        await bench.reviewed()
        bench.says(finds_one)
        assert (await bench.go_on()).startswith("reviewed")

    play(tmp_path, story)


def the_budget_of_a_review() -> BudgetSpent:
    error = BudgetSpent("The budget of this review, 0.10 USD, allows no further question.")
    error.is_of_review = True
    return error


@pytest.mark.parametrize("error", [ModelUnavailable("It is away."), the_budget_of_a_review()])
def test_what_no_time_heals_does_not_wait(tmp_path: Path, error: ModelError) -> None:
    async def story(bench: Bench) -> None:
        bench.says(no_second_look(error))
        assert (await bench.reviewed()).startswith("partial")
        assert (await bench.standing(), await bench.outcome()) == ([], "partial")
        assert bench.forge.conclusion is Conclusion.NEUTRAL
        assert "goes on by itself" not in bench.forge.summary

    play(tmp_path, story)


# Killed in between


@pytest.mark.parametrize("at", range(1, 14))
@pytest.mark.parametrize("has_effect", [False, True])
def test_wherever_a_job_is_killed_there_is_one_of_everything(tmp_path: Path, at: int, has_effect: bool) -> None:
    async def story(bench: Bench) -> None:
        await bench.put()
        job = await bench.claimed()
        bench.forge.fault = Fault(at=at, error=Crashed(), has_effect=has_effect)
        try:
            await run_review(bench.desk, job)
        except Crashed:
            bench.forge.fault = None
            await bench.database.rows("UPDATE jobs SET lease_until = 0.0")
            assert (await bench.go_on()).startswith("reviewed")
        assert len(bench.model.prompts) == 2
        assert len(bench.forge.all_threads) == len(bench.forge.conversation) == len(bench.forge.checks) == 1

    play(tmp_path, story)


async def lose(bench: Bench, times: int) -> None:
    await bench.put()
    for _ in range(times):
        await bench.claimed()
        await bench.database.rows("UPDATE jobs SET lease_until = 0.0")


async def worked(bench: Bench, tell: Callable[[Job, MesraiError], Awaitable[None]]) -> None:
    """A worker carries out what is due."""
    stop = asyncio.Event()

    async def told(job: Job, error: MesraiError) -> None:
        try:
            await tell(job, error)
        finally:
            stop.set()

    desk = Desk(queue=bench.queue, handlers={REVIEW: lambda job: run_review(bench.desk, job)}, gave_up=told)
    await asyncio.wait_for(work(desk, name="w", hands=1, stop=stop), 5)


def test_too_many_lost_workers_are_told_once_like_any_other_failure(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await lose(bench, MOST_ATTEMPTS)
        await worked(bench, lambda job, error: tell_failure(bench.desk, job, error))
        assert "its worker was lost" in bench.forge.summary
        assert (bench.forge.conclusion, bench.forge.reaction) == (Conclusion.FAILURE, Reaction.FAILED)
        assert bench.model.prompts == []
        rows = await bench.database.rows("SELECT state, reason FROM jobs")
        assert [dict(row) for row in rows] == [
            {"state": "failed", "reason": f"gave up after {MOST_ATTEMPTS} attempts: its worker was lost"}
        ]
        assert await bench.queue.claim("w", kinds=(REVIEW,)) is None, "it is told once"

    play(tmp_path, story)


def test_what_could_not_be_told_is_told_later_and_a_new_review_begins_afresh(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await lose(bench, MOST_ATTEMPTS)

        async def cannot(_job: Job, _error: MesraiError) -> None:
            raise ForgeUnavailable("It is away.")

        await worked(bench, cannot)
        (job,) = await bench.standing()
        assert (job.state, job.reason) == (State.PARKED, "It is away.")
        await ask(bench)
        assert (await bench.go_on()).startswith("reviewed"), "somebody who asks does not wait for that"

    play(tmp_path, story)


def test_a_worker_that_is_stopped_leaves_nothing_that_nobody_looked_at(tmp_path: Path) -> None:
    complaints: list[str] = []

    async def story(bench: Bench) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(str(about["message"])))
        stop = asyncio.Event()

        async def stops() -> None:
            stop.set()

        desk = replace(bench.desk, model=SlowModel(bench, stops, most_s=5.0).opened)
        await bench.put()
        handlers = {REVIEW: lambda job: run_review(desk, job)}
        await work(Desk(queue=bench.queue, handlers=handlers, gave_up=none_failed), name="w", hands=2, stop=stop)
        gc.collect()
        (job,) = await bench.standing()
        assert (job.state, complaints) == (State.WAITING, [])

    play(tmp_path, story)


async def none_failed(job: Job, error: MesraiError) -> None:
    raise AssertionError(f"{job.subject} failed: {error.message}")
