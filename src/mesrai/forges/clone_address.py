"""The address of a repository on a forge, as far as git may be sent there."""

import ipaddress
import re
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from mesrai.errors import SourceError

_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_HOST = re.compile(r"[A-Za-z0-9.:-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneAddress:
    """Where a repository is fetched from."""

    url: str  # without user, password, query or fragment
    scheme: str  # https, or http on this machine

    @property
    def key(self) -> str:
        """A name for its clone, which nobody can choose."""
        return sha256(self.url.encode()).hexdigest()[:40]


def read_address(url: str) -> CloneAddress:
    """Check an address and write it in its plain form.

    Errors: SourceError, which does not repeat the address: it may hold a secret.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise SourceError("The address of the repository cannot be read.") from error
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise SourceError("The address of the repository must hold no user, password, query or fragment.")
    path = parts.path.rstrip("/")
    is_plain = _HOST.fullmatch(host) and _PATH.fullmatch(path) and not {".", ".."} & set(path.split("/"))
    if not is_plain or not url.isprintable():
        raise SourceError("The address of the repository is not a plain one: https, a host and a path.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_near(host)):
        raise SourceError("Git fetches over https only.")
    named = f"[{host}]" if ":" in host else host
    place = named if port is None else f"{named}:{port}"
    return CloneAddress(url=f"{parts.scheme}://{place}{path}", scheme=parts.scheme)


def _is_near(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
