"""Find definitions and imports by their look, in files that no grammar reads."""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from mesrai.review.code.definitions import Definition, Kind
from mesrai.review.code.language import Language

_NAME: Final = r"(?P<name>[A-Za-z_$][\w$:.-]*[?!]?)"
_WORDS: Final = {
    Kind.CLASS: "class|struct|object|actor|extension|impl|defmodule|contract|entity|union|record|message|package",
    Kind.INTERFACE: "interface|trait|protocol|defprotocol|service",
    Kind.ENUM: "enum",
    Kind.TYPE: "typealias|typedef|newtype|type",
    Kind.MODULE: "module|namespace|library",
    Kind.MACRO: "macro|defmacro",
    Kind.FUNCTION: "def|defp|defn|defun|func|function|fun|fn|sub|proc|procedure|method|fragment|query|mutation|rpc",
}
_MODIFIERS: Final = (
    r"@[\w.]+(?:\([^()]*\))?|abstract|async|case|class|const|data|declare|default|export|extern|final|fileprivate|implicit"
    r"|indirect|inline|internal|lazy|local|mutating|nonisolated|open|override|partial|private|protected|pub|public|sealed"
    r"|shared|static|unsafe|virtual"
)
_KEYWORD: Final = re.compile(
    rf"^\s*(?:(?:{_MODIFIERS})\s+){{0,6}}?(?:"
    + "|".join(f"(?P<{kind}>{words})" for kind, words in _WORDS.items())
    + r")\s+(?:\([^()]*\)\s*)?"
    + _NAME,
    re.IGNORECASE,
)
_SQL: Final = re.compile(
    r"^\s*(?:create|alter)\s+(?:or\s+replace\s+)?(?:temp\w*\s+)?(?P<what>table|view|function|procedure|trigger|index|type)\s+"
    r"(?:if\s+not\s+exists\s+)?[\"`\[]?(?P<name>[\w.\"`]+)",
    re.IGNORECASE,
)
_SHELL: Final = re.compile(r"^\s*(?P<name>[A-Za-z_][\w:.-]*)\s*\(\s*\)\s*(?:\{|$)")
_C_LIKE: Final = re.compile(r"^\s*(?:[\w<>\[\],.*&?]+\s+){1,6}[*&]*(?P<name>[A-Za-z_]\w*)\s*\([^;=]*$")
_LABELLED: Final = re.compile(
    r"^(?:resource|data|module|variable|output|provider)\s+\"(?P<name>[^\"]+)\"(?:\s+\"(?P<second>[^\"]+)\")?\s*\{"
)
_TARGET: Final = re.compile(r"^(?P<name>[A-Za-z_][\w./-]*)\s*:(?![=:])")
_NOT_NAMES: Final = frozenset(
    "if for while switch catch return else elif until foreach case when do with new await".split()
)
_IMPORT: Final = re.compile(
    r"^\s*(?:local\s+\w+\s*=\s*)?(?:import|from|use|using|require|include|#include|#import|source|open|load|\.)\s+\S",
    re.IGNORECASE,
)
_CLOSING: Final = re.compile(r"\s*(?:end\b|esac\b|fi\b|done\b|[)\]}])", re.IGNORECASE)
_DEEPEST: Final = 40  # definitions inside one another whose names are joined
_LONGEST_LINE: Final = 400  # a longer one defines nothing


def plain_definitions(lines: Sequence[str], language: Language) -> list[Definition]:
    """What looks like a definition, outer ones before what is in them."""
    if not language.is_code:
        return []
    heads = [(at, *head) for at, line in enumerate(lines) if (head := _head(line, language)) is not None]
    ends = _Ends(lines) if heads else None
    result: list[Definition] = []
    outers: list[Definition] = []
    for at, name, kind in heads:
        while outers and outers[-1].end_line <= at:
            outers.pop()
        outer = outers[-1] if outers else None
        end = ends.of(at) + 1 if ends else at + 1
        made = Definition(
            name=name,
            kind=Kind.METHOD if kind is Kind.FUNCTION and outer and outer.kind.has_methods else kind,
            start_line=at + 1,
            end_line=min(end, outer.end_line) if outer else end,
            name_line=at + 1,
            signature_end_line=at + 1,
            parent=outer.qualified if outer and len(outers) < _DEEPEST else "",
        )
        result.append(made)
        outers.append(made)
    return result


def plain_block(lines: Sequence[str], line: int) -> tuple[int, int]:
    """First and last line of the smallest block that holds the line: a head, and what is indented under it."""
    at = line - 1
    while at > 0 and not lines[at].strip():
        at -= 1
    depth = _indent(lines[at])
    head = next((row for row in range(at, -1, -1) if lines[row].strip() and _indent(lines[row]) < depth), at)
    return min(head + 1, line), max(_indented_end(lines, head) + 1, line)


def plain_imports(lines: Sequence[str]) -> list[tuple[int, int]]:
    """First and last line of what looks like an import."""
    return [(at, at) for at, line in enumerate(lines, 1) if len(line) < _LONGEST_LINE and _IMPORT.match(line)]


def is_comment(line: str, language: Language) -> bool:
    """Whether the line looks like nothing but a comment, or a line inside of a block comment."""
    text = line.strip()
    if not text:
        return False
    starts = (*language.line_comments, *(start for start, _ in language.block_comments))
    if text.startswith(starts):
        return True
    return any(text.endswith(end) for _, end in language.block_comments) or (
        ("/*", "*/") in language.block_comments and text.startswith("*")
    )


def _head(line: str, language: Language) -> tuple[str, Kind] | None:
    """The name and kind that a line defines."""
    if len(line) > _LONGEST_LINE or not line.strip() or is_comment(line, language):
        return None
    if language.name == "make":
        target = _TARGET.match(line)
        return (target["name"], Kind.BLOCK) if target else None
    found = _KEYWORD.match(line)
    if found is not None:
        kind = next(kind for kind in _WORDS if found[kind])
        return found["name"].rstrip(":.-"), kind
    return _other_head(line)


def _other_head(line: str) -> tuple[str, Kind] | None:
    if found := _SQL.match(line):
        is_function = found["what"].lower() in ("function", "procedure", "trigger")
        return found["name"].strip('"`'), Kind.FUNCTION if is_function else Kind.TYPE
    if found := _LABELLED.match(line):
        return ".".join(filter(None, (found["name"], found["second"]))), Kind.BLOCK
    found = _SHELL.match(line) or _C_LIKE.match(line)
    if found is None or found["name"] in _NOT_NAMES or line.split(None, 1)[0] in _NOT_NAMES:
        return None
    return found["name"], Kind.FUNCTION


class _Ends:
    """Where blocks end, for any line of a file, found in one pass."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        changes = [line.count("{") - line.count("}") for line in lines]
        self._after = list(accumulate(changes))  # braces open after each line
        self._closed = _next_below(self._after)
        indents = [_indent(line) if line.strip() else -1 for line in lines]
        self._dedented = _next_dedent(indents)

    def of(self, at: int) -> int:
        """The last line of the block that begins on a line; both counted from 0."""
        before = self._after[at - 1] if at else 0
        if self._after[at] > before:
            return self._closing(at, before)
        for row in range(at + 1, min(at + 3, len(self._lines))):  # a brace on a line of its own
            if self._after[row] > before and self._lines[row].lstrip().startswith("{"):
                return self._closing(row, before)
        return at if "{" in self._lines[at] else self._last_indented(at)

    def _closing(self, opening: int, before: int) -> int:
        row = opening
        while row < len(self._lines) and self._after[row] > before:
            row = self._closed[row]
        return min(row, len(self._lines) - 1)

    def _last_indented(self, at: int) -> int:
        """The last line that is indented under `at`, with a closing word or bracket after it."""
        following = self._dedented[at]
        if following < len(self._lines) and _closes(self._lines[following], self._lines[at]):
            return following
        last = following - 1
        while last > at and not self._lines[last].strip():
            last -= 1
        return last


def _next_below(depths: Sequence[int]) -> list[int]:
    """For each row, the next one whose depth is lower; the number of rows if there is none."""
    result = [len(depths)] * len(depths)
    waiting: list[int] = []
    for row, depth in enumerate(depths):
        while waiting and depths[waiting[-1]] > depth:
            result[waiting.pop()] = row
        waiting.append(row)
    return result


def _next_dedent(indents: Sequence[int]) -> list[int]:
    """For each row, the next one with text that is not indented more; the number of rows if there is none."""
    result = [len(indents)] * len(indents)
    waiting: list[int] = []
    for row, indent in enumerate(indents):
        if indent < 0:
            continue
        while waiting and indents[waiting[-1]] >= indent:
            result[waiting.pop()] = row
        waiting.append(row)
    return result


def _indented_end(lines: Sequence[str], head: int) -> int:
    depth = _indent(lines[head])
    last = head
    for row in range(head + 1, len(lines)):
        if lines[row].strip():
            if _indent(lines[row]) <= depth:
                return row if _closes(lines[row], lines[head]) else last
            last = row
    return last


def _closes(line: str, head: str) -> bool:
    return _indent(line) == _indent(head) and _CLOSING.match(line) is not None


def _indent(line: str) -> int:
    expanded = line.expandtabs(8) if "\t" in line else line
    return len(expanded) - len(expanded.lstrip())
