"""Which definitions a change touches."""

from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import file_diff_between
from tests.strategies import FEW

from mesrai.review.code.symbols import parse
from mesrai.review.code.touched import Degree, added_runs, touches

OLD = """import a

def first(x):
    one = 1
    two = 2
    return one


class Box:
    size = 1

    def open(self):
        def inner():
            return 1
        return inner()

    def shut(self):
        return 2
"""


def told(new: str, old: str = OLD) -> tuple[list[tuple[str, Degree, tuple[int, ...]]], list[int]]:
    found, loose = touches(file_diff_between("a.py", old, new), parse(new, "a.py"))
    return [(each.definition.qualified, each.degree, each.lines) for each in found], loose


def test_a_changed_line_touches_the_whole_function_around_it() -> None:
    assert told(OLD.replace("            return 1\n", "            return 3\n")) == (
        [("Box.open", Degree.BODY, (14,))],
        [],
    )


def test_a_changed_first_line_is_a_changed_signature_and_so_is_a_value() -> None:
    new = OLD.replace("def first(x):", "def first(x, y):").replace("size = 1", "size = 2")
    assert told(new) == ([("first", Degree.SIGNATURE, (3,)), ("Box.size", Degree.SIGNATURE, (10,))], [])


def test_a_removed_line_touches_the_function_it_was_in_even_at_its_end() -> None:
    assert told(OLD.replace("    two = 2\n", "")) == ([("first", Degree.BODY, (4,))], [])
    assert told(OLD.replace("    return one\n", "")) == ([("first", Degree.BODY, (5,))], [])


def test_a_removed_function_touches_what_was_around_it_and_not_its_neighbours() -> None:
    new = OLD.replace("    def open(self):\n        def inner():\n            return 1\n        return inner()\n\n", "")
    assert [name for name, _, _ in told(new)[0]] == ["Box"]


def test_an_added_function_is_new_and_a_renamed_one_too() -> None:
    assert told(OLD + "\ndef more():\n    return 1\n") == ([("more", Degree.NEW, (20, 21))], [])
    assert told(OLD.replace("def shut", "def close"))[0] == [("Box.close", Degree.NEW, (17,))]


def test_lines_in_no_definition_are_loose_and_empty_ones_do_not_count() -> None:
    assert told(OLD.replace("import a\n", "import b\n\n")) == ([], [1])


LINES = st.lists(st.sampled_from([*OLD.splitlines(), "", "x = 1", "    y"]), max_size=25).map(
    lambda lines: "\n".join(lines) + "\n" if lines else ""
)


@FEW
@given(old=LINES, new=LINES)
def test_touched_lines_are_in_their_definition_or_right_after_a_removal(old: str, new: str) -> None:
    diff = file_diff_between("a.py", old, new)
    outline = parse(new, "a.py")
    found, loose = touches(diff, outline)
    for each in found:
        assert all(each.definition.start_line <= line <= each.definition.end_line for line in each.lines)
    touched = {*loose, *(line for each in found for line in each.lines)}
    added = {line for first, last in added_runs(diff) for line in range(first, last + 1)}
    assert {line for line in added if outline.lines[line - 1].strip()} <= touched
