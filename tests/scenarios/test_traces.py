"""Traces: spans reach a collector, in the trace that a trusted proxy named, and without anybody's words."""

import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.served import FAULTY, a_place, check_of, serving, until

_TRACE = "0af7651916cd43dd8448eb211c80319c"
_OTHER = "1bf7651916cd43dd8448eb211c80319c"
_PROXY_SPAN = "b7ad6b7169203331"


class Collector:
    """What an OTLP/HTTP collector was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.seen: list[tuple[str, str, str]] = []  # path, content type, a header that was asked for
        self.port = 0

    def spans(self) -> list["Sent"]:
        proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        found = []
        for body in list(self.bodies):
            for group in proto.ExportTraceServiceRequest.FromString(body).resource_spans:
                about = _facts(group.resource.attributes)
                found += [
                    Sent(
                        name=span.name,
                        trace=span.trace_id.hex(),
                        number=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        is_failed=span.status.code == 2,
                        facts=_facts(span.attributes),
                        about=about,
                    )
                    for scope in group.scope_spans
                    for span in scope.spans
                ]
        return found


@dataclass(frozen=True)
class Sent:
    name: str
    trace: str
    number: str
    parent: str
    is_failed: bool
    facts: dict[str, Any]
    about: dict[str, Any]


def _facts(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.bodies.append(body)
            collector.seen.append((self.path, self.headers["Content-Type"], self.headers.get("x-tenant", "")))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    collector.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(address: str, trace: str) -> None:
    request = urllib.request.Request(f"{address}/health/live", headers={"traceparent": f"00-{trace}-{_PROXY_SPAN}-01"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def test_a_review_is_traced_from_the_job_to_the_model_and_no_words_are_sent(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otel` is not installed")
    with collecting() as collector, a_place(tmp_path, f"sqlite:///{tmp_path / 'm.db'}") as bare:
        otel = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
            "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=ours",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=tests",
            "MESRAI_TRUSTED_PROXIES": "127.0.0.1",
            "PYTHONPATH": ":".join(each for each in sys.path if each),
        }
        place = replace(bare, env={**bare.env, **otel})
        with serving(place) as address:
            asked(address, _TRACE)
            pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
            until(lambda: check_of(place, pull.head_sha), "it is reviewed", place)
            until(lambda: [each for each in collector.spans() if each.name == "review"], "its span is sent", place)
        spans = collector.spans()  # what was left was sent at the end
        assert set(collector.seen) == {("/v1/traces", "application/x-protobuf", "ours")}
        assert {each.about["service.name"] for each in spans} == {"mesrai"}
        assert {each.about["deployment.environment.name"] for each in spans} == {"tests"}
        asked_span = next(each for each in spans if each.trace == _TRACE)
        assert (asked_span.name, asked_span.parent) == ("GET health", _PROXY_SPAN)
        assert asked_span.facts["http.response.status_code"] == 200
        review = next(each for each in spans if each.name == "review")
        assert review.facts["mesrai.subject"] == pull_name(place, pull.number)
        of_it = [each for each in spans if each.trace == review.trace]
        assert "read the source" in {each.name for each in of_it if each.parent == review.number}
        chat = next(each for each in of_it if each.name.startswith("chat "))
        assert chat.facts["gen_ai.request.model"] == "kimi-k2.6"
        assert chat.facts["mesrai.outcome"] == "answered"
        assert chat.facts["gen_ai.usage.input_tokens"] > 0
        to_forge = [each for each in of_it if "http.request.method" in each.facts]
        assert {each.facts["server.address"] for each in to_forge} == {"127.0.0.1"}
        assert not [each for each in of_it if each.is_failed and not each.facts["error.type"].isdecimal()]
        sent = b"".join(collector.bodies)
        for words in (b"eval(", b"return", b"sk-sim", b"a-webhook-secret"):
            assert words not in sent


def pull_name(place: Any, number: int) -> str:
    return f"{place.github.url.removeprefix('http://').split('/')[0]}/acme/shop#{number}"


def test_a_stranger_cannot_name_the_trace_and_without_the_variable_nothing_is_sent(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otel` is not installed")
    with collecting() as collector, a_place(tmp_path, f"sqlite:///{tmp_path / 'm.db'}", judged=False) as bare:
        path = {"PYTHONPATH": ":".join(each for each in sys.path if each)}
        told = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{collector.port}/v1/traces"}
        with serving(replace(bare, env={**bare.env, **path, **told})) as address:
            asked(address, _OTHER)
        assert "GET health" in {each.name for each in collector.spans()}
        assert _OTHER not in {each.trace for each in collector.spans()}
        collector.bodies.clear()
        with serving(replace(bare, env={**bare.env, **path, **told, "OTEL_SDK_DISABLED": "true"})) as address:
            asked(address, _OTHER)
        assert collector.bodies == []
