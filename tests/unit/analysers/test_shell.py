import asyncio

import pytest

from mesrai.analysers.shell import Shellcheck
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity


def said(text: str, path: str = "run.sh") -> list[Diagnostic]:
    return list(asyncio.run(Shellcheck().run({path: text})))


def codes(text: str, path: str = "run.sh") -> list[str]:
    return [each.code for each in said(text, path)]


def test_diagnostic_says_where_what_and_how_bad() -> None:
    assert said('#!/bin/bash\nrm -rf "$HOME_/"*\n', "a b/é.sh") == [
        Diagnostic(
            analyser="shellcheck",
            code="SC2115",
            path="a b/é.sh",
            start_line=2,
            end_line=2,
            message='Use "${var:?}" to ensure this never expands to /* .',
            severity=Severity.HIGH,
            category=Category.BUG,
            url="https://www.shellcheck.net/wiki/SC2115",
        )
    ]


@pytest.mark.parametrize(
    "first",
    [
        "#!/bin/sh",
        "#!/usr/bin/env bash",
        "#! /bin/dash",
        "#!/usr/bin/env -S bash -eu",
        "#!/bin/bash -e",
        "#!/usr/bin/ksh93",
    ],
)
def test_script_without_suffix_is_known_by_its_first_line(first: str) -> None:
    assert codes(f"{first}\necho $1\n", "bin/deploy") == ["SC2086"]


@pytest.mark.parametrize("first", ["#!/usr/bin/env python3", "#!/bin/zsh", "#!/usr/bin/fish", "no first line", ""])
def test_file_that_is_no_shell_script_is_left_alone(first: str) -> None:
    assert codes(f"{first}\necho $1\n", "bin/deploy") == []


def test_script_with_a_suffix_and_no_first_line_is_taken_for_bash() -> None:
    assert codes("[[ $1 == x ]] && echo $1\n", "lib.sh") == ["SC2086"]
    assert codes("[[ $1 == x ]] && echo ok\n", "lib.dash") == ["SC3010", "SC3014"]


def test_comments_that_silence_a_rule_are_respected() -> None:
    assert codes("#!/bin/sh\n# shellcheck disable=SC2086\necho $1\n") == []


def test_sourced_files_are_never_read() -> None:
    assert codes("#!/bin/sh\n# shellcheck source=/etc/profile\n. /etc/profile\n") == []


def test_what_needs_other_files_or_is_taste_is_left_out() -> None:
    assert codes("#!/bin/bash\nunused=1\necho '$x'; date=`date`\n") == []


def test_long_script_is_read_too() -> None:
    body = 'f "$1" # and a comment that makes the script long\n' * 600
    assert codes(f"#!/bin/bash\n{body}echo $1\n") == ["SC2086"]


def test_scripts_of_several_shells_are_told_apart_in_one_run() -> None:
    files = {f"{number}.sh": "#!/bin/sh\necho $1\n" for number in range(25)} | {"b": "#!/bin/bash\necho $1\n"}
    found = asyncio.run(Shellcheck().run(files))
    assert sorted(each.path for each in found) == sorted(files)


def test_covers_shell_suffixes_and_names_without_one() -> None:
    covers = Shellcheck().covers
    assert all(map(covers, ("a.sh", "a.bash", "x/.bashrc", "bin/run", "gradlew")))
    assert not any(map(covers, ("a.py", "Makefile", "LICENSE", ".gitignore", "a.zsh", "a.sh.txt")))
