"""Coming in: the first owner, signing in and out, and what the door refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import PASSWORD, Stand, a_site

from mesrai.domain.roles import Role
from mesrai.flows import sign_in
from mesrai.server.web.pages.doors import inner


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


def setup_code(stand: Stand) -> str:
    code = stand.run(sign_in.make_setup_code(stand.house.doors))
    assert code is not None
    return code.open()


def test_the_first_visitor_becomes_the_owner_by_the_setup_code_and_comes_back_with_a_password(
    tmp_path: Path, browser: Browser
) -> None:
    with a_site(tmp_path) as stand, a_window(browser, stand.visitor()) as page:
        page.goto("/")
        expect(page.get_by_role("heading")).to_have_text("Create the owner")
        assert faults_of(page) == []
        page.get_by_label("Set-up code").fill(setup_code(stand))
        page.get_by_label("E-mail").fill("Ada@Example.com")
        page.get_by_label("Name").fill("Ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create the owner").click()
        expect(page.get_by_role("link", name="Ada")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("status")).to_have_text("You are signed out.")
        page.goto("/queue")
        expect(page.get_by_role("heading")).to_have_text("Sign in")
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Queue and health")


def test_a_wrong_code_makes_no_owner_and_what_was_typed_stays_but_for_the_password(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        setup_code(stand)
        told = {"code": "wrong", "email": "ada@example.com", "name": "Ada", "password": PASSWORD}
        answer = stand.visitor().post("/welcome", told, seen="/welcome")
        assert answer.status == 400
        assert "That code is wrong" in answer.text
        assert 'value="ada@example.com"' in answer.text
        assert PASSWORD not in answer.text


def test_a_code_makes_one_owner_only(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        code = setup_code(stand)
        told = {"code": code, "email": "ada@example.com", "name": "Ada", "password": PASSWORD}
        assert stand.visitor().post("/welcome", told, seen="/welcome").status == 303
        answer = stand.visitor().post("/welcome", {**told, "email": "eve@example.com"}, seen="/welcome")
        assert answer.status == 400


def test_passwords_cannot_be_tried_for_long_even_from_other_places(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        told = {"email": "ada@example.com", "password": "not the right one"}
        statuses = [stand.visitor().post("/sign-in", told, seen="/sign-in").status for _ in range(7)]
        assert statuses == [403, 403, 403, 403, 403, 429, 429]


def test_what_another_site_sends_is_not_done(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        owner = stand.member(Role.OWNER)
        answer = owner.post("/sign-out", seen="/queue", origin="https://evil.example")
        assert answer.status == 403
        assert owner.get("/queue").status == 200


def test_a_form_without_the_token_of_its_page_is_not_done(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        owner = stand.member(Role.OWNER)
        assert owner.post("/sign-out", {"csrf": "0.0"}, seen="/queue").status == 403
        assert owner.get("/queue").status == 200
        assert owner.post("/sign-out", seen="/queue").status == 303
        assert owner.get("/queue").status == 303


def test_every_answer_has_the_safe_headers(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        for path in ("/sign-in", "/queue", "/nowhere", "/static/mesrai.css"):
            headers = stand.member(Role.OWNER).get(path).headers
            assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; ")
            assert headers["x-content-type-options"] == "nosniff"


def test_the_way_back_after_signing_in_leads_nowhere_else() -> None:
    told = ["/queue?a=b", "//evil.example", "https://evil.example", "/\\evil.example", "\t//evil", "javascript:1", ""]
    assert [inner(each) for each in told] == ["/queue?a=b", "/", "/", "/", "/", "/", "/"]


def test_pages_fit_a_phone_and_are_accessible_in_the_dark(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_window(browser, stand.member(Role.OWNER), size=PHONE, dark=True) as page:
        page.goto("/queue")
        assert faults_of(page) == []
        assert overflow_of(page) == 0
        page.get_by_text("Menu").click()
        expect(page.get_by_role("link", name="Models")).to_be_visible()
