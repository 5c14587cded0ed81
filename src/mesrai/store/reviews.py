"""The reviews of pull requests: how each stands, and its report."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
        outcome = excluded.outcome, reason = '', changed_at = excluded.changed_at,
        stop_by = CASE WHEN reviews.head_sha = excluded.head_sha THEN reviews.stop_by ELSE '' END
"""
_SET: Final = "UPDATE reviews SET outcome = :outcome, reason = :reason, changed_at = {now} WHERE id = :id"
_END: Final = """
    UPDATE reviews SET outcome = :outcome, reason = :reason, report = :report, changed_at = {now} WHERE id = :id
"""
_ABOUT: Final = "UPDATE reviews SET title = :title, author = :author, trigger = :trigger WHERE id = :id"
_SUMS: Final = """
    UPDATE reviews SET critical = :critical, high = :high, medium = :medium, low = :low, models = :models,
        took_s = :took_s, nanos = :nanos, currency = :currency, excerpts = :excerpts,
        failovers = (SELECT count(*) FROM calls WHERE calls.review = :id AND calls.is_failover = 1)
    WHERE id = :id
"""
_ASK_TO_STOP: Final = """
    UPDATE reviews SET stop_by = :who WHERE id = :id AND stop_by = '' AND outcome IN (:running, :parked) RETURNING id
"""
_STOP_BY: Final = """
    SELECT stop_by FROM reviews WHERE id = :id AND (head_sha = :head_sha OR :head_sha = '' AND outcome = :running)
"""
_EXCERPTS: Final = "SELECT excerpts FROM reviews WHERE id = :id"
_COLUMNS: Final = """
    id, organisation, subject, repository, head_sha, base_ref, outcome, reason, created_at, changed_at, title, author,
    trigger, models, stop_by, critical, high, medium, low, failovers, took_s, nanos, currency
"""
_MOST_TITLE: Final = 300
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
    title: str = ""  # of the pull request, when it was begun; empty: not known
    author: str = ""  # of the pull request: a login
    trigger: str = ""  # as domain.occasion.Trigger
    models: str = ""  # "provider/model", with commas between them
    stop_by: str = ""  # who wants it stopped; empty: nobody
    critical: int = 0  # findings
    high: int = 0
    medium: int = 0
    low: int = 0
    failovers: int = 0  # questions that another model than the main one answered
    took_s: float = 0.0
    nanos: int | None = None  # what it cost; None: unknown
    currency: str = ""

    @property
    def number(self) -> str:
        """The pull request's own."""
        return self.subject.rpartition("#")[2]

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.outcome not in (RUNNING, PARKED)

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
    author: str = ""
    severity: str = ""  # with a finding that is at least so bad: a word of SEVERITIES
    title: str = ""  # a part of the pull request's title, in any case


SEVERITIES: Final = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a review is about, for people who look for it."""

    title: str
    author: str
    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What a review came to, in numbers."""

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    models: str = ""
    took_s: float = 0.0
    nanos: int | None = None  # None: unknown
    currency: str = ""
    excerpts: str = ""  # JSON: the code around each finding, by its fingerprint


async def begin_review(
    database: Database, *, review: str, subject: str, head_sha: str, base_ref: str = "", organisation: str = ""
) -> None:
    """Keep that a review runs; one that is begun again runs again, and is as old as before. Errors: StoreUnavailable.

    What it reported before stays until it has a new report; who wanted it stopped at another commit counts no more.
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


async def tell_about(database: Database, review: str, about: About) -> None:
    """Keep what a review that was begun is about. Errors: StoreUnavailable."""
    title = about.title[:_MOST_TITLE]
    await database.rows(_ABOUT, id=review, title=title, author=about.author, trigger=about.trigger)


async def tell_sums(database: Database, review: str, sums: Sums) -> None:
    """Keep what it came to. Errors: StoreUnavailable."""
    await database.rows(_SUMS, id=review, **asdict(sums))


async def ask_to_stop(statements: Statements, review: str, who: str) -> bool:
    """Keep that somebody wants it stopped; False if it is over, or somebody wanted that before.

    Errors: StoreUnavailable.
    """
    values = {"id": review, "who": who, "running": RUNNING, "parked": PARKED}
    return bool(await statements.rows(_ASK_TO_STOP, **values))


async def stop_by(statements: Statements, review: str, *, head_sha: str = "") -> str:
    """Who wants it stopped, of that commit or while it runs; empty if nobody does. Errors: StoreUnavailable."""
    rows = await statements.rows(_STOP_BY, id=review, head_sha=head_sha, running=RUNNING)
    return str(rows[0]["stop_by"]) if rows else ""


async def find_excerpts(statements: Statements, review: str) -> str:
    """The code around its findings, as JSON; empty if there is none. Errors: StoreUnavailable."""
    rows = await statements.rows(_EXCERPTS, id=review)
    return str(rows[0]["excerpts"]) if rows else ""


async def find_review(statements: Statements, review: str) -> KeptReview | None:
    """A review; None if there is none with this id. Errors: StoreUnavailable."""
    rows = await statements.rows(_ONE, id=review)
    return _kept(rows[0]) if rows else None


async def begun_among(statements: Statements, reviews: Sequence[str]) -> frozenset[str]:
    """Those of these ids that are reviews which began. Errors: StoreUnavailable."""
    if not reviews:
        return frozenset()
    named = {f"id_{'i' * at}": review for at, review in enumerate(reviews)}
    where = f"id IN ({', '.join(f':{name}' for name in named)})"
    rows = await statements.rows(f"SELECT id FROM reviews WHERE {where}", **named)
    return frozenset(str(row["id"]) for row in rows)


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
    for name in ("organisation", "repository", "subject", "author"):
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
    if chosen.severity in SEVERITIES:
        worst = SEVERITIES[: SEVERITIES.index(chosen.severity) + 1]
        conditions.append(f"({' OR '.join(f'{name} > 0' for name in worst)})")
    if chosen.title:
        conditions.append("lower(title) LIKE :title ESCAPE '!'")
        escaped = re.sub("([!%_])", r"!\1", chosen.title.lower())
        values["title"] = f"%{escaped}%"
    return conditions, values


def _cursor(text: str) -> tuple[float, str]:
    at, _, review = text.partition("_")
    try:
        return float(at), review
    except ValueError:
        raise UserError("The list cannot go on from there: begin at its first page.") from None


def _kept(row: Row) -> KeptReview:
    return KeptReview(**row)
