"""`mesrai config` as people and programs use it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.in_process import mesrai_here
from tests.repositories import Repository, a_repository
from tests.terminal import Ran, clean_environment

from mesrai.cli.config.template import policy_template
from mesrai.cli.config.validate import kind_of
from mesrai.domain.policy import Policy
from mesrai.domain.policy_file import read_policy, read_values
from mesrai.domain.policy_levels import defaults

Mesrai = Callable[..., Ran]
RULE = "---\ntitle: Cents\nscope: file\npath: ['*.py']\nseverity_min: high\n---\n\n## Instructions\n\nMoney is cents.\n"
POLICY = "version: '1.2'\nsuggestionControl:\n  maxSuggestions: 3\nignorePaths: [dist/**]\n"


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    files = {"mesrai-config.yml": POLICY, ".mesrai/rules/cents.md": RULE, "lib/a.py": "a = 1\n"}
    return a_repository(tmp_path / "shop", files)


@pytest.fixture
def run(shop: Repository) -> Mesrai:
    env = clean_environment(shop.root)

    def ran(*arguments: str, **more: str) -> Ran:
        return mesrai_here(*arguments, cwd=shop.root, env=env | more)

    return ran


def shown(run: Mesrai, *options: str, **env: str) -> dict[str, Any]:
    ran = run("config", "show", "--json", *options, **env)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert isinstance(found, dict)
    return found


def test_every_key_is_shown_with_its_level_and_its_line(run: Mesrai) -> None:
    told = shown(run)
    values = {each["key"]: each for each in told["values"]}
    assert values["suggestionControl.maxSuggestions"] == {
        "key": "suggestionControl.maxSuggestions", "value": 3, "level": "repository", "origin": "mesrai-config.yml:3",
    }  # fmt: skip
    assert values["maxFiles"] == {"key": "maxFiles", "value": 200, "level": "default", "origin": None}
    assert list(values) == [key for key, _ in defaults() if key != "rules"]
    assert told["rules"] == [
        {"key": "rules", "value": "Cents", "level": "repository", "origin": ".mesrai/rules/cents.md:1"}
    ]
    table = run("config", "show", "--set").out
    assert 'ignorePaths                       ["dist/**"]  repository  mesrai-config.yml:4' in table
    assert "maxFiles" not in table


def test_a_folder_and_the_central_checkout_are_levels_of_their_own(run: Mesrai, shop: Repository) -> None:
    central = shop.root.parent / "central"
    central.mkdir()
    (central / "mesrai-config.yml").write_text("maxFiles: 7\nlanguage: German\n")
    shop.write("lib/mesrai-config.yml", "language: Welsh\n")
    key = ("--path", "lib", "language")
    told = shown(run, *key, MESRAI_CENTRAL_CONFIG=str(central))
    assert (told["folder"], told["values"]) == (
        "lib",
        [{"key": "language", "value": "Welsh", "level": "directory", "origin": "lib/mesrai-config.yml:1"}],
    )
    told = shown(run, "language", MESRAI_CENTRAL_CONFIG=str(central))
    assert told["values"][0]["value"] == "German"
    assert told["values"][0]["origin"] == f"{central}:mesrai-config.yml:2"
    assert told["rules"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["maxFile"], "There is no key maxFile. Did you mean maxFiles?"),
        (["--path", "/etc"], "is outside the repository"),
    ],
)
def test_what_cannot_be_shown_is_wrong_usage(run: Mesrai, arguments: list[str], sentence: str) -> None:
    ran = run("config", "show", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err


def test_a_repository_without_problems_is_valid(run: Mesrai, shop: Repository) -> None:
    shop.write(".mesrai-rules/memories/a.yml", "memory: Dates are UTC.\n")
    ran = run("config", "validate")
    assert (ran.code, ran.out.splitlines()) == (
        0,
        [
            ".mesrai-rules/memories/a.yml: a memory without problems",
            ".mesrai/rules/cents.md: a rule file without problems",
            "mesrai-config.yml: a policy file without problems",
        ],
    )


def test_every_problem_is_told_with_its_line(run: Mesrai, shop: Repository) -> None:
    lines = [f"unknown{number}: 1\n" for number in range(9)]
    shop.write("mesrai-config.yml", "".join(lines) + "suggestionControl:\n  maxSuggestions: many\n")
    shop.write(".mesrai/rules/bad.md", "no front matter\n")
    shop.write("a/mesrai-config.yml", "")
    shop.write("a/b/mesrai-config.yml", "")
    ran = run("config", "validate", "--json")
    found = {each["file"]: each["problems"] for each in json.loads(ran.out)["files"]}
    assert ran.code == 2
    assert [each["line"] for each in found["mesrai-config.yml"]] == [*range(1, 10), 11]
    assert "`---`" in found[".mesrai/rules/bad.md"][0]["problem"]
    assert "the folder lies in a" in found["a/b/mesrai-config.yml"][0]["problem"]
    assert found["a/mesrai-config.yml"] == []
    named = run("config", "validate", "mesrai-config.yml")
    assert (named.code, len(named.out.splitlines())) == (2, 10)
    assert named.out.splitlines()[0].startswith("mesrai-config.yml:1: unknown key `unknown0`")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("mesrai-config.yml", "policy"),
        ("a/b/mesrai-config.yml", "policy"),
        (".mesrai/rules/a/b.md", "rule"),
        ("shop/.mesrai-rules/review/a.yaml", "shared_rule"),
        (".mesrai-rules/memories/a.yml", "memory"),
        (".mesrai-rules/a.yml", ""),
        (".mesrai-rules/other/a.yml", ""),
        ("rules/a.md", ""),
    ],
)
def test_a_file_is_known_by_its_place(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_files_are_checked_outside_of_a_repository_too(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    env = clean_environment(tmp_path / "x")
    (tmp_path / "x" / "mesrai-config.yml").write_text("maxFiles: 1\n")
    assert mesrai_here("config", "validate", "mesrai-config.yml", cwd=tmp_path / "x", env=env).code == 0
    assert mesrai_here("config", "validate", "none.yml", cwd=tmp_path / "x", env=env).code == 2
    assert mesrai_here("config", "validate", cwd=tmp_path / "x", env=env).code == 5


def test_init_writes_a_file_that_changes_nothing_and_never_overwrites(run: Mesrai, shop: Repository) -> None:
    kept = run("config", "init")
    assert (kept.code, "is there already" in kept.err) == (2, True)
    assert (shop.root / "mesrai-config.yml").read_text() == POLICY
    ran = run("config", "init", "--path", "lib")
    assert ran.code == 0, ran.err
    text = (shop.root / "lib" / "mesrai-config.yml").read_text()
    assert (text, run("config", "init", "--stdout").out) == (policy_template(), policy_template())
    assert read_policy(text.encode(), file="x") == Policy()
    assert set(read_values(text.encode(), file="x")) == {"version"}


def test_the_template_holds_every_key_with_its_default() -> None:
    text = re.sub(r"^# (?! )", "", re.sub(r"^#{1,2} ? .*docs/.*\n", "", policy_template(), flags=re.M), flags=re.M)
    text = re.sub(r"^# ( +)(?=[\w-])", r"\1", text, flags=re.M)
    values = read_values(text.replace("What reviews of this", "# What").encode(), file="x")
    assert {key: value for key, (value, _) in values.items() if key != "rules"} == {
        key: value for key, value in defaults() if key != "rules"
    }
    assert [rule.title for rule in values["rules"][0]] == ["Money is counted in cents"]
    assert max(map(len, policy_template().splitlines())) <= 120
