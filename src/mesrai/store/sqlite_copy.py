"""Copy a SQLite database while others use it, and put a copy in its place."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from mesrai.errors import StoreUnavailable, UserError

_WAIT_S: Final = 60.0


def copy_sqlite(path: Path, copy: Path) -> str:
    """Copy all of it as it is at one moment, nobody waiting; the schema's version. Errors: UserError, StoreUnavailable.

    The copy is checked by SQLite itself.
    """
    if not path.exists():
        raise UserError(f"There is no database {path} yet, so there is nothing to back up.")
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with _told(path), _opened(path) as source, _opened(copy) as target:
        source.backup(target)  # in one step, so that it begins anew for nobody's writing
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        return _checked(target, path)


def put_back_sqlite(copy: Path, path: Path) -> None:
    """Put the copy in the place of all that the database holds, at once or not at all. Errors: StoreUnavailable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise StoreUnavailable(f"The database {path} cannot be made: {error.strerror}.") from error
    with _told(path), _opened(copy) as source, _opened(path) as target:
        _checked(source, path)
        source.backup(target)
        target.execute("PRAGMA journal_mode = WAL")


def filled_tables(path: Path, ignored: Sequence[str]) -> Sequence[str]:
    """The tables that hold rows, but for the ignored. Errors: StoreUnavailable."""
    if not path.exists():
        return []
    with _told(path), _opened(path) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = [name for name in names if name not in ignored and not name.startswith("sqlite_")]
        return [name for name in kept if database.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()]


def _checked(database: sqlite3.Connection, path: Path) -> str:
    """The schema's version. Errors: UserError if it is none of ours, StoreUnavailable if it is damaged."""
    [(verdict,), *_] = database.execute("PRAGMA quick_check(1)").fetchall()
    if verdict != "ok":
        raise StoreUnavailable(f"The database {path} is damaged: {verdict}.")
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        raise UserError(f"{path} is no database of Mesrai's.")
    return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=_WAIT_S)) as database:
        yield database


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"The database {path} cannot be used: {error}.") from error
