"""The central repository, read through GitHub's interface from the stand-in."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.github.stand_in import GitHub, running_github
from tests.github.through import QUICK

from mesrai.domain.pull_request import RepositoryName
from mesrai.domain.secret import Secret
from mesrai.errors import ForgeError, ForgeNotFound, SourceError
from mesrai.forges.github.app import App
from mesrai.forges.github.central import CentralRepository
from mesrai.forges.github.place import place_at
from mesrai.forges.github.transport import Transport, open_session

RULES = {"mesrai-config.yml": "maxFiles: 3\n", "shop/.mesrai-rules/review/a.yml": "title: A\nrule: B.\n", "x/y": "z"}


def with_central(github: GitHub, story: Callable[[CentralRepository], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with open_session(place_at(github.url), version="1.2.3", timing=QUICK) as session:
            app = App(session, app_id=str(github.app.id), private_key=Secret(github.app.private_key))

            async def reach(repository: RepositoryName) -> Transport:
                installation = await app.installation_of(repository)
                return Transport(session, app.credentials(installation, repository))

            await story(CentralRepository("acme/rules", reach))

    asyncio.run(scenario())


def test_files_are_those_of_the_default_branch_as_it_is_now(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        rules = github.repository("acme/rules", RULES)

        async def story(central: CentralRepository) -> None:
            first = await central.files()
            assert first.name == "acme/rules"
            assert await first.file("mesrai-config.yml") == b"maxFiles: 3\n"
            assert await first.file("shop/mesrai-config.yml") is None
            assert await first.file("shop") is None, "a folder is no file"
            assert await first.below("shop/.mesrai-rules/review") == ["shop/.mesrai-rules/review/a.yml"]
            assert list(await first.below("sho")) == []
            assert await (await central.files()).file("mesrai-config.yml") is await first.file("mesrai-config.yml")
            rules.push({"mesrai-config.yml": "maxFiles: 4\n"})
            second = await central.files()
            assert await second.file("mesrai-config.yml") == b"maxFiles: 4\n"
            rules.branch("other")
            rules.push({"mesrai-config.yml": "maxFiles: 5\n"}, branch="other")
            assert await (await central.files()).file("mesrai-config.yml") == b"maxFiles: 4\n"
            assert await first.file("mesrai-config.yml") == b"maxFiles: 3\n", "a review goes on with what it began with"

        with_central(github, story)


@pytest.mark.parametrize("happens", ["is not installed", "is gone", "never was"])
def test_a_central_repository_that_is_not_reached_is_an_error_that_names_it(tmp_path: Path, happens: str) -> None:
    with running_github(tmp_path) as github:
        if happens != "never was":
            rules = github.repository("acme/rules", RULES, is_installed=happens != "is not installed")
            if happens == "is gone":
                rules.vanish()

        async def story(central: CentralRepository) -> None:
            with pytest.raises(ForgeNotFound) as told:
                await central.files()
            assert told.value.message.startswith("The central repository acme/rules cannot be read, so ")

        with_central(github, story)


def test_access_that_is_taken_away_shows_at_once(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        rules = github.repository("acme/rules", RULES)

        async def story(central: CentralRepository) -> None:
            assert await (await central.files()).file("mesrai-config.yml")
            rules.uninstall()
            with pytest.raises(ForgeError, match="central repository acme/rules cannot be read"):
                await central.files()
            rules.install()
            files = await central.files()
            assert await files.file("x/y") == b"z", "read under the credentials of now"

        with_central(github, story)


def test_a_file_that_is_too_large_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        github.repository("acme/rules", {"mesrai-config.yml": "#" * (4 * 1024 * 1024 + 1)})

        async def story(central: CentralRepository) -> None:
            files = await central.files()
            with pytest.raises(
                SourceError, match=r"acme/rules cannot be read.*mesrai-config\.yml is larger than 4 MiB"
            ):
                await files.file("mesrai-config.yml")

        with_central(github, story)
