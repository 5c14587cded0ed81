"""The staged test of a connection, against the stand-in provider and against servers that are no providers at all."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.endpoints import answering, http_response
from tests.probed import Bench, a_bench
from tests.sandbox_server import running_sandbox

from mesrai.domain.connection import Learned
from mesrai.domain.usage import Usage
from mesrai.errors import AnswerCut, BudgetSpent, ModelThrottled, ModelUnavailable
from mesrai.llm import probing
from mesrai.llm.anthropic_request import anthropic_body
from mesrai.llm.model import Answer, Model, ModelTurn, Profile, Prompt, UserTurn
from mesrai.llm.probe_asking import FIRST_ROOM, Asker, check_inference
from mesrai.llm.probe_case import case_of
from mesrai.llm.probe_ceiling import Meter, ceiling_for
from mesrai.llm.probing import Ceiling, Problem, Stage, StageResult, State, Step, Verdict
from mesrai.llm.transport import open_session

ASKED = (Stage.INFERENCE, Stage.TOOLS, Stage.SHAPE)


def looks_up(body: dict[str, Any]) -> Any:
    """What a good model says to each question of the test."""
    messages = body["messages"]
    if body.get("tools") and messages[-1]["role"] != "tool":
        return {"tool_calls": [{"name": "read_file", "arguments": {"path": "notes.txt", "start_line": 3}}]}
    if messages[-1]["role"] == "tool":
        return messages[-1]["content"].removeprefix("4 ").strip()
    if "mean(values)" in str(messages):
        return '{"findings": [{"line": 2, "title": "Divides by zero", "severity": "high"}], "summary": "Wrong."}'
    return "ready"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running_sandbox(answer=looks_up) as sandbox:
        yield a_bench(sandbox, tmp_path_factory.mktemp("catalogue"))


@pytest.fixture(autouse=True)
def _clear(bench: Bench) -> None:
    bench.sandbox.stage.clear()


def states(tested: probing.Tested) -> str:
    """The stages in one word each, the trailing ones that were not wanted left out."""
    return " ".join(str(each.state) for each in tested.stages if each.state is not State.SKIPPED or each.told)


def stage(tested: probing.Tested, wanted: Stage) -> StageResult:
    return next(each for each in tested.stages if each.stage is wanted)


def problem_of(tested: probing.Tested) -> tuple[Problem | None, Step | None]:
    found = tested.diagnosis
    return (found.problem, found.advice[0].step) if found and found.advice else (None, None)


# --- What goes well ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "key", "fact"),
    [
        ("moonshot", "sk-sim-ok-tier1", "Balance: 49.59 USD (vouchers 46.59, cash 3.00)"),
        ("moonshot_cn", "sk-sim-cn-ok", "Balance: 49.59 CNY (vouchers 46.59, cash 3.00)"),
        ("kimi_code", "sk-kimi-sim-ok", "5 hours: 1 of 100 used"),
        ("kimi_code_global", "sk-kimi-sim-global", "This week: 40 of 1,000 used"),
        ("openrouter", "sk-or-v1-sim-ok", "Left on the key's own limit: 7.40 of 10.00 USD"),
        ("anthropic", "sk-ant-sim-ok", ""),
        ("openai", "sk-compat-sim-ok", ""),
        ("gemini", "AIza-sim-ok", ""),
    ],
)
def test_good_connection_passes_every_stage_and_tells_what_the_account_has(
    bench: Bench, provider: str, key: str, fact: str
) -> None:
    tested = bench.test(provider, key, is_full=True)
    assert states(tested) == "passed passed passed passed passed passed", tested
    assert tested.is_proven
    assert tested.diagnosis is None
    assert tested.unproven == ()
    assert any(fact in each for each in ["", *stage(tested, Stage.KEY).facts])
    assert (tested.usage.calls, len(bench.sandbox.calls)) == (4, 4)


@pytest.mark.parametrize(
    ("provider", "key"),
    [("moonshot", "sk-sim-ok-tier1"), ("kimi_code", "sk-kimi-sim-ok"), ("openrouter", "sk-or-v1-sim-ok"),
     ("anthropic", "sk-ant-sim-ok")],
)  # fmt: skip
def test_stand_in_passes_by_its_own_rules(tmp_path: Path, provider: str, key: str) -> None:
    with running_sandbox() as sandbox:
        tested = a_bench(sandbox, tmp_path).test(provider, key, is_full=True)
    assert states(tested) == "passed passed passed passed passed passed", tested


def test_free_test_asks_no_model_and_says_what_it_did_not_prove(bench: Bench) -> None:
    tested = bench.test()
    assert states(tested) == "passed passed passed"
    assert not tested.is_failed
    assert not tested.is_proven
    assert bench.sandbox.calls == []
    assert tested.usage == Usage()
    assert tested.unproven == ("That the model answers, uses tools and keeps to a shape: nothing was asked of it.",)


def test_free_test_of_the_coding_plan_says_that_admission_is_not_proven(bench: Bench) -> None:
    tested = bench.test("kimi_code", "sk-kimi-sim-ok")
    assert any("client is admitted" in each for each in tested.unproven)
    assert bench.sandbox.calls == []


def test_every_stage_is_shown_as_it_begins_and_ends_with_its_time(bench: Bench) -> None:
    tested = bench.test(is_full=True)
    assert [(each.stage, each.state) for each in bench.watched] == [
        pair for each in Stage for pair in ((each, State.RUNNING), (each, State.PASSED))
    ]
    assert tuple(each for each in bench.watched if each.state is not State.RUNNING) == tested.stages
    assert all(each.took_s > 0 for each in tested.stages)


def test_facts_of_the_vendors_own_list_are_learned_only_at_its_own_address(bench: Bench) -> None:
    own = bench.test()
    assert own.learned is not None
    assert replace(own.learned, as_of="") == Learned(window=262_144, reasoning="both")
    assert "kimi-k2.6" in own.listed
    foreign = bench.test("openai_compatible", base_url=bench.sandbox.openai, model="kimi-k2.6", is_full=True)
    assert foreign.is_proven
    assert foreign.learned is None


def test_older_name_on_the_coding_plan_is_told_who_really_answers(bench: Bench) -> None:
    tested = bench.test("kimi_code", "sk-kimi-sim-ok", model="kimi-k2.6")
    assert stage(tested, Stage.MODEL).state is State.PASSED
    assert "kimi-for-coding" in stage(tested, Stage.MODEL).told


def test_key_that_no_free_question_proves_is_proven_by_asking(bench: Bench) -> None:
    free = bench.test("zai", "zai-sim-ok")
    assert states(free) == "passed limited limited"
    assert any("key is accepted" in each for each in free.unproven)
    full = bench.test("zai", "zai-sim-ok", is_full=True)
    assert full.is_proven
    assert full.diagnosis is None
    assert full.unproven == ()


# --- What is wrong with the key and its account -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "key", "problem", "step"),
    [
        ("moonshot", "sk-kimi-sim-ok", Problem.WRONG_PLAN, Step.SWITCH_PLAN),
        ("kimi_code", "sk-sim-ok-tier1", Problem.WRONG_PLAN, Step.SWITCH_PLAN),
        ("moonshot", "sk-or-v1-sim-ok", Problem.WRONG_PLAN, Step.SWITCH_PLAN),
        ("moonshot", "sk-sim-cn-ok", Problem.BAD_KEY, Step.SEARCH_PLANS),
        ("moonshot_cn", "sk-sim-ok-tier1", Problem.BAD_KEY, Step.SEARCH_PLANS),
        ("kimi_code", "sk-kimi-sim-global", Problem.BAD_KEY, Step.SEARCH_PLANS),
        ("moonshot", "", Problem.BAD_KEY, Step.REPLACE_KEY),
        ("anthropic", "sk-nobody-knows-this-one", Problem.BAD_KEY, Step.REPLACE_KEY),
        ("moonshot", "sk-sim-broke", Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        ("moonshot_cn", "sk-sim-cn-broke", Problem.OUT_OF_CREDIT, Step.ADD_FUNDS),
        ("kimi_code", "sk-kimi-sim-expired", Problem.MEMBERSHIP_LAPSED, Step.ADD_FUNDS),
        ("kimi_code", "sk-kimi-sim-window", Problem.QUOTA_SPENT, Step.WAIT),
        ("kimi_code", "sk-kimi-sim-cycle", Problem.QUOTA_SPENT, Step.WAIT),
    ],
)
@pytest.mark.parametrize("is_full", [False, True])
def test_unusable_key_fails_without_asking_the_model(
    bench: Bench, provider: str, key: str, problem: Problem, step: Step, is_full: bool
) -> None:
    tested = bench.test(provider, key, is_full=is_full)
    assert problem_of(tested) == (problem, step)
    assert states(tested).startswith("passed failed skipped")
    assert stage(tested, Stage.MODEL).told == "Not tried, since the key stage failed."
    assert bench.sandbox.calls == []


def test_amount_and_the_place_to_recharge_are_told(bench: Bench) -> None:
    tested = bench.test("moonshot", "sk-sim-broke")
    assert tested.diagnosis is not None
    assert tested.diagnosis.told == "The account has -0.50 USD left. Requests are refused until it is topped up."
    assert tested.diagnosis.advice[0].link == bench.catalogue.provider("moonshot").billing_page


def test_reset_of_a_used_up_window_is_told(bench: Bench) -> None:
    tested = bench.test("kimi_code", "sk-kimi-sim-window")
    assert tested.diagnosis is not None
    assert "5 hours: 100 of 100" in tested.diagnosis.told
    assert tested.diagnosis.resets_at.endswith("Z")


def test_key_of_another_vendor_is_not_shown_to_this_one(bench: Bench) -> None:
    tested = bench.test("moonshot", "sk-or-v1-sim-ok", is_full=True)
    assert tested.diagnosis is not None
    assert tested.diagnosis.advice[0].provider == "openrouter"
    assert all(not each.key for each in bench.sandbox.stage.lookups)


def test_free_search_finds_the_endpoint_that_owns_the_key(bench: Bench) -> None:
    homes = bench.homes("moonshot", "sk-sim-cn-ok")
    assert {name: home.verdict for name, home in homes.items()} == {"moonshot_cn": Verdict.ACCEPTED}
    homes = bench.homes("moonshot", "sk-kimi-sim-global")
    assert {name: home.verdict for name, home in homes.items()} == {
        "kimi_code_global": Verdict.ACCEPTED,
        "kimi_code": Verdict.REFUSED,
    }
    assert next(iter(homes)) == "kimi_code_global"
    assert bench.homes("kimi_code", "sk-kimi-sim-nobody")["kimi_code_global"].verdict is Verdict.REFUSED
    assert bench.homes("zai", "zai-sim-ok")["zai_coding"].verdict is Verdict.UNTOLD
    assert bench.homes("openai", "sk-compat-sim-ok") == {}
    assert bench.sandbox.calls == []


def test_lapsed_membership_is_still_the_owner_of_its_key(bench: Bench) -> None:
    assert bench.homes("moonshot", "sk-kimi-sim-expired")["kimi_code"].verdict is Verdict.ACCEPTED


def test_throttled_metadata_is_reachable_but_limited_and_the_test_goes_on(bench: Bench) -> None:
    key = "sk-sim-ok-tier1"
    bench.sandbox.stage.always(key, "throttle_text")
    tested = bench.test("moonshot", key)
    assert stage(tested, Stage.KEY).state is State.LIMITED
    assert problem_of(tested) == (Problem.THROTTLED, Step.LOWER_CAP)
    assert not tested.is_failed


# --- What is wrong with the model -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "picks"),
    [
        ("kimi-k2.5", "kimi-k2.6"),
        ("kimi-k2", "kimi-k2.6"),
        ("kimi-k27-code", "kimi-k2.7-code"),
        ("Kimi-K2.6", "kimi-k2.6"),
    ],
)
def test_model_that_is_not_served_is_told_with_the_one_that_is(bench: Bench, model: str, picks: str) -> None:
    tested = bench.test(model=model)
    assert problem_of(tested) == (Problem.UNKNOWN_MODEL, Step.PICK_MODEL)
    assert tested.diagnosis is not None
    assert tested.diagnosis.advice[0].model == picks
    assert stage(tested, Stage.MODEL).state is State.FAILED


def test_full_test_asks_also_for_what_is_not_listed_since_lists_leave_things_out(bench: Bench) -> None:
    url, key = bench.sandbox.openai, "sk-nobody-knows-this-one"
    served = bench.test("openai_compatible", key, base_url=url, model="some-private-model", is_full=True)
    assert served.state_of(Stage.MODEL) is State.LIMITED
    assert served.is_proven
    assert served.diagnosis is None
    missing = bench.test(model="kimi-k27-code", is_full=True)
    assert states(missing) == "passed passed limited failed skipped skipped"
    assert problem_of(missing) == (Problem.UNKNOWN_MODEL, Step.PICK_MODEL)
    assert missing.diagnosis is not None
    assert missing.diagnosis.advice[0].model == "kimi-k2.7-code"
    retired = bench.test(model="kimi-k2.5", is_full=True)
    assert states(retired) == "passed passed failed skipped skipped skipped"


def test_unlisted_model_is_the_cause_of_a_refusal_that_gives_none(bench: Bench) -> None:
    bench.sandbox.stage.script(["refuse;field=model"])
    tested = bench.test("openai_compatible", base_url=bench.sandbox.openai, model="some-private-model", is_full=True)
    assert problem_of(tested)[0] is Problem.UNKNOWN_MODEL


def test_cap_above_what_the_plan_serves_is_told(bench: Bench) -> None:
    assert bench.test("kimi_code", "sk-kimi-sim-ok", max_concurrent_requests=30).notices == ()
    tested = bench.test("kimi_code", "sk-kimi-sim-ok", max_concurrent_requests=50)
    assert tested.notices == (
        "Max concurrent requests is 50, but the plan serves 30 at once; what is above is refused.",
    )


# --- What is wrong with the address -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "base_url"),
    [("/site", ""), ("/moved", "/v1"), ("", "/v1"), ("/nowhere", "")],
)
def test_address_without_an_api_is_told_with_the_right_one_where_it_can_be_found(
    bench: Bench, path: str, base_url: str
) -> None:
    url = bench.sandbox.root + path
    tested = bench.test("openai_compatible", base_url=url, model="kimi-k2.6")
    assert problem_of(tested) == (Problem.BAD_ADDRESS, Step.FIX_ADDRESS)
    assert tested.diagnosis is not None
    assert tested.diagnosis.advice[0].base_url == (bench.sandbox.root + base_url if base_url else "")
    assert stage(tested, Stage.ADDRESS).state is (State.LIMITED if path == "/nowhere" else State.FAILED)


def test_redirect_does_not_carry_the_key_to_another_host(bench: Bench) -> None:
    async def run() -> tuple[probing.Tested, list[bytes], list[bytes]]:
        here: list[bytes] = []
        there: list[bytes] = []
        async with answering(http_response(b"{}"), seen=there) as elsewhere:
            moved = http_response(b"", status="307 Temporary Redirect", more=f"location: {elsewhere}/models\r\n")
            async with answering(moved, seen=here) as base_url:
                connection = bench.connection("openai_compatible", "sk-secret-0123456789abcdef", base_url=base_url)
                tested = await bench.tested(replace(connection, model="m"), is_full=True)
                assert tested.diagnosis is not None
                assert tested.diagnosis.advice[0].base_url == elsewhere
        return tested, here, there

    tested, here, there = asyncio.run(run())
    assert problem_of(tested) == (Problem.BAD_ADDRESS, Step.FIX_ADDRESS)
    assert there == []
    assert len(here) == 1
    assert b"sk-secret" not in here[0]


@pytest.mark.parametrize(
    ("base_url", "problem"),
    [
        ("http://127.0.0.1:9/v1", Problem.UNREACHABLE),
        ("http://no-such-host.invalid/v1", Problem.UNREACHABLE),
        ("https://127.0.0.1:{port}/v1", Problem.UNREACHABLE),
    ],
)
def test_what_cannot_be_reached_is_told_with_the_way_there(bench: Bench, base_url: str, problem: Problem) -> None:
    tested = bench.test("openai_compatible", base_url=base_url.format(port=bench.sandbox.port), is_full=True, model="m")
    assert problem_of(tested) == (problem, Step.CHECK_NETWORK)
    assert states(tested) == "failed skipped skipped skipped skipped skipped"
    assert bench.sandbox.calls == []


@pytest.mark.parametrize(
    ("response", "problem", "state"),
    [
        (http_response(b"<html><title>Home</title></html>", content_type="text/html"), Problem.BAD_ADDRESS,
         State.FAILED),
        (http_response(b"<html><title>502</title></html>", status="502 Bad Gateway"), Problem.PROVIDER_FAILED,
         State.FAILED),
        (http_response(b"<html><title>Blocked</title></html>", status="403 Forbidden"), Problem.NOT_ADMITTED,
         State.FAILED),
        (http_response(b"hello"), Problem.BAD_ADDRESS, State.FAILED),
        (http_response(b""), Problem.BAD_ADDRESS, State.FAILED),
        (http_response(b'{"error":{"message":"busy"}}', status="503 Busy"), Problem.OVERLOADED, State.LIMITED),
        (None, Problem.UNREACHABLE, State.FAILED),
    ],
)  # fmt: skip
def test_whatever_stands_at_an_address_is_told_apart(
    bench: Bench, response: bytes | None, problem: Problem, state: State
) -> None:
    async def run() -> probing.Tested:
        async with answering(response) as base_url:
            connection = bench.connection("openai_compatible", "sk-0123456789", base_url=base_url)
            return await bench.tested(replace(connection, model="m"), is_full=False)

    tested = asyncio.run(run())
    assert stage(tested, Stage.ADDRESS).state is state
    assert problem_of(tested)[0] is problem


def test_proxy_on_the_way_is_named_without_its_password(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://jane:hunter2@127.0.0.1:9")
    tested = bench.test("openai_compatible", base_url="https://llm.example.com/v1", model="m")
    assert tested.diagnosis is not None
    assert tested.diagnosis.problem is Problem.UNREACHABLE
    assert "proxy 127.0.0.1 (HTTPS_PROXY)" in tested.diagnosis.advice[0].told
    assert "hunter2" not in repr(tested)


def test_key_over_an_open_line_is_something_to_know(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> probing.Tested:
        async with answering(http_response(b'{"data": []}')) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.removesuffix("/v1"))
            connection = bench.connection("openai_compatible", "sk-0123456789", base_url="http://llm.example.com/v1")
            return await bench.tested(replace(connection, model="m"), is_full=False)

    tested = asyncio.run(run())
    assert stage(tested, Stage.ADDRESS).state is State.LIMITED
    assert "unencrypted" in stage(tested, Stage.ADDRESS).told


# --- What is wrong when it is asked -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "problem", "states_told"),
    [
        (["quota"], Problem.OUT_OF_CREDIT, "failed skipped skipped"),
        (["no_credit"], Problem.OUT_OF_CREDIT, "failed skipped skipped"),
        (["overloaded"], Problem.OVERLOADED, "failed skipped skipped"),
        (["throttle"], Problem.THROTTLED, "failed skipped skipped"),
        (["no_model"], Problem.UNKNOWN_MODEL, "failed skipped skipped"),
        (["terminated"], Problem.NOT_ADMITTED, "failed skipped skipped"),
        (["server_error", "server_error"], Problem.PROVIDER_FAILED, "failed skipped skipped"),
        (["empty_answer", "empty_answer"], Problem.NO_ANSWER, "failed skipped skipped"),
        (["length_reasoning", "length_reasoning"], Problem.NO_ANSWER, "failed skipped skipped"),
        (["cut_stream", "cut_stream"], Problem.NO_ANSWER, "failed skipped skipped"),
        (["refused"], Problem.REFUSED_ANSWER, "failed skipped skipped"),
        (["stall"], Problem.TOO_SLOW, "failed skipped skipped"),
        ([None, "quota"], Problem.OUT_OF_CREDIT, "passed failed skipped"),
        ([None, None, None, "malformed_json", "malformed_json"], Problem.NO_SHAPE, "passed passed failed"),
    ],
)
def test_failure_of_an_answer_is_told_by_its_cause(
    bench: Bench, faults: list[str | None], problem: Problem, states_told: str
) -> None:
    bench.sandbox.stage.script(faults)
    tested = bench.test(is_full=True)
    assert problem_of(tested)[0] is problem
    assert states(tested) == f"passed passed passed {states_told}"
    assert not tested.is_proven
    assert tested.unproven == ()


@pytest.mark.parametrize(
    ("faults", "calls"),
    [
        (["length_reasoning"], 5),
        (["empty_answer"], 5),
        (["server_error"], 5),
        ([None, None, None, "malformed_json"], 5),
        ([None, None, None, "fenced_json"], 4),
        (["throttle_retry_after;seconds=0"], 5),
    ],
)
def test_what_passes_at_the_second_try_is_no_failure(bench: Bench, faults: list[str | None], calls: int) -> None:
    bench.sandbox.stage.script(faults)
    tested = bench.test(is_full=True)
    assert tested.is_proven, tested.diagnosis
    assert (tested.usage.calls, len(bench.sandbox.calls)) == (calls, calls)


def test_closed_surface_of_the_coding_plan_leads_to_its_messages_surface(bench: Bench) -> None:
    url = f"{bench.sandbox.coding}/v1"
    tested = bench.test("openai_compatible", "sk-kimi-sim-ok", is_full=True, base_url=url, model="kimi-for-coding")
    assert problem_of(tested) == (Problem.NOT_ADMITTED, Step.SWITCH_PLAN)
    assert tested.diagnosis is not None
    assert (tested.diagnosis.advice[0].provider, tested.diagnosis.advice[0].base_url) == (
        "kimi_code",
        bench.sandbox.coding,
    )


def test_field_that_is_refused_and_left_out_is_told(bench: Bench) -> None:
    bench.sandbox.stage.script(["refuse;field=prompt_cache_key"])
    tested = bench.test(is_full=True)
    assert tested.is_proven
    assert any("prompt_cache_key" in each for each in tested.notices)


class Told:
    """A model that answers what it is told to, one thing after the other, and then as a good one."""

    def __init__(self, own: Model, *answers: Any) -> None:
        self._own = own
        self._left = list(answers)
        self.prompts: list[Prompt] = []

    @property
    def profile(self) -> Profile:
        return self._own.profile

    async def ask(self, prompt: Prompt) -> Answer:
        self.prompts.append(prompt)
        if not self._left:
            return await self._own.ask(prompt)
        answer = self._left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else await self._own.ask(prompt)


def said(text: str, **changes: Any) -> Answer:
    facts: dict[str, Any] = {
        "turn": ModelTurn(text=text),
        "usage": Usage(calls=1, input_tokens=50, output_tokens=5),
        "provider": "moonshot",
        "model": "kimi-k2.7-code",
    }
    return Answer(**(facts | changes))


def test_slow_first_answer_is_measured_and_names_the_faster_model(bench: Bench) -> None:
    slow = said("ready", took_s=14.2)
    tested = bench.test(is_full=True, through=lambda own: Told(own, slow), model="kimi-k2.7-code")
    assert stage(tested, Stage.INFERENCE).state is State.LIMITED
    assert tested.is_proven
    assert tested.diagnosis is not None
    assert tested.diagnosis.problem is Problem.TOO_SLOW
    assert "14 s" in tested.diagnosis.told
    assert tested.diagnosis.advice[0].model == "kimi-k2.7-code-highspeed"


def test_model_that_calls_no_tool_has_a_second_chance_and_is_then_limited(bench: Bench) -> None:
    once = bench.test(is_full=True, through=lambda own: Told(own, None, said("I cannot know it.")))
    assert once.state_of(Stage.TOOLS) is State.PASSED
    never = bench.test(is_full=True, through=lambda own: Told(own, None, said("No."), said("No.")))
    assert never.state_of(Stage.TOOLS) is State.LIMITED
    assert never.is_proven
    assert problem_of(never) == (Problem.NO_TOOLS, Step.PICK_MODEL)


def test_model_that_is_known_to_have_no_tools_is_not_asked_for_them(bench: Bench) -> None:
    class Toolless(Told):
        @property
        def profile(self) -> Profile:
            return replace(super().profile, has_tools=False)

    tested = bench.test(is_full=True, through=Toolless)
    assert tested.state_of(Stage.TOOLS) is State.LIMITED
    assert (tested.is_proven, tested.usage.calls) == (True, 2)


def test_reasoning_goes_back_with_the_tools_result(bench: Bench) -> None:
    tested = bench.test(is_full=True)
    assert tested.is_proven
    back = bench.sandbox.calls[2].body["messages"]
    assert back[-2]["reasoning_content"]
    assert back[-1]["role"] == "tool"


def test_ceiling_is_told_beforehand_and_held(bench: Bench) -> None:
    ceiling = ceiling_for(bench.connection(), bench.catalogue)
    assert (ceiling.calls, ceiling.tokens, ceiling.cost) == (16, 20_000, "0.08 USD")
    assert ceiling_for(bench.connection("kimi_code", "sk-kimi-sim-ok"), bench.catalogue).cost == ""
    dear = said("ready", usage=Usage(calls=1, input_tokens=100, output_tokens=19_500))
    tested = bench.test(is_full=True, through=lambda own: Told(own, dear))
    assert states(tested) == "passed passed passed passed failed skipped"
    assert tested.diagnosis is not None
    assert "ceiling" in tested.diagnosis.told
    assert bench.sandbox.calls == []


def test_limit_is_waited_for_longer_and_longer_and_not_for_ever(bench: Bench) -> None:
    waits: list[float] = []
    told: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def run() -> Asker:
        async with open_session("0") as session:
            connection = bench.connection()
            throttled = [ModelThrottled("Slow.", status=429, retry_after_s=1) for _ in range(40)]
            meter = Meter(ceiling_for(connection, bench.catalogue))
            own = bench.model(connection, session)
            asker = Asker(model=Told(own, *throttled), meter=meter, sleep=sleep, on_wait=told.append)
            with pytest.raises(ModelThrottled):
                await check_inference(case_of(connection, bench.catalogue), asker)
            return asker

    asker = asyncio.run(run())
    assert waits == told == [1, 2, 4, 8, 16, 32]
    assert asker.meter.usage.calls == 7


def test_requests_are_counted_against_the_ceiling_too() -> None:
    meter = Meter(Ceiling(calls=16, tokens=20_000))
    prompt = Prompt(system="s", turns=())
    meter.answered(prompt, Usage(calls=11, input_tokens=1))
    assert meter.room_for(prompt, 2_000) == 2_000
    meter.answered(prompt, Usage(calls=1, input_tokens=1))
    with pytest.raises(BudgetSpent):
        meter.room_for(prompt, 2_000)


def test_answer_that_nobody_counted_is_counted_at_its_worst() -> None:
    meter = Meter(Ceiling(calls=100, tokens=5_000))
    prompt = Prompt(system="s", turns=(), max_output_tokens=2_000)
    meter.answered(prompt, Usage(calls=1))
    meter.failed(prompt, AnswerCut("cut", status=200))
    meter.failed(prompt, ModelThrottled("refused, so it cost nothing", status=429))
    assert meter.room_for(prompt, 2_000) < 1_000
    assert meter.usage.calls == 3


def test_no_answer_may_be_longer_than_the_room_of_the_test(bench: Bench) -> None:
    bench.test(is_full=True)
    assert {call.body["max_completion_tokens"] for call in bench.sandbox.calls} == {FIRST_ROOM}


def test_cancelling_ends_the_test_at_once(bench: Bench) -> None:
    async def run() -> None:
        bench.sandbox.stage.script(["slow_first_token;ms=3000"])
        async with asyncio.timeout(0.4):
            await bench.tested(bench.connection(), is_full=True)

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert bench.watched[-1] == StageResult(stage=Stage.INFERENCE, state=State.RUNNING)


@settings(max_examples=60, deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["data", "error", "usage", "limits", "id", "models"]), inner, max_size=3)
        ),
        max_leaves=8,
    ).map(json.dumps)
    | st.text(max_size=40),
    status=st.sampled_from(["200 OK", "302 Found", "400 No", "401 No", "403 No", "404 No", "429 No", "500 No"]),
    provider=st.sampled_from(["moonshot", "kimi_code", "openrouter", "deepseek", "zai", "anthropic", "vllm"]),
)
def test_whatever_a_server_says_the_test_comes_to_its_end(bench: Bench, body: str, status: str, provider: str) -> None:
    async def run() -> probing.Tested:
        async with answering(http_response(body.encode("utf-8", "replace"), status=status)) as base_url:
            connection = bench.connection(provider, "k-0123456789", base_url=base_url)
            return await bench.tested(connection, is_full=True)

    tested = asyncio.run(run())
    assert [each.stage for each in tested.stages] == list(Stage)
    assert not tested.is_proven
    assert tested.diagnosis is not None


# --- The key is nowhere -----------------------------------------------------------------------------------------------

CANARY = "sk-canary-Zx81kQp04mVb7Tr29LsWd5"


def strings_in(value: object) -> Iterator[str]:
    """Every text in a result, however deep."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from strings_in(getattr(value, each.name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from strings_in(each)


@pytest.mark.parametrize(
    "body",
    [
        '{"error":{"message":"no {key} here","type":"{key}","code":"{key}"}}',
        '{"data":[{"id":"{key}","context_length":1000},{"id":"m"}]}',
        '{"data":[{"id":"kimi-{key}"}]}',
        "<html><title>{key}</title></html>",
        "{key}",
        '{"error":{"message":"reset at {key}","type":"exceeded_current_quota_error","resetTime":"{key}"}}',
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "401 No", "403 No", "404 No", "429 No", "500 No", "302 Found"])
@pytest.mark.parametrize("provider", ["openai_compatible", "moonshot", "openrouter"])
def test_key_is_in_no_part_of_a_result_though_the_provider_repeats_it(
    bench: Bench, body: str, status: str, provider: str
) -> None:
    watched: list[StageResult] = []

    async def run() -> probing.Tested:
        echoed = body.replace("{key}", CANARY).encode()
        more = f"x-request-id: {CANARY}\r\nlocation: https://{CANARY}.example.com/{CANARY}/models?k={CANARY}\r\n"
        async with answering(http_response(echoed, status=status, more=more)) as base_url:
            connection = bench.connection(provider, CANARY, base_url=base_url)
            tested = await bench.tested(replace(connection, model="m"), is_full=True)
            watched.extend(bench.watched)
            return tested

    tested = asyncio.run(run())
    told = [*strings_in(tested), *(text for each in watched for text in strings_in(each))]
    assert [text for text in told if CANARY in text or CANARY.lower() in text.lower()] == []


# --- A test is of what reviews send -----------------------------------------------------------------------------------


def test_a_model_that_reasons_by_a_budget_is_tested_with_one(bench: Bench) -> None:
    connection = bench.connection("anthropic", "sk-ant-sim-ok", model="claude-haiku-4-5")
    prompt = Prompt(system="", turns=(UserTurn(text="hi"),), max_output_tokens=FIRST_ROOM)
    assert anthropic_body(prompt, bench.catalogue.endpoint_for(connection))["thinking"]["budget_tokens"] >= 1_024


@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found"])
def test_page_in_place_of_a_list_is_no_reason_to_refuse_a_server_that_answers(bench: Bench, status: str) -> None:
    page = http_response(b"<html><title>No</title></html>", status=status, content_type="text/html")

    async def run(key: str) -> probing.Tested:
        async with answering(page) as base_url:
            connection = bench.connection("openai_compatible", key, base_url=base_url, model="m")
            return await bench.tested(connection, is_full=False)

    assert asyncio.run(run("sk-0123456789")).state_of(Stage.ADDRESS) is not State.FAILED


def test_answer_that_broke_off_counts_at_its_worst(bench: Bench) -> None:
    connection = bench.connection()
    prompt = Prompt(system="", turns=(UserTurn(text="hi"),), max_output_tokens=6_000)
    begun = ModelUnavailable("It broke off.", status=502)
    begun.usage = Usage(cost=None)
    meter, untouched = (Meter(ceiling_for(connection, bench.catalogue)) for _ in range(2))
    meter.failed(prompt, begun)
    untouched.failed(prompt, ModelUnavailable("Down.", status=502))
    assert (meter.held_tokens > 6_000, untouched.held_tokens) == (True, 0)


def test_stage_that_never_ends_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Told):
        async def ask(self, prompt: Prompt) -> Answer:
            if prompt.tools:
                await asyncio.Event().wait()
            monkeypatch.setattr("mesrai.llm.probe.MOST_STAGE_S", 0.05)  # of the stages that follow
            return said("ready")

    tested = bench.test(is_full=True, through=Endless)
    assert states(tested) == "passed passed passed passed failed skipped"
    assert problem_of(tested)[0] is Problem.TOO_SLOW


@pytest.mark.parametrize("location", ["http://[", "//[::", "http://evil\x1b[31m/models"])
def test_redirect_to_no_address_breaks_nothing(bench: Bench, location: str) -> None:
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"

    async def run() -> probing.Tested:
        async with answering(head.encode()) as base_url:
            connection = bench.connection("openai_compatible", "sk-0123456789", base_url=base_url, model="m")
            return await bench.tested(connection, is_full=False)

    tested = asyncio.run(run())
    assert problem_of(tested)[0] is Problem.BAD_ADDRESS
    assert tested.diagnosis is not None
    assert tested.diagnosis.told.isprintable()


@pytest.mark.parametrize(
    ("location", "offered"),
    [
        ("https://evil.example/v1/models", ""),
        ("https://127.0.0.1:9/v1/models", "https://127.0.0.1:9/v1"),
    ],
)
def test_host_that_a_redirect_names_is_not_offered_to_be_taken_over_with_the_key(
    bench: Bench, location: str, offered: str
) -> None:
    moved = http_response(b"", status="302 Found", more=f"location: {location}\r\n")

    async def run() -> probing.Tested:
        async with answering(moved) as base_url:
            connection = bench.connection("openai_compatible", "sk-0123456789", base_url=base_url, model="m")
            return await bench.tested(connection, is_full=False)

    tested = asyncio.run(run())
    assert tested.diagnosis is not None
    assert [each.base_url for each in tested.diagnosis.advice] == [offered]
    assert location.split("/")[2] in tested.diagnosis.told
