"""Syntax trees of source files: which grammar a path needs, and parsing that ends in time on any text."""

from pathlib import PurePosixPath
from typing import Final

import tree_sitter

from mesrai.domain import bounded_parse

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


class Unparsed(ValueError):
    """Parsing the text would take too long."""


def find_grammar(path: str) -> str | None:
    """The name of the grammar for a file of that name, or None if there is none."""
    return _SUFFIXES.get(PurePosixPath(path).suffix.lower())


def load_grammar(name: str) -> tree_sitter.Language:
    """The grammar of that name."""
    return bounded_parse.load_grammar(*_MODULES[name])


def parse(source: bytes, grammar: str) -> tree_sitter.Tree:
    """The syntax tree. Raises Unparsed for text that no person wrote, which can take minutes and gigabytes."""
    tree = bounded_parse.find_tree(source, load_grammar(grammar), nests_angles=True)
    if tree is None:
        raise Unparsed
    return tree
