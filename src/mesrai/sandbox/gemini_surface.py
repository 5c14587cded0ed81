"""The stand-in's Gemini surface: a request as a chat body, an answer as a response or as chunks."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mesrai.sandbox.saying import Body, Call, Said
from mesrai.sandbox.sending import Frames, pieces

OPERATIONS: Final = ("streamGenerateContent", "generateContent")
SIGNATURE: Final = "sim-signature-"  # what a signature begins with under its base64
_STOPS: Final = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}  # all others: STOP
_ERROR: Final = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def chat_body(body: Body, path: str) -> Body:
    """The request in the words of the chat surface, so that one set of checks and answers serves both."""
    model, _, operation = path.rpartition("/models/")[2].rpartition(":")
    generation, calling = _of(body, "generationConfig"), _of(_of(body, "toolConfig"), "functionCallingConfig")
    chat: Body = {"model": model, "stream": operation == OPERATIONS[0], "messages": list(_messages(body))}
    if "maxOutputTokens" in generation:
        chat["max_tokens"] = generation["maxOutputTokens"]
    if "temperature" in generation:
        chat["temperature"] = generation["temperature"]
    thinking = _of(generation, "thinkingConfig")
    if thinking:
        chat["thinking"] = {"type": "disabled" if thinking.get("thinkingBudget") == 0 else "enabled"}
        chat["shows_thoughts"] = bool(thinking.get("includeThoughts"))
    declared = [each for tool in body.get("tools") or () for each in tool.get("functionDeclarations") or ()]
    if declared:
        chat["tools"] = [_tool(each) for each in declared]
    if calling.get("mode") == "NONE":
        chat["tool_choice"] = "none"
    elif calling.get("mode") == "ANY":
        names = calling.get("allowedFunctionNames") or [each["name"] for each in declared]
        chat["tool_choice"] = {"type": "function", "function": {"name": names[0]}}
    schema = generation.get("responseJsonSchema") or generation.get("responseSchema")
    if schema:
        chat["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
    return chat


def response(chat: Body, said: Said) -> Body:
    """The whole answer in one object."""
    return _response(chat, list(_parts(chat, said)), said, finish=_finish(said))


def chunks(chat: Body, said: Said) -> Frames:
    """The answer as a stream. It ends with its last chunk: there is no mark after it."""
    *parts, last = [piece for part in _parts(chat, said) for piece in _cut(part)] or [{"text": ""}]
    error = b"data: " + json.dumps(_ERROR).encode() + b"\n\n"
    return Frames(
        body=[_event(_response(chat, [part], said)) for part in parts],
        ending=[_event(_response(chat, [last], said, finish=_finish(said))), b""],
        ping=b": ping\n\n",
        garbage=b'data: {"candidates": [{"content": {"par\n\n',
        error=error,
        error_in_choice=error,
    )


def _messages(body: Body) -> Iterator[Body]:
    system = _text(_of(body, "systemInstruction"))
    if system:
        yield {"role": "system", "content": system}
    waiting: list[Body] = []  # calls without a result, in their order
    for content in body.get("contents") or ():
        if content.get("role") == "model":
            said, waiting = _said_by_model(content)
            yield said
            continue
        for part in content.get("parts") or ():
            given = part.get("functionResponse")
            if given:
                yield {"role": "tool", "tool_call_id": _answered(given, waiting), "content": _output(given)}
        text = _text(content)
        if text or not any("functionResponse" in part for part in content.get("parts") or ()):
            yield {"role": "user", "content": text}


def _said_by_model(content: Mapping[str, Any]) -> tuple[Body, list[Body]]:
    """What the model said as a chat message, and the calls in it."""
    said: Body = {"role": "assistant"}
    text = _text(content)
    if text:
        said["content"] = text
    given = [part["functionCall"] for part in content.get("parts") or () if "functionCall" in part]
    calls = [_call(each, number) for number, each in enumerate(given)]
    if calls:
        said["tool_calls"] = calls
    return said, list(calls)


def _call(given: Mapping[str, Any], number: int) -> Body:
    name = str(given.get("name"))
    function = {"name": name, "arguments": json.dumps(given.get("args") or {})}
    return {"id": given.get("id") or f"{name}:{number}", "type": "function", "function": function}


def _answered(given: Mapping[str, Any], waiting: list[Body]) -> str:
    """The id of the call that a result is for: by its id, else the first that waits."""
    found = next((call for call in waiting if call["id"] == given.get("id")), None)
    if found is None and not given.get("id") and waiting:
        found = waiting[0]
    if found is None:
        return str(given.get("id"))
    waiting.remove(found)
    return str(found["id"])


def _output(given: Mapping[str, Any]) -> str:
    result = given.get("response")
    output = result.get("output") if isinstance(result, Mapping) else None
    return output if isinstance(output, str) else json.dumps(result)


def _tool(given: Mapping[str, Any]) -> Body:
    parameters = given.get("parametersJsonSchema") or given.get("parameters") or {}
    function = {"name": given.get("name"), "description": given.get("description"), "parameters": parameters}
    return {"type": "function", "function": function}


def _parts(chat: Body, said: Said) -> Iterator[Body]:
    """The parts: the first call is signed, or else the end of the text, as Gemini 3 does."""
    if said.reasoning is not None and chat.get("shows_thoughts"):
        yield {"text": said.reasoning, "thought": True}
    if said.content:
        yield {"text": said.content}
    calls = said.calls if _finish(said) != "MALFORMED_FUNCTION_CALL" else ()
    for number, call in enumerate(calls):
        made: Body = {"functionCall": {"id": call.id, "name": call.name, "args": json.loads(call.arguments)}}
        yield made if number else {**made, "thoughtSignature": _signature(said)}
    if said.content and not calls:
        yield {"text": "", "thoughtSignature": _signature(said)}


def _cut(part: Body) -> Iterator[Body]:
    """The part as it is streamed: long text in pieces."""
    if "thoughtSignature" in part or "functionCall" in part:
        yield part
        return
    for piece in pieces(part["text"]):
        yield {**part, "text": piece}


def _response(chat: Body, parts: list[Body], said: Said, *, finish: str = "") -> Body:
    candidate: Body = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(said),
        "modelVersion": chat.get("model"),
        "responseId": "sim-response",
    }


def _usage(said: Said) -> Body:
    usage: Body = {
        "promptTokenCount": said.prompt_tokens,
        "candidatesTokenCount": said.output_tokens - said.reasoning_tokens,
        "totalTokenCount": said.prompt_tokens + said.output_tokens,
    }
    if said.reasoning_tokens:
        usage["thoughtsTokenCount"] = said.reasoning_tokens
    if said.cached_tokens:
        usage["cachedContentTokenCount"] = said.cached_tokens
    return usage


def _finish(said: Said) -> str:
    if not all(_is_json(call) for call in said.calls):
        return "MALFORMED_FUNCTION_CALL"
    return _STOPS.get(said.finish, "STOP")


def _is_json(call: Call) -> bool:
    try:
        return isinstance(json.loads(call.arguments), dict)
    except ValueError:
        return False


def _signature(said: Said) -> str:
    return base64.b64encode(f"{SIGNATURE}{len(said.reasoning or '')}".encode()).decode()


def _text(content: Mapping[str, Any]) -> str:
    """The text of a content's parts, without its thoughts."""
    parts = content.get("parts") or ()
    return "\n".join(str(part["text"]) for part in parts if part.get("text") and not part.get("thought"))


def _of(body: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = body.get(field)
    return value if isinstance(value, Mapping) else {}


def _event(payload: Body) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
