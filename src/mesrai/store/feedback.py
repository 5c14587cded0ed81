"""What people think of findings: the last word of each person on each finding counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mesrai.store.database import Database, Row, Statements, Value

_SAY: Final = """
    INSERT INTO feedback (organisation, repository, review, fingerprint, who, verdict, note, at)
    VALUES (:organisation, :repository, :review, :fingerprint, :who, :verdict, :note, {now})
    ON CONFLICT (review, fingerprint, who) DO UPDATE SET verdict = excluded.verdict, note = excluded.note,
        at = excluded.at
    RETURNING *
"""
_TAKE_BACK: Final = """
    DELETE FROM feedback WHERE organisation = :organisation AND review = :review AND fingerprint = :fingerprint
        AND who = :who RETURNING id
"""
_LIST: Final = "SELECT * FROM feedback WHERE organisation = :organisation{more} ORDER BY id DESC LIMIT :most"


class Verdict(StrEnum):
    """What somebody thinks of a finding."""

    USEFUL = "useful"
    WRONG = "wrong"
    LATER = "later"  # true, but not for this change


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What somebody said of a finding."""

    organisation: str
    repository: str
    review: str
    fingerprint: str
    who: str
    verdict: Verdict
    note: str = ""
    id: int = 0  # given when it is kept
    at: float = 0.0  # seconds since the epoch


async def say_opinion(database: Database, said: Opinion) -> Opinion:
    """Keep it in place of what that person said before. Errors: StoreUnavailable."""
    names = ("organisation", "repository", "review", "fingerprint", "who", "note")
    values: dict[str, Value] = {name: getattr(said, name) for name in names}
    rows = await database.rows(_SAY.format(now=database.now), verdict=said.verdict.value, **values)
    return _opinion(rows[0])


async def take_opinion_back(statements: Statements, said: tuple[str, str, str], who: str) -> bool:
    """Forget what a person said of an organisation's review's finding; False if nothing was. StoreUnavailable."""
    organisation, review, fingerprint = said
    values = {"organisation": organisation, "review": review, "fingerprint": fingerprint, "who": who}
    return bool(await statements.rows(_TAKE_BACK, **values))


async def opinions(
    statements: Statements,
    organisation: str,
    *,
    review: str = "",
    repository: str = "",
    before: int | None = None,
    most: int = 1_000,
) -> Sequence[Opinion]:
    """What was said, newest first; with `before` what is older than that number. Errors: StoreUnavailable."""
    more, values = "", {}
    chosen: tuple[tuple[str, str, Value], ...] = (
        (" AND review = :review", "review", review or None),
        (" AND repository = :repository", "repository", repository or None),
        (" AND id < :before", "before", before),
    )
    for condition, name, value in chosen:
        if value is not None:
            more += condition
            values[name] = value
    rows = await statements.rows(_LIST.format(more=more), organisation=organisation, most=most, **values)
    return [_opinion(row) for row in rows]


def _opinion(row: Row) -> Opinion:
    return Opinion(**{**row, "verdict": Verdict(row["verdict"])})
