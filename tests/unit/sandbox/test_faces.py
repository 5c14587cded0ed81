"""Each face answers as its vendor does: headers, lists, refusals, shapes."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from tests.sandbox_server import Got, Sandbox, asked, running_sandbox

from mesrai.sandbox.faces import FACES

USER = {"role": "user", "content": "Hi"}
VERSION = {"anthropic_version": "2023-06-01"}
MODELS = {
    "moonshot": "kimi-k2.6",
    "moonshot_cn": "kimi-k2.6",
    "kimi_code": "kimi-for-coding",
    "kimi_code_global": "kimi-for-coding",
    "openrouter": "moonshotai/kimi-k2.6",
    "anthropic": "claude-sonnet-5-5",
    "compat": "sim-model",
    "zai": "glm-5.1",
    "zai_coding": "glm-5.1",
}
KEYS = {
    "moonshot": "sk-sim-ok-tier5",
    "moonshot_cn": "sk-sim-cn-ok",
    "kimi_code": "sk-kimi-sim-ok",
    "kimi_code_global": "sk-kimi-sim-global",
    "openrouter": "sk-or-v1-sim-ok",
    "anthropic": "sk-ant-sim-ok",
    "compat": "sk-compat-sim-ok",
    "zai": "zai-sim-ok",
    "zai_coding": "zai-sim-ok",
}
BY_ID = {face.id: face for face in FACES}
EVERY = pytest.mark.parametrize("face", list(KEYS))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(answer=lambda _: "Hello.", on=date(2026, 11, 24)) as running:
        yield running


@pytest.fixture(autouse=True)
def _clear(sandbox: Sandbox) -> None:
    sandbox.stage.clear()


def ask(sandbox: Sandbox, face: str, key: str | None = None, **more: Any) -> Got:
    """A question by the surface that is open to everybody."""
    key = KEYS[face] if key is None else key
    body = {"model": MODELS[face], "messages": [USER], **more}
    prefix = sandbox.root + BY_ID[face].prefix
    if face in ("kimi_code", "kimi_code_global", "anthropic"):
        return asked(f"{prefix}/messages", {"max_tokens": 99, **body}, x_key=key, **VERSION)
    return asked(f"{prefix}/chat/completions", body, key=key)


@EVERY
def test_a_face_answers_its_own_key(sandbox: Sandbox, face: str) -> None:
    got = ask(sandbox, face)
    assert got.status == 200
    assert got.body["model"] == MODELS[face]
    assert "Hello." in str(got.body)


@EVERY
def test_a_key_is_refused_wherever_else_it_is_sent(sandbox: Sandbox, face: str) -> None:
    homes = {"zai", "zai_coding"} if face.startswith("zai") else {face}
    statuses = {other: ask(sandbox, other, KEYS[face]).status for other in KEYS}
    assert statuses == {other: 200 if other in homes else 401 for other in KEYS}


WRONG_KEY: dict[str, Any] = {
    "moonshot_cn": {"error": {"message": "Invalid Authentication", "type": "invalid_authentication_error"}},
    "kimi_code": {
        "error": {
            "message": "The API Key appears to be invalid or may have expired. Please verify your credentials and try "
            "again.",
            "type": "invalid_authentication_error",
        }
    },
    "openrouter": {"error": {"code": 401, "message": "No auth credentials found"}},
    "anthropic": {
        "type": "error",
        "error": {"type": "authentication_error", "message": "invalid x-api-key"},
        "request_id": "req_sim",
    },
    "zai": {"error": {"code": "1000", "message": "Authentication Failed"}},
}


@pytest.mark.parametrize("face", list(WRONG_KEY))
def test_a_wrong_key_gets_the_vendors_words(sandbox: Sandbox, face: str) -> None:
    got = ask(sandbox, face, "sk-wrong-key-000000")
    assert (got.status, got.body) == (401, WRONG_KEY[face])


def test_the_openai_compatible_face_repeats_a_wrong_key_as_openai_does(sandbox: Sandbox) -> None:
    got = asked(f"{sandbox.compat}/models", key="sk-inval-2345-6789")
    assert got.status == 401
    assert '"code": "invalid_api_key"' in got.body
    assert "Incorrect API key provided: sk-inval**********6789. You can find" in got.body
    assert got.headers["content-type"] == "text/plain"


def test_only_the_header_of_the_vendor_counts(sandbox: Sandbox) -> None:
    body = {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [USER]}
    assert asked(f"{sandbox.anthropic}/v1/messages", body, key="sk-ant-sim-ok", **VERSION).status == 401
    chat = {"model": "glm-5.1", "messages": [USER]}
    assert asked(f"{sandbox.zai}/chat/completions", chat, x_key="zai-sim-ok").status == 401
    coding = {"model": "k3", "max_tokens": 9, "messages": [USER]}
    assert asked(f"{sandbox.coding}/v1/messages", coding, key="sk-kimi-sim-ok", **VERSION).status == 200
    assert asked(f"{sandbox.coding}/v1/me", x_key="sk-kimi-sim-ok").status == 200


REQUEST_IDS = {
    "moonshot": ("msh-request-id", "sim-1"),
    "moonshot_cn": ("Msh-Request-Id", "sim-1"),
    "kimi_code": ("msh-request-id", "sim-1"),
    "openrouter": ("X-Generation-Id", "gen-sim-1"),
    "anthropic": ("request-id", "req_sim-1"),
    "compat": ("x-request-id", "req_sim-1"),
}


@pytest.mark.parametrize("face", list(REQUEST_IDS))
def test_every_response_names_its_request_as_the_vendor_does(sandbox: Sandbox, face: str) -> None:
    name, value = REQUEST_IDS[face]
    assert ask(sandbox, face).headers[name] == value
    assert ask(sandbox, face, "sk-wrong-key-000000" if face != "moonshot" else "").headers[name][:-1] == value[:-1]


def test_moonshot_tells_the_tier_and_a_trace_and_never_how_long_to_wait(sandbox: Sandbox) -> None:
    headers = ask(sandbox, "moonshot", "sk-sim-ok-tier1").headers
    assert headers["msh-gid"] == "enterprise-tier-1"
    assert len(headers["x-msh-trace-id"]) == 32
    assert {"msh-uid", "msh-org-id", "msh-project-id", "msh-trace-mode"} <= {name.lower() for name in headers}
    refused = ask(sandbox, "moonshot", "sk-sim-broke")
    assert refused.status == 429
    assert "retry-after" not in refused.headers


def test_moonshots_list_tells_what_a_client_needs(sandbox: Sandbox) -> None:
    rows = {row["id"]: row for row in asked(f"{sandbox.openai}/models", key="sk-sim-ok-tier1").body["data"]}
    assert set(rows) == {"kimi-k3", "kimi-k2.7-code", "kimi-k2.7-code-highspeed", "kimi-k2.6"}
    assert rows["kimi-k2.6"] == {
        "id": "kimi-k2.6",
        "object": "model",
        "created": 1776643200,
        "owned_by": "moonshot",
        "context_length": 262_144,
        "supports_image_in": True,
        "supports_video_in": True,
        "supports_reasoning": True,
        "supports_tool_use": True,
        "supports_thinking_type": "both",
        "display_name": "Kimi K2.6",
    }
    assert rows["kimi-k2.7-code"]["supports_thinking_type"] == "only"
    assert rows["kimi-k3"]["context_length"] == 1_048_576
    efforts = {"support": True, "valid_efforts": ["low", "high", "max"], "default_effort": "max"}
    assert rows["kimi-k3"]["think_efforts"] == efforts
    assert asked(f"{sandbox.openai}/models").status == 401


def test_the_coding_plans_list_names_the_surface(sandbox: Sandbox) -> None:
    for root, key in ((sandbox.coding, "sk-kimi-sim-ok"), (sandbox.coding_global, "sk-kimi-sim-global")):
        rows = {row["id"]: row for row in asked(f"{root}/v1/models", key=key).body["data"]}
        assert set(rows) == {"kimi-for-coding", "kimi-for-coding-highspeed", "k3", "k3-256k"}
        assert {row["protocol"] for row in rows.values()} == {"anthropic"}
        assert asked(f"{root}/v1/models", key="sk-sim-ok-tier1").status == 401


def test_the_coding_plan_answers_old_names_as_its_current_model(sandbox: Sandbox) -> None:
    assert ask(sandbox, "kimi_code", model="kimi-k2.6").body["model"] == "kimi-for-coding"
    missing = ask(sandbox, "kimi_code", model="kimi-k9")
    assert (missing.status, missing.message) == (404, "Not found the model kimi-k9 or Permission denied")


def test_openrouters_list_is_public_and_its_key_tells_the_credits(sandbox: Sandbox) -> None:
    rows = {row["id"]: row for row in asked(f"{sandbox.openrouter}/models").body["data"]}
    assert rows["moonshotai/kimi-k2.6"]["pricing"] == {
        "prompt": "0.00000055",
        "input_cache_read": "0.00000011",
        "completion": "0.0000032",
    }
    assert rows["moonshotai/kimi-k2.6"]["context_length"] == 262_144
    assert "reasoning" in rows["moonshotai/kimi-k2.6"]["supported_parameters"]
    assert asked(f"{sandbox.openrouter}/key").status == 401
    found = asked(f"{sandbox.openrouter}/key", key="sk-or-v1-sim-ok").body["data"]
    assert (found["limit"], found["limit_remaining"], found["usage"], found["is_free_tier"]) == (10, 7.4, 2.6, False)
    assert asked(f"{sandbox.openrouter}/credits", key="sk-or-v1-sim-ok").status == 403
    funds = asked(f"{sandbox.openrouter}/credits", key="sk-or-v1-sim-management").body
    assert funds == {"data": {"total_credits": 100.5, "total_usage": 25.75}}


def test_anthropics_and_the_generic_list(sandbox: Sandbox) -> None:
    anthropic = asked(f"{sandbox.anthropic}/v1/models", x_key="sk-ant-sim-ok", **VERSION).body
    assert anthropic["data"][0] == {
        "type": "model",
        "id": "claude-opus-5-5",
        "display_name": "Claude Opus 5.5",
        "created_at": "2026-02-01T00:00:00Z",
    }
    assert (anthropic["has_more"], anthropic["first_id"]) == (False, "claude-opus-5-5")
    generic = asked(f"{sandbox.compat}/models", key="sk-compat-sim-ok").body
    assert generic["object"] == "list"
    assert generic["data"][0].keys() == {"id", "object", "created", "owned_by"}


def test_zai_has_no_list(sandbox: Sandbox) -> None:
    for root in (sandbox.zai, sandbox.zai_coding):
        assert asked(f"{root}/models", key="zai-sim-ok").status == 404


MISSING = {
    "moonshot_cn": (404, "Not found the model nothing-9 or Permission denied"),
    "openrouter": (404, "No endpoints found for nothing-9."),
    "anthropic": (404, "model: nothing-9"),
    "compat": (404, "The model `nothing-9` does not exist or you do not have access to it."),
    "zai": (400, "Unknown Model, please check the model code."),
}


@pytest.mark.parametrize("face", list(MISSING))
def test_an_unknown_model_is_missed_in_the_vendors_words(sandbox: Sandbox, face: str) -> None:
    got = ask(sandbox, face, model="nothing-9")
    assert (got.status, got.message) == MISSING[face]


def test_the_developer_api_takes_invented_names_only_from_invented_keys(sandbox: Sandbox) -> None:
    assert ask(sandbox, "moonshot", "sk-anything", model="sim-model").status == 200
    assert ask(sandbox, "moonshot", "sk-sim-ok-tier1", model="sim-model").status == 404
    assert ask(sandbox, "moonshot", "sk-anything", model="kimi-k2.66").status == 404


def test_openrouter_reasons_in_two_fields_and_says_who_answered_and_the_cost(sandbox: Sandbox) -> None:
    body = ask(sandbox, "openrouter").body
    message = body["choices"][0]["message"]
    assert message["reasoning"] == message["reasoning_details"][0]["text"]
    assert body["provider"] == "Moonshot AI"
    assert body["usage"]["cost"] > 0
    assert "cached_tokens" not in body["usage"]
    assert ask(sandbox, "openrouter", provider={"order": ["novita"]}).body["provider"] == "Novita"
    only = {"order": ["nobody"], "allow_fallbacks": False}
    assert ask(sandbox, "openrouter", provider=only).message.startswith("No allowed providers are available")
    stream = ask(sandbox, "openrouter", stream=True).body
    assert stream.startswith(": OPENROUTER PROCESSING\n\n")
    quiet = ask(sandbox, "openrouter", reasoning={"enabled": False}).body["choices"][0]["message"]
    assert quiet == {"role": "assistant", "content": "Hello."}


def test_usage_stands_where_each_vendor_puts_it(sandbox: Sandbox) -> None:
    moonshot = ask(sandbox, "moonshot", stream=True, stream_options={"include_usage": True}).body
    assert moonshot.count('"usage"') == 2
    assert '"finish_reason":"stop","usage":{"prompt_tokens"' in moonshot
    compat = ask(sandbox, "compat", stream=True).body
    assert '"usage"' not in compat
    assert compat.endswith("data: [DONE]\n\n")


def test_anthropics_thinking_is_signed_and_must_come_back_signed(sandbox: Sandbox) -> None:
    thinking: dict[str, Any] = {"thinking": {"type": "adaptive"}}
    block = ask(sandbox, "anthropic", **thinking).body["content"][0]
    assert block["signature"]
    assert "signature_delta" in ask(sandbox, "anthropic", stream=True, **thinking).body
    assert "signature" not in str(ask(sandbox, "kimi_code").body)
    said = [USER, {"role": "assistant", "content": [{"type": "thinking", "thinking": "x"}]}, USER]
    got = ask(sandbox, "anthropic", messages=said, **thinking)
    assert (got.status, got.message) == (400, "messages.1.content.0.thinking.signature: Field required")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, '"thinking.type.enabled" is not supported'),
        ({"model": "claude-haiku-4-5", "thinking": {"type": "adaptive"}}, "adaptive thinking is not supported"),
        ({"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 9}}, "equal to 1024"),
        ({"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 2000}}, "`max_tokens` must be"),
        ({"thinking": {"type": "adaptive"}, "temperature": 0}, "`temperature` may only be set to 1"),
        ({"thinking": {"type": "adaptive"}, "tool_choice": {"type": "any"}}, "Thinking may not be enabled when"),
    ],
)
def test_anthropic_refuses_what_does_not_go_together(sandbox: Sandbox, more: dict[str, Any], words: str) -> None:
    got = ask(sandbox, "anthropic", **more)
    assert (got.status, got.body["type"], got.body["error"]["type"]) == (400, "error", "invalid_request_error")
    assert words in got.message


def test_openai_refuses_a_temperature_and_the_old_name_of_the_limit(sandbox: Sandbox) -> None:
    got = ask(sandbox, "compat", model="gpt-5.4", temperature=0)
    assert got.body["error"] == {
        "type": "invalid_request_error",
        "message": "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is "
        "supported.",
        "param": "temperature",
        "code": "unsupported_value",
    }
    assert ask(sandbox, "compat", model="gpt-5.4", max_tokens=9).body["error"]["param"] == "max_tokens"
    assert ask(sandbox, "compat", model="gpt-4.1", max_tokens=9, temperature=0).status == 200


def test_zai_takes_no_schema_and_no_forced_tool(sandbox: Sandbox) -> None:
    schema = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    assert ask(sandbox, "zai", response_format=schema).body["error"]["code"] == "1210"
    assert ask(sandbox, "zai", tool_choice="required").status == 400


def test_the_gate_of_the_coding_plan_opens_to_listed_clients_only(sandbox: Sandbox) -> None:
    url, body = f"{sandbox.coding}/v1/chat/completions", {"model": "kimi-for-coding", "messages": [USER]}
    shut = asked(url, body, key="sk-kimi-sim-ok", user_agent="Mesrai/1.0")
    assert (shut.status, shut.body["error"]["type"]) == (403, "access_terminated_error")
    assert shut.message == (
        "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI, Claude Code, Roo Code, Kilo "
        "Code, etc."
    )
    assert asked(url, body, key="sk-kimi-sim-ok", user_agent="KimiCLI/1.0").status == 200
    assert asked(url, body, key="sk-1", user_agent="Mesrai/1.0").status == 401


def test_what_is_no_api_is_a_page_a_redirect_or_not_found(sandbox: Sandbox) -> None:
    page = asked(f"{sandbox.root}/site/v1/models", key="sk-1")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert asked(f"{sandbox.openai}/nothing", key="sk-1").message == "method not found"
    assert asked(f"{sandbox.root}/moved/models", key="sk-sim-ok-tier1").status == 200  # the library follows it


def test_faults_can_be_set_for_a_whole_face_and_in_its_words_by_key(sandbox: Sandbox) -> None:
    control = f"{sandbox.root}/__sim/faults"
    assert asked(control, {"face": "openrouter", "fault": "server_error"}).status == 200
    assert (ask(sandbox, "openrouter").status, ask(sandbox, "zai").status) == (502, 200)
    asked(control, {"face": "openrouter", "fault": ""})
    assert ask(sandbox, "openrouter").status == 200
    assert asked(control, {"face": "nowhere", "fault": ""}).status == 400
    assert ask(sandbox, "zai", "zai-sim-overloaded").body["error"]["code"] == "1305"
    assert ask(sandbox, "kimi_code", "sk-kimi-sim-membership").status == 402


def test_a_fault_of_a_key_shows_on_lookups_where_it_would(sandbox: Sandbox) -> None:
    statuses = {
        fault: asked(f"{sandbox.openai}/models", key=f"sk-sim-{fault}").status
        for fault in ("bad_key", "html_200", "server_error", "quota", "overloaded", "throttle")
    }
    assert statuses == {
        "bad_key": 401, "html_200": 200, "server_error": 500, "quota": 200, "overloaded": 200, "throttle": 429,
    }  # fmt: skip
    assert asked(f"{sandbox.openai}/models", key="sk-sim-html_200").body.startswith("<html>")
    sandbox.stage.script(["bad_key"])
    assert asked(f"{sandbox.openai}/models", key="sk-1").status == 200  # what is scripted is for models
    assert ask(sandbox, "moonshot", "sk-1").status == 401
    looked = asked(f"{sandbox.root}/__sim/calls").body["lookups"]
    assert looked[0] == {"path": "/v1/models", "status": 401}
