"""Ask an identity provider: one request, within bounds, that goes nowhere else than it was sent."""

import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from mesrai import __version__
from mesrai.errors import SignInUnavailable

TOTAL_S: Final = 10.0
_CONNECT_S: Final = 5.0
_MOST_BODY: Final = 1_000_000  # bytes


async def fetch(
    url: str,
    what: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    total_s: float = TOTAL_S,
) -> tuple[int, Mapping[str, Any]]:
    """The status and the JSON object that an address answers with; with a form it is sent by POST.

    Errors: SignInUnavailable, which names `what` was asked for and nothing of the answer.
    """
    sent = {
        "User-Agent": f"Mesrai/{__version__} (+https://mesrai.com)",
        "Accept": "application/json",
        "Accept-Encoding": "identity",  # so that a body is no larger than it seems
        **(headers or {}),
    }
    body = None if form is None else urlencode(form).encode()
    if body is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        status, raw = await _asked(url, body, sent, total_s)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise SignInUnavailable(f"The identity provider cannot be reached: {what}: {type(error).__name__}.") from None
    if 300 <= status < 400:
        raise SignInUnavailable(f"The identity provider sends us elsewhere: {what}. Set its own issuer.")
    if status >= 500:
        raise SignInUnavailable(f"The identity provider has a fault: {what}: HTTP {status}.")
    if len(raw) > _MOST_BODY:
        raise SignInUnavailable(f"The identity provider's answer is too large: {what}.")
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise SignInUnavailable(f"The identity provider's answer cannot be read: {what}: HTTP {status}.")
    return status, told


async def _asked(url: str, body: bytes | None, headers: Mapping[str, str], total_s: float) -> tuple[int, bytes]:
    timeout = aiohttp.ClientTimeout(total=total_s, connect=_CONNECT_S)
    async with (
        # A client of its own keeps nothing of one person for the next; trust_env would read ~/.netrc.
        aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as client,
        client.request(
            "GET" if body is None else "POST",
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            proxy=_proxy_for(url),
        ) as response,
    ):
        raw = bytearray()
        async for chunk in response.content.iter_chunked(16_384):
            raw += chunk
            if len(raw) > _MOST_BODY:
                break
        return response.status, bytes(raw)


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names; none for this machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        is_here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_here = False
    return None if is_here or proxy_bypass(host) else getproxies().get(parts.scheme)
