"""How the stand-in comes from a question to a model to a response."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

from starlette.responses import JSONResponse, Response

from mesrai.sandbox import anthropic_surface, gemini_surface, openai_surface, openrouter_surface
from mesrai.sandbox.checks import complaint_about
from mesrai.sandbox.claude_checks import claude_complaint
from mesrai.sandbox.desk import Desk
from mesrai.sandbox.faces import Face, Style
from mesrai.sandbox.faults import ON_ANSWER, REFUSALS, Fault, own_name
from mesrai.sandbox.gemini_checks import gemini_complaint
from mesrai.sandbox.in_flight import Visit
from mesrai.sandbox.limits import Excess
from mesrai.sandbox.listing import Row
from mesrai.sandbox.responses import Blanks, bad_request, headers_of, over_limit, refusal, refused
from mesrai.sandbox.saying import Body, Said, say, spoken_text
from mesrai.sandbox.sending import sent
from mesrai.sandbox.sizing import allowed_tokens, cut_to, prompt_tokens
from mesrai.sandbox.spoiling import spoiled
from mesrai.sandbox.stage import Called
from mesrai.sandbox.streamed import Streamed
from mesrai.sandbox.thinking import is_thinking, is_told_not_to_think
from mesrai.sandbox.thoughts import thoughts_about, unseen_tokens
from mesrai.sandbox.worlds import World

_VERSION = "anthropic-version"
_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)  # while a request is read


class Answering:
    """Answers what a `ModelRoute` brings."""

    def __init__(self, desk: Desk) -> None:
        """Answer from what the desk knows."""
        self._desk = desk

    async def answer(self, visit: Visit) -> Response:
        """The response to one request."""
        stage = self._desk.stage
        try:
            body = json.loads(visit.raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return bad_request(visit.face, "Invalid request: the body is not JSON", is_messages=visit.is_messages)
        called = Called(
            path=visit.request.url.path,
            key=visit.key,
            headers=dict(visit.request.headers),
            body=body,
            account=visit.account.id,
        )
        stage.keep(called)
        number = stage.call_count
        fault = stage.next_fault(visit.key, visit.request.headers.get("x-sim-fault", ""), visit.face.id)
        called.fault = fault.name if fault else ""
        if fault is not None and fault.name == "ttft":
            await asyncio.sleep(min(fault.number("ms", 800) / 1000, self._desk.manners.hold_s))
        world = self._world(visit)
        response = await self._respond(visit, body, fault, world)
        called.status = response.status_code
        visit.account.answered += response.status_code == 200
        response.headers.update(headers_of(visit.face, number, visit.account, world))
        return response

    def _world(self, visit: Visit) -> World | None:
        key = self._desk.sent_key(visit.face, visit.request, is_messages=visit.is_messages)
        return self._desk.worlds.find(key, visit.face)

    async def _respond(self, visit: Visit, body: Body, fault: Fault | None, world: World | None) -> Response:
        if world is None:
            return refused(visit.face, "bad_key", Blanks(key=visit.key))
        if fault is not None and fault.name == "no_answer":
            await asyncio.sleep(self._desk.manners.hold_s)
            return Response(status_code=504)
        try:
            chat = _chat_of(visit, body)
            refusing = self._refusal(visit, body, chat, fault, world)
        except _MALFORMED:
            return bad_request(visit.face, "Invalid request: a field has the wrong type", is_messages=visit.is_messages)
        return refusing or await self._answered(visit, body, chat, fault)

    def _refusal(self, visit: Visit, body: Body, chat: Body, fault: Fault | None, world: World) -> Response | None:
        """Why the request gets no answer; None if it gets one."""
        blanks = Blanks(key=visit.key, model=str(chat.get("model")))
        row = self._desk.models.find(visit.face, blanks.model)
        return (
            self._faulty(visit, {**body, "stream": chat.get("stream")}, fault, blanks)
            or self._closed(visit, world, blanks)
            or self._unfit(visit, body, chat, row)
            or self._excessive(visit, chat, row, world)
        )

    def _faulty(self, visit: Visit, body: Body, fault: Fault | None, blanks: Blanks) -> Response | None:
        """The refusal that was asked for."""
        if fault is None:
            return None
        if fault.name == "refuse" and fault.settings.get("field") in body:
            words = f"Invalid request: unsupported parameter: {fault.settings['field']}"
            return bad_request(visit.face, words, is_messages=False)
        if fault.name not in REFUSALS or (fault.name == "error_in_200" and body.get("stream")):
            return None
        named = replace(fault, name=own_name(visit.face.style, fault.name))
        return refusal(named, replace(blanks, reset_at=time.time() + 107 * self._desk.manners.minute_s))

    def _closed(self, visit: Visit, world: World, blanks: Blanks) -> Response | None:
        """What the account or the surface does not let in."""
        face, manners = visit.face, self._desk.manners
        agent = visit.request.headers.get("user-agent", "")
        if face.has_gate and manners.has_gate and not visit.is_messages and not agent.startswith(manners.admitted):
            return refused(face, "client_gate", blanks)
        reset_at = self._desk.reset_at(world)
        is_over = world.window_minutes is not None and time.time() >= reset_at
        if world.refuses and not is_over:
            return refusal(Fault(name=world.refuses), replace(blanks, reset_at=reset_at))
        if world.is_free and not blanks.model.endswith(":free"):
            return refused(face, "no_credit", blanks)
        return None

    def _unfit(self, visit: Visit, body: Body, chat: Body, row: Row | None) -> Response | None:
        """What is wrong with the request itself."""
        face, model = visit.face, str(chat.get("model"))
        is_strict = visit.key in self._desk.worlds.known
        if self._desk.models.is_missing(face, model, is_strict=is_strict):
            return refused(face, "no_model", Blanks(model=model))
        complaint = self._complaint(visit, body, chat, row)
        if complaint:
            return bad_request(face, complaint, is_messages=visit.is_messages)
        if face.style is Style.OPENROUTER and not openrouter_surface.host_of(chat):
            return refusal(Fault(name="no_route_openrouter"), Blanks(model=model))
        return None

    def _complaint(self, visit: Visit, body: Body, chat: Body, row: Row | None) -> str | None:
        face, manners = visit.face, self._desk.manners
        if visit.is_messages and ("max_tokens" not in chat or _VERSION not in visit.request.headers):
            return f"max_tokens: Field required, and the header {_VERSION}"
        if face.has_body_limit and len(visit.raw) > manners.max_body:
            return f"total message size {len(visit.raw)} exceeds limit {manners.max_body}"
        if face.style is Style.GEMINI and (words := gemini_complaint(body, row)):
            return words
        if face.style is Style.ANTHROPIC and row is not None and (words := claude_complaint(body, row)):
            return words
        return complaint_about(chat, face=face, row=row, window=manners.window)

    def _excessive(self, visit: Visit, chat: Body, row: Row | None, world: World) -> Response | None:
        """The refusal of one request too many."""
        limits = world.limits
        if visit.face.cap is not None:
            limits = replace(limits, concurrency=visit.face.cap)
        excess = visit.admit(limits, prompt_tokens(chat) + allowed_tokens(chat, row))
        if excess is None:
            return None
        visit.account.refused += 1
        return self._over(visit.face, excess, str(chat.get("model")))

    def _over(self, face: Face, excess: Excess, model: str) -> Response:
        manners = self._desk.manners
        if face.style is Style.MOONSHOT:
            return over_limit(excess.words, excess.wait_s, with_retry_after=manners.has_retry_after)
        if face.style is Style.KIMI_CODE:
            return refusal(Fault(name=f"concurrency_{manners.cap_status}"), Blanks())
        if face.style is Style.OPENROUTER:
            return refusal(Fault(name="quota_free" if excess.limit == "rpd" else "throttle_free"), Blanks())
        return refused(face, "throttle", Blanks(model=model))

    async def _answered(self, visit: Visit, body: Body, chat: Body, fault: Fault | None) -> Response:
        row = self._desk.models.find(visit.face, str(chat.get("model")))
        said = await self._said(visit.key, chat, row, fault)
        if row is not None:
            body = {**body, "model": row.id}  # who answers, which may have another name than was asked for
        is_whole = not chat.get("stream") or (fault is not None and fault.name == "ignores_stream")
        shape: Any
        if visit.face.style is Style.GEMINI:
            shape = gemini_surface.response if is_whole else gemini_surface.chunks
            made = shape(chat, said)
        elif visit.is_messages:
            is_signed = visit.face.style is Style.ANTHROPIC
            shape = anthropic_surface.message if is_whole else anthropic_surface.events
            made = shape(body, said, is_signed=is_signed)
        else:
            shape = openai_surface.completion if is_whole else openai_surface.chunks
            made = shape(body, said, _form(visit.face, chat, row, fault))
        if not is_whole:
            manners = self._desk.manners
            return Streamed(sent(made, fault, hold_s=manners.hold_s, over_s=manners.stream_s))
        if fault is not None and fault.name == "blank_lines":
            return Response(b"\n\n\n" + json.dumps(made).encode(), media_type="application/json")
        return JSONResponse(made)

    async def _said(self, key: str, chat: Body, row: Row | None, fault: Fault | None) -> Said:
        if self._desk.manners.latency_s:
            await asyncio.sleep(self._desk.manners.latency_s)
        said = await say(self._desk.manners.answer, chat)
        if fault is not None and fault.name == "thinks_anyway":
            said = replace(said, reasoning=thoughts_about(chat))
        elif is_told_not_to_think(chat, row):
            said = replace(said, reasoning=None, unseen_tokens=unseen_tokens(chat, row))
        elif said.reasoning is None and is_thinking(chat, row):
            said = replace(said, reasoning=thoughts_about(chat))
        said = cut_to(said, allowed_tokens(chat, row))
        if fault is not None and fault.name in ON_ANSWER:
            said = spoiled(said, fault.name)
        text = spoken_text(chat)
        tokens = len(text) // 4
        return replace(said, prompt_tokens=tokens, cached_tokens=self._desk.stage.cached_tokens(key, text))


def _chat_of(visit: Visit, body: Body) -> Body:
    """The request in the words of the chat surface."""
    if visit.face.style is Style.GEMINI:
        return gemini_surface.chat_body(body, visit.request.url.path)
    return anthropic_surface.chat_body(body) if visit.is_messages else body


def _form(face: Face, chat: Body, row: Row | None, fault: Fault | None) -> openai_surface.Form:
    if fault is not None and fault.name == "reasoning_elsewhere":
        return openai_surface.HOSTED
    match face.style:
        case Style.OPENROUTER:
            return openrouter_surface.form_for(chat, row)
        case Style.OPENAI | Style.ZAI:
            return openai_surface.OPENAI
    return openai_surface.MOONSHOT
