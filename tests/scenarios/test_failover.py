"""Main dies in the middle of a review: the fallback completes it, nothing answered is asked again, and it is said."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.in_process import mesrai_here
from tests.repositories import ENVIRONMENT, Repository
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import Ran, a_changed_repository, connected

from mesrai.sandbox.rules import answer_by_rule

MAIN, FALLBACK = "sk-sim-main", "sk-sim-fallback"
# fault, the most requests main gets after it began, and what the report says of the reason
DEATHS = [
    ("bad_key", 1, "does not accept this key"),
    ("no_credit", 1, "no credit"),
    ("quota", 1, "no credit"),
    ("quota_window", 1, "quota is used up"),
    ("membership", 1, "membership"),
    ("client_gate", 1, "admits only"),
    ("no_model", 1, "no such model"),
    ("terminated", 1, ""),
    ("throttle", 6, "limits how fast"),
    ("overloaded", 6, "overloaded"),
    ("overloaded_529", 6, "overloaded"),
    ("server_error", 3, "failed on its side"),
    ("html_504", 3, ""),
    ("no_answer", 2, ""),
    ("stall", 2, ""),
    ("broken_connection", 3, ""),
    ("cut_stream", 2, ""),
    ("empty_answer", 2, ""),
    ("error_in_200", 3, ""),
    ("malformed", 3, ""),
    ("filtered", 2, ""),
]


def both(sandbox: Sandbox) -> dict[str, str]:
    main = connected(sandbox.openai, MAIN)
    fallback = {name.replace("MESRAI_", "MESRAI_FALLBACK_"): value for name, value in connected(sandbox.openai).items()}
    return main | fallback | {"MESRAI_FALLBACK_API_KEY": FALLBACK, "MESRAI_FALLBACK_MODEL": "sim-other"}


def a_repository_with_a_finding(folder: Path) -> Repository:
    repository = a_changed_repository(folder)
    repository.write("cart.py", "def total(items):\n    return eval(items)\n")
    return repository


def reviewed(sandbox: Sandbox, folder: Path) -> Ran:
    (folder / "home").mkdir()
    limits = "[limits]\nconnect_s = 2\nfirst_token_s = 0.6\nidle_s = 0.6\ntotal_s = 4\nquestion_s = 2.5\n"
    (folder / "home" / "config.toml").write_text(limits)
    repository = a_repository_with_a_finding(folder / "repository")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "MESRAI_CONFIG": str(folder / "home" / "config.toml"),
    }
    ran = mesrai_here("review", "--format", "json", cwd=repository.root, env=ENVIRONMENT | env | both(sandbox))
    assert ran.out, ran.err
    return ran


def questions(sandbox: Sandbox, key: str, *, status: int = 200) -> Counter[str]:
    """The conversations that were answered with a key, and how often each."""
    answered = [call for call in sandbox.calls if call.key == key and call.status == status and not call.fault]
    return Counter(str(call.body["messages"]) for call in answered)


@pytest.mark.parametrize(("fault", "most", "reason"), DEATHS, ids=[each[0] for each in DEATHS])
def test_main_dies_after_its_first_answer_and_the_fallback_goes_on(
    tmp_path: Path, fault: str, most: int, reason: str
) -> None:
    def answer(body: dict[str, Any]) -> Any:
        sandbox.stage.always(MAIN, fault)  # from the next request on
        return answer_by_rule(body)

    with running_sandbox(answer=answer) as sandbox:
        ran = reviewed(sandbox, tmp_path)
        review = ran.review
        by_key = Counter(call.key for call in sandbox.calls)
        asked = questions(sandbox, MAIN) + questions(sandbox, FALLBACK)
    assert (ran.code, review["outcome"]) == (0, "reviewed"), ran.err
    assert [finding["title"] for finding in review["findings"]] == ["Text from outside is run as code"]
    assert [each["model"] for each in review["models"]] == ["sim-model", "sim-other"]
    assert by_key[MAIN] - 1 <= most
    assert set(asked.values()) == {1}, "what was answered was asked again"
    told = next(notice for notice in review["notices"] if "in place of" in notice)
    assert told.startswith("openai_compatible/sim-other answered in place of openai_compatible/sim-model: ")
    assert reason in told


def test_both_die_and_the_review_has_failed_in_clear_words(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        sandbox.stage.always(MAIN, "no_credit")
        sandbox.stage.always(FALLBACK, "overloaded")
        ran = reviewed(sandbox, tmp_path)
    assert (ran.code, ran.review["outcome"]) == (4, "failed")
    assert ran.review["findings"] == []
    [failure] = ran.review["failures"]
    assert "no credit" in failure
    assert "overloaded" in failure
