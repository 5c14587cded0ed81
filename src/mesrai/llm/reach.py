"""Which addresses a model may be asked at, where those who name them must not look into the network we run in."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052: the last four bytes are the IPv4 address that is reached
_PUBLIC_METADATA: Final = frozenset({"168.63.129.16"})  # Azure's, the only one with a public address
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
Ip = IPv4Address | IPv6Address


class Closed(OSError):
    """The address lies inside, and nobody opened it to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """All public addresses, and of the others those that the operator named."""

    allowed: frozenset[str] = frozenset()  # `host`, at any port, or `host:port`; lower case, IPv6 in brackets

    def allows(self, host: str, port: int | None) -> bool:
        """Whether the operator named this host, as it is written in the address."""
        name = host.lower().removesuffix(".")
        name = f"[{name}]" if ":" in name else name
        return name in self.allowed or f"{name}:{port}" in self.allowed

    def refuses(self, url: str) -> bool:
        """Whether an address is one by number that leads inside. Names are judged by what they resolve to."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        return not self.allows(host, parts.port or _DEFAULT_PORT.get(parts.scheme)) and is_inside(host)


def place_of(url: str) -> str:
    """`host:port` of an address, as Reach.allowed holds it. Errors: ValueError."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or _DEFAULT_PORT.get(parts.scheme, 443)}"


def is_inside(host: str) -> bool:
    """Whether an address by number is not one of the public Internet. A name is none by number."""
    try:
        found = ip_address(host)
    except ValueError:
        return False
    return any(_is_closed(each) for each in _reached(found))


class GuardedResolver(AbstractResolver):
    """Resolves names to those of their addresses that may be reached; the connection is made to exactly these."""

    def __init__(self, reach: Reach, proxies: frozenset[str]) -> None:
        """`proxies`: `host:port` of those that the operator set."""
        self._reach = reach
        self._proxies = proxies
        self._resolver = aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses. Errors: OSError; Closed if all of them lie inside."""
        found = await self._resolver.resolve(host, port, family)
        if self._reach.allows(host, port) or f"{host.lower()}:{port}" in self._proxies:
            return found
        open_ones = [each for each in found if not is_inside(each["host"])]
        if found and not open_ones:
            raise Closed(f"{host} lies inside")
        return open_ones

    async def close(self) -> None:
        """End it."""
        await self._resolver.close()


def _reached(address: Ip) -> Iterator[Ip]:
    """What an address leads to: another one may be wrapped up in it."""
    wrapped = None
    if isinstance(address, IPv6Address):
        teredo = address.teredo
        wrapped = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
        if address in _NAT64:
            wrapped = IPv4Address(int(address) & 0xFFFF_FFFF)
    yield wrapped or address


def _is_closed(address: Ip) -> bool:
    return not address.is_global or address.is_multicast or address.is_reserved or str(address) in _PUBLIC_METADATA
