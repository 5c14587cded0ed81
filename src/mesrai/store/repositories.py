"""The repositories an organisation has at its code host, and which of them are reviewed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.store.audit import add_entry
from mesrai.store.database import Database, Row, Statements

_PUT: Final = """
    INSERT INTO repositories (organisation, name, installation, is_private, is_reviewed, is_reached, seen_at)
    VALUES (:organisation, :name, :installation, :is_private, 1, 1, {now})
    ON CONFLICT (organisation, name) DO UPDATE SET installation = excluded.installation,
        is_private = excluded.is_private, is_reached = 1, seen_at = excluded.seen_at
"""
_UNSEEN: Final = """
    UPDATE repositories SET is_reached = 0 WHERE organisation = :organisation AND seen_at < :began RETURNING name
"""
_LIST: Final = "SELECT * FROM repositories WHERE organisation = :organisation ORDER BY is_reached DESC, name"
_ONE: Final = "SELECT * FROM repositories WHERE organisation = :organisation AND name = :name"
_SWITCH: Final = """
    UPDATE repositories SET is_reviewed = :is_reviewed
    WHERE organisation = :organisation AND name = :name AND is_reviewed <> :is_reviewed RETURNING name
"""
SWITCHED_OFF: Final = "Reviews of {} are switched off."  # in words
_OFF: Final = "SELECT name FROM repositories WHERE organisation = :organisation AND name = :name AND is_reviewed = 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A repository, as its code host told of it."""

    name: str  # such as github.com/owner/name
    installation: int | None
    is_private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository of an organisation."""

    organisation: str
    name: str
    installation: int | None
    is_private: bool
    is_reviewed: bool  # False: switched off here
    is_reached: bool  # False: it is gone, or the App was taken off it
    seen_at: float  # seconds since the epoch


async def put_repositories(database: Database, organisation: str, found: Sequence[Found]) -> None:
    """Keep what was found just now, and mark what was not. New ones are reviewed. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        began = float((await statements.rows(f"SELECT {database.now} AS now"))[0]["now"])
        for each in found:
            await statements.rows(
                _PUT.format(now=database.now),
                organisation=organisation,
                name=each.name,
                installation=each.installation,
                is_private=int(each.is_private),
            )
        await statements.rows(_UNSEEN, organisation=organisation, began=began)


async def repositories(statements: Statements, organisation: str) -> Sequence[Repository]:
    """All of them, by name, those that are gone at the end. Errors: StoreUnavailable."""
    return [_repository(row) for row in await statements.rows(_LIST, organisation=organisation)]


async def find_repository(statements: Statements, organisation: str, name: str) -> Repository | None:
    """One of them; None if there is none of that name. Errors: StoreUnavailable."""
    rows = await statements.rows(_ONE, organisation=organisation, name=name)
    return _repository(rows[0]) if rows else None


async def switch_repository(database: Database, organisation: str, name: str, *, is_reviewed: bool, who: str) -> bool:
    """Have its pull requests reviewed or not; False if it was so already. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        changed = await statements.rows(_SWITCH, organisation=organisation, name=name, is_reviewed=int(is_reviewed))
        if changed:
            await add_entry(
                statements,
                organisation=organisation,
                who=who,
                what="repository.switch",
                subject=name,
                details={"is_reviewed": [not is_reviewed, is_reviewed]},
            )
    return bool(changed)


async def is_switched_off(statements: Statements, organisation: str, name: str) -> bool:
    """Whether somebody switched that repository off; one that is not known is on. Errors: StoreUnavailable."""
    return bool(await statements.rows(_OFF, organisation=organisation, name=name))


def _repository(row: Row) -> Repository:
    flags = {name: bool(row[name]) for name in ("is_private", "is_reviewed", "is_reached")}
    return Repository(**{**row, **flags})
