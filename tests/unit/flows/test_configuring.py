"""What holds at a place, from what is saved and from git; and changes to what is saved."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.databases import a_new_file
from tests.fakes import Files, MemoryFiles

from mesrai.domain.policy_levels import Level
from mesrai.domain.saved_policy import Place, listing, scalar, seal_of
from mesrai.domain.yaml_lines import Table
from mesrai.errors import AccessDenied, ForgeUnavailable, PolicyError, UserError
from mesrai.flows.configured import finding_central
from mesrai.flows.configuring import (
    Desk,
    change_values,
    configure_folder,
    exclude_rule,
    forget_folder,
    look_at,
    put_rule,
    put_text,
    remove_rule,
    switch_rule,
)
from mesrai.store.configurations import change_configuration
from mesrai.store.opening import open_database

SHOP = Place(repository="github.com/acme/shop")
API = Place(repository="github.com/acme/shop", folder="api")
ALL = Place()


@asynccontextmanager
async def a_desk(folder: Path, own: Files, *, central: Files | None = None) -> AsyncIterator[Desk]:
    async def files(_name: str) -> MemoryFiles:
        return MemoryFiles(own, "acme/shop")

    async def shared() -> MemoryFiles:
        return MemoryFiles(central or {}, "acme/rules")

    async with open_database(a_new_file(folder)) as database:
        name = "" if central is None else "acme/rules"
        yield Desk(
            database=database,
            organisation="acme",
            who="ada",
            files=files,
            central=finding_central(name, shared),
            central_name=name,
        )


def play(
    folder: Path, story: Callable[[Desk], Awaitable[None]], own: Files | None = None, central: Files | None = None
) -> None:
    async def scenario() -> None:
        async with a_desk(folder, own or {}, central=central) as desk:
            await story(desk)

    asyncio.run(scenario())


def rule(title: str, text: str = "Do.") -> Table:
    return Table(pairs=((scalar("title"), scalar(title)), (scalar("rule"), scalar(text))), line=1)


async def away(_name: str) -> MemoryFiles:
    raise ForgeUnavailable("GitHub is away.")


async def titles(desk: Desk, place: Place) -> Sequence[tuple[str, bool]]:
    return [(each.rule.title, each.is_checked) for each in (await look_at(desk, place)).rules]


def test_a_place_shows_what_holds_with_its_origin_and_what_would_hold_without_it(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await change_values(desk, ALL, {"maxFiles": scalar("1", is_plain=True), "language": scalar("Dutch")})
        await change_values(desk, SHOP, {"maxFiles": scalar("2", is_plain=True), "language": scalar("Polish")})
        view = await look_at(desk, SHOP)
        assert (view.policy.most_files, view.policy.language) == (2, "German")
        assert view.given == {"maxFiles": 2, "language": "Polish"}
        most, language = view.origins["maxFiles"], view.origins["language"]
        assert (most.is_saved, most.level) == (True, Level.REPOSITORY)
        assert (language.is_saved, language.where) == (False, "acme/shop:mesrai-config.yml:1")
        assert (view.inherited["maxFiles"].value, view.inherited["maxFiles"].level) == (1, Level.GLOBAL)
        assert view.files == ["acme/shop:mesrai-config.yml"]
        assert view.notices == []

    play(tmp_path, story, {"mesrai-config.yml": "language: German\n"})


def test_a_code_host_that_does_not_answer_is_told_and_what_is_saved_is_shown(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await change_values(desk, SHOP, {"maxFiles": scalar("2", is_plain=True)})
        view = await look_at(replace(desk, files=away), SHOP)
        assert view.policy.most_files == 2
        assert view.notices == ["What the files in git say is not known now: GitHub is away."]

    play(tmp_path, story)


def test_a_broken_file_in_git_is_told_as_what_fails_the_reviews(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await change_values(desk, ALL, {"maxFiles": scalar("2", is_plain=True)})
        view = await look_at(desk, SHOP)
        assert [each.partition(": ")[0] for each in view.problems] == ["acme/shop:mesrai-config.yml:2"]
        assert (view.notices, view.policy.most_files) == ([], 2), "what is saved is shown all the same"

    play(tmp_path, story, {"mesrai-config.yml": "\nmaxFile: 3\n"})


def test_a_saved_text_that_cannot_be_used_any_more_is_told_and_can_be_put_right(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        old = "maxFile: 3\n"  # as an older version took it
        await change_configuration(desk.database, desk.organisation, ALL, lambda _: old, who="ada")
        for files in (desk.files, away):
            view = await look_at(replace(desk, files=files), SHOP)
            assert [each.partition(": ")[0] for each in view.problems] == ["what is saved for the organisation:1"]
        assert (await look_at(desk, ALL)).text == old
        await put_text(desk, ALL, "maxFiles: 3\n", seen=seal_of(old))
        assert (await look_at(desk, SHOP)).problems == ()

    play(tmp_path, story)


def test_a_text_is_saved_only_over_what_was_seen(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        assert await put_text(desk, ALL, "# why\nmaxFiles: 1\n", seen=seal_of(""))
        assert (await look_at(desk, ALL)).text == "# why\nmaxFiles: 1\n"
        with pytest.raises(UserError, match="Somebody changed it meanwhile"):
            await put_text(desk, ALL, "maxFiles: 2\n", seen=seal_of(""))
        with pytest.raises(PolicyError, match="line:1: unknown key"):
            await put_text(desk, ALL, "maxFile: 2\n", seen=seal_of("# why\nmaxFiles: 1\n"))
        assert await put_text(desk, ALL, "  \n", seen=seal_of("# why\nmaxFiles: 1\n"))
        assert (await look_at(desk, ALL)).text == ""

    play(tmp_path, story)


def test_rules_are_written_renamed_switched_and_deleted_and_keep_their_place(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for title in ("A", "B", "C"):
            await put_rule(desk, ALL, rule(title), was="")
        with pytest.raises(UserError, match="There is a rule “ b” here already"):
            await put_rule(desk, ALL, rule(" b"), was="")
        with pytest.raises(UserError, match="There is a rule “C” here already"):
            await put_rule(desk, ALL, rule("C"), was="B")
        await put_rule(desk, ALL, rule("D"), was="B")
        await switch_rule(desk, ALL, "A", is_enabled=False)
        assert await titles(desk, ALL) == [("A", False), ("D", True), ("C", True)]
        await switch_rule(desk, ALL, "A", is_enabled=True)
        await remove_rule(desk, ALL, "C")
        assert await titles(desk, ALL) == [("A", True), ("D", True)]
        for gone in (remove_rule(desk, ALL, "C"), put_rule(desk, ALL, rule("C"), was="C")):
            with pytest.raises(UserError):
                await gone

    play(tmp_path, story)


def test_an_inherited_rule_is_excluded_here_and_its_folders_still_have_it(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await put_rule(desk, ALL, rule("Saved"), was="")
        await configure_folder(desk, SHOP.repository, "api")
        for title in ("Saved", "In git"):
            await exclude_rule(desk, SHOP, title, is_excluded=True)
        assert await titles(desk, SHOP) == [("Saved", False), ("Own", True)]
        assert await titles(desk, API) == [("Saved", True), ("Own", True)]
        await exclude_rule(desk, API, "Own", is_excluded=True)
        assert await titles(desk, API) == [("Saved", True), ("Own", False)]
        await exclude_rule(desk, SHOP, "saved", is_excluded=False)
        assert await titles(desk, SHOP) == [("Saved", True), ("Own", True)]
        assert (await look_at(desk, SHOP)).given == {"excludedRules": ("In git",)}
        with pytest.raises(UserError, match="Nothing is above the organisation"):
            await exclude_rule(desk, ALL, "Saved", is_excluded=True)

    play(tmp_path, story, {".mesrai-rules/review/own.yml": "title: Own\nrule: Do.\n"})


def test_a_folder_must_be_added_before_it_is_configured_and_is_forgotten(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        with pytest.raises(UserError, match="api is not configured"):
            await change_values(desk, API, {"ignorePaths": listing(["x"])})
        assert await configure_folder(desk, SHOP.repository, " api/ ") == "api"
        await change_values(desk, API, {"ignorePaths": listing(["x"])})
        assert (await look_at(desk, API)).policy.ignore_paths == ("x",)
        assert (await look_at(desk, API)).origins["ignorePaths"].level is Level.DIRECTORY
        with pytest.raises(UserError, match="lie in one another"):
            await configure_folder(desk, SHOP.repository, "api/v2")
        await forget_folder(desk, API)
        assert (await look_at(desk, SHOP)).folders == []

    play(tmp_path, story)


def test_with_a_central_repository_all_is_shown_and_nothing_is_changed(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        view = await look_at(desk, SHOP)
        assert view.origins["maxFiles"].where == "acme/rules:shop/mesrai-config.yml:1"
        assert (await look_at(desk, ALL)).origins["language"].where == "acme/rules:mesrai-config.yml:1"
        for change in (
            change_values(desk, SHOP, {"maxFiles": scalar("2", is_plain=True)}),
            put_text(desk, ALL, "maxFiles: 1\n", seen=seal_of("")),
            put_rule(desk, ALL, rule("A"), was=""),
            exclude_rule(desk, SHOP, "A", is_excluded=True),
            configure_folder(desk, SHOP.repository, "api"),
            forget_folder(desk, API),
        ):
            with pytest.raises(AccessDenied, match="The central repository acme/rules configures the reviews"):
                await change

    central = {"mesrai-config.yml": "language: Polish\n", "shop/mesrai-config.yml": "maxFiles: 4\n"}
    play(tmp_path, story, central=central)
