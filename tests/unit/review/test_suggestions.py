import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import a_suggestion

from mesrai.domain.diff import LineKind
from mesrai.domain.file_text import lines_of
from mesrai.domain.finding import Suggestion
from mesrai.errors import FileChanged
from mesrai.review.suggestions import (
    SuggestionsOverlap,
    apply_all,
    apply_suggestion,
    overlaps,
    render_suggestion_diff,
    suggestion_diff,
)

LINES = st.text("ab\r\x0b\x85\u2028é ", max_size=4)
NEW_LINES = st.text("xy é", max_size=3)
ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def files(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Lines with their ends; the last may have none."""
    lines = draw(st.lists(st.tuples(LINES.map(lambda line: line.rstrip("\r")), ENDS), min_size=1, max_size=8))
    last, end = lines[-1]
    if last and draw(st.booleans()):
        end = ""
    return [*lines[:-1], (last, end)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[tuple[str, str]], Suggestion]:
    lines = draw(files())
    start = draw(st.integers(1, len(lines)))
    end = draw(st.integers(start, len(lines)))
    return lines, a_suggestion(start, end, "\n".join(draw(st.lists(NEW_LINES, max_size=4))))


def joined(lines: list[tuple[str, str]]) -> str:
    return "".join(line + end for line, end in lines)


@given(cases())
def test_only_the_suggested_lines_change(case: tuple[list[tuple[str, str]], Suggestion]) -> None:
    lines, suggestion = case
    before, after = lines[: suggestion.start_line - 1], lines[suggestion.end_line :]
    changed = apply_suggestion(joined(lines), suggestion)
    new = suggestion.replacement.split("\n") if suggestion.replacement else []
    if not new and not after and before and before[-1][0] and lines[-1][1] == "":
        before = [*before[:-1], (before[-1][0], "")]
    assert changed.startswith(joined(before))
    assert changed.endswith(joined(after))
    middle = changed[len(joined(before)) : len(changed) - len(joined(after))]
    if new[-1:] == [""] and not after and not lines[-1][1]:  # an empty last line without an end cannot be seen
        new.pop()
    assert lines_of(middle) == new
    kinds = {end for _, end in lines if end} or {"\n"}
    assert middle.count("\r\n") == 0 or "\r\n" in kinds
    assert middle.replace("\r\n", "").count("\n") == 0 or "\n" in kinds


@given(cases())
def test_file_without_a_last_line_end_stays_so(case: tuple[list[tuple[str, str]], Suggestion]) -> None:
    lines, suggestion = case
    changed = apply_suggestion(joined(lines), suggestion)
    new = suggestion.replacement.split("\n") if suggestion.replacement else []
    left = [line for line, _ in lines[: suggestion.start_line - 1]] + new
    left += [line for line, _ in lines[suggestion.end_line :]]
    if left and left[-1]:  # an empty last line without an end could not be seen
        assert changed.endswith("\n") is bool(lines[-1][1])


@given(cases(), st.booleans())
def test_lines_that_are_not_the_expected_ones_are_refused(
    case: tuple[list[tuple[str, str]], Suggestion], is_same: bool
) -> None:
    lines, suggestion = case
    old = [line for line, _ in lines[suggestion.start_line - 1 : suggestion.end_line]]
    if is_same:
        assert apply_suggestion(joined(lines), suggestion, old) == apply_suggestion(joined(lines), suggestion)
    else:
        with pytest.raises(FileChanged, match="no longer the code that was reviewed"):
            apply_suggestion(joined(lines), suggestion, [*old[:-1], old[-1] + "!"])


@pytest.mark.parametrize(
    ("text", "suggestion", "changed"),
    [
        ("a\r\nb\r\nc\r\n", a_suggestion(2, 2, "x\ny"), "a\r\nx\r\ny\r\nc\r\n"),
        ("a\nb\r\nc\n", a_suggestion(1, 3, "x\ny\nz\nw"), "x\ny\r\nz\nw\n"),
        ("a\r\nb", a_suggestion(2, 2, "x\ny"), "a\r\nx\r\ny"),
        ("a", a_suggestion(1, 1, "x\ny"), "x\ny"),
        ("a\nb", a_suggestion(2, 2, ""), "a"),
        ("a\nb\n", a_suggestion(2, 2, ""), "a\n"),
        ("a\nb\nc", a_suggestion(1, 2, ""), "c"),
        ("a", a_suggestion(1, 1, ""), ""),
        ("\ufeffa\nb\n", a_suggestion(1, 1, "x"), "\ufeffx\nb\n"),
        ("a\x0cb\x85c\nd\n", a_suggestion(2, 2, "x"), "a\x0cb\x85c\nx\n"),
        ("a\rb\r\nc\n", a_suggestion(1, 1, "x"), "x\r\nc\n"),
        ("a\nb\n", a_suggestion(1, 1, "x\r\ny"), "x\ny\nb\n"),
    ],
)
def test_line_ends_stay_as_they_are_at_those_lines(text: str, suggestion: Suggestion, changed: str) -> None:
    assert apply_suggestion(text, suggestion) == changed


@pytest.mark.parametrize(("start", "end"), [(3, 3), (2, 3), (0, 1), (2, 1)])
def test_lines_that_the_file_does_not_have_are_refused(start: int, end: int) -> None:
    with pytest.raises(FileChanged, match="the file has 2 lines"):
        apply_suggestion("a\nb\n", a_suggestion(start, end, "x"))


@given(st.permutations([a_suggestion(1, 1, "x\ny"), a_suggestion(2, 3, ""), a_suggestion(5, 5, "z")]))
def test_order_of_suggestions_does_not_matter(suggestions: list[Suggestion]) -> None:
    assert apply_all("a\nb\nc\nd\ne\n", suggestions) == "x\ny\nd\nz\n"


def test_suggestions_for_the_same_line_are_refused_by_name() -> None:
    both = [a_suggestion(2, 4), a_suggestion(4, 4), a_suggestion(9, 9)]
    with pytest.raises(SuggestionsOverlap, match=r"lines 2-4 and the one for line 4 replace the same line"):
        apply_all("a\n" * 9, both)
    assert overlaps(both[0], both[1])
    assert not overlaps(both[1], both[2])


@given(cases())
def test_diff_of_a_suggestion_holds_the_old_and_the_new_lines(case: tuple[list[tuple[str, str]], Suggestion]) -> None:
    lines, suggestion = case
    texts = [line for line, _ in lines]
    diff = suggestion_diff(texts, suggestion)
    new = suggestion.replacement.split("\n") if suggestion.replacement else []
    assert [line.text for line in diff if line.kind is not LineKind.ADDED] == (
        texts[suggestion.start_line - 1 : suggestion.end_line]
    )
    assert [line.text for line in diff if line.kind is not LineKind.REMOVED] == new
    numbers = [line.new for line in diff if line.new is not None]
    assert numbers == list(range(suggestion.start_line, suggestion.start_line + len(new)))


def test_diff_without_the_file_shows_the_new_lines_only() -> None:
    assert render_suggestion_diff(None, a_suggestion(5, 6, "x\ny")) == "+x\n+y"
    assert render_suggestion_diff(["a", "b", "c"], a_suggestion(2, 3, "b\nx")) == " b\n-c\n+x"
