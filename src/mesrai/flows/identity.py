"""Come in with an identity that a provider vouches for: which account it opens, who may join, and as what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mesrai.domain.roles import Role
from mesrai.domain.secret import Secret
from mesrai.errors import SignInRefused, UserError
from mesrai.flows.sign_in import Client, Desk, address_in, needs_owner
from mesrai.store.accounts import (
    Account,
    Member,
    add_account,
    bind_account,
    find_account,
    find_bound_account,
    find_member,
    put_member,
)
from mesrai.store.audit import add_entry
from mesrai.store.database import Statements
from mesrai.store.invitations import Invitation, open_invitations, take_invitation
from mesrai.store.sessions import begin_session, end_sessions_of

_MOST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody, as a provider that we trust describes them."""

    issuer: str
    subject: str  # stays the same whatever else changes
    email: str  # as the provider gave it; empty: it gave none
    is_email_verified: bool
    name: str = ""
    groups: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What binds an account to it. An issuer holds no blank, so that no two identities have one key."""
        return f"{self.issuer} {self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a provider's word counts for."""

    name: str  # of the provider, for people
    domains: frozenset[str] = frozenset()  # of addresses it is trusted for; in lower case
    default_role: Role = Role.MEMBER  # of people who join by themselves
    roles: Mapping[str, Role] = field(default_factory=dict)  # by group; the first that fits counts


async def come_in(desk: Desk, trust: Trust, who: Identity, client: Client, *, invitation: str = "") -> Secret:
    """Sign in, and join where that is allowed; the session's word. `invitation`: the id of one whose code was given.

    Errors: SignInRefused, which says what is missing; StoreUnavailable.
    """
    if await needs_owner(desk):
        raise SignInRefused("Nobody owns this Mesrai yet. Create the owner first, with the set-up code.")
    waiting = await open_invitations(desk.database, desk.organisation)
    async with desk.database.transaction() as statements:
        door = _Door(desk=desk, trust=trust, who=who, proven=_proven(who), statements=statements)
        account, member = await door.account()
        invited = door.invitation(waiting, invitation, account)
        if member is not None:
            id_, email = member.account, member.email
            await door.follow_groups(member)
        else:
            id_, email = await door.join(account, invited)
        await door.note("session.begin", email, {"from": client.network, "with": who.issuer})
        return await begin_session(
            desk.database, statements, organisation=desk.organisation, account=id_, client=client.told
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Door:
    """The steps of coming in, in one transaction."""

    desk: Desk
    trust: Trust
    who: Identity
    proven: str  # the address that counts; empty: none
    statements: Statements

    async def account(self) -> tuple[Account | None, Member | None]:
        """The account of this identity, which is bound to it now, and its membership. Errors: SignInRefused."""
        bound = await find_bound_account(self.statements, self.who.key)
        if bound is None and not self.proven:
            raise SignInRefused(
                f"{self.trust.name} does not say that your e-mail address is verified, so it opens no account here."
            )
        account = bound or await find_account(self.statements, self.proven)
        if account is None:
            return None, None
        member = await find_member(self.statements, self.desk.organisation, account.id)
        if bound is None:
            await self._link(account, member)
        return account, member

    def invitation(self, waiting: Sequence[Invitation], id_: str, account: Account | None) -> Invitation | None:
        """The invitation whose code was given, or else one for the address where that is proof enough.

        Errors: SignInRefused if the one that was given is gone, or is for somebody else.
        """
        if not id_:
            return next((each for each in waiting if self.is_trusted and each.email == self.proven), None)
        given = next((each for each in waiting if each.id == id_), None)
        if given is None:
            raise SignInRefused("That invitation was used, or is too old.")
        if given.email not in (self.proven, account.email if account is not None else ""):
            raise SignInRefused(f"The invitation is for another address than the one that {self.trust.name} gives.")
        return given

    @property
    def is_trusted(self) -> bool:
        """Whether the provider is trusted for the domain of an address that it has verified."""
        return bool(self.proven) and self.proven.rpartition("@")[2] in self.trust.domains

    async def _link(self, account: Account, member: Member | None) -> None:
        """Bind an account to the identity that has its address, if the provider is trusted for that address.

        Whoever had the account before, by a password or a session, has it no more: an address may have been taken
        before its owner came. Only an owner's password stays, for the day that the provider is down.
        """
        name, issuer = self.trust.name, account.subject.partition(" ")[0]
        if issuer == self.who.issuer:  # the address went on to somebody else, and their predecessor's account did not
            raise SignInRefused(f"The account with your address belongs to somebody else at {name}. Ask an owner.")
        if not self.is_trusted:
            raise SignInRefused(
                f"There is an account with your address already, and {name} is not trusted for its domain. "
                "Sign in with your password."
            )
        password = account.password if member is not None and member.role is Role.OWNER else ""
        if not await bind_account(self.statements, account, subject=self.who.key, password=password):
            raise SignInRefused("The account was changed just now. Sign in again.")
        await end_sessions_of(self.statements, account.id)
        details = {"with": self.who.issuer, "before": issuer, "password": "kept" if password else "removed"}
        await self.note("account.link", account.email, details)

    async def follow_groups(self, member: Member) -> None:
        """Give a member the role that the groups say. Owners stay what they are."""
        role = self._role(member.role)
        if role is not member.role:
            await self._put(member.account, role, member.repositories)
            await self.note("member.role", member.email, {"role": [str(member.role), str(role)], "by": "groups"})

    async def join(self, account: Account | None, invitation: Invitation | None) -> tuple[int, str]:
        """Become a member; the account's id and address. Who was removed comes back by an invitation only."""
        email = account.email if account is not None else self.proven
        if invitation is None:
            self._refuse_uninvited(account)
        elif not await take_invitation(self.desk.database, self.statements, invitation.id):
            raise SignInRefused("That invitation was used just now.")
        id_ = account.id if account is not None else await self._new_account()
        role = self._role(invitation.role if invitation is not None else self.trust.default_role)
        await self._put(id_, role, invitation.repositories if invitation is not None else ())
        details = {"role": str(role), "with": self.who.issuer, "invited": invitation is not None}
        await self.note("member.join", email, details)
        return id_, email

    async def note(self, what: str, email: str, details: Mapping[str, Any]) -> None:
        """Write an audit entry."""
        await add_entry(
            self.statements,
            organisation=self.desk.organisation,
            who=email,
            what=what,
            subject=email,
            details=details,
        )

    def _refuse_uninvited(self, account: Account | None) -> None:
        if account is not None:
            raise SignInRefused("You are no member here any more. Ask for an invitation.")
        if not self.is_trusted:
            domain = self.proven.rpartition("@")[2]
            raise SignInRefused(f"People with an address of {domain} join by invitation. Ask for one.")

    async def _new_account(self) -> int:
        email = self.proven
        name = "".join(each for each in self.who.name if each.isprintable()).strip()[:_MOST_NAME]
        made = await add_account(
            self.desk.database,
            self.statements,
            email=email,
            name=name or email.partition("@")[0],
            subject=self.who.key,
        )
        if made is None:
            raise SignInRefused("Your account was made just now. Sign in again.")
        return made

    async def _put(self, account: int, role: Role, repositories: tuple[str, ...]) -> None:
        await put_member(
            self.desk.database,
            self.statements,
            organisation=self.desk.organisation,
            account=account,
            role=role,
            repositories=repositories,
        )

    def _role(self, now: Role) -> Role:
        """The role that the groups give. One that only groups give is lost with them; any other stays."""
        if now is Role.OWNER:
            return now
        given = next((role for group, role in self.trust.roles.items() if group in self.who.groups), None)
        if given is not None:
            return given
        return self.trust.default_role if now in self.trust.roles.values() else now


def _proven(who: Identity) -> str:
    """The address that the provider has verified, in lower case; empty if there is none that can be gone by.

    Only ASCII: other letters become those of somebody else's address when they are put in lower case (U+212A is one).
    """
    if not who.is_email_verified or not who.email.isascii() or not who.email.isprintable():
        return ""
    try:
        return address_in(who.email)
    except UserError:
        return ""
