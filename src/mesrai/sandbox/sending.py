"""How the stand-in sends a stream: as it should be, or with the fault that is asked for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from mesrai.sandbox.faults import Fault

_PIECE_CHARS: Final = 4_000
_PING_S: Final = 0.02


class ConnectionBroken(Exception):
    """Ends a response in the middle, without its proper end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The events of one streamed answer, and those that go wrong, in the form of a surface."""

    body: list[bytes]
    ending: list[bytes]  # what makes it complete, the mark of the end last
    ping: bytes
    garbage: bytes
    error: bytes
    error_in_choice: bytes


def pieces(text: str) -> list[str]:
    """The text cut as a stream would; none of an empty text."""
    return [text[at : at + _PIECE_CHARS] for at in range(0, len(text), _PIECE_CHARS)]


async def sent(frames: Frames, fault: Fault | None, *, hold_s: float) -> AsyncIterator[bytes]:
    """The bytes to send. What should never end is held for `hold_s` at most."""
    name = fault.name if fault else ""
    most = int(fault.number("after", max(1, len(frames.body) - 1))) if fault else 0
    some = b"".join(frames.body[:most])
    if name == "comments_only":
        async for ping in _pings(frames, hold_s):
            yield ping
    elif name in ("cut_stream", "broken_connection", "garbage_event"):
        yield some + (frames.garbage if name == "garbage_event" else b"")
        if name == "broken_connection":
            await asyncio.sleep(_PING_S)  # so that what was sent arrives first
            raise ConnectionBroken
    elif name in ("error_in_200", "error_choice"):
        yield some + (frames.error if name == "error_in_200" else frames.error_in_choice)
    elif name == "stall":
        yield some
        await asyncio.sleep(hold_s)
    elif name == "no_done":
        yield b"".join(frames.body + frames.ending[:-1])
        await asyncio.sleep(hold_s)
    else:
        if fault and name == "slow_first_token":
            yield frames.ping
            await asyncio.sleep(min(fault.number("ms", 200) / 1000, hold_s))
        yield b"".join(frames.body + frames.ending)


async def _pings(frames: Frames, hold_s: float) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    until = loop.time() + hold_s
    while loop.time() < until:
        yield frames.ping
        await asyncio.sleep(_PING_S)
