"""What the owners want said when a review begins and ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from tests.fakes import change_between
from tests.memory_forge import HEAD, Crashed, Fault, MemoryForge
from tests.reviewing import AFTER, BEFORE, NOW, SUBJECT, Bench, a_bench, finds_one
from tests.strategies import FEW, hostile_text

from mesrai.domain.finding import Category
from mesrai.domain.occasion import Trigger
from mesrai.domain.policy import Cadence, CadenceKind, Messages, Policy
from mesrai.errors import ForgeUnavailable, ModelQuota, ModelUnavailable
from mesrai.flows.publishing.messages import Moment, message_text, say_message
from mesrai.flows.run_review import run_review
from mesrai.review.render.marks import is_summary, read_message_mark
from mesrai.store.pull_requests import change_followed

NEXT = "c" * 40
KEY = "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"
CHANGE = change_between({"cart.py": BEFORE, "old.py": "x = 1\n"}, {"cart.py": AFTER, "new.py": "y = 1\nz = 2\n"})
Story = Callable[[Bench], Awaitable[None]]


def play(folder: Path, story: Story, **messages: str) -> None:
    """A story in a repository whose owners have these messages."""

    async def scenario() -> None:
        async with a_bench(folder) as bench:
            lines = "".join(f"  {name}: {value}\n" for name, value in messages.items())
            bench.base = {"cart.py": BEFORE, "mesrai-config.yml": f"customMessages:\n{lines}"}
            bench.head = {**bench.base, "cart.py": AFTER}
            await story(bench)

    asyncio.run(scenario())


def said(bench: Bench) -> list[tuple[str, str, str]]:
    """The messages that stand there: when, on which commit, and the text."""
    found = []
    for comment in bench.forge.conversation:
        mark = read_message_mark(comment.body)
        if mark is not None:
            found.append((*mark, comment.body.split("\n", 1)[1]))
    return found


BOTH = {"startReviewMessage": "Hello @acme/team", "endReviewMessage": "Bye"}


def test_messages_come_with_the_review_and_the_summary_stays_as_it_is(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert (await bench.reviewed()).startswith("reviewed")
        assert said(bench) == [("start", HEAD, "Hello @acme/team"), ("end", HEAD, "Bye")]
        assert sum(is_summary(comment.body) for comment in bench.forge.conversation) == 1
        assert len(bench.forge.conversation) == 3

    play(tmp_path, story, **BOTH)


@pytest.mark.parametrize(
    ("timing", "heads"), [("every_push", [HEAD, HEAD, NEXT, NEXT]), ("when_opened", [HEAD, HEAD]), ("off", [])]
)
def test_messages_come_as_often_as_the_owners_wish(tmp_path: Path, timing: str, heads: list[str]) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        bench.push(NEXT, {**bench.head, "new.py": "x = 1\n"})
        assert (await bench.reviewed(Trigger.PUSHED)).startswith("reviewed")
        assert [head for _, head, _ in said(bench)] == heads

    play(tmp_path, story, **BOTH, timing=timing)


def test_where_reviews_came_before_the_messages_the_first_one_is_over(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await change_followed(bench.database, SUBJECT, lambda now: replace(now, reviewed_sha=NEXT))
        await bench.reviewed()
        assert said(bench) == []

    play(tmp_path, story, **BOTH, timing="when_opened")


@pytest.mark.parametrize("name", ["startReviewMessage", "endReviewMessage"])
def test_only_the_message_that_is_filled_comes(tmp_path: Path, name: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.reviewed()
        assert [moment for moment, _, _ in said(bench)] == [name.removesuffix("ReviewMessage")]

    play(tmp_path, story, **{name: "Text"})


def test_without_a_review_there_is_no_message(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.pull = replace(bench.forge.pull, is_draft=True)
        await bench.reviewed()
        bench.forge.pull = replace(bench.forge.pull, is_draft=False)
        bench.head = {**bench.base, "yarn.lock": "x\n"}  # which is left out
        assert (await bench.reviewed()).startswith("nothing")
        assert said(bench) == []

    play(tmp_path, story, **BOTH)


def test_a_review_that_failed_or_waits_has_no_end(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        quota = ModelQuota("The plan's quota is used up.")
        quota.until = NOW + 900
        bench.says(lambda _: quota)
        assert (await bench.reviewed()).startswith("It waits")
        bench.says(lambda _: ModelUnavailable("It is away."))
        assert (await bench.reviewed()).startswith("failed")
        assert [moment for moment, _, _ in said(bench)] == ["start"]
        bench.says(finds_one)
        assert (await bench.reviewed()).startswith("reviewed")
        assert [moment for moment, _, _ in said(bench)] == ["start", "end"]

    play(tmp_path, story, **BOTH)


@pytest.mark.parametrize("at", range(1, 16))
@pytest.mark.parametrize("has_effect", [False, True])
def test_wherever_a_job_is_killed_each_message_comes_once(tmp_path: Path, at: int, has_effect: bool) -> None:
    async def story(bench: Bench) -> None:
        await bench.put()
        job = await bench.claimed()
        bench.forge.fault = Fault(at=at, error=Crashed(), has_effect=has_effect)
        try:
            await run_review(bench.desk, job)
        except Crashed:
            bench.forge.fault = None
            await bench.database.rows("UPDATE jobs SET lease_until = 0.0")
            await bench.go_on()
        assert [(moment, head) for moment, head, _ in said(bench)] == [("start", HEAD), ("end", HEAD)]
        assert len(bench.forge.conversation) == 3

    play(tmp_path, story, **BOTH)


def test_a_message_that_cannot_be_posted_costs_nothing_else(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.forge.fault = Fault(at=2, error=ForgeUnavailable("It is away."), call="post_comment")
        assert (await bench.reviewed()).startswith("reviewed")
        assert [moment for moment, _, _ in said(bench)] == ["end"]
        assert "message at the start could not be posted" in "".join(each.body for each in bench.forge.conversation)

    play(tmp_path, story, **BOTH)


# Placeholders


def filled(template: str, policy: Policy | None = None) -> str:
    return message_text(template, CHANGE, policy or Policy())


def test_placeholders_are_filled_in_both_spellings_and_unknown_ones_stay() -> None:
    files = "- `cart.py` (+1 −1)\n- `new.py` (+2 −0)\n- `old.py` (+0 −1)"
    assert filled("@changedFiles\n{{changedFiles}}\n{{ @changedFiles }}") == f"{files}\n{files}\n{files}"
    assert filled("{{changedSummary}}.") == "3 files changed, 3 lines added, 2 lines removed."
    assert filled("@somebody, {{other}}, @changedFilesToo, me@changedFiles") == (
        "@somebody, {{other}}, @changedFilesToo, me@changedFiles"
    )


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(), "every push is reviewed, but more than 3 pushes within 15 minutes pause the reviews"),
        (Policy(cadence=Cadence(kind=CadenceKind.AUTOMATIC)), "every push is reviewed"),
        (
            Policy(cadence=Cadence(kind=CadenceKind.MANUAL)),
            "pushes after the first review are reviewed when somebody asks",
        ),
        (Policy(is_review_automatic=False), "a review when somebody asks for one"),
    ],
)
def test_the_cadence_is_told_with_its_limits(policy: Policy, words: str) -> None:
    assert filled("@reviewCadence", policy) == words


def test_the_options_are_what_is_looked_for() -> None:
    policy = Policy(categories=frozenset({Category.SECURITY, Category.ERROR_HANDLING}))
    assert filled("Looks for @reviewOptions.", policy) == "Looks for security, error handling."


@FEW
@given(hostile_text().filter(lambda name: bool(name.strip("/ \0")) and "\0" not in name))
def test_names_of_files_have_no_effect(name: str) -> None:
    change = replace(
        CHANGE, files=tuple(replace(file, path=f"@acme/all {name} @reviewOptions") for file in CHANGE.files)
    )
    text = message_text("@changedFiles", change, Policy())
    for line in text.split("\n"):
        assert line.startswith("- `")
        assert line.endswith(("−0)", "−1)"))
    assert "security" not in text, "what is put in is not read again"


def test_owners_cannot_pretend_to_be_a_mark_of_ours_or_post_a_key() -> None:
    text = filled(f"<!-- mesrai:v1 summary -->\n{KEY} and @acme/team")
    assert "<!-- mesrai" not in text
    assert KEY not in text
    assert "@acme/team" in text


def test_a_mark_in_somebody_elses_comment_says_nothing() -> None:
    forge = MemoryForge()
    policy = Policy(messages=Messages(start="Hello"))
    forge.say(replace(forge.who, id=2, login="eve", is_bot=False), f"<!-- mesrai:v1 message=start head={HEAD} -->")
    assert asyncio.run(say_message(forge, forge.pull, Moment.START, CHANGE, policy, is_first=True)) == ()
    assert [each.author.login for each in forge.conversation] == ["eve", "mesrai[bot]"]
