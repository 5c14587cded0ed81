"""The few calls a review in a pipeline makes to GitLab and Bitbucket: one note, one report."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from mesrai.domain.secret import Secret
from mesrai.errors import ForgeAuth, ForgeError, ForgeRejected, ForgeUnavailable

NOTE_MARK: Final = "<!-- mesrai: review in a pipeline -->"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=10)
_MOST_PAGES: Final = 20
_A_PAGE: Final = 100
_MOST_BODY: Final = 8 * 1024 * 1024
_AT_ONCE: Final = 100  # annotations in one call
# GitLab carries a line out that begins so, with the rights of the token: https://docs.gitlab.com/user/project/quick_actions/
_QUICK_ACTION: Final = re.compile(r"^([\s>]*)/(?=\w)", re.MULTILINE)


class GitLabNotes:
    """The notes of one merge request."""

    def __init__(self, calls: "_Calls", project: str, number: str) -> None:
        self._calls = calls
        self._merge_request = f"projects/{project}/merge_requests/{number}"

    async def put(self, body: str) -> None:
        """Write the note, or edit the one we wrote before. Errors: ForgeError."""
        text = f"{NOTE_MARK}\n" + _QUICK_ACTION.sub(r"\1\\/", body)
        me = (await self._calls.ask("GET", "user")).get("id")
        old = await self._own(me)
        if old is None:
            await self._calls.ask("POST", f"{self._merge_request}/notes", {"body": text})
        else:
            await self._calls.ask("PUT", f"{self._merge_request}/notes/{old}", {"body": text})

    async def _own(self, me: object) -> int | None:
        """The note we wrote; one of somebody else that bears our mark is not ours."""
        for page in range(1, _MOST_PAGES + 1):
            query = f"notes?order_by=created_at&sort=asc&per_page={_A_PAGE}&page={page}"
            notes = await self._calls.listed(f"{self._merge_request}/{query}")
            for note in notes:
                author, number = note.get("author"), note.get("id")
                is_ours = isinstance(author, dict) and author.get("id") == me and me is not None
                if is_ours and str(note.get("body", "")).startswith(NOTE_MARK) and isinstance(number, int):
                    return number
            if len(notes) < _A_PAGE:
                return None
        return None


class BitbucketInsights:
    """The reports of one commit."""

    def __init__(self, calls: "_Calls", repository: str, commit: str) -> None:
        self._calls = calls
        self._report = f"repositories/{repository}/commit/{commit}/reports/mesrai"

    async def put(self, report: dict[str, Any], annotations: Sequence[dict[str, Any]]) -> None:
        """Write the report in place of an earlier one of this commit. Errors: ForgeError."""
        await self._calls.ask("DELETE", self._report, missing_is_fine=True)
        await self._calls.ask("PUT", self._report, report)
        for start in range(0, len(annotations), _AT_ONCE):
            await self._calls.ask("POST", f"{self._report}/annotations", list(annotations[start : start + _AT_ONCE]))


@asynccontextmanager
async def open_notes(api: str, token: Secret, project: str, number: str) -> AsyncIterator[GitLabNotes]:
    """The notes of a merge request, written as whom the token is of."""
    if not api.startswith(("https://", "http://")):
        raise ForgeRejected("CI_API_V4_URL is no address of an API.")
    async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session:
        yield GitLabNotes(_Calls(session, api, headers={"private-token": token.open()}), project, number)


@asynccontextmanager
async def open_insights(api: str, proxy: str, repository: str, commit: str) -> AsyncIterator[BitbucketInsights]:
    """The reports of a commit, written through the proxy that signs in for the step."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        yield BitbucketInsights(_Calls(session, api, proxy=proxy), repository, commit)


class _Calls:
    """Calls of one API. Redirects are not followed: they would carry the token elsewhere."""

    def __init__(
        self, session: aiohttp.ClientSession, api: str, *, headers: dict[str, str] | None = None, proxy: str = ""
    ) -> None:
        self._session = session
        self._api = api
        self._headers = headers or {}
        self._proxy = proxy or None

    async def ask(
        self, method: str, path: str, body: object = None, *, missing_is_fine: bool = False
    ) -> dict[str, Any]:
        """The answer, an empty mapping if it is none. Errors: ForgeError."""
        answered = await self._send(method, path, body, missing_is_fine=missing_is_fine)
        return answered if isinstance(answered, dict) else {}

    async def listed(self, path: str) -> list[dict[str, Any]]:
        """The answer, which is a list. Errors: ForgeError."""
        answered = await self._send("GET", path, None)
        if not isinstance(answered, list):
            raise ForgeError("The code host answered with something else than a list.")
        return [each for each in answered if isinstance(each, dict)]

    async def _send(self, method: str, path: str, body: object, *, missing_is_fine: bool = False) -> Any:
        try:
            async with self._session.request(
                method,
                f"{self._api}/{path}",
                json=body,
                headers=self._headers,
                proxy=self._proxy,
                allow_redirects=False,
            ) as response:
                raw = await response.content.read(_MOST_BODY)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ForgeUnavailable(f"The code host could not be reached: {type(error).__name__}.") from error
        if status == 404 and missing_is_fine:
            return {}
        if status in (401, 403):
            raise ForgeAuth(f"The code host answered {status}: the token may not do this.", status=status)
        if not 200 <= status < 300:
            error_class = ForgeUnavailable if status >= 500 else ForgeRejected
            raise error_class(f"The code host answered {status} to {method} {path.partition('?')[0]}.", status=status)
        try:
            return json.loads(raw) if raw.strip() else {}
        except ValueError as error:
            raise ForgeError("The code host answered with something else than JSON.", status=status) from error
