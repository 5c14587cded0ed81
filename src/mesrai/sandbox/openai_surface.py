"""The stand-in's OpenAI surface: an answer as a completion, or as the chunks of a stream."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mesrai.sandbox.saying import Body, Said
from mesrai.sandbox.sending import Frames, pieces

_CREATED: Final = 1_776_700_000
_ERROR: Final = {"error": {"code": 502, "message": "Provider disconnected"}}


def _reasoning_content(text: str) -> Body:
    return {"reasoning_content": text}


def _nothing_more(_: Said) -> Body:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What differs between the vendors that speak this format. As it stands, it is Moonshot's."""

    id: str = "chatcmpl-sim"
    head: Mapping[str, Any] = field(default_factory=dict)  # more fields of every object
    reasoning: Callable[[str], Body] = _reasoning_content  # a piece of reasoning as fields
    more_usage: Callable[[Said], Body] = _nothing_more
    has_usage_in_choice: bool = True
    before: bytes = b""  # what a stream begins with


MOONSHOT: Final = Form()
OPENAI: Final = Form(has_usage_in_choice=False)
# Hosts of open models, such as vLLM, name the field so.
HOSTED: Final = Form(reasoning=lambda text: {"reasoning": text}, has_usage_in_choice=False)


def completion(body: Body, said: Said, form: Form = MOONSHOT) -> Body:
    """The whole answer in one object."""
    message: dict[str, Any] = {"role": "assistant", "content": said.content}
    if said.reasoning is not None:
        message |= form.reasoning(said.reasoning)
    if said.calls:
        message["tool_calls"] = [_call(said, index) for index in range(len(said.calls))]
    return {
        **_head(body, form),
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": said.finish}],
        "usage": _usage(said, form),
    }


def chunks(body: Body, said: Said, form: Form = MOONSHOT) -> Frames:
    """The answer as it is streamed: reasoning first, usage inside the last choice and, if asked, on its own."""
    head = _head(body, form)
    usage = _usage(said, form)
    deltas = [_event({**head, "choices": [_choice(delta)]}) for delta in _deltas(said, form)]
    last = _choice({}, said.finish) | ({"usage": usage} if form.has_usage_in_choice else {})
    ending = [_event({**head, "choices": [last]})]
    if (body.get("stream_options") or {}).get("include_usage"):
        ending.append(_event({**head, "choices": [], "usage": usage}))
    return Frames(
        body=[form.before + deltas[0], *deltas[1:]],
        ending=[*ending, b"data: [DONE]\n\n"],
        ping=b": keep-alive\n\n",
        garbage=b'data: {"choices":[{"index":0,"delta":{"content":"half of it\n\n',
        error=_event({**head, **_ERROR, "choices": [_choice({"content": ""}, "error")]}),
        error_in_choice=_event({**head, "choices": [{**_choice({"content": ""}, "error"), **_ERROR}]}),
    )


def _deltas(said: Said, form: Form) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    if said.reasoning is not None:
        yield from (form.reasoning(piece) for piece in pieces(said.reasoning) or [""])
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


def _head(body: Body, form: Form) -> dict[str, Any]:
    head = {"id": form.id, "object": "chat.completion.chunk", "created": _CREATED, "model": body.get("model")}
    return {**head, **form.head}


def _event(payload: Body) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def _usage(said: Said, form: Form) -> dict[str, Any]:
    return {
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.prompt_tokens + said.output_tokens,
        **({"cached_tokens": said.cached_tokens} if form.has_usage_in_choice else {}),
        "prompt_tokens_details": {"cached_tokens": said.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": said.reasoning_tokens},
        **form.more_usage(said),
    }
