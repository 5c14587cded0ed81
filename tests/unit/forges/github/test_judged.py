"""The client against the stand-in, where every request and answer is judged by what GitHub publishes."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.github.faults import secondary_limit
from tests.github.played import PlayedPull, PlayedRepository
from tests.github.stand_in import GitHub as StandIn
from tests.github.stand_in import running_github
from tests.unit.forges.github.scripted import QUICK

from mesrai.domain.diff import Side
from mesrai.domain.pull_request import Lifecycle, Person, RepositoryName
from mesrai.domain.secret import Secret
from mesrai.errors import ForgeAuth, ForgeNotFound, ForgeRateLimited, ForgeUnavailable
from mesrai.forges.forge import Annotation, Check, Conclusion, InlineComment, Reaction, Verdict
from mesrai.forges.github.app import App
from mesrai.forges.github.client import GitHub
from mesrai.forges.github.place import place_at
from mesrai.forges.github.transport import Credentials, Session, Token, Transport, open_session

T = TypeVar("T")
SHOP = RepositoryName(forge="github.com", owner="acme", name="shop")


def a_pull(github: StandIn) -> tuple[PlayedRepository, PlayedPull]:
    """A pull request that changes the second of five lines."""
    shop = github.repository("acme/shop", files={"shop.py": "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\n"})
    changed = {"shop.py": "a = 1\nb = 20\nb2 = 21\nc = 3\nd = 4\ne = 5\n"}
    return shop, shop.open_pull_request("feature", changed, author="ada")


async def by_app(session: Session, github: StandIn) -> Credentials:
    app = App(session, app_id=str(github.app.id), private_key=Secret(github.app.private_key))
    return app.credentials(await app.installation_of(SHOP), SHOP)


def at(github: StandIn, work: Callable[[GitHub], Awaitable[T]], *, token: str = "") -> T:
    """Do the work with the app's credentials, or with a token."""

    async def all_of_it() -> T:
        async with open_session(place_at(github.url), version="1.2.3", timing=QUICK) as session:
            credentials = Token(Secret(token)) if token else await by_app(session, github)
            return await work(GitHub(Transport(session, credentials), SHOP))

    return asyncio.run(all_of_it())


def on(line: int, *, first: int | None = None, side: Side = Side.NEW) -> InlineComment:
    return InlineComment(
        path="shop.py", side=side, first_line=first or line, last_line=line, body=f"On {line} <!-- mesrai:{line} -->"
    )


def test_pull_request_and_people_are_as_they_stand(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        shop, pull = a_pull(github)
        shop.grant("ada", "write")
        shop.grant("bob", "read")

        async def ask(forge: GitHub) -> None:
            me = await forge.me()
            found = await forge.pull_request(pull.number)
            assert me == Person(id=github.app.bot.id, login="mesrai[bot]", is_bot=True)
            assert (found.head_sha, found.lifecycle, found.is_fork) == (pull.head_sha, Lifecycle.OPEN, False)
            assert (found.base_ref, found.default_branch, found.author.login) == ("main", "main", "ada")
            assert await forge.may_write("ada")
            assert not await forge.may_write("bob")
            assert not await forge.may_write("nobody-at-all")
            assert not await forge.may_administer("ada")
            assert not await forge.may_administer("nobody-at-all")
            for role in ("maintain", "admin"):
                shop.grant("bob", role)
                assert await forge.may_administer("bob")
            with pytest.raises(ForgeNotFound):
                await forge.pull_request(404)

        at(github, ask)


def test_review_with_a_bad_line_stands_but_for_that_line_and_its_thread_is_resolved(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        _, pull = a_pull(github)
        comments = [on(3, first=2), on(99), on(2, side=Side.OLD)]

        async def ask(forge: GitHub) -> None:
            posted = await forge.post_review(
                pull.number,
                sha=pull.head_sha,
                verdict=Verdict.REQUEST_CHANGES,
                body="Text <!-- mesrai -->",
                comments=comments,
            )
            assert [each.id is None for each in posted] == [False, True, False]
            assert await forge.verdict(pull.number) is Verdict.REQUEST_CHANGES
            await forge.reply(pull.number, thread=posted[0].id or 0, body="Why")
            threads = await forge.threads(pull.number)
            assert [(each.path, each.line, len(each.comments)) for each in threads] == [
                ("shop.py", 3, 2),
                ("shop.py", None, 1),
            ]
            assert threads[0].comments[0].author == await forge.me()
            assert [each.comments[0].id for each in threads] == [posted[0].id, posted[2].id]
            await forge.resolve(threads[0])
            assert [each.is_resolved for each in await forge.threads(pull.number)] == [True, False]
            await forge.withdraw(pull.number, "Fixed.")
            assert await forge.verdict(pull.number) is None

        at(github, ask)


def test_good_review_is_one_review(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        _, pull = a_pull(github)

        async def ask(forge: GitHub) -> None:
            posted = await forge.post_review(
                pull.number, sha=pull.head_sha, verdict=Verdict.COMMENT, body="T", comments=[on(3), on(2)]
            )
            assert [each.id for each in posted] == [each.id for each in pull.review_comments]

        at(github, ask)
        assert len(pull.reviews) == 1


def test_comments_description_and_reactions_are_put_and_replaced(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        _, pull = a_pull(github)
        said = pull.say("ada", "@mesrai review")

        async def ask(forge: GitHub) -> None:
            summary = await forge.post_comment(pull.number, "Started <!-- mesrai -->")
            await forge.edit_comment(summary, "Done <!-- mesrai -->")
            await forge.describe(pull.number, "What it does")
            for place in (None, said.id):
                await forge.react(pull.number, Reaction.STARTED, comment=place)
                await forge.react(pull.number, Reaction.DONE, comment=place)
                await forge.react(pull.number, Reaction.DONE, comment=place)
            assert [each.body for each in await forge.comments(pull.number)] == [
                "@mesrai review",
                "Done <!-- mesrai -->",
            ]

        at(github, ask)
        assert pull.body == "What it does"
        assert [each.content for each in pull.reactions()] == ["hooray"]
        assert [each.content for each in pull.reactions(said)] == ["hooray"]


def test_check_of_the_app_is_made_and_concluded_and_a_person_sets_a_status(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        shop, pull = a_pull(github)
        shop.grant("ada", "write")
        annotation = Annotation(path="shop.py", first_line=2, last_line=3, level="warning", title="T", message="M")
        done = Check(
            sha=pull.head_sha,
            title="Done",
            summary="S",
            conclusion=Conclusion.NEUTRAL,
            annotations=(annotation,) * 120,
        )

        async def with_checks(forge: GitHub) -> None:
            run = await forge.put_check(Check(sha=pull.head_sha, title="Running", summary="S"))
            assert run is not None
            assert await forge.put_check(done, id=run) == run

        async def with_statuses(forge: GitHub) -> None:
            assert await forge.put_check(done) is None

        at(github, with_checks)
        at(github, with_statuses, token=github.personal_token("ada"))

        (check,) = shop.checks
        assert (check.conclusion, len(check.annotations)) == ("neutral", 120)
        assert [each.state for each in shop.statuses] == ["error"]


def test_token_that_ends_half_way_is_renewed_and_an_answer_that_is_lost_is_not_repeated(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        _, pull = a_pull(github)

        async def ask(forge: GitHub) -> None:
            await forge.post_comment(pull.number, "One")
            github.expire_tokens()
            await forge.post_comment(pull.number, "Two")
            github.fail("POST", "*/comments", status=502, after_effect=True)
            with pytest.raises(ForgeUnavailable):
                await forge.post_comment(pull.number, "Three")
            github.fail("POST", "*/comments", secondary_limit())
            with pytest.raises(ForgeRateLimited):
                await forge.post_comment(pull.number, "Four")

        at(github, ask)
        assert [each.body.split("\n")[0] for each in pull.comments] == ["One", "Two", "Three"]


def test_nothing_can_be_done_with_a_token_that_is_not_known(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        _, pull = a_pull(github)
        with pytest.raises(ForgeAuth):
            at(github, lambda forge: forge.pull_request(pull.number), token="ghp_nobodyknowsthis")


def test_git_fetches_with_what_it_is_given(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        _, pull = a_pull(github)
        access = at(github, lambda forge: forge.git_access())
        environment = {
            "PATH": "/usr/bin:/bin",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{access.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": access.header.open(),
            "GIT_TERMINAL_PROMPT": "0",
        }
        listed = subprocess.run(
            ["git", "ls-remote", access.url, f"refs/pull/{pull.number}/head"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )

        assert listed.stdout.split()[0] == pull.head_sha
