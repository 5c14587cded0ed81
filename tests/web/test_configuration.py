"""What reviews keep to, as people set it: fields, text, folders, messages with their preview, and who may."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.fakes import MemoryFiles
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import Stand, a_site

from mesrai.domain.policy_keys import POLICY
from mesrai.domain.policy_shapes import Record
from mesrai.domain.roles import Role
from mesrai.domain.saved_policy import Place
from mesrai.flows import configuring
from mesrai.server.web.house import House
from mesrai.store.audit import entries
from mesrai.store.configurations import change_configuration, find_configuration
from mesrai.store.repositories import Found, put_repositories

SHOP, WEB = "github.com/acme/shop", "github.com/acme/web"
IN_GIT = {"mesrai-config.yml": "# ours\nmaxFiles: 40\n"}
AT_SHOP = f"/configuration?repository={SHOP}"


def with_git(house: House) -> House:
    """The house, with a file in the shop's repository."""

    async def files(name: str) -> MemoryFiles:
        return MemoryFiles(IN_GIT if name == SHOP else {}, name.partition("/")[2])

    def desk(who: str) -> configuring.Desk:
        return replace(house.configuring(who), files=files)

    return replace(house, configuring=desk)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with a_site(tmp_path, change=with_git) as made:
        found = [Found(name=name, installation=None, is_private=False) for name in (SHOP, WEB)]
        made.run(put_repositories(made.house.database, made.house.organisation, found))
        yield made


def saved(stand: Stand, place: Place) -> str:
    kept = stand.run(find_configuration(stand.house.database, stand.house.organisation, place))
    return kept.text if kept else ""


def save(stand: Stand, place: Place, text: str) -> None:
    stand.run(change_configuration(stand.house.database, stand.house.organisation, place, lambda _: text, who="ada"))


def from_words(page: Page, key: str) -> str:
    return page.locator(f"#{key.replace('.', '-')}-from").inner_text()


def test_a_value_is_set_for_all_overridden_for_a_repository_and_followed_again(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto("/configuration")
        page.get_by_label("Language", exact=True).fill("Polish")
        page.locator("#reviewOptions-security").select_option("false")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("Saved for The whole organisation")
        assert saved(stand, Place()) == "reviewOptions:\n  security: false\nlanguage: Polish\n"
        page.get_by_label("For", exact=True).select_option(SHOP)
        expect(page.get_by_label("Language", exact=True)).to_have_value("Polish")
        assert from_words(page, "language") == "From what is saved for the organisation."
        expect(page.locator("#reviewOptions-security").locator("option").first).to_have_text("Follow: no")
        page.get_by_label("Language", exact=True).fill("Dutch")
        page.get_by_role("button", name="Save").click()
        assert from_words(page, "language") == "Set here; without it: Polish."
        assert saved(stand, Place(repository=SHOP)) == "language: Dutch\n"
        page.get_by_label("Override here: Language").uncheck()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_label("Language", exact=True)).to_have_value("Polish")
        assert saved(stand, Place(repository=SHOP)) == ""
        page.get_by_role("link", name="what is saved for the organisation").first.click()
        expect(page).to_have_url(re.compile("/configuration$"))
    told = stand.run(entries(stand.house.database, stand.house.organisation))
    assert told[0].details == {"language": ["Dutch", None]}


def test_a_file_in_git_is_shown_as_where_a_value_is_from_and_wins_over_what_is_set_here(
    stand: Stand, browser: Browser
) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto(AT_SHOP)
        expect(page.get_by_label("Max files", exact=True)).to_have_value("40")
        link = page.locator("#maxFiles-from a")
        assert link.get_attribute("href") == "https://github.com/acme/shop/blob/HEAD/mesrai-config.yml#L2"
        page.get_by_label("Max files", exact=True).fill("7")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#maxFiles-from")).to_contain_text("overruled What holds is acme/shop:mesrai-config.yml:2")
        assert saved(stand, Place(repository=SHOP)) == "maxFiles: 7\n"


def test_what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER), scripts=False) as page:
        page.goto("/configuration")
        page.get_by_label("Max files", exact=True).fill("many")
        page.get_by_label("Ignored title keywords", exact=True).fill("WIP")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".setting", has=page.locator("#maxFiles")).get_by_role("alert")).to_have_text(
            "maxFiles must be a whole number from 0 to 999999, not many"
        )
        expect(page.get_by_label("Max files", exact=True)).to_have_value("many")
        expect(page.get_by_label("Ignored title keywords", exact=True)).to_have_value("WIP")
        assert saved(stand, Place()) == ""
        page.get_by_label("Max files", exact=True).fill("9")
        page.get_by_role("button", name="Save").click()
        assert saved(stand, Place()) == "ignoredTitleKeywords:\n- WIP\nmaxFiles: 9\n"


def test_every_key_of_the_policy_has_a_field(stand: Stand) -> None:
    def keys(record: Record, prefix: str = "") -> Iterator[str]:
        for each in record.fields:
            if isinstance(each.shape, Record):
                yield from keys(each.shape, f"{prefix}{each.name}.")
            else:
                yield prefix + each.name

    text = stand.member(Role.OWNER).get("/configuration").text
    missing = [key for key in keys(POLICY) if key != "rules" and f'name="{key}"' not in text]
    assert missing == []


def test_the_text_is_checked_while_it_is_typed_and_saved_with_its_comments(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto(AT_SHOP)
        page.get_by_role("link", name="As text").click()
        page.get_by_label("Text", exact=True).fill("language: Polish\nmaxFile: 3\n")
        expect(page.locator("#problems")).to_contain_text("Line 2: unknown key `maxFile`; did you mean `maxFiles`?")
        page.get_by_label("Text", exact=True).fill("# why\nmaxFiles: 3\n")
        expect(page.locator("#problems")).to_contain_text("It can be saved.")
        assert faults_of(page) == []
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("Saved for acme/shop")
        assert saved(stand, Place(repository=SHOP)) == "# why\nmaxFiles: 3\n"
        save(stand, Place(repository=SHOP), "maxFiles: 4\n")
        page.get_by_label("Text", exact=True).fill("maxFiles: 5\n")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("Somebody changed it meanwhile.")
        expect(page.get_by_label("Text", exact=True)).to_have_value("maxFiles: 5\n")
        assert saved(stand, Place(repository=SHOP)) == "maxFiles: 4\n"


def test_a_message_is_shown_as_it_would_be_said_while_it_is_typed(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto("/configuration")
        page.get_by_label("Start review message", exact=True).fill("<b>Hello</b>: @changedSummary")
        preview = page.locator("#preview-customMessages-startReviewMessage")
        expect(preview).to_contain_text("<b>Hello</b>: 2 files changed, 3 lines added, 1 line removed")
        page.get_by_role("button", name="Save").click()
        expect(preview).to_contain_text("2 files changed")
        expect(page.locator("#preview-customMessages-endReviewMessage")).to_contain_text("Nothing is said.")


def test_a_folder_is_added_configured_and_removed_and_none_lies_in_another(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto(AT_SHOP)
        page.get_by_label("Folder", exact=True).fill("packages/api")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("heading", name="packages/api in acme/shop")).to_be_visible()
        page.get_by_label("Max suggestions", exact=True).fill("3")
        page.get_by_role("button", name="Save").click()
        assert (
            saved(stand, Place(repository=SHOP, folder="packages/api")) == "suggestionControl:\n  maxSuggestions: 3\n"
        )
        page.goto(AT_SHOP)
        page.locator("#new").fill("packages")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("alert")).to_contain_text("lie in one another; configured folders may not.")
        page.get_by_role("link", name="packages/api").click()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove this folder's configuration").click()
        expect(page.get_by_role("status")).to_contain_text("packages/api follows the repository again.")


@pytest.mark.parametrize("path", ["/configuration", AT_SHOP, f"/configuration/text?repository={SHOP}"])
def test_the_pages_are_accessible_dark_and_on_a_phone(stand: Stand, browser: Browser, path: str) -> None:
    save(stand, Place(), "language: Polish\nmaxFiles: 3\n")
    owner = stand.member(Role.OWNER)
    for size, dark in ((None, False), (None, True), (PHONE, False)):
        with a_window(browser, owner, size=size, dark=dark) as page:
            page.goto(path)
            assert (faults_of(page), overflow_of(page)) == ([], 0)


def test_a_repository_admin_changes_the_own_repositories_alone(stand: Stand) -> None:
    admin = stand.member(Role.REPOSITORY_ADMIN, repositories=("github.com/Acme/Shop",))
    assert "<button>Save</button>" in admin.get(AT_SHOP).text
    assert "<button>Save</button>" not in admin.get("/configuration").text
    told = {"maxFiles": "5", "here.maxFiles": "on"}
    assert admin.post("/configuration", {"repository": SHOP, **told}, seen="/account").status == 303
    other = admin.post("/configuration", {"repository": WEB, **told}, seen="/account")
    assert (other.status, "acme/web is not among the repositories you may change" in other.text) == (403, True)
    assert admin.post("/configuration", told, seen="/account").status == 403
    assert admin.post("/configuration/text", {"text": "maxFiles: 1", "seen": ""}, seen="/account").status == 403
    assert admin.post("/configuration/folders", {"repository": WEB, "new": "api"}, seen="/account").status == 403
    assert [saved(stand, place) for place in (Place(repository=SHOP), Place(repository=WEB), Place())] == [
        "maxFiles: 5\n",
        "",
        "",
    ]
    member = stand.member(Role.MEMBER)
    assert (
        member.get(AT_SHOP).status,
        member.post("/configuration", {"repository": SHOP, **told}, seen="/account").status,
    ) == (
        200,
        403,
    )


def test_a_repository_that_is_not_known_is_refused(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    assert owner.get("/configuration?repository=github.com/eve/x").status == 400
    assert (
        owner.post("/configuration", {"repository": "github.com/eve/x", "maxFiles": "5"}, seen="/account").status == 400
    )


def test_with_a_central_repository_the_pages_say_why_nothing_can_be_changed(tmp_path: Path) -> None:
    with a_site(tmp_path, env={"MESRAI_CENTRAL_REPOSITORY": "acme/rules"}) as stand:
        owner = stand.member(Role.OWNER)
        for path in ("/configuration", "/configuration/text", "/rules"):
            text = owner.get(path).text
            assert 'central repository <a href="https://github.com/acme/rules"' in text
            assert "<button>Save</button>" not in text
        answer = owner.post("/configuration", {"maxFiles": "5", "here.maxFiles": "on"}, seen="/account")
        assert (answer.status, "The central repository acme/rules configures the reviews" in answer.text) == (403, True)
        assert saved(stand, Place()) == ""
