"""Tracing by OpenTelemetry's SDK, sent over OTLP/HTTP; needs the extra `otel`."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mesrai import __version__
from mesrai.domain.tracing import Facts, Side, Span

_FLUSH_MS: Final = 3_000  # at the end, for what was not sent yet
_KINDS: Final[Mapping[Side, trace.SpanKind]] = {
    Side.INSIDE: trace.SpanKind.INTERNAL,
    Side.ANSWERS: trace.SpanKind.SERVER,
    Side.ASKS: trace.SpanKind.CLIENT,
}


class _Told:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.fail(kind.__name__)

    def note(self, facts: Facts) -> None:
        """See Span."""
        self._span.set_attributes(dict(facts))

    def fail(self, kind: str) -> None:
        """See Span."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.StatusCode.ERROR)


class OpenTelemetry:
    """See Tracing. The SDK and its exporter read their OTEL_ variables from the process's environment themselves."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Errors: ValueError if one of their variables cannot be used."""
        facts = {"service.version": __version__}
        # What is given here would win over the environment.
        if not environ.get("OTEL_SERVICE_NAME") and "service.name=" not in environ.get("OTEL_RESOURCE_ATTRIBUTES", ""):
            facts["service.name"] = "mesrai"
        self._provider = TracerProvider(resource=Resource.create(facts), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("mesrai", __version__)
        self._headers = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, facts: Facts, *, side: Side = Side.INSIDE, parent: str = "") -> Iterator[Span]:
        """See Tracing."""
        around = self._headers.extract({"traceparent": parent}) if parent else None
        began = self._tracer.start_as_current_span(
            name,
            context=around,
            kind=_KINDS[side],
            attributes=dict(facts),
            record_exception=False,  # its message may quote what somebody wrote
            set_status_on_exception=False,
        )
        with began as span, _Told(span) as told:
            yield told

    async def close(self) -> None:
        """Send what was not sent yet."""
        await asyncio.to_thread(self._provider.force_flush, _FLUSH_MS)
        await asyncio.to_thread(self._provider.shutdown)
