import asyncio

import pytest

from mesrai.analysers.leftovers import Leftovers
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity

CONFLICT = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> main\nd\n"


def said(text: str, path: str = "src/a.txt.in") -> list[Diagnostic]:
    return list(asyncio.run(Leftovers().run({path: text})))


def test_conflict_is_one_statement_over_all_its_lines() -> None:
    assert said(CONFLICT) == [
        Diagnostic(
            analyser="leftovers",
            code="merge-conflict",
            path="src/a.txt.in",
            start_line=2,
            end_line=6,
            message="A merge conflict was committed without being resolved.",
            severity=Severity.HIGH,
            category=Category.BUG,
        )
    ]


def test_every_conflict_is_shown_with_its_base_and_with_carriage_returns() -> None:
    text = CONFLICT + "<<<<<<< ours\n1\n||||||| base\n0\n=======\n2\n>>>>>>> theirs\n"
    assert [(each.start_line, each.end_line) for each in said(text.replace("\n", "\r\n"))] == [(2, 6), (8, 14)]


@pytest.mark.parametrize(
    "text",
    [
        "Title\n=======\ntext\n",
        "<<<<<<< quoted\n",
        ">>>>>>> a\n=======\n<<<<<<< b\n",
        "  <<<<<<< a\n  =======\n  >>>>>>> b\n",
    ],
)
def test_lone_or_indented_markers_are_no_conflict(text: str) -> None:
    assert said(text) == []


def test_conflicts_in_tests_and_documents_are_examples() -> None:
    assert said(CONFLICT, "tests/test_merge.py") == said(CONFLICT, "docs/merging.md") == []


def test_characters_that_reorder_or_hide_text_are_shown_by_line() -> None:
    found = said("a\nif x:\u202e y \u2066\nz\U000e0041\n")
    assert [(each.start_line, each.code) for each in found] == [(2, "hidden-characters"), (3, "hidden-characters")]


def test_letters_of_any_script_and_flags_are_let_be() -> None:
    assert said("שלום مرحبا é 👨\u200d👩 🏴\U000e0067\U000e0062\U000e0065\U000e007f\n") == []
