"""Look after the members of an organisation: invite, change roles, remove, and give out tokens; all in the audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesrai.domain.roles import Right, Role, may, may_make
from mesrai.domain.secret import Secret
from mesrai.errors import AccessDenied, UserError
from mesrai.store.accounts import Member, count_owners, find_member, put_member, remove_member, set_name
from mesrai.store.audit import add_entry
from mesrai.store.database import Database, Statements
from mesrai.store.invitations import add_invitation, take_invitation
from mesrai.store.sessions import end_sessions_of
from mesrai.store.tokens import add_token, remove_token, remove_tokens_of

LONGEST_TOKEN_S: Final = 366 * 86_400.0
_MOST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What these stories need, and on whose behalf they are told."""

    database: Database
    organisation: str
    by: Member


async def invite(desk: Desk, email: str, role: Role, repositories: Sequence[str] = ()) -> Secret:
    """An invitation's code, for the person with that address only, shown once. Errors: AccessDenied, UserError."""
    _refuse_role(desk.by, role)
    address = email.strip().lower()
    if "@" not in address[1:-1] or any(each.isspace() for each in address) or len(address) > 254:
        raise UserError("An e-mail address belongs here.")
    async with desk.database.transaction() as statements:
        await _note(desk, statements, "member.invite", address, {"role": str(role), "repositories": list(repositories)})
        return await add_invitation(
            desk.database,
            statements,
            organisation=desk.organisation,
            email=address,
            role=role,
            by=desk.by.email,
            repositories=repositories,
        )


async def take_back(desk: Desk, invitation: str, email: str) -> None:
    """Take an invitation back. Errors: AccessDenied, StoreUnavailable."""
    _refuse(desk.by, Right.EDIT_PEOPLE)
    async with desk.database.transaction() as statements:
        if await take_invitation(desk.database, statements, invitation):
            await _note(desk, statements, "invitation.remove", email, {})


async def change_role(desk: Desk, account: int, role: Role, repositories: Sequence[str] = ()) -> Member:
    """Give a member another role, at once. The last owner stays one. Errors: AccessDenied, UserError."""
    async with desk.database.transaction() as statements:
        member = await _member(desk, statements, account)
        _refuse_role(desk.by, role)
        _refuse_role(desk.by, member.role)
        await _keep_an_owner(desk, statements, member, is_owner=role is Role.OWNER)
        await put_member(
            desk.database,
            statements,
            organisation=desk.organisation,
            account=account,
            role=role,
            repositories=repositories,
        )
        change = {"role": [str(member.role), str(role)], "repositories": list(repositories)}
        await _note(desk, statements, "member.role", member.email, change)
        return member


async def remove(desk: Desk, account: int) -> Member:
    """Take a member out, with sessions and tokens. The last owner stays. Errors: AccessDenied, UserError."""
    async with desk.database.transaction() as statements:
        member = await _member(desk, statements, account)
        _refuse_role(desk.by, member.role)
        await _keep_an_owner(desk, statements, member, is_owner=False)
        await remove_member(statements, desk.organisation, account)
        await end_sessions_of(statements, account)
        await remove_tokens_of(statements, desk.organisation, account)
        await _note(desk, statements, "member.remove", member.email, {"role": str(member.role)})
        return member


async def rename(desk: Desk, name: str) -> None:
    """Change one's own name. Errors: UserError."""
    if not name.strip() or len(name) > _MOST_NAME:
        raise UserError(f"A name of at most {_MOST_NAME} characters belongs here.")
    await set_name(desk.database, desk.by.account, name)


async def make_token(desk: Desk, name: str, rights: Sequence[Right], lasts_s: float) -> Secret:
    """A token of one's own, shown once. Errors: AccessDenied for a right one has not; UserError."""
    if not name.strip() or len(name) > _MOST_NAME:
        raise UserError("Give the token a name by which you know it again.")
    if not rights:
        raise UserError("Choose what the token may do.")
    if not 0 < lasts_s <= LONGEST_TOKEN_S:
        raise UserError("A token lasts for a year at most.")
    for right in rights:
        _refuse(desk.by, right)
    async with desk.database.transaction() as statements:
        made = {"name": name.strip(), "rights": sorted(rights), "days": round(lasts_s / 86_400)}
        await _note(desk, statements, "token.make", desk.by.email, made)
        return await add_token(
            desk.database,
            statements,
            organisation=desk.organisation,
            account=desk.by.account,
            name=name.strip(),
            rights=rights,
            lasts_s=lasts_s,
        )


async def end_token(desk: Desk, token: int) -> bool:
    """Take one's own token away; False if it is gone. Errors: StoreUnavailable."""
    async with desk.database.transaction() as statements:
        name = await remove_token(statements, desk.organisation, desk.by.account, token)
        if name is not None:
            await _note(desk, statements, "token.remove", desk.by.email, {"name": name})
        return name is not None


def _refuse(by: Member, right: Right) -> None:
    if not may(by.role, right):
        raise AccessDenied


def _refuse_role(by: Member, role: Role) -> None:
    if not may_make(by.role, role):
        raise AccessDenied(f"A member who is {by.role} cannot make or change members who are {role}.")


async def _member(desk: Desk, statements: Statements, account: int) -> Member:
    member = await find_member(statements, desk.organisation, account)
    if member is None:
        raise UserError("That person is no member any more.")
    return member


async def _keep_an_owner(desk: Desk, statements: Statements, member: Member, *, is_owner: bool) -> None:
    if member.role is Role.OWNER and not is_owner and await count_owners(statements, desk.organisation) <= 1:
        raise UserError("The last owner stays one. Make somebody else an owner first.")


async def _note(desk: Desk, statements: Statements, what: str, subject: str, details: Mapping[str, Any]) -> None:
    await add_entry(
        statements, organisation=desk.organisation, who=desk.by.email, what=what, subject=subject, details=details
    )
