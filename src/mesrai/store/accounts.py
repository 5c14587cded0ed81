"""Accounts of people, and their membership in an organisation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.domain.roles import Role
from mesrai.store.database import Database, Row, Statements

_ADD: Final = """
    INSERT INTO people (email, name, password, subject, created_at) VALUES (:email, :name, :password, :subject, {now})
    ON CONFLICT DO NOTHING RETURNING id
"""
_FIND: Final = "SELECT * FROM people WHERE email = :email"
_FIND_BOUND: Final = "SELECT * FROM people WHERE subject = :subject AND subject <> ''"
_BIND: Final = """
    UPDATE people SET subject = :subject, password = :password WHERE id = :id AND subject = :before RETURNING id
"""
_SET_PASSWORD: Final = "UPDATE people SET password = :password WHERE id = :id"  # noqa: S105 - a statement
_SET_NAME: Final = "UPDATE people SET name = :name WHERE id = :id"
_JOIN: Final = """
    INSERT INTO members (organisation, account, role, repositories, since)
    VALUES (:organisation, :account, :role, :repositories, {now})
    ON CONFLICT (organisation, account) DO UPDATE SET role = excluded.role, repositories = excluded.repositories
"""
_MEMBERS: Final = """
    SELECT people.id, people.email, people.name, members.role, members.repositories, members.since
    FROM members JOIN people ON people.id = members.account
    WHERE members.organisation = :organisation {more} ORDER BY people.email
"""
_OWNERS: Final = "SELECT count(*) AS count FROM members WHERE organisation = :organisation AND role = :owner"
_LEAVE: Final = "DELETE FROM members WHERE organisation = :organisation AND account = :account RETURNING account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who can sign in."""

    id: int
    email: str  # in lower case
    name: str
    password: str  # its hash; empty: none
    subject: str  # the issuer, a blank, and the id at that identity provider; empty: none
    created_at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person in an organisation."""

    account: int
    email: str
    name: str
    role: Role
    repositories: tuple[str, ...]  # those a repository admin is responsible for
    since: float


async def find_account(statements: Statements, email: str) -> Account | None:
    """The account with that address, however it is spelled; None if there is none. Errors: StoreUnavailable."""
    rows = await statements.rows(_FIND, email=email.strip().lower())
    return Account(**rows[0]) if rows else None


async def find_bound_account(statements: Statements, subject: str) -> Account | None:
    """The account of somebody at an identity provider; None if there is none. Errors: StoreUnavailable."""
    rows = await statements.rows(_FIND_BOUND, subject=subject)
    return Account(**rows[0]) if rows else None


async def bind_account(statements: Statements, account: Account, *, subject: str, password: str) -> bool:
    """Bind an account to somebody at an identity provider, with the hash of a password that it keeps.

    False if the account was bound elsewhere meanwhile. Errors: StoreUnavailable, also if they have another account.
    """
    return bool(await statements.rows(_BIND, id=account.id, before=account.subject, subject=subject, password=password))


async def add_account(
    database: Database, statements: Statements, *, email: str, name: str, password: str = "", subject: str = ""
) -> int | None:
    """A new account's id; None if the address, or the subject, has one already. Errors: StoreUnavailable."""
    rows = await statements.rows(
        _ADD.format(now=database.now),
        email=email.strip().lower(),
        name=name.strip(),
        password=password,
        subject=subject,
    )
    return int(rows[0]["id"]) if rows else None


async def set_password(statements: Statements, account: int, password: str) -> None:
    """Keep another hash. Errors: StoreUnavailable."""
    await statements.rows(_SET_PASSWORD, id=account, password=password)


async def set_name(statements: Statements, account: int, name: str) -> None:
    """Keep another name. Errors: StoreUnavailable."""
    await statements.rows(_SET_NAME, id=account, name=name.strip())


async def put_member(
    database: Database,
    statements: Statements,
    *,
    organisation: str,
    account: int,
    role: Role,
    repositories: Sequence[str] = (),
) -> None:
    """Make somebody a member, or give a member another role. Errors: StoreUnavailable."""
    await statements.rows(
        _JOIN.format(now=database.now),
        organisation=organisation,
        account=account,
        role=str(role),
        repositories=json.dumps(list(repositories)),
    )


async def members(statements: Statements, organisation: str) -> Sequence[Member]:
    """All members, by address. Errors: StoreUnavailable."""
    rows = await statements.rows(_MEMBERS.format(more=""), organisation=organisation)
    return [_member(row) for row in rows]


async def find_member(statements: Statements, organisation: str, account: int) -> Member | None:
    """A member; None if the account is none. Errors: StoreUnavailable."""
    sql = _MEMBERS.format(more="AND members.account = :account")
    rows = await statements.rows(sql, organisation=organisation, account=account)
    return _member(rows[0]) if rows else None


async def count_owners(statements: Statements, organisation: str) -> int:
    """How many owners there are. Errors: StoreUnavailable."""
    rows = await statements.rows(_OWNERS, organisation=organisation, owner=str(Role.OWNER))
    return int(rows[0]["count"])


async def remove_member(statements: Statements, organisation: str, account: int) -> bool:
    """Take a member out; False if the account was none. Errors: StoreUnavailable."""
    return bool(await statements.rows(_LEAVE, organisation=organisation, account=account))


def _member(row: Row) -> Member:
    return Member(
        account=row["id"],
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        repositories=tuple(json.loads(row["repositories"])),
        since=row["since"],
    )
