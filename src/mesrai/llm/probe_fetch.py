"""Questions to a provider that cost nothing: one GET, with the key or without it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mesrai.errors import ModelError, ModelTimeout
from mesrai.llm.anthropic_request import ANTHROPIC_HEADERS
from mesrai.llm.classify import error_said
from mesrai.llm.endpoint import Auth, Dialect
from mesrai.llm.error_body import Said, read_error
from mesrai.llm.headers import auth_headers
from mesrai.llm.probe_case import Case
from mesrai.llm.transport import Request, Session

MOST_WAIT_S: Final = 15.0  # for one of these questions
_MOST_BYTES: Final = 4 * 1024 * 1024  # OpenRouter's list of models is about 1 MiB
_MOST_ERROR_BYTES: Final = 256_000
_BEARER_PATHS: Final = ("/v1/usages", "/v1/me")  # the Kimi Code Plan's own clients send a bearer token to these
_FULL_LIST: Final = {Dialect.ANTHROPIC: "?limit=1000", Dialect.GEMINI: "?pageSize=1000"}  # first pages hold only a few


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes
    value: Any  # the body as JSON; None if it is none

    @property
    def is_fine(self) -> bool:
        """Whether the question was answered with JSON."""
        return 200 <= self.status < 300 and isinstance(self.value, dict | list) and not self.said.is_shaped

    @property
    def said(self) -> Said:
        """The body as a refusal."""
        return read_error(self.body)

    def error(self, case: Case) -> ModelError:
        """The refusal as a typed error, without the key should it be repeated in it."""
        body = case.without_key(self.body[:_MOST_ERROR_BYTES].decode("utf-8", "replace"))
        return error_said(
            read_error(body.encode()),
            self.status,
            self.headers,
            provider=case.row.id,
            model=case.connection.model,
            host=case.host,
        )


async def fetch(case: Case, session: Session, path: str, *, with_key: bool = True, base_url: str = "") -> Fetched:
    """GET a path below the base URL. A redirect is not followed.

    Errors: ModelTimeout, ModelUnavailable, ModelUnknown, ModelNotAdmitted where nothing answers; ModelAuth for a key
    that cannot be sent.
    """
    query = _FULL_LIST.get(case.endpoint.dialect, "") if path and path == case.row.lists_models else ""
    base_url = base_url or case.connection.base_url
    if path.startswith("/v1/"):
        base_url = base_url.removesuffix("/v1")  # some give the messages format's address with it, some without
    request = Request(
        url=base_url + path + query,
        headers=_headers(case, path, with_key=with_key),
        connect_s=min(case.endpoint.timeouts.connect_s, MOST_WAIT_S),
    )
    try:
        async with asyncio.timeout(MOST_WAIT_S), session.send(request) as reply:
            body = await reply.body(_MOST_BYTES)
            return Fetched(status=reply.status, headers=reply.headers, body=body, value=_json(body))
    except TimeoutError as passed:
        raise ModelTimeout(f"{case.place} took the connection but did not answer within {MOST_WAIT_S:g} s.") from passed


def _headers(case: Case, path: str, *, with_key: bool) -> dict[str, str]:
    endpoint = case.endpoint
    headers = {"Accept": "application/json", **endpoint.traits.extra_headers}
    if endpoint.dialect is Dialect.ANTHROPIC:
        headers |= ANTHROPIC_HEADERS
    if with_key:
        headers |= auth_headers(replace(endpoint, auth=Auth.BEARER) if path in _BEARER_PATHS else endpoint)
    return headers


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8", "replace").strip("\ufeff \t\r\n\0"), strict=False)
    except (ValueError, RecursionError):
        return None
