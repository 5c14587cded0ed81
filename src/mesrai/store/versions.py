"""Which version the schema has, and bringing it up to date."""

import asyncio
from typing import TYPE_CHECKING, Final

from mesrai.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from mesrai.store.database import Statements

NEWEST: Final = "0012"  # the last file in migrations/versions; a test keeps them equal


async def bring_up_to_date(database: "Statements", url: str) -> None:
    """Run the migrations that are missing; nothing if there are none.

    Several processes may do so at once: one migrates, the others wait. Errors: StoreError if the schema is newer than
    this program, StoreUnavailable.
    """
    version = await schema_version(database)
    if version == NEWEST:
        return
    if version > NEWEST:
        raise StoreError(
            f"The database was written by a newer Mesrai (schema {version}, this one knows {NEWEST}). Upgrade Mesrai."
        )
    from mesrai.store.migrating import migrate  # noqa: PLC0415 - Alembic takes a second to import, once

    await asyncio.to_thread(migrate, url)


async def schema_version(database: "Statements") -> str:
    """The schema's version; empty if there is no schema yet. Errors: StoreUnavailable."""
    try:
        rows = await database.rows("SELECT version_num FROM alembic_version")
    except StoreUnavailable as error:
        if "alembic_version" in error.message:
            return ""
        raise
    return str(rows[0]["version_num"]) if rows else ""
