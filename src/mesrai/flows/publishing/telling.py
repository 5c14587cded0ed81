"""Put together what the texts say: the summary's content and the words of a posted review."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.review import Review
from mesrai.flows.publishing.plan import NEW, REFUSED, Plan
from mesrai.flows.publishing.standing import OurThread
from mesrai.forges.forge import Verdict
from mesrai.review.render import wording
from mesrai.review.render.links import Links
from mesrai.review.render.marks import REVIEW_MARK, mark_id, without_mark
from mesrai.review.render.summary_comment import Earlier, Placed, Told

_FIRST_LINE: Final = re.compile(r"\*\*(?:Critical|High|Medium|Low): [^\n]{1,400}\*\*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """Why a finding stands on no line."""

    reason: str
    is_refused: bool  # by the forge, for its place


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A review, and what is to be done about it."""

    review: Review
    plan: Plan
    policy: Policy
    is_incremental: bool


def links_of(pull_request: PullRequest, review: Review) -> Links:
    """The pages of the change under review."""
    return Links(pull_request.repository, head=pull_request.head_sha, base=review.change.base)


def summary_told(result: Result, *, untold: Mapping[str, Untold], has_overview: bool, problems: Sequence[str]) -> Told:
    """What the summary says; `untold` are the findings that stand on no line, with the reason."""
    placed: list[Placed] = []
    for finding, state in zip(result.review.findings, result.plan.states, strict=True):
        why = untold.get(mark_id(finding.fingerprint)) if state == NEW else None
        if state == REFUSED:
            why = Untold(reason="The forge takes no comment on these lines.", is_refused=True)
        if why is None:
            placed.append(Placed(finding=finding, state=state))
            continue
        placed.append(
            Placed(finding=finding, state=REFUSED, is_told_here=True, reason=why.reason, is_refused=why.is_refused)
        )
    return Told(
        review=result.review,
        placed=placed,
        earlier=[_earlier(each) for each in result.plan.earlier],
        carried=result.plan.carried,
        problems=problems,
        since=result.review.change.base if result.is_incremental else "",
        has_overview=has_overview,
    )


def review_text(comments: int, verdict: Verdict, commit: str) -> str:
    """The words that go with the comments on lines."""
    said = f"{wording.counted(comments, 'comment')} on {commit}." if comments else f"This is about {commit}."
    if verdict is Verdict.REQUEST_CHANGES:
        said += " Changes are requested because something grave is open."
    if verdict is Verdict.APPROVE:
        said = f"All of {commit} that should be read was read, and nothing is open."
    return f"{REVIEW_MARK}\n{said} The summary stands in the conversation."


def _earlier(ours: OurThread) -> Earlier:
    thread = ours.thread
    first = without_mark(thread.comments[0].body).split("\n", 1)[0].strip()
    return Earlier(
        severity=ours.severity,
        path=thread.path,
        line=thread.line,
        text=first if _FIRST_LINE.fullmatch(first) and "<" not in first else "a finding",
        is_outdated=thread.is_outdated,
    )
