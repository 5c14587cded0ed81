"""From the words of a refusal to what is wrong and what to do: every row that vendors document."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.connection import Connection, Routing, Slot
from mesrai.domain.secret import Secret
from mesrai.errors import (
    AnswerCut,
    AnswerEmpty,
    AnswerRefused,
    BudgetSpent,
    ModelError,
    ModelNotAdmitted,
    ModelTimeout,
    ModelUnavailable,
    NoModelLeft,
    StoreUnavailable,
)
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.classify import error_from
from mesrai.llm.diagnosis import diagnose
from mesrai.llm.probe_case import Case, case_of, failed
from mesrai.llm.probing import Diagnosis, Problem, Stage, Step

CATALOGUE = load_catalogue()
PLAIN, CODING = "sk-0123456789abcdefghij0123456789ab", "sk-kimi-0123456789abcdefghij0123456789ab"
GATE = (
    "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI, Claude Code, Roo Code, Kilo "
    "Code, etc."
)


def a_case(provider: str = "moonshot", key: str = PLAIN, **changes: Any) -> Case:
    row = CATALOGUE.provider(provider)
    facts: dict[str, Any] = {
        "slot": Slot.MAIN,
        "provider": provider,
        "base_url": row.base_url,
        "model": row.default_model or "some-model",
        "key": Secret(key) if key else None,
    }
    return case_of(Connection(**(facts | changes)), CATALOGUE)


def refused(case: Case, status: int, message: str, kind: str = "", **more: Any) -> ModelError:
    body = json.dumps({"error": {"message": message, "type": kind, **more}}).encode()
    headers = {"x-request-id": "req-77"}
    return error_from(status, headers, body, provider=case.row.id, model=case.connection.model, host=case.host)


def found(case: Case, status: int, message: str, kind: str = "", *, stage: Stage = Stage.INFERENCE) -> Diagnosis:
    return diagnose(refused(case, status, message, kind), case, stage)


KIMI = a_case("kimi_code", CODING)


@pytest.mark.parametrize(
    ("case", "status", "message", "kind", "problem", "step"),
    [
        # The Developer API
        (a_case(), 401, "Invalid Authentication", "invalid_authentication_error", Problem.BAD_KEY, Step.SEARCH_PLANS),
        (a_case(), 401, "Incorrect API key provided", "incorrect_api_key_error", Problem.BAD_KEY, Step.SEARCH_PLANS),
        (a_case(key=CODING), 401, "Invalid Authentication", "", Problem.WRONG_PLAN, Step.SWITCH_PLAN),
        (a_case(), 403, "The API you are accessing is not open", "permission_denied_error",
         Problem.NOT_ADMITTED, Step.ASK_VENDOR),
        (a_case(), 403, "Your IP is not allowed to access this organization", "permission_denied_error",
         Problem.NOT_ADMITTED, Step.ASK_VENDOR),
        (a_case(), 403, "Your account 12<ak-f> is not active, current state: suspended", "exceeded_current_quota_error",
         Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        (a_case(), 404, "Not found the model kimi-k2.6 or Permission denied", "resource_not_found_error",
         Problem.UNKNOWN_MODEL, Step.PICK_MODEL),
        (a_case(), 429, "The engine is currently overloaded, please try again later", "engine_overloaded_error",
         Problem.OVERLOADED, Step.WAIT),
        (a_case(), 429, "You exceeded your current token quota: 0, please check your account balance",
         "exceeded_current_quota_error", Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        (a_case(), 429, "Your account org-1 is suspended due to insufficient balance, please recharge your account or "
         "check your plan and billing details", "exceeded_current_quota_error", Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        (a_case(), 402, "Insufficient Balance", "", Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        (a_case(), 403, "Your account is in arrears", "exceeded_current_quota_error", Problem.OUT_OF_CREDIT,
         Step.ADD_FUNDS),
        (a_case(), 429, "Your account 1<ak-2> request reached max concurrency: 15, please try again after 1 seconds",
         "rate_limit_reached_error", Problem.THROTTLED, Step.LOWER_CAP),
        (a_case(), 429, "Your account 1<ak-2> request reached max request: 3, please try again after 20 seconds",
         "rate_limit_reached_error", Problem.THROTTLED, Step.LOWER_CAP),
        (a_case(), 429, "Your account 1<ak-2> request reached TPD rate limit, current:1, limit:1",
         "rate_limit_reached_error", Problem.QUOTA_SPENT, Step.WAIT),
        (a_case(), 400, "The request was rejected because it was considered high risk", "content_filter",
         Problem.REFUSED_ANSWER, Step.PICK_MODEL),
        (a_case(), 400, "invalid temperature: only 1 is allowed for this model", "invalid_request_error",
         Problem.SETTING_REFUSED, Step.CHANGE_SETTING),
        (a_case(), 400, "Input token length too long", "invalid_request_error",
         Problem.SETTING_REFUSED, Step.CHANGE_SETTING),
        (a_case(), 500, "invalid state transition", "unexpected_output", Problem.PROVIDER_FAILED, Step.WAIT),
        (a_case(), 503, "unavailable", "server_unavailable", Problem.OVERLOADED, Step.WAIT),
        # The Kimi Code Plan
        (KIMI, 401, "The API Key appears to be invalid or may have expired. Please verify your credentials and try "
         "again.", "", Problem.BAD_KEY, Step.SEARCH_PLANS),
        (a_case("kimi_code", PLAIN), 401, "Invalid Authentication", "", Problem.WRONG_PLAN, Step.SWITCH_PLAN),
        (KIMI, 402, "We're unable to verify your membership benefits at this time. Please ensure your membership is "
         "active.", "invalid_request_error", Problem.MEMBERSHIP_LAPSED, Step.ADD_FUNDS),
        (KIMI, 403, GATE, "access_terminated_error", Problem.NOT_ADMITTED, Step.SWITCH_PLAN),
        (KIMI, 403, "You've reached your usage limit for this billing cycle. Your quota will be refreshed in the next "
         "cycle.", "access_terminated_error", Problem.QUOTA_SPENT, Step.WAIT),
        (KIMI, 403, "You've reached your 5-hour usage limit", "access_terminated_error", Problem.QUOTA_SPENT,
         Step.WAIT),
        (KIMI, 403, "You've reached your concurrent request limit", "access_terminated_error",
         Problem.THROTTLED, Step.LOWER_CAP),
        (KIMI, 403, "Access terminated.", "access_terminated_error", Problem.NOT_ADMITTED, Step.ASK_VENDOR),
        (KIMI, 429, "You've reached your usage limit for this period. Your quota will be refreshed in the next period.",
         "", Problem.QUOTA_SPENT, Step.WAIT),
        (KIMI, 429, "We're receiving too many requests at the moment. Please wait a moment and try again.", "",
         Problem.THROTTLED, Step.LOWER_CAP),
        (KIMI, 404, "Not found the model kimi-for-coding or Permission denied", "", Problem.UNKNOWN_MODEL,
         Step.PICK_MODEL),
        (KIMI, 404, "method not found", "", Problem.BAD_ADDRESS, Step.FIX_ADDRESS),
        (KIMI, 400, "total message size 9 exceeds limit 2097152", "", Problem.SETTING_REFUSED, Step.CHANGE_SETTING),
        # OpenRouter and others
        (a_case("openrouter", "sk-or-v1-0123456789abcdef0123"), 401, "No auth credentials found", "", Problem.BAD_KEY,
         Step.REPLACE_KEY),
        (a_case("openrouter", "sk-or-v1-0123456789abcdef0123"), 402, "Insufficient credits. Add more", "",
         Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        (a_case("openrouter", "sk-or-v1-0123456789abcdef0123"), 404, "No endpoints found for x/y.", "",
         Problem.UNKNOWN_MODEL, Step.PICK_MODEL),
        (a_case("openrouter", "sk-or-v1-0123456789abcdef0123"), 502, "Provider disconnected", "",
         Problem.PROVIDER_FAILED, Step.WAIT),
        (a_case("openai"), 429, "You exceeded your current quota, please check your plan and billing details.",
         "insufficient_quota", Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        (a_case("openai"), 401, "Incorrect API key provided: sk-01234**********89ab.", "invalid_request_error",
         Problem.BAD_KEY, Step.REPLACE_KEY),
        (a_case("anthropic", "sk-ant-0123456789abcdef0123"), 400, "Your credit balance is too low",
         "invalid_request_error", Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        (a_case("anthropic", "sk-ant-0123456789abcdef0123"), 529, "Overloaded", "overloaded_error", Problem.OVERLOADED,
         Step.WAIT),
        (a_case("deepseek"), 402, "Insufficient Balance", "unknown_error", Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        (a_case("groq", "gsk_0123456789abcdef0123"), 413, "Request too large", "", Problem.SETTING_REFUSED,
         Step.CHANGE_SETTING),
    ],
)  # fmt: skip
def test_documented_refusal_has_its_cause_and_its_remedy(
    case: Case, status: int, message: str, kind: str, problem: Problem, step: Step
) -> None:
    diagnosis = found(case, status, message, kind)
    assert (diagnosis.problem, diagnosis.advice[0].step) == (problem, step)
    assert diagnosis.status == status
    assert diagnosis.request_id == "req-77"
    assert diagnosis.told.endswith((".", "…"))


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("1001", Problem.BAD_KEY),
        ("1113", Problem.OUT_OF_CREDIT),
        ("1302", Problem.THROTTLED),
        ("1305", Problem.OVERLOADED),
        ("1308", Problem.QUOTA_SPENT),
        ("1309", Problem.MEMBERSHIP_LAPSED),
        ("1211", Problem.UNKNOWN_MODEL),
    ],
)
def test_numbers_of_zai_are_understood(code: str, problem: Problem) -> None:
    case = a_case("zai", "0123456789abcdef.0123456789abcdef")
    status = {"1001": 401, "1211": 400}.get(code, 429)
    assert diagnose(refused(case, status, "refused", code=code), case, Stage.INFERENCE).problem is problem


def test_empty_account_of_a_vendor_that_also_sells_a_plan_may_be_the_wrong_plan() -> None:
    case = a_case("zai", "0123456789abcdef.0123456789abcdef")
    diagnosis = diagnose(refused(case, 429, "Insufficient balance", code="1113"), case, Stage.INFERENCE)
    assert [(each.step, each.provider) for each in diagnosis.advice] == [
        (Step.ADD_FUNDS, ""),
        (Step.SWITCH_PLAN, "zai_coding"),
    ]


def test_key_that_shows_its_plan_names_it_with_everything_a_switch_needs() -> None:
    diagnosis = found(a_case(key=CODING), 401, "Invalid Authentication")
    assert diagnosis.told == (
        "This key begins with sk-kimi-, as keys of Kimi Code Plan (kimi.com) do; you chose Moonshot AI (international)."
    )
    first, second, search, third = diagnosis.advice
    assert (first.provider, first.base_url, first.model) == ("kimi_code", "https://api.kimi.com/coding", "")
    assert (second.provider, second.base_url) == ("kimi_code_global", "https://api.kimi.ai/coding")
    assert search.step is Step.SEARCH_PLANS
    assert (third.step, third.link) == (Step.REPLACE_KEY, "https://platform.kimi.ai/console/api-keys")


def test_key_that_does_not_show_its_region_offers_the_search_and_says_what_it_does() -> None:
    diagnosis = found(a_case(), 401, "Invalid Authentication")
    assert "mainland" in diagnosis.told
    assert diagnosis.advice[0].step is Step.SEARCH_PLANS
    assert "api.moonshot.cn" in diagnosis.advice[0].told
    assert "api.kimi.com" not in diagnosis.advice[0].told


def test_switching_names_the_model_where_it_is_called_otherwise() -> None:
    diagnosis = found(a_case("kimi_code", PLAIN, model="k3-256k"), 401, "Invalid Authentication")
    assert [(each.provider, each.model) for each in diagnosis.advice if each.step is Step.SWITCH_PLAN] == [
        ("moonshot", "kimi-k2.6"),
        ("moonshot_cn", "kimi-k2.6"),
    ]


def test_gate_points_to_the_messages_surface_and_not_to_the_key() -> None:
    case = a_case("openai_compatible", CODING, base_url="https://proxy.example.com/coding/v1")
    diagnosis = found(case, 403, GATE, "access_terminated_error")
    assert diagnosis.problem is Problem.NOT_ADMITTED
    assert "key is not at fault" in diagnosis.told
    assert (diagnosis.advice[0].step, diagnosis.advice[0].provider) == (Step.SWITCH_PLAN, "kimi_code")
    assert diagnosis.advice[0].base_url == "https://proxy.example.com/coding"


def test_key_of_a_gateway_is_not_to_be_shown_to_the_vendor_behind_it() -> None:
    gateway = a_case(base_url="https://llm.example.com/v1")
    steps = [each.step for each in found(gateway, 401, "Invalid Authentication").advice]
    assert Step.SEARCH_PLANS not in steps
    coding = a_case(key=CODING, base_url="https://llm.example.com/v1")
    assert {each.id for each in coding.homes} == {"kimi_code", "kimi_code_global"}


def test_gate_of_another_vendor_leads_to_none_of_kimis_plans() -> None:
    diagnosis = found(a_case("zai_coding"), 403, GATE, "access_terminated_error")
    assert diagnosis.problem is Problem.NOT_ADMITTED
    assert {each.provider for each in diagnosis.advice} == {""}


def test_faster_model_of_another_provider_is_not_named_at_an_address_that_does_not_list_it() -> None:
    case = a_case("openai_compatible", base_url="https://llm.example.com/v1", model="kimi-k2.6")
    listing = replace(case, listed=("kimi-k2.6", "kimi-k2.7-code-highspeed"))
    late = ModelTimeout("It was slow.", status=504)
    named = [[each.model for each in diagnose(late, some, Stage.INFERENCE).advice] for some in (case, listing)]
    assert ["kimi-k2.7-code-highspeed" in models for models in named] == [False, True]


def test_gate_on_the_messages_surface_itself_leads_to_another_plan() -> None:
    diagnosis = found(KIMI, 403, GATE, "access_terminated_error")
    assert [(each.step, each.provider) for each in diagnosis.advice] == [
        (Step.SWITCH_PLAN, "moonshot"),
        (Step.ASK_VENDOR, ""),
    ]


def test_retired_model_is_told_with_its_successor_first() -> None:
    diagnosis = found(a_case(model="kimi-k2.5"), 404, "Not found the model kimi-k2.5 or Permission denied")
    assert "2026-08-31" in diagnosis.told
    assert diagnosis.advice[0].model == "kimi-k2.6"


def test_unknown_model_is_answered_with_close_ids_of_the_list() -> None:
    case = replace(a_case(model="kimi-k26"), listed=("kimi-k3", "kimi-k2.6", "kimi-k2.7-code"))
    diagnosis = found(case, 404, "Not found the model kimi-k26 or Permission denied")
    assert diagnosis.advice[0].model == "kimi-k2.6"
    assert "lists 3 models" in diagnosis.told


def test_listed_model_that_the_key_may_not_use_is_not_called_unknown() -> None:
    case = replace(a_case(model="kimi-k3"), listed=("kimi-k3", "kimi-k2.6"))
    diagnosis = found(case, 404, "Not found the model kimi-k3 or Permission denied")
    assert "lists kimi-k3, but does not let this key use it" in diagnosis.told
    assert diagnosis.advice[0].step is Step.ASK_VENDOR


def test_pinned_hosts_that_serve_no_such_model_are_named_too() -> None:
    case = a_case("openrouter", "sk-or-v1-0123456789abcdef0123", routing=Routing(order=("groq",)))
    diagnosis = found(case, 404, "No endpoints found for moonshotai/kimi-k2.6.")
    assert diagnosis.advice[-1].step is Step.CHANGE_SETTING


@pytest.mark.parametrize(
    ("custom", "words", "field"),
    [
        ({"openaiCompatible": {"thinking": {"budget_tokens": 9}}}, "unknown field budget_tokens in thinking",
         "budget_tokens"),
        ({"openaiCompatible": {"my_field": 1}}, "Unrecognized request argument supplied: my_field", "my_field"),
        (None, "invalid temperature: only 1 is allowed for this model", "temperature"),
    ],
)  # fmt: skip
def test_refused_setting_is_named(custom: Any, words: str, field: str) -> None:
    diagnosis = found(a_case(custom=custom), 400, words, "invalid_request_error")
    assert diagnosis.told == f"The provider refuses the request because of `{field}`."


def test_conversation_with_a_tool_that_is_refused_is_a_want_of_tools() -> None:
    words = "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"
    diagnosis = found(a_case(), 400, words, "invalid_request_error", stage=Stage.TOOLS)
    assert diagnosis.problem is Problem.NO_TOOLS


@pytest.mark.parametrize(
    ("provider", "words", "base_url"),
    [
        ("moonshot_cn", "Outside mainland China, use https://api.moonshot.ai/v1", "https://api.moonshot.ai/v1"),
        ("moonshot", "Inside mainland China, use https://api.moonshot.cn/v1", "https://api.moonshot.cn/v1"),
    ],
)
def test_what_cannot_be_reached_is_offered_in_the_other_part_of_the_world(
    provider: str, words: str, base_url: str
) -> None:
    case = a_case(provider)
    diagnosis = diagnose(ModelUnavailable("Nothing can be reached at x."), case, Stage.ADDRESS)
    assert diagnosis.problem is Problem.UNREACHABLE
    assert diagnosis.advice[0].step is Step.CHECK_NETWORK
    switch = next(each for each in diagnosis.advice if each.step is Step.SWITCH_PLAN)
    assert (switch.base_url, switch.told.startswith(words)) == (base_url, True)


def test_page_of_a_gateway_is_not_taken_for_the_api() -> None:
    case = a_case()
    page = b"<html><head><title>Attention Required!</title></head></html>"
    blocked = error_from(403, {}, page, provider="moonshot", model="kimi-k2.6")
    assert diagnose(blocked, case, Stage.INFERENCE).problem is Problem.NOT_ADMITTED
    late = error_from(504, {}, page, provider="moonshot", model="kimi-k2.6")
    assert diagnose(late, case, Stage.INFERENCE).problem is Problem.TOO_SLOW


def test_redirect_and_missing_path_are_the_address() -> None:
    case = a_case("openai_compatible", base_url="https://llm.example.com")
    moved = error_from(308, {"location": "https://other.example.com/v1"}, b"", provider="x", model="m")
    missing = error_from(404, {}, b"404 page not found", provider="x", model="m")
    for error in (moved, missing):
        diagnosis = diagnose(error, case, Stage.INFERENCE)
        assert (diagnosis.problem, diagnosis.advice[0].step) == (Problem.BAD_ADDRESS, Step.FIX_ADDRESS)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (AnswerEmpty("m: The model sent no text."), Problem.NO_ANSWER),
        (AnswerCut("m: The answer did not fit the 6000 tokens it may have."), Problem.NO_ANSWER),
        (AnswerRefused("m: The model declined."), Problem.REFUSED_ANSWER),
        (BudgetSpent("The test stopped."), Problem.NO_ANSWER),
        (ModelTimeout("m: it sent nothing for 180 s.", status=200), Problem.TOO_SLOW),
        (ModelTimeout("No connection to h within 10 s."), Problem.UNREACHABLE),
        (ModelNotAdmitted("The certificate of h is not trusted."), Problem.UNREACHABLE),
        (ModelNotAdmitted("moonshot/kimi-k2.6: The proxy wants a name.", status=407), Problem.UNREACHABLE),
        (StoreUnavailable(), Problem.UNREACHABLE),
        (NoModelLeft([AnswerEmpty(), ModelTimeout("m: late", status=200)]), Problem.TOO_SLOW),
    ],
)
def test_every_other_failure_has_its_cause(error: ModelError, problem: Problem) -> None:
    assert diagnose(error, a_case(), Stage.INFERENCE).problem is problem


@pytest.mark.parametrize("problem", list(Problem))
def test_every_problem_can_be_told_in_a_few_words(problem: Problem) -> None:
    assert 0 < len(failed(Diagnosis(problem=problem, told="At length.")).told) <= 40


def test_slowness_names_the_faster_model_where_there_is_one() -> None:
    diagnosis = diagnose(ModelTimeout("late", status=200), a_case(model="kimi-k2.7-code"), Stage.INFERENCE)
    assert diagnosis.advice[0].model == "kimi-k2.7-code-highspeed"


@pytest.mark.parametrize(("cap", "words"), [(None, "Set a cap"), (30, "it is 30 now"), (1, "requests per minute")])
def test_advice_for_a_throttle_fits_the_cap_there_is(cap: int | None, words: str) -> None:
    diagnosis = found(a_case(max_concurrent_requests=cap), 429, "Too many requests")
    assert words in diagnosis.advice[0].told


def test_plan_of_the_other_site_is_offered_where_one_cannot_be_reached() -> None:
    diagnosis = diagnose(ModelUnavailable("Nothing can be reached at x."), KIMI, Stage.ADDRESS)
    assert [each.provider for each in diagnosis.advice] == ["", "kimi_code_global"]


def test_cap_is_lowered_to_what_the_provider_names() -> None:
    diagnosis = found(a_case(), 429, "request reached max concurrency: 15, please try again after 1 seconds")
    assert "to 15 or less" in diagnosis.advice[0].told


def test_providers_words_are_kept_beside_without_the_key() -> None:
    diagnosis = found(a_case(), 401, f"Incorrect API key provided: {PLAIN} See the console.")
    assert diagnosis.provider_words == "Incorrect API key provided: [key] See the console."
    assert PLAIN not in repr(diagnosis)


@given(
    status=st.integers(200, 599),
    message=st.text(max_size=80) | st.sampled_from([PLAIN, f"x{CODING}y", GATE]),
    kind=st.text(max_size=20),
    provider=st.sampled_from([row.id for row in CATALOGUE.providers]),
    stage=st.sampled_from(list(Stage)),
    key=st.sampled_from([PLAIN, CODING, ""]),
)
def test_whatever_is_refused_ends_in_a_diagnosis_without_the_key(
    status: int, message: str, kind: str, provider: str, stage: Stage, key: str
) -> None:
    case = a_case(provider, key)
    diagnosis = found(case, status, message, kind, stage=stage)
    assert isinstance(diagnosis.problem, Problem)
    assert diagnosis.told
    assert diagnosis.advice
    assert not key or key not in repr(diagnosis)
