from typing import Any

import pytest

from mesrai.domain.occasion import Occasion, Trigger, is_left_alone, reason_to_skip, too_many_files
from mesrai.domain.policy import Cadence, CadenceKind, Policy
from mesrai.domain.pull_request import Lifecycle, Person, PullRequest, RepositoryName

NOW = 1_000_000.0


def a_pull_request(**changes: Any) -> PullRequest:
    facts: dict[str, Any] = {
        "repository": RepositoryName(forge="github.com", owner="acme", name="shop"),
        "number": 7,
        "title": "Sum the cart",
        "body": "",
        "author": Person(id=1, login="ada"),
        "lifecycle": Lifecycle.OPEN,
        "is_draft": False,
        "head_sha": "a" * 40,
        "head_ref": "cart",
        "base_sha": "b" * 40,
        "base_ref": "main",
        "is_fork": False,
        "default_branch": "main",
    }
    return PullRequest(**(facts | changes))


def skipped(
    pull_request: PullRequest, policy: Policy | None = None, trigger: Trigger = Trigger.OPENED, **more: Any
) -> str:
    facts: dict[str, Any] = {"is_paused": False, "now": NOW} | more
    return reason_to_skip(pull_request, policy or Policy(), Occasion(trigger=trigger), **facts)


def test_an_open_pull_request_is_reviewed() -> None:
    assert skipped(a_pull_request()) == ""


@pytest.mark.parametrize(
    ("pull_request", "policy", "words"),
    [
        (a_pull_request(is_draft=True), Policy(), "draft"),
        (a_pull_request(title="wip: Sum"), Policy(ignored_title_keywords=("WIP",)), "“WIP”"),
        (a_pull_request(base_ref="develop"), Policy(), "into develop"),
        (a_pull_request(base_ref="release/2"), Policy(base_branches=("develop",)), "into release/2"),
        (a_pull_request(), Policy(is_review_automatic=False), "Automatic reviews are off"),
    ],
)
def test_what_the_owners_leave_out_is_reviewed_only_when_somebody_asks(
    pull_request: PullRequest, policy: Policy, words: str
) -> None:
    assert words in skipped(pull_request, policy)
    assert skipped(pull_request, policy, Trigger.ASKED) == ""


def test_a_branch_that_a_pattern_names_is_reviewed() -> None:
    assert skipped(a_pull_request(base_ref="release/2"), Policy(base_branches=("release/*",))) == ""


@pytest.mark.parametrize("lifecycle", [Lifecycle.CLOSED, Lifecycle.MERGED])
def test_what_is_closed_is_not_reviewed_whoever_asks(lifecycle: Lifecycle) -> None:
    assert lifecycle in skipped(a_pull_request(lifecycle=lifecycle), trigger=Trigger.ASKED)


def test_a_paused_pull_request_waits_until_somebody_asks() -> None:
    assert "paused" in skipped(a_pull_request(), is_paused=True)
    assert skipped(a_pull_request(), trigger=Trigger.ASKED, is_paused=True) == ""


def test_the_fourth_push_within_fifteen_minutes_waits_and_one_after_a_pause_does_not() -> None:
    recent = [NOW - 600, NOW - 300, NOW - 60, NOW]
    assert "pushes came within 15 minutes" in skipped(a_pull_request(), trigger=Trigger.PUSHED, pushes=recent)
    assert skipped(a_pull_request(), trigger=Trigger.PUSHED, pushes=recent[1:]) == ""
    old = [NOW - 2_000, NOW - 1_900, NOW - 1_800, NOW]
    assert skipped(a_pull_request(), trigger=Trigger.PUSHED, pushes=old) == ""


def test_the_owners_say_what_a_burst_is() -> None:
    policy = Policy(cadence=Cadence(pushes=1, window_minutes=2))
    assert "1 pushes came within 2 minutes" in skipped(a_pull_request(), policy, Trigger.PUSHED, pushes=[NOW - 60, NOW])
    assert skipped(a_pull_request(), policy, Trigger.PUSHED, pushes=[NOW - 121, NOW]) == ""


def test_where_every_push_is_to_be_reviewed_no_burst_waits() -> None:
    policy = Policy(cadence=Cadence(kind=CadenceKind.AUTOMATIC))
    assert skipped(a_pull_request(), policy, Trigger.PUSHED, pushes=[NOW] * 20) == ""


def test_with_a_manual_cadence_only_the_first_review_comes_by_itself() -> None:
    policy = Policy(cadence=Cadence(kind=CadenceKind.MANUAL))
    assert skipped(a_pull_request(), policy, Trigger.OPENED) == ""
    assert skipped(a_pull_request(), policy, Trigger.PUSHED, pushes=[NOW] * 20) == "", "nothing was reviewed so far"
    assert "only on request" in skipped(a_pull_request(), policy, Trigger.PUSHED, was_reviewed=True)
    assert skipped(a_pull_request(), policy, Trigger.ASKED, was_reviewed=True) == ""


def test_drafts_are_reviewed_where_the_owners_want_it() -> None:
    assert skipped(a_pull_request(is_draft=True), Policy(reviews_drafts=True)) == ""


@pytest.mark.parametrize(
    ("login", "ignored", "is_left"),
    [
        ("ada", ("ADA",), True),
        ("ada", ("@ada",), True),
        ("renovate[bot]", ("renovate",), True),
        ("renovate[bot]", ("renovate[bot]",), True),
        ("renovate", ("renovate[bot]",), False),
        ("ada", ("ad", "adam"), False),
        ("ada", (), False),
    ],
)
def test_whom_the_owners_ignore_is_left_alone_until_somebody_asks(
    login: str, ignored: tuple[str, ...], is_left: bool
) -> None:
    pull_request, policy = a_pull_request(author=Person(id=1, login=login)), Policy(ignored_users=ignored)
    assert bool(skipped(pull_request, policy)) is is_left
    assert is_left_alone(pull_request, policy, Occasion(trigger=Trigger.PUSHED)) is is_left
    assert skipped(pull_request, policy, Trigger.ASKED) == ""
    assert not is_left_alone(pull_request, policy, Occasion(trigger=Trigger.ASKED))


@pytest.mark.parametrize("policy", [Policy(), Policy(most_files=3)])
def test_very_many_files_are_reviewed_only_when_somebody_asks(policy: Policy) -> None:
    most = policy.most_files
    assert too_many_files(most, policy, Occasion(trigger=Trigger.OPENED)) == ""
    assert "start-review" in too_many_files(most + 1, policy, Occasion(trigger=Trigger.OPENED))
    assert too_many_files(most + 1, policy, Occasion(trigger=Trigger.ASKED)) == ""
    assert too_many_files(10**6, Policy(most_files=0), Occasion(trigger=Trigger.OPENED)) == "", "0: no limit"
