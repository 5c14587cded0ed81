"""What is remembered of a pull request between its reviews."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from mesrai.store.database import Database, Row, Statements, Value

_FIELDS: Final = (
    "installation", "reviewed_sha", "reviewed_base", "is_paused", "asked", "asks", "round", "summary_comment",
    "check_id", "check_sha", "pushes",
)  # fmt: skip
USUAL: Final = "usual"  # how `asked` says that nothing particular was asked for
_FIND: Final = "SELECT * FROM pull_requests WHERE subject = :subject"
_SAVE: Final = (
    f"INSERT INTO pull_requests (subject, {', '.join(_FIELDS)}, changed_at)"
    f" VALUES (:subject, {', '.join(f':{name}' for name in _FIELDS)}, {{now}})"
    f" ON CONFLICT (subject) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _FIELDS)},"
    " changed_at = excluded.changed_at"
)
_MAKE: Final = _SAVE.partition(" DO UPDATE")[0] + " DO NOTHING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A pull request we follow. The defaults are those of one that nothing is known of."""

    subject: str  # such as `github.com/owner/name#7`
    installation: int | None = None  # under which our app reaches the repository
    reviewed_sha: str = ""  # the last head that was reviewed as a whole; empty: none
    reviewed_base: str = ""  # the branch it was to go into then; empty: not known
    is_paused: bool = False
    asked: str = ""  # a review that somebody asked for and that has not ended yet; empty: none
    asks: int = 0  # how often somebody asked, which tells one time from another
    round: int = 0  # how many reviews came to an end; what was paid for since then is used again
    summary_comment: int | None = None
    check_id: int | None = None
    check_sha: str = ""  # the commit that check is on
    pushes: tuple[float, ...] = ()  # times of the last pushes, in seconds since the epoch

    def with_ask(self, scope: str) -> "Followed":
        """After somebody asked for a review. The usual one does not undo a particular one that is still due."""
        is_weaker = scope == USUAL and self.asked
        return replace(self, asked=self.asked if is_weaker else scope, asks=self.asks + 1)

    def without_ask(self, asks: int) -> "Followed":
        """After what was asked for until `asks` was done; what was asked for later is still due."""
        return replace(self, asked="") if self.asks == asks else self


async def find_followed(statements: Statements, subject: str) -> Followed:
    """What is remembered; the defaults if nothing is. Errors: StoreUnavailable."""
    rows = await statements.rows(_FIND, subject=subject)
    return _followed(rows[0]) if rows else Followed(subject=subject)


async def save_followed(database: Database, statements: Statements, followed: Followed) -> None:
    """Remember all of it, whatever was there. Errors: StoreUnavailable."""
    await statements.rows(_SAVE.format(now=database.now), **_values(followed))


async def change_followed(database: Database, subject: str, change: Callable[[Followed], Followed]) -> Followed:
    """Remember what `change` makes of what is remembered, and return it; no change of another is lost meanwhile.

    Errors: StoreUnavailable.
    """
    async with database.transaction() as statements:
        return await change_followed_in(database, statements, subject, change)


async def change_followed_in(
    database: Database, statements: Statements, subject: str, change: Callable[[Followed], Followed]
) -> Followed:
    """`change_followed` inside a transaction of the caller's. Errors: StoreUnavailable."""
    # The row is there before it is read, so that of two processes the second waits for the first.
    await statements.rows(_MAKE.format(now=database.now), **_values(Followed(subject=subject)))
    (row,) = await statements.rows(_FIND + database.for_update, subject=subject)
    changed = change(_followed(row))
    await save_followed(database, statements, changed)
    return changed


def _values(followed: Followed) -> dict[str, Value]:
    values: dict[str, Value] = {name: getattr(followed, name) for name in ("subject", *_FIELDS[:-1])}
    return values | {"is_paused": int(followed.is_paused), "pushes": json.dumps(followed.pushes)}


def _followed(row: Row) -> Followed:
    told = {name: row[name] for name in ("subject", *_FIELDS)}
    return Followed(**told | {"is_paused": bool(row["is_paused"]), "pushes": tuple(json.loads(row["pushes"]))})
