"""Connecting models at the interface, against the stand-in for providers; and configuration, rules, memories, money."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.stand import Counter, an_interface
from tests.sandbox_server import Sandbox, running_sandbox

from mesrai.domain.roles import Role

TIER_1 = "sk-sim-ok-tier1"  # works at the Developer API
CODE = "sk-kimi-sim-ok"  # works at the Kimi Code Plan
CARD = {"card": "kimi-k2.6", "plan": "developer"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def counter(tmp_path: Path, sandbox: Sandbox) -> Iterator[Counter]:
    with an_interface(tmp_path, env={"MESRAI_CATALOGUE": str(sandbox.overlay(tmp_path))}) as made:
        yield made


def test_a_model_is_tested_saved_shown_and_removed_and_its_key_never_comes_back(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mesrai")
    program = counter.program()
    saved = program.put("/connections/main", {**CARD, "key": TIER_1, "tier": 1})
    assert saved.status == 200, saved.text
    assert [each["state"] for each in saved.json["test"]["stages"]].count("failed") == 0
    assert saved.json["test"]["is_proven"] is True
    assert (saved.json["connection"]["provider"], saved.json["connection"]["tier"]) == ("moonshot", 1)
    assert saved.json["connection"]["proven_at"]
    shown = program.get("/connections")
    assert shown.json["main"]["key_hint"].startswith("••••")
    assert shown.json["fallback"] is None
    again = program.post("/connections/main/test", {"full": True})
    assert again.json["is_proven"] is True
    for text in (saved.text, shown.text, again.text, program.get("/audit").text, caplog.text):
        assert TIER_1 not in text
    assert program.delete("/connections/main").status == 204
    assert program.delete("/connections/main").code == "not_found"
    assert program.get("/connections").json["main"] is None


def test_a_key_of_another_plan_is_not_saved_and_its_test_says_what_to_do(counter: Counter) -> None:
    program = counter.program()
    answer = program.put("/connections/main", {**CARD, "key": CODE})
    assert (answer.status, answer.code) == (422, "unproven")
    found = answer.json["test"]["diagnosis"]
    assert found["problem"] == "wrong_plan"
    assert any(each["provider"] == "kimi_code" for each in found["advice"])
    assert CODE not in answer.text
    assert program.get("/connections").json["main"] is None
    forced = program.put("/connections/main", {**CARD, "key": CODE, "force": True})
    assert (forced.status, forced.json["connection"]["proven_at"]) == (200, None)


def test_limits_alone_are_saved_without_a_test_and_the_key_stays(counter: Counter) -> None:
    program = counter.program()
    assert program.put("/connections/main", {**CARD, "key": TIER_1}).status == 200
    changed = program.put("/connections/main", {**CARD, "max_concurrent_requests": 2})
    assert (changed.status, changed.json["test"]) == (200, None)
    assert changed.json["connection"]["max_concurrent_requests"] == 2
    assert changed.json["connection"]["proven_at"], "what was proven still is"
    other = program.put("/connections/main", {**CARD, "thinking": "off"})
    assert other.json["test"]["is_proven"] is True, "what is sent is another thing, so it was tested"
    elsewhere = program.put("/connections/main", {"card": "kimi-k2.6", "plan": "code"})
    assert elsewhere.code == "refused", "a saved key does not go to another address"


def test_the_vendor_is_asked_whose_key_it_is(counter: Counter) -> None:
    homes = counter.program().post("/connections/home", {**CARD, "key": CODE}).json["items"]
    assert {each["provider"] for each in homes if each["verdict"] == "accepted"} == {"kimi_code"}
    assert CODE not in str(homes)


def test_something_is_tried_without_being_saved(counter: Counter) -> None:
    program = counter.program()
    answer = program.post("/connections/test", {**CARD, "key": TIER_1})
    assert (answer.status, answer.json["is_proven"], answer.json["is_failed"]) == (200, False, False)
    assert answer.json["unproven"]
    assert program.get("/connections").json["main"] is None
    assert program.post("/connections/main/test").code == "not_found"


def test_a_fallback_needs_a_main_model(counter: Counter) -> None:
    program = counter.program()
    assert program.put("/connections/fallback", {**CARD, "key": TIER_1}).code == "refused"
    assert program.put("/connections/main", {**CARD, "key": TIER_1}).status == 200
    assert program.put("/connections/fallback", {"card": "kimi-k2.6", "plan": "code", "key": CODE}).status == 200
    assert program.delete("/connections/main").code == "refused"
    assert counter.program(Role.MEMBER).get("/connections").json["fallback"]["provider"] == "kimi_code"
    assert counter.program(Role.MEMBER).delete("/connections/fallback").code == "forbidden"


def test_a_request_is_previewed_with_its_key_hidden(counter: Counter) -> None:
    program = counter.program()
    shown = program.post("/connections/preview", {**CARD, "key": "sk-a-very-long-key-1234", "max_output_tokens": 4_000})
    assert shown.status == 200
    assert "sk-a-very-long-key-1234" not in shown.text
    assert 4_000 in shown.json["body"].values()
    for body in (
        {},
        {"plan": "code"},
        {"card": "kimi-k2.6", "provider": "moonshot"},
    ):
        assert program.post("/connections/preview", body).code == "invalid"
    for wrong in ({"card": "kimi-9"}, {"provider": "nobody"}, {"provider": "openai", "model": "sk-0123456789abcdef"}):
        answer = program.post("/connections/preview", wrong)
        assert answer.code == "refused"
        assert "sk-0123456789abcdef" not in answer.text


def test_no_address_inside_is_asked(counter: Counter) -> None:
    place = {"provider": "openai_compatible", "base_url": "https://169.254.169.254/v1", "model": "m", "key": "k" * 20}
    answer = counter.program().post("/connections/test", place)
    assert answer.json["is_failed"] is True
    assert "lies inside" in answer.json["diagnosis"]["told"]


def test_cards_and_providers_are_there_to_choose_from(counter: Counter) -> None:
    program = counter.program(Role.MEMBER)
    cards = {each["id"]: each for each in program.get("/cards").json["items"]}
    assert {plan["id"] for plan in cards["kimi-k2.6"]["plans"]} >= {"developer", "code"}
    assert any(each["id"] == "moonshot" for each in program.get("/providers").json["items"])


def test_each_value_of_the_configuration_says_where_it_comes_from(counter: Counter) -> None:
    program = counter.program()
    place = {"repository": "github.com/acme/shop"}
    key = "summary.generatePRSummary"

    def value(query: str) -> tuple[object, str]:
        found = {each["key"]: each for each in program.get(f"/configuration{query}").json["values"]}
        return found[key]["value"], found[key]["level"]

    assert value("") == (True, "default")
    assert program.patch("/configuration", {"values": {key: False}}).status == 200
    assert value("?repository=github.com/acme/shop") == (False, "global")
    assert program.patch("/configuration", {**place, "values": {key: True}}).status == 200
    assert value("?repository=github.com/acme/shop") == (True, "repository")
    assert program.patch("/configuration", {**place, "values": {key: None}}).status == 200
    assert value("?repository=github.com/acme/shop") == (False, "global")
    wrong = program.patch("/configuration", {"values": {"nothing": 1}})
    assert (wrong.code, wrong.json["detail"].partition(";")[0]) == ("refused", "Line 3: unknown key `nothing`")
    assert program.get("/configuration?folder=x").code == "invalid"
    seal = program.get("/configuration").json["seal"]
    assert program.put("/configuration", {"text": "", "seen": "other"}).code == "refused", "somebody was quicker"
    assert program.put("/configuration", {"text": "", "seen": seal}).json["text"] == ""


def test_rules_are_saved_switched_excluded_and_deleted(counter: Counter) -> None:
    program = counter.program()
    rule = {"title": "Cents", "rule": "Money is counted in cents.", "severity": "high", "paths": ["src/**"]}
    assert program.put("/rules", {"rule": rule}).json["items"][0]["is_checked"] is True
    assert program.put("/rules", {"rule": rule}).code == "refused", "its name is taken"
    place = {"repository": "github.com/acme/shop", "title": "Cents"}
    (shown,) = program.post("/rules/switch", {**place, "is_excluded": True}).json["items"]
    assert (shown["is_excluded"], shown["is_checked"], shown["is_here"]) == (True, False, False)
    (shown,) = program.post("/rules/switch", {"title": "Cents", "is_enabled": False}).json["items"]
    assert shown["is_enabled"] is False
    assert program.post("/rules/switch", {"title": "Cents"}).code == "invalid"
    changed = {**rule, "title": "Cents \u2028 🐟"}
    (shown,) = program.put("/rules", {"rule": changed, "replaces": "Cents"}).json["items"]
    assert "🐟" in shown["title"]
    assert program.put("/rules", {"rule": {"title": "x", "rule": "y", "severitee": "high"}}).code == "refused"
    assert program.delete("/rules?title=Nothing").code == "refused"


def test_memories_are_kept_decided_on_and_forgotten(counter: Counter) -> None:
    program = counter.program()
    for number in range(3):
        assert program.post("/memories", {"text": f"Number {number} is odd."}).status == 201
    page = program.get("/memories?limit=2").json
    assert [each["text"] for each in page["items"]] == ["Number 2 is odd.", "Number 1 is odd."]
    (last,) = program.get(f"/memories?limit=2&after={page['next']}").json["items"]
    assert program.patch(f"/memories/{last['id']}", {"state": "discarded"}).json["state"] == "discarded"
    assert program.get("/memories?state=discarded").json["items"][0]["decided_by"] == program.person.email
    assert program.delete(f"/memories/{last['id']}").status == 204
    assert program.get(f"/memories/{last['id']}").code == "not_found"
    for body in ({"text": "…"}, {"text": "Fine.", "paths": ["src/**"]}, {"text": "Fine.", "repository": "shop"}):
        assert program.post("/memories", body).code == "refused"


def test_the_budget_is_set_shown_and_removed(counter: Counter) -> None:
    program = counter.program(Role.BILLING)
    assert program.get("/budget").code == "not_found"
    assert program.put("/budget", {"currency": "USD", "month": "20.50"}).json["month"] == "20.5"
    assert program.put("/budget", {"currency": "USD", "review": "0.25"}).json["month"] == "20.5", "it stays"
    for body in ({"currency": "usd", "month": "1"}, {"currency": "USD"}, {"currency": "USD", "month": "0"}):
        assert program.put("/budget", body).code == "invalid"
    assert program.get("/usage?by=model").json == {"by": "model", "lines": [], "total": None, "next": None}
    assert program.get("/usage?since=2026-12-01&until=2026-11-01").code == "invalid"
    assert program.delete("/budget").status == 204
    assert program.delete("/budget").code == "not_found"
