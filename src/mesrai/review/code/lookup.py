"""Find where names are defined and used in the whole tree: by searching the word, then reading what was found."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mesrai.forges.forge import Match, Source, Tree
from mesrai.review.code.definitions import Definition
from mesrai.review.code.languages import language_of
from mesrai.review.code.reading import Reader
from mesrai.review.code.symbols import Outline, word_places

MOST_MATCHES: Final = 600
_MOST_TOGETHER: Final = 8_000  # lines of one search for many names
_MOST_FILES: Final = 40  # read for one question
_LONGEST_SHOWN: Final = 120  # lines of a definition
_MOST_SEARCHES: Final = 3  # for one set of names
_COMMON_NAME: Final = 100  # lines; a name on more is left out where too much was found
_NAME: Final = re.compile(r"[^\W\d]\w*")
_KEYWORDS: Final = (
    "class|struct|enum|interface|trait|object|record|union|type|typedef|def|defp|defmodule|func|function|fun|fn|sub|module|"
    "namespace|package|macro|define|const|let|var|val|static|impl|protocol|extension|actor|procedure|table|view|using"
)
_CALLS: Final = "return|await|new|else|throw|yield|case|in|not|and|or|raise|assert|if|while|delete|go|defer|echo|print"
# How a line looks before and after a name that it defines.
_AFTER_KEYWORD: Final = re.compile(rf"\b(?:{_KEYWORDS})\s+(?:\([^()]*\)\s*)?(?:[\w.]+\s+)?(?:[\w.:<>*&]+[.:])?$")
_BEFORE_VALUE: Final = re.compile(r"[\s\w.]*$")
_VALUE: Final = re.compile(r"\s*(?::[^=()]*)?=(?![=>])")
_LABEL: Final = re.compile(r"\s*:")
_TYPED: Final = re.compile(rf"(?!\s*(?:{_CALLS})\b).*[\w>\]*&?]\s+[*&]*(?:\w+::)*$")
_BODY: Final = re.compile(r"\s*[(<;={]")
_BARE: Final = re.compile(r"\s*(?:async\s+|static\s+|get\s+|set\s+|\*|#)*$")
_PARAMETERS: Final = re.compile(r"\s*(?:<[^>]*>)?\([^;]*$")
_SCOPED: Final = re.compile(r"\s*(?:\w+::)+$")
_OPENED: Final = re.compile(r"\s*\(")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDefinition:
    """A definition, with its lines as the head revision has them."""

    path: str
    start_line: int  # of the comment above it, if there is one
    end_line: int
    text: str  # at most 120 lines; then it ends before end_line
    definition: Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundUse:
    """A line that uses a name."""

    path: str
    line: int
    text: str
    is_call: bool


async def find_definition(tree: Tree, source: Source, name: str) -> Sequence[FoundDefinition]:
    """Where a name is defined, the likeliest first; it may be qualified: `Cart.total`. Errors: SourceError."""
    last, owners = _split(name)
    if not last:
        return []
    matches = [match for match in await tree.search(last, word=True, most=MOST_MATCHES) if _is_code(match.path)]
    reader = Reader(source)
    found: list[FoundDefinition] = []
    for path in likely_files(matches, last)[:_MOST_FILES]:
        outline = await reader.outline(path)
        if outline is not None:
            found += [_found(path, outline, each) for each in outline.named(last) if _belongs(each, owners)]
    return sorted(found, key=lambda each: each.definition.qualified != name)


async def find_references(tree: Tree, source: Source, name: str) -> Sequence[FoundUse]:
    """Where a name is called or used, calls first; comments, texts and imports do not count. Errors: SourceError."""
    last, _ = _split(name)
    if not last:
        return []
    by_path: dict[str, list[int]] = {}
    for match in await tree.search(last, word=True, most=MOST_MATCHES):
        if _is_code(match.path):
            by_path.setdefault(match.path, []).append(match.line)
    reader = Reader(source)
    found: list[FoundUse] = []
    for path, lines in list(by_path.items())[:_MOST_FILES]:
        outline = await reader.outline(path)
        if outline is not None:
            found += [use for line in lines if (use := _use_on(path, outline, last, line)) is not None]
    return sorted(found, key=lambda use: not use.is_call)


def is_searchable(name: str) -> bool:
    """Whether a search for the name as a word can find it."""
    return _NAME.fullmatch(name) is not None


def likely_files(matches: Iterable[Match], name: str) -> list[str]:
    """The files with a line that may define the name, the likeliest first."""
    best: dict[str, int] = {}
    for match in matches:
        strength = _strength(match.text, name)
        if strength > best.get(match.path, 0):
            best[match.path] = strength
    return sorted(best, key=lambda path: (-best[path], path))


@dataclass(slots=True)
class Names:
    """The lines on which each of many names was found, as far as they were searched for."""

    tree: Tree
    endings: tuple[str, ...] = ()  # of the files that are searched; empty: all
    found: dict[str, list[Match]] = field(default_factory=dict)
    capped: set[str] = field(default_factory=set)  # names of which there may be more lines
    likely: dict[str, Sequence[str]] = field(default_factory=dict)

    async def search(self, names: Sequence[str]) -> Mapping[str, list[Match]]:
        """Search for all names at once; where that finds too much, again without the commonest. Errors: SourceError."""
        group = list(names)
        for _ in range(_MOST_SEARCHES):
            if not group:
                break
            matches = await self._search(group)
            is_full = len(matches) >= self._most(group)
            self._add(group, matches, is_full=is_full)
            rare = [name for name in group if len(self.found[name]) <= _COMMON_NAME]
            if not is_full or len(rare) == len(group):
                break
            group = rare
        return self.found

    def definers(self, name: str) -> Sequence[str]:
        """The files with a line that may define the name, the likeliest first."""
        if name not in self.likely:
            self.likely[name] = likely_files(self.found.get(name, ()), name)
        return self.likely[name]

    async def _search(self, group: Sequence[str]) -> Sequence[Match]:
        if len(group) == 1:
            return await self.tree.search(group[0], word=True, endings=self.endings, most=self._most(group))
        either = "|".join(group)
        return await self.tree.search(either, word=True, regex=True, endings=self.endings, most=self._most(group))

    def _most(self, group: Sequence[str]) -> int:
        return MOST_MATCHES if len(group) == 1 else _MOST_TOGETHER

    def _add(self, group: Sequence[str], matches: Sequence[Match], *, is_full: bool) -> None:
        pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, group))})\b")
        lines: dict[str, list[Match]] = {name: [] for name in group}
        for match in matches:
            for name in set(pattern.findall(match.text)):
                lines[name].append(match)
        self.found |= lines
        self.capped = (self.capped - set(group)) | (set(group) if is_full else set())


def _strength(line: str, name: str) -> int:
    """How much a line looks as if it defined a name: 3 for sure, 0 not at all."""
    spots = (_strength_at(line[:at], line[at + len(name) :]) for at in word_places(line, name))
    return max(spots, default=0)


def _strength_at(before: str, after: str) -> int:
    if _AFTER_KEYWORD.search(before):
        return 3
    if (_BEFORE_VALUE.match(before) and _VALUE.match(after)) or (not before.strip() and _LABEL.match(after)):
        return 2
    is_typed = _TYPED.match(before) and _BODY.match(after)
    is_bare = _BARE.match(before) and _PARAMETERS.match(after)
    return 1 if is_typed or is_bare or (_SCOPED.match(before) and _OPENED.match(after)) else 0


def _split(name: str) -> tuple[str, list[str]]:
    """The last part of a qualified name, and those before it."""
    parts = [part for part in re.split(r"::|->|[.#\\/:]", name.strip().removesuffix("()")) if part]
    last = parts[-1].rstrip("!?").lstrip("#@$&*") if parts else ""
    return (last, parts[:-1]) if is_searchable(last) else ("", [])


def _belongs(definition: Definition, owners: Sequence[str]) -> bool:
    return not owners or definition.parent.split(".")[-1] == owners[-1] or not definition.parent


def _is_code(path: str) -> bool:
    return language_of(path).name != "markdown"


def _found(path: str, outline: Outline, definition: Definition) -> FoundDefinition:
    start = outline.comment_start(definition.start_line)
    last = min(definition.end_line, start + _LONGEST_SHOWN - 1)
    return FoundDefinition(
        path=path,
        start_line=start,
        end_line=definition.end_line,
        text=outline.text(start, last),
        definition=definition,
    )


def _use_on(path: str, outline: Outline, name: str, line: int) -> FoundUse | None:
    uses = outline.uses_of(name, line)
    if not uses:
        return None
    return FoundUse(path=path, line=line, text=outline.lines[line - 1], is_call=any(use.is_call for use in uses))
