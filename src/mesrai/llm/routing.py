"""Which hosts behind OpenRouter may serve a model: as people write it, and as it is sent."""

import re
from typing import Any, Final

from mesrai.domain.connection import Routing
from mesrai.errors import SettingsError

_HOST: Final = re.compile(r"(?!sk-)[a-z0-9][a-z0-9._/-]{0,63}")
_MOST_HOSTS: Final = 20


def hosts_in(text: str) -> tuple[str, ...]:
    """The hosts of a list with commas, in order, each once. Errors: SettingsError."""
    hosts = tuple(dict.fromkeys(each.strip().strip("\"'").lower() for each in text.split(",") if each.strip()))
    wrong = next((number for number, host in enumerate(hosts, start=1) if not _HOST.fullmatch(host)), None)
    if wrong is not None:  # it is not repeated: it may be a key in the wrong place
        raise SettingsError(
            f"Host {wrong} of the routing is no name of a host at OpenRouter. Names look like moonshotai or together, "
            "with commas between them."
        )
    if len(hosts) > _MOST_HOSTS:
        raise SettingsError(f"At most {_MOST_HOSTS} hosts can be pinned.")
    return hosts


def routing_fields(routing: Routing | None) -> dict[str, Any]:
    """The fields of the request body; none where nothing was set.

    https://openrouter.ai/docs/features/provider-routing
    """
    if routing is None:
        return {}
    order = {"order": list(routing.order)} if routing.order else {}
    return {"provider": {**order, "allow_fallbacks": routing.allow_fallbacks}}
