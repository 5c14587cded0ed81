"""The words for what a file of code holds: definitions, uses of names, and import statements."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What sort of definition it is."""

    FUNCTION = "function"
    METHOD = "method"  # a function directly inside a class, an interface or a type
    CLASS = "class"  # also struct, record, object, union, implementation block
    INTERFACE = "interface"  # also trait, protocol
    ENUM = "enum"
    TYPE = "type"
    MODULE = "module"  # also namespace
    MACRO = "macro"
    CONSTANT = "constant"  # a named value outside functions: constant, variable, field, property
    BLOCK = "block"  # lines that belong together, named by their first; only where nothing better is known

    @property
    def is_function(self) -> bool:
        """Whether it runs when called."""
        return self in (Kind.FUNCTION, Kind.METHOD)

    @property
    def has_methods(self) -> bool:
        """Whether a function directly inside it is a method."""
        return self in _WITH_METHODS


_WITH_METHODS: Final = frozenset({Kind.CLASS, Kind.INTERFACE, Kind.ENUM, Kind.TYPE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One definition. Lines are 1-based and inclusive."""

    name: str
    kind: Kind
    start_line: int  # of its decorators or attributes, if it has some
    end_line: int
    name_line: int
    signature_end_line: int  # the last line before its body
    parent: str = ""  # the qualified name of what it stands in or belongs to

    @property
    def qualified(self) -> str:
        """The name with those around it: `Cart.total`."""
        return f"{self.parent}.{self.name}" if self.parent else self.name

    @property
    def line_count(self) -> int:
        """How many lines it has."""
        return self.end_line - self.start_line + 1

    def holds(self, line: int) -> bool:
        """Whether the line is in it."""
        return self.start_line <= line <= self.end_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A name on a line that is not its definition."""

    name: str
    line: int  # 1-based
    is_call: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStatement:
    """A statement that names other files or packages."""

    start_line: int  # 1-based, inclusive
    end_line: int
    text: str
