"""Databases for tests: a fresh SQLite file, or a fresh database on a private PostgreSQL server."""

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from mesrai.store.migrating import migrate

ENGINES = ("sqlite", "postgresql")
_DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_KEPT: list["subprocess.Popen[bytes]"] = []
WITHOUT_POSTGRESQL = "PostgreSQL's own programs are not installed here (Debian's package `postgresql`)"


@contextmanager
def a_database(engine: str, folder: Path) -> Iterator[str]:
    """The URL of a database of its own with the newest schema. Skips where PostgreSQL is not installed."""
    if engine == "sqlite":
        yield a_new_file(folder)
        return
    if programs() is None:
        pytest.skip(WITHOUT_POSTGRESQL)
    server = _server()
    name = f"t{uuid4().hex[:12]}"
    asyncio.run(_run(f"{server}/postgres", f"CREATE DATABASE {name} TEMPLATE {_postgresql_template()}"))
    try:
        yield f"{server}/{name}"
    finally:
        asyncio.run(_run(f"{server}/postgres", f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def an_empty_database(engine: str, folder: Path) -> Iterator[str]:
    """The URL of a database of its own without any table. Skips where PostgreSQL is not installed."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / f'{uuid4().hex[:8]}.db'}"
        return
    if programs() is None:
        pytest.skip(WITHOUT_POSTGRESQL)
    name = f"t{uuid4().hex[:12]}"
    asyncio.run(_run(f"{_server()}/postgres", f"CREATE DATABASE {name}"))
    try:
        yield f"{_server()}/{name}"
    finally:
        asyncio.run(_run(f"{_server()}/postgres", f"DROP DATABASE {name} WITH (FORCE)"))


def a_new_file(folder: Path) -> str:
    """The URL of a new SQLite file with the newest schema, made faster than by migrating."""
    path = folder / f"{uuid4().hex[:8]}.db"
    shutil.copyfile(_sqlite_template(), path)
    return f"sqlite:///{path}"


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`; None if they are not installed."""
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else next(iter(reversed(_DEBIAN)), None)


@cache
def _sqlite_template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="mesrai-db-")) / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@cache
def _postgresql_template() -> str:
    asyncio.run(_run(f"{_server()}/postgres", "CREATE DATABASE newest"))
    migrate(f"{_server()}/newest")
    return "newest"


@cache
def _server() -> str:
    """Start a server for this test process, which ends with it. Returns its URL without a database."""
    found = programs()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="mesrai-pg-"))
    as_user = _without_root(folder)
    data, port = folder / "data", _free_port()
    initdb: list[str | Path] = [found / "initdb", "-D", data, "-U", "mesrai", "--auth=trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([*as_user, *initdb], check=True, capture_output=True, cwd=folder)
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(f"\nlisten_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{folder}'\n")
        settings.write("fsync = off\nmax_connections = 200\n")
    # The pipe closes when this process ends, however that happens, and the server ends then. It is nobody's child:
    # tests that look for what they left running do not find it.
    keeper = (
        'exec 3<&0; { "$0" -D "$1" >"$1/log" 2>&1 3<&- & server=$!; cat <&3 >/dev/null; kill -INT $server; '
        'wait $server; rm -rf "$1"; } &'
    )
    command: list[str | Path] = [*as_user, "/bin/sh", "-c", keeper, found / "postgres", data]
    begun = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=folder)
    begun.wait()
    _KEPT.append(begun)
    url = f"postgresql://mesrai@127.0.0.1:{port}"
    asyncio.run(_ready(f"{url}/postgres"))
    return url


def _without_root(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: the beginning of a command that runs as somebody else."""
    if os.geteuid() != 0:
        return []
    name = next(each.pw_name for each in pwd.getpwall() if each.pw_name in ("postgres", "nobody"))
    shutil.chown(folder, name)
    return ["runuser", "-u", name, "--"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def _ready(url: str) -> None:
    for _ in range(200):
        try:
            await (await asyncpg.connect(url)).close()
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)
        else:
            return
    raise TimeoutError(f"PostgreSQL did not start: {url}")


async def _run(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
