"""Run every analyser over the files it covers, all at the same time; one that fails is told, never left out."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mesrai.analysers.analyser import Analyser
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.errors import AnalyserError

MAX_FILE_CHARS: Final = 1_000_000  # of one file; a larger one is not analysed, and a failure says so
SECOND_TRY_S: Final = 20.0  # for all files of an analyser that failed on them together

_HARDCODED: Final = frozenset(("S105", "S106", "S107"))  # ruff's names for what `secrets` looks for more closely


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyserFailure:
    """What an analyser did not do."""

    analyser: str
    message: str
    paths: tuple[str, ...]  # the files it said nothing about


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What all analysers said, and what they could not look at."""

    diagnostics: tuple[Diagnostic, ...]  # by path and line
    failures: tuple[AnalyserFailure, ...]


async def run_analysers(analysers: Sequence[Analyser], files: Mapping[str, str]) -> Analysis:
    """Run the analysers on the files (path → whole text) they cover. Raises nothing of its own.

    One that fails on all its files together is asked about each alone, so that one bad file does not silence the
    rest. What two say with the same code about the same line is kept once, from the analyser that comes first.
    """
    results = await asyncio.gather(*(_analyse(analyser, files) for analyser in analysers))
    return Analysis(
        diagnostics=tuple(_distinct([each for found, _ in results for each in found])),
        failures=tuple(each for _, failures in results for each in failures),
    )


async def _analyse(
    analyser: Analyser, files: Mapping[str, str]
) -> tuple[Sequence[Diagnostic], Sequence[AnalyserFailure]]:
    covered = {path: text for path, text in files.items() if analyser.covers(path)}
    unread = {path: f"larger than {MAX_FILE_CHARS:,} characters" for path in covered if _is_large(covered[path])}
    found: Sequence[Diagnostic] = []
    small = {path: text for path, text in covered.items() if path not in unread}
    if small:
        try:
            found = await analyser.run(small)
        except AnalyserError as error:
            found, failed = await _one_by_one(analyser, small, error)
            unread.update(failed)
    return found, _failures(analyser.name, unread)


def _is_large(text: str) -> bool:
    return len(text) > MAX_FILE_CHARS


async def _one_by_one(
    analyser: Analyser, files: Mapping[str, str], first: AnalyserError
) -> tuple[list[Diagnostic], dict[str, str]]:
    """What the analyser says about each file alone, and why it says nothing about some, by path."""
    found: list[Diagnostic] = []
    failed = dict.fromkeys(files, first.message)
    if len(files) == 1:
        return found, failed
    try:
        async with asyncio.timeout(SECOND_TRY_S):
            for path, text in files.items():
                try:
                    found.extend(await analyser.run({path: text}))
                    del failed[path]
                except AnalyserError as error:
                    failed[path] = error.message
    except TimeoutError:
        pass  # the files that are left keep the first failure
    return found, failed


def _failures(name: str, unread: Mapping[str, str]) -> list[AnalyserFailure]:
    """One failure for each reason."""
    paths: dict[str, list[str]] = {}
    for path, reason in unread.items():
        paths.setdefault(reason, []).append(path)
    return [AnalyserFailure(analyser=name, message=reason, paths=tuple(of)) for reason, of in paths.items()]


def _distinct(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Each statement once, free of secrets, in the order of the files' lines."""
    with_secret = {(each.path, each.start_line) for each in found if each.analyser == "secrets"}
    first: dict[tuple[str, int, str], Diagnostic] = {}
    for each in found:
        if each.code in _HARDCODED and (each.path, each.start_line) in with_secret:
            continue
        first.setdefault((each.path, each.start_line, each.code), each)
    return _ordered(replace(each, message=redact_secrets(each.message)[0]) for each in first.values())


def _ordered(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    return sorted(found, key=lambda each: (each.path, each.start_line, each.severity.rank, each.analyser, each.code))
