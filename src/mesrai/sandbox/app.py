"""The stand-in provider as a web application: the surfaces of real ones, their errors, and faults on request."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mesrai.sandbox import anthropic_surface, openai_surface
from mesrai.sandbox.checks import complaint_about, is_thinking
from mesrai.sandbox.faults import ON_ANSWER, REFUSALS, Fault
from mesrai.sandbox.rules import answer_by_rule
from mesrai.sandbox.saying import Answerer, Body, Call, Said, say, spoken_text
from mesrai.sandbox.sending import sent
from mesrai.sandbox.stage import Called, Stage

_POLL_S: Final = 0.01
_REASONING: Final = "Let me look at what was asked."


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How the stand-in behaves when nothing is wrong."""

    answer: Answerer = answer_by_rule
    latency_s: float = 0.0  # before each answer
    window: int = 262_144  # tokens
    max_body: int = 2 * 1024 * 1024  # bytes, on the coding plan's paths
    has_gate: bool = True  # the coding plan's chat surface admits only listed clients
    hold_s: float = 30.0  # for how long what should never end is kept open


def sandbox_app(manners: Manners | None = None, **changes: Any) -> Starlette:
    """The application. `changes` are fields of `Manners`, for short: `sandbox_app(answer=my_function)`.

    Its memory is `app.state.stage`.
    """
    surfaces = _Surfaces(replace(manners or Manners(), **changes), Stage())
    chat, messages = surfaces.chat, surfaces.messages
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/messages", messages, methods=["POST"]),
            Route("/coding/v1/chat/completions", chat, methods=["POST"]),
            Route("/coding/v1/messages", messages, methods=["POST"]),
            Route("/v1/models", surfaces.models),
            Route("/coding/v1/models", surfaces.models),
            Route("/coding/v1/me", surfaces.me),
            Route("/v1/users/me/balance", surfaces.balance),
            Route("/__sim/faults", surfaces.set_faults, methods=["POST"]),
            Route("/__sim/calls", surfaces.show_calls),
            Route("/__sim/reset", surfaces.reset, methods=["POST"]),
        ]
    )
    app.state.stage = surfaces.stage
    return app


class _Surfaces:
    """The endpoints."""

    def __init__(self, manners: Manners, stage: Stage) -> None:
        self.manners = manners
        self.stage = stage

    async def chat(self, request: Request) -> Response:
        """POST …/chat/completions."""
        return await self._ask(request, lambda body: body, is_messages=False)

    async def messages(self, request: Request) -> Response:
        """POST …/messages."""
        return await self._ask(request, anthropic_surface.chat_body, is_messages=True)

    async def models(self, request: Request) -> Response:
        """GET …/models."""
        if not self._is_known(request):
            return _refused(Fault(name="bad_key"), "", "")
        entry = {"id": "kimi-k2.6", "object": "model", "owned_by": "sandbox", "context_length": self.manners.window}
        return JSONResponse({"object": "list", "data": [entry]})

    async def me(self, request: Request) -> Response:
        """GET /coding/v1/me."""
        if not self._is_known(request):
            return _refused(Fault(name="bad_key"), "", "")
        return JSONResponse({"user_id": "u-sim", "user_level_name": "sandbox", "status": "active", "region": "sim"})

    async def balance(self, request: Request) -> Response:
        """GET /v1/users/me/balance."""
        if not self._is_known(request):
            return _refused(Fault(name="bad_key"), "", "")
        is_broke = _key_of(request) in ("sk-sim-quota", "sk-sim-no_credit")
        amount = -0.5 if is_broke else 49.58894
        balance = {"available_balance": amount, "voucher_balance": 0, "cash_balance": amount}
        return JSONResponse({"code": 0, "data": balance, "scode": "0x0", "status": True})

    async def set_faults(self, request: Request) -> Response:
        """POST /__sim/faults: a list of faults for the next calls, or {"key": …, "fault": …} for all of a key."""
        wanted = await request.json()
        try:
            if isinstance(wanted, dict):
                self.stage.always(wanted["key"], wanted.get("fault") or "")
            else:
                self.stage.script(wanted)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ok": True})

    async def show_calls(self, request: Request) -> Response:
        """GET /__sim/calls: how many requests to models came, and what they were."""
        with_body = "bodies" in request.query_params
        calls = [call.shown(with_body=with_body) for call in self.stage.calls]
        return JSONResponse({"count": len(calls), "most_in_flight": self.stage.most_in_flight, "calls": calls})

    async def reset(self, request: Request) -> Response:
        """POST /__sim/reset: forget all."""
        del request
        self.stage.clear()
        return JSONResponse({"ok": True})

    async def _ask(self, request: Request, chat_body: Callable[[Body], Body], *, is_messages: bool) -> Response:
        raw = await request.body()
        try:
            body = json.loads(raw)
        except ValueError:
            return _bad_request("Invalid request: the body is not JSON")
        key = _key_of(request)
        called = Called(path=request.url.path, key=key, headers=dict(request.headers), body=body)
        self.stage.calls.append(called)
        self.stage.in_flight += 1
        self.stage.most_in_flight = max(self.stage.most_in_flight, self.stage.in_flight)
        try:
            fault = self.stage.next_fault(key, request.headers.get("x-sim-fault", ""))
            called.fault = fault.name if fault else ""
            response = await self._refusal(request, raw, chat_body(body), fault)
            if response is None:
                said = await self._said(key, chat_body(body), fault)
                response = self._answer(body, said, fault, is_messages=is_messages)
        finally:
            self.stage.in_flight -= 1
        called.status = response.status_code
        response.headers["msh-request-id"] = f"sim-{len(self.stage.calls)}"
        return response

    async def _refusal(self, request: Request, raw: bytes, chat: Body, fault: Fault | None) -> Response | None:
        """The refusal this request gets; None if it is to be answered."""
        model, path = str(chat.get("model")), request.url.path
        if not self._is_known(request):
            return _refused(Fault(name="bad_key"), _key_of(request), model)
        if fault is not None and fault.name == "no_answer":
            await _until_gone(request, self.manners.hold_s)
            return Response(status_code=504)
        if fault is not None and fault.name == "refuse" and fault.settings.get("field") in json.loads(raw):
            return _bad_request(f"Invalid request: unsupported parameter: {fault.settings['field']}")
        is_in_stream = fault is not None and fault.name == "error_in_200" and bool(chat.get("stream"))
        if fault is not None and fault.name in REFUSALS and not is_in_stream:
            return _refused(fault, _key_of(request), model)
        if path == "/coding/v1/chat/completions" and self.manners.has_gate:
            return _refused(Fault(name="client_gate"), "", model)
        if path.endswith("/messages") and ("max_tokens" not in chat or "anthropic-version" not in request.headers):
            return _bad_request("max_tokens: Field required, and the header anthropic-version")
        if model.startswith("no-such"):
            return _refused(Fault(name="no_model"), "", model)
        if path.startswith("/coding") and len(raw) > self.manners.max_body:
            return _bad_request(f"total message size {len(raw)} exceeds limit {self.manners.max_body}")
        complaint = complaint_about(chat, window=self.manners.window)
        return _bad_request(complaint) if complaint else None

    async def _said(self, key: str, chat: Body, fault: Fault | None) -> Said:
        if self.manners.latency_s:
            await asyncio.sleep(self.manners.latency_s)
        said = await say(self.manners.answer, chat)
        if said.reasoning is None and is_thinking(chat):
            said = replace(said, reasoning=_REASONING)
        if fault is not None and fault.name in ON_ANSWER:
            said = _spoiled(said, fault.name)
        text = spoken_text(chat)
        return replace(said, prompt_tokens=len(text) // 4, cached_tokens=self.stage.cached_tokens(key, text))

    def _answer(self, body: Body, said: Said, fault: Fault | None, *, is_messages: bool) -> Response:
        if not body.get("stream") or (fault is not None and fault.name == "ignores_stream"):
            whole = anthropic_surface.message(body, said) if is_messages else openai_surface.completion(body, said)
            return JSONResponse(whole)
        frames = anthropic_surface.events(body, said) if is_messages else openai_surface.chunks(body, said)
        stream = sent(frames, fault, hold_s=self.manners.hold_s)
        return StreamingResponse(stream, media_type="text/event-stream")

    def _is_known(self, request: Request) -> bool:
        """Whether a key was sent, and to the plan it belongs to."""
        key = _key_of(request)
        is_coding = request.url.path.startswith("/coding/")
        return bool(key) and (is_coding or not key.startswith("sk-kimi-"))


def _key_of(request: Request) -> str:
    _, _, bearer = request.headers.get("authorization", "").partition(" ")
    return request.headers.get("x-api-key") or bearer.strip()


def _refused(fault: Fault, key: str, model: str) -> Response:
    refusal = REFUSALS[fault.name]
    told = {"{key}": key, "{model}": model, "{seconds}": fault.settings.get("seconds", "1")}
    text = refusal.body if isinstance(refusal.body, str) else json.dumps(refusal.body)
    headers = {name: _told(value, told) for name, value in refusal.headers.items()}
    if not isinstance(refusal.body, str):
        headers.setdefault("content-type", "application/json")
    elif refusal.body.startswith("<"):
        headers.setdefault("content-type", "text/html")
    return Response(_told(text, told), refusal.status, headers)


def _told(text: str, told: dict[str, str]) -> str:
    for mark, value in told.items():
        text = text.replace(mark, value)
    return text


def _bad_request(words: str) -> Response:
    return JSONResponse({"error": {"message": words, "type": "invalid_request_error"}}, 400)


def _spoiled(said: Said, fault: str) -> Said:
    """The answer as a misbehaving model gives it."""
    match fault:
        case "empty_answer":
            return replace(said, content="", calls=(), finish="stop")
        case "length_reasoning":
            return replace(said, content="", calls=(), reasoning="Let me think. " * 500, finish="length")
        case "length":
            return replace(said, content=said.content[: len(said.content) // 2], finish="length")
        case "malformed_json":
            return replace(said, content=said.content[:-1] + ',, "oops"')
        case "fenced_json":
            return replace(said, content=f"Here it is:\n```json\n{said.content}\n```\n")
        case "bad_tool_arguments":
            calls = said.calls or (Call(id="read_file:0", name="read_file", arguments=""),)
            return replace(
                said, finish="tool_calls", calls=tuple(replace(each, arguments='{"path": ') for each in calls)
            )
        case "think_tag":
            return replace(said, content=f"<think>{{not the answer}}</think>\n{said.content}")
    return replace(said, content="", calls=(), finish="content_filter")


async def _until_gone(request: Request, most_s: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + most_s
    while loop.time() < until and not await request.is_disconnected():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(_POLL_S)
