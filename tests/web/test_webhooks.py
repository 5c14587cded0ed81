"""Webhooks out on the pages: added with a secret that is shown once, tried, sent again, switched off, removed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.api.test_webhooks import Listener, a_listener
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import Stand, a_site

from mesrai.assembly.outgoing import sending
from mesrai.domain.roles import Role
from mesrai.flows import webhooks
from mesrai.flows.webhooks import DELIVER
from mesrai.llm.reach import Reach
from mesrai.store.audit import entries
from mesrai.store.webhooks import Webhook, opened_secret
from mesrai.store.webhooks import webhooks as kept_webhooks
from mesrai.wiring import keyring_of

HERE = "/organization/webhooks"
FIELDS = {"url": "https://hooks.example.com/mesrai", "event": "review.failed"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture
def listener() -> Iterator[Listener]:
    with a_listener() as made:
        yield made


@pytest.fixture
def stand(tmp_path: Path, listener: Listener) -> Iterator[Stand]:
    with a_site(tmp_path, env={"MESRAI_ALLOWED_HOSTS": f"127.0.0.1:{listener.port}"}) as made:
        yield made


def found(stand: Stand) -> list[Webhook]:
    return list(stand.run(kept_webhooks(stand.house.database, stand.house.organisation)))


def delivered(stand: Stand, port: int) -> list[str]:
    """Carry out what waits, as a worker does."""
    house, post = stand.house, sending(Reach(allowed=frozenset({f"127.0.0.1:{port}"})))

    async def work() -> list[str]:
        keyring = (await house.installation()).keyring
        desk = webhooks.Desk(
            database=house.database, organisation=house.organisation, queue=house.queue, keyring=keyring
        )
        told: list[str] = []
        while (job := await house.queue.claim("w", kinds=(DELIVER,))) is not None:
            told.append(await webhooks.deliver(desk, job, post, lambda: 1_900_000_000.0))
        return told

    return stand.run(work())


def test_a_webhook_is_added_pinged_sent_again_switched_off_and_removed(
    stand: Stand, browser: Browser, listener: Listener
) -> None:
    port, came, owner = listener.port, listener.came, stand.member(Role.OWNER)
    with a_window(browser, owner) as page:
        page.goto("/repositories")
        page.get_by_role("link", name="Webhooks").click()
        page.get_by_label("Address").fill(listener.url)
        page.get_by_label("A review was stopped").uncheck()
        page.get_by_role("button", name="Add the webhook").click()
        expect(page.get_by_role("heading", name="The secret of the new webhook")).to_be_visible()
        secret = page.locator("#secret").inner_text()
        (webhook,) = found(stand)
        assert opened_secret(webhook, keyring_of(stand.env)).open() == secret
        assert "review.stopped" not in webhook.events
        assert faults_of(page) == []
        page.goto(HERE)
        assert secret not in page.content()
        page.get_by_role("link", name=webhook.url).click()
        page.get_by_role("button", name="Send a ping").click()
        assert (delivered(stand, port), len(came)) == (["It was delivered (204)."], 1)
        page.reload()
        expect(page.get_by_role("row", name=re.compile("ping"))).to_contain_text("delivered")
        page.get_by_role("button", name=re.compile("Send again")).click()
        expect(page.get_by_role("status")).to_contain_text("is sent once more")
        assert (len(delivered(stand, port)), len(came)) == (1, 2)
        page.get_by_role("button", name="Switch off").click()
        assert not found(stand)[0].is_active
        expect(page.get_by_role("button", name=re.compile("Send"))).to_have_count(0)
        page.get_by_role("button", name="Switch on").click()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("status")).to_contain_text("is removed")
    assert found(stand) == []
    told = stand.run(entries(stand.house.database, stand.house.organisation, most=9))
    assert [each.what for each in told if each.what.startswith("webhook")] == [
        "webhook.remove", "webhook.switch", "webhook.switch", "webhook.add",
    ]  # fmt: skip
    assert {each.who for each in told} == {owner.email}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"url": "http://hooks.example.com/x", "event": "review.failed"}, "over https only"),
        ({"url": "https://10.0.0.7/x", "event": "review.failed"}, "inside the network"),
        ({"url": "https://hooks.example.com/x"}, "Choose at least one"),
        ({"url": "https://hooks.example.com/x", "event": "ping"}, "Choose at least one"),
    ],
)
def test_what_cannot_be_a_webhook_is_told_and_what_was_typed_stays(
    stand: Stand, fields: dict[str, str], sentence: str
) -> None:
    answer = stand.member(Role.OWNER).post(HERE, fields, seen=HERE)
    assert (answer.status, sentence in answer.text, fields["url"] in answer.text) == (400, True, True)
    assert found(stand) == []


def test_a_webhook_that_is_not_there_is_not_found_and_one_that_is_off_sends_nothing(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    for path in ("ping", "again", "switch", "remove"):
        assert owner.post(f"{HERE}/no/{path}", {"delivery": "1"}, seen=HERE).status == 404
    assert owner.get(f"{HERE}/no").status == 404
    owner.post(HERE, FIELDS, seen=HERE)
    place = f"{HERE}/{found(stand)[0].id}"
    gone = owner.post(f"{place}/again", {"delivery": "77"}, seen=HERE)
    assert "no such delivery" in owner.get(gone.headers["location"]).text
    owner.post(f"{place}/switch", {"active": "0"}, seen=HERE)
    off = owner.post(f"{place}/again", {"delivery": "77"}, seen=HERE)
    assert "Switch it on first" in owner.get(off.headers["location"]).text


def test_only_who_may_configure_the_organisation_sees_the_link(stand: Stand) -> None:
    for role, is_shown in ((Role.ADMIN, True), (Role.REPOSITORY_ADMIN, False), (Role.MEMBER, False)):
        assert (f'href="{HERE}"' in stand.member(role).get("/repositories").text) is is_shown


def test_the_pages_fit_a_phone_in_the_dark(stand: Stand, browser: Browser) -> None:
    owner = stand.member(Role.OWNER)
    owner.post(HERE, {**FIELDS, "url": f"https://hooks.example.com/{'mesrai' * 40}"}, seen=HERE)
    place = f"{HERE}/{found(stand)[0].id}"
    owner.post(f"{place}/ping", seen=HERE)
    with a_window(browser, owner, size=PHONE, dark=True) as page:
        for path in (HERE, place):
            page.goto(path)
            assert (path, faults_of(page), overflow_of(page)) == (path, [], 0)
