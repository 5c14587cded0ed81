"""Rules of ours on syntax trees, for languages whose own analysers are not at hand: few, and seldom wrong.

A rule is a tree-sitter query in data/structure/*.toml; what it captures as @hit is what is shown.
"""

import asyncio
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal

from tree_sitter import Node, Query, QueryCursor

from mesrai.analysers.program import bytes_for_copy
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity
from mesrai.domain.grammars import Unparsed, find_grammar, load_grammar, parse
from mesrai.domain.path_kinds import is_test_path
from mesrai.errors import AnalyserError

_RULES_FOLDER: Final = Path(__file__).with_name("data") / "structure"
# Which files of rules hold for a grammar.
_RULE_FILES: Final = {
    "c": ("c",),
    "cpp": ("c", "cpp"),
    "csharp": ("csharp",),
    "go": ("go",),
    "java": ("java",),
    "javascript": ("javascript", "jsx"),
    "kotlin": ("kotlin",),
    "php": ("php",),
    "ruby": ("ruby",),
    "rust": ("rust",),
    "tsx": ("javascript", "jsx"),
    "typescript": ("javascript",),
}
_MAX_MATCHES: Final = 4_096  # in progress at a time, in one file


class Where(StrEnum):
    """Which files a rule is for."""

    CODE = "code"  # not tests
    TESTS = "tests"  # nothing but tests
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureRule:
    """One rule, as its file has it."""

    code: str
    message: str
    severity: Severity
    category: Category
    where: Where
    needs: tuple[str, ...]  # a file without any of these words is not searched; empty: every file is
    query: str  # one or more patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class _RuleSet:
    query: Query
    by_pattern: tuple[StructureRule, ...]


class Structure:
    """The rules on syntax trees."""

    @property
    def name(self) -> str:
        """How it is called in findings and coverage."""
        return "structure"

    def covers(self, path: str) -> bool:
        """Source files of the languages there are rules for."""
        return find_grammar(path) is not None and not path.endswith((".min.js", ".d.ts"))

    async def run(self, files: Mapping[str, str]) -> Sequence[Diagnostic]:
        """What the rules say about these files."""
        by_grammar: dict[str, dict[str, str]] = {}
        for path, text in files.items():
            by_grammar.setdefault(find_grammar(path) or "", {})[path] = text
        by_grammar.pop("", None)
        found: list[Diagnostic] = []
        for grammar, of_grammar in by_grammar.items():
            needed = await asyncio.to_thread(_needed_rules, grammar, of_grammar)
            for path, text in of_grammar.items():
                found.extend(await asyncio.to_thread(_of_file, path, text, grammar, needed))
        return found


@cache
def rules_of(file: str) -> tuple[StructureRule, ...]:
    """The rules of one file in data/structure, named without its suffix."""
    with (_RULES_FOLDER / f"{file}.toml").open("rb") as opened:
        table = tomllib.load(opened)
    return tuple(
        StructureRule(
            code=row["code"],
            message=row["message"],
            severity=Severity(row["severity"]),
            category=Category(row["category"]),
            where=Where(row.get("where", "code")),
            needs=tuple(row.get("needs", ())),
            query=row["query"],
        )
        for row in table["rule"]
    )


def _needed_rules(grammar: str, files: Mapping[str, str]) -> tuple[StructureRule, ...]:
    """The rules that can say something about one of the files. Compiling a query takes longer than running it."""
    return tuple(
        rule
        for file in _RULE_FILES[grammar]
        for rule in rules_of(file)
        if not rule.needs or any(word in text for text in files.values() for word in rule.needs)
    )


@lru_cache(maxsize=32)
def _rule_set(grammar: str, rules: tuple[StructureRule, ...]) -> _RuleSet:
    """The rules as one query, so that a tree is walked once."""
    starts = [0]
    for rule in rules:
        starts.append(starts[-1] + len(rule.query.encode()) + 1)
    query = Query(load_grammar(grammar), "\n".join(rule.query for rule in rules) + "\n")
    by_pattern: list[StructureRule] = []
    at = 0
    for pattern in range(query.pattern_count):
        while query.start_byte_for_pattern(pattern) >= starts[at + 1]:
            at += 1
        by_pattern.append(rules[at])
    return _RuleSet(query=query, by_pattern=tuple(by_pattern))


def _of_file(path: str, text: str, grammar: str, rules: tuple[StructureRule, ...]) -> list[Diagnostic]:
    source = bytes_for_copy(text)
    try:
        tree = parse(source, grammar)
    except Unparsed as error:
        raise AnalyserError("the syntax is too tangled to be read in time") from error
    compiled = _rule_set(grammar, rules)
    cursor = QueryCursor(compiled.query, match_limit=_MAX_MATCHES)
    return list(_hits(path, cursor, tree.root_node, compiled.by_pattern))


def _hits(path: str, cursor: QueryCursor, root: Node, rules: Sequence[StructureRule]) -> Iterator[Diagnostic]:
    is_test = is_test_path(path)
    for pattern, captures in cursor.matches(root, _holds):
        rule = rules[pattern]
        if rule.where is (Where.CODE if is_test else Where.TESTS):
            continue
        hit = captures["hit"][0]
        if not _is_in_broken_code(hit):
            yield _diagnostic(path, hit, rule)


def _holds(
    predicate: str,
    args: list[tuple[str, Literal["capture", "string"]]],
    pattern_index: int,  # noqa: ARG001 - tree-sitter calls with these four
    captures: dict[str, list[Node]],
) -> bool:
    """Predicates of ours, on the fields of a node. They spare queries deep patterns, which are slow to compile."""
    node = captures[args[0][0]][0]
    words = [value for value, _ in args[1:]]
    field = node.child_by_field_name(words[0])
    if predicate == "same-fields?":
        other = node.child_by_field_name(words[1])
        return field is not None and other is not None and field.text == other.text
    is_kind = field is not None and field.type in words[1:]
    return not is_kind if predicate == "not-field-kind?" else is_kind


def _is_in_broken_code(node: Node) -> bool:
    """Whether the parser had to guess here: then the tree may not be what is written."""
    parent = node.parent
    return node.has_error or (parent is not None and parent.is_error)


def _diagnostic(path: str, hit: Node, rule: StructureRule) -> Diagnostic:
    return Diagnostic(
        analyser="structure",
        code=rule.code,
        path=path,
        start_line=hit.start_point.row + 1,
        end_line=hit.end_point.row + 1,
        message=rule.message,
        severity=rule.severity,
        category=rule.category,
    )
