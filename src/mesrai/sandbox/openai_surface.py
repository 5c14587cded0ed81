"""The stand-in's OpenAI surface: an answer as a completion, or as the chunks of a stream."""

import json
from collections.abc import Iterator
from typing import Any, Final

from mesrai.sandbox.saying import Body, Said
from mesrai.sandbox.sending import Frames, pieces

_ID: Final = "chatcmpl-sim"
_CREATED: Final = 1_776_700_000


def completion(body: Body, said: Said) -> Body:
    """The whole answer in one object."""
    message: dict[str, Any] = {"role": "assistant", "content": said.content}
    if said.reasoning is not None:
        message["reasoning_content"] = said.reasoning
    if said.calls:
        message["tool_calls"] = [_call(said, index) for index in range(len(said.calls))]
    return {
        "id": _ID,
        "object": "chat.completion",
        "created": _CREATED,
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": said.finish}],
        "usage": _usage(said),
    }


def chunks(body: Body, said: Said) -> Frames:
    """The answer as Moonshot streams it: reasoning first, usage inside the last choice and, if asked, on its own."""
    deltas = [_frame(body, _choice(delta)) for delta in _deltas(said)]
    ending = [_frame(body, {**_choice({}, said.finish), "usage": _usage(said)})]
    if (body.get("stream_options") or {}).get("include_usage"):
        ending.append(_event({**_head(body), "choices": [], "usage": _usage(said)}))
    return Frames(
        body=deltas,
        ending=[*ending, b"data: [DONE]\n\n"],
        ping=b": keep-alive\n\n",
        garbage=b'data: {"choices":[{"index":0,"delta":{"content":"half of it\n\n',
        error=_event({**_head(body), **_ERROR, "choices": [_choice({"content": ""}, "error")]}),
        error_in_choice=_event({**_head(body), "choices": [{**_choice({"content": ""}, "error"), **_ERROR}]}),
    )


_ERROR: Final = {"error": {"code": 502, "message": "Provider disconnected"}}


def _deltas(said: Said) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    if said.reasoning is not None:
        yield from ({"reasoning_content": piece} for piece in pieces(said.reasoning) or [""])
    yield from ({"content": piece} for piece in pieces(said.content))
    for index, call in enumerate(said.calls):
        whole = {"index": index, **_call(said, index)}
        yield {"tool_calls": [{**whole, "function": {"name": call.name, "arguments": ""}}]}
        for piece in pieces(call.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _call(said: Said, index: int) -> dict[str, Any]:
    call = said.calls[index]
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _head(body: Body) -> dict[str, Any]:
    return {"id": _ID, "object": "chat.completion.chunk", "created": _CREATED, "model": body.get("model")}


def _frame(body: Body, choice: dict[str, Any]) -> bytes:
    return _event({**_head(body), "choices": [choice]})


def _event(payload: Body) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def _usage(said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.prompt_tokens + said.output_tokens,
        "cached_tokens": said.cached_tokens,
        "prompt_tokens_details": {"cached_tokens": said.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": said.reasoning_tokens},
    }
