import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import Files, MemoryFiles, MemorySource
from tests.memory_forge import ADA
from tests.reviewing import AFTER, BEFORE, NOW, SUBJECT, Bench, a_bench

from mesrai.domain.change import At
from mesrai.domain.memory import MemoryState
from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import Person, RepositoryName
from mesrai.domain.saved_policy import Place
from mesrai.errors import ForgeNotFound, PolicyError, SettingsError
from mesrai.flows.configured import central_folder, finding_central
from mesrai.flows.run_review import run_review
from mesrai.forges.folder import FolderFiles
from mesrai.forges.forge import Conclusion, Reaction
from mesrai.review.guidance import load_policy
from mesrai.store.configurations import change_configuration
from mesrai.store.memories import list_memories
from mesrai.store.pull_requests import change_followed

SHOP = RepositoryName(forge="github.com", owner="acme", name="shop")
Story = Callable[[Bench], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def scenario() -> None:
        async with a_bench(folder) as bench:
            await story(bench)

    asyncio.run(scenario())


def configure(bench: Bench, own: Files, central: Files | None = None) -> None:
    """The configuration at the base, and that of the central repository."""
    bench.base = {**bench.base, **own}
    bench.head = {**bench.base, **bench.head}
    if central is not None:
        kept = MemoryFiles(central, "acme/rules")

        async def files() -> MemoryFiles:
            return kept

        bench.central = finding_central("acme/rules", files)


def asked_with(bench: Bench) -> str:
    """The fixed instructions of the first question."""
    return bench.model.prompts[0].system


def test_a_review_is_told_the_rules_of_every_level(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        configure(
            bench,
            {"mesrai-config.yml": "rules: [{title: Local, rule: Say why.}]\n"},
            {
                "mesrai-config.yml": "language: Polish\nrules: [{title: Everywhere, rule: No floats for money.}]\n",
                "shop/.mesrai-rules/review/a.yml": "title: Shop\nrule: Carts are never empty.\n",
                "other/.mesrai-rules/review/a.yml": "title: Other\nrule: Not here.\n",
            },
        )
        assert (await bench.reviewed()).startswith("reviewed")
        told = asked_with(bench)
        assert all(words in told for words in ("No floats for money.", "Say why.", "Carts are never empty.", "Polish"))
        assert "Not here." not in told

    play(tmp_path, story)


def test_a_central_repository_that_cannot_be_read_fails_the_review(tmp_path: Path) -> None:
    async def files() -> MemoryFiles:
        raise ForgeNotFound("The central repository acme/rules cannot be read.")

    async def story(bench: Bench) -> None:
        bench.central = finding_central("acme/rules", files)
        await bench.put()
        with pytest.raises(ForgeNotFound):
            await run_review(bench.desk, await bench.claimed())
        assert (bench.model.prompts, bench.forge.writes) == ([], [])

    play(tmp_path, story)


def test_an_invalid_central_file_fails_the_review_and_names_the_line(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        configure(bench, {}, {"mesrai-config.yml": "\n\nmaxFile: 3\n"})
        await bench.put()
        with pytest.raises(PolicyError, match=r"^acme/rules:mesrai-config\.yml:3: unknown key `maxFile`"):
            await run_review(bench.desk, await bench.claimed())
        assert bench.model.prompts == []

    play(tmp_path, story)


def test_the_pull_requests_of_an_ignored_user_are_left_alone_without_a_reaction(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        configure(bench, {}, {"mesrai-config.yml": "ignoredUsers: [renovate]\n"})
        bench.forge.pull = replace(bench.forge.pull, author=Person(id=9, login="renovate[bot]", is_bot=True))
        assert "left alone" in await bench.reviewed()
        assert (bench.forge.writes, bench.model.prompts) == ([], [])
        await bench.told("@mesrai review")
        assert (await bench.go_on()).startswith("reviewed")

    play(tmp_path, story)


def test_a_folder_decides_whether_its_drafts_are_reviewed(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        configure(bench, {"mesrai-config.yml": "runOnDraft: false\n", "lib/mesrai-config.yml": "runOnDraft: true\n"})
        bench.forge.pull = replace(bench.forge.pull, is_draft=True)
        assert "It is a draft" in await bench.reviewed()
        assert bench.forge.reaction is Reaction.SKIPPED
        bench.head = {**bench.base, "lib/cart.py": AFTER}
        assert "It is a draft" not in await bench.reviewed()
        assert len(bench.model.prompts) > 0

    play(tmp_path, story)


def test_with_a_manual_cadence_a_push_after_a_review_waits_for_somebody_who_asks(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        configure(bench, {"mesrai-config.yml": "reviewCadence: {type: manual}\n"})
        assert (await bench.reviewed(Trigger.PUSHED)).startswith("reviewed"), "the first review comes by itself"
        bench.push("c" * 40, {**bench.head, "cart.py": BEFORE})
        assert "only on request" in await bench.reviewed(Trigger.PUSHED)
        assert bench.forge.conclusion is Conclusion.NEUTRAL
        await bench.told("@mesrai review")
        assert not (await bench.go_on()).startswith("Pushes are")

    play(tmp_path, story)


@pytest.mark.parametrize(("pushes", "is_reviewed"), [(29, True), (30, False)])
def test_a_burst_may_be_of_many_pushes(tmp_path: Path, pushes: int, is_reviewed: bool) -> None:
    async def story(bench: Bench) -> None:
        configure(bench, {"mesrai-config.yml": "reviewCadence: {pushesToTrigger: 30}\n"})
        before = tuple([NOW - 60] * pushes)
        await change_followed(bench.database, SUBJECT, lambda now: replace(now, pushes=before))
        told = await bench.reviewed(Trigger.PUSHED)
        assert told.startswith("reviewed" if is_reviewed else "30 pushes came within 15 minutes")

    play(tmp_path, story)


def test_rule_files_that_cannot_be_used_are_told_in_the_review(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        configure(bench, {".mesrai-rules/review/broken.yml": "title: Broken\n"})
        assert (await bench.reviewed()).startswith("reviewed")
        assert ".mesrai-rules/review/broken.yml:1" in bench.forge.summary

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("reviewed", "is_itself"), [(SHOP, False), (RepositoryName(forge="github.com", owner="Acme", name="Rules"), True)]
)
def test_the_central_repository_is_known_when_it_is_reviewed_itself(reviewed: RepositoryName, is_itself: bool) -> None:
    async def files() -> MemoryFiles:
        return MemoryFiles({})

    async def known() -> bool:
        find = finding_central("acme/rules", files)
        assert find is not None
        return (await find(reviewed)).is_reviewed

    assert asyncio.run(known()) is is_itself
    assert finding_central("", files) is None


# A checkout of the central repository, for a terminal


def test_a_checkout_configures_reviews_in_a_terminal(tmp_path: Path) -> None:
    central, shop = tmp_path / "central", tmp_path / "shop"
    (central / "shop" / ".mesrai-rules" / "review").mkdir(parents=True)
    (central / ".git").mkdir()
    (central / "mesrai-config.yml").write_text("maxFiles: 3\n")
    (central / "shop" / ".mesrai-rules" / "review" / "a.yml").write_text("title: Shop\nrule: Do.\n")
    (central / "shop" / "mesrai-config.yml").symlink_to(central / "mesrai-config.yml")
    rules = central / "shop" / ".mesrai-rules" / "review"
    (rules / "b.yml").symlink_to(rules / "a.yml")
    shop.mkdir()
    found = central_folder({"MESRAI_CENTRAL_CONFIG": f"{central}/"}, shop)
    assert found is not None
    assert not found.is_reviewed
    source = MemorySource({}, {"a.py": "1\n"})
    policy = asyncio.run(load_policy(source, At.BASE, repository="shop", central=found))
    assert policy.files == (f"{central}:mesrai-config.yml",), "a symbolic link is not followed"
    assert policy.policy.notices == ()
    assert [rule.origin for rule in policy.policy.rules] == [f"{central}:shop/.mesrai-rules/review/a.yml:1"]
    assert asyncio.run(FolderFiles(central).below(".mesrai-rules")) == []
    itself = central_folder({"MESRAI_CENTRAL_CONFIG": str(central)}, central)
    assert itself is not None
    assert itself.is_reviewed


def test_a_checkout_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert central_folder({}, tmp_path) is None
    with pytest.raises(SettingsError, match="MESRAI_CENTRAL_CONFIG: there is no folder"):
        central_folder({"MESRAI_CENTRAL_CONFIG": str(tmp_path / "gone")}, tmp_path)


# What is saved on the pages


def saved(bench: Bench, place: Place, text: str) -> Awaitable[bool]:
    return change_configuration(bench.database, "acme", place, lambda _: text, who="ada")


def test_what_is_saved_changes_the_review_and_the_repositorys_file_wins_over_it(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        configure(bench, {"mesrai-config.yml": "maxFiles: 100\n"})
        await saved(bench, Place(), "language: Polish\nrules: [{title: Everywhere, rule: No floats for money.}]\n")
        await saved(bench, Place(repository=str(SHOP)), "maxFiles: 1\nrules: [{title: Here, rule: Say why.}]\n")
        await saved(bench, Place(repository="github.com/acme/other"), "rules: [{title: Not here, rule: Never.}]\n")
        bench.head = {**bench.head, "b.py": "1\n", "c.py": "2\n"}
        assert (await bench.reviewed()).startswith("reviewed"), "three files: the file's limit holds, not the saved one"
        told = asked_with(bench)
        assert all(words in told for words in ("No floats for money.", "Say why.", "Polish"))
        assert "Never." not in told

    play(tmp_path, story)


def test_a_saved_setting_leaves_a_pull_request_unreviewed(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await saved(bench, Place(repository=str(SHOP)), "automatedReviewActive: false\n")
        await bench.reviewed()
        assert bench.model.prompts == []
        await saved(bench, Place(repository=str(SHOP)), "")
        assert (await bench.reviewed()).startswith("reviewed")

    play(tmp_path, story)


def test_a_question_is_answered_by_what_is_saved_too(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await saved(bench, Place(), "language: Polish\n")
        bench.says(lambda _: '{"reply": "It is the mean.", "concedes": false, "remember": []}')
        comment = bench.forge.say(ADA, "@mesrai why is this divided here?")
        await bench.told("@mesrai why is this divided here?", comment=comment)
        assert "Polish" in asked_with(bench)

    play(tmp_path, story)


def test_what_is_saved_decides_whether_a_memory_waits(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await saved(bench, Place(), "llmGeneratedMemoriesRequireApproval: true\n")
        word: dict[str, object] = {
            "action": "create",
            "text": "Money is in cents.",
            "scope": "repository",
            "paths": [],
            "replaces": None,
        }
        bench.says(lambda _: json.dumps(word | {"reason": ""}))
        await bench.told("@mesrai remember: money is in cents")
        (kept,) = await list_memories(bench.database, "acme")
        assert kept.state is MemoryState.PENDING

    play(tmp_path, story)
