"""Whatever a provider does, the review ends in the right outcome, exit code and sentence, never in "no findings"."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.in_process import mesrai_here
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import Ran, a_changed_repository, clean_environment, connected

# fault, exit code, a part of the sentence, the most requests
FAILURES = [
    ("bad_key", 3, "does not accept this key", 1),
    ("bad_key_openai", 3, "does not accept this key", 1),
    ("bad_key_text", 3, "does not accept this key", 1),
    ("bad_key_string", 3, "does not accept this key", 1),
    ("bad_key_google", 3, "does not accept this key", 1),
    ("no_credit", 4, "no credit", 1),
    ("membership", 4, "", 1),
    ("client_gate", 4, "", 1),
    ("html_403", 4, "", 1),
    ("no_model", 4, "no such model", 1),
    ("throttle", 4, "", 6),
    ("throttle_text", 4, "", 2),
    ("throttle_retry_after;seconds=60", 4, "60", 1),
    ("quota", 4, "", 1),
    ("quota_openai", 4, "", 1),
    ("quota_window", 4, "", 1),
    ("overloaded", 4, "overloaded", 6),
    ("overloaded_529", 4, "overloaded", 6),
    ("server_error", 4, "", 3),
    ("html_504", 4, "", 3),
    ("redirect", 4, "", 3),
    ("html_200", 4, "", 3),
    ("empty", 4, "", 3),
    ("length_reasoning", 4, "", 2),
    ("cut_stream", 4, "", 2),
    ("stall", 4, "", 2),
    ("slow_first_token;ms=2500", 4, "", 2),
    ("no_answer", 4, "", 2),
    ("comments_only", 4, "", 2),
    ("broken_connection", 4, "", 3),
    ("error_choice", 4, "", 3),
    ("empty_answer", 4, "", 2),
    ("error_in_200", 4, "", 3),
    ("malformed", 4, "", 3),
    ("malformed_json", 4, "agreed shape", 4),
    ("too_long", 4, "", 12),
    ("body_too_big", 4, "", 12),
    ("filtered", 4, "", 2),
    ("refused", 4, "", 2),
]


def mesrai(*arguments: str, cwd: Path, env: dict[str, str]) -> Ran:
    """The command in this very process: a new one for each of so many cases would take minutes."""
    return mesrai_here(*arguments, cwd=cwd, env=clean_environment(cwd) | env)


def patient(folder: Path) -> None:
    """Settings that leave time for another try."""
    (folder / "home").mkdir()
    (folder / "home" / "config.toml").write_text("[limits]\nquestion_s = 30\n")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.mark.parametrize(("fault", "code", "sentence", "most_calls"), FAILURES, ids=[each[0] for each in FAILURES])
def test_a_failure_of_the_provider_is_a_failed_review(
    tmp_path: Path, sandbox: Sandbox, fault: str, code: int, sentence: str, most_calls: int
) -> None:
    sandbox.stage.clear()
    sandbox.stage.always("sk-sim-key", fault)
    repository = a_changed_repository(tmp_path / "repository")
    ran = mesrai(
        "review",
        "--format",
        "json",
        "--fail-on",
        "low",
        cwd=repository.root,
        env=connected(sandbox.openai, "sk-sim-key"),
    )
    assert ran.code == code, ran.err
    assert ran.review["outcome"] == "failed"
    assert ran.review["findings"] == []
    assert [file["status"] for file in ran.review["coverage"]] == ["failed"]
    (failure,) = ran.review["failures"]
    assert sentence in failure
    assert "sk-sim-key" not in ran.out + ran.err
    assert 1 <= len(sandbox.calls) <= most_calls
    assert ran.review["usage"]["calls"] >= len(sandbox.calls)  # a request cut off by the deadline may not arrive


@pytest.mark.parametrize(
    "fault", ["fenced_json", "bad_tool_arguments", "think_tag", "ignores_stream", "no_done", "slow_first_token;ms=100"]
)
def test_an_odd_answer_that_can_be_understood_is_a_review(tmp_path: Path, sandbox: Sandbox, fault: str) -> None:
    sandbox.stage.clear()
    sandbox.stage.script([fault])
    repository = a_changed_repository(tmp_path / "repository")
    patient(tmp_path)
    ran = mesrai("review", "--format", "json", "--fail-on", "low", cwd=repository.root, env=connected(sandbox.openai))
    assert ran.code == 0, ran.out + ran.err
    assert (ran.review["outcome"], ran.review["failures"]) == ("reviewed", [])


@pytest.mark.parametrize(
    "fault", ["throttle_retry_after;seconds=1", "overloaded", "server_error", "empty_answer", "cut_stream"]
)
def test_a_failure_that_passes_is_no_failure(tmp_path: Path, sandbox: Sandbox, fault: str) -> None:
    sandbox.stage.clear()
    sandbox.stage.script([fault])
    repository = a_changed_repository(tmp_path / "repository")
    patient(tmp_path)
    ran = mesrai("review", "--format", "json", cwd=repository.root, env=connected(sandbox.openai))
    assert ran.code == 0, ran.out + ran.err
    assert (ran.review["outcome"], ran.review["usage"]["calls"], len(sandbox.calls)) == ("reviewed", 2, 2)


def test_a_setting_that_the_provider_refuses_is_left_out_and_the_user_is_told(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.stage.clear()
    sandbox.stage.script(["refuse;field=stream_options"])
    repository = a_changed_repository(tmp_path / "repository")
    ran = mesrai("review", "--format", "json", cwd=repository.root, env=connected(sandbox.openai))
    assert ran.code == 0, ran.out + ran.err
    assert any("stream_options" in notice for notice in ran.review["notices"])
