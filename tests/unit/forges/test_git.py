import asyncio
import os
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.repositories import ENVIRONMENT, a_clone, a_program, a_repository, a_trap

from mesrai.errors import NotARepository, SourceError, UserError
from mesrai.forges.git import Git, environment_from, stop

Value = TypeVar("Value")


def run(awaitable: Awaitable[Value]) -> Value:
    async def wait() -> Value:
        return await awaitable

    return asyncio.run(wait())


def a_stand_in(folder: Path, text: str) -> Git:
    """A Git whose program is a shell script."""
    a_program(folder / "bin", "git", text)
    return Git(folder, {"PATH": f"{folder / 'bin'}{os.pathsep}{ENVIRONMENT['PATH']}"})


def is_alive(process: int) -> bool:
    """Whether it runs; one that ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_only_listed_variables_reach_git(tmp_path: Path) -> None:
    environ = {
        "MOONSHOT_API_KEY": "sk-1",
        "GITHUB_TOKEN": "t",
        "GIT_DIR": "/x",
        "GIT_EXTERNAL_DIFF": "/x",
        "HOME": "/h",
    }
    git = a_stand_in(tmp_path, "env")
    seen = run(Git(tmp_path, environ | {"PATH": str(tmp_path / "bin") + ":" + ENVIRONMENT["PATH"]}).run("x")).decode()
    names = {line.partition("=")[0] for line in seen.splitlines()}
    assert names & environ.keys() == {"HOME"}
    assert {"GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_ALLOW_PROTOCOL", "LC_ALL"} <= names
    assert git.folder == tmp_path


def test_relative_folders_of_path_are_not_searched(tmp_path: Path) -> None:
    path = environment_from({"PATH": os.pathsep.join([".", "", "bin", "/usr/bin"])})["PATH"]
    assert path == "/usr/bin"


def test_git_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="git was not found"):
        Git(tmp_path, {"PATH": str(tmp_path)})


def test_folder_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="no folder"):
        run(Git(tmp_path / "none", ENVIRONMENT).run("version"))


def test_failure_has_the_fatal_line_without_control_characters(tmp_path: Path) -> None:
    git = a_stand_in(tmp_path, r"printf 'warning: w\nfatal: bad \033[31mname\n' >&2; exit 128")
    with pytest.raises(SourceError, match=r"^git log failed: fatal: bad \?\[31mname$"):
        run(git.run("log"))


def test_failure_without_words_has_the_exit_code(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="exit code 3"):
        run(a_stand_in(tmp_path, "exit 3").run("log"))


def test_accepted_exit_code_is_an_answer(tmp_path: Path) -> None:
    assert run(a_stand_in(tmp_path, "echo out; exit 1").ask("grep", accept=(0, 1))).code == 1


def test_other_owner_is_told_how_to_trust_the_repository(tmp_path: Path) -> None:
    said = "fatal: detected dubious ownership in repository at '/repo'"
    git = a_stand_in(tmp_path, f'echo "{said}" >&2; exit 128')
    with pytest.raises(NotARepository, match=r"git config --global --add safe\.directory '/repo'$"):
        run(git.run("status"))


def test_too_much_output_raises_and_ends_git(tmp_path: Path) -> None:
    git = a_stand_in(tmp_path, f"echo $$ > {tmp_path}/pid; exec yes")
    with pytest.raises(SourceError, match=r"more than 1 MiB.*naming paths"):
        run(git.run("diff", most_bytes=1 << 20))
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_first_gives_the_beginning_and_ends_git(tmp_path: Path) -> None:
    git = a_stand_in(tmp_path, f"echo $$ > {tmp_path}/pid; exec yes")
    assert run(git.first("grep", most_bytes=5, most_s=10)) == b"y\ny\ny"
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_time_limit_raises_and_ends_the_whole_group(tmp_path: Path) -> None:
    git = a_stand_in(tmp_path, f"sleep 60 & echo $! > {tmp_path}/pid; wait")
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"git log took longer than 0\.15 s"):
        run(git.run("log", most_s=0.15))
    assert time.monotonic() - started < 5
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_cancelling_ends_the_whole_group(tmp_path: Path) -> None:
    git = a_stand_in(tmp_path, f"sleep 60 & echo $! > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; wait")

    async def cancel_once_running() -> None:
        task = asyncio.create_task(git.run("log"))
        while not (tmp_path / "pid").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_once_running())
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_large_input_to_a_git_that_does_not_read_is_no_error(tmp_path: Path) -> None:
    assert run(a_stand_in(tmp_path, "exit 0").run("check-attr", stdin=b"x" * 5_000_000)) == b""


def test_stopping_twice_is_fine(tmp_path: Path) -> None:
    async def stop_twice() -> int | None:
        process = await a_stand_in(tmp_path, "cat").start("cat-file")
        await stop(process)
        await stop(process)
        return process.returncode

    assert asyncio.run(stop_twice()) == -9


def test_filters_of_every_name_are_switched_off(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "r", {"a.t": "x\n", ".gitattributes": "*.t filter=t\n"})
    a_trap(repository, tmp_path / "trap")
    git, names = run(Git(repository.root, ENVIRONMENT).without_filters())
    assert names == {"t", "two words"}
    repository.write("a.t", "other\n")
    options = ("--no-ext-diff", "--no-textconv", "--no-color", "-O/dev/null")
    assert b"+other" in run(git.run("diff", *options, "HEAD"))
    assert not (tmp_path / "trap" / "ran").exists()


def test_trap_works_on_a_bare_git(tmp_path: Path) -> None:
    """The tests that no program runs mean something only if one would."""
    repository = a_repository(tmp_path / "r", {"a.t": "x\n", ".gitattributes": "*.t filter=t\n"})
    a_trap(repository, tmp_path / "trap")
    repository.write("a.t", "other\n")
    repository.git("diff", "HEAD", fails=True)
    assert (tmp_path / "trap" / "ran").exists()


def test_filter_that_cannot_be_switched_off_is_refused(tmp_path: Path) -> None:
    repository = a_repository(tmp_path)
    repository.git("config", "filter.a=b.clean", "cat")
    with pytest.raises(SourceError, match="cannot be switched off"):
        run(Git(tmp_path, ENVIRONMENT).without_filters())


def test_partial_clone_fetches_nothing_and_says_so(tmp_path: Path) -> None:
    origin = a_repository(tmp_path / "origin", {"a": "1\n"})
    origin.git("config", "uploadpack.allowFilter", "true")
    origin.commit("second", {"a": "2\n"})
    clone = a_clone(origin, tmp_path / "clone", "--filter=blob:none")
    with pytest.raises(SourceError, match=r"partial clone.*git diff BASE HEAD"):
        run(Git(clone.root, ENVIRONMENT | {"GIT_ALLOW_PROTOCOL": "file"}).run("diff", "HEAD~1", "HEAD"))
    clone.git("diff", "HEAD~1", "HEAD")
    assert b"+2" in run(Git(clone.root, ENVIRONMENT).run("diff", "HEAD~1", "HEAD"))
