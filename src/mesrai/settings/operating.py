"""What a process of the service was told about its own log and metrics."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from typing import Final

from mesrai.errors import SettingsError

OPERATING_NAMES: Final[Mapping[str, str]] = {
    "MESRAI_LOG_FORMAT": "How the log is written: `text`, or `json`, one object a line. Default: `text`.",
    "MESRAI_LOG_LEVEL": "What is written: `debug`, `info`, `warning` or `error`. Default: `info`.",
    "MESRAI_METRICS_PORT": "The port of `/metrics` for Prometheus, which also answers health checks; a listener of its "
    "own. Default: none.",
    "MESRAI_METRICS_HOST": "The address of that listener. Default: `127.0.0.1`, so that nobody outside the machine "
    "reaches it.",
    "MESRAI_TRUSTED_PROXIES": "Addresses and networks of reverse proxies, such as `127.0.0.1, 10.0.0.0/8`: who they "
    "say is asking, in X-Forwarded-For and X-Forwarded-Proto, is believed. Default: nobody is.",
}
_LEVELS: Final = ("debug", "info", "warning", "error")
_HOST: Final = re.compile(r"[0-9A-Za-z_.:-]{1,253}")


class LogFormat(StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """How a process tells of itself."""

    log_format: LogFormat = LogFormat.TEXT
    log_level: str = "info"
    metrics_port: int | None = None  # None: nothing listens
    metrics_host: str = "127.0.0.1"
    trusted_proxies: tuple[str, ...] = ()  # addresses and networks


def load_operating(environ: Mapping[str, str]) -> Operating:
    """Read them. Errors: SettingsError, which names the variable."""
    env = {name: environ[name].strip() for name in OPERATING_NAMES if environ.get(name, "").strip()}
    return Operating(
        log_format=LogFormat(_one_of(env, "MESRAI_LOG_FORMAT", tuple(LogFormat), LogFormat.TEXT)),
        log_level=_one_of(env, "MESRAI_LOG_LEVEL", _LEVELS, "info"),
        metrics_port=_port(env),
        metrics_host=_host(env.get("MESRAI_METRICS_HOST", "127.0.0.1")),
        trusted_proxies=_proxies(env.get("MESRAI_TRUSTED_PROXIES", "")),
    )


def _one_of(env: Mapping[str, str], name: str, words: tuple[str, ...], usual: str) -> str:
    said = env.get(name, usual).lower()
    if said not in words:
        raise SettingsError(f"{name}: one of {', '.join(words)} belongs here.")
    return said


def _port(env: Mapping[str, str]) -> int | None:
    said = env.get("MESRAI_METRICS_PORT")
    if said is None:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", said) or int(said) > 65_535:
        raise SettingsError("MESRAI_METRICS_PORT: a port from 0 to 65535 belongs here; 0 takes any that is free.")
    return int(said)


def _host(said: str) -> str:
    if not _HOST.fullmatch(said):
        raise SettingsError("MESRAI_METRICS_HOST: an address to listen at belongs here, such as 0.0.0.0.")
    return said


def _proxies(said: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(each)) for each in re.split(r"[,\s]+", said) if each)
    except ValueError:
        raise SettingsError(
            "MESRAI_TRUSTED_PROXIES: addresses and networks belong here, such as 127.0.0.1, 10.0.0.0/8."
        ) from None
