"""Which team's server this person is signed in to: from the environment, or from a file of their own."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from platformdirs import user_config_path

from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError

URL_NAME: Final = "MESRAI_API_URL"
TOKEN_NAME: Final = "MESRAI_TOKEN"  # noqa: S105 - the name, not the token
_FILE: Final = "server.json"
_MOST_BYTES: Final = 100_000
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A server and our token there."""

    url: str
    token: Secret = field(repr=False)
    origin: str  # where it was said


def login_file(environ: Mapping[str, str]) -> Path:
    """Where a login is kept: beside the settings file."""
    named = environ.get("MESRAI_CONFIG", "").strip()
    return Path(named).expanduser().parent / _FILE if named else user_config_path("mesrai") / _FILE


def find_login(environ: Mapping[str, str]) -> Login | None:
    """The login, if there is one; the environment wins. Errors: SettingsError if only half of it is there."""
    url, token = environ.get(URL_NAME, "").strip(), environ.get(TOKEN_NAME, "").strip()
    if bool(url) != bool(token):
        given, missing = (URL_NAME, TOKEN_NAME) if url else (TOKEN_NAME, URL_NAME)
        raise SettingsError(f"{given} is set without {missing}; both are needed.")
    if url:
        return Login(url=server_url(url), token=Secret(token), origin="the environment")
    place = login_file(environ)
    try:
        with place.open("rb") as file:
            told = json.loads(file.read(_MOST_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{place} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(f"{place} is broken; `mesrai auth login` writes it anew.") from error
    kept = told if isinstance(told, dict) else {}
    if not all(isinstance(kept.get(name), str) and kept[name] for name in ("url", "token")):
        raise SettingsError(f"{place} is broken; `mesrai auth login` writes it anew.")
    return Login(url=server_url(kept["url"]), token=Secret(kept["token"]), origin=str(place))


def save_login(environ: Mapping[str, str], url: str, token: Secret) -> Path:
    """Keep it in a file that only this person can read. Errors: SettingsError."""
    place = login_file(environ)
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"url": url, "token": token.open()}, file)
        beside.replace(place)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SettingsError(f"{place} cannot be written: {error.strerror}.") from error
    return place


def forget_login(environ: Mapping[str, str]) -> bool:
    """Remove the file; whether there was one. Errors: SettingsError."""
    place = login_file(environ)
    try:
        place.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SettingsError(f"{place} cannot be removed: {error.strerror}.") from error
    return True


def server_url(text: str) -> str:
    """The address of a server, without a slash at its end. Errors: SettingsError; a token goes over https alone."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise SettingsError("The address of the server is no URL.") from None
    is_near = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and is_near):
        raise SettingsError("The address of the server begins with https://; http:// is for this machine alone.")
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError("The address of the server is like https://mesrai.example.com, without anything else.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
