"""A connection tested against the stand-in provider, by the very dialects that reviews use."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.endpoints import http_response
from tests.sandbox_server import Sandbox

from mesrai.domain.connection import Connection, Slot
from mesrai.domain.secret import Secret
from mesrai.llm.catalogue import Catalogue, load_catalogue
from mesrai.llm.dialect_anthropic import AnthropicMessages
from mesrai.llm.dialect_gemini import GeminiContent
from mesrai.llm.dialect_openai import OpenAIChat
from mesrai.llm.endpoint import Dialect, Endpoint, Timeouts
from mesrai.llm.model import Model
from mesrai.llm.probe import probe
from mesrai.llm.probe_home import find_home
from mesrai.llm.probing import Home, StageResult, Tested
from mesrai.llm.transport import Session, open_session

QUICK = Timeouts(connect_s=2, first_token_s=2, idle_s=0.5, total_s=3)
ModelMaker = Callable[[Model], Model]


@dataclass
class Bench:
    """A stand-in and the catalogue by which vendors' addresses mean it."""

    sandbox: Sandbox
    catalogue: Catalogue
    watched: list[StageResult] = field(default_factory=list)

    def connection(self, provider: str = "moonshot", key: str = "sk-sim-ok-tier1", **changes: Any) -> Connection:
        """A connection to that provider's face."""
        row = self.catalogue.provider(provider)
        facts: dict[str, Any] = {
            "slot": Slot.MAIN,
            "provider": provider,
            "base_url": row.base_url,
            "model": row.default_model or "stand-in",
            "key": Secret(key) if key else None,
        }
        return Connection(**(facts | changes))

    def test(
        self,
        provider: str = "moonshot",
        key: str = "sk-sim-ok-tier1",
        *,
        is_full: bool = False,
        through: ModelMaker = lambda own: own,
        **changes: Any,
    ) -> Tested:
        """The test of such a connection; what was watched is in `watched`."""
        return asyncio.run(self.tested(self.connection(provider, key, **changes), is_full=is_full, through=through))

    async def tested(self, connection: Connection, *, is_full: bool, through: ModelMaker = lambda own: own) -> Tested:
        """The same, inside an event loop."""
        self.watched.clear()
        async with open_session("0") as session:
            return await probe(
                connection,
                catalogue=self.catalogue,
                session=session,
                model=through(self.model(connection, session)),
                is_full=is_full,
                watch=self.watched.append,
            )

    def model(self, connection: Connection, session: Session) -> Model:
        """The connection's model, without retries."""
        endpoint = self.catalogue.endpoint_for(connection, QUICK)
        makers: dict[Dialect, Callable[[Endpoint, Session], Model]] = {
            Dialect.OPENAI: OpenAIChat,
            Dialect.ANTHROPIC: AnthropicMessages,
            Dialect.GEMINI: GeminiContent,
        }
        return makers[endpoint.dialect](endpoint, session)

    def homes(self, provider: str, key: str) -> dict[str, Home]:
        """What the vendor's other endpoints say of a key, by provider."""

        async def search() -> dict[str, Home]:
            async with open_session("0") as session:
                found = await find_home(self.connection(provider, key), self.catalogue, session)
                return {home.provider: home for home in found}

        return asyncio.run(search())


def probed_at(
    provider: str,
    replies: Mapping[str, tuple[int, Any]],
    folder: Path,
    *,
    is_open: bool = False,
    below: str = "",
    **changes: Any,
) -> Tested:
    """The free test of a connection to a vendor that answers these paths below its base URL, with status and body.

    Without the key, every path is refused with 401, unless it is open; a path that is not named with 404. The
    connection may be to a path below the vendor's own.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1].split("?")[0].removeprefix("/own")
        status, body = replies.get(path, (404, {"error": {"message": "method not found"}}))
        if not is_open and "0123456789" not in head:
            status, body = 401, {"error": {"message": "No key", "type": "invalid_authentication_error"}}
        if status:
            text = body if isinstance(body, str) else json.dumps(body)
            writer.write(http_response(text.encode(), status=f"{status} S", content_type="application/json"))
            await writer.drain()
        writer.close()

    async def run() -> Tested:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/own"
            overlay = folder / "own.toml"
            overlay.write_text(f'[[provider]]\nid = "{provider}"\nbase_url = "{base_url}"\n', "utf-8")
            catalogue = load_catalogue(overlay)
            row = catalogue.provider(provider)
            facts: dict[str, Any] = {
                "slot": Slot.MAIN,
                "provider": provider,
                "base_url": base_url + below,
                "model": row.default_model,
                "key": Secret("k-0123456789"),
            }
            connection = Connection(**(facts | changes))
            async with open_session("0") as session:
                endpoint = catalogue.endpoint_for(connection, QUICK)
                return await probe(
                    connection,
                    catalogue=catalogue,
                    session=session,
                    model=OpenAIChat(endpoint, session),
                    is_full=False,
                    watch=lambda _: None,
                )

    return asyncio.run(run())


def a_bench(sandbox: Sandbox, folder: Path) -> Bench:
    return Bench(sandbox=sandbox, catalogue=load_catalogue(sandbox.overlay(folder)))
