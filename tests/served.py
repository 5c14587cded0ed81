"""The whole service as a process, with stand-ins for GitHub and the model, for tests from end to end."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.github.played import PlayedPull, PlayedRepository
from tests.github.stand_in import GitHub, running_github
from tests.in_process import mesrai_here
from tests.sandbox_server import Sandbox, running_sandbox

T = TypeVar("T")
SECRET = "a-webhook-secret-of-some-length"
CLEAN = "def total(items):\n    return sum(items)\n"
FAULTY = "def total(items):\n    return eval(items)\n"


@dataclass(frozen=True)
class Place:
    """The service with all it talks to."""

    github: GitHub
    shop: PlayedRepository
    sandbox: Sandbox
    env: dict[str, str]
    log: Path

    def command(self, *arguments: str) -> list[str]:
        """What a process is started with."""
        return [sys.executable, "-m", "mesrai", *arguments]


@contextmanager
def a_place(folder: Path, url: str, *, judged: bool = True, **manners: Any) -> Iterator[Place]:
    """All that the service needs. `judged`: GitHub's side checks each message; `manners`: see running_sandbox."""
    with running_github(folder / "github", judged=judged) as github, running_sandbox(**manners) as sandbox:
        shop = github.repository("acme/shop", {"cart.py": CLEAN})
        shop.grant("ada", "write")
        key = folder / "app.pem"
        key.write_text(github.app.private_key)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONUTF8": "1",
            "MESRAI_DATABASE_URL": url,
            "MESRAI_CATALOGUE": str(sandbox.overlay(folder)),
            "MESRAI_CLONES": str(folder / "clones"),
            "MESRAI_GITHUB_URL": github.url,
            "MESRAI_GITHUB_APP_ID": str(github.app.id),
            "MESRAI_GITHUB_PRIVATE_KEY_FILE": str(key),
            "MESRAI_GITHUB_WEBHOOK_SECRET": SECRET,
            "MESRAI_GITHUB_WRITE_GAP_S": "0",
        }
        connect = ("byok", "connect", "kimi-k2.6", "--plan", "developer", "--key-stdin", "--yes")
        assert mesrai_here(*connect, cwd=folder, env=env, stdin="sk-sim-ok-tier5").code == 0
        yield Place(github=github, shop=shop, sandbox=sandbox, env=env, log=folder / "service.log")


@contextmanager
def running(place: Place, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    with place.log.open("ab") as log:
        process = subprocess.Popen(place.command(*arguments), env=place.env, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(20) == 0, place.log.read_text()


@contextmanager
def serving(place: Place, *arguments: str) -> Iterator[str]:
    """The service, and the address it listens at; GitHub's webhooks go there."""
    before = place.log.stat().st_size if place.log.exists() else 0
    with running(place, "serve", "--port", "0", *arguments):
        address = until(lambda: listening_at(place.log, before), "the service listens", place)
        place.github.webhooks_to(f"{address}/webhooks/github", SECRET)
        yield address


def started(place: Place) -> tuple["subprocess.Popen[bytes]", str]:
    """The service, which the caller ends as it likes, and the address it listens at."""
    before = place.log.stat().st_size if place.log.exists() else 0
    with place.log.open("ab") as log:
        process = subprocess.Popen(place.command("serve", "--port", "0"), env=place.env, stderr=log)
    return process, until(lambda: listening_at(place.log, before), "the service listens", place)


def listening_at(log: Path, since: int) -> str:
    found = re.search(r"Listening at (http://\S+)", log.read_text("utf-8")[since:])
    return found[1] if found else ""


def until(ask: Callable[[], T], what: str, place: Place, *, most_s: float = 30) -> T:
    ends = time.monotonic() + most_s
    while time.monotonic() < ends:
        if value := ask():
            return value
        time.sleep(0.05)
    raise AssertionError(f"it did not come to this: {what}\n{place.log.read_text('utf-8')}")


def check_of(place: Place, sha: str) -> str:
    return next((run.conclusion or "" for run in place.shop.checks if run.sha == sha), "")


def said(pull: PlayedPull) -> str:
    return "\n".join(comment.body for comment in pull.comments)
