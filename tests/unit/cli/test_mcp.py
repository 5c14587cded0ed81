"""`mesrai mcp` as a coding agent talks to it: real messages to a real process."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.repositories import Repository, a_repository
from tests.sandbox_server import Sandbox, running_sandbox
from tests.terminal import clean_environment, connected

BAD = "import os\n\n\ndef run(name):\n    os.system('ls ' + name)\n    return eval(name)\n"
FIXABLE = "import yaml\n\n\ndef check(x):\n    return yaml.load(x)\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    return a_repository(tmp_path / "shop", {"a.py": "a = 1\n", "mesrai-config.yml": "maxFiles: 7\n"})


class Agent:
    """A client of the server."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.notified: list[dict[str, Any]] = []
        self._last = 0

    def write(self, message: object) -> None:
        assert self.process.stdin is not None
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(raw + b"\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        message = json.loads(self.process.stdout.readline())
        assert isinstance(message, dict)
        assert message["jsonrpc"] == "2.0"
        return message

    def asks(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer; notifications that come before it are kept."""
        self._last += 1
        self.write({"jsonrpc": "2.0", "id": self._last, "method": method, "params": params or {}})
        while "id" not in (message := self.read()):
            self.notified.append(message)
        assert message["id"] == self._last
        return message

    def uses(self, tool: str, *, fails: bool = False, token: str = "", **arguments: Any) -> str:
        params: dict[str, Any] = {"name": tool, "arguments": arguments}
        result = self.asks("tools/call", params | ({"_meta": {"progressToken": token}} if token else {}))["result"]
        ((text),) = result["content"]
        assert (text["type"], result["isError"]) == ("text", fails), text["text"]
        return str(text["text"])


@contextmanager
def an_agent(shop: Repository, env: dict[str, str], *options: str, greets: bool = True) -> Iterator[Agent]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mesrai", "mcp", *options],
        cwd=shop.root,
        env=clean_environment(shop.root) | env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    agent = Agent(process)
    try:
        if greets:
            agent.asks("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}})
            agent.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        yield agent
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def an_id(text: str, words: str = "") -> str:
    """The id in the first line that holds the words and has a suggestion."""
    lines = [line for line in text.splitlines() if words in line and "[has a suggestion]" in line]
    return lines[0].split()[0]


def test_a_client_is_greeted_and_told_of_tools_whose_schemas_are_valid(shop: Repository) -> None:
    with an_agent(shop, {}, greets=False) as agent:
        assert agent.asks("ping")["result"] == {}
        early = agent.asks("tools/list")
        assert early["error"]["code"] == -32600
        greeted = agent.asks("initialize", {"protocolVersion": "1999-01-01", "capabilities": {}, "clientInfo": {}})
        assert greeted["result"]["protocolVersion"] == "2025-06-18"
        assert greeted["result"]["capabilities"] == {"tools": {"listChanged": False}}
        tools = agent.asks("tools/list")["result"]["tools"]
        assert [tool["name"] for tool in tools] == [
            "review_change", "list_findings", "explain_finding", "apply_suggestion", "get_policy", "estimate",
        ]  # fmt: skip
        for tool in tools:
            jsonschema.Draft202012Validator.check_schema(tool["inputSchema"])
    with an_agent(shop, {}, "--read-only") as agent:
        assert "apply_suggestion" not in json.dumps(agent.asks("tools/list"))
        refused = agent.asks("tools/call", {"name": "apply_suggestion", "arguments": {"findings": ["abcd"]}})
        assert refused["error"]["code"] == -32602


@pytest.mark.parametrize(
    ("raw", "code", "request_id"),
    [
        (b"{nonsense", -32700, None),
        (b"[" * 100_000, -32700, None),
        (b"\xff\xfe", -32700, None),
        (b"[]", -32600, None),
        (b'{"id": 1, "method": "ping"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": 7}', -32600, 7),
        (b'{"jsonrpc": "2.0", "id": "x", "method": "ping", "params": [1]}', -32602, "x"),
        (b'{"jsonrpc": "2.0", "id": 8, "method": "resources/list"}', -32601, 8),
        (b'{"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "rm"}}', -32602, 9),
        (b'{"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {}}', -32602, 9),
        (b'{"jsonrpc": "2.0", "id": 9, "method": "initialize", "params": {}}', -32602, 9),
    ],
)
def test_what_is_no_request_is_answered_with_its_code(
    talking: Agent, raw: bytes, code: int, request_id: str | int | None
) -> None:
    talking.write(raw)
    told = talking.read()
    assert (told["error"]["code"], told["id"]) == (code, request_id)
    assert talking.asks("ping")["result"] == {}


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with an_agent(a_repository(tmp_path_factory.mktemp("x") / "shop", {"a.py": "a = 1\n"}), {}) as agent:
        yield agent


def test_answers_and_unknown_notifications_are_left_alone(talking: Agent) -> None:
    talking.write({"jsonrpc": "2.0", "id": 1, "result": {}})
    talking.write({"jsonrpc": "2.0", "method": "notifications/whatever"})
    talking.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "nobody"}})
    talking.write(b"")
    assert talking.asks("ping")["result"] == {}


def test_a_review_is_made_explained_and_applied(shop: Repository, sandbox: Sandbox) -> None:
    shop.write("run.py", BAD)
    shop.write("check.py", FIXABLE)
    with an_agent(shop, connected(sandbox.openai)) as agent:
        assert "Nothing was reviewed" in agent.uses("list_findings", fails=True)
        assert agent.uses("estimate").startswith("This review would cost ")
        told = agent.uses("review_change", token="t")
        assert "This is review-1." in told
        assert "# Code review: reviewed" in told
        progress = [each["params"] for each in agent.notified if each["method"] == "notifications/progress"]
        assert {each["progressToken"] for each in progress} == {"t"}
        numbers = [each["progress"] for each in progress]
        assert numbers == sorted(set(numbers))
        assert progress[-1]["progress"] == progress[-1]["total"]
        listed = agent.uses("list_findings", severity="high", path="run.py")
        assert "run.py:" in listed
        assert "check.py" not in listed
        name = an_id(agent.uses("list_findings"), "check.py")
        explained = agent.uses("explain_finding", finding=name)
        assert "check.py" in explained
        assert "Confidence" in explained
        applied = agent.uses("apply_suggestion", findings=[name], review="review-1")
        assert "Applied 1 suggestion" in applied
        assert (shop.root / "check.py").read_text() != FIXABLE
        again = agent.uses("apply_suggestion", findings=[name], fails=True)
        assert "the file changed since it was reviewed" in again


def test_arguments_that_do_not_fit_are_told_to_the_agent(shop: Repository) -> None:
    with an_agent(shop, {}) as agent:
        for arguments, sentence in (
            ({"what": "everything"}, "must be one of working_tree"),
            ({"what": "commit"}, "revision goes with commit"),
            ({"offline": "yes"}, "must be of type boolean"),
            ({"offline": True, "rules_only": True}, "needs a model"),
            ({"budget": "-1"}, "above 0"),
            ({"repository": "/etc"}, "There is no argument 'repository'"),
            ({"paths": ["/etc/passwd"]}, "outside the repository"),
            ({"what": "branch", "revision": "--help"}, "Git knows no commit"),
        ):
            assert sentence in agent.uses("review_change", fails=True, **arguments)
        assert "NOT" not in agent.uses("review_change", offline=True)
        assert "There is no finding" in agent.uses("explain_finding", fails=True, finding="abcdef")
        assert "The argument finding is missing" in agent.uses("explain_finding", fails=True)


def test_without_a_key_a_review_is_an_error_and_no_empty_list(shop: Repository) -> None:
    shop.write("run.py", BAD)
    with an_agent(shop, {}) as agent:
        assert "No model is connected" in agent.uses("review_change", fails=True)
        assert "Nothing was reviewed" in agent.uses("list_findings", fails=True)


def test_a_failed_review_says_so_and_tells_no_key(shop: Repository, sandbox: Sandbox) -> None:
    shop.write("run.py", BAD)
    with an_agent(shop, connected(sandbox.openai, "sk-sim-bad_key")) as agent:
        told = agent.uses("review_change", fails=True)
        assert "The review failed" in told
        assert "sk-sim" not in told


def test_the_policy_is_told_with_its_origins(shop: Repository) -> None:
    with an_agent(shop, {}) as agent:
        values = {each["key"]: each for each in json.loads(agent.uses("get_policy"))["values"]}
        assert (values["maxFiles"]["value"], values["maxFiles"]["origin"]) == (7, "mesrai-config.yml:1")


def test_a_call_that_is_cancelled_is_not_answered_and_others_go_on(shop: Repository, sandbox: Sandbox) -> None:
    shop.write("run.py", BAD)
    with an_agent(shop, connected(sandbox.openai, "sk-sim-stall")) as agent:
        review = {"name": "review_change", "arguments": {}, "_meta": {"progressToken": 5}}
        agent.write({"jsonrpc": "2.0", "id": "slow", "method": "tools/call", "params": review})
        assert agent.read()["method"] == "notifications/progress"
        assert agent.asks("ping")["result"] == {}
        agent.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "slow"}})
        assert agent.asks("tools/call", {"name": "get_policy"})["result"]["isError"] is False
        assert not any("id" in each for each in agent.notified)


def test_a_file_reached_by_a_link_is_not_written(shop: Repository, sandbox: Sandbox) -> None:
    shop.write("lib/check.py", FIXABLE)
    outside = shop.root.parent / "outside"
    with an_agent(shop, connected(sandbox.openai)) as agent:
        name = an_id(agent.uses("review_change"))
        (shop.root / "lib").rename(outside)
        shop.link("lib", str(outside))
        assert "symbolic link" in agent.uses("apply_suggestion", findings=[name], fails=True)
        assert (outside / "check.py").read_text() == FIXABLE
