"""`mesrai rules` as people and programs use it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.in_process import mesrai_here
from tests.repositories import Repository, a_repository
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import Ran, clean_environment, connected

from mesrai.cli.rules.shared_text import shared_rule_text
from mesrai.domain.finding import Severity
from mesrai.domain.policy import Example, Rule, Scope
from mesrai.domain.policy_file import read_rule_file, read_shared_rule
from mesrai.review.render.rule_text import rule_text

Mesrai = Callable[..., Ran]
CENTS = """---
title: Cents
scope: file
path: ['*.py']
severity_min: high # for now
---
Intro.

## Instructions

Money is cents.
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    files = {".mesrai/rules/cents.md": CENTS, "a.py": "a = 1\n", "b.go": "package b\n"}
    return a_repository(tmp_path / "shop", files)


@pytest.fixture
def run(shop: Repository, sandbox: Sandbox) -> Mesrai:
    env = clean_environment(shop.root) | connected(sandbox.openai)

    def ran(*arguments: str, stdin: str = "", **more: str) -> Ran:
        return mesrai_here(*arguments, cwd=shop.root, env=env | more, stdin=stdin)

    return ran


def listed(run: Mesrai, *options: str, **env: str) -> list[dict[str, Any]]:
    ran = run("rules", "list", "--json", *options, **env)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)["rules"]
    assert isinstance(found, list)
    return found


def test_rules_of_every_level_are_listed_with_whether_they_are_checked(run: Mesrai, shop: Repository) -> None:
    central = shop.root.parent / "central" / ".mesrai-rules" / "review"
    central.mkdir(parents=True)
    (central / "utc.yml").write_text("title: UTC\nrule: Dates are UTC.\ninheritance: {exclude: [shop]}\n")
    (central / "all.yml").write_text("title: All\nrule: Be kind.\n")
    shop.write("mesrai-config.yml", "rules:\n  - title: Loud\n    rule: SQL is loud.\n    enabled: false\n")
    env = {"MESRAI_CENTRAL_CONFIG": str(shop.root.parent / "central")}
    assert {each["title"]: (each["level"], each["unused"]) for each in listed(run, **env)} == {
        "All": ("global", None),
        "UTC": ("global", "not inherited here"),
        "Loud": ("repository", "switched off"),
        "Cents": ("repository", None),
    }
    table = run("rules", "list", **env).out
    assert "high      file   *.py        repository" in table
    assert "mesrai-config.yml:2" in table
    shop.write(".mesrai/rules/bad.md", "nothing\n")
    assert "A file was not used: .mesrai/rules/bad.md:1" in run("rules", "list").out


def test_a_rule_is_viewed_by_title_by_a_part_of_it_and_by_file(run: Mesrai) -> None:
    for named in ("Cents", "cent", ".mesrai/rules/cents.md"):
        rule = json.loads(run("rules", "view", named, "--json").out)["rule"]
        assert (rule["title"], rule["rule"], rule["path"], rule["severity"]) == (
            "Cents",
            "Money is cents.",
            ["*.py"],
            "high",
        )
    assert "Cents (high, file):" in run("rules", "view", "cents").out
    missing = run("rules", "view", "euros")
    assert (missing.code, "There is no rule “euros” here" in missing.err) == (2, True)


def test_a_created_rule_is_one_that_reviews_check(run: Mesrai, shop: Repository) -> None:
    shop.write("good.py", "x = 1\n")
    ran = run(
        "rules", "create", "--title", "No floats: money", "--rule", "-", "--severity", "critical", "--path", "src/**",
        "--language", "python", "--bucket", "billing", "--good", "good.py", "--json",
        stdin="Use integers.\n\n- always\n",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["rule"]["examples"] == [{"snippet": "x = 1", "isCorrect": True}]
    read = read_rule_file((shop.root / ".mesrai/rules/no-floats-money.md").read_bytes(), "x")
    assert replace(read, origin="", examples=()) == Rule(
        title="No floats: money", rule="Use integers.\n\n- always", severity=Severity.CRITICAL, paths=("src/**",),
        languages=("python",), buckets=("billing",),
    )  # fmt: skip
    assert [each["title"] for each in listed(run)] == ["Cents", "No floats: money"]
    again = run("rules", "create", "--title", "No floats: money", "--rule", "x")
    assert (again.code, "is there already" in again.err) == (2, True)


def test_a_shared_rule_is_written_as_yaml_with_its_inheritance(run: Mesrai, shop: Repository) -> None:
    ran = run("rules", "create", "--title", "UTC", "--rule", "Dates.", "--shared", "../central", "--not-inheritable",
              "--exclude", "shop", "--scope", "pull_request")  # fmt: skip
    assert ran.code == 0, ran.err
    place = shop.root.parent / "central/.mesrai-rules/review/utc.yml"
    rule = read_shared_rule(place.read_bytes(), "x")
    assert (rule.scope, rule.is_inheritable, rule.exclude) == (Scope.PULL_REQUEST, False, ("shop",))
    assert run("rules", "update", str(place), "--inheritable", "--exclude", "").code == 0
    rule = read_shared_rule(place.read_bytes(), "x")
    assert (rule.is_inheritable, rule.exclude, rule.rule) == (True, (), "Dates.")


def test_an_update_changes_what_is_given_and_keeps_the_text(run: Mesrai, shop: Repository) -> None:
    ran = run("rules", "update", "cents", "--severity", "low", "--path", "a/**", "--path", "b/**", "--disabled")
    assert ran.code == 0, ran.err
    text = (shop.root / ".mesrai/rules/cents.md").read_text()
    rule = read_rule_file(text.encode(), "x")
    assert (rule.severity, rule.paths, rule.is_enabled) == (Severity.LOW, ("a/**", "b/**"), False)
    assert text.endswith("---\nIntro.\n\n## Instructions\n\nMoney is cents.\n")
    assert run("rules", "update", "cents", "--rule", "Other.", "--path", "").code == 0
    rule = read_rule_file((shop.root / ".mesrai/rules/cents.md").read_bytes(), "x")
    assert (rule.rule, rule.paths, rule.severity) == ("Other.", (), Severity.LOW)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", "--title", "…", "--rule", "x"], "no letters for the name"),
        (["create", "--title", "x", "--rule", "x", "--exclude", "y"], "Only shared rules"),
        (["create", "--title", "x", "--rule", "## Examples\n### Bad example\nx"], "the rule says nothing"),
        (["create", "--title", "x", "--rule", "a\n## Examples\n### Bad example\nx"], "Put it in other words"),
        (["create", "--title", "x", "--rule", "x", "--path", "!"], "the pattern is empty"),
        (["update", "cents"], "nothing to change"),
        (["update", "euros", "--severity", "low"], "There is no rule"),
        (["test", "euros"], "There is no rule"),
        (["test", "cents", "--since", "v9"], "Git knows no commit"),
        (["test", "cents", "--since", "v9", "--staged"], "do not go together"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage_and_writes_nothing(
    run: Mesrai, shop: Repository, arguments: list[str], sentence: str
) -> None:
    ran = run("rules", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in " ".join(ran.err.split())
    assert shop.git("status", "--porcelain") == ""


def test_a_rule_of_the_policy_file_is_changed_there(run: Mesrai, shop: Repository) -> None:
    shop.write("mesrai-config.yml", "rules:\n  - title: Loud\n    rule: SQL is loud.\n")
    ran = run("rules", "update", "loud", "--severity", "low")
    assert (ran.code, "stands in mesrai-config.yml:2; change it there" in ran.err) == (2, True)


def test_a_rule_is_tried_alone_on_a_past_change_after_its_cost_was_said(
    run: Mesrai, shop: Repository, sandbox: Sandbox
) -> None:
    shop.git("tag", "v1")
    shop.commit("later", {"a.py": "a = 1\nprice = 0.1\n"})
    shop.write(
        ".mesrai/rules/loud.md",
        CENTS.replace("Cents", "Loud")
        .replace("Money is cents.", "SQL is loud.")
        .replace("scope", "enabled: false\nscope"),
    )
    estimate = run("rules", "test", "loud", "--since", "v1", "--estimate")
    assert (estimate.code, "This review would cost" in estimate.out) == (0, True), estimate.err
    before = len(sandbox.stage.calls)
    ran = run("rules", "test", "loud", "--since", "v1", "--format", "json")
    assert ran.code == 0, ran.err
    assert "mesrai: trying the rule will cost" in ran.err
    assert json.loads(ran.out)["outcome"] == "reviewed"
    asked = json.dumps([call.body for call in sandbox.stage.calls[before:]])
    assert ("SQL is loud." in asked, "Money is cents." in asked) == (True, False)


def test_a_rule_that_covers_nothing_of_the_change_asks_no_model(run: Mesrai, shop: Repository) -> None:
    shop.write("b.go", "package c\n")
    ran = run("rules", "test", "cents", "--format", "json", MESRAI_API_KEY="sk-sim-bad_key")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert (told["outcome"], told["usage"]["calls"]) == ("nothing", 0)
    assert "No rule" in told["summary"]


TEXTS = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn"]), min_size=1, max_size=60)
    .map(str.strip)
    .filter(lambda text: text and not text.startswith("#"))
)


@given(TEXTS, TEXTS, st.lists(TEXTS.filter(lambda t: "`" not in t and "~" not in t), max_size=2), st.booleans())
def test_what_is_written_is_read_as_the_same_rule(title: str, text: str, snippets: list[str], is_enabled: bool) -> None:
    rule = Rule(
        title=title, rule=text, severity=Severity.LOW, languages=("go",), is_enabled=is_enabled,
        examples=tuple(Example(snippet=each, is_correct=False) for each in snippets),
    )  # fmt: skip
    assert replace(read_rule_file(rule_text(rule).encode(), "x"), origin="") == rule
    assert replace(read_shared_rule(shared_rule_text(rule).encode(), "x"), origin="") == rule
