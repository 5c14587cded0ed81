"""The stand-in provider: its faults on request, its memory, and what it refuses."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.sandbox_server import Sandbox, running_sandbox

from mesrai.sandbox.faults import NAMES, fault_from
from mesrai.sandbox.saying import Said, say

TOOL = {"type": "function", "function": {"name": "read_file", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(answer=lambda _: "Hello.", window=1_000, max_body=20_000) as running:
        yield running


@pytest.fixture(autouse=True)
def _clear(sandbox: Sandbox) -> None:
    sandbox.stage.clear()


def sent(url: str, body: Any = None, headers: dict[str, str] | None = None, key: str = "sk-1") -> tuple[int, Any, Any]:
    """Status, headers and body of a request by the standard library."""
    raw = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, raw, {"Authorization": f"Bearer {key}", **(headers or {})})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as response:
            status, got, text = response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        status, got, text = error.code, error.headers, error.read().decode()
    return status, got, json.loads(text) if text.startswith(("{", "[")) else text


def chat(
    sandbox: Sandbox, key: str = "sk-1", headers: dict[str, str] | None = None, **body: Any
) -> tuple[int, Any, Any]:
    asked = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hi"}], **body}
    return sent(f"{sandbox.openai}/chat/completions", asked, headers, key)


def test_an_answer_comes_in_the_form_of_either_surface(sandbox: Sandbox) -> None:
    status, _, whole = chat(sandbox)
    assert (status, whole["choices"][0]["message"]["content"]) == (200, "Hello.")
    asked = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    status, _, message = sent(f"{sandbox.root}/v1/messages", asked, {"anthropic-version": "2023-06-01"})
    assert (status, message["content"]) == (200, [{"type": "text", "text": "Hello."}])
    status, _, stream = chat(sandbox, stream=True, stream_options={"include_usage": True})
    assert stream.count("data: ") == 6
    assert stream.endswith("data: [DONE]\n\n")


def test_faults_come_by_key_by_script_and_by_header(sandbox: Sandbox) -> None:
    assert chat(sandbox, key="sk-sim-overloaded")[0] == 429
    sent(f"{sandbox.root}/__sim/faults", ["server_error", None, "throttle_retry_after;seconds=3"])
    assert [chat(sandbox)[0] for _ in range(2)] == [500, 200]
    status, headers, _ = chat(sandbox)
    assert (status, headers["retry-after"]) == (429, "3")
    header = {"x-sim-fault": "no_model;n=2"}
    assert [chat(sandbox, headers=header)[0] for _ in range(3)] == [404, 404, 200]
    sent(f"{sandbox.root}/__sim/faults", {"key": "sk-2", "fault": "no_credit"})
    assert [chat(sandbox, key=key)[0] for key in ("sk-2", "sk-1")] == [402, 200]


def test_calls_are_counted_and_forgotten_on_request(sandbox: Sandbox) -> None:
    chat(sandbox)
    chat(sandbox, key="sk-sim-quota")
    _, _, calls = sent(f"{sandbox.root}/__sim/calls?bodies")
    assert (calls["count"], calls["most_in_flight"]) == (2, 1)
    assert [(call["status"], call["fault"], call["model"]) for call in calls["calls"]] == [
        (200, "", "kimi-k2.6"),
        (429, "quota", "kimi-k2.6"),
    ]
    assert calls["calls"][0]["body"]["messages"] == [{"role": "user", "content": "Hi"}]
    assert "sk-" not in json.dumps(calls)
    sent(f"{sandbox.root}/__sim/reset", {})
    assert sent(f"{sandbox.root}/__sim/calls")[2]["count"] == 0


def test_an_unknown_fault_is_a_mistake(sandbox: Sandbox) -> None:
    status, _, told = sent(f"{sandbox.root}/__sim/faults", ["no_such_fault"])
    assert status == 400
    assert "overloaded" in told["error"]
    with pytest.raises(ValueError, match="no_such_fault"):
        fault_from("no_such_fault")
    assert all(fault_from(name) is not None for name in NAMES)


THINKING_CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "a:0", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "a:0", "content": "x"}
USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": []}, "messages must not be empty"),
        ({"messages": [{"role": "user", "content": ""}]}, "text content is empty"),
        ({"messages": [{"role": "user", "content": "word " * 1_000}]}, "exceeded model token limit: 1000"),
        ({"messages": [USER, THINKING_CALL, RESULT]}, "reasoning_content is missing in assistant tool call message"),
        ({"messages": [USER, {**THINKING_CALL, "reasoning_content": ""}]}, "tool_call_id not found"),
        ({"messages": [USER, {**THINKING_CALL, "reasoning_content": ""}, USER]}, "tool_call_id not found"),
        ({"messages": [USER, RESULT]}, "tool_call_id not found"),
        ({"temperature": 0}, "invalid temperature: only 1 is allowed"),
        ({"tools": [{"function": {"name": "a", "parameters": {"type": "object"}}}]}, "function name is invalid"),
        ({"tools": [TOOL, TOOL]}, "function name read_file is duplicated"),
        ({"tools": [TOOL], "tool_choice": {"type": "function"}}, "incompatible with thinking enabled"),
    ],
)  # fmt: skip
def test_what_the_real_ones_refuse_is_refused(sandbox: Sandbox, body: dict[str, Any], words: str) -> None:
    status, _, told = chat(sandbox, **body)
    assert status == 400
    assert words in told["error"]["message"]


def test_empty_reasoning_is_enough_to_go_on(sandbox: Sandbox) -> None:
    assert chat(sandbox, messages=[USER, {**THINKING_CALL, "reasoning_content": ""}, RESULT])[0] == 200
    assert chat(sandbox, messages=[USER, THINKING_CALL, RESULT], thinking={"type": "disabled"})[0] == 200


def test_keys_belong_to_their_plan_and_the_gate_is_shut(sandbox: Sandbox) -> None:
    asked = {"model": "kimi-for-coding", "max_tokens": 9, "messages": [USER]}
    version = {"anthropic-version": "2023-06-01"}
    assert sent(f"{sandbox.coding}/v1/chat/completions", asked, key="sk-kimi-1")[0] == 403
    assert sent(f"{sandbox.coding}/v1/messages", asked, version, "sk-kimi-1")[0] == 200
    assert chat(sandbox, key="sk-kimi-1")[0] == 401
    assert chat(sandbox, key="")[0] == 401
    big = {**asked, "messages": [{"role": "user", "content": "x" * 20_001}]}
    status, _, told = sent(f"{sandbox.coding}/v1/messages", big, version, "sk-kimi-1")
    assert (status, "exceeds limit 20000" in told["error"]["message"]) == (400, True)


def test_the_cheap_questions_about_an_account_are_answered(sandbox: Sandbox) -> None:
    assert sent(f"{sandbox.openai}/models")[2]["data"][0]["context_length"] == 1_000
    assert sent(f"{sandbox.openai}/models", key="")[0] == 401
    assert sent(f"{sandbox.coding}/v1/me", key="sk-kimi-1")[2]["status"] == "active"
    assert sent(f"{sandbox.openai}/users/me/balance", key="sk-sim-quota")[2]["data"]["available_balance"] < 0
    assert sandbox.calls == []


def test_an_answerer_may_be_a_coroutine_and_give_every_part() -> None:
    async def answer(_: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"content": "c", "reasoning": "r", "tool_calls": [{"name": "f", "arguments": {"a": 1}}]}

    said = asyncio.run(say(answer, {}))
    assert (said.content, said.reasoning, said.finish) == ("c", "r", "tool_calls")
    assert [(call.id, call.name, call.arguments) for call in said.calls] == [("f:0", "f", '{"a": 1}')]
    assert asyncio.run(say(lambda _: "t", {})) == Said(content="t")
