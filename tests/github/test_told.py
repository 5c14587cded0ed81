"""Webhooks of the stand-in as a receiver gets them, and faults as a client meets them."""

import hashlib
import hmac
import http.client
import time
from typing import Any

import pytest
from tests.github.asking import ask
from tests.github.faults import secondary_limit, throttled
from tests.github.played import PlayedPull
from tests.github.receiving import receiver
from tests.github.stand_in import GitHub

PULL = "/repos/acme/shop/pulls/1"
COMMENTS = "/repos/acme/shop/issues/1/comments"


def test_an_event_comes_signed_and_comes_again_under_the_same_id(github: GitHub, pull: PlayedPull) -> None:
    with receiver() as (url, got):
        github.webhooks_to(url, "s3cret")
        pull.say("ada", "hello")
        github.settle()
        github.redeliver(github.deliveries[-1])
        github.settle()

    headers, raw = got[0]
    assert headers["x-hub-signature-256"] == "sha256=" + hmac.new(b"s3cret", raw, hashlib.sha256).hexdigest()
    assert (headers["x-github-event"], headers["content-type"]) == ("issue_comment", "application/json")
    assert [each["x-github-delivery"] for each, _ in got] == [github.deliveries[-1].id] * 2
    assert got[1][1] == raw
    assert github.deliveries[-1].statuses == [202, 202]


def test_only_the_events_wanted_are_sent_and_what_fails_is_not_repeated(github: GitHub, pull: PlayedPull) -> None:
    with receiver(status=500) as (url, got):
        github.webhooks_to(url, "s3cret", events=["pull_request"])
        pull.say("ada", "hello")
        pull.push({"a": "b"})
        github.settle()

    assert [headers["x-github-event"] for headers, _ in got] == ["pull_request"]
    assert github.deliveries[-1].statuses == [500]


@pytest.mark.parametrize(
    ("fault", "status", "headers"),
    [
        (throttled(retry_after_s=7), 429, {"retry-after": "7"}),
        (throttled(), 429, {"retry-after": None}),
        (throttled(reset_in_s=60, status=403), 403, {"x-ratelimit-remaining": "0"}),
        (secondary_limit(retry_after_s=60), 403, {"retry-after": "60"}),
        (secondary_limit(), 403, {"retry-after": None}),
    ],
)
def test_a_limit_is_met_as_often_as_it_was_set_and_then_gone(
    github: GitHub, pull: PlayedPull, fault: Any, status: int, headers: dict[str, str | None]
) -> None:
    token = github.installation_token("acme/shop")
    github.fail("GET", "*/pulls/*", fault, times=2, skip=1)

    got = [ask(github, "GET", PULL, token=token) for _ in range(4)]

    assert [each.status for each in got] == [200, status, status, 200]
    assert {name: got[1].headers.get(name) for name in headers} == headers


def test_an_answer_can_be_lost_after_the_effect(github: GitHub, pull: PlayedPull) -> None:
    token = github.installation_token("acme/shop")
    github.fail("POST", "*/comments", status=502, after_effect=True)

    got = ask(github, "POST", COMMENTS, {"body": "there"}, token=token)

    assert (got.status, [each.body for each in pull.comments]) == (502, ["there"])


def test_a_connection_can_be_cut_in_the_middle_of_the_answer(github: GitHub, pull: PlayedPull) -> None:
    token = github.installation_token("acme/shop")
    github.fail("POST", "*/comments", hangs_up=True, after_effect=True)

    with pytest.raises((http.client.HTTPException, OSError)):
        ask(github, "POST", COMMENTS, {"body": "there"}, token=token)

    assert [each.body for each in pull.comments] == ["there"]
    assert github.asked("POST", "/comments")[0].status == 0


def test_a_body_can_be_slow(github: GitHub, pull: PlayedPull) -> None:
    token = github.installation_token("acme/shop")
    github.fail("GET", PULL, stall_s=0.15)
    begun = time.monotonic()

    got = ask(github, "GET", PULL, token=token)

    assert (got.status, got.body["number"]) == (200, 1)
    assert time.monotonic() - begun >= 0.15


def test_the_address_of_an_enterprise_server_works_too(github: GitHub, pull: PlayedPull) -> None:
    token = github.installation_token("acme/shop")

    rest = ask(github, "GET", f"/api/v3{PULL}", token=token)
    query = ask(github, "POST", "/api/graphql", {"query": "{ rateLimit { limit } }"}, token=token)

    assert (rest.status, query.body["data"]["rateLimit"]["limit"]) == (200, 5000)


def test_requests_are_remembered_without_their_credentials(github: GitHub, pull: PlayedPull) -> None:
    token = github.installation_token("acme/shop")

    ask(github, "POST", COMMENTS, {"body": "there"}, token=token)

    asked = github.requests[-1]
    assert (asked.method, asked.path, asked.body, asked.status) == ("POST", COMMENTS, {"body": "there"}, 201)
    assert asked.caller == "mesrai[bot]"
    assert token not in repr(asked.headers)


def test_a_spent_budget_and_too_many_writes_are_refused_until_their_time_is_over(
    github: GitHub, pull: PlayedPull
) -> None:
    token = github.installation_token("acme/shop")
    github.limits.writes = 2

    written = [ask(github, "POST", COMMENTS, {"body": "x"}, token=token) for _ in range(3)]
    github.limits.writes_s = 0.001
    again = ask(github, "POST", COMMENTS, {"body": "x"}, token=token)
    github.limits.budget = 5
    spent = [ask(github, "GET", PULL, token=token) for _ in range(2)]

    assert [each.status for each in written] == [201, 201, 403]
    assert "secondary rate limit" in written[2].body["message"]
    assert 50 <= int(written[2].headers["retry-after"]) <= 60
    assert again.status == 201
    assert [each.status for each in spent] == [200, 403]
    assert (spent[1].headers["x-ratelimit-remaining"], github.limits.exceeded) == ("0", 2)
