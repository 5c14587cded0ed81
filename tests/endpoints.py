"""Endpoints and prompts for tests of the dialects, and a server that answers with given bytes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mesrai.domain.secret import Secret
from mesrai.llm.endpoint import Dialect, Endpoint, Timeouts, Traits
from mesrai.llm.model import AnswerShape, Profile, Prompt, Structured, Tool, UserTurn

SHAPE = AnswerShape(
    name="submit_review",
    description="Hand in the review.",
    schema={
        "type": "object",
        "properties": {"summary": {"type": "string"}, "findings": {"type": "array", "items": {"type": "object"}}},
        "required": ["summary", "findings"],
        "additionalProperties": False,
    },
)
READ_FILE = Tool(
    name="read_file",
    description="Read a file.",
    parameters={
        "type": "object",
        "properties": {"path": {"type": "string"}},
        "required": ["path"],
        "additionalProperties": False,
    },
)
SHORT = Timeouts(connect_s=2, first_token_s=0.15, idle_s=0.1, total_s=2)
AMPLE = Timeouts(connect_s=2, first_token_s=5, idle_s=5, total_s=5)


def an_endpoint(base_url: str = "http://127.0.0.1:9/v1", **changes: Any) -> Endpoint:
    """A Kimi model on an OpenAI surface; `profile` and `traits` are changes to those."""
    profile: dict[str, Any] = {"provider": "moonshot", "model": "kimi-k2.6", "window": 200_000, "max_output": 32_000}
    facts: dict[str, Any] = {
        "dialect": Dialect.OPENAI,
        "base_url": base_url,
        "key": Secret("sk-sim-ok"),
        "profile": Profile(**(profile | changes.pop("profile", {}))),
        "traits": Traits(**changes.pop("traits", {})),
        "timeouts": AMPLE,
    }
    return Endpoint(**(facts | changes))


def a_prompt(text: str = "Review this.", **changes: Any) -> Prompt:
    facts: dict[str, Any] = {"system": "You review code.", "turns": (UserTurn(text=text),)}
    return Prompt(**(facts | changes))


def tool_profile(**changes: Any) -> dict[str, Any]:
    """Changes to a profile whose model answers by a tool call."""
    return {"structured": Structured.TOOL, **changes}


def http_response(
    body: bytes, *, status: str = "200 OK", content_type: str = "text/event-stream", more: str = ""
) -> bytes:
    """A whole response that ends with the connection."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n{more}connection: close\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def answering(*responses: bytes | None, seen: list[bytes] | None = None) -> AsyncIterator[str]:
    """A server that answers one connection after the other with these bytes (None: hangs up); yields its base URL."""
    left = list(responses)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = [line.split(b":", 1) for line in head.lower().split(b"\r\n") if b":" in line]
        length = next((int(value) for name, value in fields if name == b"content-length"), 0)
        body = await reader.readexactly(length)
        if seen is not None:
            seen.append(head.lower() + body)
        response = left.pop(0) if len(left) > 1 else left[0]
        if response is not None:
            writer.write(response)
            await writer.drain()
        writer.close()

    async with _serving(serve) as port:
        yield f"http://127.0.0.1:{port}/v1"


@asynccontextmanager
async def _serving(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
