"""The stand-in as a command: it says where it listens, writes the catalogue, and ends when told."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from tests.sandbox_server import asked, running_sandbox

from mesrai.llm.address import clean_base_url
from mesrai.llm.catalogue import load_catalogue
from mesrai.sandbox.faces import FACES
from mesrai.sandbox.faults import NAMES
from mesrai.sandbox.worlds import Worlds

COMMANDS = [("mesrai", "sandbox"), ("mesrai.sandbox",)]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("command", "end"), [(COMMANDS[0], signal.SIGINT), (COMMANDS[1], signal.SIGTERM)])
def test_it_says_where_it_listens_and_ends_cleanly(tmp_path: Path, command: tuple[str, ...], end: int) -> None:
    catalogue = tmp_path / "catalogue.toml"
    with started(*command, "--port", "0", "--json", "--catalogue", str(catalogue)) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert asked(f"{told['url']}/v1/models", key="sk-sim-ok-tier1").status == 200
        assert told["faces"]["moonshot"] == f"{told['url']}/v1"
        assert (told["pid"], told["catalogue"]) == (process.pid, str(catalogue))
        assert catalogue.read_text() == asked(f"{told['url']}/__sim/catalogue.toml").body
        os.kill(process.pid, end)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_shows_faces_keys_and_how_to_try_it(tmp_path: Path) -> None:
    catalogue = tmp_path / "c.toml"
    arguments = ("--port", "0", "--date", "2026-05-01", "--catalogue", str(catalogue))
    with started("mesrai", "sandbox", *arguments) as process:
        assert process.stdout is not None
        lines = []
        while "Ctrl-C" not in (line := process.stdout.readline()):
            lines.append(line)
    text = "".join(lines)
    assert all(f"{face.base}\n" in text for face in FACES)
    assert "sk-sim-ok-tier1          works; tier 1: 50 at once, 200 a minute\n" in text
    assert "It plays 2026-05-01" in text
    assert [line.strip() for line in lines if "export" in line] == [
        f"export MESRAI_CATALOGUE={catalogue}",
        "export MESRAI_PROVIDER=moonshot",
        "export MESRAI_API_KEY=sk-sim-ok-tier3",
    ]


def test_a_port_that_is_taken_is_said_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started("mesrai", "sandbox", "--port", str(port)) as process:
            out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err == (
        f"mesrai: Port {port} cannot be used: Address already in use. Choose another with --port, or 0 for any.\n"
    )


def test_without_its_server_it_says_how_to_install_it() -> None:
    without = "import sys; sys.modules['uvicorn'] = None; sys.argv[1:] = ['sandbox']"
    code = f"{without}\nfrom mesrai.cli.main import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("mesrai: The stand-in provider needs uvicorn. Install with: pip install uvicorn\n")


def test_the_overlay_leads_every_address_of_a_vendor_to_its_face(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        path, root = sandbox.overlay(tmp_path), sandbox.root
    catalogue = load_catalogue(path)
    assert {face.provider: catalogue.provider(face.provider).base_url for face in FACES} == {
        face.provider: root + face.base for face in FACES
    }
    for face in FACES:
        for address in (*face.vendor, *face.sites):
            found = clean_base_url(address, catalogue.providers)
            assert (found.url, found.provider and found.provider.id) == (root + face.base, face.provider), address
    gate = clean_base_url("https://api.kimi.com/coding/v1", catalogue.providers)
    assert gate.url == f"{root}/coding"
    assert "closed to clients that are not on the vendor's list" in gate.notices[0]


def test_the_page_names_every_face_key_fault_and_path() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text("utf-8")
    keys = Worlds(date(2026, 11, 24)).known.values()
    assert [face.base for face in FACES if f"| `{face.base}` |" not in page] == []
    assert [key.key for key in keys if f"| `{key.key}` | {key.told} |" not in page] == []
    assert [name for name in NAMES if not re.search(rf"`{name}[`;]", page)] == []
    with running_sandbox() as sandbox:
        gets = re.findall(r"`GET (/__sim/[\w.]+)", page)
        assert [asked(sandbox.root + path).status for path in gets] == [200] * 4
