"""How reviews look at the interface."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from mesrai.domain.budget import amount_of
from mesrai.jobs.queue import Waiting
from mesrai.server.api.paging import After, Instant, Most, Name, RepositoryName, Sent, Shape, when
from mesrai.store.reviews import KeptReview

State = Literal["waiting", "running", "parked", "stopped", "reviewed", "partial", "failed", "nothing"]
ScopeName = Literal["usual", "full", "fast", "deep"]


class Money(Shape, frozen=True, kw_only=True):
    """An amount."""

    amount: Annotated[Decimal, msgspec.Meta(description="A decimal number, as text.")]
    currency: str  # ISO code


class Counts(Shape, frozen=True, kw_only=True):
    """How many findings there are, by severity."""

    critical: int
    high: int
    medium: int
    low: int


class ReviewSummary(Shape, frozen=True, kw_only=True):
    """A review, without its report."""

    id: str
    repository: str
    pull_request: int | None
    title: str
    author: str
    head_sha: str
    base_ref: str
    trigger: str
    state: State
    reason: str
    findings: Counts
    models: list[str]
    failovers: int
    took_s: float
    cost: Money | None
    stop_asked_by: str
    created_at: Instant | None
    changed_at: Instant | None


class ReviewDetail(ReviewSummary, frozen=True, kw_only=True):
    """A review with its report: summary, findings, what was dropped and why, coverage, usage."""

    report: msgspec.Raw


class ReviewList(Shape, frozen=True, kw_only=True):
    """A page of reviews, the newest first."""

    items: list[ReviewSummary]
    next: Annotated[str | None, msgspec.Meta(description="`after` of the next page; null on the last one.")]


class StartReview(Sent, frozen=True, kw_only=True):
    """Which pull request is to be reviewed: by its address, or by repository and number."""

    url: Annotated[str, msgspec.Meta(max_length=500)] = ""
    repository: RepositoryName = ""
    number: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0
    scope: ScopeName = "usual"


class AskAgain(Sent, frozen=True, kw_only=True):
    """How it is to be reviewed."""

    scope: ScopeName = "usual"


class AskedFor(Shape, frozen=True, kw_only=True):
    """A review that was asked for. It begins as soon as a worker is free."""

    id: str
    repository: str
    pull_request: int


class ReviewAt(Sent, frozen=True, kw_only=True):
    """Which review."""

    review: Name


class ReviewQuery(Sent, frozen=True, kw_only=True):
    """Which reviews are meant; times have a zone."""

    repository: RepositoryName = ""
    pull_request: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0
    state: Literal["running", "parked", "stopped", "reviewed", "partial", "failed", "nothing"] | None = None
    author: Annotated[str, msgspec.Meta(max_length=100)] = ""
    severity: Literal["critical", "high", "medium", "low"] | None = None
    title: Annotated[str, msgspec.Meta(max_length=200)] = ""
    since: Instant | None = None
    until: Instant | None = None
    limit: Most = 25
    after: After = ""


def summary_of(kept: KeptReview) -> ReviewSummary:
    """A review as the interface shows it."""
    number = kept.number
    return ReviewSummary(
        id=kept.id,
        repository=kept.repository,
        pull_request=int(number) if number.isascii() and number.isdecimal() else None,
        title=kept.title,
        author=kept.author,
        head_sha=kept.head_sha,
        base_ref=kept.base_ref,
        trigger=kept.trigger,
        state=msgspec.convert(kept.outcome, State),
        reason=kept.reason,
        findings=Counts(critical=kept.critical, high=kept.high, medium=kept.medium, low=kept.low),
        models=[each for each in kept.models.split(",") if each],
        failovers=kept.failovers,
        took_s=kept.took_s,
        cost=None if kept.nanos is None else Money(amount=amount_of(kept.nanos), currency=kept.currency),
        stop_asked_by=kept.stop_by,
        created_at=when(kept.created_at),
        changed_at=when(kept.changed_at),
    )


def waiting_of(name: str, job: Waiting) -> ReviewSummary:
    """A review that has not begun."""
    repository, _, number = job.subject.partition("#")
    return ReviewSummary(
        id=name,
        repository=repository,
        pull_request=int(number) if number.isascii() and number.isdecimal() else None,
        title="",
        author="",
        head_sha="",
        base_ref="",
        trigger="",
        state="failed" if job.state == "failed" else "waiting",
        reason=job.reason,
        findings=Counts(critical=0, high=0, medium=0, low=0),
        models=[],
        failovers=0,
        took_s=0.0,
        cost=None,
        stop_asked_by="",
        created_at=None,
        changed_at=None,
    )


def fields_of(shown: ReviewSummary) -> dict[str, Any]:
    """The fields of a shown review by name, for a shape that has more of them."""
    return {name: getattr(shown, name) for name in shown.__struct_fields__}
