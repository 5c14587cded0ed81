"""The pipelines and hooks to copy: what they run is run, with the variables their platforms set."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.in_process import mesrai_here
from tests.repositories import Repository, a_clone, a_repository
from tests.terminal import Ran, clean_environment

ROOT = Path(__file__).parents[3]


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


@pytest.fixture
def clone(tmp_path: Path) -> Repository:
    """A clone of a branch that adds one file."""
    origin = a_repository(tmp_path / "origin", {"a.py": "a = 1\n"})
    origin.git("switch", "--quiet", "--create", "topic")
    origin.commit("topic", {"run.py": "import subprocess\n\nsubprocess.call('ls ' + input(), shell=True)\n"})
    return a_clone(origin, tmp_path / "clone")


def run_step(script: str, clone: Repository, env: dict[str, str]) -> Ran:
    """Run the step that reviews; it begins with the name of the command. No key is there, so analysers alone read."""
    words = shlex.split(script)
    assert words[0] == "mesrai"
    return mesrai_here(*words[1:], "--offline", cwd=clone.root, env=clean_environment(clone.root) | env)


def test_the_job_for_gitlab_writes_the_report_it_declares(clone: Repository) -> None:
    (job,) = read("docs/ci/gitlab.yml").values()
    variables = {name: str(value) for name, value in job["variables"].items()}
    platform = {
        "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "3",
        "CI_PROJECT_ID": "9", "CI_COMMIT_SHA": clone.git("rev-parse", "HEAD"),
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": clone.git("rev-parse", "HEAD~1"),
    }  # fmt: skip
    ran = run_step(job["script"][-1], clone, variables | platform)
    assert ran.code == 1, ran.err
    assert (clone.root / job["artifacts"]["reports"]["codequality"]).is_file()
    assert (variables["GIT_DEPTH"], job["artifacts"]["when"]) == ("0", "always")
    assert re.fullmatch(r'\$CI_PIPELINE_SOURCE == "merge_request_event"', job["rules"][0]["if"])


def test_the_step_for_azure_finds_its_pull_request(clone: Repository) -> None:
    (job,) = read("docs/ci/azure-pipelines.yml")["jobs"]
    checkout, *_, step = job["steps"]
    assert (checkout["fetchDepth"], "MESRAI_API_KEY" in step["env"]) == (0, True)
    platform = {
        "TF_BUILD": "True", "SYSTEM_PULLREQUEST_PULLREQUESTID": "3",
        "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
        "SYSTEM_PULLREQUEST_SOURCECOMMITID": clone.git("rev-parse", "HEAD"),
        "AGENT_TEMPDIRECTORY": str(clone.root.parent),
    }  # fmt: skip
    clone.git("fetch", "--quiet", "origin", "main:refs/remotes/origin/main")
    ran = run_step(step["script"], clone, platform)
    assert (ran.code, "sourcepath=run.py" in ran.out) == (1, True), ran.err


def test_the_step_for_bitbucket_finds_its_pull_request(clone: Repository) -> None:
    told = read("docs/ci/bitbucket-pipelines.yml")
    (step,) = told["pipelines"]["pull-requests"]["**"]
    assert told["clone"]["depth"] == "full"
    platform = {
        "BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_PR_ID": "3", "BITBUCKET_REPO_FULL_NAME": "acme/shop",
        "BITBUCKET_COMMIT": clone.git("rev-parse", "HEAD"), "BITBUCKET_PR_DESTINATION_BRANCH": "main",
        "BITBUCKET_PR_DESTINATION_COMMIT": clone.git("rev-parse", "--short=12", "HEAD~1"),
        "MESRAI_BITBUCKET_PROXY": "http://127.0.0.1:9",
    }  # fmt: skip
    ran = run_step(step["step"]["script"][-1], clone, platform)
    assert ran.code == 1, ran.err
    assert "run.py" in ran.out
    assert "was not written to the request" in ran.err


def test_the_hooks_for_the_pre_commit_framework_do_what_they_say(clone: Repository) -> None:
    hooks = {hook["id"]: hook for hook in read(".pre-commit-hooks.yaml")}
    env = clean_environment(clone.root)

    def ran(name: str, *files: str, **more: str) -> Ran:
        _, *words = shlex.split(hooks[name]["entry"])
        return mesrai_here(*words, *files, cwd=clone.root, env=env | more)

    head = clone.git("rev-parse", "HEAD")
    told = {"PRE_COMMIT_FROM_REF": clone.git("rev-parse", "HEAD~1"), "PRE_COMMIT_TO_REF": head}
    more = {"PRE_COMMIT_REMOTE_NAME": "upstream", "PRE_COMMIT_REMOTE_BRANCH": "refs/heads/topic"}
    clone.git("update-ref", "-d", "refs/remotes/origin/topic")
    clone.git("update-ref", "-d", "refs/remotes/origin/HEAD")
    pushed = ran("mesrai-push", **told, **more)
    assert (pushed.code, "NOT reviewed: topic: No model is connected" in pushed.err) == (0, True), pushed.err
    clone.write("b.py", "import subprocess\n\nsubprocess.call('ls ' + input(), shell=True)\n")
    clone.git("add", "b.py")
    assert "NOT reviewed: No model is connected" in ran("mesrai").err
    assert ran("mesrai-offline").code == 1
    clone.write("mesrai-config.yml", "maxFile: 1\n")
    assert ran("mesrai-config", "mesrai-config.yml").code == 2
    pattern = re.compile(hooks["mesrai-config"]["files"])
    names = ["mesrai-config.yml", "a/b/mesrai-config.yml", ".mesrai/rules/a/b.md", "x/.mesrai-rules/review/a.yml"]
    assert all(pattern.search(name) for name in names)
    assert not pattern.search("docs/mesrai-config.yml.md")
