"""A streamed answer: server-sent events read from bytes, and the deadlines for its phases."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Final, Self

from mesrai.errors import AnswerUnreadable, ModelTimeout
from mesrai.llm.endpoint import Timeouts

END_OF_STREAM: Final = "[DONE]"
_MOST_BYTES: Final = 64 * 1024 * 1024  # of one answer; nothing a model writes comes near
_AFTER_WHOLE_S: Final = 5.0  # for what may still follow a complete answer, such as its usage
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"
_FIRST_OF_STREAM: Final = b":deir"  # a comment, or one of the fields data, event, id, retry


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    name: str  # empty if it has none
    data: str


class Taken(Enum):
    """What an event meant to whoever reads the answer."""

    NOTHING = auto()  # a ping or the like: it does not show that the model is at work
    SOMETHING = auto()
    WHOLE = auto()  # the answer is complete, though more may follow
    END = auto()  # nothing follows


class EventReader:
    """Turns bytes, however they are cut, into events. Comments and fields other than data and event are skipped."""

    def __init__(self) -> None:
        self._line: list[bytes] = []  # of the line that has not ended
        self._is_after_cr = False
        self._is_first = True
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that this chunk completes."""
        if not chunk:
            return []
        if self._is_after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the second half of a CR LF
        self._is_after_cr = chunk.endswith(b"\r")
        *ended, rest = _LINE_END.split(chunk)
        events: list[Event] = []
        for line in ended:
            self._line.append(line)
            self._read_line(b"".join(self._line), events)
            self._line.clear()
        if rest:
            self._line.append(rest)
        return events

    def close(self) -> list[Event]:
        """The last event, if the stream ended without the blank line that should follow it, and it is complete."""
        events: list[Event] = []
        if self._line:
            self._read_line(b"".join(self._line), events)
            self._line.clear()
        self._read_line(b"", events)
        return [event for event in events if event.data == END_OF_STREAM or _is_json(event.data)]

    def _read_line(self, line: bytes, events: list[Event]) -> None:
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(_BOM)
        if not line:
            data, name = "\n".join(self._data), self._name
            self._data.clear()
            self._name = ""
            if data:
                events.append(Event(name=name, data=data))
            return
        field, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value


class Patience:
    """The deadlines of one request, as an async context manager around all of it.

    Leaving it raises ModelTimeout if the deadline of the running phase passed.
    """

    def __init__(self, timeouts: Timeouts, *, after_whole_s: float = _AFTER_WHOLE_S) -> None:
        """Allow what `timeouts` say, and after a complete answer `after_whole_s` for what may still follow."""
        self._timeouts = timeouts
        self._after_whole_s = after_whole_s
        self._scope = asyncio.timeout(None)
        self._began = 0.0
        self._phase = ""

    async def __aenter__(self) -> Self:
        self._began = asyncio.get_running_loop().time()
        await self._scope.__aenter__()
        self._wait(self._timeouts.first_token_s, "it sent nothing of an answer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError as passed:
            raise ModelTimeout(f"The provider did not answer in time: {self._phase}.") from passed

    def note(self, taken: Taken) -> None:
        """Set the next deadline by what just came."""
        if taken is Taken.SOMETHING:
            self._wait(self._timeouts.idle_s, "the answer stopped coming")
        elif taken is Taken.WHOLE:
            self._wait(self._after_whole_s, "the end of the stream did not come")

    def _wait(self, seconds: float, phase: str) -> None:
        now = asyncio.get_running_loop().time()
        total = self._began + self._timeouts.total_s
        if now + seconds < total:
            self._phase = f"{phase} for {seconds:g} s"
            when = now + seconds
        else:
            self._phase = f"the whole answer took longer than {self._timeouts.total_s:g} s"
            when = total
        self._scope.reschedule(when)


async def read_answer(chunks: AsyncIterator[bytes], patience: Patience, take: Callable[[Event], Taken]) -> bytes | None:
    """Hand every event of a stream to `take` until it says END; None then.

    A body that is no event stream (JSON, a page, nothing) is returned whole instead, and `take` is never called.
    Errors: those of `take` and of `chunks`; AnswerUnreadable if there is no end to it.
    """
    head = b""
    size = 0
    reader = EventReader()
    is_stream = False
    async for chunk in chunks:
        size += len(chunk)
        if size > _MOST_BYTES:
            raise AnswerUnreadable(f"The provider sent more than {_MOST_BYTES >> 20} MiB for one answer.")
        if not is_stream:
            head += chunk
            start = head.lstrip(b" \t\r\n" + _BOM)[:1]
            if not start:
                continue
            if start not in _FIRST_OF_STREAM:
                return await _rest(head, chunks, patience)
            is_stream = True
            ended = _take_all(reader.feed(head), patience, take)
        else:
            ended = _take_all(reader.feed(chunk), patience, take)
        if ended:
            return None
    if not is_stream:
        return head
    _take_all(reader.close(), patience, take)
    return None


async def _rest(head: bytes, chunks: AsyncIterator[bytes], patience: Patience) -> bytes:
    """The whole body that begins with `head`."""
    parts, size = [head], len(head)
    async for chunk in chunks:
        if chunk.strip():
            patience.note(Taken.SOMETHING)
        size += len(chunk)
        if size > _MOST_BYTES:
            raise AnswerUnreadable(f"The provider sent more than {_MOST_BYTES >> 20} MiB for one answer.")
        parts.append(chunk)
    return b"".join(parts)


def _take_all(events: list[Event], patience: Patience, take: Callable[[Event], Taken]) -> bool:
    """Whether the stream is at its end."""
    most = Taken.NOTHING
    for event in events:
        taken = Taken.END if event.data == END_OF_STREAM else take(event)
        if taken is Taken.END:
            return True
        most = taken if taken is not Taken.NOTHING else most
    patience.note(most)
    return False


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
