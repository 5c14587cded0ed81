"""The command as people and programs use it: what is reviewed, how it is said, how it ends."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from tests.repositories import Repository, a_repository
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import a_changed_repository, connected, mesrai

RISKY = "import subprocess\n\n\ndef run(name):\n    subprocess.call('ls ' + name, shell=True)\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def risky(tmp_path: Path) -> Repository:
    """A repository with an untracked file that an analyser has something to say about."""
    repository = a_repository(tmp_path / "repository", {"README": "x\n"})
    repository.write("run.py", RISKY)
    return repository


def test_offline_review_needs_no_key_and_tells_what_it_found(risky: Repository) -> None:
    ran = mesrai("review", "--offline", "--format", "json", cwd=risky.root)
    assert ran.code == 0, ran.err
    assert ran.review["outcome"] == "reviewed"
    assert {finding["source"] for finding in ran.review["findings"]} >= {"ruff S602"}
    assert ran.review["usage"]["calls"] == 0


@pytest.mark.parametrize(("level", "code"), [("critical", 0), ("low", 1)])
def test_fail_on_decides_the_exit_code(risky: Repository, level: str, code: int) -> None:
    assert mesrai("review", "--offline", "--fail-on", level, cwd=risky.root).code == code


def test_nothing_to_review_is_said_and_is_fine(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository", {"README": "x\n"})
    ran = mesrai("review", cwd=repository.root)
    assert (ran.code, ran.err) == (0, "")
    assert "othing to review" in ran.out


def test_no_key_is_an_error_that_says_how_to_connect_one(tmp_path: Path) -> None:
    ran = mesrai("review", cwd=a_changed_repository(tmp_path / "repository").root)
    assert ran.code == 3
    assert "MOONSHOT_API_KEY" in ran.err
    assert "--offline" in ran.err


def test_outside_a_repository_is_its_own_exit_code(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert mesrai("review", "--offline", cwd=tmp_path / "empty").code == 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--quiet", "--verbose"], "--quiet and --verbose do not go together"),
        (["--staged", "--commit", "HEAD"], "--staged and --commit do not go together"),
        (["--range", "HEAD~9..HEAD"], "HEAD~9"),
        (["--fields", "nonsense", "--format", "json"], "nonsense"),
        (["--fields", "summary"], "--fields goes with"),
        (["--fix", "--commit", "HEAD"], "uncommitted"),
        (["no/such/path.py"], "no/such/path.py"),
        (["--context", "no-such-file"], "no-such-file"),
        (["--format", "xml"], "xml"),
    ],
)
def test_wrong_usage_says_what_is_wrong(risky: Repository, arguments: list[str], sentence: str) -> None:
    ran = mesrai("review", "--offline", *arguments, cwd=risky.root)
    assert ran.code == 2, ran.out + ran.err
    assert sentence in ran.err


def test_a_broken_policy_file_is_refused_with_its_line(risky: Repository) -> None:
    risky.write("mesrai-config.yml", "version: '1.2'\nsuggestionControl:\n  maxSuggestions: many\n")
    ran = mesrai("review", "--offline", cwd=risky.root)
    assert ran.code == 2
    assert "mesrai-config.yml:3" in ran.err


def test_the_policy_is_obeyed(risky: Repository) -> None:
    risky.write("mesrai-config.yml", "ignorePaths: ['*.py']\n")
    ran = mesrai("review", "--offline", "--format", "json", cwd=risky.root)
    coverage = {file["path"]: file["reason"] for file in ran.review["coverage"]}
    assert coverage["run.py"] == "ignored by ignorePaths of the policy"


def test_a_review_with_a_model_obeys_the_published_schema(tmp_path: Path, sandbox: Sandbox) -> None:
    schema = json.loads(mesrai("schema", cwd=tmp_path).out)
    repository = a_changed_repository(tmp_path / "repository")
    ran = mesrai("review", "--agent", cwd=repository.root, env=connected(sandbox.openai))
    assert ran.code == 0, ran.err
    assert ran.out.count("\n") == 1
    jsonschema.validate(ran.review, schema)
    assert ran.review["models"][0]["model"] == "sim-model"


@pytest.mark.parametrize("form", ["terminal", "markdown", "sarif", "github", "json"])
def test_every_format_says_that_a_failed_review_failed(tmp_path: Path, sandbox: Sandbox, form: str) -> None:
    repository = a_changed_repository(tmp_path / "repository")
    ran = mesrai("review", "--format", form, cwd=repository.root, env=connected(sandbox.openai, "sk-sim-server_error"))
    assert ran.code == 4
    assert "no problems" not in ran.out.lower()
    assert "fail" in ran.out.lower() or '"executionSuccessful": false' in ran.out


def test_output_goes_to_a_file_and_a_sentence_to_the_person(risky: Repository) -> None:
    ran = mesrai("review", "--offline", "--format", "sarif", "--output", "out.sarif", cwd=risky.root)
    assert ran.out == ""
    assert "out.sarif" in ran.err
    assert json.loads((risky.root / "out.sarif").read_text())["version"] == "2.1.0"


def test_the_fallback_answers_where_the_main_fails_and_the_review_says_so(tmp_path: Path, sandbox: Sandbox) -> None:
    repository = a_changed_repository(tmp_path / "repository")
    main = connected(sandbox.openai, "sk-sim-no_credit")
    fallback = {
        "MESRAI_FALLBACK_PROVIDER": "anthropic_compatible",
        "MESRAI_FALLBACK_BASE_URL": sandbox.root,
        "MESRAI_FALLBACK_MODEL": "sim-fallback",
        "MESRAI_FALLBACK_API_KEY": "sk-sim-ok",
    }
    ran = mesrai("review", "--format", "json", cwd=repository.root, env=main | fallback)
    assert ran.code == 0, ran.err
    assert ran.review["outcome"] == "reviewed"
    assert any("sim-fallback" in notice for notice in ran.review["notices"])
    assert "sim-fallback" in {model["model"] for model in ran.review["models"]}


def test_partly_reviewed_is_never_green_when_fail_on_is_asked(tmp_path: Path, sandbox: Sandbox) -> None:
    repository = a_repository(tmp_path / "repository", {"README": "x\n"})
    for number in range(6):
        repository.write(f"m{number}.py", "".join(f"value_{line} = {line}\n" for line in range(900)))
    sandbox.stage.clear()
    sandbox.stage.script(["filtered"])
    ran = mesrai("review", "--format", "json", "--fail-on", "low", cwd=repository.root, env=connected(sandbox.openai))
    assert ran.review["outcome"] == "partial"
    assert (ran.code, ran.review["findings"]) == (6, [])


def test_interrupt_shows_what_is_done_and_says_so(tmp_path: Path) -> None:
    with running_sandbox(latency_s=20.0) as slow:
        repository = a_changed_repository(tmp_path / "repository")
        env = os.environ | connected(slow.openai) | {"MESRAI_CONFIG": str(tmp_path / "none.toml")}
        (tmp_path / "none.toml").write_text("")
        process = subprocess.Popen(
            [sys.executable, "-m", "mesrai", "review", "--format", "json"],
            cwd=repository.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        until = time.monotonic() + 20
        while not slow.calls and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=15)
    assert json.loads(out)["outcome"] == "failed", err
    assert err == ""
    assert json.loads(out)["failures"] == ["The review was stopped before it was complete."]
    assert process.returncode == 4


def suggesting(body: dict[str, object]) -> str:
    """A model that proposes to guard the division, and confirms it."""
    question = json.dumps(body["messages"])
    if "numbered 1 to" in question:
        verdict = {"number": 1, "evidence": "line 2", "verdict": "confirmed", "severity": "high", "confidence": 1}
        return json.dumps({"verdicts": [verdict]})
    finding = {
        "path": "cart.py", "line": 2, "quote": "    return sum(items) / len(items)", "evidence": "len is 0",
        "title": "Divides by zero", "body": "An empty cart raises.", "category": "bug", "severity": "high",
        "confidence": 0.9, "replacement": "    return sum(items) / max(len(items), 1)",
    }  # fmt: skip
    return json.dumps(
        {"files": [{"path": "cart.py", "note": "Averages."}], "findings": [finding], "summary": "Averages."}
    )


def test_fix_with_yes_writes_the_suggestion_and_nothing_else(tmp_path: Path) -> None:
    repository = a_changed_repository(tmp_path / "repository")
    with running_sandbox(answer=suggesting) as sandbox:
        ran = mesrai("review", "--fix", "--yes", cwd=repository.root, env=connected(sandbox.openai))
    assert ran.code == 0, ran.err
    fixed = "def total(items):\n    return sum(items) / max(len(items), 1)\n"
    assert (repository.root / "cart.py").read_text() == fixed


def test_fix_without_a_terminal_and_without_yes_writes_nothing_and_says_why(tmp_path: Path) -> None:
    repository = a_changed_repository(tmp_path / "repository")
    before = (repository.root / "cart.py").read_text()
    with running_sandbox(answer=suggesting) as sandbox:
        ran = mesrai("review", "--fix", cwd=repository.root, env=connected(sandbox.openai))
    assert (ran.code, (repository.root / "cart.py").read_text()) == (2, before)
    assert "--fix --yes" in ran.err


def test_prompt_only_gives_a_coding_agent_the_place_the_problem_and_the_code(tmp_path: Path) -> None:
    repository = a_changed_repository(tmp_path / "repository")
    with running_sandbox(answer=suggesting) as sandbox:
        ran = mesrai("review", "--prompt-only", cwd=repository.root, env=connected(sandbox.openai))
    assert ran.code == 0, ran.err
    for part in ("cart.py", "Divides by zero", "return sum(items) / max(len(items), 1)"):
        assert part in ran.out


def test_doctor_says_what_to_do_next(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository", {"README": "x\n"})
    ran = mesrai("doctor", cwd=repository.root)
    assert ran.code == 3
    assert "No model is connected" in ran.out


def test_doctor_asks_the_model_by_the_way_that_reviews_go(tmp_path: Path, sandbox: Sandbox) -> None:
    repository = a_repository(tmp_path / "repository", {"README": "x\n"})
    good = mesrai("doctor", "--ask", cwd=repository.root, env=connected(sandbox.openai))
    bad = mesrai("doctor", "--ask", cwd=repository.root, env=connected(sandbox.openai, "sk-sim-bad_key"))
    assert (good.code, bad.code) == (0, 3)
    assert "main model answered" in good.out
    assert "does not accept this key" in bad.out
    assert "sk-sim" not in good.out + bad.out


def test_help_reads_well_and_completion_is_printed(tmp_path: Path) -> None:
    ran = mesrai("review", "--help", cwd=tmp_path)
    assert "Exit codes" in ran.out
    assert "_MESRAI_COMPLETE" in mesrai("completion", "zsh", cwd=tmp_path).out


def test_colour_goes_to_terminals_only_and_respects_no_color(risky: Repository) -> None:
    assert "\x1b[" not in mesrai("review", "--offline", cwd=risky.root).out
    assert "\x1b[" in on_a_terminal(risky, {})
    assert "\x1b[3" not in on_a_terminal(risky, {"NO_COLOR": "1"})


def on_a_terminal(repository: Repository, env: dict[str, str]) -> str:
    """What a terminal would get."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mesrai", "review", "--offline"],
        cwd=repository.root, env=os.environ | {"TERM": "xterm-256color"} | env, stdout=follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    parts: list[bytes] = []
    try:
        while data := os.read(leader, 65_536):
            parts.append(data)
    except OSError:  # the terminal is gone with the process
        pass
    process.wait(timeout=20)
    os.close(leader)
    return b"".join(parts).decode()
