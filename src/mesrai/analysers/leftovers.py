"""What must not stand in any text file: conflict markers of git, and characters that hide what the code does."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity
from mesrai.domain.path_kinds import is_example_path, is_test_path

_OURS: Final = re.compile(r"^<{7}(?: .*)?$", re.MULTILINE)
_MIDDLE: Final = re.compile(r"^={7}$", re.MULTILINE)
_THEIRS: Final = re.compile(r"^>{7}(?: .*)?$", re.MULTILINE)
# https://trojansource.codes: embeddings, overrides and isolates; and tag characters, which show as nothing at all.
_REORDERING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAGS: Final = re.compile("(?<!\U0001f3f4)(?<![\U000e0020-\U000e007f])[\U000e0020-\U000e007f]")


class Leftovers:
    """Conflict markers and hidden characters."""

    @property
    def name(self) -> str:
        """How it is called in findings and coverage."""
        return "leftovers"

    def covers(self, path: str) -> bool:
        """Every text file but pictures and recorded output."""
        return not path.endswith((".svg", ".snap"))

    async def run(self, files: Mapping[str, str]) -> Sequence[Diagnostic]:
        """Each place where such a thing stands."""
        return [each for path, text in files.items() for each in await asyncio.to_thread(_of_file, path, text)]


def _of_file(path: str, text: str) -> list[Diagnostic]:
    return list(_statements(path, text))


def _statements(path: str, text: str) -> Iterator[Diagnostic]:
    text = text.replace("\r\n", "\n")
    if "<<<<<<<" in text and not (is_test_path(path) or is_example_path(path)):
        yield from _conflicts(path, text)
    if text.isascii():
        return
    for regex, what in ((_REORDERING, "show text in another order than it runs"), (_TAGS, "are invisible")):
        lines = sorted({text.count("\n", 0, match.start()) + 1 for match in regex.finditer(text)})
        message = f"The line holds control characters that {what}. Remove them, or write them as escapes."
        for line in lines:
            yield _diagnostic(path, (line, line), "hidden-characters", message, Severity.MEDIUM, Category.SECURITY)


def _conflicts(path: str, text: str) -> Iterator[Diagnostic]:
    """One for each whole conflict: its three markers, in order. A lone one may be an underline or a quotation."""
    at = 0
    while ours := _OURS.search(text, at):
        theirs = _THEIRS.search(text, ours.end())
        if theirs is None:
            return
        if _MIDDLE.search(text, ours.end(), theirs.start()):
            lines = (text.count("\n", 0, ours.start()) + 1, text.count("\n", 0, theirs.start()) + 1)
            message = "A merge conflict was committed without being resolved."
            yield _diagnostic(path, lines, "merge-conflict", message, Severity.HIGH, Category.BUG)
        at = theirs.end()


def _diagnostic(
    path: str, lines: tuple[int, int], code: str, message: str, severity: Severity, category: Category
) -> Diagnostic:
    return Diagnostic(
        analyser="leftovers",
        code=code,
        path=path,
        start_line=lines[0],
        end_line=lines[1],
        message=message,
        severity=severity,
        category=category,
    )
