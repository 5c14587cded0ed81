"""The audit trail: who changed what, and when; entries are added, never changed."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesrai.store.database import Database, Statements

_ADD: Final = """
    INSERT INTO audit (at, organisation, who, what, subject, details)
    VALUES (:at, :organisation, :who, :what, :subject, :details)
"""
_NEWEST: Final = "SELECT * FROM audit WHERE organisation = :organisation ORDER BY id DESC LIMIT :most"
_BEFORE: Final = "SELECT * FROM audit WHERE organisation = :organisation AND id < :before ORDER BY id DESC LIMIT :most"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change."""

    id: int  # grows with every entry
    at: float  # seconds since the epoch
    organisation: str
    who: str
    what: str  # as "connection.change"
    subject: str  # what was changed: a slot, "budget"
    details: Mapping[str, Any]  # how; a changed value as [before, after]; never a key


async def add_entry(
    statements: Statements, *, organisation: str, who: str, what: str, subject: str, details: Mapping[str, Any]
) -> None:
    """Write an entry, in the transaction of the change itself. The caller sees to it that no key is in `details`."""
    await statements.rows(
        _ADD,
        at=time.time(),
        organisation=organisation,
        who=who,
        what=what,
        subject=subject,
        details=json.dumps(details),
    )


async def entries(
    database: Database, organisation: str, *, most: int = 100, before: int | None = None
) -> Sequence[Entry]:
    """The newest entries of an organisation, newest first; with `before` those that are older than that id."""
    if before is None:
        rows = await database.rows(_NEWEST, organisation=organisation, most=most)
    else:
        rows = await database.rows(_BEFORE, organisation=organisation, most=most, before=before)
    return [Entry(**{**row, "details": json.loads(row["details"])}) for row in rows]
