"""The reviews of pull requests: how each stands, and its report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.errors import UserError
from mesrai.store.database import Database, Row, Statements, Value

RUNNING: Final = "running"
PARKED: Final = "parked"
STOPPED: Final = "stopped"  # a newer push, or a person, ended it
_BEGIN: Final = """
    INSERT INTO reviews (id, organisation, subject, repository, head_sha, base_ref, outcome, reason, report,
        created_at, changed_at)
    VALUES (:id, :organisation, :subject, :repository, :head_sha, :base_ref, :running, '', '', {now}, {now})
    ON CONFLICT (id) DO UPDATE SET head_sha = excluded.head_sha, base_ref = excluded.base_ref,
        outcome = excluded.outcome, reason = '', changed_at = excluded.changed_at
"""
_SET: Final = "UPDATE reviews SET outcome = :outcome, reason = :reason, changed_at = {now} WHERE id = :id"
_END: Final = """
    UPDATE reviews SET outcome = :outcome, reason = :reason, report = :report, changed_at = {now} WHERE id = :id
"""
_COLUMNS: Final = "id, organisation, subject, repository, head_sha, base_ref, outcome, reason, created_at, changed_at"
_ONE: Final = f"SELECT {_COLUMNS} FROM reviews WHERE id = :id"
_REPORT: Final = "SELECT report FROM reviews WHERE id = :id AND report <> ''"
_LIST: Final = "SELECT {columns} FROM reviews WHERE {where} ORDER BY created_at DESC, id DESC LIMIT :most"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReview:
    """One run, without its report."""

    id: str
    organisation: str
    subject: str  # such as `github.com/owner/name#7`
    repository: str  # such as `github.com/owner/name`
    head_sha: str
    base_ref: str  # the branch it was to go into; empty: not known
    outcome: str  # RUNNING, PARKED, STOPPED, or as domain.review.Outcome
    reason: str  # why it waits, was stopped or failed
    created_at: float  # seconds since the epoch
    changed_at: float

    @property
    def cursor(self) -> str:
        """Where a list that ends with this one goes on."""
        return f"{self.created_at!r}_{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFilter:
    """Which reviews are meant; empty: any. Times are seconds since the epoch."""

    organisation: str = ""
    repository: str = ""
    subject: str = ""
    outcomes: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None  # not included


async def begin_review(
    database: Database, *, review: str, subject: str, head_sha: str, base_ref: str = "", organisation: str = ""
) -> None:
    """Keep that a review runs; one that is begun again runs again, and is as old as before. Errors: StoreUnavailable.

    What it reported before stays until it has a new report.
    """
    await database.rows(
        _BEGIN.format(now=database.now),
        id=review,
        organisation=organisation,
        subject=subject,
        repository=subject.partition("#")[0],
        head_sha=head_sha,
        base_ref=base_ref,
        running=RUNNING,
    )


async def set_outcome(database: Database, review: str, outcome: str, *, reason: str = "") -> None:
    """Keep how it stands. Errors: StoreUnavailable."""
    await database.rows(_SET.format(now=database.now), id=review, outcome=outcome, reason=reason)


async def end_review(database: Database, review: str, outcome: str, *, report: str, reason: str = "") -> None:
    """Keep how it stands, and its report: JSON as `mesrai review --format json` prints it. Errors: StoreUnavailable."""
    await database.rows(_END.format(now=database.now), id=review, outcome=outcome, reason=reason, report=report)


async def find_review(statements: Statements, review: str) -> KeptReview | None:
    """A review; None if there is none with this id. Errors: StoreUnavailable."""
    rows = await statements.rows(_ONE, id=review)
    return _kept(rows[0]) if rows else None


async def find_report(statements: Statements, review: str) -> str | None:
    """The report of a review, as JSON; None if it has none. Errors: StoreUnavailable."""
    rows = await statements.rows(_REPORT, id=review)
    return str(rows[0]["report"]) if rows else None


async def latest_review(statements: Statements, subject: str, *, outcomes: tuple[str, ...] = ()) -> KeptReview | None:
    """The newest review of a pull request; None if there is none with such an outcome. Errors: StoreUnavailable."""
    found = await newest_reviews(statements, ReviewFilter(subject=subject, outcomes=outcomes), most=1)
    return found[0] if found else None


async def newest_reviews(
    statements: Statements, chosen: ReviewFilter, *, most: int = 50, after: str = ""
) -> Sequence[KeptReview]:
    """The newest reviews first; with `after`, the cursor of the last one of a page, those of the next page.

    Errors: UserError if the cursor is none; StoreUnavailable.
    """
    conditions, values = _where(chosen)
    if after:
        at, review = _cursor(after)
        conditions.append("(created_at < :at OR (created_at = :at AND id < :id))")
        values |= {"at": at, "id": review}
    where = " AND ".join(conditions) or "1 = 1"
    rows = await statements.rows(_LIST.format(columns=_COLUMNS, where=where), most=most, **values)
    return [_kept(row) for row in rows]


def _where(chosen: ReviewFilter) -> tuple[list[str], dict[str, Value]]:
    conditions: list[str] = []
    values: dict[str, Value] = {}
    for name in ("organisation", "repository", "subject"):
        if getattr(chosen, name):
            conditions.append(f"{name} = :{name}")
            values[name] = getattr(chosen, name)
    if chosen.outcomes:
        named = {f"outcome_{'i' * at}": outcome for at, outcome in enumerate(chosen.outcomes)}
        conditions.append(f"outcome IN ({', '.join(f':{name}' for name in named)})")
        values |= named
    for name, comparison, time in (("since", ">=", chosen.since), ("until", "<", chosen.until)):
        if time is not None:
            conditions.append(f"created_at {comparison} :{name}")
            values[name] = float(time)
    return conditions, values


def _cursor(text: str) -> tuple[float, str]:
    at, _, review = text.partition("_")
    try:
        return float(at), review
    except ValueError:
        raise UserError("The list cannot go on from there: begin at its first page.") from None


def _kept(row: Row) -> KeptReview:
    return KeptReview(**row)
