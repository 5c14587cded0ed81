"""`mesrai hook` with real pushes and commits."""

import json
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.in_process import mesrai_here
from tests.repositories import ENVIRONMENT, Repository, a_program, a_repository
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import Ran, clean_environment, connected

BAD = "import os\n\n\ndef run(name):\n    os.system('ls ' + name)\n    return eval(name)\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@dataclass(frozen=True)
class Shop:
    """A clone with a remote to push to."""

    work: Repository
    remote: Repository
    env: dict[str, str]

    def run(self, *arguments: str, env: dict[str, str] | None = None, stdin: str = "") -> Ran:
        return mesrai_here(*arguments, cwd=self.work.root, env=self.env | (env or {}), stdin=stdin)

    def git(self, *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Ran:
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.work.root,
            env=ENVIRONMENT | self.env | (env or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr)

    def remote_has(self, branch: str) -> bool:
        return bool(self.remote.git("branch", "--list", branch))


@pytest.fixture
def shop(tmp_path: Path, sandbox: Sandbox) -> Shop:
    remote = Repository(tmp_path / "remote.git")
    remote.root.mkdir()
    remote.git("init", "--quiet", "--template=", "--bare", "--initial-branch=main")
    work = a_repository(tmp_path / "shop", {"cart.py": "total = 0\n"})
    work.git("remote", "add", "origin", str(remote.root))
    work.git("push", "--quiet", "origin", "main")
    return Shop(work, remote, clean_environment(work.root) | connected(sandbox.openai))


def test_a_push_with_a_grave_finding_is_stopped_and_goes_on_when_skipped(shop: Shop) -> None:
    installed = shop.run("hook", "install", "--fail-on", "high")
    assert installed.code == 0, installed.err
    assert "MESRAI_SKIP_HOOK=1" in installed.out
    shop.work.git("switch", "--quiet", "--create", "topic")
    shop.work.commit("bad", {"run.py": BAD})
    stopped = shop.git("push", "origin", "topic")
    assert stopped.code == 1
    assert "── run.py" in stopped.out
    assert "the push is stopped: there is a finding at or above high" in stopped.err
    assert not shop.remote_has("topic")
    skipped = shop.git("push", "origin", "topic", env={"MESRAI_SKIP_HOOK": "1"})
    assert skipped.code == 0, skipped.err
    assert "NOT reviewed: MESRAI_SKIP_HOOK is set" in skipped.err
    assert shop.remote_has("topic")
    shop.work.commit("good", {"shelf.py": "full = False\n"})
    passed = shop.git("push", "origin", "topic")
    assert (passed.code, "run.py" in passed.err) == (0, False), passed.err
    assert "mesrai: topic: " in passed.err


def test_tags_and_deletions_are_pushed_without_a_review(shop: Shop) -> None:
    shop.work.git("push", "--quiet", "origin", "main:old")
    shop.run("hook", "install", "--require")
    shop.work.git("tag", "v1")
    pushed = shop.git("push", "origin", "v1", ":old", env={"MESRAI_API_KEY": "sk-sim-bad_key"})
    assert pushed.code == 0, pushed.err
    assert "mesrai" not in pushed.err
    assert not shop.remote_has("old")


@pytest.mark.parametrize("is_required", [False, True])
def test_without_a_key_a_push_is_told_as_not_reviewed_and_stops_only_where_that_is_required(
    shop: Shop, is_required: bool
) -> None:
    assert shop.run("hook", "install", *["--require"] * is_required).code == 0
    shop.work.git("switch", "--quiet", "--create", "topic")
    shop.work.commit("bad", {"run.py": BAD})
    pushed = shop.git("push", "origin", "topic", env={"MESRAI_API_KEY": ""})
    assert "mesrai: NOT reviewed: topic: " in pushed.err
    assert (pushed.code != 0, shop.remote_has("topic")) == (is_required, not is_required)


def test_the_time_limit_ends_a_review_and_says_so(shop: Shop) -> None:
    before = shop.work.git("rev-parse", "HEAD")
    head = shop.work.commit("bad", {"run.py": BAD})
    ran = shop.run(
        "hook", "run", "--time-limit", "1", "--require", "pre-push", "origin", "x",
        stdin=f"refs/heads/main {head} refs/heads/main {before}\n", env={"MESRAI_API_KEY": "sk-sim-stall"},
    )  # fmt: skip
    assert ran.code == 1
    assert "NOT reviewed: main: The review was stopped before anything was read." in ran.err
    assert "--require asks for that" in ran.err


def test_a_hook_of_somebody_else_is_kept_and_runs_first(shop: Shop) -> None:
    hooks = shop.work.root / ".git" / "hooks"
    theirs = a_program(
        hooks, "pre-push", f"cat > {shop.work.root.parent}/seen; echo $1 >> {shop.work.root.parent}/seen"
    )
    before = theirs.read_text()
    refused = shop.run("hook", "install")
    assert (refused.code, "it is not Mesrai's" in refused.err, theirs.read_text()) == (2, True, before)
    assert json.loads(shop.run("hook", "status", "--json").out)["hooks"][0]["state"] == "other"
    assert shop.run("hook", "install", "--chain").code == 0
    assert shop.run("hook", "install", "--fail-on", "low").code == 0
    shop.work.commit("fine", {"a.py": "a = 1\n"})
    pushed = shop.git("push", "origin", "main")
    assert (pushed.code, "mesrai: main: " in pushed.err) == (0, True), pushed.err
    assert (shop.work.root.parent / "seen").read_text().splitlines()[0].startswith("refs/heads/main ")
    assert (shop.work.root.parent / "seen").read_text().splitlines()[1] == "origin"
    a_program(hooks, "pre-push.before-mesrai", "echo no >&2; exit 3")
    shop.work.commit("fine", {"b.py": "b = 1\n"})
    assert shop.git("push", "origin", "main").code == 1
    assert "put back" not in shop.run("hook", "uninstall").err
    assert theirs.read_text() == "#!/bin/sh\necho no >&2; exit 3\n"
    assert "not Mesrai's" in shop.run("hook", "uninstall").out


def test_installing_again_changes_the_options_and_uninstalling_leaves_nothing(shop: Shop) -> None:
    shop.run("hook", "install")
    shop.run("hook", "install", "--fail-on", "medium", "--no-fast", "--require", "--time-limit", "60")
    (push, commit) = json.loads(shop.run("hook", "status", "--json").out)["hooks"]
    assert push["options"] == "--fail-on medium --no-fast --time-limit 60 --require"
    assert (push["state"], commit["state"]) == ("ours", "none")
    assert "pre-push    installed: --fail-on medium" in shop.run("hook", "status").out
    assert Path(push["path"]).stat().st_mode & stat.S_IXUSR
    assert shop.run("hook", "uninstall").code == 0
    assert list((shop.work.root / ".git" / "hooks").iterdir()) == []


def test_a_commit_is_reviewed_before_it_is_made(shop: Shop) -> None:
    assert shop.run("hook", "install", "--hook", "pre-commit", "--fail-on", "high").code == 0
    shop.work.write("run.py", BAD)
    shop.work.git("add", "run.py")
    stopped = shop.git("commit", "-m", "bad")
    assert (stopped.code, "the commit is stopped" in stopped.err) == (1, True), stopped.err
    shop.work.git("rm", "--quiet", "--force", "run.py")
    shop.work.write("a.py", "a = 1\n")
    shop.work.git("add", "a.py")
    assert shop.git("commit", "-m", "fine").code == 0


def test_a_worktree_uses_the_hooks_of_its_repository_and_hooks_path_is_obeyed(shop: Shop) -> None:
    side = shop.work.root.parent / "side"
    shop.work.git("worktree", "add", "--quiet", str(side), "-b", "side")
    ran = mesrai_here("hook", "install", cwd=side, env=shop.env)
    assert f"{shop.work.root}/.git/hooks/pre-push" in ran.out
    shop.work.git("config", "core.hooksPath", "githooks")
    ran = mesrai_here("hook", "install", cwd=side, env=shop.env)
    assert f"{side}/githooks/pre-push" in ran.out
    shop.work.git("config", "core.hooksPath", str(shop.work.root.parent / "elsewhere"))
    ran = shop.run("hook", "install")
    assert (ran.code, "outside this repository" in ran.err) == (2, True)
    shop.work.git("config", "core.hooksPath", ".husky/_")
    ran = shop.run("hook", "install")
    assert (ran.code, ".husky/pre-push" in ran.err) == (2, True)


def test_a_hook_whose_mesrai_is_gone_says_that_nothing_was_reviewed(shop: Shop) -> None:
    shop.run("hook", "install")
    hook = shop.work.root / ".git" / "hooks" / "pre-push"
    lines = hook.read_text().splitlines()
    hook.write_text("\n".join("program=/nonexistent/python" if line.startswith("program=") else line for line in lines))
    shop.work.commit("bad", {"run.py": BAD})
    pushed = shop.git("push", "origin", "main", env={"PATH": "/usr/bin:/bin"})
    assert (pushed.code, "NOT reviewed: mesrai is no longer installed" in pushed.err) == (0, True), pushed.err


def test_modules_of_the_project_are_not_run(shop: Shop) -> None:
    shop.run("hook", "install")
    shop.work.commit("trap", {"click.py": f"open('{shop.work.root.parent}/ran', 'w')\nraise SystemExit(0)\n"})
    assert "mesrai: main: " in shop.git("push", "origin", "main").err
    assert not (shop.work.root.parent / "ran").exists()


def test_the_first_push_of_a_repository_is_reviewed_whole_also_from_a_worktree(shop: Shop, tmp_path: Path) -> None:
    empty = Repository(tmp_path / "empty.git")
    empty.root.mkdir()
    empty.git("init", "--quiet", "--template=", "--bare", "--initial-branch=main")
    side = tmp_path / "side"
    shop.work.git("remote", "set-url", "origin", str(empty.root))
    shop.work.git("update-ref", "-d", "refs/remotes/origin/main")
    shop.work.commit("more", {"run.py": BAD})
    shop.work.git("worktree", "add", "--quiet", str(side), "-b", "side")
    assert mesrai_here("hook", "install", "--fail-on", "high", cwd=side, env=shop.env).code == 0
    pushed = shop.git("push", "origin", "side", cwd=side)
    assert (pushed.code, "2 of 2 files read" in pushed.out) == (1, True), pushed.out + pushed.err
    assert empty.git("branch", "--list") == ""
