"""The way from nothing to the first review: a code host, its repositories, and a pull request reviewed now."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.github.stand_in import GitHub, running_github
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import Stand, a_site

from mesrai.domain.roles import Role
from mesrai.flows.receive import REVIEW
from mesrai.server.web.visit import is_from_us
from mesrai.store.audit import entries
from mesrai.store.forge_access import find_access
from mesrai.store.pull_requests import find_followed
from mesrai.store.repositories import repositories

SECRET = "a-webhook-secret-of-some-length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    with running_github(tmp_path / "github") as made:
        shop = made.repository("acme/shop", {"cart.py": "a = 1\n"})
        shop.grant("ada", "write")
        shop.open_pull_request("count", {"cart.py": "a = 2\n"}, title="Count <b>right</b>")
        yield made


@pytest.fixture
def stand(tmp_path: Path, github: GitHub) -> Iterator[Stand]:
    with a_site(tmp_path, env={"MESRAI_GITHUB_URL": github.url}) as made:
        yield made


def test_the_steps_lead_to_a_review_that_is_asked_for(stand: Stand, github: GitHub, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto("/start")
        assert faults_of(page) == []
        expect(page.get_by_text("1 of 5 steps are done.")).to_be_visible()
        page.get_by_role("link", name="GitHub", exact=True).click()
        page.get_by_text("An App that is there already").click()
        page.get_by_label("App id").fill(str(github.app.id))
        page.get_by_label("Private key").fill(github.app.private_key)
        page.locator("form").filter(has=page.get_by_label("App id")).get_by_label("Webhook secret").fill(SECRET)
        page.locator("form").filter(has=page.get_by_label("App id")).get_by_role("button").click()
        expect(page.get_by_role("status")).to_contain_text("as mesrai[bot]. Choose what is reviewed.")
        row = page.get_by_role("row", name="acme/shop")
        expect(row).to_contain_text("reviewed")
        row.get_by_role("link", name="Pull requests").click()
        expect(page.get_by_role("cell", name="Count <b>right</b>")).to_be_visible()
        page.get_by_role("button", name="Review now #1").click()
        page.wait_for_url(lambda url: "/reviews?subject=" in url)
    name = f"{github.url.removeprefix('http://')}/acme/shop"
    job = next(each for each in stand.run(stand.house.queue.standing()) if each.kind == REVIEW)
    assert job.subject == f"{name}#1"
    assert stand.run(find_followed(stand.house.database, f"{name}#1")).asked == "usual"
    asked = stand.run(entries(stand.house.database, "default", most=1))[0]
    assert (asked.what, asked.subject) == ("review.ask", f"{name}#1")


def test_credentials_that_the_host_refuses_are_not_kept_and_not_shown(stand: Stand, github: GitHub) -> None:
    owner = stand.member(Role.OWNER)
    told = {"kind": "token", "token": "ghp_wrong_token_of_some_length", "webhook_secret": SECRET}
    answer = owner.post("/organization/github", told, seen="/organization/github")
    assert answer.status == 400
    assert "ghp_wrong" not in answer.text
    assert SECRET not in answer.text
    assert stand.run(find_access(stand.house.database, "default")) is None


def test_a_token_reaches_what_its_owner_may_write_to(stand: Stand, github: GitHub) -> None:
    github.repository("acme/other", {"a": "b"})
    owner = stand.member(Role.OWNER)
    told = {"kind": "token", "token": github.personal_token("ada"), "webhook_secret": SECRET}
    answer = owner.post("/organization/github", told, seen="/organization/github")
    assert answer.headers["location"] == "/repositories"
    assert [each.name.split("/", 1)[1] for each in stand.run(repositories(stand.house.database, "default"))] == [
        "acme/shop"
    ]


def test_an_app_made_of_our_manifest_is_connected_and_only_for_who_began_it(
    tmp_path: Path, github: GitHub, browser: Browser
) -> None:
    env = {"MESRAI_GITHUB_URL": github.url}
    with a_site(tmp_path, env=env, change=lambda house: replace(house, public_url="http://mesrai.example")) as stand:
        # The Host that people would ask for; here it is only what is put into the manifest.
        owner = stand.member(Role.OWNER)
        shown = owner.get("/organization/github", host="mesrai.example")
        assert f"form-action 'self' {github.url}" in shown.headers["content-security-policy"]
        assert "http://mesrai.example/webhooks/github" in shown.text
        state = re.findall(r"settings/apps/new\?state=([0-9a-f.]+)", shown.text)[0]
        word = next(iter(owner.cookies.values()))
        assert is_from_us(word, state)
        github.world.manifest_codes.add("c0de")
        stranger = stand.member(Role.ADMIN)
        assert stranger.get(f"/organization/github/created?code=c0de&state={state}").status == 403
        answer = owner.get(f"/organization/github/created?code=c0de&state={state}")
        assert answer.status == 303
        kept = stand.run(find_access(stand.house.database, "default"))
        assert kept is not None
        assert (kept.app_id, kept.login) == (str(github.app.id), "mesrai[bot]")
        again = owner.get(f"/organization/github/created?code=c0de&state={state}")
        assert again.status == 400


def test_a_repository_is_switched_off_and_on(stand: Stand, github: GitHub) -> None:
    owner = stand.member(Role.OWNER)
    told = {"kind": "token", "token": github.personal_token("ada"), "webhook_secret": SECRET}
    owner.post("/organization/github", told, seen="/organization/github")
    name = stand.run(repositories(stand.house.database, "default"))[0].name
    for is_reviewed in (False, True):
        owner.post("/repositories/switch", {"name": name, "reviewed": str(int(is_reviewed))}, seen="/repositories")
        assert stand.run(repositories(stand.house.database, "default"))[0].is_reviewed is is_reviewed


@pytest.mark.parametrize("path", ["/start", "/organization/github", "/repositories"])
def test_pages_are_accessible_and_fit_a_phone(stand: Stand, browser: Browser, path: str) -> None:
    for is_dark in (False, True):
        with a_window(browser, stand.member(Role.OWNER), size=PHONE, dark=is_dark) as page:
            page.goto(path)
            assert faults_of(page) == []
            assert overflow_of(page) == 0
