"""Zizmor on GitHub workflows and actions, where it is installed.

Comments such as `# zizmor: ignore[unpinned-uses]` are respected: they stand in the change, where a reader sees them.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from mesrai.analysers.program import Ran, bytes_for_copy, find_needed_program, find_program, run_program
from mesrai.analysers.workflow_files import is_action, is_workflow
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity
from mesrai.errors import AnalyserError

_AUDITS_FILE: Final = Path(__file__).with_name("data") / "zizmor_audits.toml"
_ALWAYS: Final = ("--offline", "--no-config", "--no-progress", "--no-exit-codes", "--color=never", "--format=json-v1")
_NOTHING_READ: Final = 3  # exit code: no file was fit to be audited
_UNREAD: Final = re.compile(r"failed to validate file://(\S+) as")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Audits:
    left_out: frozenset[str]
    severities: Mapping[str, Severity]
    audits: Mapping[str, Severity]


class Zizmor:
    """Zizmor, offline and without any configuration."""

    def __init__(self) -> None:
        self._is_installed = find_program("zizmor") is not None

    @property
    def name(self) -> str:
        """How it is called in findings and coverage."""
        return "zizmor"

    def covers(self, path: str) -> bool:
        """Workflows and actions, if zizmor is installed."""
        return self._is_installed and (is_workflow(path) or is_action(path))

    async def run(self, files: Mapping[str, str]) -> Sequence[Diagnostic]:
        """What zizmor says about these files."""
        if not files:
            return []
        copies = {
            f"{number}/action.yml" if is_action(path) else f"{number}/workflow.yml": path
            for number, path in enumerate(files)
        }
        contents = {name: bytes_for_copy(files[path]) for name, path in copies.items()}
        ran = await run_program(find_needed_program("zizmor"), [*_ALWAYS, *copies], contents)
        return [*_unread(ran, copies), *_diagnostics(ran, copies)]


def _unread(ran: Ran, copies: Mapping[str, str]) -> list[Diagnostic]:
    """A statement for each file that is YAML but neither a workflow nor an action."""
    names = [name for name in _UNREAD.findall(ran.complaint) if name in copies]
    return [
        Diagnostic(
            analyser="zizmor",
            code="invalid",
            path=copies[name],
            start_line=1,
            end_line=1,
            message="The file does not have the form that GitHub documents for it.",
            severity=Severity.MEDIUM,
            category=Category.BUG,
        )
        for name in names
    ]


def _diagnostics(ran: Ran, copies: Mapping[str, str]) -> list[Diagnostic]:
    if ran.code == _NOTHING_READ:
        return []
    if ran.code != 0:
        raise AnalyserError(f"zizmor ended with code {ran.code}: {ran.complaint}")
    audits = _audits()
    try:
        return [_diagnostic(each, copies, audits) for each in json.loads(ran.output) if _is_shown(each, audits)]
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise AnalyserError("zizmor's output has an unknown form") from error


def _is_shown(statement: Any, audits: _Audits) -> bool:
    grades = statement["determinations"]
    is_doubtful = grades["confidence"] == "Low" and grades["severity"] in ("Low", "Informational")
    return not statement["ignored"] and not is_doubtful and statement["ident"] not in audits.left_out


def _diagnostic(statement: Any, copies: Mapping[str, str], audits: _Audits) -> Diagnostic:
    place = next(each for each in statement["locations"] if each["symbolic"]["kind"] == "Primary")
    start = place["concrete"]["location"]["start_point"]["row"] + 1
    said = place["symbolic"]["annotation"]
    severity = audits.severities[statement["determinations"]["severity"]]
    return Diagnostic(
        analyser="zizmor",
        code=statement["ident"],
        path=copies[place["symbolic"]["key"]["Local"]["verbatim_path"].replace("\\", "/")],
        start_line=start,
        end_line=start,
        message=f"{statement['desc'].capitalize()}: {said}",
        severity=audits.audits.get(statement["ident"], severity),
        category=Category.SECURITY,
        url=statement["url"],
    )


@cache
def _audits() -> _Audits:
    with _AUDITS_FILE.open("rb") as file:
        table = tomllib.load(file)
    return _Audits(
        left_out=frozenset(table["left_out"]),
        severities={name: Severity(value) for name, value in table["severities"].items()},
        audits={name: Severity(value) for name, value in table["audits"].items()},
    )
