import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from starlette.types import Message

from mesrai.errors import StoreUnavailable, WebhookRejected
from mesrai.server.app import MOST_BODY, Doors, server_app

Asked = tuple[int, str]


def ask(doors: Doors, method: str, path: str, body: bytes = b"", *, size: str = "", pieces: int = 1) -> Asked:
    """One request, without a network: the status and the body."""
    sent: list[Message] = []
    headers = [(b"content-length", size.encode())] if size else []

    async def chunks() -> AsyncIterator[Message]:
        for number in range(pieces):
            yield {"type": "http.request", "body": body, "more_body": number + 1 < pieces}

    async def scenario() -> None:
        stream = chunks()
        scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "raw_path": path.encode(),
                                 "query_string": b"", "headers": headers, "http_version": "1.1",
                                 "scheme": "http", "server": ("test", 80), "client": ("test", 1)}  # fmt: skip

        async def send(message: Message) -> None:
            sent.append(message)

        await server_app(doors)(scope, lambda: anext(stream), send)

    asyncio.run(scenario())
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:]).decode()


def doors(answer: str | Exception = "taken", broken: Mapping[str, str] | None = None) -> Doors:
    async def webhook(_headers: Mapping[str, str], _body: bytes) -> str:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def state() -> Mapping[str, str]:
        return broken or {}

    return Doors(github_webhook=webhook, broken=state)


def test_a_webhook_is_answered_with_what_was_made_of_it() -> None:
    assert ask(doors(), "POST", "/webhooks/github", b"{}") == (202, '{"told":"taken"}')


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (WebhookRejected("It is not signed by GitHub.", status=401), 401),
        (WebhookRejected("It is no JSON.", status=400), 400),
        (StoreUnavailable("The database is away."), 503),
    ],
)
def test_a_webhook_that_cannot_be_taken_says_why(error: Exception, status: int) -> None:
    found = ask(doors(error), "POST", "/webhooks/github", b"{}")
    assert found == (status, f'{{"told":"{error}"}}')


def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    assert ask(doors(), "POST", "/webhooks/github", size=str(MOST_BODY + 1), pieces=0)[0] == 413


def test_a_body_that_turns_out_too_large_is_not_kept() -> None:
    assert ask(doors(), "POST", "/webhooks/github", b"x" * 1_000_000, pieces=7)[0] == 413


def test_without_a_secret_there_is_no_door_for_webhooks() -> None:
    closed = Doors(github_webhook=None, broken=doors().broken)
    status, told = ask(closed, "POST", "/webhooks/github", b"{}")
    assert status == 404
    assert "MESRAI_GITHUB_WEBHOOK_SECRET" in told


def test_health_names_what_is_broken_and_only_the_log_says_how(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(doors(), "GET", "/health/live") == (200, '{"told":"alive"}')
    assert ask(doors(), "GET", "/health/ready") == (200, '{"ready":true,"broken":[]}')
    found = ask(doors(broken={"database": "the server at 10.0.0.7 is away"}), "GET", "/health/ready")
    assert found == (503, '{"ready":false,"broken":["database"]}')
    assert "database: the server at 10.0.0.7 is away" in caplog.text
