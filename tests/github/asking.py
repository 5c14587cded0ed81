"""How tests speak to the stand-in without the product: the standard library, PyGithub, git."""

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from tests.github.stand_in import GitHub

import github as pygithub

LINES = "".join(f"line {number}\n" for number in range(1, 61))


def changed(*numbers: int, text: str = LINES) -> str:
    """The file with these lines changed."""
    lines = text.splitlines()
    return "".join(f"{line}{' changed' if at in numbers else ''}\n" for at, line in enumerate(lines, 1))


@dataclass(frozen=True)
class Got:
    status: int
    body: Any
    headers: Any


def ask(github: GitHub, method: str, path: str, body: Any = None, *, token: str = "", accept: str = "*/*") -> Got:
    """What the standard library gets."""
    raw = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": accept}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(github.url + path, raw, headers, method=method)
    try:
        with opener.open(request, timeout=10) as response:
            status, text, given = response.status, response.read().decode(), response.headers
    except urllib.error.HTTPError as error:
        status, text, given = error.code, error.read().decode(), error.headers
    is_json = "json" in (given.get("content-type") or "")
    return Got(status, json.loads(text) if is_json and text else text, given)


def as_app(github: GitHub) -> pygithub.Github:
    """PyGithub, as our app's installation in acme/shop."""
    auth = pygithub.Auth.AppAuth(github.app.id, github.app.private_key)
    integration = pygithub.GithubIntegration(
        auth=auth, base_url=github.url, seconds_between_requests=0, seconds_between_writes=0
    )
    return integration.get_github_for_installation(integration.get_repo_installation("acme", "shop").id)


def signed(github: GitHub, **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": str(github.app.id), "iat": now - 60, "exp": now + 300, **changes}
    return jwt.encode(claims, github.app.private_key, algorithm="RS256")


def git(folder: Path, *arguments: str, url: str = "", token: str = "") -> "subprocess.CompletedProcess[str]":
    """Run git with the token in its environment and nowhere else."""
    pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    if token:
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {pair}",
        }
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=30)
