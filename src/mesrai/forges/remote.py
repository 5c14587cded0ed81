"""Which repository of a forge a local one came from, as its remote `origin` says; no network is used."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mesrai.domain.pull_request import RepositoryName
from mesrai.forges.git import Git

_SHORT: Final = re.compile(r"(?:[^@:/\s]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>(?!//)\S+)")  # git@github.com:owner/name
_PART: Final = re.compile(r"[A-Za-z0-9._~-]+")
_NO_SUCH_REMOTE: Final = 2


async def find_remote(folder: Path, environ: Mapping[str, str]) -> RepositoryName | None:
    """Where `origin` leads from the repository around the folder; None if that is no repository of a forge.

    Errors: NotARepository, SourceError.
    """
    ended = await Git(folder, environ).ask("remote", "get-url", "origin", accept=(0, _NO_SUCH_REMOTE))
    return read_remote(ended.out.decode("utf-8", "replace").strip())


def read_remote(address: str) -> RepositoryName | None:
    """The repository at a git address; a user or a token in it is dropped. None if it is none of a forge."""
    short = _SHORT.fullmatch(address)
    if short is not None:
        return _named(short["host"], short["path"])
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("https", "http", "ssh", "git") or not parts.hostname:
        return None
    is_web = parts.scheme in ("https", "http")  # the ports of others are not those of the forge
    return _named(f"{parts.hostname}:{port}" if is_web and port else parts.hostname, parts.path)


def read_repository_name(text: str) -> RepositoryName | None:
    """A repository as people write it, `github.com/owner/name`; None if it is not of that form."""
    host, _, path = text.strip().partition("/")
    return _named(host, path) if "." in host or ":" in host or host == "localhost" else None


def _named(host: str, path: str) -> RepositoryName | None:
    parts = path.strip("/").removesuffix(".git").split("/")
    if len(parts) < 2 or not host or not all(_PART.fullmatch(part) and part not in (".", "..") for part in parts):
        return None
    return RepositoryName(forge=host.lower(), owner="/".join(parts[:-1]), name=parts[-1])
