"""Any change is divided into questions that fit, without losing a hunk."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scripted_model import a_profile

from mesrai.domain.diff import Action, FileDiff, Hunk, Line, LineKind
from mesrai.review.batches import Batch, Room, batches_of, halves_of, output_tokens_for, parts_of, room_for
from mesrai.review.code.pieces import ContextPiece
from mesrai.review.material import render_part


def a_hunk(start: int, count: int, width: int = 20) -> Hunk:
    added = tuple(
        Line(kind=LineKind.ADDED, old=None, new=start + step, text=f"{start + step} ".ljust(width, "x"))
        for step in range(count)
    )
    return Hunk(old_start=start, old_count=0, new_start=start, new_count=count, lines=added)


def a_file(path: str, *hunks: Hunk) -> FileDiff:
    return FileDiff(path=path, action=Action.MODIFIED, hunks=hunks)


def new_lines(batches: list[Batch]) -> list[tuple[str, int]]:
    return sorted(
        (part.file.path, line.new)
        for batch in batches
        for part in batch.parts
        for hunk in part.file.hunks
        for line in hunk.lines
        if line.new is not None
    )


ROOM = Room(total=30_000, tools=0)


def test_a_small_change_is_one_question() -> None:
    parts = [part for name in "abc" for part in parts_of(a_file(name, a_hunk(1, 5)), (), (), ROOM.total)]
    assert [batch.paths for batch in batches_of(parts, room=ROOM, parallel=16)] == [("a", "b", "c")]


def test_files_of_one_folder_stay_together() -> None:
    paths = ["z/one.py", "a/one.py", "z/two.py", "a/two.py"]
    parts = [part for path in paths for part in parts_of(a_file(path, a_hunk(1, 500)), (), (), ROOM.total)]
    batches = batches_of(parts, room=ROOM, parallel=2)
    assert [batch.paths for batch in batches] == [("a/one.py", "a/two.py"), ("z/one.py", "z/two.py")]


def test_one_huge_hunk_is_sliced_and_every_line_is_asked_about() -> None:
    file = a_file("big.py", a_hunk(1, 50_000))
    parts = parts_of(file, (), (), ROOM.total)
    batches = batches_of(parts, room=ROOM, parallel=16)
    assert len(parts) > 10
    assert new_lines(batches) == [("big.py", number) for number in range(1, 50_001)]
    assert {index for part in parts for index in part.hunk_ids} == {0}
    assert max(len(render_part(part)) for part in parts) <= ROOM.total


def test_surroundings_give_way_before_the_change_is_divided() -> None:
    piece = ContextPiece(kind="caller", path="b.py", start_line=1, end_line=900, text="x\n" * 900, why="calls f")
    (part,) = parts_of(a_file("a.py", a_hunk(1, 100)), [piece], (), 5_000)
    assert part.context == ()


def test_a_batch_too_large_after_all_goes_on_in_two() -> None:
    parts = tuple(part for name in "abcd" for part in parts_of(a_file(name, a_hunk(1, 5)), (), (), ROOM.total))
    assert [half.paths for half in halves_of(Batch(id=1, parts=parts))] == [("a", "b"), ("c", "d")]


def test_one_part_too_large_after_all_loses_its_surroundings_first_then_is_sliced_with_its_hunk_numbers() -> None:
    piece = ContextPiece(kind="caller", path="b.py", start_line=1, end_line=1, text="x", why="calls f")
    (part,) = parts_of(a_file("a.py", a_hunk(1, 5), a_hunk(100, 400)), [piece], (), ROOM.total)
    (bare,) = halves_of(Batch(id=1, parts=(part,)))
    assert bare.parts[0].context == ()
    halves = halves_of(bare)
    assert new_lines(list(halves)) == new_lines([bare])
    assert {index for half in halves for each in half.parts for index in each.hunk_ids} == {0, 1}


def test_what_cannot_be_divided_says_so() -> None:
    (part,) = parts_of(a_file("a.py", a_hunk(1, 3)), (), (), ROOM.total)
    assert halves_of(Batch(id=1, parts=(part,))) == ()


def test_room_leaves_space_for_the_answer_the_fixed_texts_and_the_tools() -> None:
    profile = a_profile(window=32_000, chars_per_token=3.0)
    room = room_for(profile, overhead_chars=20_000, output_tokens=8_000, most=90_000, tools=60_000)
    assert (room.total, room.tools) == (52_000 - 23_400, 23_400)
    assert output_tokens_for(profile, None) == 8_000
    assert output_tokens_for(profile, 90_000) == 32_000


def test_room_respects_a_limit_on_the_body() -> None:
    profile = a_profile(window=1_000_000, max_body=100_000)
    assert room_for(profile, overhead_chars=10_000, output_tokens=1_000, most=90_000, tools=0).total == 40_000


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.lists(st.integers(1, 400), min_size=1, max_size=4), min_size=1, max_size=6),
    most=st.integers(2_000, 40_000),
    parallel=st.integers(1, 20),
)
def test_no_line_is_lost_or_asked_about_twice(sizes: list[list[int]], most: int, parallel: int) -> None:
    files = [
        a_file(f"f{number}", *(a_hunk(1_000 * at + 1, count) for at, count in enumerate(counts)))
        for number, counts in enumerate(sizes)
    ]
    parts = [part for file in files for part in parts_of(file, (), (), most)]
    batches = batches_of(parts, room=Room(total=most, tools=0), parallel=parallel)
    wanted = sorted((f.path, line.new or 0) for f in files for hunk in f.hunks for line in hunk.lines)
    assert new_lines(batches) == wanted
    assert all(batch.parts for batch in batches)
    halves = [half for batch in batches for half in (halves_of(batch) or (batch,))]
    assert new_lines(halves) == wanted
