"""Pull requests reviewed where there is no git: the service reads them through GitHub's interface alone."""

from pathlib import Path

import pytest
from tests.databases import a_new_file
from tests.in_process import mesrai_here
from tests.served import FAULTY, a_place, check_of, said, serving, until


def test_a_review_without_git_finds_the_same_and_keeps_to_the_repositorys_rules(tmp_path: Path) -> None:
    with a_place(tmp_path, a_new_file(tmp_path)) as place:
        place.env["PATH"] = str(tmp_path / "nothing")
        place.shop.push({".mesrai/rules/totals.md": "---\ntitle: Totals\n---\nA marked sentence of the rule.\n"})
        with serving(place):
            pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
            until(lambda: check_of(place, pull.head_sha), "the check has ended", place)
            [finding] = pull.review_comments
            assert "Text from outside is run as code" in finding.body
            assert (finding.path, pull.line_of(finding)) == ("cart.py", 2)
            assert any("A marked sentence of the rule." in str(call.body) for call in place.sandbox.calls)

            pull.push({"cart.py": "def total(items):\n    return sum(items) + 1\n"}, by="ada")
            until(lambda: check_of(place, pull.head_sha) == "success", "the new commit is green", place)
            assert until(lambda: pull.is_resolved(finding), "the fixed finding is resolved", place)
            assert len(pull.comments) == 1, said(pull)
        assert not [each for each in place.github.requests if ".git/" in each.path]
        assert "git is not installed" in place.log.read_text("utf-8")


@pytest.mark.parametrize(("mode", "told"), [("clone", "git was not found on PATH"), ("tarball", "`clone` or `api`")])
def test_a_mode_that_cannot_be_had_ends_the_service_at_its_start(tmp_path: Path, mode: str, told: str) -> None:
    env = {
        "PATH": str(tmp_path),
        "HOME": str(tmp_path),
        "MESRAI_GITHUB_TOKEN": "ghp_" + "x1Y2z3" * 6,
        "MESRAI_SOURCE": mode,
    }

    ran = mesrai_here("serve", "--port", "0", cwd=tmp_path, env=env)

    assert (ran.code != 0, told in ran.err) == (True, True), ran
    assert "MESRAI_SOURCE" in ran.err


def test_the_light_mode_can_be_chosen_where_there_is_git(tmp_path: Path) -> None:
    with a_place(tmp_path, a_new_file(tmp_path)) as place:
        place.env["MESRAI_SOURCE"] = "api"
        with serving(place):
            pull = place.shop.open_pull_request("feature", {"cart.py": FAULTY}, author="ada")
            until(lambda: check_of(place, pull.head_sha), "the check has ended", place)
        assert len(pull.review_comments) == 1
        assert not [each for each in place.github.requests if ".git/" in each.path]
        assert "git is not installed" not in place.log.read_text("utf-8")
