"""The findings of a review, and what people think of them."""

from collections import defaultdict
from typing import Annotated, Final

import msgspec

from mesrai.domain.finding import Finding
from mesrai.domain.roles import Right
from mesrai.flows import feedback
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import After, Instant, Most, Name, RepositoryName, Sent, Shape, cut, when
from mesrai.server.api.problems import ApiError, Code, not_found
from mesrai.server.api.rooms.review_shapes import ReviewAt
from mesrai.server.api.rooms.reviews import find_own
from mesrai.store.feedback import Opinion, Verdict, opinions, take_opinion_back

_TAG: Final = "findings"


class Feedback(Shape, frozen=True, kw_only=True):
    """What somebody thinks of a finding."""

    repository: str
    review: str
    fingerprint: str
    who: str
    verdict: Verdict
    note: str
    at: Instant


class FindingShown(Shape, frozen=True, kw_only=True):
    """A finding, and what people said of it."""

    fingerprint: str
    path: str
    side: str
    start_line: int
    end_line: int
    severity: str
    category: str
    title: str
    body: Annotated[str, msgspec.Meta(description="Markdown.")]
    confidence: float
    source: str
    replacement: Annotated[str | None, msgspec.Meta(description="Lines in place of those it stands on.")]
    feedback: list[Feedback]


class FindingList(Shape, frozen=True, kw_only=True):
    """All findings of a review."""

    items: list[FindingShown]


class FeedbackList(Shape, frozen=True, kw_only=True):
    """A page of feedback, the newest first."""

    items: list[Feedback]
    next: str | None


class FindingAt(Sent, frozen=True, kw_only=True):
    """Which finding of which review."""

    review: Name
    fingerprint: Name


class SayFeedback(Sent, frozen=True, kw_only=True):
    """What the caller thinks of it; the last word of each person counts."""

    verdict: Verdict
    note: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


class FeedbackQuery(Sent, frozen=True, kw_only=True):
    """Which feedback is meant."""

    repository: RepositoryName = ""
    limit: Most = 25
    after: After = ""


async def list_findings(call: Call) -> FindingList:
    """GET /reviews/{review}/findings."""
    kept = await find_own(call, call.read(ReviewAt).review)
    found = await feedback.findings_of(call.house.database, kept.id)
    said: dict[str, list[Feedback]] = defaultdict(list)
    for each in await opinions(call.house.database, call.house.organisation, review=kept.id):
        said[each.fingerprint].append(_feedback(each))
    return FindingList(items=[_shown(each, said[each.fingerprint]) for each in found])


async def say(call: Call) -> Feedback:
    """PUT /reviews/{review}/findings/{fingerprint}/feedback."""
    at, told = call.read(FindingAt), call.read(SayFeedback)
    kept = await find_own(call, at.review)
    said = await feedback.say(call.house.database, kept, at.fingerprint, told.verdict, note=told.note, who=call.who)
    if said is None:
        raise not_found("finding")
    return _feedback(said)


async def take_back(call: Call) -> None:
    """DELETE /reviews/{review}/findings/{fingerprint}/feedback."""
    at, house = call.read(FindingAt), call.house
    said = (house.organisation, at.review, at.fingerprint)
    if not await take_opinion_back(house.database, said, call.who):
        raise not_found("feedback of the caller's")


async def list_feedback(call: Call) -> FeedbackList:
    """GET /feedback."""
    asked, house = call.read(FeedbackQuery), call.house
    found = await opinions(
        house.database,
        house.organisation,
        repository=asked.repository,
        before=number_after(asked.after),
        most=asked.limit + 1,
    )
    shown, has_more = cut(list(found), asked.limit)
    return FeedbackList(items=[_feedback(each) for each in shown], next=str(shown[-1].id) if has_more else None)


def number_after(after: str) -> int | None:
    """The number of a list's last entry. Errors: ApiError if it is none."""
    if not after:
        return None
    if not after.isascii() or not after.isdecimal() or len(after) > 15:
        raise ApiError(Code.INVALID, "The list cannot go on from there: begin at its first page.")
    return int(after)


def _shown(finding: Finding, said: list[Feedback]) -> FindingShown:
    return FindingShown(
        fingerprint=finding.fingerprint,
        path=finding.path,
        side=str(finding.side),
        start_line=finding.start_line,
        end_line=finding.end_line,
        severity=str(finding.severity),
        category=str(finding.category),
        title=finding.title,
        body=finding.body,
        confidence=finding.confidence,
        source=finding.source,
        replacement=finding.suggestion.replacement if finding.suggestion else None,
        feedback=said,
    )


def _feedback(said: Opinion) -> Feedback:
    names = ("repository", "review", "fingerprint", "who", "verdict", "note")
    return Feedback(at=when(said.at), **{name: getattr(said, name) for name in names})


OPERATIONS: Final = (
    Operation(
        name="listFindings",
        tag=_TAG,
        method="GET",
        path="/reviews/{review}/findings",
        needs=Right.SEE_REVIEWS,
        told="List the findings of a review, with what people said of each.",
        do=list_findings,
        at=ReviewAt,
        answer=FindingList,
    ),
    Operation(
        name="sayFeedback",
        tag=_TAG,
        method="PUT",
        path="/reviews/{review}/findings/{fingerprint}/feedback",
        needs=Right.RUN_REVIEWS,
        told="Say what you think of a finding, in place of what you said before.",
        do=say,
        at=FindingAt,
        body=SayFeedback,
        answer=Feedback,
    ),
    Operation(
        name="takeFeedbackBack",
        tag=_TAG,
        method="DELETE",
        path="/reviews/{review}/findings/{fingerprint}/feedback",
        needs=Right.RUN_REVIEWS,
        told="Take back what you said of a finding.",
        do=take_back,
        at=FindingAt,
        status=204,
    ),
    Operation(
        name="listFeedback",
        tag=_TAG,
        method="GET",
        path="/feedback",
        needs=Right.SEE_REVIEWS,
        told="List what people said of findings, the newest first.",
        do=list_feedback,
        query=FeedbackQuery,
        answer=FeedbackList,
    ),
)
