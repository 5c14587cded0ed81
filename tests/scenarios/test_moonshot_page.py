"""Every case of docs/moonshot.md, run as it is written there, against the stand-in."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.databases import a_new_file
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import a_changed_repository

PAGE = Path(__file__).parents[2] / "docs" / "moonshot.md"
BEGIN, END = "<!-- cases: ", "<!-- end of the cases -->"


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    command: str
    code: int
    words: tuple[str, ...]


def cases() -> Iterator[Case]:
    text = PAGE.read_text("utf-8")
    rows = text[text.index(BEGIN) : text.index(END)].splitlines()
    for row in (row for row in rows if row.startswith("| ") and not row.startswith(("| case", "|---"))):
        # A bar inside a command is written \| as Markdown wants it.
        name, command, code, said = (cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1])
        yield Case(name, command.strip("`"), int(code), tuple(re.findall(r"“([^”]+)”", said)))


CASES = list(cases())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(hold_s=12.0) as running:
        yield running


def test_the_page_has_a_case_for_every_row_of_the_document() -> None:
    assert len(CASES) >= 20
    assert all(case.words for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_case_ends_as_the_page_says(tmp_path: Path, sandbox: Sandbox, case: Case) -> None:
    database = a_new_file(tmp_path)
    repository = a_changed_repository(tmp_path / "repository")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mesrai").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mesrai "$@"\n')
    (programs / "mesrai").chmod(0o755)
    (tmp_path / "config.toml").write_text(
        "[limits]\nconnect_s = 3\nfirst_token_s = 20\nidle_s = 3\ntotal_s = 30\nquestion_s = 5\n"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", case.command],
        cwd=repository.root,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "PYTHONUTF8": "1",
            "MESRAI_CONFIG": str(tmp_path / "config.toml"),
            "MESRAI_DATABASE_URL": database,
            "MESRAI_CATALOGUE": str(sandbox.overlay(tmp_path)),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = " ".join((done.stdout + done.stderr).split())  # lines are broken where the terminal ends
    assert done.returncode == case.code, said
    for words in case.words:
        assert " ".join(words.split()) in said
