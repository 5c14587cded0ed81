"""Which version the schema has, and bringing it up to date."""

import asyncio
import sys
from asyncio import subprocess
from typing import TYPE_CHECKING, Final

from mesrai.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from mesrai.store.database import Statements

NEWEST: Final = "0012"  # the last file in migrations/versions; a test keeps them equal


async def bring_up_to_date(database: "Statements", url: str, *, apart: bool = False) -> None:
    """Run the migrations that are missing; nothing if there are none.

    Several processes may do so at once: one migrates, the others wait. `apart`: in a process of its own, so that this
    one, which may run for months, does not keep the memory that Alembic takes. Errors: StoreError if the schema is
    newer than this program, StoreUnavailable.
    """
    version = await schema_version(database)
    if version == NEWEST:
        return
    if version > NEWEST:
        raise StoreError(
            f"The database was written by a newer Mesrai (schema {version}, this one knows {NEWEST}). Upgrade Mesrai."
        )
    if apart and await _migrated_apart(url):
        return
    from mesrai.store.migrating import migrate  # noqa: PLC0415 - Alembic takes a second to import, once

    await asyncio.to_thread(migrate, url)


async def _migrated_apart(url: str) -> bool:
    """Whether another process did it. What it failed at, this one will fail at too, and can say."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "mesrai.store.migrating",  # -P: nothing of the folder we were started in
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return False
    await process.communicate(url.encode())  # not as an argument: it may hold a password
    return process.returncode == 0


async def schema_version(database: "Statements") -> str:
    """The schema's version; empty if there is no schema yet. Errors: StoreUnavailable."""
    try:
        rows = await database.rows("SELECT version_num FROM alembic_version")
    except StoreUnavailable as error:
        if "alembic_version" in error.message:
            return ""
        raise
    return str(rows[0]["version_num"]) if rows else ""
