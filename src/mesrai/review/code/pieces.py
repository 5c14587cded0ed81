"""Choose what to show around a change: the most useful first, within a budget, and no line twice."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mesrai.review.code.definitions import Definition

_LONGEST_LINE: Final = 400  # characters of a line that are shown
_CUT: Final = " […]"
_LINE_COST: Final = 9  # characters of a line's number and margin
_HEADING_COST: Final = 120
_REPEATED: Final = 3  # lines shown already that are repeated rather than divide a piece in two
_SHORTEST: Final = 5  # lines that are worth showing of a piece that does not fit
_WORD: Final = re.compile(r"\w")


class PieceKind(StrEnum):
    """What a piece is to the change."""

    ENCLOSING = "enclosing"  # the rest of the definition that the change is in
    DEFINITION = "definition"  # something that the changed lines use
    CALLER = "caller"  # something that uses what the change changes
    IMPORTS = "imports"
    TEST = "test"


# How much of the budget one kind may take while others wait.
_SHARES: Final = {
    PieceKind.ENCLOSING: 0.55,
    PieceKind.CALLER: 0.35,
    PieceKind.DEFINITION: 0.45,
    PieceKind.IMPORTS: 0.15,
    PieceKind.TEST: 0.25,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextPiece:
    """Consecutive lines of a file at the head revision that the change does not show."""

    kind: str  # a PieceKind
    path: str
    start_line: int  # 1-based, inclusive
    end_line: int
    text: str  # exactly these lines, joined by line feeds, each cut to 400 characters
    why: str  # for the reader: "defines `total`, called at line 12"

    @property
    def chars(self) -> int:
        """About what it costs to show."""
        return len(self.text) + _LINE_COST * (self.end_line - self.start_line + 1) + _HEADING_COST


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContext:
    """What is known around the change of one file."""

    path: str
    language: str
    pieces: tuple[ContextPiece, ...] = ()  # the most useful first
    definitions: tuple[Definition, ...] = ()  # those of the new file that the change touches
    notes: tuple[str, ...] = ()  # sentences of what was found and is not shown
    has_syntax_errors: bool = False  # the new file has text that its grammar does not know


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Lines that could be shown."""

    kind: PieceKind
    path: str
    start_line: int
    lines: Sequence[str]
    why: str
    rank: int  # lower is more useful


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bought:
    """A run of lines of an offer that will be shown."""

    offer: Offer
    first: int
    last: int
    is_cut: bool = False

    @property
    def chars(self) -> int:
        """About what it costs to show."""
        lines = self.offer.lines[self.first - self.offer.start_line : self.last + 1 - self.offer.start_line]
        return sum(_line_chars(line) for line in lines) + _HEADING_COST


@dataclass(slots=True)
class _Purse:
    """What is left to spend, and what was bought."""

    left: int
    shown: dict[str, set[int]]
    spent: dict[PieceKind, int] = field(default_factory=dict)
    bought: list[_Bought] = field(default_factory=list)


def choose_pieces(
    offers: Sequence[Offer], shown: Mapping[str, frozenset[int]], budget_chars: int
) -> tuple[ContextPiece, ...]:
    """The pieces to show, the most useful first. `shown`: for each path, the lines that are seen anyway."""
    purse = _Purse(left=budget_chars, shown={path: set(lines) for path, lines in shown.items()})
    ordered = sorted(offers, key=lambda offer: offer.rank)
    for offer in ordered:
        _buy(purse, offer, int(budget_chars * _SHARES[offer.kind]))
    for offer in ordered:
        _buy(purse, offer, budget_chars)
    return tuple(_piece(each) for each in _not_repeated(_joined(purse.bought), shown))


def _buy(purse: _Purse, offer: Offer, most: int) -> None:
    """Add what of the offer is not shown yet and fits; `most` is what its kind may cost in all."""
    seen = purse.shown.setdefault(offer.path, set())
    for first, last in list(_unseen(offer, seen)):
        room = min(purse.left, most - purse.spent.get(offer.kind, 0))
        wanted = _Bought(offer=offer, first=first, last=_with_closing(offer, last))
        bought = wanted if wanted.chars <= room else _cut(wanted, room)
        if bought is None:
            continue
        purse.bought.append(bought)
        purse.left -= bought.chars
        purse.spent[offer.kind] = purse.spent.get(offer.kind, 0) + bought.chars
        seen.update(range(bought.first, bought.last + 1))


def _joined(bought: Sequence[_Bought]) -> Iterator[_Bought]:
    """Runs of one offer that follow one another, in one; the most useful first."""
    order = {id(offer): at for at, offer in enumerate({id(each.offer): each.offer for each in bought}.values())}
    previous: _Bought | None = None
    for each in sorted(bought, key=lambda run: (run.offer.rank, order[id(run.offer)], run.first)):
        if previous is not None and previous.offer is each.offer and previous.last + 1 == each.first:
            previous = _Bought(offer=each.offer, first=previous.first, last=each.last, is_cut=each.is_cut)
            continue
        if previous is not None:
            yield previous
        previous = each
    if previous is not None:
        yield previous


def _not_repeated(bought: Iterable[_Bought], shown: Mapping[str, frozenset[int]]) -> Iterator[_Bought]:
    """Leave out a short run that a more useful one bought later has bridged."""
    seen = {path: set(lines) for path, lines in shown.items()}
    for each in bought:
        lines = set(range(each.first, each.last + 1))
        known = seen.setdefault(each.offer.path, set())
        if not lines <= known:
            known |= lines
            yield each


def _unseen(offer: Offer, seen: set[int]) -> Iterator[tuple[int, int]]:
    """The runs of lines that are not shown yet and hold a word; short gaps between them are bridged."""
    runs: list[list[int]] = []
    for number, text in enumerate(offer.lines, offer.start_line):
        if number in seen or not _WORD.search(text):
            continue
        if runs and number - runs[-1][1] - 1 <= _bridge(seen, runs[-1][1], number):
            runs[-1][1] = number
        else:
            runs.append([number, number])
    yield from ((first, last) for first, last in runs)


def _bridge(seen: set[int], last: int, following: int) -> int:
    """How wide a gap may be: any width if nothing in it is shown."""
    between = range(last + 1, following)
    return len(between) if not any(number in seen for number in between) else _REPEATED


def _piece(bought: _Bought) -> ContextPiece:
    offer = bought.offer
    lines = offer.lines[bought.first - offer.start_line : bought.last + 1 - offer.start_line]
    return ContextPiece(
        kind=offer.kind,
        path=offer.path,
        start_line=bought.first,
        end_line=bought.last,
        text="\n".join(_clipped(line) for line in lines),
        why=f"{offer.why}; cut after line {bought.last}" if bought.is_cut else offer.why,
    )


def _with_closing(offer: Offer, last: int) -> int:
    """The last line with those after it that close something and say nothing else."""
    end = offer.start_line + len(offer.lines) - 1
    while last < end and (text := offer.lines[last + 1 - offer.start_line].strip()) and not _WORD.search(text):
        last += 1
    return last


def _cut(wanted: _Bought, room: int) -> _Bought | None:
    """As many of the first lines as fit; None if that is too little to show."""
    left = room - _HEADING_COST
    last = wanted.first - 1
    for number in range(wanted.first, wanted.last + 1):
        left -= _line_chars(wanted.offer.lines[number - wanted.offer.start_line])
        if left < 0:
            break
        last = number
    if last - wanted.first + 1 < _SHORTEST:
        return None
    return _Bought(offer=wanted.offer, first=wanted.first, last=last, is_cut=True)


def _line_chars(line: str) -> int:
    return min(len(line), _LONGEST_LINE + len(_CUT)) + 1 + _LINE_COST


def _clipped(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + _CUT
