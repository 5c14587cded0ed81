"""Memories, as people approve, discard, write, change and delete them, and make rules of them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import Stand, a_site

from mesrai.domain.memory import Memory, MemoryScope, MemoryState
from mesrai.domain.roles import Role
from mesrai.store.audit import entries
from mesrai.store.configurations import saved_for
from mesrai.store.memories import add_memory, find_memory, list_memories
from mesrai.store.repositories import Found, put_repositories

SHOP, WEB = "github.com/acme/shop", "github.com/acme/web"
CENTS = Memory(
    id=0,
    text="Money is in cents.",
    scope=MemoryScope.DIRECTORY,
    repository=SHOP,
    paths=("src/**",),
    author="grace",
    origin=f"{SHOP}#7, thread 12, comment 55",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with a_site(tmp_path) as made:
        found = [Found(name=name, installation=None, is_private=False) for name in (SHOP, WEB)]
        made.run(put_repositories(made.house.database, made.house.organisation, found))
        yield made


def remembered(stand: Stand, memory: Memory = CENTS, **changes: Any) -> int:
    memory = replace(memory, **changes)
    return stand.run(add_memory(stand.house.database, memory, organisation=stand.house.organisation)).id


def kept(stand: Stand, number: int) -> Memory | None:
    return stand.run(find_memory(stand.house.database, stand.house.organisation, number))


def test_what_waits_is_counted_shown_with_who_said_it_where_and_approved(stand: Stand, browser: Browser) -> None:
    number = remembered(stand, state=MemoryState.PENDING)
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto("/")
        page.get_by_role("link", name="Memories 1 to approve").click()
        page.get_by_role("link", name="1 waits for approval.").click()
        memory = page.locator(f"#memory-{number}")
        expect(memory).to_contain_text("said by grace")
        link = memory.get_by_role("link", name="acme/shop#7")
        assert link.get_attribute("href") == "https://github.com/acme/shop/pull/7#discussion_r55"
        memory.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("status")).to_contain_text("Reviews are told of it from now on.")
        expect(page.get_by_text("Nothing waits for approval.")).to_be_visible()
        expect(page.get_by_role("link", name="Memories", exact=True)).to_be_visible()
    now = kept(stand, number)
    assert now is not None
    assert (now.state, now.decided_by) == (MemoryState.ACTIVE, "owner-0@example.com")


def test_one_is_written_changed_discarded_and_deleted(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto("/memories")
        page.get_by_role("link", name="Add one").click()
        page.get_by_label("What is to be remembered").fill("…")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_have_text("This cannot be remembered: it says nothing.")
        page.get_by_label("What is to be remembered").fill("Times are in UTC.")
        page.get_by_label("It holds for").select_option("organisation")
        page.get_by_role("button", name="Save").click()
        (memory,) = stand.run(list_memories(stand.house.database, stand.house.organisation))
        assert (memory.text, memory.scope, memory.repository) == ("Times are in UTC.", MemoryScope.ORGANISATION, "")
        page.get_by_role("link", name="Edit memory").click()
        page.get_by_label("It holds for").select_option("directory")
        page.get_by_label("Repository", exact=True).select_option(WEB)
        page.get_by_label("Paths").fill("src/**\ndb/**")
        page.get_by_role("button", name="Save").click()
        changed = kept(stand, memory.id)
        assert changed is not None
        assert (changed.repository, changed.paths, changed.author) == (WEB, ("src/**", "db/**"), memory.author)
        page.get_by_role("button", name="Discard memory").click()
        expect(page.get_by_text("Nothing is remembered yet.")).to_be_visible()
        page.get_by_label("Which").select_option("discarded")
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete memory").click()
        expect(page.get_by_role("status")).to_contain_text("is deleted.")
        assert kept(stand, memory.id) is None
    told = [each.what for each in stand.run(entries(stand.house.database, stand.house.organisation))]
    assert told == ["memory.remove", "memory.discard", "memory.change", "memory.add"]


def test_a_rule_is_made_of_one_which_is_discarded_then(stand: Stand, browser: Browser) -> None:
    number = remembered(stand)
    with a_window(browser, stand.member(Role.OWNER)) as page:
        page.goto("/memories")
        page.get_by_role("link", name=f"Make a rule of it memory {number}").click()
        expect(page.get_by_label("What it asks for")).to_have_value("Money is in cents.")
        expect(page.get_by_label("Paths")).to_have_value("src/**")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").first).to_contain_text(f"Memory {number} is discarded.")
    now = kept(stand, number)
    assert now is not None
    assert now.state is MemoryState.DISCARDED
    text = stand.run(saved_for(stand.house.database, stand.house.organisation, SHOP)).repository
    assert text.startswith("rules:\n- title: Money is in cents\n  rule: Money is in cents.\n")


@pytest.mark.parametrize("path", ["/memories", "/memories/edit?id=1"])
def test_the_pages_are_accessible_dark_and_on_a_phone(stand: Stand, browser: Browser, path: str) -> None:
    remembered(stand)
    remembered(stand, state=MemoryState.PENDING, origin=f"{SHOP}#8, comment 9")
    owner = stand.member(Role.OWNER)
    for size, dark in ((None, False), (None, True), (PHONE, False)):
        with a_window(browser, owner, size=size, dark=dark) as page:
            page.goto(path)
            assert (faults_of(page), overflow_of(page)) == ([], 0)


def test_a_repository_admin_decides_on_those_of_the_own_repositories_alone(stand: Stand) -> None:
    mine = remembered(stand)
    other = remembered(stand, repository=WEB, origin="")
    for_all = remembered(stand, Memory(id=0, text="Times are in UTC.", scope=MemoryScope.ORGANISATION))
    admin = stand.member(Role.REPOSITORY_ADMIN, repositories=(SHOP,))

    def posted(path: str, **fields: str) -> int:
        return admin.post(path, fields, seen="/account").status

    decided = [posted("/memories/decide", id=str(number), action="discard") for number in (mine, other, for_all)]
    assert decided == [303, 403, 403]
    words = {"text": "x is y", "scope": "repository"}
    assert posted("/memories/edit", repository=SHOP, **words) == 303
    assert posted("/memories/edit", repository=WEB, **words) == 403
    assert posted("/memories/edit", text="x is y", scope="organisation") == 403
    assert posted("/memories/edit", id=str(other), repository=SHOP, **words) == 403, "nor taken from another"
    assert posted("/memories/edit", id=str(mine), repository=WEB, **words) == 403, "nor given to another"
    rule = {"title": "A", "rule": "Do.", "severity": "low", "scope": "file", "repository": SHOP}
    assert posted("/rules/edit", memory=str(other), discard="on", **rule) == 403
    left = kept(stand, other)
    assert left is not None
    assert left.state is MemoryState.ACTIVE
    assert stand.member(Role.MEMBER).get("/memories").text.count('<button name="action"') == 0
