"""One question put to a provider over HTTP, in whatever dialect: sent, and read to its end or its error."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from mesrai.domain.connection import Thinking
from mesrai.domain.usage import Usage
from mesrai.errors import AnswerCut, AnswerEmpty, ModelError, ModelTimeout, ModelUnknown
from mesrai.llm.classify import error_said, request_id_in
from mesrai.llm.endpoint import Endpoint
from mesrai.llm.error_body import Said, read_error, said_in
from mesrai.llm.headers import request_headers
from mesrai.llm.money import priced
from mesrai.llm.refused import Refused, refused_field, without
from mesrai.llm.stream import Event, Patience, Taken, read_answer
from mesrai.llm.transport import Reply, Request, Session
from mesrai.llm.words import HIDDEN

_DECODER: Final = json.JSONDecoder(strict=False)  # made once, since a stream has thousands of events
_MOST_REFUSALS: Final = 4  # fields one question may have to do without
_MOST_ERROR_BYTES: Final = 256_000
_LEAST_KEY: Final = 8  # letters; a shorter one could be any word


class Reading(Protocol):
    """An answer as it is put together by a dialect."""

    @property
    def is_whole(self) -> bool:
        """Whether all of the answer has come."""
        ...

    @property
    def usage(self) -> Usage:
        """The tokens of it, as far as counted, without their price."""
        ...

    @property
    def is_counted(self) -> bool:
        """Whether the provider counted the tokens."""
        ...

    @property
    def written_tokens(self) -> int:
        """Of the input tokens, those put into the cache, where that is billed."""
        ...

    @property
    def stated_cost(self) -> Decimal | None:
        """The money the provider states, if it does."""
        ...

    def take(self, payload: Mapping[str, Any]) -> Taken:
        """Add one event of a stream. Errors: ErrorInside."""
        ...

    def take_whole(self, payload: Mapping[str, Any]) -> bool:
        """Take an answer that came in one piece; False if this is no answer. Errors: ErrorInside."""
        ...


R = TypeVar("R", bound=Reading)


class ErrorInside(Exception):
    """The provider put an error where an answer was expected."""

    def __init__(self, said: Said) -> None:
        super().__init__("an error in place of an answer")
        self.said = said


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """How an answer came."""

    usage: Usage
    request_id: str
    notices: tuple[str, ...] = ()
    took_s: float


@dataclass(slots=True)
class _Course:
    """What is known while one request is under way."""

    request_id: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    has_begun: bool = False  # part of an answer has come, so there is something to pay


class Exchange:
    """Sends one endpoint's questions, and remembers which optional fields it does not take."""

    def __init__(self, endpoint: Endpoint, session: Session, *, path: str, headers: Mapping[str, str]) -> None:
        self._endpoint = endpoint
        self._session = session
        self._url = endpoint.base_url + path
        self._headers = headers
        self._host = _host_of(endpoint.base_url)
        self._left_out: dict[str, Refused] = {}
        self._optional: Collection[str] = {
            *endpoint.traits.extra_body,
            endpoint.traits.cache_key_field,
            *(name for fields in endpoint.traits.thinking.values() for name in fields),
        }
        # What a person wrote as custom JSON is sent or the question fails: it must not vanish behind a notice.
        own = endpoint.traits.thinking.get(Thinking.CUSTOM, {}) if endpoint.thinking is Thinking.CUSTOM else {}
        self._kept: Collection[str] = frozenset(own)

    async def ask(self, body: Mapping[str, Any], reading: Callable[[], R]) -> tuple[R, Received]:
        """Send `body` and read the answer into a new reading.

        An optional field that is refused is left out from then on, and the question sent again. Errors: ModelError,
        with the requests it took in `calls`.
        """
        began = asyncio.get_running_loop().time()
        calls = 0
        while True:
            sent = self._trimmed(body)
            calls += 1
            try:
                answer, course = await self._once(sent, reading())
            except _Refusal as refusal:
                refusal.error.calls = calls
                if calls > _MOST_REFUSALS or not self._learn(refusal, sent, body):
                    raise refusal.error from None
                continue
            except ModelError as error:
                error.calls = calls
                raise
            return answer, Received(
                usage=replace(self._usage(answer, course), calls=calls),
                request_id=course.request_id,
                took_s=asyncio.get_running_loop().time() - began,
                notices=tuple(self._notice(refused) for refused in self._left_out.values()),
            )

    async def _once(self, body: Mapping[str, Any], answer: R) -> tuple[R, _Course]:
        course = _Course()
        patience = Patience(self._endpoint.timeouts)
        try:
            async with patience, self._session.send(self._request(body)) as reply:
                course.status, course.headers = reply.status, reply.headers
                course.request_id = request_id_in(reply.headers)
                await self._read(reply, patience, answer, course)
        except ErrorInside as inside:
            refusal = self._refusal(inside.said, course)
            refusal.error.usage = self._usage(answer, course)
            raise refusal from None
        except (ModelTimeout, AnswerCut) as error:
            if not answer.is_whole:
                raise self._named(error, course, answer) from error
        except ModelError as error:
            raise self._named(error, course, answer) from error
        if not answer.is_whole:
            raise self._named(AnswerCut("The stream ended before the answer was complete."), course, answer)
        return answer, course

    async def _read(self, reply: Reply, patience: Patience, answer: Reading, course: _Course) -> None:
        if not 200 <= reply.status < 300:
            raise ErrorInside(read_error(await reply.body(_MOST_ERROR_BYTES)))
        async with aclosing(reply.chunks()) as chunks:
            body = await read_answer(chunks, patience, lambda event: _taken(answer, event, course))
        if body is None:
            await reply.finish()
            return
        if not body.strip():
            raise AnswerEmpty("The provider answered with an empty body.")
        _take_whole(body, answer)

    def _request(self, body: Mapping[str, Any]) -> Request:
        encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return Request(
            url=self._url,
            headers=request_headers(self._endpoint, self._headers),
            body=encoded,
            connect_s=self._endpoint.timeouts.connect_s,
        )

    def _trimmed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        trimmed = dict(body)
        for refused in self._left_out.values():
            trimmed = without(trimmed, refused)
        return trimmed

    def _learn(self, refusal: "_Refusal", sent: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
        """Whether there is something to leave out that was sent; it is left out from now on."""
        found = refused_field(refusal.error, refusal.said, sent, self._optional, self._kept)
        if found is None or found.renamed in self._left_out:
            return False
        if found.name in self._left_out and found.cap is None:
            # Another question learned it while this one was under way; or leaving it out did not help.
            return self._trimmed(body) != sent
        self._left_out[found.name] = found
        return True

    def _notice(self, refused: Refused) -> str:
        profile = self._endpoint.profile
        if refused.cap is not None:
            done = f"it is lowered to {refused.cap}"
        elif refused.renamed:
            done = f"it is sent as `{refused.renamed}`"
        else:
            done = "it is left out"
        return f"{profile.provider} does not take `{refused.name}` for {profile.model}, so {done}."

    def _refusal(self, said: Said, course: _Course) -> "_Refusal":
        profile, key = self._endpoint.profile, self._endpoint.key
        if key and len(key.open()) >= _LEAST_KEY:  # should the provider repeat it in a form that does not look like one
            said = replace(said, text=said.text.replace(key.open(), HIDDEN))
        error = error_said(
            said, course.status or 0, course.headers, provider=profile.provider, model=profile.model, host=self._host
        )
        return _Refusal(error, said)

    def _named(self, error: ModelError, course: _Course, answer: Reading) -> ModelError:
        """The error with what its origin could not know."""
        profile = self._endpoint.profile
        named = type(error)(
            f"{profile.provider}/{profile.model}: {error.message}",
            provider=profile.provider,
            model=profile.model,
            status=error.status or course.status,
            request_id=course.request_id,
        )
        named.usage = self._usage(answer, course)
        return named

    def _usage(self, answer: Reading, course: _Course) -> Usage:
        """What the answer, or what came of it, cost; the money is unknown where it was not counted to the end."""
        if answer.is_whole and answer.is_counted:
            price, stated = self._endpoint.profile.price, answer.stated_cost
            return priced(answer.usage, price, stated, written=answer.written_tokens)
        return replace(answer.usage, cost=None) if course.has_begun or answer.is_whole else Usage()


class _Refusal(Exception):
    """A typed error together with the words it was made from."""

    def __init__(self, error: ModelError, said: Said) -> None:
        super().__init__(error.message)
        self.error = error
        self.said = said


def _taken(answer: Reading, event: Event, course: _Course) -> Taken:
    try:
        payload = _DECODER.decode(event.data)
    except (ValueError, RecursionError) as error:
        raise AnswerCut("The provider sent a part of the answer that cannot be read.") from error
    if isinstance(payload, list) and said_in(payload).is_shaped:  # Google's errors may stand in an array
        raise ErrorInside(said_in(payload))
    if not isinstance(payload, dict):
        return Taken.NOTHING
    if event.name == "error" or payload.get("error"):
        raise ErrorInside(said_in(payload))
    taken = answer.take(payload)
    course.has_begun = course.has_begun or taken is not Taken.NOTHING
    return taken


def _take_whole(body: bytes, answer: Reading) -> None:
    try:
        payload = json.loads(body, strict=False)
    except (ValueError, RecursionError):
        payload = None
        if body.lstrip().startswith(b"{"):
            raise AnswerCut("The provider sent an answer that cannot be read.") from None
    if isinstance(payload, dict) and answer.take_whole(payload):
        return
    said = read_error(body)
    if said.is_shaped:
        raise ErrorInside(said)
    what = "a web page" if said.is_html else "something else"
    raise ModelUnknown(f"The base URL answers, but with {what} in place of a model's answer. Check the base URL.")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
