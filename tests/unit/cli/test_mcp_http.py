"""`mesrai mcp --http`: the protocol over HTTP."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.repositories import a_repository
from tests.terminal import clean_environment

TOKEN = "a token that is long enough"


@dataclass(frozen=True)
class Told:
    """An answer over HTTP."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class Place:
    url: str

    def sends(self, message: object = None, *, method: str = "POST", **headers: str) -> Told:
        named = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        body = None if message is None else json.dumps(message).encode()
        request = urllib.request.Request(self.url, data=body, headers=named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return Told(response.status, dict(response.headers.items()), response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Told(error.code, dict(error.headers.items()), error.read().decode())

    def begins(self) -> str:
        """A session."""
        told = self.sends(asked(1, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={}))
        assert told.status == 200
        return told.headers["mcp-session-id"]


def asked(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    shop = a_repository(tmp_path_factory.mktemp("x") / "shop", {"a.py": "a = 1\n"})
    shop.write("a.py", "import os\nos.system('ls ' + input())\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "mesrai", "mcp", "--http", "0"],
        cwd=shop.root,
        env=clean_environment(shop.root) | {"MESRAI_MCP_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://\S+/mcp", line)
        assert found, line + process.stderr.read()
        yield Place(found[0])
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert TOKEN not in process.stderr.read() + line
    finally:
        process.kill()
        process.communicate()


def test_a_session_is_begun_used_and_ended(place: Place) -> None:
    session = place.begins()
    told = place.sends({"jsonrpc": "2.0", "method": "notifications/initialized"}, mcp_session_id=session)
    assert (told.status, told.text) == (202, "")
    assert "review_change" in place.sends(asked(2, "tools/list"), mcp_session_id=session).text
    call = asked(3, "tools/call", name="review_change", arguments={"offline": True})
    told = place.sends(call, mcp_session_id=session, mcp_protocol_version="2025-06-18")
    assert (told.status, told.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    (event,) = [line.removeprefix("data: ") for line in told.text.splitlines() if line.startswith("data: ")]
    assert "a.py:2" in json.loads(event)["result"]["content"][0]["text"]
    assert place.sends(method="DELETE", mcp_session_id=session).status == 204
    assert place.sends(asked(4, "tools/list"), mcp_session_id=session).status == 404


def test_a_call_outside_of_a_session_is_refused(place: Place) -> None:
    told = place.sends(asked(1, "tools/call", name="get_policy"))
    assert json.loads(told.text)["error"]["code"] == -32600


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": ""}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"host": "evil.example"}, 403),
        ({"mcp_protocol_version": "1999-01-01"}, 400),
        ({"mcp_session_id": "made-up"}, 404),
        ({"origin": "http://localhost:3000"}, 200),
    ],
)
def test_only_programs_of_this_machine_that_know_the_token_are_served(
    place: Place, headers: dict[str, str], status: int
) -> None:
    assert place.sends(asked(1, "ping"), **headers).status == status


def test_there_is_no_stream_of_messages_that_we_begin(place: Place) -> None:
    told = place.sends(method="GET")
    assert (told.status, told.headers["allow"]) == (405, "POST, DELETE")


def test_a_short_token_and_a_taken_port_are_wrong_settings(place: Place, tmp_path: Path) -> None:
    from tests.in_process import mesrai_here

    (tmp_path / "x").mkdir()
    env = clean_environment(tmp_path / "x")
    short = mesrai_here("mcp", "--http", "0", cwd=tmp_path / "x", env=env | {"MESRAI_MCP_TOKEN": "short"})
    assert (short.code, "at least 16" in short.err) == (2, True)
    port = place.url.split(":")[2].split("/")[0]
    taken = mesrai_here("mcp", "--http", port, cwd=tmp_path / "x", env=env)
    assert (taken.code, "cannot be used" in taken.err) == (2, True)
