import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mesrai.analysers.structure import Structure, rules_of
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity
from mesrai.errors import AnalyserError

EXAMPLES = Path(__file__).with_name("structure_examples")
FILES = sorted(path.stem for path in EXAMPLES.glob("*.toml"))
# How a file of that kind is called, and what must stand around a statement.
SHAPES = {
    "c": ("a.c", "{}"),
    "cpp": ("a.cpp", "{}"),
    "csharp": ("a.cs", "{}"),
    "go": ("a.go", "package p\nfunc f() {{\n{}\n}}\n"),
    "java": ("A.java", "{}"),
    "javascript": ("a.ts", "{}"),
    "jsx": ("a.tsx", "{}"),
    "kotlin": ("a.kt", "{}"),
    "php": ("a.php", "<?php\n{}"),
    "ruby": ("a.rb", "{}"),
    "rust": ("a.rs", "fn f() {{\n{}\n}}\n"),
}


def said(files: dict[str, str]) -> list[Diagnostic]:
    return list(asyncio.run(Structure().run(files)))


def examples(language: str) -> dict[str, Any]:
    return tomllib.loads((EXAMPLES / f"{language}.toml").read_text("utf-8"))


def written(language: str, kind: str) -> dict[str, str]:
    """Each example as a file of its own, under its rule's code, in a folder of tests if the rule is for tests."""
    name, around = SHAPES[language]
    return {
        f"{'tests' if table.get('where') == 'tests' else 'src'}/{code}/{number}/{name}": around.format(text)
        for code, table in examples(language).items()
        for number, text in enumerate(table[kind])
    }


def finds_its_own(language: str, kind: str) -> dict[str, str]:
    """The examples of which the rule they belong to says something."""
    files = written(language, kind)
    found = {each.path for each in said(files) if each.code == each.path.split("/")[1]}
    return {path: text for path, text in files.items() if path in found}


@pytest.mark.parametrize("language", FILES)
def test_every_rule_finds_its_bad_examples(language: str) -> None:
    assert finds_its_own(language, "bad") == written(language, "bad")


@pytest.mark.parametrize("language", FILES)
def test_every_rule_lets_its_good_examples_be(language: str) -> None:
    assert finds_its_own(language, "good") == {}


def test_every_rule_has_examples_and_every_example_a_rule() -> None:
    assert {language: {rule.code for rule in rules_of(language)} for language in FILES} == {
        language: set(examples(language)) for language in FILES
    }


def test_javascript_rules_hold_for_every_spelling_of_the_language() -> None:
    found = said(dict.fromkeys(("a.js", "a.jsx", "a.mjs", "a.cjs", "a.ts", "a.tsx", "a.mts"), "eval(code)"))
    assert len(found) == 7


def test_diagnostic_says_where_and_what() -> None:
    assert said({"src/a.js": "// é\nif (a) {\n  eval(code)\n}\n"}) == [
        Diagnostic(
            analyser="structure",
            code="eval",
            path="src/a.js",
            start_line=3,
            end_line=3,
            message="Text that is put together at run time is run as code. Whoever controls it controls the program.",
            severity=Severity.HIGH,
            category=Category.SECURITY,
        )
    ]


def test_rules_for_code_are_silent_in_tests_and_others_are_not() -> None:
    text = "eval(code)\nif (x === NaN) {}\n"
    assert [each.code for each in said({"src/a.js": text})] == ["eval", "nan-comparison"]
    assert [each.code for each in said({"tests/a.js": text})] == ["nan-comparison"]


def test_code_that_does_not_parse_is_not_judged_where_it_is_broken() -> None:
    assert said({"a.js": "if (a && a { eval(code }"}) == []


def test_file_nested_beyond_reason_is_a_failure_and_not_silence() -> None:
    with pytest.raises(AnalyserError, match="too tangled"):
        said({"a.js": "(" * 5_000})


def test_generated_declarations_and_unknown_languages_are_not_covered() -> None:
    covers = Structure().covers
    assert [covers(path) for path in ("a.js", "a.min.js", "a.d.ts", "a.py", "a.txt", "Makefile")] == [True] + 5 * [
        False
    ]
