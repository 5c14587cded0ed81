"""A kept review as its page shows it."""

import json
from dataclasses import replace

from tests.factories import a_finding, a_suggestion
from tests.sample_review import a_full_review, a_partial_review

from mesrai.domain.diff import Side
from mesrai.server.web.findings import CodeLine, Places, shown_findings, unread_first

HEAD = "a" * 40
PLACES = Places("https://github.com/acme/shop", head=HEAD, base="b" * 40)


def shown(replacement: str, rows: list[list[object]], start: int = 2, end: int = 3) -> list[tuple[str, str]]:
    finding = a_finding("T", path="a.py", start_line=2, end_line=3, suggestion=a_suggestion(start, end, replacement))
    review = replace(a_full_review(), findings=(finding,))
    [one] = shown_findings(review, json.dumps({finding.fingerprint: rows}), PLACES)
    return [(line.mark, line.text) for line in one.change]


ROWS: list[list[object]] = [[1, "def f():", 0, 0], [2, "    a = 1", 1, 0], [3, "    return b", 1, 0]]


def test_a_suggestion_is_shown_as_the_lines_that_differ() -> None:
    assert shown("    a = 1\n    return a", ROWS) == [
        ("", "    a = 1"),
        ("old", "    return b"),
        ("new", "    return a"),
    ]
    assert shown("    a = 2\n    return b", ROWS)[-1] == ("", "    return b")
    assert shown("", ROWS) == [("old", "    a = 1"), ("old", "    return b")]


def test_without_all_of_the_old_lines_only_the_new_ones_are_shown() -> None:
    assert shown("x", ROWS[:2]) == [("new", "x")]
    gap: list[list[object]] = [[2, "", 0, 5]]
    assert shown("x", [ROWS[0], *gap]) == [("new", "x")]


def test_code_has_its_numbers_what_is_meant_is_marked_and_gaps_are_told() -> None:
    finding = a_finding("T", path="a.py", start_line=2, end_line=2, suggestion=None)
    rows = [[1, "a\u202eb", 0, 0], [2, "c", 1, 0], [3, "", 0, 7]]
    [one] = shown_findings(
        replace(a_full_review(), findings=(finding,)), json.dumps({finding.fingerprint: rows}), PLACES
    )
    assert one.code[1:] == [
        CodeLine(number=2, text="c", mark="here"),
        CodeLine(number=None, text="7 more lines", mark="gap"),
    ]
    assert "\u202e" not in one.code[0].text
    assert one.url == f"https://github.com/acme/shop/blob/{HEAD}/a.py#L2"


def test_a_place_is_linked_only_where_a_commit_is_known() -> None:
    assert (
        PLACES.url("a b#?.py", Side.OLD, 1, 3) == f"https://github.com/acme/shop/blob/{'b' * 40}/a%20b%23%3F.py#L1-L3"
    )
    assert PLACES.url("a\udcff.py") == ""
    assert Places("https://github.com/acme/shop", head="working tree", base="").url("a.py") == ""
    assert Places("", head=HEAD, base="").url("a.py") == ""


def test_files_that_were_not_read_come_first() -> None:
    statuses = [str(file.status) for file, _ in unread_first(a_partial_review())]
    assert statuses == sorted(statuses, key=["failed", "partial", "skipped", "reviewed"].index)
    assert statuses[0] in ("failed", "partial")
