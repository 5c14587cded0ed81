"""How the reviews of a while went: how many, how they ended, how long they took, how often a fallback was asked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mesrai.store.database import Statements, Value

_FIGURES: Final = """
    SELECT outcome, took_s, failovers FROM reviews WHERE organisation = :organisation{more}
"""
# From one name to the next in an index, which is far quicker than to look at every review.
_NAMES: Final = """
    WITH RECURSIVE found(name) AS (
        SELECT min({column}) FROM reviews WHERE organisation = :organisation AND {column} > ''
        UNION ALL
        SELECT (SELECT min({column}) FROM reviews WHERE organisation = :organisation AND {column} > found.name)
        FROM found WHERE found.name IS NOT NULL
    )
    SELECT name FROM found WHERE name IS NOT NULL LIMIT 500
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The reviews of a while."""

    outcomes: Mapping[str, int] = field(default_factory=dict)  # how many ended how
    took_s: Sequence[float] = ()  # each of those that ended, sorted
    failovers: int = 0  # reviews in which a fallback was asked

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.outcomes.values())

    def took(self, share: float) -> float | None:
        """The time that this share of the reviews took at most, in seconds; None if none ended."""
        if not self.took_s:
            return None
        return self.took_s[min(len(self.took_s) - 1, int(len(self.took_s) * share))]


async def review_figures(
    statements: Statements, organisation: str, *, since: float | None, until: float | None, repository: str
) -> Figures:
    """The reviews that began in that time (seconds since the epoch). Errors: StoreUnavailable."""
    more, values = "", {}
    chosen: Sequence[tuple[str, str, Value]] = (
        (" AND created_at >= :since", "since", since),
        (" AND created_at < :until", "until", until),
        (" AND repository = :repository", "repository", repository or None),
    )
    for condition, name, value in chosen:
        if value is not None:
            more += condition
            values[name] = value
    rows = await statements.rows(_FIGURES.format(more=more), organisation=organisation, **values)
    return Figures(
        outcomes=Counter(str(row["outcome"]) for row in rows),
        took_s=sorted(float(row["took_s"]) for row in rows if row["took_s"] > 0),
        failovers=sum(1 for row in rows if row["failovers"] > 0),
    )


async def reviewed_repositories(statements: Statements, organisation: str) -> Sequence[str]:
    """The names of repositories that were reviewed, such as `github.com/owner/name`. Errors: StoreUnavailable."""
    rows = await statements.rows(_NAMES.format(column="repository"), organisation=organisation)
    return [str(row["name"]) for row in rows]


async def reviewed_authors(statements: Statements, organisation: str) -> Sequence[str]:
    """The logins of those whose pull requests were reviewed. Errors: StoreUnavailable."""
    rows = await statements.rows(_NAMES.format(column="author"), organisation=organisation)
    return [str(row["name"]) for row in rows]
