from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.diff import LineKind
from mesrai.domain.file_text import lines_of, text_of
from mesrai.domain.text_diff import hunks_between

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\n", b"caf\xc3\xa9\n", b"end"]), max_size=25).map(
    b"".join
)


@given(LINES, LINES)
def test_hunks_make_the_new_text_of_the_old_one(old: bytes, new: bytes) -> None:
    before, after = lines_of(text_of(old)) if old else [], lines_of(text_of(new)) if new else []
    made: list[str] = []
    at = 0
    for hunk in hunks_between(old, new):
        first = hunk.old_start - bool(hunk.old_count)
        made += before[at:first]
        assert [line.text for line in hunk.lines if line.old is not None] == before[first : first + hunk.old_count]
        assert [line.old for line in hunk.lines if line.old] == list(range(first + 1, first + hunk.old_count + 1))
        assert len(made) == hunk.new_start - bool(hunk.new_count)
        assert [line.new for line in hunk.lines if line.new] == list(
            range(len(made) + 1, len(made) + hunk.new_count + 1)
        )
        made += [line.text for line in hunk.lines if line.new is not None]
        at = first + hunk.old_count
    assert made + before[at:] == after


@given(LINES, LINES)
def test_there_are_hunks_where_the_bytes_differ_and_only_there(old: bytes, new: bytes) -> None:
    hunks = hunks_between(old, new)

    assert bool(hunks) == (old != new)
    for hunk in hunks:
        assert any(line.kind is not LineKind.CONTEXT for line in hunk.lines)


def test_changes_that_are_far_apart_stand_in_hunks_of_their_own_with_three_lines_around() -> None:
    old = [b"%d\n" % number for number in range(1, 31)]
    new = [*old]
    new[9], new[19] = b"ten\n", b"twenty\n"

    spans = [(hunk.old_start, hunk.old_count) for hunk in hunks_between(b"".join(old), b"".join(new))]

    assert spans == [(7, 7), (17, 7)]


def test_texts_that_are_alike_everywhere_are_replaced_in_one_piece() -> None:
    old = b"first\n" + b"same\nother\n" * 2_000 + b"last\n"
    new = b"first\n" + b"other\nsame\n" * 2_000 + b"x\nlast\n"

    [hunk] = hunks_between(old, new)

    assert sum(line.kind is LineKind.REMOVED for line in hunk.lines) == 4_000
