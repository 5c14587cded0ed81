"""`mesrai auth login`, `status`, `logout` and `token`."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Final

import click

from mesrai.domain.secret import Secret
from mesrai.errors import CredentialMissing, UserError
from mesrai.settings.team import TOKEN_NAME, URL_NAME, find_login, forget_login, save_login, server_url

if TYPE_CHECKING:
    from mesrai.llm.team import Caller

_NEEDED: Final = "ask_model"
_NOT_IN: Final = "You are signed in to no server. `mesrai auth login https://mesrai.example.com` signs you in."


@click.command(epilog="Example: mesrai auth login https://mesrai.example.com")
@click.argument("url")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
def login(url: str, token_stdin: bool) -> None:
    """Sign in to the server at URL with a token that you make on its page Account; the server is asked first.

    Server and token are kept in a file that only you can read, beside the settings file.
    """
    place = server_url(url)
    token = _token(place, is_given=token_stdin)
    caller = _caller(place, token)
    if _NEEDED not in caller.rights:
        raise UserError(
            f"This token may not {_NEEDED}, which reviews need. Make one with that right on {place}/account."
        )
    kept = save_login(os.environ, place, token)
    click.echo(f"Signed in to {place} as {_named(caller)}.\nKept in {kept}")


@click.command()
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
def status(is_json: bool) -> None:
    """Show where you are signed in, ask the server whether it knows the token, and say which model reviews ask."""
    found = find_login(os.environ)
    if found is None:
        raise CredentialMissing(_NOT_IN)
    caller, local = _caller(found.url, found.token), _local()
    if is_json:
        from mesrai.cli.usage_text import json_text

        told = {"server": found.url, "origin": found.origin, "email": caller.email, "role": caller.role}
        told["organisation"] = caller.organisation
        click.echo(json_text({**told, "rights": list(caller.rights), "is_used": not local}), nl=False)
        return
    from mesrai.review.render.untrusted import one_line

    click.echo(f"Signed in to {found.url} as {_named(caller)}, by {found.origin}.")
    click.echo(f"The token may: {', '.join(one_line(each, 60) for each in caller.rights) or 'nothing'}.")
    used = f"Reviews here ask {local}, which is connected on this machine." if local else "Reviews here ask its model."
    click.echo(used)


@click.command()
def logout() -> None:
    """Forget the server and the token. The token itself stays valid until it is taken back on the page Account."""
    if forget_login(os.environ):
        click.echo("Signed out. To take the token back, remove it on the server's page Account.")
    else:
        click.echo("You were not signed in by `mesrai auth login`; nothing was changed.")
    if os.environ.get(URL_NAME):
        click.echo(f"{URL_NAME} and {TOKEN_NAME} are set in the environment, and still hold.")


@click.command()
def token() -> None:
    """Show how a pipeline signs in: with a token of its own, as two variables."""
    found = find_login(os.environ)
    place = found.url if found else "https://mesrai.example.com"
    click.echo(
        f"1. On {place}/account make a token with the right {_NEEDED} alone, and a date on which it ends.\n"
        f"2. Give the pipeline two variables, the second one as a secret:\n"
        f"     {URL_NAME}={place}\n"
        f"     {TOKEN_NAME}=mesrai_…\n"
        f"3. Run `mesrai ci`, or `mesrai review`, without a key of a model."
    )


def _token(place: str, *, is_given: bool) -> Secret:
    """Errors: UserError."""
    if is_given:
        word = sys.stdin.readline().strip()
    elif sys.stdin.isatty():
        click.echo(f"Make a token with the right {_NEEDED} on {place}/account, and paste it here.", err=True)
        word = str(click.prompt("Token", hide_input=True, err=True)).strip()
    else:
        raise UserError("There is no terminal to paste a token on. Use --token-stdin.")
    if not word or not word.isprintable() or " " in word or len(word) > 500:
        raise UserError("That is no token.")
    return Secret(word)


def _caller(place: str, token: Secret) -> "Caller":
    """Whom the server takes us for. Errors: ModelError, which are about the server here."""
    from mesrai import __version__
    from mesrai.llm.team import Server, find_caller

    return asyncio.run(find_caller(__version__, Server(url=place, token=token)))


def _local() -> str:
    """The model that is connected on this machine and so goes before the server's; empty if there is none."""
    from mesrai.wiring import open_installation

    async def find() -> str:
        async with open_installation(os.environ) as installation:
            main = installation.settings.main
            return "" if main is None else main.model

    return asyncio.run(find())


def _named(caller: "Caller") -> str:
    from mesrai.review.render.untrusted import one_line

    return f"{one_line(caller.email, 100)} ({one_line(caller.role, 40)} of {one_line(caller.organisation, 80)})"
