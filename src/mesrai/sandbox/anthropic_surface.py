"""The stand-in's Anthropic surface: a request as a chat body, an answer as a message or as events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mesrai.sandbox.saying import Body, Said, text_of
from mesrai.sandbox.sending import Frames, pieces

_ID: Final = "msg_sim"
_SIGNATURE: Final = "sim-signature-"
_RAW: Final = "_raw"  # in a block of ours: a call's arguments as text, which may be malformed
_STOPS: Final = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}
_TAKEN: Final = ("model", "max_tokens", "temperature", "top_p", "thinking", "output_config", "stream")
_ERROR: Final = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def chat_body(body: Body) -> Body:
    """The request in the words of the chat surface, so that one set of checks and answers serves both."""
    chat: Body = {key: body[key] for key in _TAKEN if key in body}
    system = body.get("system")
    chat["messages"] = [{"role": "system", "content": text_of(system)}] if system else []
    for message in body.get("messages") or ():
        chat["messages"] += _messages(message)
    if body.get("tools"):
        chat["tools"] = [_tool(tool) for tool in body["tools"]]
    choice = body.get("tool_choice") or {}
    if choice.get("type") == "none":
        chat["tool_choice"] = "none"
    elif choice.get("type") == "tool":
        chat["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    wanted = (body.get("output_config") or {}).get("format")
    if wanted:
        chat["response_format"] = {"type": "json_schema", "json_schema": {"schema": wanted["schema"]}}
    return chat


def message(body: Body, said: Said, *, is_signed: bool = False) -> Body:
    """The whole answer in one object; its thinking signed as Anthropic's own is, or bare as Kimi's."""
    blocks = _blocks(said, is_signed=is_signed)
    content = [{key: value for key, value in block.items() if key != _RAW} for block in blocks]
    return {**_head(body), "content": content, **_end(said), "usage": _usage(said)}


def events(body: Body, said: Said, *, is_signed: bool = False) -> Frames:
    """The answer as a stream of named events; see `message`."""
    start = {**_head(body), "content": [], "stop_reason": None, "usage": {**_usage(said), "output_tokens": 1}}
    frames = [_event("message_start", message=start), _event("ping")]
    for index, block in enumerate(_blocks(said, is_signed=is_signed)):
        frames += _block_events(index, block)
    return Frames(
        body=frames,
        ending=[
            _event("message_delta", delta=_end(said), usage={"output_tokens": said.output_tokens}),
            _event("message_stop"),
        ],
        ping=_event("ping"),
        garbage=b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n',
        error=b"event: error\ndata: " + json.dumps(_ERROR).encode() + b"\n\n",
        error_in_choice=b"event: error\ndata: " + json.dumps(_ERROR).encode() + b"\n\n",
    )


def _messages(given: Mapping[str, Any]) -> Iterator[Body]:
    blocks = given.get("content")
    if not isinstance(blocks, list):
        yield {"role": given.get("role"), "content": blocks}
        return
    by_type: dict[str, list[Body]] = {}
    for block in blocks:
        by_type.setdefault(str(block.get("type")), []).append(block)
    for result in by_type.get("tool_result", ()):
        yield {
            "role": "tool",
            "tool_call_id": result.get("tool_use_id"),
            "content": result["content"] if isinstance(result.get("content"), str) else text_of(result.get("content")),
        }
    spoken: Body = {"role": given.get("role")}
    if "text" in by_type:
        # One empty block is refused however much text there is beside it.
        is_whole = all(str(block.get("text", "")).strip() for block in by_type["text"])
        spoken["content"] = text_of(by_type["text"]) if is_whole else ""
    if "thinking" in by_type or "redacted_thinking" in by_type:
        spoken["reasoning_content"] = "".join(str(block.get("thinking", "")) for block in by_type.get("thinking", ()))
    if "tool_use" in by_type:
        spoken["tool_calls"] = [_call(block) for block in by_type["tool_use"]]
    if len(spoken) > 1:
        yield spoken


def _call(block: Mapping[str, Any]) -> Body:
    return {
        "id": block.get("id"),
        "type": "function",
        "function": {"name": block.get("name"), "arguments": json.dumps(block.get("input"))},
    }


def _tool(tool: Mapping[str, Any]) -> Body:
    function = {"name": tool.get("name"), "description": tool.get("description"), "parameters": tool["input_schema"]}
    return {"type": "function", "function": function}


def _head(body: Body) -> Body:
    return {"id": _ID, "type": "message", "role": "assistant", "model": body.get("model")}


def _blocks(said: Said, *, is_signed: bool) -> Iterator[Body]:
    if said.reasoning is not None:
        signature = {"signature": f"{_SIGNATURE}{len(said.reasoning)}"} if is_signed else {}
        yield {"type": "thinking", "thinking": said.reasoning, **signature}
    if said.content:
        yield {"type": "text", "text": said.content}
    for call in said.calls:
        yield {
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": _input(call.arguments),
            _RAW: call.arguments,
        }


def _input(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


def _block_events(index: int, block: Body) -> Iterator[bytes]:
    kind = block["type"]
    if kind == "tool_use":
        field, delta, text = "partial_json", "input_json_delta", block[_RAW]
        start = {"type": kind, "id": block["id"], "name": block["name"], "input": {}}
    else:
        field, delta, text = kind, f"{kind}_delta", block[kind]
        start = {"type": kind, kind: ""}
    yield _event("content_block_start", index=index, content_block=start)
    for piece in pieces(text):
        yield _event("content_block_delta", index=index, delta={"type": delta, field: piece})
    if "signature" in block:
        signed = {"type": "signature_delta", "signature": block["signature"]}
        yield _event("content_block_delta", index=index, delta=signed)
    yield _event("content_block_stop", index=index)


def _end(said: Said) -> Body:
    return {"stop_reason": _STOPS.get(said.finish, said.finish), "stop_sequence": None}


def _usage(said: Said) -> Body:
    return {
        "input_tokens": said.prompt_tokens - said.cached_tokens,
        "cache_read_input_tokens": said.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": said.output_tokens,
    }


def _event(kind: str, **more: Any) -> bytes:
    payload = json.dumps({"type": kind, **more}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {payload}\n\n".encode()
