"""The rules that depend on the model: sampling, thinking, tools and their schemas, with the vendor's words."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from tests.sandbox_server import Got, Sandbox, asked, running_sandbox

KEY = "sk-sim-ok-tier5"
USER = {"role": "user", "content": "Hi"}
VERSION = {"anthropic_version": "2023-06-01"}
OFF: dict[str, Any] = {"thinking": {"type": "disabled"}}
ON: dict[str, Any] = {"thinking": {"type": "enabled"}}
MFJS = "Invalid request: tools.function.parameters is not a valid moonshot flavored json schema, details: <At path "


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    answer = {"content": "Hello.", "reasoning": None}
    with running_sandbox(answer=lambda _: answer, on=date(2026, 8, 1)) as running:
        yield running


@pytest.fixture(autouse=True)
def _clear(sandbox: Sandbox) -> None:
    sandbox.stage.clear()


def chat(sandbox: Sandbox, model: str, **more: Any) -> Got:
    return asked(f"{sandbox.openai}/chat/completions", {"model": model, "messages": [USER], **more}, key=KEY)


def plan(sandbox: Sandbox, model: str, **more: Any) -> Got:
    body = {"model": model, "max_tokens": 999, "messages": [USER], **more}
    return asked(f"{sandbox.coding}/v1/messages", body, x_key="sk-kimi-sim-ok", **VERSION)


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        ("kimi-k2.6", {"temperature": 0}, "invalid temperature: only 1 is allowed for this model"),
        ("kimi-k2.6", {"temperature": 1, **OFF}, "invalid temperature: only 0.6 is allowed for this model"),
        ("kimi-k2.5", {"temperature": 0.6, **ON}, "invalid temperature: only 1 is allowed for this model"),
        ("kimi-k2.7-code", {"top_p": 1}, "invalid top_p: only 0.95 is allowed for this model"),
        ("kimi-k3", {"n": 2}, "invalid n: only 1 is allowed for this model"),
        ("kimi-k3", {"presence_penalty": 1}, "invalid presence_penalty: only 0 is allowed for this model"),
        ("kimi-k3", {"logprobs": True}, "invalid logprobs: only false is allowed for this model"),
        ("kimi-k2.7-code", OFF, "invalid thinking: only type=enabled is allowed for this model"),
        ("kimi-k2.5", {"thinking": {"type": "enabled", "keep": "all"}},
         'thinking.keep is not supported by model "kimi-k2.5"'),
        ("kimi-k2.6", {"thinking": {"type": "enabled", "budget_tokens": 25_000}},
         "Invalid request: thinking: additional property budget_tokens is not allowed"),
        ("kimi-k2.6", {**ON, "reasoning_effort": "low"}, "cannot specify both 'thinking' and 'reasoning_effort'"),
        ("kimi-k3", {**ON, "reasoning_effort": "low"}, "cannot specify both 'thinking' and 'reasoning_effort'"),
    ],
)  # fmt: skip
def test_a_model_refuses_what_it_does_not_take(
    sandbox: Sandbox, model: str, fields: dict[str, Any], words: str
) -> None:
    got = chat(sandbox, model, **fields)
    assert (got.status, got.body) == (400, {"error": {"type": "invalid_request_error", "message": words}})


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("kimi-k2.6", {"temperature": 1, "top_p": 0.95, "n": 1, "presence_penalty": 0, "logprobs": False}),
        ("kimi-k2.6", {"temperature": 0.6, **OFF}),
        ("kimi-k2.6", {"thinking": {"type": "enabled", "keep": "all"}}),
        ("kimi-k2.7-code", {"thinking": {"type": "enabled", "keep": "all"}}),
        ("kimi-k3", OFF),
        ("kimi-k3", {"reasoning_effort": "whatever"}),
        ("kimi-k3", {"tools": [], "tool_choice": "required"}),
        ("kimi-k2.6", {"user": "u", "prompt_cache_key": "c", "anything": 1}),
    ],
)  # fmt: skip
def test_a_model_takes_what_it_should(sandbox: Sandbox, model: str, fields: dict[str, Any]) -> None:
    assert chat(sandbox, model, **fields).status == 200


@pytest.mark.parametrize(
    ("model", "fields", "is_thinking"),
    [
        ("kimi-k2.6", {}, True),
        ("kimi-k2.6", ON, True),
        ("kimi-k2.6", OFF, False),
        ("kimi-k2.5", OFF, False),
        ("kimi-k2.7-code", {}, True),
        ("kimi-k3", OFF, True),
        ("moonshot-v1-128k", ON, False),
    ],
)
def test_reasoning_is_there_only_where_the_model_thinks(
    sandbox: Sandbox, model: str, fields: dict[str, Any], is_thinking: bool
) -> None:
    whole = chat(sandbox, model, **fields).body
    assert ("reasoning_content" in whole["choices"][0]["message"]) is is_thinking
    assert (whole["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0) is is_thinking
    assert ("reasoning_content" in chat(sandbox, model, stream=True, **fields).body) is is_thinking


def test_the_coding_plan_always_thinks_unless_by_its_own_word_for_not(sandbox: Sandbox) -> None:
    assert plan(sandbox, "kimi-for-coding").body["content"][0]["type"] == "thinking"
    got = plan(sandbox, "kimi-for-coding", **OFF)
    assert got.body == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "invalid thinking: only type=enabled is allowed for this model",
        },
    }
    for effort, kinds in {"ultra": ["thinking", "text"], "none": ["text"]}.items():
        answer = plan(sandbox, "k3", **ON, output_config={"effort": effort}).body
        assert [block["type"] for block in answer["content"]] == kinds
    assert plan(sandbox, "k3", **ON, output_config={"effort": "loud"}).status == 400


def test_reasoning_counts_inside_the_answers_limit(sandbox: Sandbox) -> None:
    got = chat(sandbox, "kimi-k2.6", max_completion_tokens=5).body
    assert got["choices"][0]["finish_reason"] == "length"
    assert got["choices"][0]["message"]["content"] == ""
    assert got["usage"]["completion_tokens"] == 5
    assert plan(sandbox, "k3", max_tokens=1).body["stop_reason"] == "max_tokens"


def a_tool(parameters: Any, name: str = "read_file") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def with_property(schema: Any, **more: Any) -> Any:
    return {"type": "object", "properties": {"x": schema}, **more}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, 'Invalid request: tools.function.parameters.type is required and must be "object"'),
        (with_property({"description": "?"}), f"{MFJS}'properties.x': type is not defined>"),
        (
            with_property({"type": "array", "items": {}}),
            f"{MFJS}'properties.x.items': type is not defined>",
        ),
        (
            with_property({"type": "string", "anyOf": [{"type": "string"}]}),
            f"{MFJS}'properties.x': when using anyOf, type should be defined in anyOf items instead of the parent "
            "schema>",
        ),
        (
            with_property({"$ref": "#/definitions/y"}),
            f"{MFJS}'properties.x': references must start with #/$defs>",
        ),
        (with_property(True), f"{MFJS}'properties.x': schema must be an object>"),
    ],
)
def test_a_tools_schema_is_held_to_moonshots_dialect(sandbox: Sandbox, parameters: Any, words: str) -> None:
    got = chat(sandbox, "kimi-k2.6", tools=[a_tool(parameters)])
    assert (got.status, got.message) == (400, words)
    generic = {"model": "sim-model", "messages": [USER], "tools": [a_tool(parameters)]}
    assert asked(f"{sandbox.compat}/chat/completions", generic, key="sk-compat-sim-ok").status == 200


def test_a_schema_in_moonshots_dialect_is_taken(sandbox: Sandbox) -> None:
    inner = {"type": "array", "items": {"$ref": "#/$defs/y"}}
    choice = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    schema = with_property(choice, **{"$defs": {"y": {"enum": ["a"]}}})
    schema["properties"]["list"] = inner
    assert chat(sandbox, "kimi-k2.6", tools=[a_tool(schema)]).status == 200


def test_tools_are_limited_in_number_and_in_how_they_can_be_forced(sandbox: Sandbox) -> None:
    tools = [a_tool({"type": "object"}, f"tool_{number}") for number in range(129)]
    assert chat(sandbox, "kimi-k2.6", tools=tools[:128]).status == 200
    assert chat(sandbox, "kimi-k2.6", tools=tools).message == "Invalid request: at most 128 tools are allowed"
    forced = {"tools": tools[:1], "tool_choice": {"type": "function", "function": {"name": "tool_0"}}}
    words = "tool_choice 'specified' is incompatible with thinking enabled"
    assert chat(sandbox, "kimi-k2.6", **forced).message == words
    assert chat(sandbox, "kimi-k2.6", **forced, **OFF).status == 200
    assert chat(sandbox, "kimi-k2.6", tools=tools[:1], tool_choice="required").status == 400
    assert chat(sandbox, "kimi-k3", tools=tools[:1], tool_choice="required").status == 200


def test_each_model_has_its_own_window(sandbox: Sandbox) -> None:
    long = [{"role": "user", "content": "word " * 220_000}]
    assert chat(sandbox, "kimi-k3", messages=long).status == 200
    got = chat(sandbox, "kimi-k2.6", messages=long)
    assert (got.status, got.message[:84]) == (
        400,
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 275009)"[:84],
    )


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("html_524", 524, "524: A timeout occurred"),
        ("quota_5_hours", 403, "5-hour usage limit"),
        ("quota_week", 403, "weekly (7-day) usage limit"),
        ("concurrency_403", 403, "You've reached your concurrent request limit"),
        ("no_access", 403, "Your IP is not allowed to access this organization"),
        ("in_flight_budget", 402, "in_flight_budget_exhausted"),
        ("throttle_organization", 429, "Organization Rate limit exceeded, please try again after 1 seconds"),
        ("throttle_user_model", 429, "request reached user+model max RPM: 50"),
        ("throttle_gemini", 429, "RESOURCE_EXHAUSTED"),
        ("bad_key_deepseek;x=1", 401, "Your api key: ****-key is invalid"),
    ],
)
def test_further_refusals_seen_in_the_field(sandbox: Sandbox, fault: str, status: int, words: str) -> None:
    body = {"model": "kimi-k2.6", "messages": [USER]}
    got = asked(f"{sandbox.openai}/chat/completions", body, key="sk-my-key", x_sim_fault=fault)
    assert got.status == status
    assert words in str(got.body)


def test_what_may_stand_before_and_between_an_answer(sandbox: Sandbox) -> None:
    body = {"model": "kimi-k2.6", "messages": [USER], "stream": True}
    url = f"{sandbox.openai}/chat/completions"
    comments = asked(url, body, key="sk-1", x_sim_fault="openrouter_comments").body
    assert comments.startswith(": OPENROUTER PROCESSING\n\n" * 3 + "data: ")
    between = asked(url, body, key="sk-1", x_sim_fault="blank_lines").body
    assert between.count(": keep-alive") >= 3
    assert between.endswith("data: [DONE]\n\n")
    whole = asked(url, {**body, "stream": False}, key="sk-1", x_sim_fault="blank_lines").body
    assert whole["choices"][0]["message"]["content"] == "Hello."
    cold = asked(url, body, key="sk-1", x_sim_fault="ttft;ms=20")
    assert (cold.status, cold.body.endswith("data: [DONE]\n\n")) == (200, True)


def test_a_model_that_shows_no_reasoning_counts_it(sandbox: Sandbox) -> None:
    body: dict[str, Any] = {"model": "gpt-5.4", "messages": [USER], "reasoning_effort": "low"}
    got = asked(f"{sandbox.compat}/chat/completions", body, key="sk-compat-sim-ok").body
    assert got["choices"][0]["message"] == {"role": "assistant", "content": "Hello."}
    assert 0 < got["usage"]["completion_tokens_details"]["reasoning_tokens"] < got["usage"]["completion_tokens"]
    body |= {"max_completion_tokens": 2}
    assert asked(f"{sandbox.compat}/chat/completions", body, key="sk-compat-sim-ok").body["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def test_hosts_of_open_models_have_habits_of_their_own(sandbox: Sandbox) -> None:
    def message(fault: str, **more: Any) -> Any:
        body = {"model": "kimi-k2.6", "messages": [USER], **more}
        got = asked(f"{sandbox.openai}/chat/completions", body, key="sk-1", x_sim_fault=fault)
        return got.body["choices"][0]["message"]

    assert message("thinks_anyway", **OFF)["reasoning_content"]
    assert message("reasoning_elsewhere").keys() == {"role", "content", "reasoning"}
    assert message("leaked_tokens")["content"].startswith("<|tool_calls_section_begin|>")
