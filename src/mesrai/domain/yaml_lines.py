"""YAML read into a small tree in which every node knows its line.

PyYAML's own composers are not used: with its C loader, ten thousand nested brackets end the process by a stack
overflow, and aliases can make a small file stand for a huge one. Here depth and size are bounded, an alias stays an
alias, and tags construct nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

MAX_BYTES: Final = 512 * 1024
MAX_DEPTH: Final = 40

# These end a line for libyaml, but not for git and editors: line numbers would differ.
_ODD_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A single value, as text."""

    text: str
    plain: bool  # not quoted, so it may stand for a number, a truth value or nothing
    line: int  # 1-based

    @property
    def is_null(self) -> bool:
        """Whether it stands for nothing."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A reference to another node; it is not followed."""

    name: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A sequence."""

    items: tuple["Node", ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A mapping; equal keys may stand in it more than once."""

    pairs: tuple[tuple["Node", "Node"], ...]
    line: int

    def find(self, key: str) -> "Node | None":
        """The first value of `key`, or None if there is none."""
        return next((value for name, value in self.pairs if isinstance(name, Scalar) and name.text == key), None)


Node = Scalar | Alias | Listing | Table


class YamlProblem(ValueError):
    """The text is no YAML, or goes beyond what is read here."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read_yaml(raw: bytes | str) -> Node:
    """The one document in `raw`; an empty scalar if there is none. Raises YamlProblem."""
    text = _ODD_LINE_ENDS.sub(lambda end: "\n" if end[0] == "\r\n" else " ", _decoded(raw))
    open_nodes: list[tuple[str, int, list[Node]]] = []
    roots: list[Node] = []
    for event in _events(text):
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "DocumentStartEvent" and roots:
            raise YamlProblem("a second document starts here; only one is read", line=line)
        siblings = open_nodes[-1][2] if open_nodes else roots
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(open_nodes) >= MAX_DEPTH:
                raise YamlProblem(f"nested deeper than {MAX_DEPTH} levels", line=line)
            open_nodes.append((kind, line, []))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            node = _closed(*open_nodes.pop())
            (open_nodes[-1][2] if open_nodes else roots).append(node)
        elif kind == "ScalarEvent":
            siblings.append(Scalar(text=event.value, plain=event.implicit[0], line=line))
        elif kind == "AliasEvent":
            siblings.append(Alias(name=event.anchor, line=line))
    return roots[0] if roots else Scalar(text="", plain=True, line=1)


def _closed(kind: str, line: int, children: list[Node]) -> Node:
    if kind == "SequenceStartEvent":
        return Listing(items=tuple(children), line=line)
    return Table(pairs=tuple(zip(children[::2], children[1::2], strict=True)), line=line)


def _decoded(raw: bytes | str) -> str:
    if len(raw) > MAX_BYTES:
        raise YamlProblem(f"larger than {MAX_BYTES // 1024} KiB", line=1)
    if isinstance(raw, str):
        return raw.removeprefix("\ufeff").encode("utf-8", "replace").decode()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlProblem("not UTF-8 text", line=raw.count(b"\n", 0, error.start) + 1) from error


def _events(text: str) -> Iterator[Any]:
    """PyYAML's events, its errors as YamlProblem."""
    # Loading PyYAML costs more than the start of the program: only those who have a file to read pay for it.
    import yaml  # noqa: PLC0415

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a PyYAML built without libyaml has only the second
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or "not YAML"
        if "alias" in (error.context or ""):
            problem = "a value that begins with `*` needs quotes"
        raise YamlProblem(problem, line=mark.line + 1 if mark else 1) from error
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise YamlProblem("a control character that YAML does not allow", line=line) from error
