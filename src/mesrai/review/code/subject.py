"""What the change of one file calls for: what is around it, what it uses, and whose users it may break."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mesrai.domain.diff import Action, FileDiff
from mesrai.domain.path_kinds import is_test_path
from mesrai.review.code.definitions import Definition, ImportStatement, Kind
from mesrai.review.code.lookup import is_searchable
from mesrai.review.code.pieces import Offer, PieceKind
from mesrai.review.code.symbols import Outline
from mesrai.review.code.touched import Degree, Touch, added_runs, removed_lines, touches

_WHOLE: Final = 80  # lines of a definition that is shown whole around a change
_WHOLE_CLASS: Final = 40  # lines of a class shown whole, if the change is in none of its methods
_NEAR: Final = 18  # lines shown around a change in something longer
_NEAR_BLOCK: Final = 10
_NEAR_DATA: Final = 4
_MOST_LOOSE: Final = 20  # places outside of definitions
_LONGEST_NAME: Final = 60
_WHOLE_USED: Final = 30  # lines of a used definition that is shown whole
_LONGEST_COMMENT: Final = 15  # lines of the comment above a used definition
_HEAD_USED: Final = 12  # lines after the signature of a longer one
_NEAR_USE: Final = 6  # lines shown around a use
_MOST_IMPORTS: Final = 40  # lines
_MOST_READ: Final = 3_000  # added lines whose names are looked at
_MOST_WANTED: Final = 60
_MOST_LIKE_NAMED: Final = 3  # definitions of one name in a file; more say nothing
_KEYWORDS: Final = (
    "def|class|func|function|fun|fn|type|struct|enum|interface|trait|module|const|static|define|record|sub"
)
# Names that a line may define: after a keyword, before parentheses and a brace, or of a value at the margin.
_MAY_DEFINE: Final = re.compile(
    rf"\b(?:{_KEYWORDS})\s+(?:\([^()]*\)\s*)?(?:\w+\s+)?(\w+)"
    r"|(\w+)\s*\([^;]*\)[^;()]*\{?\s*$"
    r"|^(?:\w+\s+)?(\w+)\s*(?::[^=]*)?="
)
_MAKES_OBJECTS: Final = frozenset({"__init__", "__new__", "constructor", "initialize"})
_COMMON: Final = frozenset(
    "get set add put run main init new test call apply update create delete remove open close read write next "
    "size length name value data key keys items index list map filter push pop append extend join split format "
    "print log error info warn debug trace equals hashCode toString clone copy clear start stop reset load save "
    "handle process execute render setup setUp tearDown wrap build parse encode decode str int float bool len "
    "range dict tuple super self this type iter max min sum any all sorted zip enumerate isinstance string String "
    "Integer List Map Set Array Object Error Exception Promise require console then catch finally assert expect "
    "context value step flags info wait status owner user "
    "describe Boolean Long Optional Some None Ok Err Result Vec Option Test Override".split()
)


class Rank:
    """How useful an offer is; lower is more."""

    ENCLOSING: Final = 10
    OUTER: Final = 14
    BROKEN_USER: Final = 20
    CALLED: Final = 30
    CALLED_ELSEWHERE: Final = 34
    IMPORTS: Final = 40
    USER: Final = 45
    USED: Final = 50
    TEST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A name that the added lines use and the file does not define."""

    name: str
    line: int
    is_call: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """A name whose users a change may break."""

    name: str
    qualified: str
    degree: Degree | None  # None: the change removes it

    @property
    def rank(self) -> int:
        """Which names are searched for first."""
        return 0 if self.degree is None else int(self.degree)

    @property
    def what(self) -> str:
        """What happens to it."""
        if self.degree is None:
            return "which the change removes"
        return "which changes here" if self.degree is Degree.SIGNATURE else "whose body changes"


@dataclass(slots=True, kw_only=True)
class Subject:
    """One changed file, and what is found for it."""

    file: FileDiff
    language: str = ""
    has_syntax_errors: bool = False
    definitions: tuple[Definition, ...] = ()
    imports: Sequence[ImportStatement] = ()
    wanted: dict[str, Wanted] = field(default_factory=dict)  # the likeliest to be worth a look first
    altered: list[Altered] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    resolved: set[str] = field(default_factory=set)  # names of `wanted` whose definition was found


def may_remove_definitions(file: FileDiff, head: Outline | None) -> bool:
    """Whether removed lines may have defined something that is gone, so that the old file is worth reading."""
    if head is None:
        return file.action is Action.DELETED
    if is_test_path(file.path) or not head.language.is_code:
        return False
    defined = (found for line in removed_lines(file) for found in _MAY_DEFINE.finditer(line.text[:400]))
    return any(not head.named(name) and is_telling(name) for found in defined for name in found.groups() if name)


def study(file: FileDiff, head: Outline | None, base: Outline | None) -> Subject:
    """What the file's own texts tell. `base` is needed only where definitions may have been removed."""
    subject = Subject(file=file)
    known = head or base
    subject.language = known.language.name if known else ""
    if head is not None:
        found, loose = touches(file, head)
        subject.definitions = tuple(touch.definition for touch in found)
        subject.has_syntax_errors = head.has_syntax_errors
        subject.imports = head.imports
        if file.action is not Action.ADDED:
            subject.offers += _around(file.path, head, found)
            subject.offers += _around_loose(file.path, head, loose)
        _look_at_uses(subject, head)
        subject.offers += _import_offers(file.path, head)
        subject.altered += [] if is_test_path(file.path) else _altered(found)
    if base is not None and not is_test_path(file.path) and (head is not None or file.action is Action.DELETED):
        subject.altered += _removed(file, head, base)
    subject.altered.sort(key=lambda each: each.rank)
    return subject


def is_telling(name: str) -> bool:
    """Whether searching for the name may find what is meant."""
    is_common = name in _COMMON or name[:1].lower() + name[1:] in _COMMON  # Go exports New, Get, Parse, …
    return 3 <= len(name) <= _LONGEST_NAME and is_searchable(name) and not is_common and not name.startswith("__")


def definition_offer(path: str, outline: Outline, definition: Definition, why: str, rank: int) -> Offer:
    """A definition that the change uses: whole, or its beginning."""
    first = outline.comment_start(definition.start_line)
    if definition.start_line - first > _LONGEST_COMMENT:
        first = definition.start_line
    last = definition.end_line
    if last - first >= _WHOLE_USED:
        last = min(last, definition.signature_end_line + _HEAD_USED)
        why += f"; goes on to line {definition.end_line}"
    return _offer(PieceKind.DEFINITION, path, outline, first, last, why, rank)


def use_offer(path: str, outline: Outline, lines: Sequence[int], kind: PieceKind, why: str, rank: int) -> Offer:
    """The lines around uses that stand close together, inside the definition that holds the first."""
    first, last = min(lines) - _NEAR_USE, max(lines) + _NEAR_USE
    holder = outline.enclosing(min(lines))
    if holder is not None:
        first, last = max(first, holder.start_line), max(min(last, holder.end_line), *lines)
        if holder.line_count <= 3 * _NEAR_USE:
            first, last = holder.start_line, max(holder.end_line, *lines)
        why += f", in `{holder.qualified[-100:]}`"
    return _offer(kind, path, outline, max(first, 1), min(last, outline.line_count), why, rank)


def clusters(lines: Sequence[int]) -> list[list[int]]:
    """The lines in groups that are shown together, because each is near the one before it."""
    groups: list[list[int]] = []
    for line in sorted(lines):
        if groups and line - groups[-1][-1] <= 2 * _NEAR_USE + 1:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _around(path: str, outline: Outline, found: Sequence[Touch]) -> Iterator[Offer]:
    for touch in sorted(found, key=lambda each: -len(each.lines)):
        definition = touch.definition
        label = f"{definition.kind} `{definition.qualified[-100:]}`, which the change is in"
        most = _WHOLE if definition.kind.is_function else _WHOLE_CLASS
        if definition.line_count <= most:
            first = outline.comment_start(definition.start_line)
            yield _offer(PieceKind.ENCLOSING, path, outline, first, definition.end_line, label, Rank.ENCLOSING)
        else:
            cut = f"{label}; lines {definition.start_line} to {definition.end_line}, cut"
            start, end = definition.start_line, definition.signature_end_line
            yield _offer(PieceKind.ENCLOSING, path, outline, start, end, cut, Rank.ENCLOSING)
            for first, last in _runs(touch.lines, _NEAR, definition.start_line, definition.end_line):
                yield _offer(PieceKind.ENCLOSING, path, outline, first, last, cut, Rank.ENCLOSING)
    for outer in _outers(outline, found):
        label = f"beginning of {outer.kind} `{outer.qualified[-100:]}`, which the change is in"
        yield _offer(PieceKind.ENCLOSING, path, outline, outer.start_line, outer.signature_end_line, label, Rank.OUTER)


def _outers(outline: Outline, found: Sequence[Touch]) -> Sequence[Definition]:
    """The classes and modules around what is touched."""
    inner = [touch.definition for touch in found]
    around = (each for definition in inner for each in outline.around(definition.start_line))
    return [each for each in dict.fromkeys(around) if each not in inner and not each.kind.is_function]


def _around_loose(path: str, outline: Outline, lines: Sequence[int]) -> Iterator[Offer]:
    """What is around touched lines that no definition holds."""
    import_lines = {line for each in outline.imports for line in range(each.start_line, each.end_line + 1)}
    loose = [line for line in lines if line not in import_lines]
    near = _NEAR_BLOCK if outline.language.is_code else _NEAR_DATA
    for first, last in _runs(loose, near, 1, outline.line_count)[:_MOST_LOOSE]:
        inner = [line for line in loose if first <= line <= last]
        (start, _), (_, end) = outline.block(inner[0]), outline.block(inner[-1])
        yield _offer(
            PieceKind.ENCLOSING,
            path,
            outline,
            max(first, min(start, inner[0])),
            min(last, max(end, inner[-1])),
            "around the change",
            Rank.ENCLOSING,
        )


def _look_at_uses(subject: Subject, outline: Outline) -> None:
    """Offer the file's own definitions that added lines use, and note the names defined elsewhere."""
    if not outline.language.is_code:
        return
    seen: dict[str, Wanted] = {}
    left = _MOST_READ
    for first, last in added_runs(subject.file):
        for use in outline.uses(first, min(last, first + left - 1)):
            known = seen.get(use.name)
            if known is None or (use.is_call and not known.is_call):
                seen[use.name] = Wanted(name=use.name, line=use.line, is_call=use.is_call)
        left -= last - first + 1
        if left <= 0:
            break
    imported = " ".join(each.text for each in outline.imports)
    words = set(re.findall(r"\w+", imported))
    for wanted in sorted(seen.values(), key=lambda each: not each.is_call):
        own = outline.named(wanted.name)
        for definition in own if len(own) <= (1 if wanted.name in _COMMON else _MOST_LIKE_NAMED) else ():
            rank = Rank.CALLED if wanted.is_call else Rank.USED
            subject.offers.append(definition_offer(subject.file.path, outline, definition, why_used(wanted), rank))
        is_likely = wanted.is_call or (outline.has_syntax and (wanted.name[:1].isupper() or wanted.name in words))
        if not own and is_likely and is_telling(wanted.name) and len(subject.wanted) < _MOST_WANTED:
            subject.wanted[wanted.name] = wanted


def why_used(wanted: Wanted) -> str:
    """Why the definition of a wanted name is shown."""
    return f"defines `{wanted.name[:100]}`, {'called' if wanted.is_call else 'used'} at line {wanted.line}"


def _import_offers(path: str, outline: Outline) -> list[Offer]:
    imports = [each for each in outline.imports if each.start_line <= 200]
    if not imports or not outline.language.is_code:
        return []
    first = imports[0].start_line
    last = max(each.end_line for each in imports if each.end_line < first + _MOST_IMPORTS) if imports else first
    return [_offer(PieceKind.IMPORTS, path, outline, first, last, "imports of the file", Rank.IMPORTS)]


def _altered(found: Sequence[Touch]) -> list[Altered]:
    return [
        Altered(name=name, qualified=touch.definition.qualified, degree=touch.degree)
        for touch in found
        if touch.degree is not Degree.NEW
        and (touch.degree is Degree.SIGNATURE or touch.definition.kind.is_function)
        and touch.definition.kind not in (Kind.MODULE, Kind.BLOCK)
        and is_telling(name := _searched_name(touch.definition))
    ]


def _removed(file: FileDiff, head: Outline | None, base: Outline) -> list[Altered]:
    """The definitions that stood on removed lines and are in the file no more."""
    gone = {line.old for line in removed_lines(file)}
    names = {definition.name for definition in head.definitions} if head else set()
    removed = {
        definition.name: Altered(name=definition.name, qualified=definition.qualified, degree=None)
        for definition in base.definitions
        if definition.name_line in gone and definition.name not in names and is_telling(definition.name)
    }
    return list(removed.values())


def _searched_name(definition: Definition) -> str:
    """The name that users write: of a constructor, its class's."""
    return definition.parent.split(".")[-1] if definition.name in _MAKES_OBJECTS else definition.name


def _runs(lines: Sequence[int], near: int, start: int, end: int) -> list[tuple[int, int]]:
    """The lines with those near them, in runs, inside a definition."""
    runs: list[tuple[int, int]] = []
    for line in lines:
        first, last = max(line - near, start), min(line + near, end)
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    return runs


def _offer(kind: PieceKind, path: str, outline: Outline, first: int, last: int, why: str, rank: int) -> Offer:
    return Offer(kind=kind, path=path, start_line=first, lines=outline.lines[first - 1 : last], why=why, rank=rank)
