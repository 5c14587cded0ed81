"""The shapes a value of the policy file may have: each reads a YAML node, and describes itself for schema and page."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mesrai.domain.globs import MAX_PATTERN_CHARS, check_glob
from mesrai.domain.yaml_lines import Alias, Listing, Node, Scalar, Table

_TRUE = frozenset(("true", "yes", "on"))
_FALSE = frozenset(("false", "no", "off"))
_LETTERS = "[A-Za-z() \u00c0-\u1fff\u3040-\ud7ff-]*"  # the signs of most scripts; no digit, no quote, no line end
_KINDS = {Scalar: "a single value", Alias: "an alias", Listing: "a list", Table: "a mapping"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with the file."""

    line: int
    text: str


class Misshapen(ValueError):
    """A node does not have the shape it should have."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = problems


class Shape(Protocol):
    """What a value may be."""

    def read(self, node: Node, name: str) -> Any:
        """The value. Raises Misshapen with every problem found."""
        ...

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        ...

    def allowed(self) -> str:
        """In words, what the value may be."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """True or false."""

    def read(self, node: Node, name: str) -> bool:
        """The truth value."""
        if isinstance(node, Scalar) and node.plain and node.text.lower() in _TRUE | _FALSE:
            return node.text.lower() in _TRUE
        raise _misshapen(node, name, self)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"type": "boolean"}

    def allowed(self) -> str:
        """In words."""
        return "true or false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A whole number within bounds."""

    least: int = 0
    most: int = 999_999

    def read(self, node: Node, name: str) -> int:
        """The number."""
        if isinstance(node, Scalar) and node.plain and re.fullmatch(r"[0-9]{1,6}", node.text):
            number = int(node.text)
            if self.least <= number <= self.most:
                return number
        raise _misshapen(node, name, self)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def allowed(self) -> str:
        """In words."""
        return f"a whole number from {self.least} to {self.most}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words."""

    words: Sequence[str]
    build: Callable[[str], Any] = str

    def read(self, node: Node, name: str) -> Any:
        """The word, as what it stands for."""
        if isinstance(node, Scalar) and node.text.lower() in self.words:
            return self.build(node.text.lower())
        raise _misshapen(node, name, self)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"enum": list(self.words)}

    def allowed(self) -> str:
        """In words."""
        return "one of " + ", ".join(f"`{word}`" for word in self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text of limited length; a number without quotes is taken as text too."""

    max_chars: int
    may_be_empty: bool = False

    def read(self, node: Node, name: str) -> str:
        """The text."""
        if not isinstance(node, Scalar) or node.is_null:
            raise _misshapen(node, name, self)
        if len(node.text) > self.max_chars:
            raise Misshapen(Problem(line=node.line, text=f"`{name}` is longer than {self.max_chars} characters"))
        if not node.text.strip() and not self.may_be_empty:
            raise Misshapen(Problem(line=node.line, text=f"`{name}` is empty"))
        return node.text

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        shortest: dict[str, Any] = {} if self.may_be_empty else {"minLength": 1}
        return {"type": ["string", "number"], "maxLength": self.max_chars, **shortest}

    def allowed(self) -> str:
        """In words."""
        return f"text of at most {self.max_chars} characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A few words, such as the name of a language, without digits and punctuation. May be empty."""

    max_chars: int

    def read(self, node: Node, name: str) -> str:
        """The words."""
        text = Text(max_chars=self.max_chars, may_be_empty=True).read(node, name).strip()
        if re.fullmatch(_LETTERS, text):
            return text
        raise _misshapen(node, name, self)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"type": "string", "maxLength": self.max_chars, "pattern": f"^{_LETTERS}$"}

    def allowed(self) -> str:
        """In words."""
        return f"words of at most {self.max_chars} characters, without digits and punctuation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Glob:
    """A path pattern."""

    def read(self, node: Node, name: str) -> str:
        """The pattern."""
        text = Text(max_chars=MAX_PATTERN_CHARS).read(node, name)
        try:
            check_glob(text)
        except ValueError as error:
            raise Misshapen(Problem(line=node.line, text=f"`{name}`: {error}")) from error
        return text

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return {"type": "string", "minLength": 1, "maxLength": MAX_PATTERN_CHARS}

    def allowed(self) -> str:
        """In words."""
        return "a path pattern"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """Several values of one shape."""

    item: Shape
    max_items: int = 1_000
    may_be_single: bool = False  # one value without the list is taken as a list of one

    def read(self, node: Node, name: str) -> tuple[Any, ...]:
        """The values."""
        if self.may_be_single and isinstance(node, Scalar) and not node.is_null:
            return (self.item.read(node, name),)
        if not isinstance(node, Listing):
            raise _misshapen(node, name, self)
        if len(node.items) > self.max_items:
            raise Misshapen(Problem(line=node.line, text=f"`{name}` has more than {self.max_items} items"))
        values: list[Any] = []
        problems: list[Problem] = []
        for number, item in enumerate(node.items, start=1):
            try:
                values.append(self.item.read(item, f"{name}[{number}]"))
            except Misshapen as error:
                problems.extend(error.problems)
        if problems:
            raise Misshapen(*problems)
        return tuple(values)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        listed = {"type": "array", "items": self.item.schema(), "maxItems": self.max_items}
        return {"anyOf": [listed, self.item.schema()]} if self.may_be_single else listed

    def allowed(self) -> str:
        """In words."""
        return f"a list, each item {self.item.allowed()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a record."""

    name: str  # as it is written in the file
    into: str  # the argument of the record's `build`
    shape: Shape
    meaning: str  # for the page and the schema
    others: tuple[str, ...] = ()  # other names it goes by
    is_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A mapping with known keys. A key without a value counts as not given."""

    fields: tuple[Field, ...]
    build: Callable[..., Any]

    def read(self, node: Node, name: str) -> Any:
        """What `build` makes of the values."""
        if not isinstance(node, Table):
            raise _misshapen(node, name, self)
        fields = {key: field for field in self.fields for key in (field.name, *field.others)}
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        first_lines: dict[str, int] = {}
        for key, value in node.pairs:
            try:
                field = self._field(key, fields, first_lines, name)
                if not (isinstance(value, Scalar) and value.is_null) or field.is_required:
                    values[field.into] = field.shape.read(value, _below(name, field.name))
            except Misshapen as error:
                problems.extend(error.problems)
        problems.extend(
            Problem(line=node.line, text=f"`{_below(name, field.name)}` is missing")
            for field in self.fields
            if field.is_required and field.name not in first_lines
        )
        if problems:
            raise Misshapen(*problems)
        return self.build(**values)

    def given(self, node: Node, name: str = "") -> dict[str, tuple[Any, int]]:
        """Each single value that stands in a node which `read` takes, by its full key, with its line."""
        if not isinstance(node, Table):
            return {}
        fields = {key: field for field in self.fields for key in (field.name, *field.others)}
        found: dict[str, tuple[Any, int]] = {}
        for key, value in node.pairs:
            if not isinstance(key, Scalar) or (isinstance(value, Scalar) and value.is_null):
                continue
            shape, full = fields[key.text].shape, _below(name, fields[key.text].name)
            if isinstance(shape, Record):
                found |= shape.given(value, full)
            else:
                found[full] = (shape.read(value, full), key.line)
        return found

    def built(self, values: Mapping[str, Any], name: str = "") -> Any:
        """What `build` makes of single values by their full keys; what is not among them is left out."""
        arguments: dict[str, Any] = {}
        for field in self.fields:
            full = _below(name, field.name)
            if not isinstance(field.shape, Record):
                arguments |= {field.into: values[full]} if full in values else {}
            elif any(key.startswith(f"{full}.") for key in values):
                arguments[field.into] = field.shape.built(values, full)
        return self.build(**arguments)

    def _field(self, key: Node, fields: Mapping[str, Field], first_lines: dict[str, int], name: str) -> Field:
        """The field a key means. Raises Misshapen for an unknown key and for one that stood before."""
        if not isinstance(key, Scalar) or key.text not in fields:
            raise Misshapen(Problem(line=key.line, text=_unknown(key, list(fields), name)))
        field = fields[key.text]
        if field.name in first_lines:
            again = f"`{_below(name, key.text)}` is given twice; the first is on line {first_lines[field.name]}"
            raise Misshapen(Problem(line=key.line, text=again))
        first_lines[field.name] = key.line
        return field

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        properties = {
            name: {"description": field.meaning, **field.shape.schema()}
            for field in self.fields
            for name in (field.name, *field.others)
        }
        required = [field.name for field in self.fields if field.is_required and not field.others]
        shape: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**shape, "required": required} if required else shape

    def allowed(self) -> str:
        """In words."""
        return "a mapping with the keys " + ", ".join(f"`{field.name}`" for field in self.fields)


def _misshapen(node: Node, name: str, shape: Shape) -> Misshapen:
    found = _KINDS[type(node)]
    if isinstance(node, Alias):
        text = f"`{name}` is an alias (`*{node.name[:40]}`); a value that begins with `*` needs quotes"
        return Misshapen(Problem(line=node.line, text=text))
    if isinstance(node, Scalar):
        found = "empty" if not node.text else f"`{node.text[:40]}`" + ("" if node.plain else " in quotes")
    what = f"`{name}`" if name else "the file"
    return Misshapen(Problem(line=node.line, text=f"{what} must be {shape.allowed()}, not {found}"))


def _unknown(key: Node, known: list[str], name: str) -> str:
    if not isinstance(key, Scalar):
        return f"{_KINDS[type(key)]} cannot be a key"
    where = f" in `{name}`" if name else ""
    close = difflib.get_close_matches(key.text[:80], known, n=1)
    hint = f"did you mean `{close[0]}`?" if close else "allowed here: " + ", ".join(f"`{each}`" for each in known)
    return f"unknown key `{key.text[:80]}`{where}; {hint}"


def _below(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key
