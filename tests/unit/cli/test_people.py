"""`mesrai people` against a real store."""

import asyncio
from pathlib import Path

from tests.databases import a_new_file
from tests.in_process import mesrai_here
from tests.terminal import Ran

from mesrai.domain.secret import Secret
from mesrai.errors import SignInRefused
from mesrai.flows.sign_in import Client, Desk, Newcomer, accept_invitation, create_owner, sign_in
from mesrai.store.opening import open_database
from mesrai.store.passwords import Passwords

HERE = Client(network="127.0.0.1")
ADA = Newcomer(email="ada@example.com", name="Ada", password=Secret.exactly("three words together"))


def people(folder: Path, url: str, *arguments: str, stdin: str = "") -> Ran:
    env = {"HOME": str(folder), "MESRAI_DATABASE_URL": url, "LOGNAME": "root"}
    return mesrai_here("people", *arguments, cwd=folder, env=env, stdin=stdin)


def test_the_first_owner_comes_in_by_the_printed_code_and_there_is_no_second_one(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    code = people(tmp_path, url, "setup-code").out.strip()

    async def come_in() -> None:
        async with open_database(url) as database:
            desk = Desk(database=database, organisation="default", passwords=Passwords())
            await create_owner(desk, Secret(code), ADA, HERE)

    asyncio.run(come_in())
    again = people(tmp_path, url, "setup-code")
    assert (again.code, again.out) == (2, "")
    assert "There is an owner already." in again.err
    listed = people(tmp_path, url, "list").out.split()
    assert listed[:3] == ["owner", "ada@example.com", "Ada,"]


def test_an_invited_person_comes_in_and_gets_another_password_from_the_machine(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    code = people(tmp_path, url, "invite", "ada@example.com", "--role", "admin").out.strip()

    async def scenario() -> str:
        async with open_database(url) as database:
            desk = Desk(database=database, organisation="default", passwords=Passwords())
            await accept_invitation(desk, Secret(code), ADA, HERE)
            changed = await asyncio.to_thread(
                people, tmp_path, url, "set-password", "ada@example.com", stdin="words that are new\n"
            )
            assert changed.out == "ada@example.com has a new password.\n", changed
            await sign_in(desk, "ada@example.com", Secret.exactly("words that are new"), HERE)
            try:
                await sign_in(desk, "ada@example.com", ADA.password, HERE)
            except SignInRefused as refused:
                return refused.message
        return ""

    assert asyncio.run(scenario()) == "Address or password is wrong."


def test_a_weak_password_and_an_unknown_address_change_nothing(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    unknown = people(tmp_path, url, "set-password", "eve@example.com", stdin="words that are new\n")
    assert (unknown.code, unknown.err) == (2, "mesrai: Nobody has the address eve@example.com.\n")
