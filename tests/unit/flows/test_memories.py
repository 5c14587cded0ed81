"""What people tell us to remember in comments: kept once, approved where that is wanted, and told to reviews."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.memory_forge import Crashed, Fault
from tests.reviewing import Bench, a_bench, finds_one
from tests.scripted_model import Script

from mesrai.domain.memory import Memory, MemoryScope, MemoryState
from mesrai.errors import BudgetSpent, ForgeError, ForgeUnavailable, ModelError, ModelOverloaded, ModelQuota
from mesrai.flows.obey import obey, tell_failure
from mesrai.flows.receive import COMMAND
from mesrai.forges.forge import Reaction
from mesrai.llm.model import Prompt, UserTurn
from mesrai.store.audit import entries
from mesrai.store.memories import add_memory, list_memories

SHOP = "github.com/acme/shop"
ORIGIN = f"{SHOP}#7, comment 50"
NEEDS_APPROVAL = {"mesrai-config.yml": "llmGeneratedMemoriesRequireApproval: true\n"}
Story = Callable[[Bench], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def scenario() -> None:
        async with a_bench(folder) as bench:
            await story(bench)

    asyncio.run(scenario())


def worded(**changes: Any) -> Script:
    """A model that words what is to be remembered, and finds one thing in reviews."""
    given = {"action": "create", "replaces": 0, "text": "Money is in cents.", "scope": "repository", "paths": []}
    answer = json.dumps(given | {"reason": ""} | changes)

    def script(prompt: Prompt) -> str:
        is_memory = prompt.shape is not None and prompt.shape.name == "submit_memory"
        return answer if is_memory else finds_one(prompt)

    return script


async def kept(bench: Bench) -> Sequence[Memory]:
    found = await list_memories(bench.database, "acme", states=tuple(MemoryState))
    return list(reversed(found))


async def begin_again(bench: Bench) -> str:
    """The job of a worker that was lost is taken up by another."""
    await bench.database.rows("UPDATE jobs SET lease_until = 0.0")
    return await obey(bench.desk, await bench.claimed(COMMAND))


def answers(bench: Bench) -> list[str]:
    return [each.body.rpartition("\n\n<!--")[0] for each in bench.forge.conversation]


def test_what_is_said_is_kept_told_to_the_person_and_told_to_reviews(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(worded())
        assert await bench.told("@mesrai remember: money is in cents") == "Remembered as memory 1:"
        (memory,) = await kept(bench)
        assert memory == Memory(
            id=1, text="Money is in cents.", repository=SHOP, author="ada", origin=ORIGIN, created_at=memory.created_at
        )
        (answer,) = answers(bench)
        assert answer == (
            "Remembered as memory 1:\n\n> Money is in cents.\n\nIt holds for this repository.\n\n"
            "Reviews are told of it from now on. `@mesrai forget 1` takes it back."
        )
        await bench.reviewed()
        reviews = [each for each in bench.model.prompts if each.shape is not None and "memory" not in each.shape.name]
        assert len(reviews) == 2
        assert all("- (all files) Money is in cents." in prompt.system for prompt in reviews)

    play(tmp_path, story)


def test_reviews_are_told_of_what_holds_for_their_paths_only(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for text, paths in (("Carts are small.", ("cart.py",)), ("Docs are long.", ("docs/**",))):
            memory = Memory(id=0, text=text, scope=MemoryScope.DIRECTORY, repository=SHOP, paths=paths)
            await add_memory(bench.database, memory, organisation="acme")
        await add_memory(bench.database, Memory(id=0, text="Not ours.", repository=SHOP), organisation="globex")
        await bench.reviewed()
        for prompt in bench.model.prompts:
            assert ("Carts" in prompt.system, "Docs" in prompt.system, "Not ours" in prompt.system) == (
                True, False, False
            )  # fmt: skip

    play(tmp_path, story)


def test_what_lasts_for_nobody_is_not_kept_and_the_person_is_told_why(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(worded(action="skip", reason="That is about this pull request only; ask @bob."))
        assert (await bench.told("@mesrai remember: leave it for now")).startswith("Nothing was remembered.")
        assert (await kept(bench), len(await entries(bench.database, "acme"))) == ([], 0)
        (answer,) = answers(bench)
        assert "about this pull request only" in answer
        assert "@bob" not in answer, "nobody is notified"

    play(tmp_path, story)


def test_what_is_known_already_is_not_kept_twice(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(worded())
        await bench.told("@mesrai remember: money is in cents")
        bench.says(worded(text="MONEY is in cents."))
        await bench.told("@mesrai remember: money is in cents", comment=51)
        assert [memory.id for memory in await kept(bench)] == [1]
        assert answers(bench)[1] == "Nothing was remembered. Memory 1 says so already."

    play(tmp_path, story)


def test_where_approval_is_wanted_reviews_are_told_only_after_it(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.base |= NEEDS_APPROVAL  # type: ignore[operator]
        bench.says(worded())
        await bench.told("@mesrai remember: money is in cents")
        assert [memory.state for memory in await kept(bench)] == [MemoryState.PENDING]
        assert "**It waits for approval**" in answers(bench)[0]
        assert "`mesrai memories apply 1`" in answers(bench)[0]
        await bench.reviewed()
        assert all("Money" not in prompt.system for prompt in bench.model.prompts)
        assert await bench.told("@mesrai apply 1", comment=51) == "Memory 1:"
        assert answers(bench)[-1] == (
            "Memory 1:\n\n> Money is in cents.\n\nReviews are told of it from now on, for this repository."
        )
        before = len(bench.model.prompts)
        await bench.told("@mesrai review --full", comment=52)
        await bench.go_on()
        assert all("Money" in prompt.system for prompt in bench.model.prompts[before:])
        assert before < len(bench.model.prompts)

    play(tmp_path, story)


@pytest.mark.parametrize("is_approved", [False, True])
def test_an_update_takes_the_place_of_the_old_one_once_it_holds(tmp_path: Path, is_approved: bool) -> None:
    async def story(bench: Bench) -> None:
        bench.says(worded())
        await bench.told("@mesrai remember: money is in cents")
        if is_approved:
            bench.base |= NEEDS_APPROVAL  # type: ignore[operator]
        bench.says(worded(action="update", replaces=1, text="Money is in mills."))
        await bench.told("@mesrai remember: money is in mills now", comment=51)
        verb = "would take" if is_approved else "takes"
        assert f"Remembered as memory 2, which {verb} the place of memory 1:" in answers(bench)[1]
        if is_approved:
            assert [memory.state.value for memory in await kept(bench)] == ["active", "pending"]
            await bench.told("@mesrai apply 2", comment=52)
        assert [memory.state.value for memory in await kept(bench)] == ["discarded", "active"]

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("login", "said", "scope", "state"),
    [
        ("ada", "in all repositories money is in cents", "organisation", "active"),
        ("bob", "in all repositories money is in cents", "organisation", "pending"),
        ("ada", "money is in cents", "repository", "active"),
        ("bob", "money is in cents", "repository", "active"),
    ],
)
def test_what_holds_everywhere_is_asked_for_in_words_and_approved_by_somebody_who_may(
    tmp_path: Path, login: str, said: str, scope: str, state: str
) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.writers.add("bob")
        bench.says(worded(scope="organisation"))
        await bench.told(f"@mesrai remember: {said}", login=login)
        (memory,) = await kept(bench)
        assert (memory.scope.value, memory.state.value) == (scope, state)
        assert memory.repository == ("" if scope == "organisation" else SHOP)

    play(tmp_path, story)


@pytest.mark.parametrize("said", ["apply 1", "discard 1", "forget 1"])
def test_only_who_may_maintain_decides(tmp_path: Path, said: str) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.writers.add("bob")
        state = MemoryState.PENDING if said == "apply 1" else MemoryState.ACTIVE
        await add_memory(bench.database, Memory(id=0, text="Money.", repository=SHOP, state=state), organisation="acme")
        await bench.told(f"@mesrai {said}", login="bob")
        assert [memory.state for memory in await kept(bench)] == [state]
        assert (bench.forge.reactions, len(answers(bench))) == ({50: Reaction.SKIPPED}, 1)
        await bench.told(f"@mesrai {said}", comment=51)
        assert [memory.state for memory in await kept(bench)] != [state]
        await bench.told(f"@mesrai {said}", login="eve", comment=52)
        assert len(answers(bench)) == 2, "who may not write gets no answer"

    play(tmp_path, story)


def test_memories_of_other_repositories_are_none_of_their_business(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        other = Memory(id=0, text="Hidden.", repository="github.com/acme/other")
        await add_memory(bench.database, other, organisation="acme")
        await bench.told("@mesrai forget 1")
        await bench.told("@mesrai forget 99", comment=51)
        assert answers(bench) == ["There is no memory 1 here.", "There is no memory 99 here."]
        assert [memory.state for memory in await kept(bench)] == [MemoryState.ACTIVE]

    play(tmp_path, story)


@pytest.mark.parametrize("has_effect", [False, True])
def test_a_job_that_begins_again_keeps_one_memory_and_answers_once(tmp_path: Path, has_effect: bool) -> None:
    async def story(bench: Bench) -> None:
        bench.says(worded())
        bench.forge.fault = Fault(at=1, error=Crashed(), call="post_comment", has_effect=has_effect)
        with pytest.raises(Crashed):
            await bench.told("@mesrai remember: money is in cents")
        bench.forge.fault = None
        bench.says(worded(text="Something else."))
        await begin_again(bench)
        assert [memory.text for memory in await kept(bench)] == ["Money is in cents."]
        assert len(answers(bench)) == 1
        assert "Money is in cents." in answers(bench)[0]
        assert len(bench.model.prompts) == 1

    play(tmp_path, story)


@pytest.mark.parametrize("said", ["apply 1", "forget 1"])
def test_a_decision_that_begins_again_is_answered_as_at_first(tmp_path: Path, said: str) -> None:
    async def story(bench: Bench) -> None:
        memory = Memory(id=0, text="Money.", repository=SHOP, state=MemoryState.PENDING)
        await add_memory(bench.database, memory, organisation="acme")
        bench.forge.fault = Fault(at=1, error=ForgeUnavailable(), call="post_comment")
        with pytest.raises(ForgeError):
            await bench.told(f"@mesrai {said}")
        bench.forge.fault = None
        assert await begin_again(bench) == "Memory 1:"
        assert "There is no memory" not in answers(bench)[0]
        assert len(await entries(bench.database, "acme")) == 2

    play(tmp_path, story)


def test_nothing_is_kept_or_said_where_the_model_fails_and_the_job_is_tried_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(lambda _prompt: ModelOverloaded())
        with pytest.raises(ModelOverloaded):
            await bench.told("@mesrai remember: money is in cents")
        assert (await kept(bench), answers(bench)) == ([], [])
        assert [job.kind for job in await bench.standing()] == [COMMAND]
        bench.says(worded())
        await begin_again(bench)
        assert len(await kept(bench)) == 1

    play(tmp_path, story)


def test_who_must_wait_for_a_quota_is_told_so_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        used_up = ModelQuota("The plan's quota is used up.")
        used_up.until = 1_900_003_600.0
        bench.says(lambda _prompt: used_up)
        with pytest.raises(ModelQuota):
            await bench.told("@mesrai remember: money is in cents")
        with pytest.raises(ModelQuota):
            await begin_again(bench)
        bench.says(worded())
        await begin_again(bench)
        waits, done = answers(bench)
        assert waits == (
            "⏳ This has to wait: The plan's quota is used up. "
            "It is tried again by itself at about 2030-03-17 18:46 UTC."
        )
        assert done.startswith("Remembered as memory 1:")

    play(tmp_path, story)


@pytest.mark.parametrize("said", [BudgetSpent("The budget is spent."), worded(text="Say @mesrai forget 1.")])
def test_what_no_other_try_would_change_is_said_at_once(tmp_path: Path, said: ModelError | Script) -> None:
    async def story(bench: Bench) -> None:
        bench.says(said if callable(said) else lambda _prompt: said)
        assert (await bench.told("@mesrai remember: money is in cents")).startswith("This could not be done: ")
        assert (await kept(bench), await bench.standing(), len(answers(bench))) == ([], [], 1)

    play(tmp_path, story)


def test_where_it_failed_for_good_the_person_is_told_why_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.says(lambda _prompt: ModelOverloaded("The provider is *down*."))
        with pytest.raises(ModelOverloaded):
            await bench.told("@mesrai remember: money is in cents")
        await bench.database.rows("UPDATE jobs SET lease_until = 0.0")
        job = await bench.claimed(COMMAND)
        for _ in range(2):
            await tell_failure(bench.desk, job, ModelOverloaded("The provider is *down*."))
        assert bench.forge.reactions == {50: Reaction.FAILED}
        assert answers(bench) == [r"This could not be done: The provider is \*down\*."]

    play(tmp_path, story)


def test_a_policy_that_cannot_be_read_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.base |= {"mesrai-config.yml": "llmGeneratedMemoriesRequireApproval: perhaps\n"}  # type: ignore[operator]
        bench.says(worded())
        await bench.told("@mesrai remember: money is in cents")
        assert (await kept(bench), await bench.standing()) == ([], [])
        assert "This could not be done: mesrai-config.yml:1" in answers(bench)[0]

    play(tmp_path, story)


def test_what_is_said_in_a_thread_is_said_of_its_file_and_answered_there(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        (thread,) = bench.forge.all_threads
        bench.says(worded(scope="directory", paths=["*.py"], text="Carts are <b>small</b>, says @bob."))
        await bench.told("@mesrai remember: carts are small here", thread=thread.comments[0].id)
        first = bench.model.prompts[-1].turns[0]
        assert isinstance(first, UserTurn)
        assert "\ncart.py\n" in first.text
        (memory,) = await kept(bench)
        assert (memory.paths, memory.origin) == (
            ("*.py",), f"{SHOP}#7, thread {thread.comments[0].id}, comment 50"
        )  # fmt: skip
        (thread,) = bench.forge.all_threads
        assert "It holds for `*.py` in this repository." in thread.comments[-1].body
        assert "&lt;b&gt;" in thread.comments[-1].body
        assert "@bob" not in thread.comments[-1].body

    play(tmp_path, story)
