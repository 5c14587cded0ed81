import asyncio
import json
import subprocess
import tomllib
from pathlib import Path

from mesrai.analysers.program import find_needed_program
from mesrai.analysers.ruff import Ruff, _rules
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity

RULES_FILE = Path("src/mesrai/analysers/data/ruff_rules.toml")


def said(text: str, path: str = "src/a.py") -> list[Diagnostic]:
    return list(asyncio.run(Ruff().run({path: text})))


def codes(text: str, path: str = "src/a.py") -> list[str]:
    return [each.code for each in said(text, path)]


def replacements(text: str) -> list[tuple[int, str | None]]:
    return [(each.start_line, each.replacement) for each in said(text)]


def test_diagnostic_says_where_what_and_how_bad() -> None:
    assert said("# é\nimport subprocess\n\nsubprocess.run(\n    input(),\n    shell=True,\n)\n", "a b/é.py") == [
        Diagnostic(
            analyser="ruff",
            code="S602",
            path="a b/é.py",
            start_line=4,
            end_line=4,
            message="`subprocess` call with `shell=True` identified, security issue",
            severity=Severity.HIGH,
            category=Category.SECURITY,
            url="https://docs.astral.sh/ruff/rules/subprocess-popen-with-shell-equals-true",
        ),
        Diagnostic(
            analyser="ruff",
            code="PLW1510",
            path="a b/é.py",
            start_line=4,
            end_line=4,
            message="`subprocess.run` without explicit `check` argument",
            severity=Severity.MEDIUM,
            category=Category.ERROR_HANDLING,
            url="https://docs.astral.sh/ruff/rules/subprocess-run-without-check",
        ),
    ]


def test_style_is_not_shown() -> None:
    assert codes("import os, sys\nprint( os,sys )\nassert sys\nx = lambda: 0\n") == []


def test_some_rules_are_silent_in_tests_packages_and_stubs() -> None:
    password = "PASSWORD = 'k3yk3yk3y'\n"
    assert (codes(password), codes(password, "tests/test_a.py")) == (["S105"], [])
    unused = "import os\n"
    assert (codes(unused), codes(unused, "src/pkg/__init__.py"), codes(unused, "src/a.pyi")) == (["F401"], [], [])


def test_comments_that_silence_a_rule_are_respected() -> None:
    assert codes("import os  # noqa: F401\n") == []


def test_weaker_statement_about_the_same_line_is_left_out() -> None:
    assert codes("try:\n    f = 1\nexcept Exception:\n    pass\n") == ["S110"]


def test_names_that_gettext_installs_are_known() -> None:
    assert codes("print(_('hello'))\n") == []


def test_file_that_does_not_parse_gets_its_first_syntax_error_only() -> None:
    found = said("import os\ndef f(:\n    pass\nclass\n")
    assert [(each.code, each.start_line, each.severity) for each in found] == [("syntax", 2, Severity.HIGH)]


def test_new_syntax_is_no_error_and_templates_are_not_judged() -> None:
    assert codes("type X = int\n\ntry:\n    pass\nexcept A, B:\n    pass\n").count("syntax") == 0
    assert codes("{% if x %}\n", "templates/app.py") == []


def test_safe_fix_becomes_whole_new_lines() -> None:
    assert replacements("print(f'é', f'ü')\n") == [(1, "print('é', 'ü')")]


def test_fix_that_removes_a_line_is_an_empty_replacement() -> None:
    assert replacements("import os\n\nprint(1)\n") == [(1, "")]


def test_fix_that_reaches_beyond_the_statement_or_is_unsafe_is_not_offered() -> None:
    assert replacements("from a import (\n    b,\n    c,\n)\n\nprint(c)\n") == [(2, None)]
    assert replacements("x = {'a': 1, 'a': 1}\nprint(x)\n") == [(1, None)]


def test_line_numbers_are_gits_whatever_ends_the_lines() -> None:
    assert [each.start_line for each in said("x = 1\r\ny = 2  # a\rb\r\nprint(z)\r\n")] == [3]


def test_every_listed_rule_is_a_stable_rule_of_the_installed_ruff() -> None:
    known = json.loads(
        subprocess.check_output([find_needed_program("ruff"), "rule", "--all", "--output-format", "json"])
    )
    stable = {rule["code"] for rule in known if "Stable" in rule["status"]}
    rules = _rules()
    listed = {*rules.grades, *rules.not_in_tests, *rules.not_in_init, *rules.not_in_stubs, *rules.weaker_than}
    assert listed - stable == set()
    assert set(rules.grades) >= rules.not_in_tests | rules.not_in_init | rules.not_in_stubs
    assert {code for code in rules.grades if not code.startswith(rules.prefixes)} == set()


def test_data_file_lists_no_rule_twice() -> None:
    groups = tomllib.loads(RULES_FILE.read_text("utf-8"))["group"]
    listed = [code for group in groups for code in group["rules"]]
    assert sorted(listed) == sorted(set(listed))
