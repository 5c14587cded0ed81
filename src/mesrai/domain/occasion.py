"""Whether a pull request is to be reviewed now, and if not, why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mesrai.domain.command import Scope
from mesrai.domain.globs import path_matches
from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import Lifecycle, PullRequest

BURST_PUSHES: Final = 3  # within BURST_S pause the review of further pushes
BURST_S: Final = 15 * 60.0
MOST_FILES: Final = 200  # that are not ignored; more are not reviewed unless somebody asks


class Trigger(StrEnum):
    """What brought us to look at a pull request."""

    OPENED = "opened"
    PUSHED = "pushed"
    EDITED = "edited"
    ASKED = "asked"  # by a command, or by running our check again


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why a review may be due."""

    trigger: Trigger
    scope: Scope = Scope.USUAL


def reason_to_skip(
    pull_request: PullRequest,
    policy: Policy,
    occasion: Occasion,
    *,
    is_paused: bool,
    pushes: Sequence[float] = (),
    now: float = 0.0,
) -> str:
    """Why no review is due, as a sentence; empty if one is. Who asks for one gets it, unless the request is closed.

    `pushes` are the times of the last ones, this one included.
    """
    if pull_request.lifecycle is not Lifecycle.OPEN:
        return f"The pull request is {pull_request.lifecycle}."
    if occasion.trigger is Trigger.ASKED:
        return ""
    general = _general_reason(pull_request, policy)
    if general:
        return general
    if is_paused:
        return "Reviews of this pull request are paused; `@mesrai resume` lets them go on."
    if occasion.trigger is Trigger.PUSHED and _is_burst(pushes, now):
        return (
            f"{BURST_PUSHES} pushes came within {BURST_S / 60:.0f} minutes, so further ones wait: push again later, or "
            "write `@mesrai start-review`."
        )
    return ""


def too_many_files(count: int, occasion: Occasion) -> str:
    """Why a change of so many files, ignored ones left out, is not reviewed; empty if it is."""
    if count <= MOST_FILES or occasion.trigger is Trigger.ASKED:
        return ""
    return f"{count} files changed, more than {MOST_FILES}; `@mesrai start-review` has them reviewed all the same."


def _general_reason(pull_request: PullRequest, policy: Policy) -> str:
    if not policy.is_review_automatic:
        return "Automatic reviews are off here; `@mesrai start-review` starts one."
    if pull_request.is_draft:
        return "It is a draft; it is reviewed when it is ready, or when somebody writes `@mesrai start-review`."
    title = pull_request.title.lower()
    keyword = next((each for each in policy.ignored_title_keywords if each.lower() in title), "")
    if keyword:
        return f"Its title contains “{keyword}”, which the policy leaves out."
    is_default = pull_request.base_ref == pull_request.default_branch
    if not is_default and not path_matches(pull_request.base_ref, policy.base_branches):
        return f"It goes into {pull_request.base_ref}, which is not among the branches that are reviewed."
    return ""


def _is_burst(pushes: Sequence[float], now: float) -> bool:
    return sum(1 for each in pushes if now - each <= BURST_S) > BURST_PUSHES
