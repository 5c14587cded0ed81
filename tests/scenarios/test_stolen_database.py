"""Whoever has the database without the master key has no key, no token, no code and no password."""

import asyncio
import os
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import pytest
from tests.databases import ENGINES, a_database, programs

from mesrai.domain.connection import Connection, Slot
from mesrai.domain.roles import Right, Role
from mesrai.domain.secret import Secret
from mesrai.errors import VaultLocked
from mesrai.server.api.operations import OPERATIONS
from mesrai.store.accounts import add_account, put_member
from mesrai.store.backups import back_up, restore
from mesrai.store.connections import load_opened, save_connection
from mesrai.store.database import Database, Statements
from mesrai.store.forge_access import ForgeAccess, find_access, opened_access, save_access
from mesrai.store.invitations import add_invitation
from mesrai.store.opening import open_database
from mesrai.store.passwords import Passwords
from mesrai.store.sessions import begin_session
from mesrai.store.tokens import add_token
from mesrai.store.vault import Keyring, MasterKey
from mesrai.store.webhooks import add_webhook

OURS = Keyring(MasterKey(os.urandom(32)))
PLAIN = "mesrai-shows-this-name"
LONGEST_SHOWN = 8  # letters in a row: of keys and tokens the last four are shown, to tell them apart


def canary(name: str) -> str:
    return f"{name}-{token_hex(20)}"


async def filled(url: str) -> Mapping[str, str]:
    """Keep one of everything that is secret; what they are."""
    typed = {name: canary(name) for name in ("model-key", "forge-key", "webhook-secret", "told-secret", "password")}
    async with open_database(url) as database:
        connection = Connection(
            provider="moonshot",
            base_url="https://api.moonshot.ai/v1",
            model=PLAIN,
            key=Secret(typed["model-key"]),
            slot=Slot.MAIN,
        )
        await save_connection(database, OURS, connection, organisation="default", who="ada")
        access = ForgeAccess(
            host="github.com",
            app_id="7",
            login="mesrai[bot]",
            key=Secret(typed["forge-key"]),
            webhook_secret=Secret(typed["webhook-secret"]),
        )
        await save_access(database, OURS, access, organisation="default", who="ada")
        told = Secret(typed["told-secret"])
        await add_webhook(
            database, OURS, told, organisation="default", url="https://x.example/", events=["review.ended"], who="ada"
        )
        hashed = await Passwords().hashed(Secret.exactly(typed["password"]))
        async with database.transaction() as statements:
            made = await _ways_in(database, statements, hashed)
    return {**typed, **made}


async def _ways_in(database: Database, statements: Statements, password: str) -> Mapping[str, str]:
    account = await add_account(database, statements, email="ada@example.com", name="Ada", password=password)
    assert account is not None
    await put_member(database, statements, organisation="default", account=account, role=Role.OWNER)
    session = await begin_session(database, statements, organisation="default", account=account, client="browser")
    token = await add_token(
        database,
        statements,
        organisation="default",
        account=account,
        name="ci",
        rights=[next(iter(Right))],
        lasts_s=0,
    )
    code = await add_invitation(
        database, statements, organisation="default", email="bo@example.com", role=Role.MEMBER, by="ada"
    )
    return {"session": session.open(), "token": token.open(), "invitation": code.open()}


def all_of_it(url: str, folder: Path) -> bytes:
    """Every byte that a thief of the database has."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        return b"".join(each.read_bytes() for each in Path(path).parent.glob(f"{Path(path).name}*"))
    found = programs()
    assert found is not None
    dumped = subprocess.run([found / "pg_dump", url], capture_output=True, check=True).stdout
    where = urlsplit(url)
    sql = "SELECT pg_relation_filepath(oid) FROM pg_class WHERE relkind IN ('r', 'i', 't') AND relnamespace > 1000"
    ask: list[str | Path] = [found / "psql", "-AtX", f"postgresql://mesrai@127.0.0.1:{where.port}{where.path}", "-c"]
    data = subprocess.run([*ask, "SHOW data_directory"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run([*ask, "CHECKPOINT"], capture_output=True, check=True)
    files = subprocess.run([*ask, sql], capture_output=True, text=True, check=True).stdout.split()
    raw = b"".join((Path(data) / each).read_bytes() for each in files)
    return dumped + raw


def is_in(secret: str, stolen: bytes) -> bool:
    """Whether a piece of the secret stands there, plainly or in a usual disguise."""
    pieces = {secret[at : at + LONGEST_SHOWN + 4] for at in range(len(secret) - LONGEST_SHOWN - 4)}
    disguises = [
        *(each.encode() for each in pieces),
        *(each.encode("utf-16-le") for each in pieces),
        *(each.encode().hex().encode() for each in pieces),
        *(b64encode(secret.encode()[at:])[2:-6] for at in range(3)),
        secret[::-1].encode(),
    ]
    return any(each in stolen for each in disguises)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stolen_database_yields_no_key_no_token_and_no_password(engine: str, tmp_path: Path) -> None:
    with a_database(engine, tmp_path / "") as url:
        secrets = asyncio.run(filled(url))
        stolen = all_of_it(url, tmp_path)
        path, _ = back_up(url, tmp_path / "kept.backup")
        assert len(secrets) == 8
        assert PLAIN.encode() in stolen, "what is no secret is found by looking like this"
        assert {name for name, secret in secrets.items() if is_in(secret, stolen)} == set()

        with a_database(engine, tmp_path) as other:  # a backup is no better, and no worse for its owner
            restore(path, other)
            assert {name for name, secret in secrets.items() if is_in(secret, all_of_it(other, tmp_path))} == set()
            asyncio.run(opens_with_our_key_alone(other, secrets))


async def opens_with_our_key_alone(url: str, secrets: Mapping[str, str]) -> None:
    async with open_database(url) as database:
        opened = await load_opened(database, "default", lambda: OURS)
        key = opened[Slot.MAIN].key
        assert key is not None
        assert key.open() == secrets["model-key"]
        access = await find_access(database, "default")
        assert access is not None
        assert opened_access(access, OURS).key.open() == secrets["forge-key"]
        another = Keyring(MasterKey(os.urandom(32)))
        with pytest.raises(VaultLocked):
            await load_opened(database, "default", lambda: another)
        with pytest.raises(VaultLocked):
            opened_access(access, another)


def test_no_answer_with_a_secret_in_it_is_kept_to_be_given_again() -> None:
    """Answers under an Idempotency-Key are kept as they are."""
    kept = [each for each in OPERATIONS if each.is_once and each.answer is not None]
    assert kept
    for operation in kept:
        fields = getattr(operation.answer, "__struct_fields__", ())
        assert not {"secret", "token", "key", "code", "password"} & set(fields), operation.name


def test_a_secret_that_is_there_is_found_in_every_disguise() -> None:
    secret = canary("model-key")
    for shown in (
        secret.encode(),
        secret[5:25].encode(),
        secret.encode().hex().encode(),
        b64encode(b"{" + secret.encode() + b"}"),
        secret.encode("utf-16-le"),
    ):
        assert is_in(secret, b"before " + shown + b" after")
    assert not is_in(secret, b"before " + secret[-4:].encode())
