"""Real git over HTTP: a request is handed to git's own `http-backend` by the rules of CGI."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from tests.github.asked import Caller, Refused, permits
from tests.github.git_store import git_environment
from tests.github.records import Repository
from tests.github.world import World


@dataclass(frozen=True, kw_only=True)
class GitAnswer:
    """What http-backend said."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@lru_cache(maxsize=1)
def _backend() -> str:
    path = subprocess.run(["git", "--exec-path"], capture_output=True, check=True, text=True).stdout.strip()
    return str(Path(path) / "git-http-backend")


def may_use_git(world: World, caller: Caller, owner: str, name: str, *, is_push: bool) -> Repository:
    """The repository, if the caller may read it (or push to it) with git. Errors: Refused, 401 or 404 or 403."""
    repository = world.repository(owner, name)
    if caller.token is None:
        # GitHub asks everybody who comes without credentials for them, whether the repository exists or not.
        if repository is None or repository.is_private or is_push:
            raise Refused(401, "Authorization required", headers={"WWW-Authenticate": 'Basic realm="GitHub"'})
        return repository
    token, level = caller.token, "write" if is_push else "read"
    if repository is None or (token.repositories is not None and repository.id not in token.repositories):
        raise Refused(404, "Repository not found.")
    if token.installation is not None:
        if repository.id not in token.installation.repositories:
            raise Refused(404, "Repository not found.")
        if not permits(token.permissions or {}, "contents", level):
            raise Refused(403, "Write access to repository not granted.")
    elif world.role(repository, token.user) in (("none",) if not is_push else ("none", "read", "triage")):
        raise Refused(403 if is_push else 404, "Repository not found.")
    return repository


def serve_git(
    repository: Repository, *, rest: str, method: str, query: str, headers: Mapping[str, str], body: bytes
) -> GitAnswer:
    """Answer one request of the smart protocol. `rest` follows the repository's name, such as `/info/refs`."""
    environment = {
        **git_environment(),
        "GIT_PROJECT_ROOT": str(repository.store.path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.store.path.name}{rest}",
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "REMOTE_USER": "stand-in",
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run([_backend()], check=False, input=body, capture_output=True, env=environment, timeout=60)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    status, given = 200, {}
    for line in head.decode(errors="replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        elif name:
            given[name] = value.strip()
    return GitAnswer(status=status if head else 500, headers=given, body=content)
