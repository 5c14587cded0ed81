"""Copy a PostgreSQL database with PostgreSQL's own programs, and put a copy back."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from mesrai.errors import StoreUnavailable, UserError
from mesrai.store.database import shown_url

# What libpq itself reads, and what a program needs; nothing of ours.
_HANDED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT", "APPDATA")
_OWN: Final = ("PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGPASSFILE", "PGPASSWORD", "PGCONNECT_TIMEOUT")
_TABLES: Final = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = current_schema() ORDER BY 1
"""


class Postgres:
    """One database, by way of `psql`, `pg_dump` and `pg_restore`. Errors of every method: UserError where a program
    is not installed, StoreUnavailable."""

    def __init__(self, url: str, folder: Path) -> None:
        """`folder` is private; the password lies in a file there, so that no process list shows it."""
        self._shown = shown_url(url)
        self._url, password = _without_password(url, self._shown)
        self._env = {name: os.environ[name] for name in (*_HANDED_ON, *_OWN) if name in os.environ}
        if password:
            passfile = folder / "pgpass"
            written = password.replace("\\", "\\\\").replace(":", "\\:")
            with os.fdopen(os.open(passfile, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(f"*:*:*:*:{written}\n")
            self._env["PGPASSFILE"] = str(passfile)
            self._env.pop("PGPASSWORD", None)

    def tables(self, known: Sequence[str]) -> Sequence[str]:
        """Those of the known tables that are there."""
        return [name for name in self._asked(_TABLES).split() if name in known]

    def filled(self, tables: Sequence[str]) -> Sequence[str]:
        """Those of the tables that hold rows."""
        if not tables:
            return []
        parts = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in tables]
        return self._asked(" UNION ALL ".join(parts)).split()

    def schema(self) -> str:
        """The schema's version."""
        return self._asked("SELECT version_num FROM alembic_version").strip()

    def dump(self, tables: Sequence[str], copy: Path) -> None:
        """Copy the tables as they are at one moment, nobody waiting. What is of use to living processes only is not."""
        chosen = [f"--table={name}" for name in tables]
        self._run(
            "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data",
            f"--file={copy}", *chosen, f"--dbname={self._url}",
        )  # fmt: skip

    def put_back(self, copy: Path, replaced: Sequence[str]) -> None:
        """Put the copy in the place of these tables, at once or not at all."""
        script = copy.with_name("restore.sql")
        self._run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(copy))
        gone = [f'--command=DROP TABLE IF EXISTS "{name}" CASCADE' for name in replaced]
        self._run(
            "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--single-transaction",
            *gone, f"--file={script}", f"--dbname={self._url}",
        )  # fmt: skip

    def _asked(self, sql: str) -> str:
        return self._run(
            "psql", "--no-psqlrc", "--tuples-only", "--no-align", f"--command={sql}", f"--dbname={self._url}"
        )

    def _run(self, program: str, *arguments: str) -> str:
        found = shutil.which(program)
        if found is None:
            raise UserError(
                f"{program} is not installed: backing PostgreSQL up needs its own client programs, as new as the "
                "server (Debian's package `postgresql-client`)."
            )
        # Without standard input: a program that would ask for a password fails instead of waiting.
        ran = subprocess.run(
            [found, *arguments],
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if ran.returncode != 0:
            words = next((line for line in ran.stderr.splitlines() if "error" in line.lower()), ran.stderr.strip())
            raise StoreUnavailable(f"{program} did not work on {self._shown}: {words[:300]}")
        return ran.stdout


def _without_password(url: str, shown: str) -> tuple[str, str]:
    """The address without the password, and the password; empty if there is none. Errors: StoreUnavailable."""
    try:
        parts = urlsplit(url)
        password = unquote(parts.password or "")
    except ValueError:
        raise StoreUnavailable(f"The database URL {shown} cannot be read.") from None
    who, _, place = parts.netloc.rpartition("@")
    user = who.partition(":")[0]
    said = parse_qsl(parts.query, keep_blank_values=True)
    password = next((value for name, value in said if name == "password"), password)
    query = urlencode([(name, value) for name, value in said if name != "password"])
    netloc = f"{user}@{place}" if user else place
    return urlunsplit((parts.scheme, netloc, parts.path, query, "")), password
