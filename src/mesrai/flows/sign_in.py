"""Come in: the first owner by a set-up code, everybody else by an invitation, and from then on with a password."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from mesrai.domain.roles import Role
from mesrai.domain.secret import Secret
from mesrai.errors import SignInRefused, UserError
from mesrai.store.accounts import (
    add_account,
    count_owners,
    find_account,
    find_member,
    put_member,
    set_password,
)
from mesrai.store.attempts import forgive, note_failure, wait_for
from mesrai.store.audit import add_entry
from mesrai.store.database import Database, Statements
from mesrai.store.invitations import Invitation, add_invitation, find_invitation, take_invitation
from mesrai.store.passwords import Passwords
from mesrai.store.sessions import begin_session, end_session, end_sessions_of

LEAST_PASSWORD: Final = 12  # characters
MOST_PASSWORD: Final = 256
_MOST_EMAIL: Final = 254
_MOST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What these stories need."""

    database: Database
    organisation: str
    passwords: Passwords
    elsewhere: str = ""  # the identity provider where all but owners must sign in; empty: passwords are for all


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """From where somebody comes."""

    network: str  # the address, for counting failed attempts
    browser: str = ""  # as it calls itself

    @property
    def told(self) -> str:
        """For the person to recognise."""
        return f"{self.browser[:150]} from {self.network}" if self.browser else self.network


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Who wants an account."""

    email: str
    name: str
    password: Secret


async def needs_owner(desk: Desk) -> bool:
    """Whether nobody owns this organisation yet. Errors: StoreUnavailable."""
    return await count_owners(desk.database, desk.organisation) == 0


async def make_setup_code(desk: Desk) -> Secret | None:
    """A code by which the first owner is made; None if there is an owner. Errors: StoreUnavailable."""
    if not await needs_owner(desk):
        return None
    async with desk.database.transaction() as statements:
        return await add_invitation(
            desk.database, statements, organisation=desk.organisation, email="", role=Role.OWNER, by="set-up"
        )


async def create_owner(desk: Desk, code: Secret, who: Newcomer, client: Client) -> Secret:
    """Make the first owner's account and sign in; the session's word.

    Errors: SignInRefused if the code is wrong or there is an owner; UserError for what is wrong with the account.
    """
    invitation = await find_invited(desk, code, client)
    if invitation.email or not await needs_owner(desk):
        raise SignInRefused("There is an owner already; ask for an invitation.")
    return await _joined(desk, invitation, who, client)


async def accept_invitation(desk: Desk, word: Secret, who: Newcomer, client: Client) -> Secret:
    """Become a member and sign in; the session's word. A person with an account gives its password.

    Errors: SignInRefused if the invitation is wrong, used or over; UserError for what is wrong with the account.
    """
    invitation = await find_invited(desk, word, client)
    if not invitation.email:
        raise SignInRefused("That is the set-up code, not an invitation.")
    if who.email.strip().lower() != invitation.email:
        raise SignInRefused("The invitation is for another address.")
    _refuse_password_of(desk, invitation.role)
    return await _joined(desk, invitation, who, client)


async def find_invited(desk: Desk, word: Secret, client: Client) -> Invitation:
    """The invitation with that code, or that which makes the first owner. Errors: SignInRefused, StoreUnavailable."""
    await _refuse_too_many(desk, "invitation", client)
    invitation = await find_invitation(desk.database, word.open())
    if invitation is None or invitation.organisation != desk.organisation:
        # Counted for the network alone: an account of that name would lock everybody out.
        await note_failure(desk.database, f"invitation from {client.network}", client.network)
        raise SignInRefused("That code is wrong, was used, or is too old.")
    return invitation


async def sign_in(desk: Desk, email: str, password: Secret, client: Client) -> Secret:
    """A new session's word. Errors: SignInRefused, with how long to wait after too many attempts."""
    await _refuse_too_many(desk, email, client)
    account = await find_account(desk.database, email[:_MOST_EMAIL])
    is_right = await desk.passwords.is_right(password, account.password if account is not None else "")
    # Those who try many at once wait for one another there, and learn nothing once the first ones have failed.
    await _refuse_too_many(desk, email, client)
    member = await find_member(desk.database, desk.organisation, account.id) if account is not None else None
    if account is None or not is_right or member is None:
        await note_failure(desk.database, email, client.network)
        raise SignInRefused
    _refuse_password_of(desk, member.role)
    await forgive(desk.database, email)
    newer = await desk.passwords.hashed(password) if desk.passwords.is_outdated(account.password) else ""
    async with desk.database.transaction() as statements:
        if newer:
            await set_password(statements, account.id, newer)
        await _note(desk, statements, account.email, "session.begin", account.email, {"from": client.network})
        return await begin_session(
            desk.database, statements, organisation=desk.organisation, account=account.id, client=client.told
        )


async def sign_out(desk: Desk, session: str) -> None:
    """End a session. Errors: StoreUnavailable."""
    await end_session(desk.database, session)


async def change_password(desk: Desk, email: str, *, old: Secret, new: Secret, keep: str) -> None:
    """Set another password, and sign out everywhere but in the session `keep`. Errors: SignInRefused, UserError."""
    account = await find_account(desk.database, email)
    client = Client(network=f"the account of {email}")
    await _refuse_too_many(desk, email, client)
    if account is None or not await desk.passwords.is_right(old, account.password):
        await note_failure(desk.database, email, client.network)
        raise SignInRefused("The old password is wrong.")
    refuse_weak(new, email)
    hashed = await desk.passwords.hashed(new)
    async with desk.database.transaction() as statements:
        await set_password(statements, account.id, hashed)
        await end_sessions_of(statements, account.id, keep=keep)
        await _note(desk, statements, email, "password.change", email, {})


def refuse_weak(password: Secret, email: str) -> None:
    """Errors: UserError with what a password must be."""
    text = password.open()
    if len(text) < LEAST_PASSWORD:
        raise UserError(f"A password has {LEAST_PASSWORD} characters or more; a few words in a row are good.")
    if len(text) > MOST_PASSWORD:
        raise UserError(f"A password has at most {MOST_PASSWORD} characters.")
    plain = text.lower()
    if len(set(plain)) < 5 or email.partition("@")[0].lower() in plain.split() or plain == email.lower():
        raise UserError("That password is too easy to guess.")


def _refuse_password_of(desk: Desk, role: Role) -> None:
    if desk.elsewhere and role is not Role.OWNER:
        raise SignInRefused(f"Passwords are for owners only here. Sign in with {desk.elsewhere}.")


async def _refuse_too_many(desk: Desk, email: str, client: Client) -> None:
    wait = await wait_for(desk.database, email, client.network)
    if wait > 0:
        raise SignInRefused(f"Too many attempts. Try again in {ceil(wait)} seconds.", wait_s=wait)


async def _joined(desk: Desk, invitation: Invitation, who: Newcomer, client: Client) -> Secret:
    email = address_in(who.email)
    account = await find_account(desk.database, email)
    if account is not None:
        if not await desk.passwords.is_right(who.password, account.password):
            await note_failure(desk.database, email, client.network)
            raise SignInRefused("There is an account with that address, and this is not its password.")
        hashed = ""
    else:
        refuse_weak(who.password, email)
        hashed = await desk.passwords.hashed(who.password)
    async with desk.database.transaction() as statements:
        if not await take_invitation(desk.database, statements, invitation.id):
            raise SignInRefused("That code was used just now.")
        if not invitation.email and await count_owners(statements, desk.organisation):
            raise SignInRefused("There is an owner already; ask for an invitation.")
        name = who.name.strip()[:_MOST_NAME] or email.partition("@")[0]
        made = (
            account.id
            if account is not None
            else await add_account(desk.database, statements, email=email, name=name, password=hashed)
        )
        if made is None:
            raise UserError("There is an account with that address. Try again.")
        await put_member(
            desk.database,
            statements,
            organisation=desk.organisation,
            account=made,
            role=invitation.role,
            repositories=invitation.repositories,
        )
        await _note(desk, statements, email, "member.join", email, {"role": str(invitation.role)})
        return await begin_session(
            desk.database, statements, organisation=desk.organisation, account=made, client=client.told
        )


def address_in(text: str) -> str:
    """An e-mail address in lower case. Errors: UserError."""
    email = text.strip().lower()
    name, at, host = email.rpartition("@")
    if (
        not (name and at and "." in host.strip("."))
        or len(email) > _MOST_EMAIL
        or any(each.isspace() for each in email)
    ):
        raise UserError("An e-mail address belongs here.")
    return email


async def _note(
    desk: Desk, statements: Statements, who: str, what: str, subject: str, details: Mapping[str, Any]
) -> None:
    await add_entry(
        statements, organisation=desk.organisation, who=who, what=what, subject=subject, details=dict(details)
    )
