"""action.yml, the workflows that use it, and the events GitHub publishes agree with what the command reads."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.github.fetch import EXAMPLES

from mesrai.assembly.once import workflow_event
from mesrai.cli.action.due import Due, due_of
from mesrai.domain.occasion import Trigger
from mesrai.errors import SettingsError
from mesrai.settings.workflow import load_workflow

ROOT = Path(__file__).parents[3]
ACTION = ROOT / "action.yml"
REVIEW = ROOT / ".github" / "workflows" / "review.yml"
PAGE = ROOT / "docs" / "action.md"
ASKED = {"opened", "reopened", "ready_for_review", "synchronize"}


def an_action() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(ACTION.read_text("utf-8"))
    return loaded


def test_every_input_reaches_the_command_under_a_name_that_it_reads(tmp_path: Path) -> None:
    action = an_action()
    env = action["runs"]["steps"][-1]["env"]
    given = {value: name for name, value in env.items()}
    assert {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]} == set(given)
    event = tmp_path / "event.json"
    event.write_text("{}")
    told = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/shop",
    }
    for name in (name for name in env if name.startswith("INPUT_")):
        with pytest.raises(SettingsError):
            load_workflow(told | {name: "a\tvalue that none of them takes"})
    defaults = {
        name: str(action["inputs"][name[6:].lower().replace("_", "-")]["default"])
        for name in env
        if name[:6] == "INPUT_"
    }
    assert load_workflow(told | defaults).inputs == load_workflow(told).inputs


def test_the_page_names_every_input_and_output() -> None:
    page = PAGE.read_text("utf-8")
    action = an_action()
    assert [name for name in [*action["inputs"], *action["outputs"]] if f"`{name}`" not in page] == []


def test_the_action_and_the_workflows_pass_the_strictest_usual_checks(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    copied = tmp_path / ".github" / "workflows" / "mesrai.yml"
    copied.write_text(found[1].replace("OWNER/mesrai@COMMIT", f"acme/mesrai@{'a' * 40}"))
    program = str(Path(sys.executable).with_name("zizmor"))
    command = [program, "--offline", "--no-progress", str(ACTION), str(REVIEW), str(copied)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not EXAMPLES.exists(), reason="GitHub's example payloads are not here: run tests/github/fetch.py")
def test_every_event_that_github_publishes_is_understood() -> None:
    listed = json.loads(EXAMPLES.read_text("utf-8"))
    reviewed: set[str] = set()
    for event in listed:
        for payload in event["examples"]:
            due = due_of(workflow_event(event["name"], json.dumps(payload).encode()), None)
            if isinstance(due, Due) and event["name"] == "pull_request":
                reviewed.add(payload["action"])
                assert due.number == payload["number"]
                expected = Trigger.PUSHED if payload["action"] == "synchronize" else due.trigger
                assert due.trigger is expected
            assert isinstance(due, str | Due)
    assert reviewed >= ASKED
    assert reviewed <= ASKED | {"edited"}
