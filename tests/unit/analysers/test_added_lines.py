from dataclasses import replace

from tests.factories import a_file_diff

from mesrai.analysers.added_lines import on_added_lines
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity

SAID = Diagnostic(
    analyser="ruff",
    code="B006",
    path="src/cart.py",
    start_line=2,
    end_line=2,
    message="m",
    severity=Severity.LOW,
    category=Category.BUG,
)
# New lines: 1 context, 2 and 3 added, 4 context.
FILE = a_file_diff("src/cart.py", " a\n-b\n+c\n+d\n e")


def kept(*said: Diagnostic) -> list[Diagnostic]:
    return on_added_lines(said, [FILE])


def at(start: int, end: int, code: str = "B006") -> Diagnostic:
    return replace(SAID, start_line=start, end_line=end, code=code)


def test_only_statements_that_start_on_an_added_line_are_kept() -> None:
    assert kept(at(1, 1), at(2, 2), at(3, 3), at(4, 4)) == [at(2, 2), at(3, 3)]


def test_statement_that_starts_above_an_added_line_is_old() -> None:
    assert kept(at(1, 3)) == []
    assert kept(at(3, 9)) == [at(3, 9)]


def test_statement_about_a_whole_block_counts_if_any_line_was_added() -> None:
    assert kept(at(1, 2, "merge-conflict"), at(1, 1, "private-key")) == [at(1, 2, "merge-conflict")]


def test_statements_about_other_files_are_dropped() -> None:
    assert kept(replace(SAID, path="src/other.py")) == []
    assert on_added_lines([SAID], []) == []
