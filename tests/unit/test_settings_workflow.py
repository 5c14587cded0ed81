"""What a workflow and a terminal tell us, and which token goes to which GitHub."""

from pathlib import Path

import pytest

from mesrai.domain.pull_request_address import PullRequestAddress, read_pull_request_address
from mesrai.errors import SettingsError, UserError
from mesrai.settings.serving import load_github_access
from mesrai.settings.workflow import load_workflow

SERVER = "https://github.example.com"


@pytest.mark.parametrize(
    ("env", "token", "origin"),
    [
        ({"MESRAI_GITHUB_TOKEN": "own", "GITHUB_TOKEN": "run", "GH_TOKEN": "gh"}, "own", "MESRAI_GITHUB_TOKEN"),
        ({"GITHUB_TOKEN": "run", "GH_TOKEN": "gh"}, "run", "GITHUB_TOKEN"),
        ({"GH_TOKEN": "gh"}, "gh", "GH_TOKEN"),
        ({"GH_TOKEN": "gh", "MESRAI_GITHUB_URL": "https://acme.ghe.com"}, "gh", "GH_TOKEN"),
        ({"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": SERVER, "GITHUB_TOKEN": "run"}, "run", "GITHUB_TOKEN"),
        (
            {"MESRAI_GITHUB_URL": SERVER, "GH_ENTERPRISE_TOKEN": "there", "GITHUB_TOKEN": "run"},
            "there",
            "GH_ENTERPRISE_TOKEN",
        ),
    ],
)
def test_the_first_token_that_is_for_that_github_is_used(env: dict[str, str], token: str, origin: str) -> None:
    found = load_github_access(env)
    assert found.access.token is not None
    assert (found.access.token.open(), found.origin) == (token, origin)


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"MESRAI_GITHUB_URL": SERVER, "GITHUB_TOKEN": "run", "GH_TOKEN": "gh"},
        {"MESRAI_GITHUB_URL": SERVER, "GITHUB_TOKEN": "run", "GITHUB_ACTIONS": "true",
         "GITHUB_SERVER_URL": "https://github.com"},
        {"MESRAI_GITHUB_URL": "https://github.com.evil.example", "GITHUB_TOKEN": "run"},
        {"MESRAI_GITHUB_URL": "https://evil.example/.ghe.com", "GITHUB_TOKEN": "run"},
    ],
)  # fmt: skip
def test_a_token_for_github_com_goes_nowhere_else(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="There is no token for"):
        load_github_access(env)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://github.com/acme/shop/pull/7", ("https://github.com", "acme", "shop", 7)),
        ("https://github.com/acme/shop/pull/7/files?w=1#diff-1", ("https://github.com", "acme", "shop", 7)),
        ("http://127.0.0.1:80/acme/shop/pull/7", ("http://127.0.0.1:80", "acme", "shop", 7)),
        (" acme/my.shop#12 ", ("", "acme", "my.shop", 12)),
    ],
)
def test_an_address_is_read(text: str, expected: tuple[str, str, str, int]) -> None:
    origin, owner, name, number = expected
    wanted = PullRequestAddress(origin=origin, owner=owner, name=name, number=number)
    assert read_pull_request_address(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "7", "acme/shop", "acme/shop#0", "acme/shop#x", "../shop#1", "acme/..#1", "a/b/c#1", "https://github.com/acme/shop",
     "https://github.com/acme/shop/issues/7", "https://me:secret@github.com/acme/shop/pull/7", "ftp://x/a/b/pull/1",
     "https://github.com/acme/shop/pull/7\nx", "https://github.com/acme/sh%6Fp/pull/7", "--post"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not the address of a pull request"):
        read_pull_request_address(text)


def a_run(folder: Path, **changes: str) -> dict[str, str]:
    event = folder / "event.json"
    event.write_text("{}")
    usual = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_WORKSPACE": str(folder),
    }
    return {name: value for name, value in (usual | changes).items() if value}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"GITHUB_ACTIONS": ""}, "in a GitHub workflow only"),
        ({"GITHUB_REPOSITORY": "acme"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_EVENT_NAME": ""}, "GITHUB_EVENT_NAME"),
        ({"GITHUB_EVENT_PATH": "/no/such/file"}, "GITHUB_EVENT_PATH"),
        ({"INPUT_FAIL_ON": "error"}, "fail-on: one of never, critical, high, medium, low"),
        ({"INPUT_REQUIRE_REVIEW": "yes"}, "require-review: one of true, false"),
        ({"INPUT_DEPTH": "deeper"}, "depth"),
        ({"INPUT_PULL_REQUEST": "7; rm"}, "pull-request"),
        ({"INPUT_BUDGET": "NaN"}, "budget"),
        ({"INPUT_SARIF_FILE": "../out.sarif"}, "leads out of the workspace"),
        ({"INPUT_SARIF_FILE": "a\nb"}, "sarif-file"),
    ],
)
def test_what_a_workflow_says_wrong_is_named(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load_workflow(a_run(tmp_path, **changes))


def test_inputs_come_as_action_yml_gives_them_and_as_a_runner_does(tmp_path: Path) -> None:
    inputs = load_workflow(a_run(tmp_path, **{"INPUT_FAIL-ON": "High", "INPUT_POST": "false"})).inputs
    assert (inputs.fail_on, inputs.posts, inputs.requires_review) == ("high", False, False)
    inputs = load_workflow(a_run(tmp_path)).inputs
    assert (inputs.fail_on, inputs.posts, inputs.number, inputs.sarif_file) == (None, True, None, None)
