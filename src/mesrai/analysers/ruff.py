"""Ruff on Python files: bugs, ways in, swallowed errors and wasted time, not style.

Comments such as `# noqa: B006` are respected: they stand in the change, where a reader sees them.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mesrai.analysers.program import bytes_for_copy, find_needed_program, run_program
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity
from mesrai.domain.path_kinds import is_test_path
from mesrai.errors import AnalyserError

_RULES_FILE: Final = Path(__file__).with_name("data") / "ruff_rules.toml"
_SYNTAX: Final = "invalid-syntax"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    prefixes: tuple[str, ...]
    target: str
    grades: Mapping[str, tuple[Severity, Category]]
    not_in_tests: frozenset[str]
    not_in_init: frozenset[str]
    not_in_stubs: frozenset[str]
    weaker_than: Mapping[str, tuple[str, ...]]

    def shows(self, code: str, path: str) -> bool:
        """Whether the rule says something worth reading about such a file."""
        if code not in self.grades:
            return False
        if code in self.not_in_init and PurePosixPath(path).name == "__init__.py":
            return False
        if code in self.not_in_stubs and path.endswith(".pyi"):
            return False
        return not (code in self.not_in_tests and is_test_path(path))


class Ruff:
    """Ruff, with rules of our choice."""

    @property
    def name(self) -> str:
        """How it is called in findings and coverage."""
        return "ruff"

    def covers(self, path: str) -> bool:
        """Python files and stubs."""
        return path.endswith((".py", ".pyi", ".pyw"))

    async def run(self, files: Mapping[str, str]) -> Sequence[Diagnostic]:
        """What ruff says about these files. A file that does not parse gets its first syntax error and no more."""
        if not files:
            return []
        rules = _rules()
        copies = {_safe_name(number, path): path for number, path in enumerate(files)}
        arguments = [
            *("check", "--isolated", "--no-cache", "--quiet", "--exit-zero", "--output-format", "json"),
            *("--target-version", rules.target, "--select", ",".join(rules.prefixes)),
            *("--config", 'builtins = ["_", "ngettext", "__path__"]', "--", *copies),
        ]
        contents = {name: bytes_for_copy(files[path]) for name, path in copies.items()}
        ran = await run_program(find_needed_program("ruff"), arguments, contents)
        if ran.code != 0:
            raise AnalyserError(f"ruff ended with code {ran.code}: {ran.complaint}")
        return _diagnostics(ran.output, copies, contents, rules)


def _safe_name(number: int, path: str) -> str:
    return f"f{number}.pyi" if path.endswith(".pyi") else f"f{number}.py"


def _diagnostics(
    output: bytes, copies: Mapping[str, str], contents: Mapping[str, bytes], rules: _Rules
) -> list[Diagnostic]:
    try:
        statements = json.loads(output)
        found: list[Diagnostic] = []
        for name, of_file in groupby(statements, key=lambda each: str(each["filename"])):
            copy = PurePosixPath(name.replace("\\", "/")).name
            lines = contents[copy].decode().split("\n")
            found.extend(_of_file(list(of_file), copies[copy], lines, rules))
        return found
    except (ValueError, KeyError, TypeError) as error:
        raise AnalyserError("ruff's output has an unknown form") from error


def _of_file(statements: list[Any], path: str, lines: Sequence[str], rules: _Rules) -> list[Diagnostic]:
    broken = [each for each in statements if each["code"] in (None, _SYNTAX)]
    if broken:
        return [] if _is_template(path) else [_syntax_error(broken[0], path)]
    said = {(each["code"], each["location"]["row"]) for each in statements}
    shown = [
        each
        for each in statements
        if rules.shows(each["code"], path)
        and not any((code, each["location"]["row"]) in said for code in rules.weaker_than.get(each["code"], ()))
    ]
    return [_diagnostic(list(same), path, lines, rules) for _, same in groupby(shown, key=_place)]


def _place(statement: Any) -> tuple[Any, ...]:
    """Statements equal in this differ at most in their columns; they become one."""
    return (statement["code"], statement["location"]["row"], statement["end_location"]["row"], statement["message"])


def _is_template(path: str) -> bool:
    """Whether the file becomes Python only when something is filled in."""
    return "{{" in path or "template" in path.lower()


def _syntax_error(statement: Any, path: str) -> Diagnostic:
    row = statement["location"]["row"]
    return Diagnostic(
        analyser="ruff",
        code="syntax",
        path=path,
        start_line=row,
        end_line=row,
        message=f"The file does not parse: {statement['message']}",
        severity=Severity.HIGH,
        category=Category.BUG,
    )


def _diagnostic(statements: list[Any], path: str, lines: Sequence[str], rules: _Rules) -> Diagnostic:
    first = statements[0]
    start = first["location"]["row"]
    end = max(start, first["end_location"]["row"])
    severity, category = rules.grades[first["code"]]
    return Diagnostic(
        analyser="ruff",
        code=first["code"],
        path=path,
        start_line=start,
        end_line=end,
        message=first["message"],
        severity=severity,
        category=category,
        url=first["url"] or "",
        replacement=_replacement([each["fix"] for each in statements], lines, start, end),
    )


def _replacement(fixes: Sequence[Any], lines: Sequence[str], start: int, end: int) -> str | None:
    """The new text of these lines, if ruff calls every fix safe and none reaches beyond them; else None."""
    if any(fix is None or fix["applicability"] != "safe" for fix in fixes):
        return None
    old = "\n".join(lines[start - 1 : end]) + "\n"
    offsets = [0]
    for line in lines[start - 1 : end]:
        offsets.append(offsets[-1] + len(line) + 1)
    new = old
    before = len(old)
    edits = [edit for fix in fixes for edit in fix["edits"]]
    for edit in sorted(edits, key=lambda each: (each["location"]["row"], each["location"]["column"]), reverse=True):
        (row, column), (end_row, end_column) = (
            (edit[key]["row"] - start, edit[key]["column"] - 1) for key in ("location", "end_location")
        )
        if row < 0 or end_row >= len(offsets) or (end_row == len(offsets) - 1 and end_column):
            return None
        first, last = offsets[row] + column, offsets[end_row] + end_column
        if last > before:
            return None
        new = new[:first] + edit["content"] + new[last:]
        before = first
    if new in (old, "\n") or (new and not new.endswith("\n")):
        return None
    return new.removesuffix("\n")


@cache
def _rules() -> _Rules:
    with _RULES_FILE.open("rb") as file:
        table = tomllib.load(file)
    return _Rules(
        prefixes=tuple(table["prefixes"]),
        target=table["target"],
        grades={
            code: (Severity(group["severity"]), Category(group["category"]))
            for group in table["group"]
            for code in group["rules"]
        },
        not_in_tests=frozenset(table["not_in_tests"]),
        not_in_init=frozenset(table["not_in_init"]),
        not_in_stubs=frozenset(table["not_in_stubs"]),
        weaker_than={code: tuple(others) for code, others in table["weaker_than"].items()},
    )
