"""What is known of one programming language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mesrai.review.code.definitions import Kind


class Imports(StrEnum):
    """How an import statement names what it imports."""

    DOTTED = "dotted"  # a.b.C, relative with leading dots
    QUOTED = "quoted"  # a path in quotes or angle brackets
    COLONS = "colons"  # a::b::C
    BACKSLASHES = "backslashes"  # A\B\C


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language. Words in a text are separated by spaces; names of node types are those of its grammar."""

    name: str
    suffixes: str = ""
    filenames: str = ""  # lower case
    interpreters: str = ""  # programs that a first line #! names
    family: str = ""  # equal for languages whose files use one another's definitions; the name if empty
    line_comments: tuple[str, ...] = ()
    block_comments: tuple[tuple[str, str], ...] = ()
    is_code: bool = True  # False for texts and data
    grammar: str = ""  # the module of its grammar; empty if there is none
    loader: str = "language"  # the function of that module that gives it
    within: str = ""  # the tag of the elements that hold it, if a file is not wholly in this language
    nests_angles: bool = False  # the grammar takes any < for the start of type arguments, and guesses until it closes
    kinds: Mapping[str, Kind] = field(default_factory=dict)  # node type → what it defines
    values: str = ""  # define a value outside functions, or a function if what they hold is one
    bindings: str = ""  # define a function if what they hold is one, and nothing otherwise
    functions: str = ""  # the values that are functions
    bodied: str = ""  # of `kinds`, those that define something only if they have a body
    opaque: str = ""  # hold no definitions, beside those types that hold none in any language
    leads: str = ""  # stand before a definition and belong to it
    names: str = "identifier"
    call: str = ""  # calls the name in its field "method", though no parenthesis may follow
    imports: str = ""
    import_line: str = ""  # a regular expression for imports that have no node type of their own
    import_style: Imports = Imports.QUOTED

    @property
    def relatives(self) -> str:
        """What is equal for languages that use one another's definitions."""
        return self.family or self.name
