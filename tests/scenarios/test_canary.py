"""A key is pushed through every command, error, log level, export, crash and database: it is found nowhere in clear."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.databases import ENGINES, a_database
from tests.in_process import mesrai_here
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import Ran, a_changed_repository

CANARY = "sk-sim-canary-7Qx9Lm2Vb8Tz4Kp6Rw1Ny3Hd5Gs0Jf"
SHOWN = 4  # of its last characters, at most
# The whole key, and what is left of it where only its beginning or its end is cut.
TRACES = (CANARY, CANARY[8:-SHOWN], CANARY[-SHOWN - 1 :])
ECHOES = ("bad_key_openai", "error_in_200", "malformed", "redirect")
FORMATS = (
    "--format=terminal",
    "--format=json",
    "--format=markdown",
    "--format=sarif",
    "--format=github",
    "--agent",
    "--prompt-only",
)

# Everything that libraries log goes to standard error, and what crashes shows the values of its variables.
TALKATIVE = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)

def everything(kind, error, trace):
    while trace is not None:
        if "sitecustomize" not in trace.tb_frame.f_code.co_filename:
            print({name: repr(value) for name, value in trace.tb_frame.f_locals.items()}, file=sys.stderr)
        trace = trace.tb_next
    sys.__excepthook__(kind, error, None)

sys.excepthook = everything
"""
CRASHING = (
    TALKATIVE
    + """
import aiohttp

async def crash(*arguments, **options):
    raise RuntimeError("a fault of ours")

aiohttp.ClientSession._request = crash
"""
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox) -> Iterator["Place"]:
    with a_database(request.param, tmp_path) as url:
        sandbox.stage.clear()
        yield Place(tmp_path, sandbox, url)


class Place:
    """A machine whose every output is kept."""

    def __init__(self, folder: Path, sandbox: Sandbox, url: str) -> None:
        self.folder = folder
        self.stage = sandbox.stage
        self.url = url
        self.repository = a_changed_repository(folder / "repository").root
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / "config.toml").write_text(
            "[limits]\nfirst_token_s = 0.5\nidle_s = 0.5\ntotal_s = 2\nquestion_s = 1\n"
        )
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_DATA_HOME": str(self.home),
            "PYTHONUTF8": "1",
            "MESRAI_CONFIG": str(self.home / "config.toml"),
            "MESRAI_DATABASE_URL": url,
            "MESRAI_CATALOGUE": str(sandbox.overlay(folder)),
        }
        self.said: list[str] = []

    def run(self, *arguments: str, stdin: str = "", **env: str) -> Ran:
        ran = mesrai_here(*arguments, cwd=self.repository, env=self.env | env, stdin=stdin)
        self.said.append(ran.out + ran.err)
        return ran

    def run_apart(self, *arguments: str, site: str, **env: str) -> None:
        """In a process of its own that runs this code first."""
        (self.folder / "site").mkdir(exist_ok=True)
        (self.folder / "site" / "sitecustomize.py").write_text(site)
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-m", "mesrai", *arguments],
            cwd=self.repository,
            env=self.env | {"PYTHONPATH": str(self.folder / "site")} | env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.said.append(done.stdout + done.stderr)


def everything_kept(place: Place) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(place.said):
        yield f"output {number}", text
    for file in (each for each in place.folder.rglob("*") if each.is_file()):
        yield str(file), file.read_bytes().decode("latin-1")
    if place.url.startswith("postgresql"):
        yield "the database", asyncio.run(all_rows(place.url))


async def all_rows(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        tables: list[Any] = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [await connection.fetch(f'SELECT * FROM "{table["tablename"]}"') for table in tables]
    finally:
        await connection.close()
    return repr([[dict(row) for row in table] for table in rows])


def assert_nowhere(place: Place) -> None:
    for where, text in everything_kept(place):
        for trace in TRACES:
            assert trace not in text, f"{where} holds {trace!r}"


def test_a_saved_key_shows_in_no_command_no_export_and_no_database(place: Place) -> None:
    assert (
        place.run("byok", "connect", "kimi-k2.6", "--plan", "developer", "--key-stdin", "--yes", stdin=CANARY).code == 0
    )
    for command in (
        ("byok", "fallback", "kimi-k2.7-code", "--plan", "developer", "--key-stdin", "--yes"),
        ("byok", "show"), ("byok", "show", "--json"), ("byok", "test", "--full"), ("byok", "test", "--json"),
        ("byok", "preview"), ("byok", "preview", "--json"), ("byok", "set", "--thinking", "off", "--yes"),
        ("byok", "audit"), ("byok", "audit", "--json"), ("doctor",), ("doctor", "--ask"),
        ("usage",), ("usage", "--json"), ("usage", "--csv"), ("usage", "budget", "--month", "5"), ("usage", "budget"),
        ("review", "--estimate"), ("byok", "rotate-master-key"), ("byok", "show"),
    ):  # fmt: skip
        place.run(*command, stdin=CANARY)
    for form in FORMATS:
        assert place.run("review", "--verbose", form).code == 0
    assert len(place.said) == 21 + len(FORMATS)
    assert_nowhere(place)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_key_that_is_echoed_refused_or_mistaken_for_something_else_shows_nowhere(place: Place) -> None:
    connect = ("byok", "connect", "kimi-k2.6", "--plan", "developer", "--key-stdin", "--yes", "--force")
    place.run(*connect, stdin=CANARY)
    for fault in ECHOES:
        place.stage.always(CANARY, fault)
        place.run("byok", "test", "--full")
        place.run("review", "--verbose", "--format", "json")
    for wrong in (
        ("byok", "connect", CANARY), ("byok", "connect", "--key", CANARY), ("byok", "cards", CANARY),
        ("byok", "connect", "--provider", CANARY, "--key-stdin"), ("byok", "connect", "--model", CANARY, "--key-stdin"),
        ("byok", "connect", "--base-url", f"https://{CANARY}@api.moonshot.ai/v1", "--key-stdin", "--yes"),
        ("byok", "preview", "kimi-k2.6", "--custom-json", f'{{"api_key": "{CANARY}"}}'),
        ("review", "--format", CANARY), ("byok", "test", "--slot", CANARY),
    ):  # fmt: skip
        place.run(*wrong, stdin=CANARY)
    for name in ("MESRAI_PROVIDER", "MESRAI_MODEL", "MESRAI_THINKING", "MESRAI_TIER", "MESRAI_MASTER_KEY"):
        place.run("doctor", **{name: CANARY})
    assert_nowhere(place)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_key_shows_in_no_log_and_no_crash(place: Place) -> None:
    place.run("byok", "connect", "kimi-k2.6", "--plan", "developer", "--key-stdin", "--yes", stdin=CANARY)
    place.run_apart("review", "--verbose", site=TALKATIVE)
    place.run_apart("byok", "test", "--full", site=TALKATIVE)
    place.run_apart("review", site=CRASHING)
    place.run_apart("byok", "test", "--full", site=CRASHING)
    place.run_apart("doctor", site=TALKATIVE, MESRAI_API_KEY=CANARY, MESRAI_PROVIDER="moonshot")
    assert "a fault of ours" in place.said[3], "it did not crash"
    assert_nowhere(place)
