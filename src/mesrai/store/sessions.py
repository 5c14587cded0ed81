"""Sessions of signed-in people: a random word in a cookie, of which only the hash is kept."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.domain.roles import Role
from mesrai.domain.secret import Secret
from mesrai.store.accounts import Member
from mesrai.store.database import Database, Statements

IDLE_S: Final = 7 * 86_400.0  # after which a session that was not used ends
LONGEST_S: Final = 30 * 86_400.0
_SEEN_EVERY_S: Final = 60.0  # so that reading a page seldom writes
_MOST_CLIENT: Final = 200  # characters
_BEGIN: Final = """
    INSERT INTO sessions (id, account, organisation, created_at, seen_at, client)
    VALUES (:id, :account, :organisation, {now}, {now}, :client)
"""
_FIND: Final = """
    SELECT sessions.id, sessions.account, sessions.organisation, sessions.seen_at, {now} AS now,
        people.email, people.name, members.role, members.repositories, members.since
    FROM sessions JOIN people ON people.id = sessions.account
        JOIN members ON members.account = sessions.account AND members.organisation = sessions.organisation
    WHERE sessions.id = :id AND sessions.seen_at > (SELECT {now}) - :idle
        AND sessions.created_at > (SELECT {now}) - :longest
"""
_SEEN: Final = "UPDATE sessions SET seen_at = {now} WHERE id = :id"
_OF: Final = """
    SELECT id, created_at, seen_at, client FROM sessions
    WHERE account = :account AND seen_at > (SELECT {now}) - :idle AND created_at > (SELECT {now}) - :longest
    ORDER BY seen_at DESC
"""
_END: Final = "DELETE FROM sessions WHERE id = :id"
_END_OF: Final = "DELETE FROM sessions WHERE account = :account AND id <> :keep"
_PRUNE: Final = """
    DELETE FROM sessions WHERE seen_at < (SELECT {now}) - :idle OR created_at < (SELECT {now}) - :longest
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in."""

    id: str  # a hash, which signs nobody in
    organisation: str
    member: Member


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """One of a person's sessions, for that person to recognise."""

    id: str
    created_at: float  # seconds since the epoch
    seen_at: float
    client: str


def hash_of(word: str) -> str:
    """What is kept of a random word. It has 256 bits, so no slow hash is needed."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()


async def begin_session(
    database: Database, statements: Statements, *, organisation: str, account: int, client: str
) -> Secret:
    """A new session's word, which is nowhere kept. Errors: StoreUnavailable."""
    word = secrets.token_urlsafe(32)
    await statements.rows(
        _BEGIN.format(now=database.now),
        id=hash_of(word),
        account=account,
        organisation=organisation,
        client=client[:_MOST_CLIENT],
    )
    return Secret(word)


async def find_session(database: Database, word: str) -> Session | None:
    """Whose session it is; None if it ended, or if that person is no member any more. Errors: StoreUnavailable."""
    found = await database.rows(_FIND.format(now=database.now), id=hash_of(word), idle=IDLE_S, longest=LONGEST_S)
    if not found:
        return None
    row = found[0]
    if row["now"] - row["seen_at"] > _SEEN_EVERY_S:
        await database.rows(_SEEN.format(now=database.now), id=row["id"])
    return Session(
        id=row["id"],
        organisation=row["organisation"],
        member=Member(
            account=row["account"],
            email=row["email"],
            name=row["name"],
            role=Role(row["role"]),
            repositories=tuple(json.loads(row["repositories"])),
            since=row["since"],
        ),
    )


async def sessions_of(database: Database, account: int) -> Sequence[OpenSession]:
    """A person's sessions, the last used one first. Errors: StoreUnavailable."""
    rows = await database.rows(_OF.format(now=database.now), account=account, idle=IDLE_S, longest=LONGEST_S)
    return [OpenSession(**row) for row in rows]


async def end_session(statements: Statements, id_: str) -> None:
    """Sign out. Errors: StoreUnavailable."""
    await statements.rows(_END, id=id_)


async def end_sessions_of(statements: Statements, account: int, *, keep: str = "") -> None:
    """Sign a person out everywhere, but for the session `keep`. Errors: StoreUnavailable."""
    await statements.rows(_END_OF, account=account, keep=keep)


async def prune_sessions(database: Database) -> None:
    """Forget those that ended. Errors: StoreUnavailable."""
    await database.rows(_PRUNE.format(now=database.now), idle=IDLE_S, longest=LONGEST_S)
