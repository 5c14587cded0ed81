"""The headers of a request to a model."""

from collections.abc import Mapping

from mesrai.errors import ModelAuth
from mesrai.llm.endpoint import Auth, Endpoint


def request_headers(endpoint: Endpoint, own: Mapping[str, str]) -> dict[str, str]:
    """All that are set for one request; `own` are the dialect's.

    Errors: ModelAuth for a key that no header can carry.
    """
    usual = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    return {**usual, **own, **auth_headers(endpoint), **endpoint.traits.extra_headers}


def auth_headers(endpoint: Endpoint) -> dict[str, str]:
    """What carries the key; nothing where there is none. Errors: ModelAuth."""
    if not endpoint.key:
        return {}
    key = endpoint.key.open()
    if not key.isascii() or not key.isprintable():
        raise ModelAuth("The key holds letters that no key has. Copy it again from the provider's console.")
    if endpoint.auth is Auth.BEARER:
        return {"Authorization": f"Bearer {key}"}
    return {str(endpoint.auth): key}
