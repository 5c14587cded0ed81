"""A request's span: few names whatever is asked, what the answer was, and the trace of a trusted proxy alone."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from tests.noted_spans import Noted, Noting

from mesrai.cli.serve import _asked_through
from mesrai.domain.tally import Tally
from mesrai.domain.tracing import UNTRACED, Side
from mesrai.settings.operating import load_operating

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def asked(
    path: str = "/reviews/secret-7",
    *,
    client: str = "127.0.0.1",
    proxies: str = "",
    parents: tuple[str, ...] = (PARENT,),
    status: int = 200,
) -> Noted:
    tracing = Noting()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    headers = [(b"traceparent", each.encode("latin-1")) for each in parents]
    headers += [(b"x-forwarded-for", b"203.0.113.9"), (b"x-request-id", b"given-by-proxy")]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": headers, "scheme": "http",
                             "client": (client, 1)}  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None: ...

    operating = load_operating({"MESRAI_TRUSTED_PROXIES": proxies})
    asyncio.run(_asked_through(app, operating, Tally(), tracing)(scope, receive, send))  # type: ignore[arg-type]
    [span] = tracing.spans
    return span


def test_a_span_says_what_was_answered_and_not_what_was_asked_for() -> None:
    assert asked() == Noted(
        "GET pages",
        Side.ANSWERS,
        "",
        {
            "http.request.method": "GET",
            "mesrai.area": "pages",
            "http.response.status_code": 200,
            "mesrai.request": "given-by-proxy",
        },
    )


@pytest.mark.parametrize(("status", "failed"), [(404, []), (503, ["503"])])
def test_what_is_ours_to_mend_fails_it(status: int, failed: list[str]) -> None:
    assert asked(status=status).failed == failed


@pytest.mark.parametrize(
    ("client", "proxies", "parents", "parent"),
    [
        ("127.0.0.1", "127.0.0.1", (PARENT,), PARENT),
        ("10.1.2.3", "10.0.0.0/8, ::1", (PARENT,), PARENT),
        ("198.51.100.7", "127.0.0.1", (PARENT,), ""),  # somebody who came past the proxy
        ("127.0.0.1", "", (PARENT,), ""),
        ("127.0.0.1", "127.0.0.1", (PARENT, PARENT), ""),  # two of them: none is believed
        ("127.0.0.1", "127.0.0.1", (), ""),
        ("a-socket", "127.0.0.1", (PARENT,), ""),
    ],
)
def test_the_trace_of_a_trusted_proxy_goes_on(client: str, proxies: str, parents: tuple[str, ...], parent: str) -> None:
    assert asked(client=client, proxies=proxies, parents=parents).parent == parent


def test_where_nobody_listens_nothing_stands_around_the_application() -> None:
    operating, tally = load_operating({}), Tally()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None: ...

    for tracing in (None, UNTRACED):
        assert type(_asked_through(app, operating, tally, tracing)).__name__ == "RequestLines"
