"""What every analyser must keep to, whatever it looks for."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mesrai.analysers.analyser import Analyser
from mesrai.analysers.program import find_program
from mesrai.analysers.run import Analysis, run_analysers
from mesrai.domain.diagnostic import Diagnostic
from mesrai.wiring import all_analysers

ANALYSERS = {analyser.name: analyser for analyser in all_analysers()}
WORKFLOW = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: some/tool@v1\n"
TOKEN = "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"
# For each analyser: a file, its text, and the code of what it must say about it.
FINDS = {
    "ruff": ("src/a.py", "def f(x=[]):\n    return x\n", "B006"),
    "shellcheck": ("run.sh", "#!/bin/bash\necho $1\n", "SC2086"),
    "zizmor": (".github/workflows/a.yml", WORKFLOW, "unpinned-uses"),
    "workflows": (".github/workflows/a.yml", WORKFLOW, "unpinned-uses"),
    "secrets": ("src/a.py", f"x = '{TOKEN}'\n", "github-token"),
    "structure": ("src/a.js", "eval(code)\n", "eval"),
    "leftovers": ("src/a.c", "<<<<<<< a\n=======\n>>>>>>> b\n", "merge-conflict"),
}
PROGRAMS = ("ruff", "shellcheck", "zizmor")
HOSTILE = {
    "ruff.toml": 'exclude = ["*"]\n[lint]\nignore = ["ALL"]\n',
    ".ruff.toml": 'exclude = ["*"]\n',
    "pyproject.toml": '[tool.ruff]\nexclude = ["*"]\n',
    ".shellcheckrc": "disable=all\n",
    "shellcheckrc": "disable=all\n",
    "zizmor.yml": "rules:\n  unpinned-uses:\n    disable: true\n",
    ".github/zizmor.yml": "rules:\n  unpinned-uses:\n    disable: true\n",
    ".gitignore": "*\n",
    ".ignore": "*\n",
}


def said(analyser: Analyser, files: Mapping[str, str]) -> list[Diagnostic]:
    return list(asyncio.run(analyser.run(files)))


@pytest.fixture(params=ANALYSERS)
def analyser(request: pytest.FixtureRequest) -> Analyser:
    return ANALYSERS[request.param]


@pytest.fixture
def hostile_folder(tmp_path: Path) -> Iterator[Path]:
    """A repository whose configuration switches every analyser off, as the current folder and as the home folder."""
    for name, text in HOSTILE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    before, home, tmpdir = Path.cwd(), os.environ.get("HOME"), os.environ.get("TMPDIR")
    os.chdir(tmp_path)
    os.environ |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "SHELLCHECK_OPTS": "-e SC2086"}
    os.environ["RUFF_CONFIG"] = str(tmp_path / "ruff.toml")
    os.environ["ZIZMOR_CONFIG"] = str(tmp_path / "zizmor.yml")
    yield tmp_path
    os.chdir(before)
    for name in ("XDG_CONFIG_HOME", "SHELLCHECK_OPTS", "RUFF_CONFIG", "ZIZMOR_CONFIG"):
        del os.environ[name]
    for name, value in (("HOME", home), ("TMPDIR", tmpdir)):
        if value is not None:
            os.environ[name] = value


def test_every_analyser_is_held_to_the_contract() -> None:
    assert set(FINDS) == set(ANALYSERS)


def test_it_says_what_it_is_for(analyser: Analyser) -> None:
    path, text, code = FINDS[analyser.name]
    assert analyser.covers(path)
    found = [each for each in said(analyser, {path: text}) if each.code == code]
    assert [(each.analyser, each.path) for each in found] == [(analyser.name, path)]


def test_configuration_around_it_has_no_effect(analyser: Analyser, hostile_folder: Path) -> None:
    path, text, code = FINDS[analyser.name]
    (hostile_folder / path).parent.mkdir(parents=True, exist_ok=True)
    (hostile_folder / path).write_text(text, "utf-8")
    assert code in {each.code for each in said(analyser, {path: text})}


def test_configuration_among_its_files_has_no_effect(analyser: Analyser) -> None:
    path, text, code = FINDS[analyser.name]
    beside = {str(Path(path).parent / name): content for name, content in HOSTILE.items()}
    assert code in {each.code for each in said(analyser, {**HOSTILE, **beside, path: text}) if each.path == path}


ODD_NAMES = (
    *("a b", "é", "-rf", "--config=x", "a'b\"c", "a\nb", "a\tb", "../../up", "/abs/olute"),
    *("x" * 300, "$(touch x)", "@args", "*", "NUL"),
)
ODD_TEXTS = ("", "\n", "\ufeff", "\0", "\ud800", "é" * 1_000, "x" * 50_000, "\r\n\r\n", "%PDF-1.7")


@pytest.mark.parametrize("odd", ODD_NAMES)
def test_odd_names_are_given_back_as_they_are(analyser: Analyser, odd: str) -> None:
    path, text, code = FINDS[analyser.name]
    folder = f"{odd}/.github/workflows" if path.endswith(".yml") else odd
    named = f"{folder}/{Path(odd).name}{Path(path).suffix}"
    assert analyser.covers(named)
    assert {each.path for each in said(analyser, {named: text}) if each.code == code} == {named}


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_any_text_is_analysed_and_statements_stand_on_its_lines(analyser: Analyser, text: str) -> None:
    path, _, _ = FINDS[analyser.name]
    for each in said(analyser, {path: text}):
        assert 1 <= each.start_line <= each.end_line <= text.count("\n") + 1


def test_no_files_are_no_statements(analyser: Analyser) -> None:
    assert said(analyser, {}) == []


def test_statements_are_one_line_and_say_something(analyser: Analyser) -> None:
    path, text, _ = FINDS[analyser.name]
    for each in said(analyser, {path: text}):
        assert each.message.strip() == each.message != ""
        assert TOKEN not in each.message


def test_two_runs_at_once_do_not_disturb_each_other(analyser: Analyser) -> None:
    path, text, _ = FINDS[analyser.name]

    async def twice() -> list[list[Diagnostic]]:
        return [list(each) for each in await asyncio.gather(analyser.run({path: text}), analyser.run({path: text}))]

    first, second = asyncio.run(twice())
    assert first == second == said(analyser, {path: text})


@pytest.mark.parametrize("name", PROGRAMS)
def test_cancelling_ends_the_program(name: str) -> None:
    analyser = ANALYSERS[name]
    path, text, _ = FINDS[name]
    slow = {path.replace("a", f"a{number}", 1): text * 40 for number in range(150)}

    async def cancelled() -> bool:
        task = asyncio.create_task(analyser.run(slow))
        end = time.monotonic() + 5
        while not (children_of_this_process(name) or task.done() or time.monotonic() > end):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        was_running = not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return was_running

    assert asyncio.run(cancelled())
    assert children_of_this_process(name) == []


def test_all_of_them_run_at_once_over_one_change() -> None:
    texts = dict.fromkeys((path, text) for path, text, _ in FINDS.values())
    files = {path: "".join(text for where, text in texts if where == path) for path, _ in texts}
    result = asyncio.run(run_analysers(all_analysers(), files))
    assert isinstance(result, Analysis)
    assert result.failures == ()
    assert {each.code for each in result.diagnostics} >= {code for _, _, code in FINDS.values()}
    unpinned = [each.analyser for each in result.diagnostics if each.code == "unpinned-uses"]
    assert unpinned == ["zizmor" if find_program("zizmor") else "workflows"]


def children_of_this_process(name: str) -> list[int]:
    """The processes of that name which this one started and which have not ended."""
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = status.read_text().rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid() and head.endswith(f"({name}") and state != "Z":
            children.append(int(status.parent.name))
    return children
