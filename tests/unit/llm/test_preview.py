"""The preview of a request is the request: made by the same functions, its key hidden."""

import asyncio
import json
from typing import Any

import pytest
from tests.endpoints import answering, http_response

from mesrai.domain.connection import Connection, Slot, Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import ModelError
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.connecting import Draft, connection_from
from mesrai.llm.dialect_anthropic import AnthropicMessages
from mesrai.llm.dialect_openai import OpenAIChat
from mesrai.llm.endpoint import Dialect
from mesrai.llm.model import Prompt, UserTurn
from mesrai.llm.preview import preview
from mesrai.llm.transport import open_session

CATALOGUE = load_catalogue()
SECRET = "sk-canary0123456789WXYZ"


def a_connection(provider: str, model: str, **more: Any) -> Connection:
    return connection_from(Draft(provider=provider, model=model, key=Secret(SECRET), **more), Slot.MAIN, CATALOGUE)


def test_kimi_is_asked_like_this() -> None:
    shown = preview(a_connection("moonshot", "kimi-k2.6", thinking=Thinking.OFF), CATALOGUE)
    assert (shown.method, shown.url) == ("POST", "https://api.moonshot.ai/v1/chat/completions")
    assert shown.headers == {
        "Content-Type": "application/json",
        "Accept": "text/event-stream",
        "Authorization": "Bearer ••••WXYZ",
    }
    assert {key: value for key, value in shown.body.items() if key not in ("messages", "tools", "response_format")} == {
        "model": "kimi-k2.6",
        "thinking": {"type": "disabled"},
        "max_completion_tokens": 16_384,
        "prompt_cache_key": "mesrai-0123456789ab",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert [tool["function"]["name"] for tool in shown.body["tools"]] == ["read_file"]
    assert json.loads(shown.text) == shown.body


def test_the_code_plan_is_asked_by_messages() -> None:
    shown = preview(a_connection("kimi_code", "kimi-for-coding"), CATALOGUE)
    assert shown.url == "https://api.kimi.com/coding/v1/messages"
    assert shown.headers["x-api-key"] == "••••WXYZ"
    assert shown.body["thinking"] == {"type": "enabled"}


def test_gemini_is_asked_in_its_own_format() -> None:
    shown = preview(
        a_connection("gemini", "gemini-2.5-flash", custom_json='{"thinkingConfig": {"thinkingBudget": 0}}'), CATALOGUE
    )
    assert shown.url.endswith("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse")
    assert shown.headers["x-goog-api-key"] == "••••WXYZ"
    assert shown.body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}


@pytest.mark.parametrize("provider", [row.id for row in CATALOGUE.providers if row.default_model])
def test_no_preview_shows_the_key(provider: str) -> None:
    shown = preview(a_connection(provider, "auto"), CATALOGUE)
    assert "canary" not in repr(shown) + shown.text + str(shown.headers)


def test_without_a_key_there_is_no_header_for_one() -> None:
    connection = connection_from(Draft(provider="ollama", model="qwen3"), Slot.MAIN, CATALOGUE)
    assert "Authorization" not in preview(connection, CATALOGUE).headers


@pytest.mark.parametrize(
    ("provider", "more"),
    [
        ("openai_compatible", {"custom_json": '{"thinking": {"type": "disabled"}}', "max_output_tokens": 500}),
        ("openai_compatible", {"temperature": 0.4}),
        ("anthropic_compatible", {"custom_json": '{"cacheControl": {"type": "ephemeral"}}'}),
    ],
)
def test_what_is_sent_is_what_was_shown(provider: str, more: dict[str, Any]) -> None:
    seen: list[bytes] = []
    prompt = Prompt(system="Be brief.", turns=(UserTurn(text="hello"),), max_output_tokens=500)

    async def ask() -> Connection:
        async with answering(http_response(b"{}", status="400 Bad Request"), seen=seen) as url:
            connection = a_connection(provider, "some-model", base_url=url, **more)
            endpoint = CATALOGUE.endpoint_for(connection)
            async with open_session("0") as session:
                is_openai = endpoint.dialect is Dialect.OPENAI
                model = OpenAIChat(endpoint, session) if is_openai else AnthropicMessages(endpoint, session)
                with pytest.raises(ModelError):
                    await model.ask(prompt)
        return connection

    shown = preview(asyncio.run(ask()), CATALOGUE, prompt)
    head, body = seen[0].split(b"\r\n\r\n", 1)
    assert json.loads(body) == shown.body
    assert shown.url.endswith(head.split(b" ")[1].decode())
    for name, value in shown.headers.items():
        assert f"{name}: {value}".lower().split("••••")[0].encode() in head
