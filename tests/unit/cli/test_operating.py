"""The commands of who runs the service: migrate, backup, restore, prune, health."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tests.in_process import mesrai_here
from tests.sandbox_server import running_sandbox
from tests.terminal import Ran

from mesrai.store.versions import NEWEST


def run(folder: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Ran:
    usual = {"HOME": str(folder), "MESRAI_DATABASE_URL": f"sqlite:///{folder}/mesrai.db"}
    return mesrai_here(*arguments, cwd=folder, env=usual | dict(env or {}), stdin=stdin)


def test_migrate_says_what_is_to_be_done_and_does_it(tmp_path: Path) -> None:
    behind = run(tmp_path, "migrate", "--check")
    assert (behind.code, (tmp_path / "mesrai.db").exists()) == (1, False)
    assert f"needs {NEWEST}" in behind.out
    assert run(tmp_path, "migrate").code == 0
    assert run(tmp_path, "migrate", "--check").code == 0
    assert "already" in run(tmp_path, "migrate").out


def test_a_backup_names_its_file_and_where_the_master_key_is_and_does_not_hold_it(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").code == 0
    made = run(tmp_path, "backup", str(tmp_path))
    path = Path(made.out.strip())
    assert path.parent == tmp_path
    assert f"the file {tmp_path}/master.key, which is made when" in made.err
    key = "Bk3JtJm7b0yJ3vC0l3m1yq9b2r6J5c8d7e9f0a1b2c4="
    told = run(tmp_path, "backup", str(path), "--force", env={"MESRAI_MASTER_KEY": key})
    assert "what MESRAI_MASTER_KEY holds" in told.err
    assert key not in told.out + told.err
    assert key.encode() not in path.read_bytes()
    assert run(tmp_path, "restore", str(path)).code == 0


def test_a_restore_says_at_once_if_the_master_key_at_hand_is_another(tmp_path: Path) -> None:
    one, other = "Bk3JtJm7b0yJ3vC0l3m1yq9b2r6J5c8d7e9f0a1b2c4=", "Zk3JtJm7b0yJ3vC0l3m1yq9b2r6J5c8d7e9f0a1b2c4="
    with running_sandbox() as sandbox:
        connect = ("byok", "connect", "kimi-k2.6", "--plan", "developer", "--key-stdin", "--yes")
        env = {"MESRAI_MASTER_KEY": one, "MESRAI_CATALOGUE": str(sandbox.overlay(tmp_path))}
        saved = run(tmp_path, *connect, env=env, stdin="sk-sim-ok-tier5")
    assert saved.code == 0, saved.err
    path = run(tmp_path, "backup", str(tmp_path), env={"MESRAI_MASTER_KEY": one}).out.strip()
    fresh = {"MESRAI_DATABASE_URL": f"sqlite:///{tmp_path}/fresh.db"}
    wrong = run(tmp_path, "restore", path, env=fresh | {"MESRAI_MASTER_KEY": other})
    assert wrong.code == 0
    assert "The saved keys cannot be opened yet." in wrong.err
    right = run(tmp_path, "restore", path, "--force", env=fresh | {"MESRAI_MASTER_KEY": one})
    assert (right.code, right.err) == (0, "")


def test_prune_deletes_only_what_it_is_told_to_and_only_when_it_may(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").code == 0
    assert run(tmp_path, "prune").code == 2
    trial = run(tmp_path, "prune", "--reviews-older-than", "30", "--dry-run")
    assert "To be deleted: 0 reviews" in trial.out
    asked = run(tmp_path, "prune", "--reviews-older-than", "30")
    assert (asked.code, "Nobody can be asked here" in asked.err) == (2, True)
    assert run(tmp_path, "prune", "--prompts-older-than", "0", "--yes").out.startswith("Deleted: 0 reviews")


@contextmanager
def answering(status: int, body: Mapping[str, object]) -> Iterator[tuple[int, list[str]]]:
    """A door that answers so; its port, and what it was asked."""
    asked: list[str] = []

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "code", "told"),
    [
        (200, {"ready": True, "broken": []}, 0, "ready"),
        (503, {"ready": False, "broken": ["database"]}, 1, "/health/ready answers 503: database."),
        (404, {}, 1, "/health/ready answers 404."),
    ],
)
def test_health_ends_with_what_the_door_says(
    status: int, body: Mapping[str, object], code: int, told: str, tmp_path: Path
) -> None:
    with answering(status, body) as (port, asked):
        ran = run(tmp_path, "health", "--port", str(port))
    assert (ran.code, (ran.out + ran.err).strip(), asked) == (code, told, ["/health/ready"])


def test_health_of_nobody_is_no_health(tmp_path: Path) -> None:
    with answering(200, {}) as (port, _):
        pass
    ran = run(tmp_path, "health", "--port", str(port), "--wait", "0")
    assert ran.code == 1
    assert f"Nothing answers at 127.0.0.1:{port}" in ran.err
