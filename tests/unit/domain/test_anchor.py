"""Findings stand where their quoted code stands, or nowhere."""

import time

from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.anchor import Anchor, find_anchor, find_in_text
from mesrai.domain.diff import Action, FileDiff, Hunk, Line, LineKind, Side


def lines(text: str, *, old: int = 1, new: int = 1) -> tuple[Line, ...]:
    """Lines of a hunk written as in a diff: each begins with its mark."""
    made: list[Line] = []
    for row in text.split("\n"):
        mark, content = row[:1], row[1:]
        kind = {"+": LineKind.ADDED, "-": LineKind.REMOVED}.get(mark, LineKind.CONTEXT)
        made.append(
            Line(
                kind=kind,
                old=None if kind is LineKind.ADDED else old,
                new=None if kind is LineKind.REMOVED else new,
                text=content,
            )
        )
        old += kind is not LineKind.ADDED
        new += kind is not LineKind.REMOVED
    return tuple(made)


def a_diff(*hunks: tuple[int, int, str]) -> FileDiff:
    made = []
    for old, new, text in hunks:
        content = lines(text, old=old, new=new)
        made.append(
            Hunk(
                old_start=old,
                old_count=sum(line.old is not None for line in content),
                new_start=new,
                new_count=sum(line.new is not None for line in content),
                lines=content,
            )
        )
    return FileDiff(path="a.py", action=Action.MODIFIED, hunks=tuple(made))


PLAIN = a_diff((10, 10, " def f(x):\n-    return x\n+    y = x + 1\n+    return y\n "))


def place(side: Side, start: int, end: int, code: str, *, whole: bool = True, shift: str = "") -> Anchor:
    return Anchor(side=side, start_line=start, end_line=end, code=code, is_whole_lines=whole, indent_shift=shift)


def test_quote_of_added_lines_anchors_to_the_new_side() -> None:
    assert find_anchor(PLAIN, "    y = x + 1\n    return y") == place(Side.NEW, 11, 12, "    y = x + 1\n    return y")


def test_quote_of_a_deleted_line_anchors_to_the_old_side() -> None:
    assert find_anchor(PLAIN, "    return x") == place(Side.OLD, 11, 11, "    return x")


def test_quote_of_an_unchanged_line_in_the_hunk_anchors_to_the_new_side() -> None:
    assert find_anchor(PLAIN, "def f(x):") == place(Side.NEW, 10, 10, "def f(x):")


def test_quote_that_is_not_in_the_diff_has_no_anchor_however_near_its_line() -> None:
    assert find_anchor(PLAIN, "    y = x + 2", line=11) is None


def test_line_number_alone_never_makes_an_anchor() -> None:
    assert find_anchor(PLAIN, "", line=11) is None


def test_missing_indentation_is_found_and_told() -> None:
    assert find_anchor(PLAIN, "y = x + 1") == place(Side.NEW, 11, 11, "    y = x + 1", shift="    ")


def test_copied_margin_is_taken_off() -> None:
    assert find_anchor(PLAIN, "   11 +     y = x + 1\n   12 +     return y") == place(
        Side.NEW, 11, 12, "    y = x + 1\n    return y"
    )


def test_copied_diff_marks_are_taken_off() -> None:
    assert find_anchor(PLAIN, "+    y = x + 1\n+    return y") == place(Side.NEW, 11, 12, "    y = x + 1\n    return y")


def test_part_of_a_line_anchors_to_its_line_but_not_as_whole_lines() -> None:
    diff = a_diff((1, 1, "+result = compute(first, second) or fallback"))
    assert find_anchor(diff, "compute(first, second)") == place(
        Side.NEW, 1, 1, "result = compute(first, second) or fallback", whole=False
    )


def test_of_equal_places_the_line_number_decides() -> None:
    twice = a_diff((1, 1, "+save()\n+other()"), (40, 42, "+save()\n+more()"))
    assert [find_anchor(twice, "save()", line=each).start_line for each in (2, 40)] == [1, 42]  # type: ignore[union-attr]


def test_a_changed_place_wins_over_a_nearer_unchanged_one() -> None:
    twice = a_diff((1, 1, " save()\n+other()"), (40, 42, "+save()\n more()"))
    found = find_anchor(twice, "save()", line=1)
    assert found is not None
    assert found.start_line == 42


def test_blank_lines_inside_the_quote_do_not_matter() -> None:
    diff = a_diff((1, 1, "+a = 1\n+\n+b = 2"))
    assert find_anchor(diff, "a = 1\nb = 2") == place(Side.NEW, 1, 3, "a = 1\n\nb = 2")


def test_quote_running_over_a_removed_line_anchors_on_the_new_side() -> None:
    diff = a_diff((1, 1, "+a = 1\n-b = 2\n+c = 3"))
    assert find_anchor(diff, "a = 1\nc = 3") == place(Side.NEW, 1, 2, "a = 1\nc = 3")


def test_text_search_finds_the_nearest_of_equal_lines() -> None:
    assert find_in_text("x\ny\nx\n", "x", line=3) == 3
    assert find_in_text("x\ny\n", "z") is None


code = st.lists(st.sampled_from(["a = 1", "b = 2", "    return a", "", "}", "call(a, b)"]), min_size=1, max_size=12)


@given(code=code, marks=st.lists(st.sampled_from("+- "), min_size=12, max_size=12), data=st.data())
def test_an_anchor_always_shows_the_quoted_code(code: list[str], marks: list[str], data: st.DataObject) -> None:
    diff = a_diff((5, 7, "\n".join(mark + text for mark, text in zip(marks, code, strict=False))))
    start = data.draw(st.integers(0, len(code) - 1))
    quote = "\n".join(code[start : start + data.draw(st.integers(1, 4))])
    anchor = find_anchor(diff, quote, line=data.draw(st.none() | st.integers(1, 30)))
    if anchor is not None:
        on_side = {
            line.number(anchor.side): line.text
            for hunk in diff.hunks
            for line in hunk.lines
            if line.number(anchor.side) is not None
        }
        assert anchor.code == "\n".join(on_side[n] for n in range(anchor.start_line, anchor.end_line + 1))
        squeezed = ["".join(row.split()) for row in quote.split("\n") if row.strip()]
        have = ["".join(row.split()) for row in anchor.code.split("\n") if row.strip()]
        assert squeezed == have if anchor.is_whole_lines else squeezed[0] in have[0]


def test_a_line_that_stands_a_thousand_times_is_found_in_no_time() -> None:
    """Reviews share one event loop: a change of equal lines must not hold up all the others."""
    diff = a_diff((0, 1, "\n".join(["+    total = 0"] * 4_000)))
    began = time.process_time()
    found = find_anchor(diff, "    total = 0", line=3_999)
    assert found is not None
    assert found.start_line == 3_999
    assert time.process_time() - began < 0.5
