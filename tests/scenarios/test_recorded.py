"""Recorded reviews: a change, what a careful reader answered to our questions, and what came of it.

Each folder NN_name holds before/ and after/ (the files), answers.json (texts that stand in a question → the answer) and
expected.json (what the review must show). The answers are those of a reader who was shown the real prompts; they keep
what was learned: a key that was only described is misspelled, a claim about code elsewhere needs a look-up.
"""

import json
import shutil
from pathlib import Path

import pytest
from tests.repositories import a_repository
from tests.sandbox_server import running_sandbox
from tests.terminal import connected, mesrai

FOLDERS = sorted(path for path in Path(__file__).parent.glob("[0-9][0-9]_*") if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_recorded_review(tmp_path: Path, folder: Path) -> None:
    before = {path.name: path.read_text() for path in (folder / "before").iterdir()}
    repository = a_repository(tmp_path / "repository", before)
    shutil.copytree(folder / "after", repository.root, dirs_exist_ok=True)
    answers = json.loads((folder / "answers.json").read_text())

    def answer(body: dict[str, object]) -> object:
        said = json.dumps(body["messages"])
        return next(given["answer"] for given in answers if all(text in said for text in given["where"]))

    with running_sandbox(answer=answer) as sandbox:
        ran = mesrai("review", "--format", "json", cwd=repository.root, env=connected(sandbox.openai))
    shown = [
        {key: finding[key] for key in ("path", "start_line", "end_line", "severity", "title", "suggestion")}
        for finding in ran.review["findings"]
    ]
    dropped = [{"title": each["title"], "reason": each["reason"]} for each in ran.review["dropped"]]
    calls = ran.review["usage"]["calls"]
    expected = json.loads((folder / "expected.json").read_text())
    assert {"outcome": ran.review["outcome"], "calls": calls, "findings": shown, "dropped": dropped} == expected
