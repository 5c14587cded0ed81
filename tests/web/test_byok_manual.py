"""Configuring a model by hand, step by step in the document's order, and every row of its table."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.sandbox_server import Sandbox, running_sandbox
from tests.web.browsing import a_browser, a_window, faults_of
from tests.web.stand import Stand, a_site

from mesrai.domain.connection import Slot
from mesrai.domain.roles import Role
from mesrai.store.connections import Stored, find_stored

HERE = "/organization/byok/manual"


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


def saved(stand: Stand) -> Stored | None:
    return stand.run(find_stored(stand.house.database, stand.house.organisation)).get(Slot.MAIN)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def chosen_by_hand(page: Page, base_url: str, model: str) -> None:
    """From the page's link to the last step."""
    page.goto("/organization/byok")
    page.get_by_role("link", name="Configure manually").click()
    page.get_by_label("OpenAI-compatible address", exact=True).check()
    press(page, "Next")
    page.get_by_label("Base URL").fill(base_url)
    press(page, "Next")
    page.get_by_label("Model", exact=True).fill(model)
    press(page, "Next")


@pytest.mark.parametrize(
    ("base_url", "model", "key", "provider"),
    [
        ("https://api.moonshot.ai/v1", "kimi-k2.6", "sk-sim-ok-tier1", "moonshot"),
        ("https://api.kimi.com/coding/v1", "kimi-k2.6", "sk-kimi-sim-ok", "kimi_code"),
        ("https://api.moonshot.cn/v1", "kimi-k2.6", "sk-sim-cn-ok", "moonshot_cn"),
    ],
)
def test_a_base_url_of_the_table_is_configured_with_its_model_and_key(
    stand: Stand, browser: Browser, base_url: str, model: str, key: str, provider: str
) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        chosen_by_hand(page, base_url, model)
        page.get_by_label("API key").fill(key)
        press(page, "Test & save")
        expect(page.get_by_text("Saved as main")).to_be_visible()
        assert key not in page.content()
    found = saved(stand)
    assert found is not None
    assert (found.connection.provider, bool(found.proven_at)) == (provider, True)


def test_the_code_plan_by_hand_has_its_cap_filled_in_and_the_notice_of_its_address(
    stand: Stand, browser: Browser
) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        chosen_by_hand(page, "https://api.kimi.com/coding/v1", "kimi-k2.6")
        expect(page.locator("#place")).to_contain_text("is closed to clients that are not on the vendor's list")
        page.get_by_text("Advanced settings").last.click()
        expect(page.get_by_label("Max concurrent requests")).to_have_value("30")


@pytest.mark.parametrize("model", ["kimi-k2.5", "kimi-k2-0905", "kimi-k2"])
def test_an_older_name_of_the_table_is_told_and_its_successor_taken_with_one_click(
    stand: Stand, browser: Browser, model: str
) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        chosen_by_hand(page, "https://api.moonshot.ai/v1", model)
        expect(page.locator("#place")).to_contain_text("successor is kimi-k2.6")
        page.get_by_label("API key").fill("sk-sim-ok-tier1")
        press(page, "Test & save")
        expect(page.get_by_text("The model is not known there.")).to_be_visible()
        press(page, "Use kimi-k2.6 and save")
        expect(page.get_by_text("Saved as main: kimi-k2.6")).to_be_visible()


def test_going_back_keeps_what_was_typed_but_the_key(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        chosen_by_hand(page, "https://api.moonshot.ai/v1", "kimi-k2.6")
        expect(page.get_by_role("listitem").filter(has_text="API key")).to_have_attribute("aria-current", "step")
        page.get_by_label("API key").fill("sk-sim-ok-tier1")
        press(page, "Back to the model")
        expect(page.get_by_label("Model", exact=True)).to_have_value("kimi-k2.6")
        press(page, "Back")
        expect(page.get_by_label("Base URL")).to_have_value("https://api.moonshot.ai/v1")
        press(page, "Back")
        expect(page.get_by_label("OpenAI-compatible address", exact=True)).to_be_checked()
        for _ in range(3):
            press(page, "Next")
        expect(page.get_by_label("API key")).to_have_value("")
        assert "sk-sim" not in page.content()
        assert "?" not in page.url


def test_a_provider_with_an_address_of_its_own_needs_no_base_url_and_a_model_is_one_click(
    stand: Stand, browser: Browser
) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto(f"{HERE}?slot=main")
        page.get_by_label("OpenRouter", exact=True).check()
        press(page, "Next")
        expect(page.get_by_role("heading", level=1)).to_have_text("Configure main manually")
        assert faults_of(page) == []
        press(page, "moonshotai/kimi-k2.6")
        page.get_by_text("Advanced settings").last.click()
        page.get_by_label("Pin providers (in order)").fill("moonshotai, novita")
        page.get_by_label("Allow fallbacks").uncheck()
        page.get_by_label("API key").fill("sk-or-v1-sim-ok")
        press(page, "Test & save")
        expect(page.get_by_text("Saved as main")).to_be_visible()
    found = saved(stand)
    assert found is not None
    assert found.connection.routing is not None
    assert (found.connection.routing.order, found.connection.routing.allow_fallbacks) == (
        ("moonshotai", "novita"),
        False,
    )


def test_a_mistake_keeps_one_at_the_step(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)

    def stepped(**fields: str) -> tuple[int, str]:
        answer = owner.post(HERE, {"slot": "main", "step": "next", **fields}, seen="/account")
        return answer.status, " ".join(answer.text.split())

    status, text = stepped(at="provider")
    assert (status, "Choose a provider." in text) == (400, True)
    status, text = stepped(at="address", provider="openai_compatible", base_url="https://x.example/v1?key=1")
    assert (status, "Give the address alone" in text) == (400, True)
    status, text = stepped(at="address", provider="openai_compatible", base_url="http://api.example.com/v1")
    assert (status, "unencrypted" in text) == (400, True)
    status, text = stepped(at="model", provider="moonshot")
    assert (status, "Type the model" in text) == (400, True)
    canary = "sk-sim-canary-4711-only-here"
    status, text = stepped(at="model", provider="moonshot", model=canary)
    assert (status, "is a key" in text) == (400, True)


def test_a_server_that_shows_its_list_to_nobody_without_a_key_is_said_to_list_nothing(
    stand: Stand, sandbox: Sandbox
) -> None:
    owner = stand.member(Role.OWNER)
    fields = {"slot": "main", "at": "model", "step": "list", "provider": "vllm", "base_url": sandbox.compat}
    answer = owner.post(HERE, fields, seen="/account")
    assert answer.status == 200
    assert 'name="step" value="list"' in answer.text
    assert "The provider lists no models here." in answer.text


def test_with_a_saved_key_for_the_address_its_models_are_listed(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    card = {"slot": "main", "card": "kimi-k2.6", "plan": "developer", "key": "sk-sim-ok-tier1", "action": "save"}
    owner.post("/organization/byok/try", card, seen="/account")
    fields = {"slot": "fallback", "at": "model", "step": "list", "provider": "moonshot"}
    answer = owner.post(HERE, fields, seen="/account")
    assert "These are the models that the provider lists." in answer.text
    assert 'name="pick" value="kimi-k2.6"' in answer.text
