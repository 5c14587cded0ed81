"""Shellcheck on shell scripts, known by their name or their first line.

Comments such as `# shellcheck disable=SC2086` are respected: they stand in the change, where a reader sees them.
"""

import asyncio
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mesrai.analysers.program import Ran, bytes_for_copy, find_needed_program, run_program
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity
from mesrai.errors import AnalyserError

_CODES_FILE: Final = Path(__file__).with_name("data") / "shellcheck_codes.toml"
_SHELL_BY_SUFFIX: Final = {".sh": "bash", ".bash": "bash", ".ksh": "ksh", ".dash": "dash", ".ash": "busybox"}
_SHELL_BY_NAME: Final = {".bashrc": "bash", ".bash_profile": "bash", ".bash_aliases": "bash", ".profile": "sh"}
_SHEBANG: Final = re.compile(
    r"#![ \t]*/\S*?/(?:env[ \t]+(?:-\S+[ \t]+)*)?(?:\S*/)?(bash|sh|dash|ksh|ash|busybox)(?:\d\S*)?(?:[ \t]|$)"
)
# A comment of an unknown shell's: nothing else speaks for a file whose name has no suffix.
_NO_SCRIPTS: Final = frozenset("license licence notice readme makefile dockerfile authors changelog copying".split())
# Characters; above, shellcheck is told not to follow the values of variables: on the 160,000 characters of nvm.sh that
# takes 24 s and 3 GB (version 0.11), without it 2 s.
_LONG: Final = 20_000
_TIME_LIMIT_S: Final = 15.0
_BATCH: Final = 10  # scripts given to one process


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grades:
    left_out: frozenset[int]
    levels: Mapping[str, tuple[Severity, Category]]
    codes: Mapping[int, tuple[Severity, Category]]


class Shellcheck:
    """Shellcheck, without any configuration."""

    @property
    def name(self) -> str:
        """How it is called in findings and coverage."""
        return "shellcheck"

    def covers(self, path: str) -> bool:
        """Files with a shell's suffix, and those without any suffix: their first line decides when they are read."""
        pure = PurePosixPath(path)
        if pure.name in _SHELL_BY_NAME or pure.suffix.lower() in _SHELL_BY_SUFFIX:
            return True
        return not pure.suffix and not pure.name.startswith(".") and pure.name.lower() not in _NO_SCRIPTS

    async def run(self, files: Mapping[str, str]) -> Sequence[Diagnostic]:
        """What shellcheck says about the shell scripts among these files."""
        program = find_needed_program("shellcheck")
        free = asyncio.Semaphore(os.cpu_count() or 1)
        batches = [
            (arguments, {path: files[path] for path in paths[at : at + _BATCH]})
            for arguments, paths in _runs(files).items()
            for at in range(0, len(paths), _BATCH)
        ]
        tasks = [asyncio.create_task(_run_batch(program, *batch, free)) for batch in batches]
        try:
            return [each for found in await asyncio.gather(*tasks) for each in found]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _run_batch(
    program: Path, arguments: Sequence[str], files: Mapping[str, str], free: asyncio.Semaphore
) -> list[Diagnostic]:
    copies = {f"f{number}.sh": path for number, path in enumerate(files)}
    contents = {name: bytes_for_copy(files[path]) for name, path in copies.items()}
    async with free:
        ran = await run_program(program, [*_ALWAYS, *arguments, *copies], contents, time_limit_s=_TIME_LIMIT_S)
    return _diagnostics(ran, copies)


# Without -x, `source` is never followed, whatever the script's comments say.
_ALWAYS: Final = ("--norc", "--format=json1", "--severity=info", "--color=never")


def _runs(files: Mapping[str, str]) -> dict[tuple[str, ...], list[str]]:
    """The scripts by the arguments they need."""
    runs: dict[tuple[str, ...], list[str]] = {}
    for path, text in files.items():
        shell = _shell(path, text)
        if shell:
            analysis = ("--extended-analysis=false",) if len(text) > _LONG else ()
            runs.setdefault((f"--shell={shell}", *analysis), []).append(path)
    return runs


def _shell(path: str, text: str) -> str:
    """Which shell the file is for; empty if it is none that shellcheck knows."""
    first = text.removeprefix("\ufeff").split("\n", 1)[0].rstrip("\r")
    if first.startswith("#!"):
        shebang = _SHEBANG.match(first)
        return {"ash": "busybox"}.get(shebang[1], shebang[1]) if shebang else ""
    pure = PurePosixPath(path)
    return _SHELL_BY_NAME.get(pure.name) or _SHELL_BY_SUFFIX.get(pure.suffix.lower(), "")


def _diagnostics(ran: Ran, copies: Mapping[str, str]) -> list[Diagnostic]:
    if ran.code not in (0, 1):  # 1: it found something
        raise AnalyserError(f"shellcheck ended with code {ran.code}: {ran.complaint}")
    grades = _grades()
    try:
        comments = json.loads(ran.output)["comments"]
        return [
            _diagnostic(each, copies[each["file"]], grades) for each in comments if each["code"] not in grades.left_out
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise AnalyserError("shellcheck's output has an unknown form") from error


def _diagnostic(comment: Any, path: str, grades: _Grades) -> Diagnostic:
    severity, category = grades.codes.get(comment["code"], grades.levels[comment["level"]])
    return Diagnostic(
        analyser="shellcheck",
        code=f"SC{comment['code']}",
        path=path,
        start_line=comment["line"],
        end_line=max(comment["line"], comment["endLine"]),
        message=comment["message"],
        severity=severity,
        category=category,
        url=f"https://www.shellcheck.net/wiki/SC{comment['code']}",
    )


@cache
def _grades() -> _Grades:
    with _CODES_FILE.open("rb") as file:
        table = tomllib.load(file)
    return _Grades(
        left_out=frozenset(table["left_out"]),
        levels={name: _grade(row) for name, row in table["levels"].items()},
        codes={int(code): _grade(row) for code, row in table["codes"].items()},
    )


def _grade(row: Mapping[str, str]) -> tuple[Severity, Category]:
    return Severity(row["severity"]), Category(row["category"])
