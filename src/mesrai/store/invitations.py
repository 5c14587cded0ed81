"""Invitations: who has the random word may become a member once."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.domain.roles import Role
from mesrai.domain.secret import Secret
from mesrai.store.database import Database, Row, Statements
from mesrai.store.sessions import hash_of

LASTS_S: Final = 7 * 86_400.0
_ADD: Final = """
    INSERT INTO invitations (id, organisation, email, role, repositories, by, created_at, until)
    VALUES (:id, :organisation, :email, :role, :repositories, :by, {now}, {now} + :lasts)
"""
_COLUMNS: Final = "id, organisation, email, role, repositories, by, created_at, until"
_FIND: Final = f"SELECT {_COLUMNS} FROM invitations WHERE id = :id AND until > (SELECT {{now}})"
_OPEN: Final = f"""
    SELECT {_COLUMNS} FROM invitations WHERE organisation = :organisation AND email <> '' AND until > (SELECT {{now}})
    ORDER BY created_at DESC
"""
_TAKE: Final = "DELETE FROM invitations WHERE id = :id AND until > (SELECT {now}) RETURNING id"
_PRUNE: Final = "DELETE FROM invitations WHERE until < (SELECT {now})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A way to become a member."""

    id: str  # a hash, which lets nobody in
    organisation: str
    email: str  # empty: the set-up code, for the first owner
    role: Role
    repositories: tuple[str, ...]
    by: str
    created_at: float  # seconds since the epoch
    until: float


async def add_invitation(
    database: Database,
    statements: Statements,
    *,
    organisation: str,
    email: str,
    role: Role,
    by: str,
    repositories: Sequence[str] = (),
) -> Secret:
    """A new invitation's word, which is nowhere kept. Errors: StoreUnavailable."""
    word = secrets.token_urlsafe(24)
    await statements.rows(
        _ADD.format(now=database.now),
        id=hash_of(word),
        organisation=organisation,
        email=email.strip().lower(),
        role=str(role),
        repositories=json.dumps(list(repositories)),
        by=by,
        lasts=LASTS_S,
    )
    return Secret(word)


async def find_invitation(database: Database, word: str) -> Invitation | None:
    """An invitation that still counts; None if there is none with that word. Errors: StoreUnavailable."""
    rows = await database.rows(_FIND.format(now=database.now), id=hash_of(word.strip()))
    return _invitation(rows[0]) if rows else None


async def open_invitations(database: Database, organisation: str) -> Sequence[Invitation]:
    """The invitations nobody took yet, newest first. Errors: StoreUnavailable."""
    rows = await database.rows(_OPEN.format(now=database.now), organisation=organisation)
    return [_invitation(row) for row in rows]


async def take_invitation(database: Database, statements: Statements, id_: str) -> bool:
    """Use an invitation up, or take it back; False if it is gone already. Errors: StoreUnavailable."""
    return bool(await statements.rows(_TAKE.format(now=database.now), id=id_))


async def prune_invitations(database: Database) -> None:
    """Forget those that ended. Errors: StoreUnavailable."""
    await database.rows(_PRUNE.format(now=database.now))


def _invitation(row: Row) -> Invitation:
    told = {**row, "role": Role(row["role"]), "repositories": tuple(json.loads(row["repositories"]))}
    return Invitation(**told)
