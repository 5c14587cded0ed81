"""The configuration that is saved on the pages; each change is written together with its entry in the audit trail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesrai.domain.saved_policy import Place, Saved, differences
from mesrai.errors import UserError
from mesrai.store.audit import add_entry
from mesrai.store.database import Database, Row, Statements

_KEY: Final = "organisation = :organisation AND repository = :repository AND folder = :folder"
_OF_REPOSITORY: Final = """
    SELECT * FROM configurations WHERE organisation = :organisation AND repository IN ('', :repository)
    ORDER BY repository, folder
"""
_ALL: Final = "SELECT * FROM configurations WHERE organisation = :organisation ORDER BY repository, folder"
_MAKE: Final = """
    INSERT INTO configurations (organisation, repository, folder, text, changed_at, changed_by)
    VALUES (:organisation, :repository, :folder, '', {now}, :who) ON CONFLICT DO NOTHING RETURNING folder
"""
_ONE: Final = f"SELECT * FROM configurations WHERE {_KEY}"
_SET: Final = f"UPDATE configurations SET text = :text, changed_at = {{now}}, changed_by = :who WHERE {_KEY}"
_REMOVE: Final = f"DELETE FROM configurations WHERE {_KEY} RETURNING text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What is saved at one place."""

    organisation: str
    repository: str  # in small letters; empty: the whole organisation's
    folder: str  # empty: the whole repository's
    text: str  # YAML, as in a policy file; empty: nothing yet
    changed_at: float  # seconds since the epoch
    changed_by: str


async def configurations(
    statements: Statements, organisation: str, repository: str | None = None
) -> Sequence[Configuration]:
    """All of them; with `repository` its own and the organisation's. Errors: StoreUnavailable."""
    if repository is None:
        return [_configuration(row) for row in await statements.rows(_ALL, organisation=organisation)]
    rows = await statements.rows(_OF_REPOSITORY, organisation=organisation, repository=repository.lower())
    return [_configuration(row) for row in rows]


async def saved_for(statements: Statements, organisation: str, repository: str) -> Saved:
    """What a review of a repository has to keep to. Errors: StoreUnavailable."""
    found = {
        (each.repository, each.folder): each.text for each in await configurations(statements, organisation, repository)
    }
    name = repository.lower()
    return Saved(
        organisation=found.get(("", ""), ""),
        repository=found.get((name, ""), "") if name else "",
        folders={folder: text for (of, folder), text in found.items() if of and folder},
    )


async def find_configuration(statements: Statements, organisation: str, place: Place) -> Configuration | None:
    """What is saved at a place; None if nothing ever was. Errors: StoreUnavailable."""
    rows = await statements.rows(_ONE, **_key(organisation, place))
    return _configuration(rows[0]) if rows else None


async def change_configuration(
    database: Database, organisation: str, place: Place, change: Callable[[str], str], *, who: str
) -> bool:
    """Save what `change` makes of the text that is saved at a place; False if that is the same.

    Errors: those of `change`, and nothing is changed; StoreUnavailable.
    """
    async with database.transaction() as statements:
        key = _key(organisation, place)
        await statements.rows(_MAKE.format(now=database.now), **key, who=who)
        (row,) = await statements.rows(_ONE + database.for_update, **key)
        before = str(row["text"])
        after = change(before)
        if after == before:
            return False
        await statements.rows(_SET.format(now=database.now), **key, text=after, who=who)
        details = differences(before, after)
        await _note(statements, "configuration.change", organisation, place, who=who, details=details)
    return True


async def add_folder(
    database: Database, organisation: str, repository: str, checked: Callable[[Sequence[str]], str], *, who: str
) -> str:
    """Have a folder configured; `checked` gives its name, of those that are. Errors: those of `checked`."""
    async with database.transaction() as statements:
        rows = await statements.rows(_OF_REPOSITORY, organisation=organisation, repository=repository.lower())
        folder = checked([str(row["folder"]) for row in rows if row["repository"] and row["folder"]])
        place = Place(repository=repository, folder=folder)
        await statements.rows(_MAKE.format(now=database.now), **_key(organisation, place), who=who)
        await _note(statements, "configuration.add", organisation, place, who=who, details={})
    return folder


async def remove_folder(database: Database, organisation: str, place: Place, *, who: str) -> None:
    """Forget a folder's configuration, so that the repository's holds there. Errors: UserError if there is none."""
    async with database.transaction() as statements:
        rows = await statements.rows(_REMOVE, **_key(organisation, place))
        if not rows or not place.folder:
            raise UserError(f"{place.folder or 'That folder'} is not configured here.")
        details = differences(str(rows[0]["text"]), "")
        await _note(statements, "configuration.remove", organisation, place, who=who, details=details)


async def _note(
    statements: Statements, what: str, organisation: str, place: Place, *, who: str, details: Mapping[str, Any]
) -> None:
    subject = " ".join(part for part in (place.repository or "organisation", place.folder) if part)
    await add_entry(statements, organisation=organisation, who=who, what=what, subject=subject, details=details)


def _key(organisation: str, place: Place) -> dict[str, str]:
    return {"organisation": organisation, "repository": place.repository.lower(), "folder": place.folder}


def _configuration(row: Row) -> Configuration:
    return Configuration(**row)
