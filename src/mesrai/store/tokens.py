"""Tokens for programs: shown once, kept as hashes, and never more than their member may do."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.domain.roles import Right, Role, may
from mesrai.domain.secret import Secret
from mesrai.store.accounts import Member
from mesrai.store.database import Database, Row, Statements
from mesrai.store.sessions import hash_of

PREFIX: Final = "mesrai_"
_SHOWN: Final = 4
_SEEN_EVERY_S: Final = 60.0  # so that using one seldom writes
_ADD: Final = """
    INSERT INTO tokens (secret, hint, organisation, account, name, rights, created_at, until, used_at)
    VALUES (:secret, :hint, :organisation, :account, :name, :rights, {now},
        CASE WHEN :lasts > 0.0 THEN {now} + :lasts ELSE 0.0 END, 0.0)
"""
_FIND: Final = """
    SELECT tokens.id, tokens.account, tokens.organisation, tokens.rights, tokens.used_at, {now} AS now,
        people.email, people.name, members.role, members.repositories, members.since
    FROM tokens JOIN people ON people.id = tokens.account
        JOIN members ON members.account = tokens.account AND members.organisation = tokens.organisation
    WHERE tokens.secret = :secret AND (tokens.until = 0.0 OR tokens.until > (SELECT {now}))
"""
_USED: Final = "UPDATE tokens SET used_at = {now} WHERE id = :id"
_OF: Final = """
    SELECT tokens.id, tokens.name, tokens.hint, tokens.rights, tokens.created_at, tokens.until, tokens.used_at,
        people.email
    FROM tokens JOIN people ON people.id = tokens.account
    WHERE tokens.organisation = :organisation {more} ORDER BY tokens.created_at DESC, tokens.id DESC
"""
_REMOVE: Final = """
    DELETE FROM tokens WHERE id = :id AND organisation = :organisation AND account = :account RETURNING name
"""
_REMOVE_OF: Final = "DELETE FROM tokens WHERE organisation = :organisation AND account = :account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token, without what it says."""

    id: int
    name: str
    hint: str  # its last letters
    rights: frozenset[Right]
    created_at: float  # seconds since the epoch
    until: float  # 0: no end
    used_at: float  # 0: never
    email: str  # whose it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A program that showed a token."""

    token: int
    organisation: str
    member: Member
    rights: frozenset[Right]  # those of the token that its member still has


async def add_token(
    database: Database,
    statements: Statements,
    *,
    organisation: str,
    account: int,
    name: str,
    rights: Sequence[Right],
    lasts_s: float,
) -> Secret:
    """A new token, which is nowhere kept. `lasts_s` of 0: it has no end. Errors: StoreUnavailable."""
    word = PREFIX + secrets.token_urlsafe(32)
    await statements.rows(
        _ADD.format(now=database.now),
        secret=hash_of(word),
        hint=word[-_SHOWN:],
        organisation=organisation,
        account=account,
        name=name,
        rights=json.dumps(sorted(rights)),
        lasts=float(lasts_s),
    )
    return Secret(word)


async def find_bearer(database: Database, word: str) -> Bearer | None:
    """Who shows that token, and what it may do now; None if it counts no more. Errors: StoreUnavailable."""
    if not word.startswith(PREFIX):
        return None
    found = await database.rows(_FIND.format(now=database.now), secret=hash_of(word))
    if not found:
        return None
    row = found[0]
    if row["now"] - row["used_at"] > _SEEN_EVERY_S:
        await database.rows(_USED.format(now=database.now), id=row["id"])
    role = Role(row["role"])
    member = Member(
        account=row["account"],
        email=row["email"],
        name=row["name"],
        role=role,
        repositories=tuple(json.loads(row["repositories"])),
        since=row["since"],
    )
    return Bearer(
        token=row["id"],
        organisation=row["organisation"],
        member=member,
        rights=frozenset(each for each in _rights(row["rights"]) if may(role, each)),
    )


async def tokens_of(database: Database, organisation: str, account: int | None = None) -> Sequence[Token]:
    """The tokens of a member, or of the whole organisation, newest first. Errors: StoreUnavailable."""
    if account is None:
        rows = await database.rows(_OF.format(more=""), organisation=organisation)
    else:
        rows = await database.rows(
            _OF.format(more="AND tokens.account = :account"), organisation=organisation, account=account
        )
    return [_token(row) for row in rows]


async def remove_token(statements: Statements, organisation: str, account: int, token: int) -> str | None:
    """Take a member's token away; its name, or None if there is none. Errors: StoreUnavailable."""
    rows = await statements.rows(_REMOVE, organisation=organisation, account=account, id=token)
    return str(rows[0]["name"]) if rows else None


async def remove_tokens_of(statements: Statements, organisation: str, account: int) -> None:
    """Take all tokens of a member away. Errors: StoreUnavailable."""
    await statements.rows(_REMOVE_OF, organisation=organisation, account=account)


def _token(row: Row) -> Token:
    return Token(**{**row, "rights": _rights(row["rights"])})


def _rights(text: str) -> frozenset[Right]:
    """The rights by name; one that an older program knew is none."""
    return frozenset(Right(each) for each in json.loads(text) if each in set(Right))
