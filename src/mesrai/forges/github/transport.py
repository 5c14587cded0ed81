"""The one HTTP path to GitHub: a token goes to its own origin only, and nothing that writes is sent twice."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import SystemRandom
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from mesrai.domain.secret import Secret
from mesrai.errors import ForgeAuth, ForgeRateLimited, ForgeRejected, ForgeUnavailable
from mesrai.forges.github.pace import WRITE_GAP_S, Pace
from mesrai.forges.github.place import Place, origin_of
from mesrai.forges.github.refusals import graphql_refusal_from, refusal_from, spent_for_s

_API_VERSION: Final = "2022-11-28"
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_PAGES: Final = 100
_MOST_HOPS: Final = 3
_READ_TRIES: Final = 4
_LINK: Final = re.compile(r"<([^<>]{1,4000})>\s{0,9};([^,<]{0,400})")
_LEAST_TOKEN: Final = 8  # letters; a shorter one could be any word


class Credentials(Protocol):
    """What proves who we are. Errors of `token` and `login`: ForgeError, SettingsError."""

    @property
    def name(self) -> str:
        """Whose limits are used; never a secret."""
        ...

    async def token(self) -> Secret:
        """A token that is good now."""
        ...

    def renew(self, refused: Secret) -> bool:
        """Drop a token that was refused; whether another can be had."""
        ...

    async def login(self) -> str:
        """The account the token acts as, where it cannot be asked for with the token itself; else empty."""
        ...


class Token:
    """A token someone gave us: a personal one, or a workflow's."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    @property
    def name(self) -> str:
        """See Credentials."""
        return f"token {hash(self._token)}"

    async def token(self) -> Secret:
        """See Credentials."""
        return self._token

    def renew(self, refused: Secret) -> bool:  # noqa: ARG002 - there is only this one
        """See Credentials."""
        return False

    async def login(self) -> str:
        """See Credentials."""
        return ""


class Nobody:
    """No credentials, for the few addresses that want none."""

    name = "nobody"

    async def token(self) -> Secret:
        """See Credentials."""
        return Secret("")

    def renew(self, refused: Secret) -> bool:  # noqa: ARG002 - there is none
        """See Credentials."""
        return False

    async def login(self) -> str:
        """See Credentials."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things may take, in seconds."""

    write_gap_s: float = WRITE_GAP_S
    backoff_s: float = 0.5  # before a read is repeated; doubled each time
    read_s: float = 30.0
    write_s: float = 60.0  # a large review takes GitHub long
    connect_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    method: str
    url: str
    body: bytes | None = None
    is_write: bool
    resource: str = "core"  # which allowance it takes from
    accept: str = ""  # a media type other than JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


# Told of every answer: which allowance it took from, its status, its headers by lower-case name.
Seen = Callable[[str, int, Mapping[str, str]], None]


class Session:
    """An open HTTP client to one GitHub, shared by all credentials of this process."""

    def __init__(self, client: aiohttp.ClientSession, place: Place, timing: Timing, seen: Seen | None = None) -> None:
        self.client = client
        self.seen = seen
        self.place = place
        self.timing = timing
        self._paces: dict[str, Pace] = {}

    def pace(self, credentials: Credentials) -> Pace:
        """The pace that everything under these credentials shares."""
        return self._paces.setdefault(credentials.name, Pace(self.timing.write_gap_s))


@asynccontextmanager
async def open_session(
    place: Place, *, version: str, timing: Timing | None = None, seen: Seen | None = None
) -> AsyncIterator[Session]:
    """A client that says it is Mesrai in this version; closed with all its connections on exit."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=50, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # else aiohttp takes passwords from ~/.netrc
        headers={
            "User-Agent": f"Mesrai/{version} (+https://mesrai.com)",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": _API_VERSION,
        },
    ) as client:
        yield Session(client, place, timing or Timing(), seen)


class Transport:
    """Requests to one GitHub under one credential.

    Errors of every method: ForgeAuth, ForgeNotFound, ForgeRejected, ForgeRateLimited, ForgeUnavailable. Paths are
    relative to the API, and quoted by the caller.
    """

    def __init__(self, session: Session, credentials: Credentials) -> None:
        self._session = session
        self._credentials = credentials
        self._pace = session.pace(credentials)
        self._origin = origin_of(session.place.api)

    @property
    def place(self) -> Place:
        """The GitHub that is asked."""
        return self._session.place

    @property
    def credentials(self) -> Credentials:
        """Under which it is asked."""
        return self._credentials

    async def read(self, path: str, **query: str | int) -> Any:
        """GET: what the body holds. Repeated when GitHub fails."""
        return _json(await self._repeated(_Call(method="GET", url=self._url(path, query), is_write=False)))

    async def read_bytes(self, path: str, *, accept: str) -> bytes:
        """GET: the body as it is, in the media type that is asked for. Repeated when GitHub fails."""
        call = _Call(method="GET", url=self._url(path), is_write=False, accept=accept)
        return (await self._repeated(call)).body

    async def pages(self, path: str, **query: str | int) -> list[Any]:
        """GET all pages of a list. Errors: also ForgeRejected for more than 100 pages, rather than leave some out."""
        url = self._url(path, {"per_page": 100, **query})
        found: list[Any] = []
        for _ in range(_MOST_PAGES):
            answer = await self._repeated(_Call(method="GET", url=url, is_write=False))
            page = _json(answer)
            if not isinstance(page, list):
                raise ForgeUnavailable("GitHub answered with something other than a list.")
            found += page
            following = self._next(url, answer.headers.get("link", ""))
            if following is None:
                return found
            url = following
        raise ForgeRejected(f"There are more than {_MOST_PAGES} pages of this, which is more than Mesrai reads.")

    async def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send once, in turn with all other writes under these credentials; what the answer's body holds.

        After ForgeUnavailable it may have had its effect all the same.
        """
        data = None if body is None else _bytes(body)
        return _json(await self._once(_Call(method=method, url=self._url(path), body=data, is_write=True)))

    async def obtain(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST something that does no harm when done twice, so it is repeated when GitHub fails."""
        call = _Call(method="POST", url=self._url(path), body=_bytes(body), is_write=False)
        return _json(await self._repeated(call))

    async def query(self, text: str, **variables: Any) -> Mapping[str, Any]:
        """Ask GraphQL; its `data`. Repeated when GitHub fails."""
        return _data(await self._repeated(self._graphql(text, variables, is_write=False)))

    async def mutate(self, text: str, **variables: Any) -> Mapping[str, Any]:
        """Change something by GraphQL, sent once like `write`; its `data`."""
        return _data(await self._once(self._graphql(text, variables, is_write=True)))

    def _graphql(self, text: str, variables: Mapping[str, Any], *, is_write: bool) -> _Call:
        body = _bytes({"query": text, "variables": variables})
        return _Call(method="POST", url=self.place.graphql, body=body, is_write=is_write, resource="graphql")

    def _url(self, path: str, query: Mapping[str, str | int] | None = None) -> str:
        return f"{self.place.api}/{path}" + (f"?{urlencode(query)}" if query else "")

    def _next(self, url: str, link: str) -> str | None:
        """The next page, if there is one and it lies at the same origin."""
        for target, parameters in _LINK.findall(link[:8000]):
            if re.search(r'\brel="?next\b', parameters):
                return self._same_origin(url, target)
        return None

    def _same_origin(self, url: str, target: str) -> str:
        """The address `target` names, seen from `url`. Errors: ForgeRejected if our token must not go there."""
        try:
            absolute = urljoin(url, target)
            is_ours = origin_of(absolute) == self._origin and not urlsplit(absolute).username
        except ValueError:
            is_ours = False
        if not is_ours:
            raise ForgeRejected("GitHub sends us on to another host, where our token must not go.")
        return absolute

    async def _repeated(self, call: _Call) -> _Answer:
        for attempt in range(1, _READ_TRIES):
            try:
                return await self._once(call)
            except ForgeUnavailable:
                longest_s = self._session.timing.backoff_s * 2**attempt
                await asyncio.sleep(longest_s * (0.5 + SystemRandom().random() / 2))
        return await self._once(call)

    async def _once(self, call: _Call) -> _Answer:
        """Send until it is neither sent on nor refused for an old token. Errors: those of the answer."""
        has_renewed = False
        for _ in range(_MOST_HOPS + 2):
            token = await self._credentials.token()
            self._pace.check(call.resource)
            answer = await self._in_turn(call, token)
            if answer.status == 401 and not has_renewed and self._credentials.renew(token):
                has_renewed = True  # a refused request had no effect
            elif answer.status in (301, 302, 307, 308):
                call = self._sent_on(call, answer)
            elif 200 <= answer.status < 300:
                return answer
            else:
                raise self._refusal(call, answer, token)
        raise ForgeRejected("GitHub sends us in circles.")

    async def _in_turn(self, call: _Call, token: Secret) -> _Answer:
        if call.is_write:
            async with self._pace.turn():
                self._pace.check(call.resource)
                answer = await self._exchange(call, token)
        else:
            answer = await self._exchange(call, token)
        if self._session.seen is not None:
            self._session.seen(call.resource, answer.status, answer.headers)
        spent_s = spent_for_s(answer.headers)
        if spent_s is not None:
            self._pace.limited(call.resource, spent_s)
        return answer

    def _sent_on(self, call: _Call, answer: _Answer) -> _Call:
        """The call at the address it was sent on to, such as that of a renamed repository."""
        if call.method != "GET" and answer.status in (301, 302):
            raise ForgeRejected("This has moved on GitHub, and cannot be written to under its old name.", status=301)
        return replace(call, url=self._same_origin(call.url, answer.headers.get("location", "")))

    def _refusal(self, call: _Call, answer: _Answer, token: Secret) -> Exception:
        value = token.open().encode()
        body = answer.body.replace(value, b"[redacted]") if len(value) >= _LEAST_TOKEN else answer.body
        refusal = refusal_from(answer.status, answer.headers, body)
        if isinstance(refusal, ForgeRateLimited):
            self._pace.limited(call.resource, refusal.retry_after_s)
        return refusal

    async def _exchange(self, call: _Call, token: Secret) -> _Answer:
        timing = self._session.timing
        total_s = timing.write_s if call.is_write else timing.read_s
        is_known = not isinstance(self._credentials, Nobody)
        headers = {"Authorization": f"Bearer {_sendable(token)}"} if is_known else {}
        if call.accept:
            headers["Accept"] = call.accept
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.client.request(
                call.method,
                URL(call.url, encoded=True),
                data=call.body,
                headers=headers,
                proxy=_proxy_for(call.url),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=total_s, connect=timing.connect_s),
            ) as response:
                body = await _limited_body(response)
                named = {name.lower(): value for name, value in response.headers.items()}
                return _Answer(status=response.status, headers=named, body=body)
        # The causes are left behind, since some of aiohttp's show the request's headers.
        except TimeoutError:
            raise ForgeUnavailable(f"GitHub did not answer within {total_s:g} s.") from None
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            kind = type(error).__name__
            raise ForgeUnavailable(f"{self.place.host} cannot be reached, or broke off ({kind}).") from None


async def _limited_body(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > _MOST_BYTES:
            raise ForgeRejected(f"GitHub's answer is larger than {_MOST_BYTES // 2**20} MiB.")
        parts.append(chunk)
    return b"".join(parts)


def _sendable(token: Secret) -> str:
    value = token.open()
    if not value or not re.fullmatch(r"[!-~]+", value):
        raise ForgeAuth("The token for GitHub is empty, or has characters that no token has.")
    return value


def _bytes(body: Mapping[str, Any]) -> bytes:
    """JSON in plain ASCII; a lone surrogate, which UTF-8 cannot hold, is replaced before."""
    return json.dumps(_whole(body), allow_nan=False).encode("ascii")


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {key: _whole(each) for key, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list | tuple) else value


def _json(answer: _Answer) -> Any:
    if not answer.body:
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise ForgeUnavailable("GitHub answered with something that is no JSON.", status=answer.status) from error


def _data(answer: _Answer) -> Mapping[str, Any]:
    payload = _json(answer)
    if not isinstance(payload, dict):
        raise ForgeUnavailable("GitHub answered with something other than GraphQL.")
    if payload.get("errors"):
        raise graphql_refusal_from(payload["errors"])
    data = payload.get("data")
    if not isinstance(data, dict):
        raise ForgeUnavailable("GitHub answered a GraphQL question without data.")
    return data


def _proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("127.0.0.1", "localhost", "::1") or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)
