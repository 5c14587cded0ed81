"""What is shown of what could be shown."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import FEW

from mesrai.review.code.pieces import ContextPiece, Offer, PieceKind, choose_pieces


def an_offer(
    first: int, last: int, *, kind: PieceKind = PieceKind.DEFINITION, rank: int = 1, path: str = "a.py", why: str = "x"
) -> Offer:
    lines = [f"line {number}" for number in range(first, last + 1)]
    return Offer(kind=kind, path=path, start_line=first, lines=lines, why=why, rank=rank)


def ranges(pieces: tuple[ContextPiece, ...]) -> list[tuple[int, int]]:
    return [(each.start_line, each.end_line) for each in pieces]


def shown(*lines: int) -> Mapping[str, frozenset[int]]:
    return {"a.py": frozenset(lines)}


def test_lines_that_are_shown_anyway_are_left_out_but_for_short_gaps() -> None:
    assert ranges(choose_pieces([an_offer(1, 30)], shown(*range(10, 20)), 9_000)) == [(1, 9), (20, 30)]
    assert ranges(choose_pieces([an_offer(1, 30)], shown(10, 11, 12), 9_000)) == [(1, 30)]
    assert ranges(choose_pieces([an_offer(5, 9)], shown(*range(1, 20)), 9_000)) == []


def test_the_more_useful_comes_first_and_nothing_twice() -> None:
    offers = [an_offer(1, 10, rank=5, why="later"), an_offer(6, 20, rank=1, why="first")]
    found = choose_pieces(offers, {}, 9_000)
    assert [(each.start_line, each.end_line, each.why) for each in found] == [(6, 20, "first"), (1, 5, "later")]


def test_what_does_not_fit_is_cut_or_left_out() -> None:
    (piece,) = choose_pieces([an_offer(1, 100)], {}, 400)
    assert piece.chars <= 400
    assert piece.why == f"x; cut after line {piece.end_line}"
    assert choose_pieces([an_offer(1, 100)], {}, 150) == ()


def test_one_kind_leaves_room_for_others() -> None:
    offers = [an_offer(1, 200, kind=PieceKind.ENCLOSING), an_offer(300, 310, kind=PieceKind.CALLER, rank=2)]
    kinds = [each.kind for each in choose_pieces(offers, {}, 2_000)]
    assert kinds == ["enclosing", "caller"]


def test_empty_and_closing_lines_are_not_worth_a_piece_but_go_with_the_one_before() -> None:
    lines = ["", "if (a) {", "  b", "}", ")", ""]
    offer = Offer(kind=PieceKind.CALLER, path="a.js", start_line=1, lines=lines, why="x", rank=1)
    assert ranges(choose_pieces([offer], {}, 900)) == [(2, 5)]
    assert ranges(choose_pieces([offer], {"a.js": frozenset({2, 3})}, 900)) == []


def test_long_lines_are_cut() -> None:
    offer = Offer(kind=PieceKind.CALLER, path="a.js", start_line=1, lines=["x" * 5_000], why="x", rank=1)
    (piece,) = choose_pieces([offer], {}, 900)
    assert piece.text == "x" * 400 + " […]"


OFFERS = st.lists(
    st.builds(
        lambda first, length, kind, rank, path: an_offer(first, first + length, kind=kind, rank=rank, path=path),
        st.integers(1, 40),
        st.integers(0, 30),
        st.sampled_from(PieceKind),
        st.integers(0, 3),
        st.sampled_from(["a.py", "b.py"]),
    ),
    max_size=8,
)


@FEW
@given(offers=OFFERS, seen=st.frozensets(st.integers(1, 70)), budget=st.integers(0, 4_000))
def test_the_budget_holds_and_each_piece_adds_lines(offers: list[Offer], seen: frozenset[int], budget: int) -> None:
    pieces = choose_pieces(offers, {"a.py": seen}, budget)
    assert sum(each.chars for each in pieces) <= budget
    known = {("a.py", number) for number in seen}
    for each in pieces:
        numbers = range(each.start_line, each.end_line + 1)
        assert each.text == "\n".join(f"line {number}" for number in numbers)
        assert {(each.path, number) for number in numbers} - known
        known |= {(each.path, number) for number in numbers}
