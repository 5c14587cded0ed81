"""Accounts: tiers enforced with the vendor's words, balances, quotas and their renewal, the day that is played."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.sandbox_server import Got, Sandbox, asked, running_sandbox

from mesrai.sandbox.limits import Account
from mesrai.sandbox.worlds import Limits, Worlds

USER = {"role": "user", "content": "Hi"}
VERSION = {"anthropic_version": "2023-06-01"}
TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(answer=lambda _: "Hello.", on=TODAY) as running:
        yield running


@pytest.fixture(autouse=True)
def _clear(sandbox: Sandbox) -> None:
    sandbox.stage.clear()
    sandbox.stage.clock = time.monotonic


def chat(base: str, key: str, model: str = "kimi-k2.6", **more: Any) -> Got:
    return asked(f"{base}/chat/completions", {"model": model, "messages": [USER], **more}, key=key)


def message(base: str, key: str, model: str = "k3") -> Got:
    body = {"model": model, "max_tokens": 99, "messages": [USER]}
    return asked(f"{base}/v1/messages", body, x_key=key, **VERSION)


def at_once(count: int, url: str, key: str, model: str) -> list[tuple[int, Any]]:
    """Status and body of so many questions that all arrive before the first is answered."""
    body = json.dumps({"model": model, "max_tokens": 99, "messages": [USER]})
    lines = [
        f"POST {urlsplit(url).path} HTTP/1.1", "host: x", f"authorization: Bearer {key}", "connection: close",
        "anthropic-version: 2023-06-01", f"content-length: {len(body)}", "", body,
    ]  # fmt: skip

    async def one() -> tuple[int, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write("\r\n".join(lines).encode())
        head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), json.loads(rest)

    async def run() -> list[tuple[int, Any]]:
        return await asyncio.gather(*(one() for _ in range(count)))

    return [each for each in asyncio.run(run()) if each[0] != 200]


@contextmanager
def slow(sandbox: Sandbox, ms: int = 300) -> Iterator[None]:
    """The stand-in with a delay before its answers."""
    asked(f"{sandbox.root}/__sim/manners", {"latency_ms": ms})
    yield
    asked(f"{sandbox.root}/__sim/manners", {"latency_ms": 0})


def who(sandbox: Sandbox, key: str) -> str:
    account = sandbox.stage.account_of(key)
    return f"Your account {account.id}<{account.key_id}> request reached"


def test_more_at_once_than_the_tier_allows_is_refused(sandbox: Sandbox) -> None:
    key = "sk-sim-ok-tier0"
    with slow(sandbox):
        refused = at_once(2, f"{sandbox.openai}/chat/completions", key, "kimi-k2.6")
    assert refused == [
        (
            429,
            {
                "error": {
                    "message": f"{who(sandbox, key)} max concurrency: 1, please try again after 1 seconds",
                    "type": "rate_limit_reached_error",
                }
            },
        )
    ]


def test_more_a_minute_than_the_tier_allows_is_refused_until_the_minute_is_over(sandbox: Sandbox) -> None:
    key = "sk-sim-ok-tier0"
    statuses = [chat(sandbox.openai, key).status for _ in range(3)]
    over = chat(sandbox.openai, key)
    assert statuses == [200] * 3
    assert over.message == f"{who(sandbox, key)} max request: 3, please try again after 60 seconds"
    sandbox.stage.clock = lambda: time.monotonic() + 60
    assert chat(sandbox.openai, key).status == 200


def test_tokens_are_charged_with_what_the_answer_may_have(sandbox: Sandbox) -> None:
    key = "sk-sim-ok-tier0"
    assert chat(sandbox.openai, key, max_completion_tokens=400_000).status == 200
    over = chat(sandbox.openai, key, max_completion_tokens=200_000)
    assert over.status == 429
    words, _, numbers = over.message.partition(" TPM rate limit, ")
    assert words == who(sandbox, key)
    current, limit = (int(part.partition(":")[2]) for part in numbers.split(", "))
    assert 600_000 < current < 600_100
    assert limit == 500_000


def test_tokens_of_a_day_are_counted_for_tier_0() -> None:
    account = Account("sk-1", 60.0)
    limits = Limits(tpm=None, tpd=1_000)
    assert account.admit(limits, 600) is None
    excess = account.admit(limits, 600)
    assert excess is not None
    assert excess.words == (
        f"Your account {account.id}<{account.key_id}> request reached TPD rate limit, current:1200, limit:1000"
    )
    assert 80_000 < excess.wait_s <= 86_400


def test_what_is_refused_is_not_counted_against_the_account(sandbox: Sandbox) -> None:
    key = "sk-sim-ok-tier0"
    assert chat(sandbox.openai, key, messages=[]).status == 400
    assert chat(sandbox.openai, key, "no-such").status == 404
    assert [chat(sandbox.openai, key).status for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("day", "tier", "limits"),
    [
        (TODAY, 0, Limits(concurrency=1, rpm=3, tpm=500_000, tpd=1_500_000)),
        (TODAY, 1, Limits(concurrency=15, rpm=100, tpm=2_000_000)),
        (TODAY, 5, Limits(concurrency=100, rpm=300, tpm=5_000_000)),
        (date(2026, 5, 1), 1, Limits(concurrency=50, rpm=200, tpm=2_000_000)),
        (date(2026, 5, 1), 5, Limits(concurrency=1_000, rpm=10_000, tpm=5_000_000)),
        (date(2020, 1, 1), 1, Limits(concurrency=50, rpm=200, tpm=2_000_000)),
    ],
)
def test_the_tiers_are_those_of_the_day(day: date, tier: int, limits: Limits) -> None:
    assert Worlds(day).known[f"sk-sim-ok-tier{tier}"].limits == limits


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"message": "We're receiving too many requests at the moment. Please wait a moment and try again.",
               "type": "rate_limit_error"}),
        (403, {"message": "You've reached your concurrent request limit", "type": "access_terminated_error"}),
    ],
)  # fmt: skip
def test_the_coding_plan_takes_30_at_once(sandbox: Sandbox, status: int, body: Any) -> None:
    asked(f"{sandbox.root}/__sim/manners", {"cap_status": status})
    with slow(sandbox):
        refused = at_once(32, f"{sandbox.coding}/v1/messages", "sk-kimi-sim-ok", "k3")
    assert refused == [(status, {"error": body})] * 2
    load = asked(f"{sandbox.root}/__sim/load?key=sk-kimi-sim-ok").body
    assert (load["calls"], load["answered"], load["refused"], load["in_flight"]) == (32, 30, 2, 0)
    assert load["most_in_flight"] >= 31


def test_the_glm_coding_plan_takes_1_at_once_and_the_other_more(sandbox: Sandbox) -> None:
    with slow(sandbox):
        refused = at_once(2, f"{sandbox.zai_coding}/chat/completions", "zai-sim-ok", "glm-5.1")
        assert [(status, body["error"]["code"]) for status, body in refused] == [(429, "1302")]
        assert at_once(2, f"{sandbox.zai}/chat/completions", "zai-sim-ok", "glm-5.1") == []


def test_retry_after_comes_only_where_it_is_asked_for(sandbox: Sandbox) -> None:
    asked(f"{sandbox.root}/__sim/manners", {"has_retry_after": True})
    refused = [chat(sandbox.openai, "sk-sim-ok-tier0") for _ in range(4)][3]
    asked(f"{sandbox.root}/__sim/manners", {"has_retry_after": False})
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert asked(f"{sandbox.root}/__sim/manners", {"colour": "red"}).status == 400


def test_an_account_without_balance_lists_models_and_answers_nothing(sandbox: Sandbox) -> None:
    key = "sk-sim-broke"
    assert asked(f"{sandbox.openai}/models", key=key).status == 200
    assert asked(f"{sandbox.openai}/users/me/balance", key=key).body["data"]["available_balance"] == -0.5
    got = chat(sandbox.openai, key)
    assert (got.status, got.body["error"]["type"]) == (429, "exceeded_current_quota_error")
    assert "suspended due to insufficient balance, please recharge your account" in got.message


def test_a_balance_is_its_parts(sandbox: Sandbox) -> None:
    assert asked(f"{sandbox.openai}/users/me/balance", key="sk-sim-ok-tier1").body == {
        "code": 0,
        "data": {"available_balance": 49.58894, "voucher_balance": 46.58893, "cash_balance": 3.00001},
        "scode": "0x0",
        "status": True,
    }


def test_tokens_are_estimated_without_asking_a_model(sandbox: Sandbox) -> None:
    body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "word " * 100}]}
    got = asked(f"{sandbox.openai}/tokenizers/estimate-token-count", body, key="sk-sim-ok-tier1").body
    assert 120 < got["data"]["total_tokens"] < 150
    assert sandbox.calls == []


def test_a_lapsed_membership_is_402_everywhere(sandbox: Sandbox) -> None:
    words = "We're unable to verify your membership benefits at this time. Please ensure your membership is active."
    got = message(sandbox.coding, "sk-kimi-sim-expired")
    assert (got.status, got.body["error"]) == (402, {"message": words, "type": "invalid_request_error"})
    assert asked(f"{sandbox.coding}/v1/models", key="sk-kimi-sim-expired").status == 402


def test_a_used_up_window_says_when_it_is_renewed_and_then_is(sandbox: Sandbox) -> None:
    usages = asked(f"{sandbox.coding}/v1/usages", key="sk-kimi-sim-window").body
    window = usages["limits"][0]
    assert window["window"] == {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"}
    assert (window["detail"]["used"], window["detail"]["limit"]) == ("100", "100")
    reset = datetime.fromisoformat(window["detail"]["resetTime"]).astimezone(UTC)
    assert -1 < reset.timestamp() - (sandbox.stage.started_at + 107 * 60) < 1
    got = message(sandbox.coding, "sk-kimi-sim-window")
    assert (got.status, got.message) == (
        429,
        "You've reached your usage limit for this period. Your quota will be refreshed in the next period.",
    )
    sandbox.stage.started_at -= 107 * 60
    assert message(sandbox.coding, "sk-kimi-sim-window").status == 200


def test_an_unused_window_and_the_month(sandbox: Sandbox) -> None:
    usages = asked(f"{sandbox.coding}/v1/usages", key="sk-kimi-sim-ok").body
    assert usages["limits"][0]["detail"]["used"] == "1"
    assert (usages["usage"]["used"], usages["usage"]["limit"]) == ("40", "1000")
    assert usages["usage"]["resetTime"].endswith("Z")
    month = message(sandbox.coding, "sk-kimi-sim-cycle")
    assert (month.status, month.message.split(".")[0]) == (
        403,
        "You've reached your usage limit for this billing cycle",
    )
    assert asked(f"{sandbox.coding}/v1/usages", key="sk-kimi-sim-cycle").body["usage"]["used"] == "1000"


def test_the_glm_plans_window_gives_a_time(sandbox: Sandbox) -> None:
    got = chat(sandbox.zai_coding, "zai-sim-window", "glm-5.1")
    reset = got.message.removeprefix("Usage limit reached for 5 hour. Your limit will reset at ")
    assert (got.status, got.body["error"]["code"]) == (429, "1308")
    at = datetime.strptime(reset, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert -1.5 < at.timestamp() - (sandbox.stage.started_at + 107 * 60) < 1
    assert chat(sandbox.zai_coding, "zai-sim-broke", "glm-5.1").body["error"]["code"] == "1113"
    assert chat(sandbox.zai_coding, "zai-sim-expired", "glm-5.1").body["error"]["code"] == "1309"


@pytest.mark.parametrize(
    ("key", "source"),
    [
        ("sk-or-v1-sim-broke", "openrouter_credits"),
        ("sk-or-v1-sim-limit", "openrouter_key_limit"),
        ("sk-or-v1-sim-inflight", "openrouter_in_flight_budget"),
    ],
)
def test_openrouters_402_says_which_limit(sandbox: Sandbox, key: str, source: str) -> None:
    got = chat(sandbox.openrouter, key, "moonshotai/kimi-k2.6")
    assert (got.status, got.body["error"]["code"]) == (402, 402)
    assert got.body["error"]["metadata"]["limit_source"] == source
    is_retryable = got.body["error"]["metadata"].get("reason") == "in_flight_budget_exhausted"
    assert is_retryable is ("retry-after" in got.headers) is (source == "openrouter_in_flight_budget")


def test_a_free_account_gets_free_models_only_and_20_a_minute(sandbox: Sandbox) -> None:
    key, free = "sk-or-v1-sim-free", "moonshotai/kimi-k2.6:free"
    assert chat(sandbox.openrouter, key, "moonshotai/kimi-k2.6").status == 402
    refused = at_once(21, f"{sandbox.openrouter}/chat/completions", key, free)
    assert [status for status, _ in refused] == [429]
    assert asked(f"{sandbox.openrouter}/key", key=key).body["data"]["is_free_tier"] is True


def test_other_accounts_out_of_credit(sandbox: Sandbox) -> None:
    got = message(sandbox.anthropic, "sk-ant-sim-broke", "claude-sonnet-5-5")
    assert (got.status, got.message.split(".")[0]) == (
        400,
        "Your credit balance is too low to access the Anthropic API",
    )
    got = chat(sandbox.compat, "sk-compat-sim-broke", "sim-model")
    assert (got.status, got.body["error"]["code"]) == (429, "insufficient_quota")


RETIRED = {
    "kimi-k2-0905-preview": date(2026, 5, 25),
    "kimi-k2-thinking": date(2026, 5, 25),
    "kimi-k2.5": date(2026, 8, 31),
    "moonshot-v1-128k": date(2026, 8, 31),
}


@pytest.mark.parametrize("day", [date(2026, 5, 24), date(2026, 5, 25), date(2026, 8, 30), date(2026, 8, 31)])
def test_a_model_answers_until_the_day_it_is_retired(day: date) -> None:
    with running_sandbox(answer=lambda _: "Hello.", on=day) as sandbox:
        got = {model: chat(sandbox.openai, "sk-sim-ok-tier5", model) for model in RETIRED}
        listed = [row["id"] for row in asked(f"{sandbox.openai}/models", key="sk-sim-ok-tier5").body["data"]]
    assert {model: each.status for model, each in got.items()} == {
        model: 200 if day < retired else 404 for model, retired in RETIRED.items()
    }
    assert {model for model in RETIRED if model in listed} == {model for model in RETIRED if got[model].status == 200}
    gone = [each.body for each in got.values() if each.status == 404]
    names = [model for model, each in got.items() if each.status == 404]
    assert gone == [
        {"error": {"message": f"Not found the model {name} or Permission denied", "type": "resource_not_found_error"}}
        for name in names
    ]


def test_a_model_is_not_there_before_it_came() -> None:
    with running_sandbox(answer=lambda _: "Hello.", on=date(2026, 5, 1)) as sandbox:
        assert chat(sandbox.openai, "sk-sim-ok-tier5", "kimi-k3").status == 404
        assert chat(sandbox.openai, "sk-sim-ok-tier5", "kimi-k2-0905-preview", temperature=0.3).status == 200


def test_no_key_is_shown_by_the_counts(sandbox: Sandbox) -> None:
    chat(sandbox.openai, "sk-sim-ok-tier1")
    for path in ("/__sim/calls?bodies", "/__sim/load", "/__sim/load?key=sk-sim-ok-tier1"):
        assert "sk-" not in json.dumps(asked(sandbox.root + path).body)
