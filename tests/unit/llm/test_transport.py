"""The HTTP path: who we say we are, what is not followed, and errors a person can act on."""

import asyncio
import socket
import ssl
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.endpoints import answering, http_response

from mesrai.errors import AnswerCut, ModelError, ModelNotAdmitted, ModelTimeout, ModelUnavailable, ModelUnknown
from mesrai.llm.transport import Request, open_session


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def sent(*responses: bytes | None, seen: list[bytes] | None = None, url: str = "", connect_s: float = 2.0) -> Any:
    """Status, headers and body of a POST to a server that answers with the first of these bytes."""

    async def run() -> tuple[int, Any, bytes]:
        async with answering(*responses, seen=seen) as base, open_session("1.2.3") as session:
            request = Request(
                url=url or f"{base}/x", headers={"Authorization": "Bearer k"}, body=b"{}", connect_s=connect_s
            )
            async with session.send(request) as reply:
                return reply.status, reply.headers, await reply.body(1_000)

    return asyncio.run(run())


def failure(**facts: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        sent(facts.pop("response", None), **facts)
    return caught.value


def test_it_says_what_it_is_and_asks_for_no_compression() -> None:
    seen: list[bytes] = []
    assert sent(http_response(b"ok", more="X-Thing: 1\r\n"), seen=seen)[2] == b"ok"
    assert b"user-agent: mesrai/1.2.3 (+https://mesrai.com)\r\n" in seen[0]
    assert b"accept-encoding: identity\r\n" in seen[0]
    assert b"authorization: bearer k\r\n" in seen[0]


def test_redirects_are_handed_out_and_not_followed() -> None:
    seen: list[bytes] = []
    status, headers, _ = sent(
        http_response(b"", status="302 Found", more="Location: http://127.0.0.1:9/\r\n"), seen=seen
    )
    assert (status, headers["location"], len(seen)) == (302, "http://127.0.0.1:9/", 1)


def test_cookies_are_not_kept() -> None:
    seen: list[bytes] = []

    async def run() -> None:
        response = http_response(b"", more="Set-Cookie: a=1\r\n")
        async with answering(response, seen=seen) as base, open_session("1") as session:
            url = base.replace("127.0.0.1", "localhost")  # for a bare address no client keeps cookies
            for _ in range(2):
                async with session.send(Request(url=url, headers={}, body=b"")) as reply:
                    await reply.body(10)

    asyncio.run(run())
    assert len(seen) == 2
    assert b"cookie" not in seen[1]


def test_a_request_never_shows_its_headers() -> None:
    assert repr(Request(url="http://h/x?key=1", headers={"Authorization": "Bearer k"})) == "Request(http://h/x)"


def test_a_server_that_hangs_up_is_unavailable() -> None:
    error = failure(response=None)
    assert type(error) is ModelUnavailable
    assert "ended the connection before it answered" in error.message


def test_a_body_that_breaks_off_is_a_cut_answer() -> None:
    async def run() -> None:
        response = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"
        async with (
            answering(response) as base,
            open_session("1") as session,
            session.send(Request(url=base, headers={}, body=b"")) as reply,
        ):
            assert [chunk async for chunk in reply.chunks()]

    with pytest.raises(AnswerCut):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("http://127.0.0.1:9/v1", ModelUnavailable, "Nothing can be reached at 127.0.0.1:9"),
        ("http://no-such-host.invalid/v1", ModelUnavailable, "no-such-host.invalid cannot be resolved"),
        ("not a url", ModelUnknown, "not a usable address"),
        ("ftp://h/x", ModelUnknown, "not a usable address"),
        ("http://[::1/x", ModelUnknown, "not a usable address"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_so(url: str, kind: type[ModelError], words: str) -> None:
    error = failure(response=b"", url=url)
    assert type(error) is kind
    assert words in error.message


def test_https_to_a_plain_server_is_told_so() -> None:
    async def run() -> None:
        def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with server, open_session("1") as session, session.send(Request(url=url, headers={}, body=b"")):
            pass

    with pytest.raises(ModelUnavailable, match="does not speak TLS as expected"):
        asyncio.run(run())


def test_a_connection_that_does_not_come_about_is_a_timeout() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
            # Nobody accepts, so the queue is full after the first, and the next ones wait.
            address = listener.getsockname()
            for _ in range(3):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(address)
            request = Request(url=f"http://127.0.0.1:{address[1]}/", headers={}, body=b"", connect_s=0.1)
            async with open_session("1") as session, session.send(request):
                pass

    with pytest.raises(ModelTimeout, match=r"No connection to 127\.0\.0\.1:\d+ within 0\.1 s"):
        asyncio.run(run())


def through_proxy(
    monkeypatch: pytest.MonkeyPatch, response: bytes, *, url: str, login: str = ""
) -> tuple[Any, list[bytes]]:
    seen: list[bytes] = []

    async def run() -> Any:
        async with answering(response, seen=seen) as base, open_session("1") as session:
            proxy = base.removesuffix("/v1").replace("http://", f"http://{login}")
            monkeypatch.setenv("http_proxy", proxy)
            monkeypatch.setenv("https_proxy", proxy)
            async with session.send(Request(url=url, headers={"Authorization": "Bearer k"}, body=b"{}")) as reply:
                return await reply.body(100)

    return asyncio.run(run()), seen


def test_the_proxy_of_the_environment_is_used_with_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    body, seen = through_proxy(monkeypatch, http_response(b"ok"), url="http://api.example.com/v1", login="me:pw@")
    assert body == b"ok"
    assert seen[0].startswith(b"post http://api.example.com/v1 ")
    assert b"proxy-authorization: basic " in seen[0]
    assert b"authorization: bearer k" in seen[0]


def test_a_model_on_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert sent(http_response(b"ok"))[2] == b"ok"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        ("407 Proxy Authentication Required", ModelNotAdmitted, "The proxy wants a name and password"),
        ("502 Bad Gateway", ModelUnavailable, "The proxy cannot reach api.example.com"),
        ("403 Forbidden", ModelNotAdmitted, "does not let requests through to api.example.com"),
    ],
)
def test_a_proxy_that_refuses_is_told_apart_from_the_provider(
    monkeypatch: pytest.MonkeyPatch, status: str, kind: type[ModelError], words: str
) -> None:
    response = http_response(b"", status=status, content_type="text/html")
    with pytest.raises(kind, match=words):
        through_proxy(monkeypatch, response, url="https://api.example.com/v1")


def test_a_proxy_of_another_kind_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:9")
    error = failure(response=b"", url="https://api.example.com/v1")
    assert type(error) is ModelNotAdmitted
    assert "not an HTTP proxy" in error.message


def test_passwords_in_netrc_do_not_get_in_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password pw\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[bytes] = []
    assert sent(http_response(b"ok"), seen=seen)[0] == 200
    assert seen[0].count(b"authorization:") == 1


@pytest.fixture
def untrusted(tmp_path: Path) -> ssl.SSLContext:
    """A server's TLS context whose certificate nobody vouches for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    try:
        subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no openssl to make a certificate with")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def test_a_certificate_nobody_vouches_for_is_told_so(untrusted: ssl.SSLContext) -> None:
    async def run() -> None:
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=untrusted)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with server, open_session("1") as session, session.send(Request(url=url, headers={}, body=b"")):
            pass

    with pytest.raises(ModelNotAdmitted, match="SSL_CERT_FILE"):
        asyncio.run(run())
