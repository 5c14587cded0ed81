"""Gather what surrounds a change: enclosing definitions, what it uses, who uses it, its tests and imports."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from mesrai.domain.change import At, Change
from mesrai.domain.diff import Action, FileDiff, FileKind
from mesrai.domain.path_kinds import is_example_path, is_test_path
from mesrai.forges.forge import Source, Tree
from mesrai.review.code.imports import PathIndex, guesses_for, targets_of
from mesrai.review.code.languages import endings_of, language_of
from mesrai.review.code.lookup import Names
from mesrai.review.code.pieces import ContextPiece, FileContext, PieceKind, choose_pieces
from mesrai.review.code.reading import Reader
from mesrai.review.code.subject import (
    Altered,
    Rank,
    Subject,
    Wanted,
    clusters,
    definition_offer,
    may_remove_definitions,
    study,
    use_offer,
    why_used,
)
from mesrai.review.code.symbols import Outline
from mesrai.review.code.touched import Degree, shown_lines

__all__ = ["ContextPiece", "FileContext", "gather_context"]

_MOST_ALTERED: Final = 24  # names whose users are searched for, in the whole change
_MOST_WANTED: Final = 40  # names whose definition is searched for
_MOST_IMPORTED: Final = 6  # imported files read for one changed file
_MOST_VISITS: Final = 150  # files read beside the changed ones
_MOST_VISITED_CHARS: Final = 3_000_000
_MOST_USERS: Final = 6  # files read for the users of one name
_MOST_TESTS: Final = 2
_MOST_SHOWN: Final = 4  # uses of one name in one file
_MANY_DEFINITIONS: Final = 3  # of one name in the tree; with more, its uses are likely those of another
_MOST_DEFINING: Final = 2  # files read for the definition of one name


@dataclass(slots=True)
class _Visit:
    """What to look for in a file beside the change."""

    definitions: dict[str, list[tuple[Subject, Wanted, int]]] = field(default_factory=dict)  # with the rank
    uses: dict[str, list[tuple[Subject, Altered, int]]] = field(default_factory=dict)  # with the rank
    lines: dict[str, list[int]] = field(default_factory=dict)  # where a used name stands


async def gather_context(
    change: Change, source: Source, *, files: Sequence[FileDiff], budget_chars_per_file: int
) -> dict[str, FileContext]:
    """What surrounds each of `files`, by path; each piece is consecutive lines of a file at the head revision.

    Where the source cannot search its tree, only the files themselves and those they import by a relative path are
    read. Errors: SourceError.
    """
    reader = Reader(source)
    texts = [file for file in files if file.kind is FileKind.TEXT and file.hunks]
    texts.sort(key=lambda file: is_test_path(file.path))  # where names are searched for in turn, tests come last
    subjects = [await _subject(file, reader) for file in await _read_ahead(texts, reader)]
    search = _Search(reader, subjects, {file.path for file in change.files if file.action is Action.DELETED})
    await search.imported(source.tree)
    if source.tree is not None:
        await search.named(source.tree)
    return {subject.file.path: _context(subject, budget_chars_per_file) for subject in subjects}


async def _read_ahead(files: Sequence[FileDiff], reader: Reader) -> Sequence[FileDiff]:
    """Have the files' texts read at once, as far as they are kept."""
    reads = [reader.text(file.path) for file in files if file.action is not Action.DELETED]
    await asyncio.gather(*reads)
    return files


async def _subject(file: FileDiff, reader: Reader) -> Subject:
    head = await reader.outline(file.path) if file.action is not Action.DELETED else None
    base = await reader.outline(file.base_path, At.BASE) if may_remove_definitions(file, head) else None
    await asyncio.sleep(0)  # parsing takes a while; let others go on
    return study(file, head, base)


def _context(subject: Subject, budget_chars: int) -> FileContext:
    path = subject.file.path
    pieces = choose_pieces(subject.offers, {path: shown_lines(subject.file)}, budget_chars)
    return FileContext(
        path=path,
        language=subject.language,
        pieces=pieces,
        definitions=subject.definitions,
        notes=tuple(subject.notes),
        has_syntax_errors=subject.has_syntax_errors,
    )


class _Search:
    """The look around beside the changed files, within bounds for the whole change."""

    def __init__(self, reader: Reader, subjects: Sequence[Subject], deleted: set[str]) -> None:
        self._reader = reader
        self._subjects = subjects
        self._deleted = deleted
        self._visits_left = _MOST_VISITS
        self._chars_left = _MOST_VISITED_CHARS
        self._external: set[tuple[int, str]] = set()  # (subject, name) imported from outside of the tree

    async def imported(self, tree: Tree | None) -> None:
        """Find the definitions of names in the files that the changed files import. Errors: SourceError."""
        index = PathIndex(await tree.paths()) if tree is not None else None
        visits: dict[str, _Visit] = {}
        for number, subject in enumerate(self._subjects):
            paths: list[str] = []
            for statement in subject.imports:
                names = set(re.findall(r"\w+", statement.text)) & subject.wanted.keys()
                targets = targets_of(statement.text, language_of(subject.file.path), subject.file.path) if names else ()
                found = _imported_paths(targets, subject.file.path, index)
                self._external |= {(number, name) for name in names if not found and index is not None}
                paths += found
            for path in list(dict.fromkeys(paths))[:_MOST_IMPORTED]:
                visit = visits.setdefault(path, _Visit())
                for wanted in subject.wanted.values():
                    rank = Rank.CALLED + 1 if wanted.is_call else Rank.USED
                    visit.definitions.setdefault(wanted.name, []).append((subject, wanted, rank))
            if index is not None:
                _note_tests(subject, index)
        await self._go(visits)

    async def named(self, tree: Tree) -> None:
        """Search the tree for the users of altered names, and for definitions not found yet. Errors: SourceError."""
        altered = _in_turn([[each.name for each in subject.altered] for subject in self._subjects], _MOST_ALTERED)
        missing = [
            [
                wanted
                for wanted in subject.wanted.values()
                if wanted.name not in subject.resolved and (number, wanted.name) not in self._external
            ]
            for number, subject in enumerate(self._subjects)
        ]
        wanted = _in_turn(
            [[each.name for each in names if each.name not in altered] for names in missing], _MOST_WANTED
        )
        asking = [subject for subject in self._subjects if subject.altered or subject.wanted]
        relatives = {language_of(subject.file.path).relatives for subject in asking}
        endings = tuple(sorted({ending for each in relatives for ending in endings_of(each)}))
        users, definers = Names(tree=tree, endings=endings), Names(tree=tree, endings=endings)
        await asyncio.gather(users.search(altered), definers.search(wanted))
        visits: dict[str, _Visit] = {}
        for subject in self._subjects:
            for each in subject.altered:
                if each.name in users.found:
                    _plan_uses(visits, subject, each, users)
        for number, subject in enumerate(self._subjects):
            for each_wanted in missing[number]:
                names = definers if each_wanted.name in definers.found else users
                _plan_definitions(visits, subject, each_wanted, names.definers(each_wanted.name))
        await self._go(visits)

    async def _go(self, visits: dict[str, _Visit]) -> None:
        """Read the files and take from them what was planned."""
        paths = [path for path in visits if path not in self._deleted][: self._visits_left]
        self._visits_left -= len(paths)
        texts = await asyncio.gather(*(self._reader.text(path) for path in paths))
        for path, text in zip(paths, texts, strict=True):
            if text is None or len(text) > self._chars_left or not _mentions(text, visits[path]):
                continue
            self._chars_left -= len(text)
            outline = await self._reader.outline(path)
            await asyncio.sleep(0)
            if outline is not None:
                _take_definitions(path, outline, visits[path])
                _take_uses(path, outline, visits[path])


def _imported_paths(targets: Iterable[str], importing: str, index: PathIndex | None) -> list[str]:
    if index is not None:
        return [path for target in targets for path in index.find(target, importing)]
    return [path for target in targets for path in guesses_for(target, importing)]


def _mentions(text: str, visit: _Visit) -> bool:
    return any(name in text for name in (*visit.definitions, *visit.uses))


def _plan_uses(visits: dict[str, _Visit], subject: Subject, altered: Altered, names: Names) -> None:
    """Choose the files in which the users of a name are looked for."""
    own = subject.file.path
    lines: dict[str, list[int]] = {}
    family = language_of(own).relatives
    for match in names.found[altered.name]:
        if match.path != own and language_of(match.path).relatives == family and not is_example_path(match.path):
            lines.setdefault(match.path, []).append(match.line)
    is_ambiguous = len(names.definers(altered.name)) > _MANY_DEFINITIONS
    if not is_ambiguous:
        _note_uses(subject, altered, lines, is_capped=altered.name in names.capped)
    rank = Rank.USER if is_ambiguous or altered.degree is Degree.BODY else Rank.BROKEN_USER
    ordered = sorted(lines, key=lambda path: (-_nearness(path, own), path))
    tests = [path for path in ordered if is_test_path(path)][:_MOST_TESTS]
    others = [path for path in ordered if not is_test_path(path)][: 2 if is_ambiguous else _MOST_USERS]
    for path in (*others, *tests):
        visit = visits.setdefault(path, _Visit())
        visit.uses.setdefault(altered.name, []).append((subject, altered, Rank.TEST if is_test_path(path) else rank))
        visit.lines[altered.name] = lines[path]


def _plan_definitions(visits: dict[str, _Visit], subject: Subject, wanted: Wanted, definers: Sequence[str]) -> None:
    """Choose the files in which the definition of a name is looked for."""
    own = subject.file.path
    family = language_of(own).relatives
    likely = [path for path in definers if path != own and language_of(path).relatives == family]
    likely = [path for path in likely if not is_test_path(path)] or likely
    if len(likely) > 1 and not wanted.name[:1].isupper():
        likely = [path for path in likely if path.rpartition("/")[0] == own.rpartition("/")[0]]
    for path in sorted(likely, key=lambda each: -_nearness(each, own))[:_MOST_DEFINING]:
        rank = Rank.CALLED_ELSEWHERE if wanted.is_call else Rank.USED
        visits.setdefault(path, _Visit()).definitions.setdefault(wanted.name, []).append((subject, wanted, rank))


def _take_definitions(path: str, outline: Outline, visit: _Visit) -> None:
    for name, asked in visit.definitions.items():
        found = outline.named(name)
        for definition in found if len(found) <= _MANY_DEFINITIONS else ():
            is_constructor = definition.parent.split(".")[-1] == name
            for subject, wanted, rank in asked:
                if is_constructor and not wanted.is_call:
                    continue
                subject.resolved.add(name)
                subject.offers.append(definition_offer(path, outline, definition, why_used(wanted), rank))


def _take_uses(path: str, outline: Outline, visit: _Visit) -> None:
    kind = PieceKind.TEST if is_test_path(path) else PieceKind.CALLER
    for name, asked in visit.uses.items():
        uses = [use for line in visit.lines[name] for use in outline.uses_of(name, line)[:1]]
        uses.sort(key=lambda use: not use.is_call)
        calls = {use.line for use in uses if use.is_call}
        imported = [line for line in visit.lines[name] if outline.imports_on(name, line)][:1]
        for subject, altered, rank in asked:
            for lines in clusters([use.line for use in uses[:_MOST_SHOWN]]):
                why = f"{'calls' if calls.intersection(lines) else 'uses'} `{name}`, {altered.what}"
                subject.offers.append(use_offer(path, outline, lines, kind, why, rank))
            if altered.degree is None and imported:
                why = f"imports `{name}`, {altered.what}"
                subject.offers.append(use_offer(path, outline, imported, kind, why, rank))


def _note_uses(subject: Subject, altered: Altered, lines: dict[str, list[int]], *, is_capped: bool) -> None:
    if altered.degree is Degree.BODY or not lines:
        return
    count = sum(len(each) for each in lines.values())
    more = "at least " if is_capped else ""
    files = f"{len(lines)} other files" if len(lines) > 1 else "another file"
    places = f"{more}{count} lines of {files}" if count > 1 else "1 line of another file"
    subject.notes.append(f"`{altered.name}`, {altered.what}, is named on {places}.")


def _note_tests(subject: Subject, index: PathIndex) -> None:
    """Say which tests are named after the file."""
    path = subject.file.path
    if is_test_path(path) or not language_of(path).is_code:
        return
    stem = path.rpartition("/")[2].partition(".")[0]
    names = (
        f"test_{stem}",
        f"{stem}_test",
        f"{stem}.test",
        f"{stem}.spec",
        f"{stem}_spec",
        f"{stem}Test",
        f"{stem}Tests",
    )
    found = sorted({test for name in names for test in index.with_stem(name)}, key=lambda each: -_nearness(each, path))
    if found:
        subject.notes.append(f"Tests named after the file: {', '.join(found[:3])}.")


def _nearness(one: str, other: str) -> int:
    """How many folders from the root two paths share, more if they share all."""
    left, right = one.split("/")[:-1], other.split("/")[:-1]
    shared = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        shared += 1
    return shared + (left == right)


def _in_turn(lists: Sequence[Sequence[str]], most: int) -> list[str]:
    """The first of each list, then the second of each, and so on; each once."""
    rounds = (name for each in zip_longest(*lists) for name in each if name is not None)
    return list(dict.fromkeys(rounds))[:most]
