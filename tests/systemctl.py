"""A stand-in for `systemctl`: starts what the units of deploy/ name as ordinary processes, and stops it in time."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path


class Units:
    """The units of a folder; where each runs is kept in another one."""

    def __init__(self, units: Path, state: Path) -> None:
        self._units = units
        self._state = state

    def start(self, name: str) -> None:
        """Start a unit after those that it requires. A oneshot that was done is not done again."""
        if self.is_up(name):
            return
        said = list(self._said(name))
        for key, value in said:
            if key == "Requires":
                self.start(value.removesuffix(".service"))
        [command] = [value for key, value in said if key == "ExecStart"]
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        for key, value in said:
            if key == "EnvironmentFile":
                env |= _environment(Path(value.removeprefix("-")), must_exist=not value.startswith("-"))
            elif key == "Environment":
                env |= dict([value.split("=", 1)])
        with (self._state / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                shlex.split(command), env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self._state,
            )  # fmt: skip
        if ("Type", "oneshot") in said:
            if process.wait(60) != 0:
                raise SystemExit(f"{name} failed: see {self._state / name}.log")
            (self._state / f"{name}.done").touch()
        else:
            (self._state / f"{name}.pid").write_text(str(process.pid))

    def stop(self, name: str) -> None:
        """Stop it, in the time that its unit gives it. Errors: SystemExit if it is not gone by then."""
        (self._state / f"{name}.done").unlink(missing_ok=True)
        if not self.is_up(name):
            return
        file = self._state / f"{name}.pid"
        pid = int(file.read_text())
        most_s = float(next((value for key, value in self._said(name) if key == "TimeoutStopSec"), "90"))
        os.kill(pid, signal.SIGTERM)
        ends = time.monotonic() + most_s
        while _is_alive(pid):
            if time.monotonic() > ends:
                raise SystemExit(f"{name} did not end within {most_s:g} seconds")
            time.sleep(0.02)
        file.unlink()

    def is_up(self, name: str) -> bool:
        """Whether it runs, or was done."""
        file = self._state / f"{name}.pid"
        return (self._state / f"{name}.done").exists() or (file.exists() and _is_alive(int(file.read_text())))

    def _said(self, name: str) -> Iterator[tuple[str, str]]:
        template, at, instance = name.partition("@")
        for line in (self._units / f"{template}{at}.service").read_text().splitlines():
            key, sign, value = line.partition("=")
            if sign and not line.startswith("#"):
                yield key, value.replace("%i", instance)


def _environment(path: Path, *, must_exist: bool) -> dict[str, str]:
    if not path.exists() and not must_exist:
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict([line.split("=", 1) for line in lines if line and not line.startswith("#")])


def _is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not fetched yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def main(arguments: Sequence[str]) -> None:
    """As much of `systemctl` as docs/operate uses."""
    units = Units(Path(os.environ["UNITS"]), Path(os.environ["STATE"]))
    verb, *rest = arguments
    names = [each.removesuffix(".service") for each in rest if not each.startswith("-")]
    if verb not in ("enable", "start", "restart", "stop", "daemon-reload"):
        raise SystemExit(f"this stand-in does not know {verb}")
    for name in names:
        if verb in ("restart", "stop"):
            units.stop(name)
        if verb in ("enable", "start", "restart"):
            units.start(name)


if __name__ == "__main__":
    main(sys.argv[1:])
