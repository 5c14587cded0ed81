"""Read definitions, names and errors off a syntax tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import tree_sitter

from mesrai.review.code.definitions import Definition, Kind, Use
from mesrai.review.code.language import Language

_NAME_FIELDS: Final = ("name", "declarator", "left", "key", "property")
# Where a name is found if no field leads to it.
_NAME_STEPS: Final = frozenset(
    "variable_declaration variable_declarator variable_name property_element const_element function_declarator "
    "pointer_declarator reference_declarator parenthesized_declarator array_declarator identifier name "
    "type_identifier field_identifier string_fragment".split()
)
_FIXED_NAMES: Final = {
    "operator_declaration": "operator",
    "conversion_operator_declaration": "operator",
    "indexer_declaration": "this",
    "secondary_constructor": "constructor",
    "singleton_class": "self",
    "companion_object": "Companion",
}
_TYPE_FIELDS: Final = frozenset({"impl_item", "type_alias", "type_alias_statement"})  # named by what they are about
_BODY_ENDING: Final = ("body", "block", "declaration_list")
_DEEPEST: Final = 40  # definitions inside one another
_OPAQUE: Final = frozenset(  # hold no definitions in any language
    "string string_literal interpreted_string_literal raw_string_literal char_literal comment line_comment "
    "block_comment parameters formal_parameters parameter_list function_value_parameters class_parameters "
    "type_parameters type_arguments type_annotation type generic_type qualified_type dictionary "
    "comparison_operator binary_operator boolean_operator assert_statement attribute subscript "
    "subscript_expression scoped_identifier qualified_name dotted_name field_expression field_access "
    "attribute_list annotation".split()
)
_LONGEST_NAME: Final = 100
_LONGEST_SIGNATURE: Final = 30  # lines after the name
# What may stand between a decorator and its definition: words such as "export", and comments.
_BETWEEN: Final = re.compile(rb"(?:[\s\w]|//[^\n]*|#[^\[\n][^\n]*|/\*.*?\*/)*+", re.DOTALL)
_CALL: Final = re.compile(rb"\??\.?(?:(?:::)?<[\w\s,.:&*\[\]?]{0,80}>)?!?[ \t]*\(")
_ARGUMENTS: Final = re.compile(r"<.*>|\[.*\]|[*&\s]", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What an inner node stands in."""

    end_byte: int
    definition: Definition | None  # None for a function without a name
    has_locals: bool  # values inside it are no definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a file holds."""

    definitions: tuple[Definition, ...]  # outer ones before what is in them
    imports: tuple[tuple[int, int], ...]  # first and last line of each import statement with a node type of its own


class Syntax:
    """A parsed file. Lines are 1-based."""

    def __init__(self, source: bytes, tree: tree_sitter.Tree, language: Language) -> None:
        """Read `tree`, which is of `source`."""
        self._source = source
        self._root = tree.root_node
        self._language = language
        self._names = frozenset(language.names.split())

    def contents(self) -> Contents:
        """All definitions and import statements."""
        return _ContentsReader(self._source, self._language).read(self._root)

    def uses(self, first: int, last: int) -> Iterator[Use]:
        """Names on the lines `first` to `last`, in order; those being defined too."""
        for node, field in _walk_lines(self._root, first - 1, last - 1):
            if node.type in self._names and node.is_named:
                name = _text(self._source, node).lstrip(":")
                yield Use(name=name, line=node.start_point[0] + 1, is_call=self._is_call(node, field))

    def use_at(self, line: int, start: int, end: int) -> Use | None:
        """The name that covers the bytes `start` to `end` of a line; None if a comment or a text does."""
        node = self._root.descendant_for_point_range((line - 1, start), (line - 1, end))
        if node is None or node.type not in self._names or node.end_point != (line - 1, end):
            return None
        field = "method" if self._language.call and self._is_method(node) else None
        return Use(name=_text(self._source, node).lstrip(":"), line=line, is_call=self._is_call(node, field))

    def statement(self, line: int) -> tuple[int, int]:
        """First and last line of the outermost statement on a line."""
        first = last = line
        for node in self._root.children:
            if _first_line(node) <= line <= _last_line(node):
                first, last = min(first, _first_line(node)), max(last, _last_line(node))
        return first, last

    def errors(self) -> tuple[int, int]:
        """How many errors the parser met, and how many bytes they cover."""
        count = size = 0
        pending = [self._root] if self._root.has_error else []
        while pending:
            node = pending.pop()
            if node.is_error or node.is_missing:
                count += 1
                size += node.end_byte - node.start_byte
            pending += [child for child in node.children if child.has_error or child.is_missing]
        return count, size

    def _is_call(self, node: tree_sitter.Node, field: str | None) -> bool:
        return bool(self._language.call and field == "method") or _CALL.match(self._source, node.end_byte) is not None

    def _is_method(self, node: tree_sitter.Node) -> bool:
        parent = node.parent
        return (
            parent is not None and parent.type == self._language.call and parent.child_by_field_name("method") == node
        )


class _ContentsReader:
    """Collects the definitions and imports of one tree in one pass."""

    def __init__(self, source: bytes, language: Language) -> None:
        self._source = source
        self._language = language
        self._values = frozenset(language.values.split())
        self._bindings = frozenset(language.bindings.split())
        self._functions = frozenset(language.functions.split())
        self._bodied = frozenset(language.bodied.split())
        self._leads = frozenset(language.leads.split())
        self._names = frozenset(language.names.split()) - ({"identifier"} if language.name == "ruby" else set())
        self._imports = frozenset(language.imports.split())
        self._scopes: list[_Scope] = []
        self._lead: tuple[int, int] | None = None  # first line and end byte of decorators just read

    def read(self, root: tree_sitter.Node) -> Contents:
        wanted = self._values | self._bindings | self._functions | self._leads | self._imports
        found: list[Definition] = []
        imports: list[tuple[int, int]] = []
        opaque = _OPAQUE | frozenset(self._language.opaque.split())
        for node in _walk(root, wanted | self._language.kinds.keys(), opaque):
            if not node.is_named:
                continue
            if node.type in self._imports:
                imports.append((_first_line(node), _last_line(node)))
            elif node.type in self._leads:
                self._keep_lead(node)
            elif (definition := self._enter(node)) is not None:
                found.append(definition)
        return Contents(definitions=tuple(found), imports=tuple(imports))

    def _enter(self, node: tree_sitter.Node) -> Definition | None:
        """The definition that the node is, if it is one; what follows may stand in it."""
        while self._scopes and self._scopes[-1].end_byte <= node.start_byte:
            self._scopes.pop()
        if len(self._scopes) >= _DEEPEST:
            return None
        definition = self._definition(node)
        self._open(node, definition)
        return definition

    def _open(self, node: tree_sitter.Node, definition: Definition | None) -> None:
        if definition is None and node.type not in self._functions:
            return
        has_locals = definition is None or definition.kind.is_function or definition.kind is Kind.CONSTANT
        self._scopes.append(_Scope(end_byte=node.end_byte, definition=definition, has_locals=has_locals))

    def _definition(self, node: tree_sitter.Node) -> Definition | None:
        value = _value_of(node) if node.type not in self._language.kinds else None
        body = _body_of(value if value is not None and value.type in self._functions else node)
        kind = self._kind(node, value, body)
        if kind is None:
            return None
        name_node, owner = _name_of(node)
        name = _FIXED_NAMES.get(node.type) or (_name_text(self._source, name_node) if name_node != node else "")
        if not name or (kind is Kind.CONSTANT and name_node.type not in self._names | {"variable_name"}):
            return None
        outer = self._outer(kind)
        parent = ".".join(filter(None, (outer.qualified if outer else "", _owner_text(self._source, owner))))
        if kind is Kind.FUNCTION and (owner is not None or (outer is not None and outer.kind.has_methods)):
            kind = Kind.METHOD
        name_line = name_node.start_point[0] + 1
        return Definition(
            name=name,
            kind=kind,
            start_line=self._start_line(node),
            end_line=_last_line(node),
            name_line=name_line,
            signature_end_line=_signature_end(node, body, name_line, kind),
            parent=parent,
        )

    def _outer(self, kind: Kind) -> Definition | None:
        """What a definition stands in. In C, a struct may stand in the statement that gives it a second name."""
        skipped = (Kind.TYPE, Kind.CONSTANT) if kind in (Kind.CLASS, Kind.ENUM) else ()
        around = (scope.definition for scope in reversed(self._scopes) if scope.definition)
        return next((each for each in around if each.kind not in skipped), None)

    def _kind(
        self, node: tree_sitter.Node, value: tree_sitter.Node | None, body: tree_sitter.Node | None
    ) -> Kind | None:
        """What the node defines; None if nothing."""
        is_local = any(scope.has_locals for scope in self._scopes)
        known = self._language.kinds.get(node.type)
        if known is not None:
            return None if node.type in self._bodied and body is None else known
        if value is not None and value.type in self._functions:
            return Kind.CLASS if value.type == "class" else Kind.FUNCTION
        if node.type not in self._values or is_local:
            return None
        return Kind.FUNCTION if _is_prototype(node) else Kind.CONSTANT

    def _keep_lead(self, node: tree_sitter.Node) -> None:
        first = self._lead[0] if self._lead and self._is_next(node) else _first_line(node)
        self._lead = (first, node.end_byte)

    def _is_next(self, node: tree_sitter.Node) -> bool:
        """Whether nothing but words and comments stands between the decorators just read and the node."""
        if self._lead is None or node.start_byte < self._lead[1]:
            return False
        between = self._source[self._lead[1] : node.start_byte]
        return len(between) < 2_000 and _BETWEEN.fullmatch(between) is not None

    def _start_line(self, node: tree_sitter.Node) -> int:
        lead = self._lead if self._is_next(node) else None
        if lead is not None:
            self._lead = None
        return lead[0] if lead is not None else _first_line(node)


def _walk(root: tree_sitter.Node, wanted: frozenset[str], opaque: frozenset[str]) -> Iterator[tree_sitter.Node]:
    """The nodes of the wanted types, each before those inside it; what is inside opaque ones is left out."""
    cursor = root.walk()
    while True:
        node = cursor.node
        kind = node.type if node is not None else ""
        if node is not None and kind in wanted:
            yield node
        if kind not in opaque and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _walk_lines(root: tree_sitter.Node, first: int, last: int) -> Iterator[tuple[tree_sitter.Node, str | None]]:
    """The leaves that begin on the rows `first` to `last`, counted from 0, and which field of their parent they are."""
    cursor = root.walk()
    start = tree_sitter.Point(first, 0)
    while True:
        node = cursor.node
        if node is None or node.start_point[0] > last:
            return
        if node.end_point[0] >= first:
            if node.start_point[0] < first:
                if cursor.goto_first_child_for_point(start) is not None:
                    continue
            elif cursor.goto_first_child():
                continue
            else:
                yield node, cursor.field_name
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _name_of(node: tree_sitter.Node) -> tuple[tree_sitter.Node, tree_sitter.Node | None]:
    """The node that holds the name, and the one that tells what it belongs to, if it is written elsewhere."""
    owner = node.child_by_field_name("receiver")
    at = node
    if node.type in _TYPE_FIELDS:
        at = (
            node.child_by_field_name("name")
            or node.child_by_field_name("type")
            or node.child_by_field_name("left")
            or node
        )
        at = at.child_by_field_name("type") or at
    while True:
        if at.type == "qualified_identifier":
            owner = at.child_by_field_name("scope") or owner
        following = next((child for field in _NAME_FIELDS if (child := at.child_by_field_name(field))), None)
        if following is None:
            type_node = at.child_by_field_name("type")
            steps = (child for child in at.named_children[:20] if child.type in _NAME_STEPS and child != type_node)
            following = next(steps, None)
        if following is None:
            return at, owner
        at = following


def _value_of(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """What a node binds a name to."""
    value = node.child_by_field_name("value") or node.child_by_field_name("right")
    declarator = node.child_by_field_name("declarator") if value is None else None
    return declarator.child_by_field_name("value") if declarator is not None else value


def _is_prototype(node: tree_sitter.Node) -> bool:
    """Whether a declaration of C declares a function."""
    at = node.child_by_field_name("declarator")
    while at is not None and at.type in ("pointer_declarator", "reference_declarator"):
        at = at.child_by_field_name("declarator") or next(iter(at.named_children[-1:]), None)
    return at is not None and at.type == "function_declarator"


def _body_of(node: tree_sitter.Node) -> tree_sitter.Node | None:
    body = node.child_by_field_name("body") or node.child_by_field_name("accessors")
    return body or next((child for child in node.named_children[:40] if child.type.endswith(_BODY_ENDING)), None)


def _signature_end(node: tree_sitter.Node, body: tree_sitter.Node | None, name_line: int, kind: Kind) -> int:
    """The last line before the body; without one, that of a function's whole declaration or a value's first line."""
    last = _last_line(node)
    if body is None:
        return min(last, name_line + _LONGEST_SIGNATURE) if kind.is_function else name_line
    before = body.prev_sibling
    end = _last_line(before) if before is not None else name_line
    return max(name_line, min(end, last, name_line + _LONGEST_SIGNATURE))


def _name_text(source: bytes, node: tree_sitter.Node) -> str:
    name = _text(source, node).strip("'\"`")
    return name if len(name) <= _LONGEST_NAME and "\n" not in name else ""


def _owner_text(source: bytes, node: tree_sitter.Node | None) -> str:
    """The type that a method written outside of it belongs to, without type arguments."""
    if node is None:
        return ""
    for child in node.named_children:
        if child.type == "parameter_declaration":  # a receiver in Go: (c *Cart[T])
            node = child.child_by_field_name("type") or child
    return _ARGUMENTS.sub("", _text(source, node)).replace("::", ".")[:_LONGEST_NAME]


def _text(source: bytes, node: tree_sitter.Node) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _first_line(node: tree_sitter.Node) -> int:
    return node.start_point[0] + 1


def _last_line(node: tree_sitter.Node) -> int:
    """The last line with text of the node; some nodes end at the start of the line after it."""
    row, column = node.end_point
    return row if column == 0 and row > node.start_point[0] else row + 1
