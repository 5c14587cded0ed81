"""Configuration of several levels in a terminal."""

import asyncio
import json
from pathlib import Path

from tests.databases import a_new_file
from tests.in_process import mesrai_here
from tests.repositories import a_repository
from tests.sandbox_server import running_sandbox
from tests.terminal import a_changed_repository, clean_environment, connected

from mesrai.domain.saved_policy import Place
from mesrai.store.configurations import change_configuration
from mesrai.store.opening import open_database

LEFT_OVER = "import pdb\n\n\ndef total(items):\n    pdb.set_trace()\n    return sum(items)\n"


def reviewed(folder: Path, env: dict[str, str]) -> list[str]:
    """The files that an offline review read."""
    ran = mesrai_here("review", "--offline", "--format", "json", cwd=folder, env=env)
    assert ran.code in (0, 1), ran.err
    told = json.loads(ran.out)
    return [each["path"] for each in told["coverage"] if each["status"] != "skipped"]


def test_a_folder_and_the_central_checkout_configure_a_review_in_a_terminal(tmp_path: Path) -> None:
    shop = a_repository(tmp_path / "shop", {"mesrai-config.yml": "ignorePaths: ['*.txt']\n", "a.py": "a = 1\n"})
    env = clean_environment(tmp_path)
    shop.write("lib/a.py", LEFT_OVER)
    shop.write("lib/b.gen.py", LEFT_OVER)
    assert reviewed(shop.root, env) == ["lib/a.py", "lib/b.gen.py"]
    shop.write("lib/mesrai-config.yml", "ignorePaths: ['*.gen.py', mesrai-config.yml]\n")
    assert reviewed(shop.root, env) == ["lib/a.py"]

    central = tmp_path / "central"
    central.mkdir()
    (central / "mesrai-config.yml").write_text("maxFile: 1\n")
    ran = mesrai_here("doctor", cwd=shop.root, env=env)
    assert "policy in mesrai-config.yml, lib/mesrai-config.yml, 0 rules" in ran.out
    ran = mesrai_here("review", "--offline", cwd=shop.root, env=env | {"MESRAI_CENTRAL_CONFIG": str(central)})
    assert ran.code == 2
    assert "central:mesrai-config.yml:1: unknown key `maxFile`" in ran.err
    ran = mesrai_here("review", "--offline", cwd=shop.root, env=env | {"MESRAI_CENTRAL_CONFIG": str(tmp_path / "no")})
    assert ran.code == 2
    assert "MESRAI_CENTRAL_CONFIG: there is no folder" in ran.err


def test_a_central_folder_is_found_by_the_name_that_origin_leads_to(tmp_path: Path) -> None:
    work = a_repository(tmp_path / "a worktree", {"a.py": "a = 1\n"})
    work.git("remote", "add", "origin", "git@github.com:acme/shop.git")
    work.write("b.py", LEFT_OVER)
    (tmp_path / "central" / "shop").mkdir(parents=True)
    (tmp_path / "central" / "shop" / "mesrai-config.yml").write_text("ignorePaths: [b.py]\n")
    env = clean_environment(tmp_path)
    assert reviewed(work.root, env) == ["b.py"]
    assert reviewed(work.root, env | {"MESRAI_CENTRAL_CONFIG": str(tmp_path / "central")}) == []


def saved(env: dict[str, str], place: Place, text: str) -> None:
    """Have the pages of the service keep it."""

    async def save() -> None:
        async with open_database(env["MESRAI_DATABASE_URL"]) as database:
            await change_configuration(database, "default", place, lambda _: text, who="ada@example.com")

    asyncio.run(save())


def test_what_the_pages_keep_for_the_repository_of_origin_is_shown_with_its_origin(tmp_path: Path) -> None:
    shop = a_repository(tmp_path / "work", {"mesrai-config.yml": "maxFiles: 9\n", "lib/a.py": "a = 1\n"})
    shop.git("remote", "add", "origin", "git@github.com:acme/shop.git")
    env = clean_environment(tmp_path) | {"MESRAI_DATABASE_URL": a_new_file(tmp_path)}
    name = "github.com/acme/shop"
    saved(env, Place(), "language: Welsh\nrules:\n  - title: Loud\n    rule: SQL is loud.\n")
    saved(env, Place(repository=name), "maxFiles: 5\n")
    saved(env, Place(repository=name, folder="lib"), "maxFiles: 3\n")
    saved(env, Place(repository="github.com/acme/other"), "language: Dutch\n")

    def shown(*arguments: str) -> dict[str, tuple[object, str, str]]:
        ran = mesrai_here("config", "show", "--set", "--json", *arguments, cwd=shop.root, env=env)
        assert ran.code == 0, ran.err
        told = json.loads(ran.out)
        return {each["key"]: (each["value"], each["level"], each["origin"]) for each in told["values"] + told["rules"]}

    assert shown() == {
        "language": ("Welsh", "global", "what is saved for the organisation:1"),
        "maxFiles": (9, "repository", "mesrai-config.yml:1"),
        "rules": ("Loud", "global", "what is saved for the organisation:3"),
    }
    assert shown("--path", "lib", "maxFiles")["maxFiles"] == (3, "directory", "what is saved for the folder lib:1")
    listed = mesrai_here("rules", "list", "--json", cwd=shop.root, env=env)
    assert "what is saved for the organisation" in listed.out
    changed = mesrai_here("rules", "update", "Loud", "--severity", "high", cwd=shop.root, env=env)
    assert changed.code == 2
    shop.git("remote", "remove", "origin")
    shop.write("mesrai-config.yml", "")
    assert "maxFiles" not in shown()
    env["MESRAI_DATABASE_URL"] = f"sqlite:///{tmp_path / 'never-made.db'}"
    assert shown() == {}
    assert not (tmp_path / "never-made.db").exists()


def test_a_review_in_a_terminal_keeps_to_what_the_pages_keep(tmp_path: Path) -> None:
    shop = a_changed_repository(tmp_path / "shop")
    env = clean_environment(shop.root) | {"MESRAI_DATABASE_URL": a_new_file(tmp_path)}
    saved(env, Place(), "rules:\n  - title: Loud\n    rule: SQL is loud.\n")
    with running_sandbox() as sandbox:
        ran = mesrai_here("review", cwd=shop.root, env=env | connected(sandbox.openai))
        assert ran.code == 0, ran.err
        assert "SQL is loud." in json.dumps([call.body for call in sandbox.stage.calls])
