"""What goes over the wire to Gemini's own API."""

import json
from typing import Any

import pytest
from tests.endpoints import READ_FILE, SHAPE, a_prompt, an_endpoint, tool_profile

from mesrai.domain.connection import Connection, Slot, Thinking
from mesrai.domain.finding import Category
from mesrai.domain.secret import Secret
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.classify import error_from
from mesrai.llm.endpoint import Auth, Dialect
from mesrai.llm.error_body import read_error
from mesrai.llm.gemini_request import PARTS, gemini_body, gemini_path
from mesrai.llm.headers import request_headers
from mesrai.llm.model import ModelTurn, Structured, ToolCall, ToolTurn, UserTurn
from mesrai.llm.preview import preview
from mesrai.llm.refused import refused_field
from mesrai.llm.turns import CLOSED, MARK, NO_RESULT, SUBMITTED, closed, mark_for
from mesrai.review.shapes import review_shape, verify_shape

BASE = "https://generativelanguage.googleapis.com/v1beta"
OWN = {MARK: "gemini:gemini/gemini-3.1-pro-preview"}
# What `responseJsonSchema` takes: https://ai.google.dev/api/generate-content#generationconfig
KEYWORDS = {
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
    "propertyOrdering",
}  # fmt: skip


def endpoint_for(**changes: Any) -> Any:
    profile = {"provider": "gemini", "model": "gemini-3.1-pro-preview"} | changes.pop("profile", {})
    return an_endpoint(BASE, dialect=Dialect.GEMINI, auth=Auth.X_GOOG_API_KEY, profile=profile, **changes)


def body_of(*turns: Any, **changes: Any) -> dict[str, Any]:
    endpoint = endpoint_for(profile=changes.pop("profile", {}), traits=changes.pop("traits", {}))
    return gemini_body(a_prompt(**{"turns": (UserTurn(text="Go."), *turns), **changes}), endpoint)


def a_call(path: str, **more: Any) -> dict[str, Any]:
    return {"functionCall": {**more, "name": "read_file", "args": {"path": path}}}


def own_turn(
    *parts: dict[str, Any], calls: tuple[ToolCall, ...] = (), text: str = "", closed_calls: Any = ()
) -> ModelTurn:
    return ModelTurn(text=text, tool_calls=calls, replay={**OWN, PARTS: list(parts), CLOSED: closed_calls})


def look(call_id: str, path: str) -> ToolCall:
    return ToolCall(id=call_id, name="read_file", arguments=json.dumps({"path": path}))


def test_a_request_is_as_the_api_wants_it() -> None:
    levels = {Thinking.MEDIUM: {"generationConfig": {"thinkingConfig": {"thinkingLevel": "medium"}}}}
    body = body_of(tools=(READ_FILE,), shape=SHAPE, traits={"thinking": levels, "temperature": 0.5})
    assert body == {
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": SHAPE.schema,
            "thinkingConfig": {"thinkingLevel": "medium"},
            "temperature": 0.5,
            "maxOutputTokens": 16_384,
        },
        "systemInstruction": {"parts": [{"text": "You review code."}]},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "read_file",
                        "description": "Read a file.",
                        "parametersJsonSchema": READ_FILE.parameters,
                    }
                ]
            }
        ],
        "contents": [{"role": "user", "parts": [{"text": "Go."}]}],
    }


def test_a_models_name_is_quoted_and_the_key_is_in_a_header_only() -> None:
    endpoint = endpoint_for(profile={"model": "models/../a b?key=1#x"}, key=Secret("AIza-0123456789"))
    assert gemini_path(endpoint) == "/models/..%2Fa%20b%3Fkey%3D1%23x:streamGenerateContent?alt=sse"
    assert request_headers(endpoint, {})["x-goog-api-key"] == "AIza-0123456789"
    assert "AIza" not in gemini_path(endpoint) + json.dumps(gemini_body(a_prompt(), endpoint))


@pytest.mark.parametrize("structured", [Structured.TEXT, Structured.TOOL])
def test_a_schema_is_sent_only_to_a_model_that_enforces_it(structured: Structured) -> None:
    generation = body_of(shape=SHAPE, profile={"structured": structured})["generationConfig"]
    assert generation == {"maxOutputTokens": 16_384}


@pytest.mark.parametrize(
    ("may_call", "can_force", "calling"),
    [
        (True, True, None),
        (False, True, {"mode": "ANY", "allowedFunctionNames": ["submit_review"]}),
        (False, False, {"mode": "NONE"}),
    ],
)
def test_what_the_model_may_do_with_its_tools(may_call: bool, can_force: bool, calling: dict[str, Any] | None) -> None:
    body = body_of(
        tools=(READ_FILE,),
        shape=SHAPE,
        may_call_tools=may_call,
        profile=tool_profile(),
        traits={"can_force_tool": can_force},
    )
    assert body.get("toolConfig") == (calling and {"functionCallingConfig": calling})
    names = [each["name"] for each in body["tools"][0]["functionDeclarations"]]
    assert names == ["read_file", "submit_review"]


def test_fields_of_ones_own_stand_where_the_api_has_them() -> None:
    safety = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "threshold": "BLOCK_NONE"}]
    custom = {"google": {"thinkingConfig": {"thinkingBudget": 4_000}, "top_k": 3, "safety_settings": safety}}
    connection = Connection(
        slot=Slot.MAIN, provider="gemini", model="gemini-2.5-flash", base_url=BASE, key=Secret("AIza-0123456789abcdef"),
        custom=custom,
    )  # fmt: skip
    shown = preview(connection, load_catalogue())
    assert shown.url == f"{BASE}/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert "0123456789" not in json.dumps([shown.url, dict(shown.headers), shown.text])
    assert shown.body["safetySettings"] == safety
    generation = shown.body["generationConfig"]
    assert (generation["thinkingConfig"], generation["topK"]) == ({"thinkingBudget": 4_000}, 3)
    assert "responseJsonSchema" not in generation  # the 2.5 series takes no schema beside tools


@pytest.mark.parametrize(
    ("limit", "thinking"),
    [(20_000, {"thinkingBudget": 8_000}), (8_000, {"thinkingBudget": 4_000}), (800, {})],
)
def test_a_thinking_budget_leaves_room_for_the_answer(limit: int, thinking: dict[str, Any]) -> None:
    levels = {Thinking.MEDIUM: {"generationConfig": {"thinkingConfig": {"thinkingBudget": 8_000}}}}
    body = body_of(max_output_tokens=limit, traits={"thinking": levels})
    assert body["generationConfig"]["thinkingConfig"] == thinking


def test_parts_go_back_as_they_came_and_results_stand_alone() -> None:
    parts = (
        {"text": "I think.", "thought": True},
        {"executableCode": {"language": "PYTHON", "code": "1+1"}},
        {**a_call("a.py", id="fc-1"), "thoughtSignature": "c2ln"},
        a_call("b.py", id="fc-2"),
        {"text": "", "thoughtSignature": "ZW5k"},
        {"text": ""},
    )
    turn = own_turn(*parts, calls=(look("fc-1", "a.py"), look("fc-2", "b.py")))
    body = body_of(turn, ToolTurn(call_id="fc-2", text="b"), ToolTurn(call_id="fc-1", text=""), UserTurn(text="Now."))
    assert body["contents"][1:] == [
        {"role": "model", "parts": list(parts[:-1])},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "fc-1", "name": "read_file", "response": {"output": "(empty)"}}},
                {"functionResponse": {"id": "fc-2", "name": "read_file", "response": {"output": "b"}}},
            ],
        },
        {"role": "user", "parts": [{"text": "Now."}]},
    ]


def test_an_id_that_is_ours_alone_is_not_sent_and_a_missing_result_is_said() -> None:
    calls = (look("call_0_read_file", "a.py"), look("call_1_read_file", "b.py"))
    turn = own_turn(a_call("a.py"), a_call("b.py"), calls=calls)
    body = body_of(turn, ToolTurn(call_id="call_1_read_file", text="b"))
    assert body["contents"][-1]["parts"] == [
        {"functionResponse": {"name": "read_file", "response": {"output": NO_RESULT}}},
        {"functionResponse": {"name": "read_file", "response": {"output": "b"}}},
    ]


def test_an_answer_that_was_handed_in_stays_a_call_with_a_result() -> None:
    call = ToolCall(id="s1", name="submit_review", arguments='{"summary": "s"}')
    part = {"functionCall": {"id": "s1", "name": "submit_review", "args": {"summary": "s"}}, "thoughtSignature": "c2ln"}
    turn = own_turn(part, text=call.arguments, closed_calls=closed([call], "submit_review"))
    body = body_of(turn, UserTurn(text="`findings` is missing."))
    assert body["contents"][1]["parts"] == [part]
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": SUBMITTED}
    assert body["contents"][3]["parts"] == [{"text": "`findings` is missing."}]


def test_another_models_turn_becomes_plain_text() -> None:
    foreign = ModelTurn(
        text="I look.", tool_calls=(look("toolu_1", "a.py"),), replay={MARK: "anthropic:x/y", PARTS: [a_call("a.py")]}
    )
    body = body_of(foreign, ToolTurn(call_id="toolu_1", text="x = 1"), UserTurn(text="Answer."))
    assert [each["role"] for each in body["contents"]] == ["user", "model", "user"]
    assert body["contents"][1]["parts"] == [{"text": "I look."}]
    told = 'Looked up earlier: read_file {"path": "a.py"}\nResult:\nx = 1'
    assert body["contents"][2]["parts"] == [{"text": told}, {"text": "Answer."}]


def test_the_signature_of_another_gemini_is_not_sent() -> None:
    other = ModelTurn(text="Fine.", replay={MARK: mark_for("gemini", endpoint_for(profile={"model": "g"}).profile),
                                            PARTS: [{"text": "Fine.", "thoughtSignature": "c2ln"}]})  # fmt: skip
    assert body_of(other)["contents"][1]["parts"] == [{"text": "Fine."}]


@pytest.mark.parametrize("shape", [review_shape(list(Category)), verify_shape()], ids=lambda shape: shape.name)
def test_our_shapes_use_only_words_that_the_api_takes(shape: Any) -> None:
    def words(schema: Any) -> set[str]:
        inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
        inner += [schema["items"]] if "items" in schema else []
        return set(schema) | {word for each in inner for word in words(each)}

    assert words(shape.schema) <= KEYWORDS


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Thinking level MINIMAL is not supported for this model.", "generationConfig.thinkingConfig"),
        ("Budget 0 is invalid. This model only works in thinking mode.", "generationConfig.thinkingConfig"),
        (
            "Invalid JSON payload. Unknown name \"responseJsonSchema\" at 'generation_config': Cannot find field.",
            "generationConfig.responseJsonSchema",
        ),
        (
            "Function calling with a response mime type: 'application/json' is unsupported",
            "generationConfig.responseMimeType",
        ),
        ("Function calling is not enabled for models/gemma-3", "tools"),
        ("The request is not understood.", None),
    ],
)
def test_a_field_that_google_refuses_is_found_by_its_words(words: str, name: str | None) -> None:
    levels = {Thinking.MEDIUM: {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}}
    body = body_of(tools=(READ_FILE,), shape=SHAPE, traits={"thinking": levels})
    raw = json.dumps({"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}).encode()
    found = refused_field(error_from(400, {}, raw, provider="gemini", model="m"), read_error(raw), body)
    assert (found.name if found else None) == name
