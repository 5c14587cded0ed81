"""Pull requests from the webhook to the posted review: the service against stand-ins for GitHub and the model."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.request import urlopen

import pytest
from tests.databases import ENGINES, a_database
from tests.github.played import PlayedPull, PlayedRepository
from tests.github.stand_in import GitHub, running_github
from tests.in_process import mesrai_here
from tests.sandbox_server import Sandbox, running_sandbox

T = TypeVar("T")
SECRET = "a-webhook-secret-of-some-length"
CLEAN = "def total(items):\n    return sum(items)\n"
HELP = "What Mesrai does here"
FAULTY = "def total(items):\n    return eval(items)\n"


@dataclass(frozen=True)
class Place:
    """The service with all it talks to."""

    github: GitHub
    shop: PlayedRepository
    sandbox: Sandbox
    env: dict[str, str]
    log: Path


@contextmanager
def a_place(folder: Path, url: str) -> Iterator[Place]:
    with running_github(folder / "github") as github, running_sandbox() as sandbox:
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
        process = subprocess.Popen([sys.executable, "-m", "mesrai", *arguments], env=place.env, stderr=log)
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


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pull_request_from_its_opening_to_its_merge(tmp_path: Path, engine: str) -> None:
    with a_database(engine, tmp_path) as url, a_place(tmp_path, url) as place, serving(place) as address:
        pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
        until(lambda: check_of(place, pull.head_sha), "the check has ended", place)
        [finding] = pull.review_comments
        assert "Text from outside is run as code" in finding.body
        assert (finding.path, pull.line_of(finding)) == ("cart.py", 2)
        assert len(pull.comments) == 1, "one summary"
        assert "kimi-k2.6" in said(pull)

        pull.push({"cart.py": "def total(items):\n    return sum(items) + 1\n"}, by="ada")
        until(lambda: check_of(place, pull.head_sha) == "success", "the new commit is green", place)
        assert until(lambda: pull.is_resolved(finding), "the fixed finding is resolved", place)
        assert len(pull.review_comments) == 1
        assert len(pull.comments) == 1, "the summary is edited, not repeated"

        calls = len(place.sandbox.calls)
        pull.say("ada", "@mesrai review --full")
        until(lambda: len(place.sandbox.calls) > calls, "somebody asked, so it is reviewed again", place)
        pull.say("stranger", "@mesrai pause")
        pull.say("ada", "@mesrai help")
        until(lambda: HELP in said(pull), "help is given", place)
        for delivery in list(place.github.deliveries):
            place.github.redeliver(delivery)
        place.github.settle()
        pull.merge(by="ada")
        with urlopen(f"{address}/health/ready") as ready:
            assert json.load(ready) == {"ready": True, "broken": {}}
    assert len(pull.review_comments) == 1
    assert sum(HELP in comment.body for comment in pull.comments) == 1
