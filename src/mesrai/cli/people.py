"""`mesrai people`: who may come in to the pages, from the machine they run on."""

import asyncio
import getpass
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from mesrai.errors import UserError

if TYPE_CHECKING:
    from mesrai.flows.sign_in import Desk
    from mesrai.store.accounts import Account

_ROLES = ("owner", "admin", "repository_admin", "member", "billing")
HAS_OWNER = (
    "There is an owner already. `mesrai people invite` lets others in; `mesrai people set-password` helps one out."
)


@click.group(short_help="Who may come in to the web pages.")
def people() -> None:
    """Who may come in to the web pages of `mesrai serve`.

    Whoever can run this on the machine of the service can do everything there, so no password is asked.
    """


@people.command("setup-code")
def setup_code() -> None:
    """Print the code by which the first owner is made at /welcome. It counts for a week."""

    async def made(desk: "Desk") -> None:
        from mesrai.flows.sign_in import make_setup_code

        code = await make_setup_code(desk)
        if code is None:
            raise UserError(HAS_OWNER)
        click.echo(code.open())
        click.echo("Open /welcome at the address of the service and enter it there.", err=True)

    _run(made)


@people.command("list")
def list_() -> None:
    """Print the members: role, address, name, and since when."""

    async def listed(desk: "Desk") -> None:
        from datetime import UTC, datetime

        from mesrai.store.accounts import members

        for each in await members(desk.database, desk.organisation):
            since = datetime.fromtimestamp(each.since, UTC).date()
            click.echo(f"{each.role:<17} {each.email:<40} {each.name}, since {since}")

    _run(listed)


@people.command()
@click.argument("email")
@click.option("--role", type=click.Choice(_ROLES), default="member", show_default=True)
@click.option("--repository", "repositories", multiple=True, help="For a repository admin: github.com/owner/name.")
def invite(email: str, role: str, repositories: tuple[str, ...]) -> None:
    """Print a code by which the person with this address becomes a member, at /join."""

    async def invited(desk: "Desk") -> None:
        from mesrai.domain.roles import Role
        from mesrai.store.audit import add_entry
        from mesrai.store.invitations import add_invitation

        async with desk.database.transaction() as statements:
            code = await add_invitation(
                desk.database,
                statements,
                organisation=desk.organisation,
                email=email,
                role=Role(role),
                by=_who(),
                repositories=repositories,
            )
            await add_entry(
                statements,
                organisation=desk.organisation,
                who=_who(),
                what="member.invite",
                subject=email.strip().lower(),
                details={"role": role, "repositories": list(repositories)},
            )
        click.echo(code.open())
        click.echo(f"It counts once, for {email}, within seven days.", err=True)

    _run(invited)


@people.command("set-password")
@click.argument("email")
def set_password(email: str) -> None:
    """Give a member another password, and sign that person out everywhere.

    The password is asked for, or read from standard input where that is no terminal.
    """
    password = getpass.getpass("New password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")

    async def changed(desk: "Desk") -> None:
        from mesrai.domain.secret import Secret
        from mesrai.flows.sign_in import refuse_weak
        from mesrai.store.accounts import set_password as keep
        from mesrai.store.attempts import forgive
        from mesrai.store.audit import add_entry
        from mesrai.store.sessions import end_sessions_of

        account = await _account(desk, email)
        secret = Secret.exactly(password)
        refuse_weak(secret, account.email)
        hashed = await desk.passwords.hashed(secret)
        async with desk.database.transaction() as statements:
            await keep(statements, account.id, hashed)
            await end_sessions_of(statements, account.id)
            await add_entry(
                statements,
                organisation=desk.organisation,
                who=_who(),
                what="password.change",
                subject=account.email,
                details={},
            )
        await forgive(desk.database, account.email)
        click.echo(f"{account.email} has a new password.")

    _run(changed)


async def _account(desk: "Desk", email: str) -> "Account":
    from mesrai.store.accounts import find_account

    account = await find_account(desk.database, email)
    if account is None:
        raise UserError(f"Nobody has the address {email}.")
    return account


def _who() -> str:
    return f"{getpass.getuser()} at the machine"


@asynccontextmanager
async def _desk() -> "AsyncIterator[Desk]":
    from mesrai.flows.sign_in import Desk
    from mesrai.settings import database_url_from, load_settings
    from mesrai.store.opening import open_database
    from mesrai.store.passwords import Passwords

    async with open_database(database_url_from(os.environ)) as database:
        organisation = load_settings(os.environ).organisation
        yield Desk(database=database, organisation=organisation, passwords=Passwords())


def _run(work: "Callable[[Desk], Awaitable[Any]]") -> None:
    async def done() -> None:
        async with _desk() as desk:
            await work(desk)

    asyncio.run(done())
