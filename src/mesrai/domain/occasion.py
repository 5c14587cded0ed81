"""Whether a pull request is to be reviewed now, and if not, why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mesrai.domain.command import Scope
from mesrai.domain.globs import path_matches
from mesrai.domain.policy import Cadence, CadenceKind, Policy
from mesrai.domain.pull_request import Lifecycle, PullRequest

_BOT = "[bot]"  # how GitHub ends the login of an app


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
    was_reviewed: bool = False,
    pushes: Sequence[float] = (),
    now: float = 0.0,
) -> str:
    """Why no review is due, as a sentence; empty if one is. Who asks for one gets it, unless the request is closed.

    `pushes` are the times of the last ones, this one included; `was_reviewed` says whether an earlier commit was, as a
    whole. See `is_left_alone` for whether people are told.
    """
    if pull_request.lifecycle is not Lifecycle.OPEN:
        return f"The pull request is {pull_request.lifecycle}."
    if occasion.trigger is Trigger.ASKED:
        return ""
    if _is_ignored(pull_request.author.login, policy):
        return f"Pull requests of {pull_request.author.login} are left alone here; `@mesrai start-review` starts one."
    general = _general_reason(pull_request, policy)
    if general:
        return general
    if is_paused:
        return "Reviews of this pull request are paused; `@mesrai resume` lets them go on."
    if occasion.trigger is not Trigger.PUSHED:
        return ""
    return _cadence_reason(policy.cadence, pushes, now, is_first=not was_reviewed)


def is_left_alone(pull_request: PullRequest, policy: Policy, occasion: Occasion) -> bool:
    """Whether not even a reaction is to be shown: its author is one whom the owners want left alone."""
    return occasion.trigger is not Trigger.ASKED and _is_ignored(pull_request.author.login, policy)


def too_many_files(count: int, policy: Policy, occasion: Occasion) -> str:
    """Why a change of so many files, ignored ones left out, is not reviewed; empty if it is."""
    most = policy.most_files
    if not most or count <= most or occasion.trigger is Trigger.ASKED:
        return ""
    return f"{count} files changed, more than {most}; `@mesrai start-review` has them reviewed all the same."


def _is_ignored(login: str, policy: Policy) -> bool:
    """Logins are the same in any case; an app's has an ending that people leave out."""
    name = login.casefold()
    ignored = {each.strip().removeprefix("@").casefold() for each in policy.ignored_users}
    return name in ignored or (name.endswith(_BOT) and name.removesuffix(_BOT) in ignored)


def _cadence_reason(cadence: Cadence, pushes: Sequence[float], now: float, *, is_first: bool) -> str:
    """Why a push is not reviewed; empty if it is. What was never reviewed as a whole is not yet a follow-up."""
    if cadence.kind is CadenceKind.MANUAL and not is_first:
        return "Pushes are reviewed only on request here: write `@mesrai start-review`."
    window_s = cadence.window_minutes * 60.0
    recent = sum(1 for each in pushes if now - each <= window_s)
    if cadence.kind is CadenceKind.AUTO_PAUSE and recent > cadence.pushes:
        return (
            f"{cadence.pushes} pushes came within {cadence.window_minutes} minutes, so further ones wait: push again "
            "later, or write `@mesrai start-review`."
        )
    return ""


def _general_reason(pull_request: PullRequest, policy: Policy) -> str:
    if not policy.is_review_automatic:
        return "Automatic reviews are off here; `@mesrai start-review` starts one."
    if pull_request.is_draft and not policy.reviews_drafts:
        return "It is a draft; it is reviewed when it is ready, or when somebody writes `@mesrai start-review`."
    title = pull_request.title.lower()
    keyword = next((each for each in policy.ignored_title_keywords if each.lower() in title), "")
    if keyword:
        return f"Its title contains “{keyword}”, which the policy leaves out."
    is_default = pull_request.base_ref == pull_request.default_branch
    if not is_default and not path_matches(pull_request.base_ref, policy.base_branches):
        return f"It goes into {pull_request.base_ref}, which is not among the branches that are reviewed."
    return ""
