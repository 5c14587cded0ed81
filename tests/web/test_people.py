"""Members, invitations, one's own account."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import PASSWORD, Stand, a_site

from mesrai.domain.roles import Right, Role
from mesrai.store.accounts import members
from mesrai.store.audit import entries
from mesrai.store.tokens import find_bearer


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with a_site(tmp_path_factory.mktemp("people")) as made:
        yield made


def roles(stand: Stand) -> dict[str, Role]:
    return {each.email: each.role for each in stand.run(members(stand.house.database, stand.house.organisation))}


def test_somebody_is_invited_joins_gets_another_role_and_is_removed(stand: Stand, browser: Browser) -> None:
    owner = stand.member(Role.OWNER)
    with a_window(browser, owner) as page:
        page.goto("/people")
        page.get_by_label("E-mail").fill("Grace@example.com")
        page.locator("form[action='/people/invite']").get_by_label("Role", exact=True).select_option("billing")
        page.get_by_role("button", name="Invite").click()
        expect(page.get_by_role("heading", name="Grace@example.com is invited")).to_be_visible()
        code = page.locator("#code").inner_text()
        assert faults_of(page) == []
    with a_window(browser, stand.visitor()) as page:
        page.goto("/join")
        page.get_by_label("Invitation code").fill(code)
        page.get_by_label("E-mail").fill("grace@example.com")
        page.get_by_label("Name").fill("Grace")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("link", name="Grace")).to_be_visible()
        assert roles(stand)["grace@example.com"] is Role.BILLING
        with a_window(browser, owner) as other:
            other.goto("/people")
            row = other.get_by_role("row", name=re.compile("grace@example.com"))
            row.get_by_text("Change").first.click()
            row.get_by_label("Role", exact=True).select_option("member")
            row.get_by_role("button", name="Change the role").click()
            expect(other.get_by_role("status")).to_have_text("Grace has another role now.")
            assert roles(stand)["grace@example.com"] is Role.MEMBER
            other.on("dialog", lambda dialog: dialog.accept())
            row = other.get_by_role("row", name=re.compile("grace@example.com"))
            row.get_by_text("Change").first.click()
            row.get_by_role("button", name="Remove").click()
            expect(other.get_by_role("status")).to_contain_text("Grace is no member any more")
        page.goto("/account")
        expect(page.get_by_role("heading")).to_have_text("Sign in")


def test_an_invitation_is_for_one_address_and_works_once(stand: Stand) -> None:
    shown = stand.member(Role.ADMIN).post(
        "/people/invite", {"email": "kay@example.com", "role": "member"}, seen="/people"
    )
    found = re.search(r'id="code">([^<]+)<', shown.text)
    assert found is not None
    told = {"code": found[1], "email": "eve@example.com", "name": "Eve", "password": PASSWORD}
    assert "for another address" in stand.visitor().post("/join", told, seen="/join").text
    told["email"] = "kay@example.com"
    assert stand.visitor().post("/join", told, seen="/join").status == 303
    assert "wrong, was used" in stand.visitor().post("/join", told, seen="/join").text


def test_an_admin_makes_no_owner_and_changes_none(stand: Stand) -> None:
    stand.member(Role.OWNER)
    admin = stand.member(Role.ADMIN)
    invited = admin.post("/people/invite", {"email": "own@example.com", "role": "owner"}, seen="/people")
    assert "cannot make or change members who are owner" in invited.text
    everybody = stand.run(members(stand.house.database, stand.house.organisation))
    owner = next(each for each in everybody if each.role is Role.OWNER)
    admin.post(f"/people/{owner.account}/role", {"role": "member"}, seen="/people")
    admin.post(f"/people/{owner.account}/remove", seen="/people")
    assert roles(stand)[owner.email] is Role.OWNER


def test_the_last_owner_stays_one(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        owner = stand.member(Role.OWNER)
        number = stand.run(members(stand.house.database, stand.house.organisation))[0].account
        owner.post(f"/people/{number}/role", {"role": "member"}, seen="/people")
        owner.post(f"/people/{number}/remove", seen="/people")
        assert roles(stand) == {owner.email: Role.OWNER}


def test_a_token_may_what_it_was_given_and_what_its_member_still_may(stand: Stand) -> None:
    admin = stand.member(Role.ADMIN)
    shown = admin.post("/account/tokens", {"token_name": "CI", "days": "30", "right": "see_usage"}, seen="/account")
    found = re.search(r"mesrai_[A-Za-z0-9_-]{43}", shown.text)
    assert found is not None
    bearer = stand.run(find_bearer(stand.house.database, found[0]))
    assert bearer is not None
    assert bearer.rights == {Right.SEE_USAGE}
    number = bearer.member.account
    stand.member(Role.OWNER).post(f"/people/{number}/role", {"role": "member"}, seen="/people")
    bearer = stand.run(find_bearer(stand.house.database, found[0]))
    assert bearer is not None
    assert bearer.rights == set()
    assert found[0] not in admin.get("/account").text
    admin.post("/account/tokens/end", {"token": str(bearer.token)}, seen="/account")
    assert stand.run(find_bearer(stand.house.database, found[0])) is None


def test_a_member_gives_a_token_no_right_of_others(stand: Stand) -> None:
    member = stand.member(Role.MEMBER)
    told = {"token_name": "CI", "days": "30", "right": "edit_people"}
    answer = member.post("/account/tokens", told, seen="/account")
    assert "Your role does not allow that." in answer.text
    assert "mesrai_" not in answer.text.replace("mesrai_session", "")


def test_a_new_password_ends_the_other_sessions(stand: Stand) -> None:
    shown = stand.member(Role.ADMIN).post(
        "/people/invite", {"email": "ida@example.com", "role": "member"}, seen="/people"
    )
    code = re.findall(r'id="code">([^<]+)<', shown.text)[0]
    here, there = stand.visitor(), stand.visitor()
    here.post("/join", {"code": code, "email": "ida@example.com", "name": "Ida", "password": PASSWORD}, seen="/join")
    there.post("/sign-in", {"email": "ida@example.com", "password": PASSWORD}, seen="/sign-in")
    assert there.get("/account").status == 200
    wrong = here.post("/account/password", {"old": "not it at all", "new": "other words here"}, seen="/account")
    assert "The old password is wrong." in wrong.text
    assert there.get("/account").status == 200
    here.post("/account/password", {"old": PASSWORD, "new": "other words here"}, seen="/account")
    assert (here.get("/account").status, there.get("/account").status) == (200, 303)


def test_what_people_do_stands_in_the_audit_without_codes(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    shown = owner.post("/people/invite", {"email": "mia@example.com", "role": "admin"}, seen="/people")
    code = re.findall(r'id="code">([^<]+)<', shown.text)[0]
    newest = stand.run(entries(stand.house.database, stand.house.organisation, most=1))[0]
    assert (newest.who, newest.what, newest.subject) == (owner.email, "member.invite", "mia@example.com")
    page = owner.get("/audit").text
    assert "member.invite" in page
    assert code not in page


@pytest.mark.parametrize("path", ["/people", "/account", "/audit"])
def test_pages_are_accessible_and_fit_a_phone(stand: Stand, browser: Browser, path: str) -> None:
    for is_dark in (False, True):
        with a_window(browser, stand.member(Role.OWNER), size=PHONE, dark=is_dark) as page:
            page.goto(path)
            assert faults_of(page) == []
            assert overflow_of(page) == 0
