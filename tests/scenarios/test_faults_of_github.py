"""What GitHub may do to a review from its beginning to its end, and what stands on the pull request afterwards."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.at_github import SLOW, Outcome, Scene, a_scene
from tests.github.faults import Fault, secondary_limit, throttled

from mesrai.domain.occasion import Trigger
from mesrai.jobs.queue import State

GOOD = Outcome(lines=1, comments=1, check="neutral", reactions=("hooray",), job="")
PAGE = "<html><head><title>Bad gateway</title></head><body>The proxy is tired.</body></html>"
READ = ("GET", "*/pulls/1")
TREE = ("GET", "*/git/trees/*")
REVIEW = ("POST", "*/pulls/1/reviews")
SUMMARY = ("PATCH", "*/issues/comments/*")
ANNOUNCED = ("POST", "*/issues/1/comments")
CHECK = ("POST", "*/check-runs")
CONCLUDED = ("PATCH", "*/check-runs/*")
REACTION = ("POST", "*/issues/1/reactions")
THREADS = ("POST", "/graphql")
PLACES = [READ, REVIEW, SUMMARY, ANNOUNCED, CHECK, CONCLUDED, REACTION, THREADS]
IDS = "pull request,review,summary,announcement,check,conclusion,reaction,threads".split(",")


def test_without_a_fault_all_is_said_once(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        assert scene.reviewed() == GOOD
        assert len(scene.model.prompts) == 2


@pytest.mark.parametrize(
    ("place", "fault", "wait_s"),
    [
        (READ, lambda: throttled(retry_after_s=7), 7),
        (TREE, throttled, 60),
        (REVIEW, throttled, 60),
        (REVIEW, lambda: throttled(reset_in_s=90, status=403), 90),
        (SUMMARY, lambda: secondary_limit(retry_after_s=30), 30),
        (ANNOUNCED, secondary_limit, 60),
        (CHECK, secondary_limit, 60),
        (CONCLUDED, lambda: throttled(retry_after_s=7), 7),
        (REACTION, secondary_limit, 60),
        (THREADS, lambda: throttled(reset_in_s=90, status=403), 90),
    ],
)
def test_a_limit_parks_the_review_for_as_long_as_it_says(
    tmp_path: Path, place: tuple[str, str], fault: Callable[[], Fault], wait_s: int
) -> None:
    with a_scene(tmp_path) as scene:
        hit = scene.github.fail(*place, fault())
        before = scene.at

        parked = scene.reviewed()

        assert hit.hits == 1
        assert parked.job == State.PARKED
        assert scene.jobs[0].due_at - before == pytest.approx(wait_s, abs=3)
        assert parked.check == ""
        assert scene.later() == GOOD
        assert len(scene.model.prompts) == 2, "what the model said is not asked for again"


@pytest.mark.parametrize("place", PLACES, ids=IDS)
@pytest.mark.parametrize(("is_after", "is_cut"), [(False, False), (True, True)], ids=["before", "after"])
def test_a_gateway_that_fails_once_loses_nothing_and_doubles_nothing(
    tmp_path: Path, place: tuple[str, str], is_after: bool, is_cut: bool
) -> None:
    with a_scene(tmp_path) as scene:
        hit = scene.github.fail(*place, status=502, after_effect=is_after, hangs_up=is_cut)

        scene.reviewed()

        assert hit.hits == 1
        ends_well(scene)


@pytest.mark.parametrize("place", [READ, TREE, REVIEW, ANNOUNCED, CHECK, THREADS])
def test_a_page_in_place_of_an_answer_is_no_answer(tmp_path: Path, place: tuple[str, str]) -> None:
    with a_scene(tmp_path) as scene:
        hit = scene.github.fail(*place, status=200, page=PAGE, after_effect=True)
        judged_no_more(scene)

        scene.reviewed()

        assert hit.hits == 1
        ends_well(scene)


@pytest.mark.parametrize("place", [READ, TREE, REVIEW, CHECK])
def test_a_body_that_stalls_is_given_up_and_what_it_did_is_seen(tmp_path: Path, place: tuple[str, str]) -> None:
    with a_scene(tmp_path, timing=SLOW) as scene:
        hit = scene.github.fail(*place, stall_s=0.8)

        scene.reviewed()

        assert hit.hits == 1
        ends_well(scene)


def judged_no_more(scene: Scene) -> None:
    """Pages are not what GitHub describes."""
    object.__setattr__(scene.github.door, "judge", None)


def ends_well(scene: Scene) -> None:
    """In the end all is there once."""
    found = scene.in_the_end()
    if found == replace(GOOD, lines=0):  # the lines are tried again next time; until then the summary tells it
        assert "Divides by zero for an empty cart" in scene.told
        scene.reviewed(Trigger.ASKED)
        found = scene.outcome()
    assert found == GOOD
    assert [len(check.annotations) for check in scene.shop.checks] == [1]


def test_a_github_that_is_down_is_asked_again_later_and_the_people_are_told_once_it_is_up(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        down = scene.github.fail("*", "*", status=503, times=1_000)

        assert scene.reviewed() == Outcome(lines=0, comments=0, check="", reactions=(), job=State.PARKED)
        assert down.hits > 0
        scene.github.door.faults.clear()
        assert scene.later() == GOOD


def test_a_review_that_is_refused_as_a_whole_is_said_comment_by_comment(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        scene.github.fail(*REVIEW, status=422, message="Unprocessable Entity")

        assert scene.reviewed() == GOOD


def test_a_review_of_which_nothing_is_taken_is_told_in_the_summary(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        scene.github.fail(*REVIEW, status=422, message="Unprocessable Entity")
        scene.github.fail("POST", "*/pulls/1/comments", status=422, message="Validation Failed", times=9)

        found = scene.reviewed()

        assert (found.lines, found.comments, found.check, found.job) == (0, 1, "neutral", "")
        assert "Divides by zero for an empty cart" in scene.told


def test_a_token_that_runs_out_half_way_is_replaced_once(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        scene.meanwhile(scene.github.expire_tokens)

        assert scene.reviewed() == GOOD
        assert len(scene.github.asked("POST", "/access_tokens")) == 2


def test_an_app_that_is_let_in_no_more_ends_the_job_and_the_worker_goes_on(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        scene.meanwhile(lambda: scene.github.fail("*", "/repos/*", status=401, message="Bad credentials", times=999))

        found = scene.reviewed()

        assert (found.lines, found.check, found.job) == (0, "", State.FAILED)
        assert "credentials" in scene.jobs[0].reason


@pytest.mark.parametrize("is_rewritten", [False, True])
def test_a_head_that_moves_meanwhile_is_left_to_its_own_review(tmp_path: Path, is_rewritten: bool) -> None:
    with a_scene(tmp_path) as scene:
        first = scene.pull.head_sha
        files = {"cart.py": "def total(items):\n    return sum(items) / len(items)\n# more\n"}
        push = scene.pull.force_push if is_rewritten else scene.pull.push
        scene.meanwhile(lambda: push(files))

        found = scene.reviewed()

        assert (found.lines, found.comments, found.job) == (0, 1, "")
        [check] = [each for each in scene.shop.checks if each.sha == first]
        assert check.conclusion == "neutral"
        assert scene.reviewed(Trigger.PUSHED) == GOOD


def test_a_pull_request_that_is_closed_meanwhile_gets_no_review(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        scene.meanwhile(scene.pull.close)

        found = scene.reviewed()

        assert (found.lines, found.comments, found.check, found.job) == (0, 1, "neutral", "")
        assert "The pull request is closed" in scene.told


def test_a_project_that_is_deleted_meanwhile_ends_the_job(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        scene.meanwhile(scene.shop.vanish)

        found = scene.reviewed()

        assert (found.lines, found.job) == (0, State.FAILED)
        assert len(scene.model.prompts) <= 2


@pytest.mark.parametrize("is_cloned", [False, True], ids=["over the api", "with git"])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_project_that_gets_another_name_is_reviewed_all_the_same(tmp_path: Path, when: str, is_cloned: bool) -> None:
    with a_scene(tmp_path, is_cloned=is_cloned) as scene:
        if when == "before":
            scene.shop.rename("store")
        else:
            scene.meanwhile(lambda: scene.shop.rename("store"))

        assert scene.reviewed() == GOOD


def test_a_clone_that_stalls_is_tried_again_later(tmp_path: Path) -> None:
    with a_scene(tmp_path, is_cloned=True, fetch_s=1.0) as scene:
        stalled = scene.github.fail("POST", "*/git-upload-pack", stall_s=3.0, times=2)

        found = scene.reviewed()

        assert stalled.hits > 0
        assert (found.lines, found.job) == (0, State.PARKED)
        scene.github.door.faults.clear()
        assert scene.later() == GOOD


@pytest.mark.parametrize("is_cloned", [False, True], ids=["over the api", "with git"])
def test_more_than_300_files_are_left_until_somebody_asks(tmp_path: Path, is_cloned: bool) -> None:
    with a_scene(tmp_path, is_cloned=is_cloned) as scene:
        scene.pull.push({f"many/{number}.py": f"{number}\n" for number in range(301)})

        found = scene.reviewed()

        assert (found.lines, found.check, found.reactions, found.job) == (0, "neutral", ("eyes",), "")
        found = scene.reviewed(Trigger.ASKED)
        assert (found.lines, found.job) == (1, "")
