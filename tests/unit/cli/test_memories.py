"""`mesrai memories` as people and programs use it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.in_process import mesrai_here
from tests.repositories import Repository, a_repository
from tests.sandbox_server import running_sandbox
from tests.terminal import Ran, clean_environment, connected

from mesrai.domain.memory import Memory, MemoryState
from mesrai.domain.policy_file import read_rule_file
from mesrai.store.memories import add_memory
from mesrai.store.opening import open_database

SHOP = "github.com/acme/shop"
Mesrai = Callable[..., Ran]


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    """A clone of acme/shop with an uncommitted change."""
    repository = a_repository(tmp_path / "shop", {"src/cart.py": "total = 0\n"})
    repository.git("remote", "add", "origin", f"https://ann:t0ken@{SHOP}.git")
    repository.write("src/cart.py", "total = 1 / 0\n")
    return repository


@pytest.fixture
def run(shop: Repository) -> Mesrai:
    """The command in that clone, with a database of its own."""
    env = clean_environment(shop.root) | {"MESRAI_DATABASE_URL": _url(shop)}
    return lambda *arguments: mesrai_here(*arguments, cwd=shop.root, env=env)


def _url(shop: Repository) -> str:
    return f"sqlite:///{shop.root.parent / 'mesrai.db'}"


def listed(run: Mesrai, *options: str) -> list[dict[str, Any]]:
    ran = run("memories", "list", "--json", *options)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)["memories"]
    assert isinstance(found, list)
    return found


def wait_for_approval(shop: Repository, text: str) -> None:
    """Somebody said so in a comment."""
    said = Memory(
        id=0, text=text, repository=SHOP, state=MemoryState.PENDING, author="eve", origin=f"{SHOP}#7, comment 50"
    )

    async def add() -> None:
        async with open_database(_url(shop)) as database:
            await add_memory(database, said, organisation="default")

    asyncio.run(add())


def test_without_a_store_nothing_is_remembered_and_none_is_made(run: Mesrai, shop: Repository) -> None:
    assert "Nothing is remembered" in run("memories", "list").out
    assert listed(run) == []
    assert not (shop.root.parent / "mesrai.db").exists()


def test_memories_are_added_with_their_reach_and_listed_newest_first(run: Mesrai) -> None:
    assert run("memories", "add", "Money is in cents.").code == 0
    assert run("memories", "add", "SQL is loud.", "--path", "*.sql", "--path", "db/**").code == 0
    assert run("memories", "add", "Dates are UTC.", "--organisation").code == 0
    assert run("memories", "add", "Other.", "--repository", "github.com/acme/other").code == 0
    found = listed(run)
    assert [(each["text"], each["scope"], each["repository"], each["paths"]) for each in found] == [
        ("Other.", "repository", "github.com/acme/other", []),
        ("Dates are UTC.", "organisation", None, []),
        ("SQL is loud.", "directory", SHOP, ["*.sql", "db/**"]),
        ("Money is in cents.", "repository", SHOP, []),
    ]
    assert {each["state"] for each in found} == {"active"}
    assert [each["id"] for each in listed(run, "--repository", "acme/shop")] == [3, 2, 1]
    assert run("memories", "list").out.splitlines() == [
        "no.  state   holds for                  text",
        "  4  active  acme/other                 Other.",
        "  3  active  all repositories           Dates are UTC.",
        "  2  active  *.sql, db/** of acme/shop  SQL is loud.",
        "  1  active  acme/shop                  Money is in cents.",
    ]


def test_what_waits_is_approved_discarded_and_removed(run: Mesrai, shop: Repository) -> None:
    run("memories", "add", "First.")
    wait_for_approval(shop, "Money is in cents.")
    (waiting,) = listed(run, "--pending")
    assert (waiting["id"], waiting["author"], waiting["origin"]) == (2, "eve", f"{SHOP}#7, comment 50")
    assert "1 waits for approval: mesrai memories apply NUMBER" in run("memories", "list").out
    assert "Reviews are told of it from now on." in run("memories", "apply", "2").out
    assert [each["state"] for each in listed(run)] == ["active", "active"]
    assert "not told of it" in run("memories", "discard", "2").out
    assert [each["id"] for each in listed(run)] == [1]
    shown = run("memories", "show", "2").out
    assert "Memory 2 (discarded), for acme/shop:" in shown
    assert "Decided by" in shown
    assert json.loads(run("memories", "remove", "2", "--json").out)["memory"]["text"] == "Money is in cents."
    gone = run("memories", "show", "2")
    assert (gone.code, gone.out) == (2, "")
    assert "There is no memory 2." in gone.err
    assert "memory.remove" in run("byok", "audit").out


def test_a_rule_file_is_made_of_a_memory(run: Mesrai, shop: Repository) -> None:
    run("memories", "add", "Money is in cents. Never floats.", "--path", "src/**")
    printed = run("memories", "to-rule", "1")
    rule = read_rule_file(printed.out.encode(), "x.md")
    assert (rule.title, rule.rule, rule.paths) == (
        "Money is in cents", "Money is in cents. Never floats.", ("src/**",)
    )  # fmt: skip
    assert ".mesrai/rules/money-is-in-cents.md" in printed.err
    assert run("memories", "to-rule", "1", "-o", "rule.md").code == 0
    assert (shop.root / "rule.md").read_text() == printed.out
    again = run("memories", "to-rule", "1", "-o", "rule.md")
    assert (again.code, "cannot be written" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", "x", "--organisation", "--path", "a"], "--organisation goes with neither"),
        (["add", "x", "--repository", "acme/shop"], "like github.com/owner/name"),
        (["add", "…"], "it says nothing"),
        (["add", "x" * 2_001], "longer than"),
        (["add", "x", "--path", "!"], "the pattern is empty"),
        (["list", "--pending", "--all"], "do not go together"),
        (["show", "0"], "0 is not in the range"),
        (["apply", "7"], "There is no memory 7"),
        (["to-rule", "x"], "not a valid integer"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage_and_changes_nothing(run: Mesrai, arguments: list[str], told: str) -> None:
    ran = run("memories", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in " ".join(ran.err.split())
    assert listed(run, "--all") == []


def test_a_folder_without_a_remote_must_be_told_where_a_memory_holds(tmp_path: Path) -> None:
    for folder in (a_repository(tmp_path / "alone", {"a": "b\n"}).root, tmp_path):
        ran = mesrai_here("memories", "add", "x", cwd=folder, env=clean_environment(tmp_path / "alone"))
        assert ran.code == 2
        assert "--repository github.com/owner/name" in ran.err


def test_a_secret_is_not_kept_and_nothing_acts_on_the_terminal(run: Mesrai) -> None:
    key = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    run("memories", "add", f"Use {key}\x1b[31m here.", "--path", "src/\u2603/**")
    shown = run("memories", "show", "1").out + run("memories", "list").out
    assert (key in shown, "\x1b" in shown) == (False, False)
    assert "[redacted" in shown
    bad = run("memories", "add", "x", "--path", "a\x1bb")
    assert (bad.code, "\x1b" in bad.err) == (2, False)


def test_a_review_in_the_terminal_is_told_of_what_holds_here(run: Mesrai, shop: Repository) -> None:
    run("memories", "add", "Carts are counted in cents.", "--path", "src/**")
    run("memories", "add", "Elsewhere only.", "--repository", "github.com/acme/other")
    run("memories", "add", "Everybody writes dates in UTC.", "--organisation")
    with running_sandbox() as sandbox:
        env = clean_environment(shop.root) | connected(sandbox.openai) | {"MESRAI_DATABASE_URL": _url(shop)}
        ran = mesrai_here("review", "--format", "json", cwd=shop.root, env=env)
        assert ran.code == 0, ran.err
        asked = json.dumps([each.body for each in sandbox.calls])
    assert "Carts are counted in cents." in asked
    assert "Everybody writes dates in UTC." in asked
    assert "Elsewhere only." not in asked
