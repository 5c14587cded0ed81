"""The model of a team's server: questions go there, and the server puts them to the model whose key it keeps."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from mesrai.domain.secret import Secret
from mesrai.errors import (
    CredentialMissing,
    ModelAuth,
    ModelError,
    ModelNotAdmitted,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    PromptTooLong,
)
from mesrai.llm.model import Answer, Profile, Prompt
from mesrai.llm.questions import ModelShown, QuestionEnded, TeamWishes, answer_of, failure_of, profile_of, question_of
from mesrai.llm.transport import Reply, Request, Session, open_session
from mesrai.llm.words import safe_words

BASE: Final = "/api/v1"
_MOST_BODY: Final = 16 * 1024 * 1024
_IDLE_S: Final = 60.0  # the server says every few seconds that it works on the answer
_S = TypeVar("_S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A team's server, and the token it knows us by."""

    url: str  # without a slash at the end
    token: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom the server takes us for."""

    email: str
    role: str
    organisation: str
    rights: tuple[str, ...]


class TeamModel:
    """The server's model. See Model; retries and other models are the server's business."""

    def __init__(
        self, session: Session, server: Server, profile: Profile, *, review: str, repository: str, limit: Decimal | None
    ) -> None:
        self._session = session
        self._server = server
        self._profile = profile
        self._review = review
        self._repository = repository
        self._budget = "" if limit is None else f"{limit:f}"

    @property
    def profile(self) -> Profile:
        """See Model."""
        return self._profile

    async def ask(self, prompt: Prompt) -> Answer:
        """See Model."""
        question = question_of(prompt, review=self._review, repository=self._repository, budget=self._budget)
        outcome = await _asked(
            self._session, self._server, "/model/questions", QuestionEnded, msgspec.json.encode(question)
        )
        if outcome.answer is not None:
            return answer_of(outcome.answer)
        if outcome.failure is not None:
            raise failure_of(outcome.failure)
        raise ModelUnavailable("The server ended without an answer; its log says why.")


@asynccontextmanager
async def open_team_model(
    version: str, server: Server, *, review: str, repository: str, limit: Decimal | None
) -> AsyncIterator[TeamModel]:
    """The server's model, asked for one review. Errors: ModelError, CredentialMissing."""
    async with open_session(version) as session:
        shown = await _asked(session, server, "/model", ModelShown)
        yield TeamModel(session, server, profile_of(shown), review=review, repository=repository, limit=limit)


async def find_caller(version: str, server: Server) -> Caller:
    """Whom the server takes us for. Errors: ModelError."""
    async with open_session(version) as session:
        shown = await _asked(session, server, "/caller", dict[str, str | list[str]])
    rights = shown.get("rights", [])
    return Caller(
        email=str(shown.get("email", "")),
        role=str(shown.get("role", "")),
        organisation=str(shown.get("organisation", "")),
        rights=tuple(rights) if isinstance(rights, list) else (),
    )


async def find_wishes(version: str, server: Server, repository: str) -> TeamWishes:
    """What is saved there for the reviews of a repository, `host/owner/name`. Errors: ModelError."""
    async with open_session(version) as session:
        return await _asked(session, server, f"/model/wishes?repository={quote(repository)}", TeamWishes)


async def _asked(session: Session, server: Server, path: str, form: type[_S], body: bytes | None = None) -> _S:
    """What the server answers, in that form. Errors: ModelError, CredentialMissing."""
    headers = {"authorization": f"Bearer {server.token.open()}", "accept": "application/json"}
    if body is not None:
        headers["content-type"] = "application/json"
    async with session.send(Request(url=f"{server.url}{BASE}{path}", headers=headers, body=body)) as reply:
        raw = await _body(reply)
        if reply.status != 200:
            raise _refusal(reply.status, raw)
    try:
        return msgspec.json.decode(raw, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelUnavailable("What answers there is no Mesrai server, or one of another version.") from error


async def _body(reply: Reply) -> bytes:
    """Errors: ModelTimeout, ModelUnavailable, AnswerCut."""
    body = bytearray()
    chunks = reply.chunks()
    while True:
        try:
            async with asyncio.timeout(_IDLE_S):
                chunk = await anext(chunks, b"")
        except TimeoutError as error:
            raise ModelTimeout(f"The server said nothing for {_IDLE_S:g} s.") from error
        if not chunk:
            return bytes(body)
        body += chunk
        if len(body) > _MOST_BODY:
            raise ModelUnavailable("The server's answer is too large.")


def _refusal(status: int, raw: bytes) -> ModelError | CredentialMissing:
    try:
        told = json.loads(raw)
        detail = safe_words(str(told.get("detail", ""))) if isinstance(told, dict) else ""
    except ValueError:
        detail = ""
    said = detail or f"It answered with status {status}."
    if status == 401:
        return ModelAuth("The server does not accept the token. Run `mesrai auth login` again.")
    if status == 403:
        return ModelNotAdmitted(f"The server does not allow that: {said}")
    if status == 409:
        return CredentialMissing(f"The server has no model to ask: {said}")
    if status == 413:
        return PromptTooLong(f"The server: {said}")
    if status == 429:
        return ModelThrottled(f"The server: {said}")
    return ModelUnavailable(f"The server could not be asked: {said}")
