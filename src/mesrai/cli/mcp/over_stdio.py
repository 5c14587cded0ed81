"""The protocol on standard input and output: a message a line."""

import asyncio
import threading
from typing import BinaryIO, Final

from mesrai.cli.mcp.offered import Offered
from mesrai.cli.mcp.session import Session
from mesrai.cli.mcp.wire import Code, Message, Refused, error_answer, written

_MOST_LINE: Final = 16 * 1024 * 1024


async def serve_stdio(offered: Offered, given: BinaryIO, out: BinaryIO) -> None:
    """Serve until the client closes its end; what still runs then is cancelled."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes] = asyncio.Queue(maxsize=0)

    def read() -> None:
        while line := given.readline(_MOST_LINE + 1):
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, b"")

    def send(message: Message) -> None:
        out.write(written(message) + b"\n")
        out.flush()

    # Standard input may be a pipe, a terminal or a file, for which asyncio has no one reader.
    threading.Thread(target=read, daemon=True).start()
    session = Session(offered)
    try:
        while line := await lines.get():
            if len(line) > _MOST_LINE:
                send(error_answer(Refused(Code.PARSE, "The message is too long.")))
                return
            if line.strip():
                await session.take(line, send)
    except BrokenPipeError:
        return
    finally:
        await session.close()
