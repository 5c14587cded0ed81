"""Rules, as people write, switch, exclude, export and try them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.fakes import MemorySource
from tests.memory_forge import MemoryForge
from tests.reviewing import AFTER, BEFORE, finds_one
from tests.scripted_model import ScriptedModel
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import Stand, a_site

from mesrai.domain.policy_file import read_rule_file
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.roles import Role
from mesrai.domain.saved_policy import Place
from mesrai.errors import ModelAuth
from mesrai.flows import review_once
from mesrai.forges.forge import Source
from mesrai.llm.model import Model
from mesrai.server.web.house import House
from mesrai.store.configurations import change_configuration, saved_for
from mesrai.store.repositories import Found, put_repositories
from mesrai.store.reviews import About, begin_review, tell_about

SHOP, WEB = "github.com/acme/shop", "github.com/acme/web"
AT_SHOP = f"/rules?repository={SHOP}"
RULES = """\
rules:
- title: Cents
  rule: Money is in cents.
  severity: high
  path: ['src/**']
  examples:
  - {snippet: price = 1999, isCorrect: true}
"""


@dataclass
class Trials:
    """What trials get instead of GitHub and a paid model."""

    model: ScriptedModel = field(default_factory=lambda: ScriptedModel(finds_one))
    forge: MemoryForge = field(default_factory=MemoryForge)
    asked_for: list[str] = field(default_factory=list)

    def into(self, house: House) -> House:
        @asynccontextmanager
        async def source(_pull_request: PullRequest, _since: str) -> AsyncIterator[Source]:
            yield MemorySource({"cart.py": BEFORE}, {"cart.py": AFTER})

        @asynccontextmanager
        async def model(_pull_request: PullRequest) -> AsyncIterator[Model]:
            yield self.model

        @asynccontextmanager
        async def reading(name: str) -> AsyncIterator[review_once.Desk]:
            self.asked_for.append(name)
            yield review_once.Desk(forge=self.forge, source=source, model=model, analysers=())

        return replace(house, reading=reading)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture
def trials() -> Trials:
    return Trials()


@pytest.fixture
def stand(tmp_path: Path, trials: Trials) -> Iterator[Stand]:
    with a_site(tmp_path, change=trials.into) as made:
        database = made.house.database
        found = [Found(name=name, installation=None, is_private=False) for name in (SHOP, WEB)]
        made.run(put_repositories(database, made.house.organisation, found))
        subject = f"{SHOP}#7"
        made.run(begin_review(database, review="job-1", subject=subject, head_sha="a" * 40, organisation="default"))
        made.run(tell_about(database, "job-1", About(title="Discounts", author="ada", trigger="opened")))
        yield made


def save(stand: Stand, place: Place, text: str) -> None:
    stand.run(change_configuration(stand.house.database, stand.house.organisation, place, lambda _: text, who="ada"))


def saved(stand: Stand, repository: str = "") -> str:
    kept = stand.run(saved_for(stand.house.database, stand.house.organisation, repository))
    return kept.repository if repository else kept.organisation


def test_a_rule_is_written_edited_switched_off_and_deleted(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto("/rules")
        expect(page.get_by_text("No rule stands here.")).to_be_visible()
        page.get_by_role("link", name="New rule").click()
        page.get_by_label("Name", exact=True).fill("Cents: always")
        page.get_by_label("What it asks for").fill("Money is in cents.\nNever a float.")
        page.get_by_label("How bad it is to break it").select_option("critical")
        page.get_by_label("Paths").fill("src/**\n/")
        page.get_by_label("python").check()
        page.get_by_label("Right 1").fill("price = 1999")
        page.get_by_label("Wrong 1").fill("price = 19.99")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#path-hint")).to_contain_text("path[2]")
        expect(page.get_by_label("Wrong 1")).to_have_value("price = 19.99")
        expect(page.get_by_label("python")).to_be_checked()
        page.get_by_label("Paths").fill("src/**")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("“Cents: always” is saved")
        page.get_by_role("link", name="Edit Cents: always").click()
        expect(page.get_by_label("Right 1")).to_have_value("price = 1999")
        page.get_by_label("Name", exact=True).fill("Cents")
        page.get_by_role("button", name="Save").click()
        assert saved(stand) == (
            "rules:\n- title: Cents\n  rule: |-\n    Money is in cents.\n    Never a float.\n  severity: critical\n"
            "  scope: file\n  path:\n  - src/**\n  languages:\n  - python\n  examples:\n"
            "  - snippet: price = 1999\n    isCorrect: true\n  - snippet: price = 19.99\n    isCorrect: false\n"
        )
        page.get_by_role("button", name="Switch off Cents").click()
        expect(page.get_by_text("switched off", exact=True)).to_be_visible()
        page.get_by_role("button", name="Switch on Cents").click()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete Cents").click()
        expect(page.get_by_role("status")).to_contain_text("“Cents” is deleted.")
        assert saved(stand) == ""


def test_an_inherited_rule_is_excluded_here_and_taken_over_again(stand: Stand, browser: Browser) -> None:
    save(stand, Place(), RULES)
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto(AT_SHOP)
        rule = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Cents"))
        expect(rule).to_contain_text("what is saved for the organisation")
        expect(rule.get_by_role("link", name="Edit")).to_have_count(0)
        rule.get_by_role("button", name="Exclude here Cents").click()
        expect(rule).to_contain_text("excluded here")
        assert saved(stand, SHOP) == "excludedRules:\n- Cents\n"
        rule.get_by_role("button", name="Take over again Cents").click()
        assert saved(stand, SHOP) == ""


def test_a_rule_is_exported_as_a_file_that_says_the_same(stand: Stand) -> None:
    save(stand, Place(), RULES)
    answer = stand.member(Role.MEMBER).get(f"/rules/file?repository={SHOP}&title=Cents")
    assert answer.headers["content-disposition"] == 'attachment; filename="cents.md"'
    rule = read_rule_file(answer.text.encode(), "cents.md")
    assert (rule.title, rule.rule, str(rule.severity), rule.paths) == (
        "Cents",
        "Money is in cents.",
        "high",
        ("src/**",),
    )
    assert [each.snippet for each in rule.examples] == ["price = 1999"]


def test_a_rule_is_tried_on_a_past_change_after_its_cost_was_told(
    stand: Stand, browser: Browser, trials: Trials
) -> None:
    save(stand, Place(), RULES.replace("src/**", "*.py"))
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto(AT_SHOP)
        page.get_by_role("link", name="Try Cents").click()
        expect(page.get_by_label("A pull request that was reviewed")).to_contain_text("acme/shop#7 Discounts")
        page.get_by_role("button", name="What would it cost?").click()
        expect(page.locator("#trial")).to_contain_text("Trying the rule on it would cost about")
        assert trials.model.prompts == []
        page.get_by_role("button", name="Try it").click()
        expect(page.get_by_role("heading", name="Divides by zero for an empty cart")).to_be_visible()
        expect(page.locator("#trial")).to_contain_text("return sum(items) / len(items)")
        assert "Money is in cents." in trials.model.prompts[0].system
        assert faults_of(page) == []
    assert (trials.forge.writes, set(trials.asked_for)) == ([], {SHOP})


def test_a_trial_that_fails_says_so_and_without_scripts_too(stand: Stand, browser: Browser, trials: Trials) -> None:
    save(stand, Place(), RULES.replace("src/**", "*.py"))
    trials.model.script = lambda _: ModelAuth("The key is wrong.")
    with a_window(browser, stand.member(Role.OWNER), scripts=False) as page:
        page.goto("/rules/try?title=Cents")
        page.get_by_label("with the number").fill("7")
        page.get_by_role("button", name="Try it").click()
        expect(page.get_by_role("alert").first).to_contain_text("Nothing could be checked: ")
        expect(page.locator("#trial")).to_contain_text("The key is wrong.")
        expect(page.get_by_text("Nothing breaks the rule")).to_have_count(0)


def test_without_a_connected_host_a_trial_says_what_is_missing(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand:
        found = [Found(name=SHOP, installation=None, is_private=False)]
        stand.run(put_repositories(stand.house.database, stand.house.organisation, found))
        save(stand, Place(), RULES)
        with a_window(browser, stand.member(Role.OWNER)) as page:
            page.goto(f"/rules/try?repository={SHOP}&title=Cents")
            page.get_by_label("Its number").fill("7")
            page.get_by_role("button", name="Try it").click()
            expect(page.locator("#trial").get_by_role("alert")).to_contain_text("No code host is connected")


@pytest.mark.parametrize("path", [AT_SHOP, "/rules/edit?title=Cents", "/rules/try?title=Cents"])
def test_the_pages_are_accessible_dark_and_on_a_phone(stand: Stand, browser: Browser, path: str) -> None:
    save(stand, Place(), RULES)
    owner = stand.member(Role.OWNER)
    for size, dark in ((None, False), (None, True), (PHONE, False)):
        with a_window(browser, owner, size=size, dark=dark) as page:
            page.goto(path)
            assert (faults_of(page), overflow_of(page)) == ([], 0)


def test_a_repository_admin_changes_and_tries_the_rules_of_the_own_repositories_alone(
    stand: Stand, trials: Trials
) -> None:
    save(stand, Place(), RULES)
    admin = stand.member(Role.REPOSITORY_ADMIN, repositories=(SHOP,))

    def posted(path: str, **fields: str) -> int:
        return admin.post(path, fields, seen="/account").status

    rule = {"title": "Mine", "rule": "Do.", "severity": "low", "scope": "file", "enabled": "on", "inheritable": "on"}
    assert posted("/rules/edit", repository=SHOP, **rule) == 303
    assert [posted("/rules/edit", repository=where, **rule) for where in (WEB, "")] == [403, 403]
    for path in ("/rules/remove", "/rules/switch", "/rules/exclude", "/rules/try"):
        assert posted(path, repository="", title="Cents") == 403
        assert posted(path, repository=WEB, title="Cents", excluded="1") == 403
    assert posted("/rules/exclude", repository=SHOP, title="Cents", excluded="1") == 303
    assert posted("/rules/try", repository=SHOP, title="Cents", subject=f"{WEB}#7", action="try") == 200
    assert (trials.asked_for, trials.model.prompts) == ([], []), "a rule of one repository is not tried on another"
    assert "Delete" not in admin.get("/rules").text
    assert stand.member(Role.MEMBER).get("/rules/try?title=Cents").status == 403
