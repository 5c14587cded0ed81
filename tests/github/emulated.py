"""`emulate`, a GitHub emulator that others wrote (npm, Apache-2.0), as a second judge of app tokens and webhooks.

It knows nothing of diffs, inline comments or GraphQL. It needs Node 24 or newer; tests/github/fetch.py brings both.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.github.fetch import EMULATE, NODE

APP, INSTALLATION, SLUG, SECRET = 7001, 9001, "mesrai", "emulated s3cret"


@dataclass(frozen=True, kw_only=True)
class Emulated:
    """A running emulator with one project, `acme/shop`, and our app installed for it."""

    url: str
    person_token: str  # ada's


def why_not() -> str:
    """Why it cannot run here; empty if it can."""
    return "" if EMULATE.exists() and node() else "no emulate or no Node 24 (run tests/github/fetch.py)"


def node() -> str | None:
    """A Node that is new enough, or None."""
    found = str(NODE) if NODE.exists() else shutil.which("node")
    if found is None:
        return None
    version = subprocess.run([found, "--version"], check=True, capture_output=True, text=True, timeout=10).stdout
    return found if int(version.strip().lstrip("v").split(".")[0]) >= 24 else None


@contextmanager
def running_emulate(folder: Path, *, private_key: str, webhook: str, permissions: dict[str, str]) -> Iterator[Emulated]:
    """Run it until the block ends; `webhook` is where it sends our app's events."""
    program = node()
    assert program is not None, why_not()
    seed = folder / "seed.json"
    seed.write_text(json.dumps(_seed(private_key, webhook, permissions)))
    port = _free_port()
    command = [program, str(EMULATE), "start", "--service", "github", "--port", str(port), "--seed", str(seed)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (folder / "emulate.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        url = f"http://localhost:{port}"
        _wait(url, process, folder / "emulate.log")
        yield Emulated(url=url, person_token="ada-token")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=10)


def _seed(private_key: str, webhook: str, permissions: dict[str, str]) -> object:
    app = {
        "app_id": APP,
        "slug": SLUG,
        "name": "Mesrai",
        "private_key": private_key,
        "permissions": permissions,
        "events": ["issue_comment", "pull_request", "issues", "push"],
        "webhook_url": webhook,
        "webhook_secret": SECRET,
        "installations": [{"installation_id": INSTALLATION, "account": "acme", "repository_selection": "all"}],
    }
    return {
        "tokens": {"ada-token": {"login": "ada", "scopes": ["repo"]}},
        "github": {
            "users": [{"login": "ada", "name": "Ada"}],
            "orgs": [{"login": "acme", "name": "Acme"}],
            "repos": [{"owner": "acme", "name": "shop", "auto_init": True}],
            "apps": [app],
        },
    }


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            opener.open(f"{url}/users/ada", timeout=2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())
