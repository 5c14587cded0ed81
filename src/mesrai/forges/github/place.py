"""Where a GitHub is: github.com, GitHub Enterprise Cloud at ghe.com, or a GitHub Enterprise Server."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from mesrai.errors import SettingsError

_SERVER_API: Final = "/api/v3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The addresses of one GitHub, without a slash at the end."""

    host: str  # the name a person knows it by, such as github.com; a RepositoryName's `forge`
    web: str  # repositories are cloned from below it
    api: str
    graphql: str


GITHUB_COM: Final = Place(
    host="github.com",
    web="https://github.com",
    api="https://api.github.com",
    graphql="https://api.github.com/graphql",
)


def place_at(url: str) -> Place:
    """The GitHub at a web or API address, such as https://github.example.com.

    Plain http is taken for this machine itself only. Errors: SettingsError.
    """
    parts = _split(url)
    host = (parts.hostname or "").removesuffix(".")
    if host in ("github.com", "www.github.com", "api.github.com"):
        return GITHUB_COM
    if host.endswith(".ghe.com"):
        return _at_ghe_com(host.removeprefix("api."))
    root = f"{parts.scheme}://{parts.netloc.lower()}"
    if parts.path.rstrip("/") not in ("", _SERVER_API):
        raise SettingsError("The address of a GitHub is its host alone, such as https://github.example.com.")
    if _is_loopback(host) and not parts.path.rstrip("/"):
        return Place(host=parts.netloc.lower(), web=root, api=root, graphql=f"{root}/graphql")
    return Place(host=parts.netloc.lower(), web=root, api=root + _SERVER_API, graphql=f"{root}/api/graphql")


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; what a token is bound to. Errors: ValueError."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip() if "://" in url else f"https://{url.strip()}")
        is_usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_usable = False
    if not is_usable or parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError("The address of a GitHub must be like https://github.example.com.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        raise SettingsError("A GitHub is reached over https only, since a token is sent to it.")
    return parts


def _at_ghe_com(host: str) -> Place:
    # https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency
    return Place(host=host, web=f"https://{host}", api=f"https://api.{host}", graphql=f"https://api.{host}/graphql")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
