"""`mesrai skills` as people use it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.in_process import mesrai_here
from tests.repositories import Repository, a_repository
from tests.terminal import Ran, clean_environment

from mesrai.cli.skills.files import skill_text

Mesrai = Callable[..., Ran]
SKILL, RULE = ".claude/skills/mesrai-review/SKILL.md", ".cursor/rules/mesrai-review.mdc"


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    return a_repository(tmp_path / "shop", {"a.py": "a = 1\n", "AGENTS.md": "# Ours\n\nUse tabs.\n"})


@pytest.fixture
def run(shop: Repository) -> Mesrai:
    env = clean_environment(shop.root)
    return lambda *arguments: mesrai_here(*arguments, cwd=shop.root, env=env)


def states(run: Mesrai, *options: str) -> dict[str, str]:
    return {
        each["agent"]: each["state"] for each in json.loads(run("skills", "list", "--json", *options).out)["skills"]
    }


def test_installing_twice_changes_nothing_and_uninstalling_leaves_what_was_there(run: Mesrai, shop: Repository) -> None:
    assert set(states(run).values()) == {"not installed"}
    assert run("skills", "install").code == 0
    texts = {path: (shop.root / path).read_text() for path in (SKILL, RULE, "AGENTS.md")}
    assert set(states(run).values()) == {"installed"}
    again = run("skills", "install")
    assert again.out.count("is up to date") == 3
    assert texts == {path: (shop.root / path).read_text() for path in texts}
    assert texts["AGENTS.md"].startswith("# Ours\n\nUse tabs.\n\n<!-- mesrai-skill: begin")
    assert re.match(r"---\nname: mesrai-review\ndescription: [^\n]{50,1024}\n---\n", texts[SKILL])
    assert run("skills", "uninstall").out.count("removed") == 3
    assert shop.git("status", "--porcelain") == ""
    assert (shop.root / "AGENTS.md").read_text() == "# Ours\n\nUse tabs.\n"


def test_an_old_text_is_brought_up_to_date_and_what_stands_around_it_stays(run: Mesrai, shop: Repository) -> None:
    run("skills", "install", "--agent", "agents")
    place = shop.root / "AGENTS.md"
    place.write_text(place.read_text().replace("# Review your work", "# Old") + "\nMore of ours.\n")
    assert states(run)["agents"] == "installed, of another version or changed"
    assert "brought up to date" in run("skills", "install", "--agent", "agents").out
    text = place.read_text()
    assert ("# Old" in text, "Use tabs." in text, "More of ours." in text) == (False, True, True)
    assert text.count("mesrai-skill: begin") == 1


def test_a_file_of_somebody_else_and_a_link_are_left_alone(run: Mesrai, shop: Repository) -> None:
    shop.write(SKILL, "mine\n")
    ran = run("skills", "install", "--agent", "claude")
    assert (ran.code, "is not Mesrai's" in ran.err) == (2, True)
    assert "not Mesrai's" in run("skills", "uninstall", "--agent", "claude").out
    assert (shop.root / SKILL).read_text() == "mine\n"
    (shop.root / "AGENTS.md").unlink()
    shop.link("AGENTS.md", "a.py")
    assert run("skills", "install", "--agent", "agents").code == 2
    assert (shop.root / "a.py").read_text() == "a = 1\n"


def test_the_home_folder_serves_all_projects(run: Mesrai, shop: Repository) -> None:
    assert run("skills", "install", "--home").code == 0
    home = shop.root.parent / "home"
    assert (home / SKILL).is_file()
    assert (home / ".codex/AGENTS.md").is_file()
    assert states(run, "--home") == {"claude": "installed", "agents": "installed"}
    assert run("skills", "uninstall", "--home").code == 0
    assert not (home / SKILL).parent.exists()
    ran = run("skills", "install", "--home", "--agent", "cursor")
    assert (ran.code, "leave --home out" in ran.err) == (2, True)


def test_a_dry_run_writes_nothing_and_prints_the_text(run: Mesrai, shop: Repository) -> None:
    ran = run("skills", "install", "--dry-run")
    assert ran.out.endswith(skill_text())
    assert shop.git("status", "--porcelain") == ""


def test_every_command_and_option_that_agents_are_told_of_exists(run: Mesrai) -> None:
    told = re.findall(r"`(mesrai [a-z]+(?: [a-z]+)?)(?: [^`]*)?`", skill_text())
    assert len(told) >= 6
    helped = run("review", "--help").out
    for option in set(re.findall(r"`?(--[a-z-]+)", skill_text())) - {"--json"}:
        assert option in helped
    for command in set(told):
        words = [word for word in command.split()[1:] if word not in ("review",) or command == "mesrai review"]
        assert run(*words[:2], "--help").code == 0, command
