"""What providers say of accounts and models, however they say it: read where it can be, and never a crash."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.connection import Learned
from mesrai.llm.probe_accounts import balance_in, key_limits_in, number_in, plan_in, quota_in
from mesrai.llm.probe_listing import close_ids, listing_in
from mesrai.llm.probe_shape import Misshapen, read_exercise
from mesrai.review.answers import read_review_answer

# Values of every JSON kind, and those that look like numbers without being any.
ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["NaN", "Infinity", "-1e999999999", "1e999999999", "0x10", "", " 7 ", "9" * 400, 10**400])
)
JSON = st.recursive(
    ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def shaped(*keys: str) -> st.SearchStrategy[Any]:
    """Objects with these keys, each with anything under it."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, JSON))


DETAIL = shaped("used", "limit", "remaining", "resetTime")
ANSWERS = (
    JSON
    | st.fixed_dictionaries({"data": shaped("available_balance", "voucher_balance", "cash_balance")})
    | st.fixed_dictionaries({"data": shaped("limit", "limit_remaining", "is_free_tier")})
    | st.fixed_dictionaries({"balance_infos": st.lists(shaped("currency", "total_balance") | JSON, max_size=3)})
    | st.fixed_dictionaries(
        {
            "usage": DETAIL | JSON,
            "limits": st.lists(
                st.fixed_dictionaries({"window": shaped("duration", "timeUnit"), "detail": DETAIL | JSON})
                | DETAIL
                | JSON,
                max_size=3,
            ),
            "boosterWallet": shaped("balance"),
        }
    )
)
ENTRIES = st.lists(
    shaped("id", "name", "context_length", "supports_reasoning", "supports_thinking_type", "think_efforts") | JSON,
    max_size=4,
)
LISTS = JSON | ENTRIES | st.fixed_dictionaries({"data": ENTRIES}) | st.fixed_dictionaries({"models": ENTRIES})


@given(ANSWERS)
def test_no_answer_about_an_account_breaks_the_test(answer: Any) -> None:
    balance, quota, limits = balance_in(answer, "USD"), quota_in(answer), key_limits_in(answer)
    if balance is not None:
        assert all(isinstance(each, str) for each in balance.facts)
        assert balance.is_spent in (True, False)
        assert balance.is_low in (True, False)
    if quota is not None:
        assert len(quota.facts) >= len(quota.windows) >= len(quota.spent)
    if limits is not None:
        assert len(limits.facts) == 1
    assert isinstance(plan_in(answer), str)


@given(LISTS, st.text(max_size=20))
def test_no_list_of_models_breaks_the_test(answer: Any, model: str) -> None:
    listing = listing_in(answer)
    if listing is None:
        return
    assert set(listing.close_to(model)) <= set(listing.ids)
    found = listing.find(model)
    for each in listing.ids if found is None else (found,):
        listing.learned(each, "2026-11-24")


@given(ODD)
def test_number_is_finite_or_none(value: Any) -> None:
    number = number_in(value)
    assert number is None or (number.is_finite() and abs(number) <= 10**15)


def test_balance_is_read_with_its_parts() -> None:
    balance = balance_in({"code": 0, "data": {"available_balance": 49.58894, "cash_balance": -3.00001}}, "CNY")
    assert balance is not None
    assert (balance.text, balance.facts, balance.is_spent, balance.is_low) == (
        "49.59 CNY", ("Balance: 49.59 CNY (cash -3.00)",), False, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "currency", "is_spent", "is_low"),
    [(0, "USD", True, True), ("-0.5", "USD", True, True), (0.99, "USD", False, True), (1, "USD", False, False),
     (6.9, "CNY", False, True), (7, "CNY", False, False)],
)  # fmt: skip
def test_nothing_left_and_little_left_are_told_apart(amount: Any, currency: str, is_spent: bool, is_low: bool) -> None:
    balance = balance_in({"data": {"available_balance": amount}}, currency)
    assert balance is not None
    assert (balance.is_spent, balance.is_low) == (is_spent, is_low)


def test_balance_of_deepseek_says_its_currency() -> None:
    answer = {"is_available": True, "balance_infos": [{"currency": "CNY", "total_balance": "110.00"}]}
    balance = balance_in(answer, "USD")
    assert balance is not None
    assert balance.text == "110.00 CNY"


def test_account_that_holds_something_in_any_currency_is_not_spent() -> None:
    empty, full = {"currency": "CNY", "total_balance": "0.00"}, {"currency": "USD", "total_balance": "5.00"}
    found = [balance_in({"balance_infos": each}, "") for each in ([empty, full], [empty], [full, empty])]
    assert [each and each.text for each in found] == ["5.00 USD", "0.00 CNY", "5.00 USD"]


def test_windows_are_read_in_either_shape() -> None:
    quota = quota_in(
        {
            "usage": {"remaining": "960", "limit": "1000", "resetTime": "2026-08-03T05:20:51Z"},
            "limits": [
                {
                    "window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"},
                    "detail": {"used": "100", "limit": "100", "resetTime": "2026-07-30T08:00:00Z"},
                },
                {"window": {"duration": "1", "timeUnit": "TIME_UNIT_MONTH"}, "used": 3, "limit": 10},
            ],
        }
    )
    assert quota is not None
    assert quota.facts == (
        "This week: 40 of 1,000 used, renewed 2026-08-03T05:20:51Z",
        "5 hours: 100 of 100 used, renewed 2026-07-30T08:00:00Z",
        "1 month: 3 of 10 used",
    )
    assert [each.name for each in quota.spent] == ["5 hours"]


def test_paid_usage_beyond_the_windows_is_seen() -> None:
    wallet = {"balance": {"amount": "20000000000", "amountLeft": "10000000000"}}
    quota = quota_in({"usage": {"used": "1000", "limit": "1000"}, "boosterWallet": wallet})
    assert quota is not None
    assert quota.has_extra


def test_key_without_a_limit_and_one_with_it() -> None:
    free = key_limits_in({"data": {"label": "sk-or-v1-ab…cd", "limit_remaining": None, "is_free_tier": True}})
    capped = key_limits_in({"data": {"limit": 10, "limit_remaining": 7.4}})
    assert free is not None
    assert capped is not None
    assert (free.left, free.is_free_tier, free.facts) == (None, True, ("The key has no spending limit of its own.",))
    assert (capped.left, capped.facts) == (Decimal("7.4"), ("Left on the key's own limit: 7.40 of 10.00 USD",))


@pytest.mark.parametrize(
    "answer",
    [
        {"object": "list", "data": [{"id": "a/b-1"}, {"id": "c"}]},
        [{"id": "a/b-1"}, {"id": "c"}],
        {"models": [{"name": "a/b-1"}, {"name": "c"}]},
        {"data": ["a/b-1", "c"]},
        {"data": [{"id": "a/b-1"}, {"id": 7}, None, {"id": ""}, {"id": "\x1b[2J"}, {"id": "c"}]},
    ],
)
def test_lists_come_wrapped_and_bare(answer: Any) -> None:
    listing = listing_in(answer)
    assert listing is not None
    assert listing.ids == ("a/b-1", "c")


@pytest.mark.parametrize("answer", [{}, {"data": {}}, "text", None, {"error": "no"}])
def test_what_is_no_list_is_none(answer: Any) -> None:
    assert listing_in(answer) is None


@pytest.mark.parametrize(
    ("ids", "model", "found"),
    [
        (["kimi-k2.6"], "kimi-k2.6", "kimi-k2.6"),
        (["models/gemini-3"], "gemini-3", "models/gemini-3"),
        (["qwen3:latest"], "qwen3", "qwen3:latest"),
        (["qwen3:8b"], "qwen3", None),
        (["claude-sonnet-5-5-20260801"], "claude-sonnet-5-5", "claude-sonnet-5-5-20260801"),
        (["gpt-5.4-2026-03-05"], "gpt-5.4", "gpt-5.4-2026-03-05"),
        (["gpt-5.4-mini"], "gpt-5.4", None),
        (["moonshotai/kimi-k2.6"], "moonshotai/kimi-k2.6:nitro", "moonshotai/kimi-k2.6"),
        (["moonshotai/kimi-k2.6"], "kimi-k2.6", None),
    ],
)
def test_model_is_found_by_what_lists_call_it(ids: list[str], model: str, found: str | None) -> None:
    listing = listing_in({"data": [{"id": each} for each in ids]})
    assert listing is not None
    assert listing.find(model) == found


def test_close_names_are_found_whoever_made_the_model() -> None:
    ids = ["moonshotai/kimi-k2.6", "openai/gpt-oss-120b", "moonshotai/kimi-k3"]
    assert close_ids("kimi-k26", ids)[0] == "moonshotai/kimi-k2.6"
    assert close_ids("entirely-other", ids) == ()


@pytest.mark.parametrize(
    ("entry", "learned"),
    [
        ({"context_length": 262_144, "supports_thinking_type": "both"}, Learned(window=262_144, reasoning="both")),
        ({"supports_reasoning": False}, Learned(reasoning="no")),
        ({"think_efforts": {"support": True, "valid_efforts": ["low", "high", "max"]}},
         Learned(efforts=("low", "high", "max"))),
        ({"think_efforts": {"support": False, "valid_efforts": ["low"]}}, None),
        ({"max_model_len": 40_960}, Learned(window=40_960)),
        ({"context_length": -1, "think_efforts": "all", "supports_thinking_type": 3, "supports_reasoning": True}, None),
        ({"context_length": float("nan")}, None),
    ],
)  # fmt: skip
def test_facts_of_a_listed_model(entry: dict[str, Any], learned: Learned | None) -> None:
    listing = listing_in({"data": [{"id": "m", **entry}]})
    assert listing is not None
    assert listing.learned("m", "") == learned


GOOD = '{"findings": [{"line": 2, "title": "t", "severity": "low"}], "summary": "s"}'


@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```", f"Here it is: {GOOD} Done."])
def test_agreed_shape_is_read_wherever_it_stands(text: str) -> None:
    read_exercise(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not valid JSON"),
        ("[]", "must be a JSON object with the key"),
        ("{oops", "not valid JSON"),
        ('{"summary": "s"}', "with the key `findings`"),
        ('{"findings": []}', "lacks the key `summary`"),
        ('{"findings": {}, "summary": "s"}', "findings must be of type array"),
        (GOOD.replace('"line": 2, ', ""), r"findings\[0\] lacks the key `line`"),
        (GOOD.replace("low", "grave"), "severity must be one of high, medium, low"),
    ],
)
def test_other_shape_is_refused_with_the_place(text: str, told: str) -> None:
    with pytest.raises(Misshapen, match=told):
        read_exercise(text)


@pytest.mark.parametrize(
    "changed", [("low", "Critical"), ("low", "WARNING"), ("low", "nit"), ("2", '"2"'), ("2", "2.0"), ("2", "null")]
)
def test_what_a_review_takes_is_no_fault_in_a_test(changed: tuple[str, str]) -> None:
    answer = GOOD.replace(*changed)
    read_exercise(answer)
    finding = {"path": "a", "quote": "q", "evidence": "e", "body": "b", "category": "bug", "confidence": 1}
    whole = json.loads(answer)
    whole["findings"][0] |= finding
    assert read_review_answer(json.dumps({**whole, "files": []}), ["a"]).findings


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_a_shape(text: str) -> None:
    with pytest.raises(Misshapen):
        read_exercise(text)
