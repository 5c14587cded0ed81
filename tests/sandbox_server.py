"""The stand-in provider on a free loopback port, in a thread of its own, for tests."""

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from mesrai.sandbox.app import sandbox_app
from mesrai.sandbox.faces import FACES
from mesrai.sandbox.overlay import overlay_toml
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

    def face(self, name: str) -> str:
        """The base URL of a face, by its id in `mesrai.sandbox.faces`."""
        return next(f"{self.root}{face.base}" for face in FACES if face.id == name)

    @property
    def mainland(self) -> str:
        """The base URL of Moonshot's mainland platform."""
        return self.face("moonshot_cn")

    @property
    def coding_global(self) -> str:
        """The base URL of the coding plan of kimi.ai."""
        return self.face("kimi_code_global")

    @property
    def openrouter(self) -> str:
        """The base URL of OpenRouter."""
        return self.face("openrouter")

    @property
    def anthropic(self) -> str:
        """The base URL of Anthropic itself."""
        return self.face("anthropic")

    @property
    def gemini(self) -> str:
        """The base URL of Google Gemini."""
        return self.face("gemini")

    @property
    def compat(self) -> str:
        """The base URL of the generic OpenAI-compatible address."""
        return self.face("compat")

    @property
    def zai(self) -> str:
        """The base URL of Z.ai's Developer API."""
        return self.face("zai")

    @property
    def zai_coding(self) -> str:
        """The base URL of the GLM Coding Plan."""
        return self.face("zai_coding")

    def overlay(self, folder: Path) -> Path:
        """A catalogue file, written into the folder, by which the vendors' addresses mean this server."""
        path = folder / "stand-in-catalogue.toml"
        path.write_text(overlay_toml(self.root), "utf-8")
        return path

    @property
    def calls(self) -> list[Called]:
        """The requests to models so far."""
        return self.stage.calls


@dataclass(frozen=True, kw_only=True)
class Got:
    """A response."""

    status: int
    headers: Any  # looked up without regard to case
    body: Any  # JSON, or the text

    @property
    def message(self) -> str:
        """The words of the error in it."""
        return str(self.body["error"]["message"])


def asked(url: str, body: Any = None, *, key: str = "", x_key: str = "", **headers: str) -> Got:
    """What the standard library gets: POST with a body, GET without. `key` goes as bearer, `x_key` as x-api-key."""
    raw = None if body is None else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= {"authorization": f"Bearer {key}"} if key else {}
    sent |= {"x-api-key": x_key} if x_key else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, raw, sent), timeout=5) as response:
            status, got, text = response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        status, got, text = error.code, error.headers, error.read().decode()
    is_json = "json" in got.get("content-type", "") and text
    return Got(status=status, headers=got, body=json.loads(text) if is_json else text)


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
