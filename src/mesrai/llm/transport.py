"""The one HTTP path to model providers; no other module knows the HTTP library."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from mesrai.errors import AnswerCut, ModelError, ModelNotAdmitted, ModelTimeout, ModelUnavailable, ModelUnknown
from mesrai.llm.reach import Closed, GuardedResolver, Reach, place_of

_LINE_BYTES: Final = 64 * 1024
_KEEP_ALIVE_S: Final = 30.0
_NO_ADDRESS: Final = "The base URL is not a usable address. It must begin with https:// or http:// and name a host."
_DRAIN_S: Final = 0.05  # how long the end of a finished stream is waited for, to keep its connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send. The headers hold the key: never print or keep them."""

    url: str
    headers: Mapping[str, str]
    body: bytes | None = None  # None: a GET
    connect_s: float = 10.0

    def __repr__(self) -> str:
        return f"Request({self.url.split('?')[0]})"


class Reply:
    """A response whose head has come; its body is read once, as it comes."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body's bytes as they arrive. Errors: AnswerCut if the connection ends within it."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, ConnectionError) as error:
            raise AnswerCut("The connection ended before the answer was complete.") from error

    async def body(self, most: int) -> bytes:
        """At most the first `most` bytes of the body, or what of it came before the connection ended."""
        parts: list[bytes] = []
        size = 0
        with suppress(AnswerCut):
            async for chunk in self.chunks():
                parts.append(chunk)
                size += len(chunk)
                if size >= most:
                    break
        return b"".join(parts)[:most]

    async def finish(self) -> None:
        """Read the little that may follow a finished stream, so that the connection can serve the next request."""
        with suppress(TimeoutError, aiohttp.ClientError, ConnectionError):
            async with asyncio.timeout(_DRAIN_S):
                while await self._response.content.readany():
                    pass


class Session:
    """An open HTTP client. Any number of requests may be in flight at once; what limits them is not here."""

    def __init__(self, client: aiohttp.ClientSession, guard: "_Guard | None" = None) -> None:
        self._client = client
        self._guard = guard
        self._proxies: dict[tuple[str, str], str | None] = {}  # by scheme and host

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[Reply]:
        """Send the request and hand out the reply, whatever its status; redirects are not followed.

        Errors: ModelTimeout, ModelUnavailable, ModelUnknown (no address), ModelNotAdmitted (a proxy's refusal), all
        without the name of provider and model, which are not known here.
        """
        response = await self._response(request)
        try:
            yield Reply(response)
        finally:
            response.release()

    async def _response(self, request: Request) -> aiohttp.ClientResponse:
        try:
            if self._guard is not None:
                await self._guard.check(request.url, is_proxied=self._proxy_for(request.url) is not None)
            return await self._client.request(
                "GET" if request.body is None else "POST",
                request.url,
                data=request.body,
                headers=request.headers,
                proxy=self._proxy_for(request.url),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=request.connect_s, sock_connect=request.connect_s),
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failure(error, request) from error

    def _proxy_for(self, url: str) -> str | None:
        """The proxy the environment names for this address; none for this machine itself.

        aiohttp's own way of finding it also takes passwords from ~/.netrc, and then refuses to send our key.
        """
        parts = urlsplit(url)
        place = (parts.scheme, parts.hostname or "")
        if place not in self._proxies:
            is_direct = _is_loopback(place[1]) or proxy_bypass(place[1])
            named = None if is_direct else getproxies().get(parts.scheme)
            self._proxies[place] = named
        proxy = self._proxies[place]
        if proxy is not None and urlsplit(proxy).scheme not in ("http", "https"):
            raise ModelNotAdmitted(
                f"The proxy set for {place[1]} is not an HTTP proxy. Set {parts.scheme.upper()}_PROXY to an http:// "
                "address, or NO_PROXY to this host."
            )
        return proxy


class _Guard:
    """Judges where a request goes, as far as that is seen before there is a connection."""

    def __init__(self, reach: Reach, proxies: frozenset[str], resolver: GuardedResolver) -> None:
        self._reach = reach
        self._proxies = proxies
        self._resolver = resolver

    async def check(self, url: str, *, is_proxied: bool) -> None:
        """Errors: Closed; ValueError for no address.

        A name that a proxy resolves is looked up here too, so that those known to lie inside are refused.
        """
        parts, place = urlsplit(url), place_of(url)
        is_allowed = self._reach.allows(parts.hostname or "", int(place.rpartition(":")[2]))
        if self._reach.refuses(url) or (place in self._proxies and not is_allowed):
            raise Closed(f"{place} lies inside")
        if is_proxied and not is_allowed and parts.hostname:
            try:
                await self._resolver.resolve(parts.hostname, int(place.rpartition(":")[2]), socket.AF_UNSPEC)
            except Closed:
                raise
            except OSError:
                return  # only the proxy knows this name


@asynccontextmanager
async def open_session(version: str, *, reach: Reach | None = None) -> AsyncIterator[Session]:
    """A client that says it is Mesrai in this version; closed with all its connections on exit.

    Without `reach`, any address may be asked.
    """
    resolver = guard = None
    if reach is not None:
        proxies = _proxy_places()
        resolver = GuardedResolver(reach, proxies)
        guard = _Guard(reach, proxies, resolver)
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=_KEEP_ALIVE_S, resolver=resolver)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        read_bufsize=_LINE_BYTES,
        headers={
            "User-Agent": f"Mesrai/{version} (+https://mesrai.com)",
            "Accept-Encoding": "identity",  # gateways hold compressed events back
        },
    ) as client:
        yield Session(client, guard)


def _proxy_places() -> frozenset[str]:
    found: set[str] = set()
    for proxy in getproxies().values():
        with suppress(ValueError):  # one that is no address is found out when it is used
            found.add(place_of(proxy))
    return frozenset(found)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _failure(error: Exception, request: Request) -> ModelError:
    """The error as one that says what a person can do. It holds no part of the address but host and port."""
    try:
        parts = urlsplit(request.url)
    except ValueError:
        return ModelUnknown(_NO_ADDRESS)
    place = parts.netloc.rpartition("@")[2]
    if isinstance(error, Closed) or isinstance(getattr(error, "os_error", None), Closed):
        return ModelNotAdmitted(
            f"{place} lies inside the network that the service runs in, where models are asked only at hosts that the "
            "operator names. Set MESRAI_ALLOWED_HOSTS if this one is meant."
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _proxy_failure(error.status, place)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return ModelUnavailable(
            f"The proxy {error.host}:{error.port} cannot be reached. Check {parts.scheme.upper()}_PROXY."
        )
    if isinstance(error, TimeoutError):
        return ModelTimeout(
            f"No connection to {place} within {request.connect_s:g} s. Check the network and the base URL."
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ModelUnavailable(f"The name {parts.hostname} cannot be resolved. Check the base URL and the network.")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return ModelNotAdmitted(
            f"The certificate of {place} is not trusted. If a proxy of your organisation opens encrypted connections, "
            "set SSL_CERT_FILE to its certificate authorities."
        )
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return ModelUnavailable(f"{place} does not speak TLS as expected. Check whether the base URL is https or http.")
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = (error.os_error.strerror or "no connection").lower()[:80]
        return ModelUnavailable(
            f"Nothing can be reached at {place} ({reason}). Check the base URL; is the server running?"
        )
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError | ValueError):
        return ModelUnknown(_NO_ADDRESS)
    return ModelUnavailable(f"{place} ended the connection before it answered.")


def _proxy_failure(status: int, place: str) -> ModelError:
    if status == 407:
        return ModelNotAdmitted(
            "The proxy wants a name and password. Put them into the address in HTTPS_PROXY.", status=407
        )
    if status in (502, 503, 504):
        return ModelUnavailable(f"The proxy cannot reach {place} (HTTP {status}).", status=status)
    return ModelNotAdmitted(f"The proxy does not let requests through to {place} (HTTP {status}).", status=status)
