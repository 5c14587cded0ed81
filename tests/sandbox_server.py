"""The stand-in provider on a free loopback port, in a thread of its own, for tests."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from mesrai.sandbox.app import sandbox_app
from mesrai.sandbox.stage import Called, Stage


@dataclass(frozen=True)
class Sandbox:
    """A running stand-in: where it is, and what it remembers. Reading its memory from another thread is safe enough."""

    port: int
    stage: Stage

    @property
    def root(self) -> str:
        """The base URL of the Anthropic surface."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai(self) -> str:
        """The base URL of the OpenAI surface."""
        return f"{self.root}/v1"

    @property
    def coding(self) -> str:
        """The base URL of the coding plan's messages surface."""
        return f"{self.root}/coding"

    @property
    def calls(self) -> list[Called]:
        """The requests to models so far."""
        return self.stage.calls


@contextmanager
def running_sandbox(**changes: Any) -> Iterator[Sandbox]:
    """Run it with these manners (fields of `mesrai.sandbox.app.Manners`) until the block ends."""
    app = sandbox_app(**{"hold_s": 3.0, **changes})
    # The protocol is named so that asyncio turns Nagle's algorithm off; else each answer takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield Sandbox(port=listener.getsockname()[1], stage=app.state.stage)
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(timeout=5)
        listener.close()
