"""Publishing through the real client to the stand-in, where every request is judged by what GitHub publishes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.factories import a_coverage, a_finding, a_review, a_suggestion
from tests.github.played import PlayedPull
from tests.github.stand_in import GitHub as StandIn
from tests.github.stand_in import running_github
from tests.unit.forges.github.scripted import QUICK

from mesrai.domain.finding import Finding, Severity
from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import RepositoryName
from mesrai.domain.review import Review
from mesrai.domain.secret import Secret
from mesrai.flows.publish import Known, Published, announce, publish
from mesrai.forges.forge import Conclusion, Forge, Verdict
from mesrai.forges.github.app import App
from mesrai.forges.github.client import GitHub
from mesrai.forges.github.place import place_at
from mesrai.forges.github.transport import Transport, open_session

T = TypeVar("T")
SHOP = RepositoryName(forge="github.com", owner="acme", name="shop")
STRICT = Policy(may_approve=True, may_request_changes=True)
GRAVE = a_finding(
    "The price is doubled",
    path="shop.py",
    severity=Severity.CRITICAL,
    start_line=2,
    end_line=3,
    suggestion=a_suggestion(2, 3, "b = 2"),
)
SMALL = a_finding("Small", path="shop.py", severity=Severity.LOW, start_line=5, end_line=5)
OFF = a_finding("Nowhere in the change", path="shop.py", start_line=400, end_line=400)


def a_pull(github: StandIn) -> PlayedPull:
    shop = github.repository("acme/shop", files={"shop.py": "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\n"})
    shop.grant("ada", "write")
    return shop.open_pull_request("feature", {"shop.py": "a = 1\nb = 20\nb2 = 21\nc = 3\nd = 4\ne = 5\n"}, author="ada")


def at(github: StandIn, work: Callable[[Forge], Awaitable[T]]) -> T:
    """Do the work with the app's credentials."""

    async def all_of_it() -> T:
        async with open_session(place_at(github.url), version="1.2.3", timing=QUICK) as session:
            app = App(session, app_id=str(github.app.id), private_key=Secret(github.app.private_key))
            credentials = app.credentials(await app.installation_of(SHOP), SHOP)
            return await work(GitHub(Transport(session, credentials), SHOP))

    return asyncio.run(all_of_it())


def published(github: StandIn, pull: PlayedPull, review: Review, *, is_incremental: bool = False) -> Published:
    async def work(forge: Forge) -> Published:
        pull_request = await forge.pull_request(pull.number)
        known = await announce(forge, pull_request, known=Known())
        return await publish(forge, pull_request, review, known=known, policy=STRICT, is_incremental=is_incremental)

    return at(github, work)


def a_review_of(*findings: Finding) -> Review:
    return a_review(*findings, coverage=(a_coverage("shop.py"),))


def test_a_pull_request_from_its_first_review_to_its_approval(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        pull = a_pull(github)
        first = published(github, pull, a_review_of(GRAVE, OFF))
        assert (first.posted, first.problems, first.verdict) == (1, (), Verdict.REQUEST_CHANGES)
        assert first.conclusion is Conclusion.FAILURE
        again = published(github, pull, a_review_of(GRAVE, OFF))
        assert (again.posted, again.verdict, again.summary_comment) == (0, None, first.summary_comment)
        pull.push({"shop.py": "a = 1\nb = 2\nc = 3\nd = 4\ne = 6\n"})
        fixed = published(github, pull, a_review_of())
        assert (fixed.resolved, fixed.problems, fixed.verdict) == (1, (), Verdict.APPROVE)
        assert fixed.conclusion is Conclusion.SUCCESS
        back = published(github, pull, a_review_of(SMALL))
        assert (back.posted, back.problems, back.conclusion) == (1, (), Conclusion.NEUTRAL)


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("path", ["*/reviews", "*/issues/*/comments"])
def test_a_failure_of_github_while_we_speak_leaves_everything_once(
    tmp_path: Path, path: str, after_effect: bool
) -> None:
    with running_github(tmp_path) as github:
        pull = a_pull(github)
        github.fail("POST", path, status=502, after_effect=after_effect)
        with_fault = published(github, pull, a_review_of(GRAVE))
        last = published(github, pull, a_review_of(GRAVE))
        assert with_fault.summary_comment in (None, last.summary_comment)
        threads = at(github, lambda forge: forge.threads(pull.number))
        comments = at(github, lambda forge: forge.comments(pull.number))
        assert (len(threads), len(comments), last.problems) == (1, 1, ())


def test_a_check_that_was_made_and_never_remembered_is_found_again(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        pull = a_pull(github)
        github.fail("POST", "*/check-runs", status=502, after_effect=True)

        async def begin_twice(forge: Forge) -> tuple[Known, Known]:
            pull_request = await forge.pull_request(pull.number)
            first = await announce(forge, pull_request, known=Known())
            return first, await announce(forge, pull_request, known=Known())

        first, second = at(github, begin_twice)
        (check,) = github.world.checks
        assert (first.check, second.check, second.problems) == (None, check.id, ())


def test_where_threads_may_not_be_resolved_they_are_told_to_be_fixed_once(tmp_path: Path) -> None:
    with running_github(tmp_path) as github:
        github.world.resolving_needs = "contents"
        pull = a_pull(github)
        published(github, pull, a_review_of(GRAVE))
        pull.push({"shop.py": "a = 1\nb = 2\nc = 3\nd = 4\ne = 6\n"})
        first, again = published(github, pull, a_review_of()), published(github, pull, a_review_of())
        assert (first.resolved, first.problems, first.verdict) == (1, (), Verdict.APPROVE)
        assert (again.resolved, again.problems, again.conclusion) == (0, (), Conclusion.SUCCESS)
        (thread,) = at(github, lambda forge: forge.threads(pull.number))
        assert (len(thread.comments), thread.is_resolved) == (2, False)
        assert "Fixed as of" in thread.comments[1].body
        tries = [asked for asked in github.asked("POST", "/graphql") if "resolveReviewThread" in str(asked.body)]
        assert len(tries) == 1
        back = published(github, pull, a_review_of(GRAVE))
        assert back.posted == 1, "what comes back is told anew"
