"""The page on security names tests that exist, and has one for every rule."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
CITED = re.compile(r"`(tests/[\w/]+\.py)`|`(test_\w+)`")


def rules() -> list[list[str]]:
    """The rows of the page's tables: rule, what is done, tests."""
    rows = [line.strip("|").split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows if row[0].strip() not in ("rule", "---")]


@cache
def named_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def cited(cell: str) -> list[tuple[str, str]]:
    """File and name of each test in a cell; the file is said once for those that follow it."""
    found: list[tuple[str, str]] = []
    file = ""
    for named, test in CITED.findall(cell):
        file = named or file
        if test:
            found.append((file, test))
    return found


@pytest.mark.parametrize("row", rules(), ids=lambda row: row[0][:60])
def test_every_rule_has_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 3
    assert cited(row[2]), "no test proves it"
    for file, test in cited(row[2]):
        assert test in named_in(file), f"{file} has no {test}"


def test_the_page_has_the_rules() -> None:
    assert len(rules()) > 40
