"""Back a database up, and restore it: the same two acts on SQLite and PostgreSQL. The master key is never inside."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mesrai import __version__
from mesrai.errors import UserError
from mesrai.store.backup_file import Manifest, measured, read_manifest, unpack, work_folder, write_backup
from mesrai.store.database import SQLITE, shown_url
from mesrai.store.migrating import known_tables, migrate
from mesrai.store.postgresql_copy import Postgres
from mesrai.store.sqlite_copy import copy_sqlite, filled_tables, put_back_sqlite
from mesrai.store.versions import NEWEST

# What a database holds without anybody having used it: the schema's version, and what living processes need.
_WITHOUT_WORTH: Final = ("alembic_version", "holders", "permits", "accounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a backup was brought to."""

    manifest: Manifest
    schema: str  # after the migrations that came since


def back_up(url: str, to: Path, *, replace: bool = False) -> tuple[Path, Manifest]:
    """Write a backup to the file, or to a new one in a folder; where it is now, and what it says. Blocks.

    The service may go on meanwhile: what is written is the database at one moment. Errors: UserError where there is
    such a file and it is not to be replaced, or a program is missing; StoreError.
    """
    made_at = datetime.now(UTC)
    to = to.expanduser()
    path = to / f"mesrai-{made_at:%Y%m%dT%H%M%SZ}.backup" if to.is_dir() else to
    if path.exists() and not replace:
        raise UserError(f"There is a file {path} already. --force replaces it.")
    with work_folder(path) as folder:
        copy = folder / "database"
        schema = _copied(url, copy, folder)
        size, sha256 = measured(copy)
        manifest = Manifest(
            engine=_engine(url),
            schema=schema,
            mesrai=__version__,
            made_at=made_at.isoformat(timespec="seconds"),
            size=size,
            sha256=sha256,
        )
        write_backup(path, copy, manifest)
    return path, manifest


def restore(path: Path, url: str, *, replace: bool = False) -> Restored:
    """Put a backup into a database, all of it or nothing, and bring its schema up to date. Blocks.

    Errors: UserError where the file is no backup, is of the other engine, was written by a newer Mesrai, or the
    database is in use and is not to be replaced; StoreError.
    """
    path = path.expanduser()
    manifest = read_manifest(path)
    if manifest.engine != _engine(url):
        raise UserError(
            f"{path} is of {_NAMES[manifest.engine]}, and MESRAI_DATABASE_URL names {_NAMES[_engine(url)]}: a backup "
            "goes back into a database of its own kind."
        )
    if manifest.schema > NEWEST:
        raise UserError(
            f"{path} was written by a newer Mesrai ({manifest.mesrai}, schema {manifest.schema}; this one knows "
            f"{NEWEST}). Upgrade Mesrai first."
        )
    with tempfile.TemporaryDirectory(prefix="mesrai-restore-") as made:
        folder = Path(made)
        copy = unpack(path, manifest, folder)
        if url.startswith(SQLITE):
            target = Path(url.removeprefix(SQLITE))
            _refuse_used(filled_tables(target, _WITHOUT_WORTH), url, replace=replace)
            put_back_sqlite(copy, target)
        else:
            postgres = Postgres(url, folder)
            there = postgres.tables(known_tables())
            used = postgres.filled([name for name in there if name not in _WITHOUT_WORTH])
            _refuse_used(used, url, replace=replace)
            postgres.put_back(copy, there)
    if manifest.schema != NEWEST:
        migrate(url)
    return Restored(manifest=manifest, schema=NEWEST)


_NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def _engine(url: str) -> str:
    if url.startswith(SQLITE):
        return "sqlite"
    if url.startswith(("postgresql://", "postgres://")):
        return "postgresql"
    raise UserError("The database URL must begin with sqlite:/// or postgresql://.")


def _copied(url: str, copy: Path, folder: Path) -> str:
    """Copy the database; the schema's version."""
    if _engine(url) == "sqlite":
        return copy_sqlite(Path(url.removeprefix(SQLITE)), copy)
    postgres = Postgres(url, folder)
    tables = postgres.tables(known_tables())
    if "alembic_version" not in tables:
        raise UserError(f"The database {shown_url(url)} holds nothing of Mesrai's yet, so there is nothing to back up.")
    schema = postgres.schema()
    postgres.dump(tables, copy)
    return schema


def _refuse_used(tables: Sequence[str], url: str, *, replace: bool) -> None:
    if tables and not replace:
        raise UserError(
            f"The database {shown_url(url)} is in use: {', '.join(tables[:5])} hold entries. Restore into an empty "
            "one, or say --force to put the backup in the place of all that it holds."
        )
