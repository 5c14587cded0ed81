"""Syntax trees of source files: which grammar a path needs, and parsing that ends in time on any text."""

import re
import time
from functools import cache
from importlib import import_module
from itertools import accumulate
from pathlib import PurePosixPath
from typing import Final

import tree_sitter

# Grammar → the module of its package, and the function in it.
_MODULES: Final = {
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
}
_SUFFIXES: Final = {
    ".c": "c",
    ".h": "cpp",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cxx": "cpp",
    ".hh": "cpp",
    ".hpp": "cpp",
    ".hxx": "cpp",
    ".cs": "csharp",
    ".go": "go",
    ".java": "java",
    ".js": "javascript",
    ".jsx": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".kt": "kotlin",
    ".kts": "kotlin",
    ".php": "php",
    ".phtml": "php",
    ".rb": "ruby",
    ".rake": "ruby",
    ".rs": "rust",
    ".ts": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".tsx": "tsx",
}
_MAX_OPEN_BRACKETS: Final = 800
_MAX_OPEN_ANGLES: Final = 300
_SECONDS: Final = 0.3
_SECONDS_PER_BYTE: Final = 2e-6  # ordinary code takes a tenth of it


class Unparsed(ValueError):
    """Parsing the text would take too long."""


def find_grammar(path: str) -> str | None:
    """The name of the grammar for a file of that name, or None if there is none."""
    return _SUFFIXES.get(PurePosixPath(path).suffix.lower())


@cache
def load_grammar(name: str) -> tree_sitter.Language:
    """The grammar of that name."""
    module, function = _MODULES[name]
    return tree_sitter.Language(getattr(import_module(module), function)())


def parse(source: bytes, grammar: str) -> tree_sitter.Tree:
    """The syntax tree. Raises Unparsed for text that no person wrote, which can take minutes and gigabytes."""
    if _is_too_deep(source):
        raise Unparsed
    allowed = _SECONDS + _SECONDS_PER_BYTE * len(source)
    end = time.thread_time() + allowed
    try:
        return tree_sitter.Parser(load_grammar(grammar)).parse(
            lambda at, _: source[at : at + 65_536], progress_callback=lambda *_: time.thread_time() > end
        )
    except ValueError as error:
        raise Unparsed from error


def _is_too_deep(source: bytes) -> bool:
    """Whether brackets are open many at a time, or angles that a grammar may take for type arguments."""
    steps = {ord(mark): 1 for mark in "([{"} | {ord(mark): -1 for mark in ")]}"}
    if sum(map(source.count, (b"(", b"[", b"{"))) > _MAX_OPEN_BRACKETS:
        marks = re.sub(rb"[^()\[\]{}]+", b"", source)
        if max(accumulate(steps[mark] for mark in marks)) > _MAX_OPEN_BRACKETS:
            return True
    if source.count(b"<") <= _MAX_OPEN_ANGLES:
        return False
    return any(run.count(b"<") - run.count(b">") > _MAX_OPEN_ANGLES for run in re.split(rb"[;{}]", source))
