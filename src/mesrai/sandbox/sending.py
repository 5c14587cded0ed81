"""How the stand-in sends a stream: as it should be, or with the fault that is asked for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from mesrai.sandbox.faults import Fault

_PIECE_CHARS: Final = 4_000
_PING_S: Final = 0.02
_PROCESSING: Final = b": OPENROUTER PROCESSING\n\n"


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


async def sent(
    frames: Frames, fault: Fault | None, *, hold_s: float, over_s: float = 0.0
) -> AsyncIterator[tuple[bytes, bool]]:
    """The bytes to send, each piece with whether it is the last.

    What should never end is held for `hold_s` at most. A good answer is spread over `over_s` seconds.
    """
    name = fault.name if fault else ""
    most = int(fault.number("after", max(1, len(frames.body) - 1))) if fault else 0
    some = b"".join(frames.body[:most])
    if name == "comments_only":
        async for ping in _pings(frames, hold_s):
            yield ping, False
    elif name in ("cut_stream", "broken_connection", "garbage_event"):
        yield some + (frames.garbage if name == "garbage_event" else b""), name != "broken_connection"
        if name == "broken_connection":
            await asyncio.sleep(_PING_S)  # so that what was sent arrives first
            raise ConnectionBroken
    elif name in ("error_in_200", "error_choice"):
        yield some + (frames.error if name == "error_in_200" else frames.error_in_choice), True
    elif name in ("stall", "no_done"):
        yield (some if name == "stall" else b"".join(frames.body + frames.ending[:-1])), False
        await asyncio.sleep(hold_s)
    else:
        async for piece in _well_sent(frames, fault, hold_s, over_s):
            yield piece


async def _well_sent(
    frames: Frames, fault: Fault | None, hold_s: float, over_s: float
) -> AsyncIterator[tuple[bytes, bool]]:
    """All of it, with what may stand before and between."""
    if fault and fault.name == "slow_first_token":
        yield frames.ping, False
        await asyncio.sleep(min(fault.number("ms", 200) / 1000, hold_s))
    if fault and fault.name == "openrouter_comments":
        yield _PROCESSING * 3, False
    if fault and fault.name == "blank_lines":
        yield b"".join(frames.ping + b"\n\n" + frame for frame in frames.body), False
        yield b"".join(frames.ending), True
        return
    if over_s:
        for frame in frames.body:
            yield frame, False
            await asyncio.sleep(over_s / len(frames.body))
    yield b"".join(frames.ending if over_s else frames.body + frames.ending), True


async def _pings(frames: Frames, hold_s: float) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    until = loop.time() + hold_s
    while loop.time() < until:
        yield frames.ping
        await asyncio.sleep(_PING_S)
