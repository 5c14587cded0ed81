"""The page on which models are connected, walked as the document for Moonshot does, against the stand-in."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.sandbox_server import Sandbox, running_sandbox
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import Answer, Person, Stand, a_site

from mesrai.domain.connection import Slot, Thinking
from mesrai.domain.roles import Role
from mesrai.store.audit import entries
from mesrai.store.connections import Stored, find_stored

HERE = "/organization/byok"
TRY = f"{HERE}/try"
TIER_1 = "sk-sim-ok-tier1"  # works at the Developer API
CODE = "sk-kimi-sim-ok"  # works at the Kimi Code Plan of kimi.com
ZAI = "zai-sim-ok"
CARD = {"slot": "main", "card": "kimi-k2.6", "plan": "developer", "thinking": "medium"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def stand(tmp_path: Path, sandbox: Sandbox) -> Iterator[Stand]:
    with a_site(tmp_path, env={"MESRAI_CATALOGUE": str(sandbox.overlay(tmp_path))}) as made:
        yield made


def saved(stand: Stand, slot: Slot = Slot.MAIN) -> Stored | None:
    return stand.run(find_stored(stand.house.database, stand.house.organisation)).get(slot)


def tried(person: Person, key: str, *, action: str = "save", **fields: str) -> Answer:
    """The form of the card without scripts: all of the test is on the answer."""
    return person.post(TRY, {**CARD, "key": key, "action": action, **fields}, seen="/account")


def words(answer: Answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).replace("&#39;", "'").split())


def open_card(page: Page, name: str = "Kimi K2.6 Coding") -> None:
    page.goto(HERE)
    page.get_by_role("link", name=name, exact=True).click()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_the_documents_steps_connect_the_kimi_code_plan(stand: Stand, browser: Browser, sandbox: Sandbox) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        open_card(page)
        place = page.locator("#place")
        expect(page.get_by_label("Developer API", exact=True)).to_be_checked()
        expect(place).to_contain_text(f"{sandbox.root}/v1")
        expect(place.get_by_role("link", name="Get a key")).to_have_attribute("href", re.compile("platform.kimi.ai"))
        page.get_by_label("Kimi Code Plan (kimi.com)").check()
        expect(place).to_contain_text(f"{sandbox.root}/coding")
        expect(place).to_contain_text("kimi-for-coding")
        expect(place).to_contain_text("personal interactive use only")
        expect(place.get_by_role("link", name="Get a key")).to_have_attribute("href", re.compile("kimi.com/code"))
        page.get_by_text("Advanced settings").click()
        expect(page.get_by_label("Max concurrent requests")).to_have_value("30")
        expect(page.get_by_label("Medium")).to_be_checked()
        expect(place).to_contain_text("at most 16 calls to the model")
        page.get_by_label("API key").fill(f'  "{CODE}"\n')
        press(page, "Test & save")
        expect(page.get_by_text("Saved as main")).to_be_visible()
        expect(page.locator(".stage.passed")).to_have_count(6)
        page.get_by_role("link", name="Done").click()
        expect(page.get_by_text("kimi-for-coding at Kimi Code Plan (kimi.com)")).to_be_visible()
        expect(page.get_by_text(re.compile(r"5 hours: 1 of 100 used, renewed"))).to_be_visible()
        expect(page.get_by_text("0 requests in flight of 30.")).to_be_visible()
        assert CODE not in page.content()
    found = saved(stand)
    assert found is not None
    assert (found.connection.max_concurrent_requests, bool(found.proven_at)) == (30, True)
    assert found.updated_by == "owner-0@example.com"


def test_one_click_switches_to_the_keys_own_plan_tests_again_and_saves(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        open_card(page)
        page.get_by_label("API key").fill(CODE)
        press(page, "Test & save")
        expect(page.get_by_text("The key belongs to another plan.")).to_be_visible()
        expect(page.locator(".stage.failed")).to_contain_text("Key")
        assert saved(stand) is None
        press(page, "Switch to Kimi Code Plan (kimi.com) and save")
        expect(page.get_by_text("Saved as main")).to_be_visible()
        expect(page.get_by_label("Kimi Code Plan (kimi.com)")).to_be_checked()
        expect(page.get_by_label("Max concurrent requests")).to_have_value("30")
        assert CODE not in page.content()
    found = saved(stand)
    assert found is not None
    assert (found.connection.provider, found.connection.model) == ("kimi_code", "kimi-for-coding")


def test_the_cap_of_a_plan_is_left_behind_with_it(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        open_card(page)
        page.get_by_label("Kimi Code Plan (kimi.com)").check()
        expect(page.locator("#place")).to_contain_text("kimi-for-coding")
        page.get_by_label("API key").fill(TIER_1)
        press(page, "Test & save")
        press(page, "Switch to Moonshot AI (international) and save")
        expect(page.get_by_text("Saved as main")).to_be_visible()
    found = saved(stand)
    assert found is not None
    assert (found.connection.provider, found.connection.max_concurrent_requests) == ("moonshot", None)


def test_whose_key_it_is_is_asked_of_the_vendor_after_a_click(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        open_card(page)
        page.get_by_label("API key").fill("sk-sim-cn-ok")
        press(page, "Test & save")
        expect(page.get_by_text("The key is not accepted.", exact=True).first).to_be_visible()
        press(page, "Ask there, free of charge")
        expect(page.get_by_text("Moonshot AI (mainland China) accepts the key.")).to_be_visible()
        press(page, "Switch to Moonshot AI (mainland China) and save")
        expect(page.get_by_text("Saved as main")).to_be_visible()
    found = saved(stand)
    assert found is not None
    assert found.connection.provider == "moonshot_cn"


@pytest.mark.parametrize(
    ("key", "fields", "told"),
    [
        (TIER_1, {"plan": "code"}, ["The key belongs to another plan.", "Switch to Moonshot AI (international)"]),
        ("sk-sim-bad_key", {}, ["The key is not accepted.", "platform.kimi.ai/console/api-keys"]),
        ("sk-sim-broke", {}, ["Out of credit.", "-0.50 USD left", "platform.kimi.ai/console/pay"]),
        ("sk-kimi-sim-window", {"plan": "code"}, ["The quota is used up.", "5 hours: 100 of 100", "open again at"]),
        ("sk-kimi-sim-expired", {"plan": "code"}, ["The membership has lapsed.", "Renew the membership at"]),
        (
            TIER_1,
            {"card": "", "provider": "moonshot", "model": "kimi-k2.5"},
            ["The model is not known there.", "retired kimi-k2.5 on 2026-08-31", "Use kimi-k2.6 and save"],
        ),
        (
            TIER_1,
            {"card": "", "provider": "moonshot", "model": "kimi-k2-0905"},
            ["kimi-k2-0905 is OpenRouter's name", "Use kimi-k2.6 and save"],
        ),
        (
            "sk-kimi-sim-ok",
            {"card": "", "provider": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "model": "m"},
            ["The address cannot be reached.", "Start the server on this machine"],
        ),
    ],
)
def test_what_is_wrong_is_told_in_words_with_what_to_do(
    stand: Stand, key: str, fields: dict[str, str], told: list[str]
) -> None:
    answer = tried(stand.member(Role.OWNER), key, **fields)
    said = words(answer)
    for each in (*told, "Save anyway, marked unproven"):
        assert each in said
    assert key not in answer.text
    assert saved(stand) is None


def test_a_slow_first_answer_is_told_and_tested_again_with_one_click(tmp_path: Path, browser: Browser) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[limits]\nfirst_token_s = 0.3\n")
    with running_sandbox() as own:
        env = {"MESRAI_CATALOGUE": str(own.overlay(tmp_path)), "MESRAI_CONFIG": str(config)}
        with a_site(tmp_path, env=env) as stand, a_window(browser, stand.member(Role.OWNER)) as page:
            open_card(page)
            page.get_by_label("API key").fill("sk-sim-ttft;ms=900;n=1")
            press(page, "Test & save")
            expect(page.get_by_text("The answer came too late.")).to_be_visible()
            expect(page.get_by_role("button", name="Use kimi-k2.7-code-highspeed and save")).to_be_visible()
            press(page, "Test again and save")
            expect(page.get_by_text("Saved as main")).to_be_visible()


def test_each_stage_appears_as_it_happens(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        open_card(page)
        page.get_by_label("API key").fill("sk-sim-ttft;ms=1500;n=1")
        press(page, "Test & save")
        expect(page.locator(".stage.running")).to_contain_text("First answer", timeout=1_400)
        expect(page.locator(".stage.passed")).to_have_count(3)
        expect(page.locator(".stage.waiting")).to_have_count(2)
        expect(page.get_by_text("Saved as main")).to_be_visible()


def test_the_mainland_address_out_of_reach_offers_the_one_for_abroad(tmp_path: Path, sandbox: Sandbox) -> None:
    overlay = sandbox.overlay(tmp_path)
    text = overlay.read_text().replace(f'base_url = "{sandbox.mainland}"', 'base_url = "http://127.0.0.1:9/v1"')
    overlay.write_text(text)
    with a_site(tmp_path, env={"MESRAI_CATALOGUE": str(overlay)}) as stand:
        said = words(tried(stand.member(Role.OWNER), "sk-sim-cn-ok", plan="mainland"))
    assert "The address cannot be reached." in said
    assert "Outside mainland China, use" in said
    assert "Use it with a key of its own" in said


def test_a_surface_that_is_closed_to_us_is_left_for_the_messages_surface_at_the_same_place(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    with a_site(tmp_path, env={"MESRAI_ALLOWED_HOSTS": "127.0.0.1"}) as stand:
        owner = stand.member(Role.OWNER)
        fields = {"card": "", "provider": "openai_compatible", "base_url": f"{sandbox.coding}/v1", "model": "kimi-k2.6"}
        said = words(tried(owner, CODE, **fields))
        assert "This client is not admitted." in said
        assert "Use the plan's messages surface, which admits every client" in said
        deed = f"save switch kimi_code {sandbox.coding}"
        assert f'value="{deed}"' in tried(owner, CODE, **fields).text
        assert "Saved as main" in words(tried(owner, CODE, action="", deed=deed, **fields))
        found = saved(stand)
    assert found is not None
    assert (found.connection.provider, found.connection.base_url) == ("kimi_code", sandbox.coding)


def test_a_model_that_failed_may_be_saved_unproven(stand: Stand) -> None:
    answer = tried(stand.member(Role.OWNER), "sk-sim-broke", action="", deed="save force")
    assert "Saved as main, unproven:" in words(answer)
    found = saved(stand)
    assert found is not None
    assert found.proven_at == ""


def test_the_free_test_asks_no_model_and_says_what_it_does_not_prove(stand: Stand, sandbox: Sandbox) -> None:
    before = len(sandbox.calls)
    said = words(tried(stand.member(Role.OWNER), TIER_1, action="test"))
    assert "Nothing is wrong as far as was tested." in said
    assert "Not proven: That the model answers" in said
    assert (saved(stand), len(sandbox.calls)) == (None, before)


def test_without_scripts_the_stages_are_on_the_next_page_and_the_key_is_asked_for_again(
    stand: Stand, browser: Browser
) -> None:
    with a_window(browser, stand.member(Role.OWNER), scripts=False) as page:
        open_card(page)
        page.get_by_label("Kimi Code Plan (kimi.com)").check()
        press(page, "Show the chosen plan")
        expect(page.locator("#place")).to_contain_text("kimi-for-coding")
        page.get_by_label("API key").fill(TIER_1)
        press(page, "Test & save")
        expect(page.get_by_text("The key belongs to another plan.")).to_be_visible()
        expect(page.get_by_label("API key")).to_have_value("")
        assert TIER_1 not in page.content()
        press(page, "Switch to Moonshot AI (international) and save")
        expect(page.get_by_text("Paste your API key.")).to_be_visible()
        expect(page.get_by_label("Developer API", exact=True)).to_be_checked()
        page.get_by_label("API key").fill(TIER_1)
        press(page, "Test & save")
        expect(page.locator(".stage.passed")).to_have_count(6)
        expect(page.get_by_text("Saved as main")).to_be_visible()


def test_custom_json_is_checked_while_it_is_typed_and_sent_as_it_was_shown(
    stand: Stand, browser: Browser, sandbox: Sandbox
) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        open_card(page)
        page.get_by_label("API key").fill(TIER_1)
        page.get_by_text("Advanced settings").click()
        expect(page.get_by_label("Custom JSON")).to_be_hidden()
        page.get_by_label("Custom only what your JSON says").check()
        page.get_by_label("Custom JSON").fill('{\n  "thinking": {"type": disabled}}')
        said = page.locator("#custom_json-wrong")
        expect(said).to_contain_text("line 2, column 24")
        page.get_by_label("Custom JSON").fill('{"thinking": {"type": "disabled"}}')
        expect(said).to_contain_text('{"openaiCompatible": {"thinking": {"type": "disabled"}}}')
        page.get_by_text("What will be sent").click()
        expect(page.locator("#sends pre")).to_contain_text('"type": "disabled"')
        press(page, "Test & save")
        expect(page.get_by_text("Saved as main")).to_be_visible()
        assert TIER_1 not in page.content()
    assert sandbox.calls[-1].body["thinking"] == {"type": "disabled"}
    found = saved(stand)
    assert found is not None
    assert found.connection.custom == {"openaiCompatible": {"thinking": {"type": "disabled"}}}


def test_a_mistake_in_a_field_is_told_beside_it_and_what_was_typed_stays(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    answer = tried(owner, TIER_1, thinking="custom", custom_json='{"thinking": }')
    assert answer.status == 400
    assert "Custom JSON, line 1, column 14" in words(answer)
    assert "{&#34;thinking&#34;: }" in answer.text
    answer = tried(owner, TIER_1, max_output_tokens="many")
    assert re.search(r'id="max_output_tokens-wrong"[^>]*>A whole number from 1 on belongs here', answer.text)
    assert 'value="many"' in answer.text
    assert TIER_1 not in answer.text
    assert saved(stand) is None


def test_concurrency_is_changed_at_once_and_the_key_is_kept(stand: Stand, browser: Browser, sandbox: Sandbox) -> None:
    owner = stand.member(Role.OWNER)
    tried(owner, TIER_1)
    before = len(sandbox.calls)
    with a_window(browser, owner) as page:
        page.goto(HERE)
        page.get_by_role("link", name="Edit the main connection").click()
        page.get_by_label("Max concurrent requests").fill("20")
        press(page, "Test & save")
        expect(page.get_by_text("Nothing that is sent changed")).to_be_visible()
        page.get_by_role("link", name="Done").click()
        expect(page.get_by_text("0 requests in flight of 20.")).to_be_visible()
    found = saved(stand)
    assert found is not None
    assert (found.sealed_key is not None, bool(found.proven_at), len(sandbox.calls)) == (True, True, before)


def test_what_changes_the_requests_is_tested_again_with_the_kept_key(stand: Stand, sandbox: Sandbox) -> None:
    owner = stand.member(Role.OWNER)
    tried(owner, TIER_1)
    before = len(sandbox.calls)
    fields = {"card": "", "provider": "moonshot", "model": "kimi-k2.6", "edits": "yes", "thinking": "off"}
    assert "Saved as main: kimi-k2.6" in words(tried(owner, "", **fields))
    found = saved(stand)
    assert found is not None
    assert (found.connection.thinking, len(sandbox.calls) > before) == (Thinking.OFF, True)


def test_a_kept_key_is_never_sent_to_an_address_that_it_was_not_given_for(stand: Stand, sandbox: Sandbox) -> None:
    owner = stand.member(Role.OWNER)
    tried(owner, TIER_1)
    fields = {"card": "", "edits": "yes", "provider": "openai_compatible", "model": "m", "base_url": sandbox.compat}
    said = words(tried(owner, "", **fields))
    assert "This is another address: paste the key that belongs there." in said
    said = words(tried(owner, "", action="", deed=f"save address {sandbox.compat}", **fields))
    assert "This is another address" in said


def test_main_and_fallback(stand: Stand, browser: Browser) -> None:
    owner = stand.member(Role.OWNER)
    with a_window(browser, owner) as page:
        page.goto(HERE)
        expect(page.get_by_role("heading", name="Fallback")).to_have_count(0)
        tried(owner, TIER_1)
        page.goto(HERE)
        page.get_by_role("link", name="Add fallback").click()
        page.get_by_role("link", name="GLM 5.1", exact=True).click()
        page.get_by_label("API key").fill(ZAI)
        press(page, "Test & save")
        expect(page.get_by_text("Saved as fallback")).to_be_visible()
        page.get_by_role("link", name="Done").click()
        expect(page.get_by_text("glm-5.1 at Z.ai (Developer API)")).to_be_visible()
        expect(page.get_by_role("button", name="Remove the main connection")).to_have_count(0)
        page.locator("#outcome-fallback").wait_for(state="attached")
        page.get_by_role("button", name="Test again").last.click()
        expect(page.locator("#outcome-fallback")).to_contain_text("Nothing is wrong as far as was tested.")
        page.on("dialog", lambda dialog: dialog.accept())
        press(page, "Remove the fallback connection")
        expect(page.get_by_text("The fallback connection and its key were removed.")).to_be_visible()
    assert (saved(stand) is not None, saved(stand, Slot.FALLBACK)) == (True, None)


def test_the_cards_of_mains_vendor_are_marked_when_a_fallback_is_chosen(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    tried(owner, TIER_1)
    said = words(owner.get(f"{HERE}?slot=fallback&choose=1"))
    assert said.count("main's vendor") == 3  # the three cards of Kimi
    assert "main's vendor" not in words(owner.get(f"{HERE}?slot=main&choose=1"))


def test_a_test_of_what_is_connected_tells_what_is_wrong_and_renews_what_is_known_of_the_account(
    stand: Stand, browser: Browser
) -> None:
    owner = stand.member(Role.OWNER)
    tried(owner, "sk-kimi-sim-window", plan="code", action="", deed="save force")
    with a_window(browser, owner) as page:
        page.goto(HERE)
        expect(page.get_by_text("failed its last test")).to_be_visible()
        press(page, "Test again")
        expect(page.get_by_text("The quota is used up.", exact=True)).to_be_visible()
        expect(page.locator("#account-main progress[value='100']")).to_have_count(1)
        expect(page.get_by_role("button", name="Save anyway, marked unproven")).to_have_count(0)
        page.get_by_role("link", name="Use it with a key of its own").click()
        expect(page.get_by_label("Provider")).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_have_text("Configure main manually")
        expect(page.get_by_label("Model", exact=True)).to_have_value("kimi-k2.6")


def test_the_models_that_a_key_may_use_are_one_click_after_a_test(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        open_card(page)
        page.get_by_label("API key").fill(TIER_1)
        press(page, "Test")
        page.get_by_text("that the provider lists for this key").click()
        press(page, "kimi-k2.7-code")
        expect(page.locator("#place")).to_contain_text("kimi-k2.7-code")
        expect(page.locator(".stage.passed")).to_have_count(3)
        press(page, "Test & save")
        expect(page.get_by_text("Saved as main: kimi-k2.7-code")).to_be_visible()


def test_a_fallback_without_a_main_model_is_refused(stand: Stand) -> None:
    said = words(tried(stand.member(Role.OWNER), TIER_1, slot="fallback"))
    assert "Connect a main model first" in said
    assert saved(stand, Slot.FALLBACK) is None


@pytest.fixture
def fixed(tmp_path: Path, sandbox: Sandbox) -> Iterator[Stand]:
    env = {
        "MESRAI_CATALOGUE": str(sandbox.overlay(tmp_path)),
        "API_LLM_PROVIDER_MODEL": "kimi-k2.6",
        "API_OPENAI_FORCE_BASE_URL": "https://api.moonshot.ai/v1",
        "API_OPEN_AI_API_KEY": "sk-sim-ok-tier3",
    }
    with a_site(tmp_path, env=env) as made:
        yield made


def test_what_the_environment_connects_is_said_and_covered_only_after_a_confirmation(
    fixed: Stand, browser: Browser
) -> None:
    with a_window(browser, fixed.member(Role.OWNER)) as page:
        page.goto(HERE)
        banner = page.get_by_role("status", name="Set by the environment")
        expect(banner).to_contain_text("kimi-k2.6 at Moonshot AI (international) is connected by the environment")
        assert "tier3" not in page.content()
        assert faults_of(page) == []
        page.goto(f"{HERE}?card=kimi-k2.6&slot=main")
        page.get_by_label("API key").fill(TIER_1)
        press(page, "Test & save")
        expect(page.get_by_text("The environment connects a model already.")).to_be_visible()
        assert saved(fixed) is None
        press(page, "Test and save it over the environment's")
        expect(page.get_by_text("Saved as main")).to_be_visible()
        page.goto(HERE)
        expect(banner).to_have_count(0)
    assert saved(fixed) is not None


def test_covering_that_was_confirmed_lasts_over_the_next_click(fixed: Stand, browser: Browser) -> None:
    with a_window(browser, fixed.member(Role.OWNER)) as page:
        page.goto(f"{HERE}?card=kimi-k2.6&slot=main")
        page.get_by_label("API key").fill(CODE)
        press(page, "Test & save")
        press(page, "Test and save it over the environment's")
        press(page, "Switch to Kimi Code Plan (kimi.com) and save")
        expect(page.get_by_text("Saved as main")).to_be_visible()


def test_keys_that_cannot_be_opened_are_told_with_what_to_do(stand: Stand, tmp_path: Path) -> None:
    owner = stand.member(Role.OWNER)
    tried(owner, TIER_1)
    keys = [path for path in tmp_path.iterdir() if "key" in path.name]
    assert keys, list(tmp_path.iterdir())
    for path in keys:
        path.unlink()
    answer = owner.get(HERE)
    assert answer.status == 200
    assert "The saved keys cannot be opened" in words(answer)
    assert "Give the service the master key that sealed them" in words(answer)
    answer = owner.post(f"{HERE}/retest", {"slot": "main"}, seen="/account")
    assert answer.status == 200
    assert "cannot be opened" in words(answer)


def test_a_member_sees_what_is_connected_but_never_a_key_nor_a_form(stand: Stand) -> None:
    tried(stand.member(Role.OWNER), f"{TIER_1};room={'x' * 30}")
    tried(stand.member(Role.OWNER), TIER_1)
    member = stand.member(Role.MEMBER)
    answer = member.get(HERE)
    assert "kimi-k2.6 at Moonshot AI (international)" in words(answer)
    assert TIER_1 not in answer.text
    assert 'name="key"' not in member.get(f"{HERE}?card=kimi-k2.6&slot=main").text
    assert "Last changes" not in answer.text
    assert tried(member, TIER_1).status == 403
    assert member.get(f"{HERE}/edit?slot=main").status == 403


def test_a_key_stands_in_no_page_log_address_or_entry(
    stand: Stand, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "sk-sim-canary-4711-only-here"
    seen: list[str] = []
    with caplog.at_level(logging.DEBUG), a_window(browser, stand.member(Role.OWNER)) as page:
        page.on("request", lambda request: seen.append(request.url))
        page.on("response", lambda response: seen.append(response.text()) if response.ok else None)
        open_card(page)
        page.get_by_label("API key").fill(canary)
        page.get_by_label("Kimi Code Plan (kimi.com)").check()
        expect(page.locator("#place")).to_contain_text("kimi-for-coding")
        press(page, "Test & save")
        expect(page.get_by_text("What to do")).to_be_visible()
        press(page, "Save anyway, marked unproven")
        expect(page.get_by_text("Saved as main, unproven")).to_be_visible()
        page.goto(HERE)
        seen.append(page.content())
    trail = stand.run(entries(stand.house.database, stand.house.organisation))
    assert trail
    everything = "\n".join([*seen, caplog.text, *(str(each) for each in trail)])
    assert canary not in everything
    assert canary[:-4] not in everything


def test_tries_of_an_offer_that_was_never_made_are_refused(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    for deed in ("save nothing", "save switch", "save switch nobody", "x y z"):
        assert tried(owner, TIER_1, action="", deed=deed).status == 400
    assert tried(owner, TIER_1, slot="third").status == 400
    assert tried(owner, TIER_1, card="no-such-card").status == 400
    assert saved(stand) is None


def test_addresses_inside_are_closed_to_whoever_types_them(stand: Stand) -> None:
    fields = {"card": "", "provider": "openai_compatible", "model": "m", "base_url": "http://169.254.169.254/latest"}
    assert "Saved as" not in words(tried(stand.member(Role.OWNER), TIER_1, **fields))
    fields["base_url"] = "http://10.0.0.1/v1"
    said = words(tried(stand.member(Role.OWNER), TIER_1, **fields))
    assert "MESRAI_ALLOWED_HOSTS" in said or "inside" in said


def test_the_pages_fit_a_phone_are_accessible_and_light(stand: Stand, browser: Browser) -> None:
    owner = stand.member(Role.OWNER)
    tried(owner, CODE, plan="code")
    ways = (HERE, f"{HERE}?slot=fallback&card=kimi-k2.6", f"{HERE}/edit?slot=main", f"{HERE}/manual?slot=fallback")
    for dark in (False, True):
        with a_window(browser, owner, size=PHONE, dark=dark) as page:
            for way in ways:
                page.goto(way)
                assert (faults_of(page), overflow_of(page)) == ([], 0), way
            page.goto(ways[1])
            page.get_by_text("Advanced settings").click()
            page.get_by_label("API key").fill("sk-sim-bad_key")
            press(page, "Test & save")
            expect(page.get_by_text("What to do")).to_be_visible()
            assert (faults_of(page), overflow_of(page)) == ([], 0)
    for way in ways:
        answer = owner.get(way, **{"accept-encoding": "identity"})
        assert len(answer.text) < 100_000, way
