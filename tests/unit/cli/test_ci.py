"""`mesrai ci` with the variables that the platforms set, and what it leaves behind."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.in_process import mesrai_here
from tests.repositories import Repository, a_clone, a_repository
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import Ran, clean_environment, connected

from mesrai.domain.secret import Secret
from mesrai.forges.pipeline_api import open_notes

BAD = "import os\n\n\ndef run(name):\n    # ##vso[task.setvariable variable=x]y\n    return eval(name)\n"
QUALITY = {  # what GitLab documents of its format
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{16,}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^(?!\\./|/).+"},
                    "lines": {"properties": {"begin": {"type": "integer", "minimum": 1}}, "required": ["begin"]},
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@dataclass
class Pipeline:
    """A clone as a runner makes it, with a branch that is under review."""

    clone: Repository
    base: str
    head: str
    env: dict[str, str]

    def run(self, *options: str, **env: str) -> Ran:
        return mesrai_here("ci", *options, cwd=self.clone.root, env=self.env | env)

    @property
    def gitlab(self) -> dict[str, str]:
        """As GitLab sets them for a merge request."""
        return {
            "CI": "true", "GITLAB_CI": "true", "CI_PROJECT_ID": "278964", "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": self.base, "CI_COMMIT_SHA": self.head,
            "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "", "CI_PIPELINE_SOURCE": "merge_request_event",
        }  # fmt: skip

    @property
    def azure(self) -> dict[str, str]:
        """As Azure sets them; the source commit is not the one that is checked out."""
        return {
            "TF_BUILD": "True", "BUILD_REASON": "PullRequest", "SYSTEM_PULLREQUEST_PULLREQUESTID": "12",
            "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main", "BUILD_SOURCEVERSION": "9" * 40,
            "SYSTEM_PULLREQUEST_SOURCECOMMITID": self.head, "AGENT_TEMPDIRECTORY": str(self.clone.root.parent),
        }  # fmt: skip

    @property
    def bitbucket(self) -> dict[str, str]:
        """As Bitbucket sets them, with short ids."""
        return {
            "CI": "true", "BITBUCKET_BUILD_NUMBER": "31", "BITBUCKET_PR_ID": "4",
            "BITBUCKET_REPO_FULL_NAME": "acme/shop", "BITBUCKET_COMMIT": self.head,
            "BITBUCKET_PR_DESTINATION_BRANCH": "main", "BITBUCKET_PR_DESTINATION_COMMIT": self.base[:12],
        }  # fmt: skip


@pytest.fixture
def pipeline(tmp_path: Path, sandbox: Sandbox) -> Pipeline:
    origin = a_repository(tmp_path / "origin", {"a.py": "a = 1\n"})
    base = origin.git("rev-parse", "HEAD")
    origin.git("switch", "--quiet", "--create", "topic")
    head = origin.commit("bad", {"run.py": BAD})
    origin.git("switch", "--quiet", "main")
    origin.commit("meanwhile", {"later.py": "eval(input())\n"})
    clone = a_clone(origin, tmp_path / "clone")
    clone.git("checkout", "--quiet", "--detach", head)
    return Pipeline(clone, base, head, clean_environment(clone.root) | connected(sandbox.openai))


@dataclass
class Api:
    """A platform's API on a loopback port, which remembers what it was asked."""

    port: int = 0
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def of(self, method: str) -> list[tuple[str, Any]]:
        return [(path, body) for verb, path, body in self.asked if verb == method]


@contextmanager
def an_api(answer: Callable[[str, str], tuple[int, object]]) -> Iterator[Api]:
    api = Api()

    class Door(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            api.asked.append((self.command, self.path, json.loads(raw) if raw else None))
            api.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, told = answer(self.command, self.path)
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    api.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


def report(pipeline: Pipeline) -> list[dict[str, Any]]:
    found = json.loads((pipeline.clone.root / "gl-code-quality-report.json").read_text("ascii"))
    jsonschema.validate(found, QUALITY)
    assert isinstance(found, list)
    return found


def test_gitlab_gets_a_code_quality_report_of_what_the_branch_brings(pipeline: Pipeline) -> None:
    ran = pipeline.run("--fail-on", "high", **pipeline.gitlab)
    assert ran.code == 1, ran.err
    assert "MESRAI_GITLAB_TOKEN is not set" in ran.err
    (found,) = report(pipeline)
    assert (found["severity"], found["location"]) == ("major", {"path": "run.py", "lines": {"begin": 6}})


def test_a_failed_review_leaves_no_report_that_looks_clean(pipeline: Pipeline) -> None:
    ran = pipeline.run(**pipeline.gitlab, MESRAI_API_KEY="sk-sim-server_error")
    assert ran.code == 4
    assert {each["check_name"] for each in report(pipeline)} == {"mesrai/not-reviewed"}
    assert "blocker" in {each["severity"] for each in report(pipeline)}
    nothing = dict.fromkeys(("MESRAI_API_KEY", "MESRAI_PROVIDER", "MESRAI_BASE_URL", "MESRAI_MODEL"), "")
    ran = pipeline.run(**pipeline.gitlab, **nothing)
    assert (ran.code, "No model is connected" in ran.err) == (3, True)
    assert not (pipeline.clone.root / "gl-code-quality-report.json").exists()


def test_one_note_stands_on_the_merge_request_and_is_edited(pipeline: Pipeline) -> None:
    notes: list[dict[str, Any]] = [{"id": 1, "author": {"id": 66}, "body": "<!-- mesrai: review in a pipeline -->"}]

    def answer(method: str, path: str) -> tuple[int, object]:
        if path == "/api/v4/user":
            return 200, {"id": 5}
        return (200, notes) if method == "GET" else (201, {"id": 2})

    with an_api(answer) as api:
        env = pipeline.gitlab | {"CI_API_V4_URL": f"http://127.0.0.1:{api.port}/api/v4"}
        assert pipeline.run(**env, MESRAI_GITLAB_TOKEN="glpat-secret-of-tests").code == 0
        ((path, body),) = api.of("POST")
        assert path == "/api/v4/projects/278964/merge_requests/7/notes"
        assert "run.py" in body["body"]
        notes.append({"id": 2, "author": {"id": 5}, "body": body["body"]})
        assert pipeline.run(**env, MESRAI_GITLAB_TOKEN="glpat-secret-of-tests").code == 0
        assert [path for path, _ in api.of("PUT")] == ["/api/v4/projects/278964/merge_requests/7/notes/2"]
        assert {each["private-token"] for each in api.headers} == {"glpat-secret-of-tests"}


def test_no_line_of_a_note_is_a_command_for_gitlab() -> None:
    async def put(port: int) -> None:
        async with open_notes(f"http://127.0.0.1:{port}", Secret("glpat-x"), "1", "2") as notes:
            await notes.put("/merge\n> /close\n  /approve\na /path\n// code\n")

    with an_api(lambda method, path: (200, {} if "user" in path else []) if method == "GET" else (201, {})) as api:
        asyncio.run(put(api.port))
    ((_, body),) = api.of("POST")
    assert body["body"].splitlines()[1:] == ["\\/merge", "> \\/close", "  \\/approve", "a /path", "// code"]


def test_a_note_that_may_not_be_written_is_told_and_ends_the_job(pipeline: Pipeline) -> None:
    with an_api(lambda *_: (403, {"message": "glpat-secret-of-tests"})) as api:
        env = pipeline.gitlab | {"CI_API_V4_URL": f"http://127.0.0.1:{api.port}/api/v4"}
        ran = pipeline.run(**env, MESRAI_GITLAB_TOKEN="glpat-secret-of-tests")
    assert (ran.code, "the token may not do this" in ran.err) == (4, True)
    assert "glpat" not in ran.out + ran.err
    assert len(report(pipeline)) == 1


def test_bitbucket_gets_a_report_and_annotations_through_the_proxy_of_the_step(pipeline: Pipeline) -> None:
    with an_api(lambda method, _: (404, {}) if method == "DELETE" else (200, {})) as api:
        env = pipeline.bitbucket | {"MESRAI_BITBUCKET_PROXY": f"http://127.0.0.1:{api.port}"}
        assert pipeline.run("--fail-on", "high", **env).code == 1
    place = f"http://api.bitbucket.org/2.0/repositories/acme/shop/commit/{pipeline.head}/reports/mesrai"
    ((path, told),) = api.of("PUT")
    assert (path, told["result"], told["report_type"]) == (place, "FAILED", "BUG")
    ((path, (annotation,)),) = api.of("POST")
    assert path == f"{place}/annotations"
    assert (annotation["path"], annotation["line"], annotation["severity"], annotation["annotation_type"]) == (
        "run.py", 6, "HIGH", "VULNERABILITY",
    )  # fmt: skip
    assert [verb for verb, _, _ in api.asked] == ["DELETE", "PUT", "POST"]


def test_azure_gets_issues_and_a_summary_and_no_command_of_the_code(pipeline: Pipeline) -> None:
    ran = pipeline.run("--verbose", **pipeline.azure)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("Mesrai: 1 problem found")
    assert lines[1].startswith("##vso[task.logissue type=error;sourcepath=run.py;linenumber=6;]high: ")
    summary = pipeline.clone.root.parent / "mesrai-review.md"
    assert lines[2:] == [f"##vso[task.uploadsummary ]{summary}"]
    assert "run.py" in summary.read_text()
    assert "setvariable" not in ran.out + ran.err


@pytest.mark.parametrize("name", ["gitlab", "azure", "bitbucket"])
def test_a_pipeline_of_a_branch_has_nothing_to_review(pipeline: Pipeline, name: str) -> None:
    variables = getattr(pipeline, name)
    for gone in ("CI_MERGE_REQUEST_IID", "BITBUCKET_PR_ID", "SYSTEM_PULLREQUEST_PULLREQUESTID"):
        variables.pop(gone, None)
    ran = pipeline.run(**variables)
    assert (ran.code, ran.out) == (0, "")
    assert "nothing to review" in ran.err


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({}, "no pipeline of GitLab"),
        ({"GITHUB_ACTIONS": "true"}, "mesrai action"),
        ({"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "1"}, "CI_MERGE_REQUEST_DIFF_BASE_SHA is not what"),
        ({"TF_BUILD": "True", "SYSTEM_PULLREQUEST_PULLREQUESTID": "1", "BUILD_SOURCEVERSION": "a" * 40,
          "SYSTEM_PULLREQUEST_TARGETBRANCH": "--upload-pack=x"}, "SYSTEM_PULLREQUEST_TARGETBRANCH is not what"),
        ({"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_PR_ID": "1", "BITBUCKET_COMMIT": "a" * 12,
          "BITBUCKET_PR_DESTINATION_BRANCH": "a..b"}, "BITBUCKET_PR_DESTINATION_BRANCH is not what"),
    ],
)  # fmt: skip
def test_variables_that_are_not_what_they_should_be_are_wrong_settings(
    pipeline: Pipeline, env: dict[str, str], sentence: str
) -> None:
    ran = pipeline.run(**env)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err


def test_a_clone_that_is_too_shallow_says_what_to_do(pipeline: Pipeline, tmp_path: Path) -> None:
    shallow = a_clone(Repository(tmp_path / "origin"), tmp_path / "shallow", "--depth=1", "--branch=topic")
    ran = mesrai_here("ci", cwd=shallow.root, env=pipeline.env | pipeline.gitlab)
    assert (ran.code, "shallow" in ran.err) == (2, True)


def test_the_report_is_a_format_of_review_too(pipeline: Pipeline) -> None:
    ran = mesrai_here(
        "review",
        "--range",
        f"{pipeline.base}..{pipeline.head}",
        "-f",
        "gitlab",
        cwd=pipeline.clone.root,
        env=pipeline.env,
    )
    jsonschema.validate(json.loads(ran.out), QUALITY)
