"""docs/operate followed word by word, and every process that deploy/ starts, started, asked and stopped."""

import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.databases import WITHOUT_POSTGRESQL, a_database, programs
from tests.deployed import DEPLOY, Process, compose_processes, kubernetes_processes
from tests.fleet import Spread
from tests.github.played import PlayedPull
from tests.github.stand_in import running_github
from tests.sandbox_server import running_sandbox
from tests.served import CLEAN, FAULTY, SECRET, Place, check_of, until

OPERATE = DEPLOY.parent / "docs" / "operate"
MARKED = re.compile(r"^```sh operate\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
FIXED = "def total(items):\n    return sum(items) + {number}\n"
# What belongs to other accounts of a real machine: who runs a command, and whose a file is.
RUNUSER = '#!/bin/sh\n[ "$1 $2 $3" = "-u mesrai --" ] || exit 9\nshift 3\nexec "$@"\n'
INSTALL = """#!{python}
import os, sys
words, kept = sys.argv[1:], []
while words:
    word = words.pop(0)
    if word in ("-o", "-g"):
        assert words.pop(0) == "mesrai"
    else:
        kept.append(word)
os.execv({install!r}, ["install", *kept])
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A folder that stands for a machine on which the pages are followed."""

    root: Path
    said: Mapping[str, str]  # what the pages say, and what stands for it here
    env: Mapping[str, str]
    doors: Sequence[str]  # addresses

    def here(self, text: str) -> str:
        """The text of a page or a unit, as it is on this machine."""
        for word, instead in self.said.items():
            text = text.replace(word, instead)
        return text

    def follow(self, page: str, *, blocks: slice = slice(None)) -> None:
        """Run the marked blocks of a page, each as it stands."""
        found = MARKED.findall((OPERATE / page).read_text("utf-8"))[blocks]
        assert found, page
        for each in found:
            self.run(self.here(each))

    def run(self, script: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", script],
            env=dict(self.env),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}\n{self.logs()}"

    def logs(self) -> str:
        return "\n".join(f"{each.name}\n{each.read_text()}" for each in sorted((self.root / "state").glob("*.log")))


@contextmanager
def a_machine(folder: Path, postgres: str) -> Iterator[Machine]:
    """One with the programs and units that docs/operate/install.md puts there, and nothing else."""
    root, server = folder / "machine", urlsplit(postgres)
    for name in ("bin", "etc", "var", "cache", "backups", "units", "state"):
        (root / name).mkdir(parents=True)
    doors, workers = prefix_of_free_ports(("{}1", "{}2", "1{}1", "1{}2")), prefix_of_free_ports(("{}1", "{}2", "{}3"))
    said = {
        "/opt/mesrai/bin/mesrai": str(root / "bin" / "mesrai"),
        "/etc/mesrai": str(root / "etc"),
        "/var/lib/mesrai": str(root / "var"),
        "/var/cache/mesrai": str(root / "cache"),
        "/var/backups/mesrai": str(root / "backups"),
        "/root/model-key": str(root / "model-key"),
        "127.0.0.1:5432": f"127.0.0.1:{server.port}",
        "847": doors,
        "947": workers,
    }
    env = {
        "PATH": f"{root / 'bin'}:{programs()}:{os.environ['PATH']}",
        "HOME": str(root),
        "PYTHONPATH": str(DEPLOY.parent),
        "UNITS": str(root / "units"),
        "STATE": str(root / "state"),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGUSER": "mesrai",
    }
    addresses = [f"http://127.0.0.1:{doors}{number}" for number in (1, 2)]
    machine = Machine(root=root, said=said, env=env, doors=addresses)
    put_programs(machine)
    try:
        yield machine
    finally:
        units = " ".join(["mesrai-api@8471 mesrai-api@8472", *(f"mesrai-worker@{number}" for number in (1, 2, 3))])
        machine.run(machine.here(f"systemctl stop {units}"))
        drop = "\n".join(f"DROP DATABASE IF EXISTS {name} WITH (FORCE);" for name in ("mesrai", "mesrai_restored"))
        machine.run(f"psql --quiet postgres <<'END'\n{drop}\nDROP ROLE IF EXISTS mesrai_app;\nEND")


def put_programs(machine: Machine) -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        (machine.root / "units" / unit.name).write_text(machine.here(unit.read_text()))
    install = shutil.which("install")
    assert install is not None
    written = {
        "mesrai": f'#!/bin/sh\nexec {sys.executable} -m mesrai "$@"\n',
        "mesrai-admin": machine.here((DEPLOY / "systemd" / "mesrai-admin").read_text()),
        "systemctl": f'#!/bin/sh\nexec {sys.executable} -m tests.systemctl "$@"\n',
        "runuser": RUNUSER,
        "install": INSTALL.format(python=sys.executable, install=install),
    }
    for name, text in written.items():
        (machine.root / "bin" / name).write_text(text)
        (machine.root / "bin" / name).chmod(0o755)


def prefix_of_free_ports(shapes: Sequence[str]) -> str:
    """Three digits with which all of these are ports that nobody has."""
    for digits in random.sample(range(200, 640), 400):
        if all(is_free(int(shape.format(digits))) for shape in shapes):
            return str(digits)
    raise AssertionError("no free ports")


def is_free(port: int) -> bool:
    with socket.socket() as trying:
        try:
            trying.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def has_been_reviewed_once(place: Place, pull: PlayedPull) -> None:
    """One finding, one summary, one check for each head: nothing was lost, nothing was said twice."""
    assert len(pull.review_comments) == 1
    assert len(pull.comments) == 1
    assert [check.sha for check in place.shop.checks].count(pull.head_sha) == 1


def test_the_pages_followed_word_by_word_give_a_service_that_loses_nothing(tmp_path: Path) -> None:
    if programs() is None:
        pytest.skip(WITHOUT_POSTGRESQL)
    with (
        a_database("postgresql", tmp_path) as url,
        running_github(tmp_path / "github") as github,
        running_sandbox(latency_s=0.05, minute_s=1.0) as sandbox,
        a_machine(tmp_path, url) as machine,
    ):
        shop = github.repository("acme/shop", {"cart.py": CLEAN})
        shop.grant("ada", "write")
        (machine.root / "app.pem").write_text(github.app.private_key)
        (machine.root / "model-key").write_text("sk-sim-ok-tier5\n")
        own = {
            "MESRAI_CATALOGUE": sandbox.overlay(tmp_path),
            "MESRAI_GITHUB_URL": github.url,
            "MESRAI_GITHUB_APP_ID": github.app.id,
            "MESRAI_GITHUB_PRIVATE_KEY_FILE": machine.root / "app.pem",
            "MESRAI_GITHUB_WEBHOOK_SECRET": SECRET,
            "MESRAI_GITHUB_WRITE_GAP_S": 0,
        }
        (machine.root / "etc" / "mesrai.env").write_text("".join(f"{name}={value}\n" for name, value in own.items()))
        place = Place(github=github, shop=shop, sandbox=sandbox, env={}, log=tmp_path / "none.log")
        place.log.touch()

        machine.follow("scale-out.md")
        bringing = Spread(place, machine.doors)
        pulls = upgraded_under_load(machine, place)
        machine.follow("rotate-keys.md")
        pulls.append(shop.open_pull_request("rotated", {"cart.py": FAULTY}, author="ada"))
        until(lambda: bringing.is_settled, "all was told", place)
        for pull in pulls:
            until(lambda sha=pull.head_sha: check_of(place, sha), "every check ends", place, most_s=120)  # type: ignore[misc]
            has_been_reviewed_once(place, pull)
        bringing.end()

        restored_elsewhere(machine)
        bringing = Spread(place, machine.doors[:1])  # all that was ever told is told again, which changes nothing
        until(lambda: bringing.is_settled, "all was told again", place)
        pulls[0].push({"cart.py": FIXED.format(number=1)}, by="ada")
        pulls.append(shop.open_pull_request("restored", {"cart.py": FAULTY}, author="ada"))
        for pull in (pulls[0], pulls[-1]):
            until(lambda sha=pull.head_sha: check_of(place, sha), "it goes on", place, most_s=60)  # type: ignore[misc]
        [finding] = pulls[0].review_comments
        until(lambda: pulls[0].is_resolved(finding), "what was found before the backup is known", place)
        has_been_reviewed_once(place, pulls[-1])
        for pull in pulls[1:-1]:
            has_been_reviewed_once(place, pull)
        bringing.end()
        assert '"level": "error"' not in machine.logs()


def upgraded_under_load(machine: Machine, place: Place) -> list[PlayedPull]:
    """Pull requests are opened all the while that the processes are restarted one after another."""
    pulls: list[PlayedPull] = []
    upgrading = threading.Event()

    def open_some() -> None:
        while len(pulls) < 4 or (upgrading.is_set() and len(pulls) < 14):
            name = f"change-{len(pulls)}"
            pulls.append(place.shop.open_pull_request(name, {"cart.py": FAULTY}, author="ada"))
            time.sleep(0.2)

    upgrading.set()
    opening = threading.Thread(target=open_some)
    opening.start()
    try:
        machine.follow("upgrade.md")
    finally:
        upgrading.clear()
        opening.join()
    return pulls


def restored_elsewhere(machine: Machine) -> None:
    """A backup, and then another machine with nothing but that file, the master key and the settings."""
    time.sleep(1)  # a backup is named by the second
    machine.follow("backup-and-restore.md", blocks=slice(0, 1))
    workers = " ".join(f"mesrai-worker@{number}" for number in (1, 2, 3))
    machine.run(machine.here(f"systemctl stop mesrai-migrate mesrai-api@8471 mesrai-api@8472 {workers}"))
    key = (machine.root / "var" / "master.key").read_bytes()
    for name in ("var", "cache"):
        shutil.rmtree(machine.root / name)
        (machine.root / name).mkdir()
    (machine.root / "var" / "master.key").write_bytes(key)
    (machine.root / "var" / "master.key").chmod(0o600)
    machine.follow("backup-and-restore.md", blocks=slice(1, None))


def served_processes() -> list[Process]:
    found = [*compose_processes("compose.yml"), *compose_processes("compose.scaled.yml"), *kubernetes_processes()]
    return [each for each in found if each.command[0] != "migrate"]


@pytest.mark.parametrize("process", served_processes(), ids=lambda each: each.where)
def test_what_a_container_runs_starts_is_well_and_ends_in_its_time(process: Process, tmp_path: Path) -> None:
    """With the folders of the container in a folder of ours, and ports that nobody has."""
    door, metrics = free_port(), free_port()
    engine = "sqlite" if "sqlite" in str(process.env.get("MESRAI_DATABASE_URL")) else "postgresql"
    with a_database(engine, tmp_path) as url:
        (tmp_path / "database_url").write_text(url)
        (tmp_path / "master_key").write_text("Bk3JtJm7b0yJ3vC0l3m1yq9b2r6J5c8d7e9f0a1b2c4=\n")
        (tmp_path / "master_key").chmod(0o400)
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        for name, value in process.env.items():
            if "GITHUB" not in name and not (name == "MESRAI_DATABASE_URL" and engine == "sqlite"):
                env[name] = re.sub(r"/run/secrets/(?:mesrai/)?", f"{tmp_path}/", str(value))
        env |= {"MESRAI_CLONES": str(tmp_path / "clones")}
        env |= {"MESRAI_DATABASE_URL": url} if engine == "sqlite" else {}
        env |= {"MESRAI_METRICS_PORT": str(metrics)} if "MESRAI_METRICS_PORT" in env else {}
        at_door = ["--port", str(door)] if process.command[0] == "serve" else []
        log = (tmp_path / "log").open("wb")
        running = subprocess.Popen(mesrai(*process.command, *at_door), env=env, stderr=log)
        try:
            is_at_metrics = "9464" in process.health or any(port == 9464 for port, _ in process.probes.values())
            asked = mesrai("health", "--port", str(metrics if is_at_metrics else door))
            assert_well(asked, running, tmp_path / "log")
            running.terminate()
            assert running.wait(process.grace_s) == 0, (tmp_path / "log").read_text()
        finally:
            running.kill()
            log.close()


def assert_well(asked: Sequence[str], running: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + 40
    while subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        assert running.poll() is None, log.read_text()
        assert time.monotonic() < ends, log.read_text()


def mesrai(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mesrai", *arguments]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
