"""What the free stages make of what vendors say of keys, accounts and models."""

from pathlib import Path
from typing import Any

import pytest
from tests.probed import probed_at

from mesrai.domain.secret import Secret
from mesrai.llm import probing
from mesrai.llm.probing import Problem, Stage, State, Step

UNPROVEN = "That the key is accepted"
LIST = (200, {"data": [{"id": "kimi-k2.6"}, {"id": "kimi-for-coding"}, {"id": "moonshotai/kimi-k2.6"}]})
BALANCE, USAGES, KEY = "/users/me/balance", "/v1/usages", "/key"
RICH = {"data": {"available_balance": 50}}
LITTLE_LEFT = {"usage": {"used": "950", "limit": "1000", "resetTime": "2026-12-01T00:00:00Z"}}
NOTHING_LEFT = {"usage": {"used": "1000", "limit": "1000", "resetTime": "2026-12-01T00:00:00Z"}}
WALLET = {"boosterWallet": {"balance": {"amountLeft": "5"}}}


def key_stage(tested: probing.Tested) -> probing.StageResult:
    return next(each for each in tested.stages if each.stage is Stage.KEY)


def has_unproven_key(tested: probing.Tested) -> bool:
    return any(each.startswith(UNPROVEN) for each in tested.unproven)


@pytest.mark.parametrize(
    ("provider", "path", "reply", "state", "told"),
    [
        ("moonshot", BALANCE, (200, RICH), State.PASSED, "The key is accepted."),
        ("moonshot", BALANCE, (200, {"data": {"available_balance": "0.40"}}), State.LIMITED, "low: 0.40 USD"),
        ("moonshot_cn", BALANCE, (200, {"data": {"available_balance": 5}}), State.LIMITED, "low: 5.00 CNY"),
        ("kimi_code", USAGES, (200, LITTLE_LEFT), State.LIMITED, "Little of the quota is left"),
        ("kimi_code", USAGES, (200, {**NOTHING_LEFT, **WALLET}), State.LIMITED, "Little of the quota is left"),
        (
            "openrouter",
            KEY,
            (200, {"data": {"limit_remaining": None, "is_free_tier": False}}),
            State.PASSED,
            "accepted",
        ),
        ("openrouter", KEY, (200, {"data": {"limit_remaining": 3, "is_free_tier": True}}), State.LIMITED, "never paid"),
    ],
)
def test_account_that_serves_is_told_with_what_it_has(
    tmp_path: Path, provider: str, path: str, reply: tuple[int, Any], state: State, told: str
) -> None:
    tested = probed_at(provider, {path: reply, "/models": LIST, "/v1/models": LIST}, tmp_path)
    assert key_stage(tested).state is state
    assert told in key_stage(tested).told
    assert tested.diagnosis is None
    assert not has_unproven_key(tested)


@pytest.mark.parametrize(
    ("provider", "path", "reply", "problem"),
    [
        ("kimi_code", USAGES, (200, NOTHING_LEFT), Problem.QUOTA_SPENT),
        ("openrouter", KEY, (200, {"data": {"limit": 10, "limit_remaining": 0}}), Problem.OUT_OF_CREDIT),
        ("moonshot", BALANCE, (401, {"error": {"message": "Invalid Authentication"}}), Problem.BAD_KEY),
        ("moonshot", BALANCE, (403, {"error": {"message": "Your IP is not allowed to access this organization",
                                               "type": "permission_denied_error"}}), Problem.NOT_ADMITTED),
        ("kimi_code", USAGES, (402, {"error": {"message": "We're unable to verify your membership benefits"}}),
         Problem.MEMBERSHIP_LAPSED),
    ],
)  # fmt: skip
def test_account_that_serves_nothing_fails(
    tmp_path: Path, provider: str, path: str, reply: tuple[int, Any], problem: Problem
) -> None:
    tested = probed_at(provider, {path: reply, "/models": LIST, "/v1/models": LIST}, tmp_path, key=a_key(provider))
    assert key_stage(tested).state is State.FAILED
    assert tested.diagnosis is not None
    assert tested.diagnosis.problem is problem


def a_key(provider: str) -> Any:
    return Secret({"kimi_code": "sk-kimi-0123456789"}.get(provider, "k-0123456789"))


@pytest.mark.parametrize(
    ("provider", "path", "reply"),
    [
        ("moonshot", BALANCE, (200, {"data": None, "status": False})),
        ("kimi_code", USAGES, (200, {"usage": "soon"})),
        ("openrouter", KEY, (200, {"data": [1]})),
        ("kimi_code", USAGES, (500, {})),
        ("chutes", "/models", LIST),
    ],
)
def test_what_cannot_be_read_proves_nothing(tmp_path: Path, provider: str, path: str, reply: tuple[int, Any]) -> None:
    tested = probed_at(provider, {"/models": LIST, "/v1/models": LIST, path: reply}, tmp_path)
    assert key_stage(tested).state is State.LIMITED
    assert has_unproven_key(tested)


@pytest.mark.parametrize("reply", [(404, {}), (500, {"error": {"message": "down"}}), (0, "")])
def test_list_of_models_proves_the_key_where_the_balance_cannot_be_asked(
    tmp_path: Path, reply: tuple[int, Any]
) -> None:
    tested = probed_at("moonshot", {BALANCE: reply, "/models": LIST}, tmp_path)
    assert key_stage(tested).state is State.PASSED
    assert not has_unproven_key(tested)


@pytest.mark.parametrize(
    ("reply", "state", "problem"),
    [
        ((403, {"error": {"message": "You have insufficient permissions. Missing scopes: api.model.read"}}),
         State.LIMITED, None),
        ((404, {}), State.LIMITED, None),
        ((429, {"error": {"message": "Too many requests"}}), State.LIMITED, Problem.THROTTLED),
        ((503, {"error": {"message": "busy"}}), State.LIMITED, Problem.OVERLOADED),
        ((500, {"error": {"message": "down"}}), State.LIMITED, Problem.PROVIDER_FAILED),
        ((401, {"error": {"message": "no"}}), State.FAILED, Problem.BAD_KEY),
    ],
)  # fmt: skip
def test_refused_list_is_told_apart_from_a_refused_key(
    tmp_path: Path, reply: tuple[int, Any], state: State, problem: Problem | None
) -> None:
    tested = probed_at("openai", {"/models": reply}, tmp_path)
    assert key_stage(tested).state is state
    assert (tested.diagnosis.problem if tested.diagnosis else None) is problem
    assert has_unproven_key(tested) is (state is State.LIMITED)


@pytest.mark.parametrize(
    ("reply", "state", "told"),
    [
        ((200, [{"id": "moonshotai/Kimi-K2.6"}]), State.PASSED, "lists moonshotai/Kimi-K2.6"),
        ((200, {"data": [{"id": "other"}], "has_more": True}), State.LIMITED, "does not list"),
        ((200, "not a list"), State.LIMITED, "something other than a list"),
    ],
)
def test_lists_of_every_kind_are_looked_through(
    tmp_path: Path, reply: tuple[int, Any], state: State, told: str
) -> None:
    tested = probed_at("together", {"/models": reply}, tmp_path)
    result = next(each for each in tested.stages if each.stage is Stage.MODEL)
    assert result.state is state
    assert told in result.told


def test_retired_model_that_is_listed_still_works_and_is_told(tmp_path: Path) -> None:
    replies = {BALANCE: (200, RICH), "/models": (200, {"data": [{"id": "kimi-k2.5"}]})}
    tested = probed_at("moonshot", replies, tmp_path, model="kimi-k2.5")
    result = next(each for each in tested.stages if each.stage is Stage.MODEL)
    assert (result.state, tested.is_failed) == (State.LIMITED, False)
    assert "successor is kimi-k2.6" in result.told


def test_name_of_the_plan_is_told_first(tmp_path: Path) -> None:
    replies = {
        USAGES: (200, {"usage": {"used": "1", "limit": "10"}}),
        "/v1/me": (200, {"user_level_name": "Moderato", "status": "active"}),
        "/v1/models": LIST,
    }
    tested = probed_at("kimi_code", replies, tmp_path)
    assert key_stage(tested).facts == ("Plan: Moderato, active", "This week: 1 of 10 used")


def test_page_at_a_vendors_own_address_is_somebody_in_between(tmp_path: Path) -> None:
    page = "<html><title>Sign in to the guest network</title></html>"
    tested = probed_at("moonshot", {"/models": (200, page)}, tmp_path, is_open=True)
    assert tested.diagnosis is not None
    assert tested.diagnosis.problem is Problem.BAD_ADDRESS
    assert "login page of the network" in tested.diagnosis.told
    assert tested.diagnosis.advice[0].step is Step.CHECK_NETWORK


def test_server_that_wants_no_key_is_tested_without_one(tmp_path: Path) -> None:
    listed = (200, {"data": [{"id": "qwen3", "max_model_len": 40_960}]})
    tested = probed_at("vllm", {"/models": listed}, tmp_path, is_open=True, key=None, model="qwen3")
    assert key_stage(tested).told == "No key is set, and none is asked for so far."
    assert not tested.is_failed
    assert tested.learned is not None
    assert tested.learned.window == 40_960


def test_server_that_wants_a_key_is_not_passed_without_one(tmp_path: Path) -> None:
    tested = probed_at("vllm", {}, tmp_path, key=None, model="qwen3")
    assert key_stage(tested).state is State.FAILED
    assert tested.diagnosis is not None
    assert (tested.diagnosis.problem, "none is set" in tested.diagnosis.told) == (Problem.BAD_KEY, True)


def test_wrong_path_at_a_vendor_that_has_a_list_is_told_with_the_right_one(tmp_path: Path) -> None:
    tested = probed_at("moonshot", {}, tmp_path, is_open=True, below="/typo")
    assert tested.diagnosis is not None
    assert tested.diagnosis.problem is Problem.BAD_ADDRESS
    assert tested.diagnosis.advice[0].base_url.endswith("/own")
    assert tested.is_failed


def test_closed_list_of_a_gateway_says_nothing_against_the_key(tmp_path: Path) -> None:
    closed = (403, {"error": {"message": "Keys may not list models"}})
    tested = probed_at("openai_compatible", {"/models": closed}, tmp_path, model="m")
    assert (key_stage(tested).state, tested.is_failed) == (State.LIMITED, False)
    assert has_unproven_key(tested)
    at_vendor = probed_at("openai", {"/models": closed}, tmp_path)
    assert key_stage(at_vendor).state is State.FAILED
