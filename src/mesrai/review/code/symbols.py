"""What a file of code defines, uses and imports, and where."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

from mesrai.review.code.definitions import Definition, ImportStatement, Use
from mesrai.review.code.grammars import find_tree
from mesrai.review.code.language import Language
from mesrai.review.code.languages import language_of
from mesrai.review.code.plain_text import is_comment, plain_block, plain_definitions, plain_imports
from mesrai.review.code.syntax import Contents, Syntax

_WORD: Final = re.compile(r"[^\W\d]\w*")
_CALLED: Final = re.compile(r"\s*[!?]?\s*\(")
_MOST_USES: Final = 20_000
_BLANK: Final = re.compile(r"[^\n]")
_LONGEST_LINE: Final = 2_000  # in a longer one no names are looked for


class Outline:
    """What is known of one text. Lines are 1-based and end at line feeds only. Read lazily, so cheap to make."""

    def __init__(self, text: str, language: Language, syntax: Syntax | None) -> None:
        """Describe `text`, of which `syntax` is the parsed form, if there is one."""
        self.language = language
        self.lines: Sequence[str] = text.replace("\r\n", "\n").split("\n")
        self._syntax = syntax

    @property
    def has_syntax(self) -> bool:
        """Whether it was parsed; if not, all else is told by the look of the lines."""
        return self._syntax is not None

    @property
    def line_count(self) -> int:
        """How many lines there are; the empty one after a last line feed counts."""
        return len(self.lines)

    @cached_property
    def errors(self) -> tuple[int, int]:
        """How many places the grammar does not allow, and how many bytes they cover; zeros if it was not parsed."""
        return self._syntax.errors() if self._syntax else (0, 0)

    @property
    def error_count(self) -> int:
        """How many places the grammar does not allow; 0 if it was not parsed."""
        return self.errors[0]

    @property
    def has_syntax_errors(self) -> bool:
        """Whether there is any."""
        return self.error_count > 0

    @property
    def definitions(self) -> Sequence[Definition]:
        """All definitions, outer ones before what is in them."""
        return self._contents.definitions

    @cached_property
    def imports(self) -> Sequence[ImportStatement]:
        """The statements that name other files or packages."""
        spans = set(self._contents.imports)
        if self.language.import_line:
            pattern = re.compile(self.language.import_line)
            inside = {line for first, last in spans for line in range(first, last + 1)}
            spans |= {(at, at) for at, line in enumerate(self.lines, 1) if at not in inside and pattern.match(line)}
        return tuple(
            ImportStatement(start_line=first, end_line=last, text=self.text(first, last))
            for first, last in sorted(spans)
        )

    def text(self, first: int, last: int) -> str:
        """The lines `first` to `last`, joined by line feeds."""
        return "\n".join(self.lines[first - 1 : last])

    def around(self, line: int) -> Sequence[Definition]:
        """The definitions that hold the line, the outermost first."""
        return [each for each in self.definitions if each.holds(line)]

    def enclosing(self, line: int) -> Definition | None:
        """The innermost definition that holds the line; None if there is none."""
        return max(self.around(line), key=lambda each: (each.start_line, -each.end_line), default=None)

    def block(self, line: int) -> tuple[int, int]:
        """First and last line of what belongs together around a line that no definition holds."""
        line = min(max(line, 1), self.line_count)
        if self._syntax is None:
            return plain_block(self.lines, line)
        first, last = self._syntax.statement(line)
        return first, min(last, self.line_count)

    def definitions_in(self, first: int, last: int) -> Sequence[Definition]:
        """The definitions that have a line in the range."""
        return [each for each in self.definitions if each.start_line <= last and each.end_line >= first]

    def named(self, name: str) -> Sequence[Definition]:
        """The definitions of that name."""
        return self._by_name.get(name, ())

    def uses(self, first: int, last: int) -> Sequence[Use]:
        """The names on lines of the range, in order and at most 20,000, without those being defined or in imports."""
        found: Iterator[Use] = self._syntax.uses(first, last) if self._syntax else self._plain_uses(first, last)
        return [use for use, _ in zip(found, range(_MOST_USES), strict=False) if not self._is_declaring(use)]

    def uses_of(self, name: str, line: int) -> Sequence[Use]:
        """The places on a line where the name is used, not defined; none in comments and texts."""
        text = self.lines[line - 1] if 1 <= line <= self.line_count else ""
        if len(text) > _LONGEST_LINE or name not in text or (self._syntax is None and is_comment(text, self.language)):
            return []
        uses = (self._use(name, line, start) for start in word_places(text, name))
        return [use for use in uses if use is not None and not self._is_declaring(use)]

    def imports_on(self, name: str, line: int) -> bool:
        """Whether the line is of an import statement and has the name."""
        return line in self._import_lines and any(True for _ in word_places(self.lines[line - 1], name))

    def comment_start(self, line: int) -> int:
        """The first line of the comments that stand right above a line; the line itself if there are none."""
        first = line
        while first > 1 and is_comment(self.lines[first - 2], self.language):
            first -= 1
        return first

    @cached_property
    def _contents(self) -> Contents:
        if self._syntax is not None:
            return self._syntax.contents()
        definitions = tuple(plain_definitions(self.lines, self.language))
        imports = tuple(plain_imports(self.lines)) if self.language.is_code else ()
        return Contents(definitions=definitions, imports=imports)

    @cached_property
    def _by_name(self) -> dict[str, list[Definition]]:
        found: dict[str, list[Definition]] = {}
        for each in self.definitions:
            found.setdefault(each.name, []).append(each)
        return found

    @cached_property
    def _import_lines(self) -> frozenset[int]:
        return frozenset(line for each in self.imports for line in range(each.start_line, each.end_line + 1))

    def _use(self, name: str, line: int, start: int) -> Use | None:
        text = self.lines[line - 1]
        if self._syntax is not None:
            first = len(text[:start].encode("utf-8", "replace"))
            return self._syntax.use_at(line, first, first + len(name.encode("utf-8", "replace")))
        return Use(name=name, line=line, is_call=_CALLED.match(text, start + len(name)) is not None)

    def _is_declaring(self, use: Use) -> bool:
        return use.line in self._import_lines or any(each.name_line == use.line for each in self.named(use.name))

    def _plain_uses(self, first: int, last: int) -> Iterator[Use]:
        for at in range(max(first, 1), min(last, self.line_count) + 1):
            text = self.lines[at - 1]
            if len(text) > _LONGEST_LINE or is_comment(text, self.language):
                continue
            for found in _WORD.finditer(text):
                yield Use(name=found[0], line=at, is_call=_CALLED.match(text, found.end()) is not None)


def parse(text: str, path: str) -> Outline:
    """The outline of a text, read in the language that its path or first line tells."""
    language = language_of(path, text)
    source = _within(text, language.within) if language.within else text
    encoded = source.encode("utf-8", "replace")
    tree = find_tree(encoded, language)
    return Outline(text, language, Syntax(encoded, tree, language) if tree is not None else None)


def symbol_at(text: str, path: str, line: int, known: dict[str, Outline] | None = None) -> str:
    """The qualified name of the innermost definition that holds the line; empty if none does.

    `known` are outlines by path, which are not made again; this one is kept there too.
    """
    outlines = {} if known is None else known
    if path not in outlines:
        outlines[path] = parse(text, path)
    found = outlines[path].enclosing(line)
    return found.qualified if found is not None else ""


def parses_no_worse(before: str, after: str, path: str) -> bool:
    """Whether an edit adds nothing that the grammar forbids. True where that cannot be told, as without a grammar."""
    language = language_of(path, before)
    if not language.grammar:
        return True
    new = parse(after, path)
    if not new.has_syntax or not new.has_syntax_errors:
        return True
    old = parse(before, path)
    if not old.has_syntax:
        return True
    added = max(0, len(after.encode("utf-8", "replace")) - len(before.encode("utf-8", "replace")))
    return new.errors[0] <= old.errors[0] and new.errors[1] <= old.errors[1] + added


def word_places(text: str, word: str) -> Iterator[int]:
    """Where a word begins in a text, as a whole word."""
    at = text.find(word) if word else -1
    while at >= 0:
        end = at + len(word)
        if not (_is_part(text[at - 1 : at]) or _is_part(text[end : end + 1])):
            yield at
        at = text.find(word, end)


def _is_part(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _within(text: str, tag: str) -> str:
    """The text with all letters blank but for what stands in elements of that tag; lines keep their numbers."""
    lower = text.lower()
    kept: list[str] = []
    done = 0
    while (opened := lower.find(f"<{tag}", done)) >= 0:
        start = lower.find(">", opened) + 1
        end = lower.find(f"</{tag}", start)
        if not start or end < 0 or len(lower) != len(text):
            break
        kept += [_BLANK.sub(" ", text[done:start]), text[start:end]]
        done = end
    return "".join([*kept, _BLANK.sub(" ", text[done:])])
