"""Configuration of several levels in a terminal."""

import json
from pathlib import Path

from tests.in_process import mesrai_here
from tests.repositories import a_repository
from tests.terminal import clean_environment

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
