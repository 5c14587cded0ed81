"""Every request has an id: in its answer, and in every line that is written about it."""

import io
import json
import logging
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from mesrai.domain.figures import HTTP_REQUESTS, WEBHOOKS
from mesrai.domain.log_subject import about, subject_now
from mesrai.domain.tally import Family, Tally
from mesrai.server.log_lines import CountLines, JsonLines, LogLines
from mesrai.server.request_lines import RequestLines

TOKEN = "ghs_" + "aB3dE5fG7hJ9kL1mN3pQ" + "5rS7tU9vW1xY3zA5"
LOG = logging.Logger("mesrai.test")


def counted(tally: Tally, family: Family) -> dict[tuple[str, ...], float]:
    return {tuple(text for _, text in each.labels): each.value for each in tally.samples() if each.family is family}


def a_client(tally: Tally, written: io.StringIO) -> TestClient:
    shown = logging.StreamHandler(written)
    shown.setFormatter(JsonLines())
    LOG.handlers[:] = [shown]

    async def page(_request: Request) -> Response:
        LOG.info("within")
        return PlainTextResponse("ok", headers={"X-Request-Id": "of-the-application"})

    async def fault(_request: Request) -> Response:
        raise RuntimeError("a fault")

    async def hook(request: Request) -> Response:
        return PlainTextResponse("", int(request.query_params["status"]))

    routes = [Route("/page", page), Route("/fault", fault), Route("/webhooks/github", hook, methods=["POST"])]
    return TestClient(RequestLines(Starlette(routes=routes), tally), raise_server_exceptions=False)


def test_the_lines_of_a_request_carry_the_id_that_its_answer_has() -> None:
    written = io.StringIO()
    client = a_client(Tally(), written)
    ids = [client.get("/page").headers["x-request-id"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert [json.loads(line)["request"] for line in written.getvalue().splitlines()] == ids
    assert client.get("/fault").headers["x-request-id"]


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [("a-proxy_s-id-12345", True), ("short", False), ("x" * 65, False), ("a b\tc\"d'e}{", False), ("", False)],
)
def test_the_id_of_a_proxy_is_kept_where_it_is_a_plain_word(sent: str, is_kept: bool) -> None:
    answer = a_client(Tally(), io.StringIO()).get("/page", headers={"X-Request-Id": sent})
    assert (answer.headers["x-request-id"] == sent) is is_kept


def test_requests_are_counted_by_area_and_webhooks_by_outcome() -> None:
    tally = Tally()
    client = a_client(tally, io.StringIO())
    client.get("/page")
    client.request("BREW", "/nowhere/at/all")
    client.get("/fault")
    for status in (202, 202, 401, 503):
        client.post(f"/webhooks/github?status={status}")
    requests = counted(tally, HTTP_REQUESTS)
    assert requests["pages", "GET", "200"] == 1
    assert requests["pages", "other", "404"] == 1
    assert requests["pages", "GET", "500"] == 1
    assert requests["webhooks", "POST", "202"] == 2
    assert counted(tally, WEBHOOKS) == {("github", "taken"): 2, ("github", "refused"): 1, ("github", "failed"): 1}


def test_facts_hold_inside_their_block_and_further_ones_are_added() -> None:
    with about(review="job-1", subject="github.com/a/b#1"):
        with about(step="judge"):
            assert subject_now() == {"review": "job-1", "subject": "github.com/a/b#1", "step": "judge"}
        assert subject_now() == {"review": "job-1", "subject": "github.com/a/b#1"}
    assert subject_now() == {}


def line_of(formatter: logging.Formatter, message: str, error: Exception | None = None, **facts: str) -> str:
    written = io.StringIO()
    shown = logging.StreamHandler(written)
    shown.setFormatter(formatter)
    log = logging.Logger("mesrai.test")
    log.addHandler(shown)
    with about(**facts):
        log.error("%s", message, exc_info=error)
    return written.getvalue()


def test_a_line_of_text_ends_with_what_it_is_about() -> None:
    line = line_of(LogLines("%(levelname)s: %(message)s"), "It failed.", review="job-7", subject="a/b#1\nERROR: forged")
    assert line == "ERROR: It failed. [review=job-7 subject=a/b#1\\x0aERROR: forged]\n"


def test_a_line_of_json_is_one_object_without_secrets_whatever_is_in_it() -> None:
    try:
        raise RuntimeError(f"fetch with {TOKEN}\nforged\u2028")
    except RuntimeError as error:
        line = line_of(JsonLines(), f'a "quoted" {TOKEN}\nline\u202e', error, review="job-7")
    assert line.count("\n") == 1
    assert line.isascii()
    told: dict[str, Any] = json.loads(line)
    assert TOKEN not in json.dumps(told)
    assert (told["level"], told["logger"], told["review"]) == ("error", "mesrai.test", "job-7")
    assert told["message"].startswith('a "quoted" ')
    assert "RuntimeError" in told["exception"]


def test_lines_are_counted_by_level() -> None:
    tally = Tally()
    log = logging.Logger("mesrai.test")
    log.addHandler(CountLines(tally))
    log.warning("one")
    log.error("two")
    log.error("three")
    assert sorted((each.labels[0][1], each.value) for each in tally.samples()) == [("error", 2), ("warning", 1)]
