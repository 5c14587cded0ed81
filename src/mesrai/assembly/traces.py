"""Where spans begin and end: jobs, reading the source, questions to models, requests to the code host."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Final, TypeVar

import aiohttp

from mesrai.domain.tracing import UNTRACED, Facts, Side, Tracing
from mesrai.domain.usage import Usage
from mesrai.errors import MesraiError, ModelError, SettingsError
from mesrai.flows.recording import review_of
from mesrai.forges.github.transport import Session
from mesrai.jobs.queue import Job
from mesrai.llm.model import Answer, Model, Profile, Prompt
from mesrai.llm.money import spent_on
from mesrai.worker import Desk, Handler

T = TypeVar("T")
LOG: Final = logging.getLogger("mesrai.service")
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN: Final = "http/protobuf"


@asynccontextmanager
async def open_tracing(environ: Mapping[str, str]) -> AsyncIterator[Tracing]:
    """Where spans go, as the OTEL_ variables say; what they hold is sent on exit. Errors: SettingsError."""
    if not _is_wanted(environ):
        yield UNTRACED
        return
    try:
        from mesrai.assembly.telemetry import OpenTelemetry  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError:
        LOG.warning("%s is set, but traces need more: pip install 'mesrai[otel]'. None are sent.", _named(environ))
        yield UNTRACED
        return
    try:
        tracing = OpenTelemetry(environ)
    except ValueError as error:
        raise SettingsError("An OTEL_ variable cannot be used; docs/operate/traces.md names them.") from error
    LOG.info("Traces are sent to where %s says.", _named(environ))
    try:
        yield tracing
    finally:
        await tracing.close()


def _is_wanted(environ: Mapping[str, str]) -> bool:
    if not _named(environ) or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() not in ("", "otlp"):
        return False
    spoken = next((environ[name].strip() for name in _PROTOCOLS if environ.get(name, "").strip()), _SPOKEN)
    if spoken != _SPOKEN:
        LOG.warning("Traces are sent as %s alone, and OTEL_EXPORTER_OTLP_PROTOCOL says otherwise: none are.", _SPOKEN)
    return spoken == _SPOKEN


def _named(environ: Mapping[str, str]) -> str:
    """The variable that names the address; empty if there is none."""
    return next((name for name in _ENDPOINTS if environ.get(name, "").strip()), "")


def traced_desk(desk: Desk, tracing: Tracing) -> Desk:
    """The worker's desk, with a span for each job."""

    def around(handler: Handler) -> Handler:
        async def handle(job: Job) -> str:
            with tracing.span(job.kind, _facts(job)):
                return await handler(job)

        return handle

    async def gave_up(job: Job, error: MesraiError) -> None:
        with tracing.span(f"tell that {job.kind} failed", _facts(job)):
            await desk.gave_up(job, error)

    return replace(desk, handlers={kind: around(each) for kind, each in desk.handlers.items()}, gave_up=gave_up)


def _facts(job: Job) -> Facts:
    return {
        "mesrai.job": job.id,
        "mesrai.attempt": job.attempt,
        "mesrai.review": review_of(job),
        "mesrai.subject": job.subject,
    }


@asynccontextmanager
async def traced_reading(reading: AbstractAsyncContextManager[T], tracing: Tracing) -> AsyncIterator[T]:
    """A source, with a span for opening it."""
    async with AsyncExitStack() as opened:
        with tracing.span("read the source", {}):
            source = await opened.enter_async_context(reading)
        yield source


class TracedModel:
    """A Model with a span for each question to it."""

    def __init__(self, model: Model, tracing: Tracing) -> None:
        self._model = model
        self._tracing = tracing

    @property
    def profile(self) -> Profile:
        """The model's own."""
        return self._model.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """The model's answer. Errors: the model's."""
        profile = self.profile
        facts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": profile.provider,
            "gen_ai.request.model": profile.model,
        }
        with self._tracing.span(f"chat {profile.model}", facts, side=Side.ASKS) as span:
            try:
                answer = await self._model.ask(prompt)
            except ModelError as error:
                span.note({"mesrai.outcome": "failed", **_tokens(spent_on(error))})
                raise
            span.note({"mesrai.outcome": "answered", **_tokens(answer.usage)})
            return answer


def _tokens(usage: Usage) -> Facts:
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "mesrai.cached_tokens": usage.cached_tokens,
        "mesrai.reasoning_tokens": usage.reasoning_tokens,
    }


def follow_forge(session: Session, tracing: Tracing) -> None:
    """A span for each request to the code host from now on; its address is left out, which may name people."""
    if tracing is UNTRACED:
        return
    following = aiohttp.TraceConfig()
    following.on_request_start.append(_Following(tracing).begun)
    following.on_request_end.append(_ended)
    following.on_request_exception.append(_failed)
    following.freeze()
    session.client.trace_configs.append(following)


class _Following:
    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    async def begun(
        self, _client: aiohttp.ClientSession, kept: SimpleNamespace, asked: aiohttp.TraceRequestStartParams
    ) -> None:
        """A request begins."""
        facts = {"http.request.method": asked.method, "server.address": asked.url.host or ""}
        kept.block = self._tracing.span(asked.method, facts, side=Side.ASKS)
        kept.span = kept.block.__enter__()


async def _ended(_: aiohttp.ClientSession, kept: SimpleNamespace, told: aiohttp.TraceRequestEndParams) -> None:
    status = told.response.status
    kept.span.note({"http.response.status_code": status})
    if status >= 400:
        kept.span.fail(str(status))
    kept.block.__exit__(None, None, None)


async def _failed(_: aiohttp.ClientSession, kept: SimpleNamespace, told: aiohttp.TraceRequestExceptionParams) -> None:
    kept.span.fail(type(told.exception).__name__)
    kept.block.__exit__(None, None, None)
