"""Run a program and measure it: CPU and wall time, and the peak memory of it and its children."""

import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO

_SAMPLE_S = 0.01
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of a program took and said."""

    began_at: float  # time.perf_counter() just before it was started
    wall_s: float
    cpu_s: float  # user and system, its children included
    peak_mib: float  # the largest sum of resident memory of the program and its children
    exit_code: int | None  # None: it was killed at the limit
    out: str
    err: str


def run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], limit_s: float) -> Run:
    """Run the command to its end, or kill it and its children after `limit_s` seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began_at = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        watch = _Watch(child.pid, began_at + limit_s)
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - began_at
        child.returncode = os.waitstatus_to_exitcode(status)  # it is waited for; subprocess must not try again
        peak = watch.end()
        # A child starts with its parent's peak on its account (Linux, exec_mmap), so a lower figure says nothing.
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if usage.ru_maxrss > own:
            peak = max(peak, usage.ru_maxrss * 1024)
        return Run(
            began_at=began_at,
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_mib=peak / _MIB,
            exit_code=None if watch.has_killed else child.returncode,
            out=_text(out),
            err=_text(err),
        )


class _Watch:
    """Samples the memory of a process and its descendants until it ends; kills them at a time."""

    def __init__(self, pid: int, until: float) -> None:
        self._pid = pid
        self._until = until
        self._ended = threading.Event()
        self._peak = 0
        self.has_killed = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Stop; the largest sum seen, in bytes."""
        self._ended.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_S):
            self._peak = max(self._peak, _resident_of_all(self._pid))
            if time.perf_counter() > self._until and not self.has_killed:
                self.has_killed = True
                os.killpg(self._pid, signal.SIGKILL)


def _resident_of_all(pid: int) -> int:
    """The sum over a process and its descendants.

    A child that was forked and has not yet begun its own program shares its parent's memory, so it does not count;
    it is known by its parent's command line.
    """
    command = _command(pid)
    return _resident(pid) + sum(_resident(each) for each in _descendants(pid) if _command(each) != command)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  plain names, and a hundred times a second
        if name.isdigit() and int(name) > pid:  # a child's number is higher, but for the rare turn of the counter
            parent = _parent(int(name))
            children.setdefault(parent, []).append(int(name))
    found = list(children.get(pid, ()))
    for each in found:
        found.extend(children.get(each, ()))
    return found


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """One figure measured for two programs in turns: first, second, first, second."""

    first: tuple[float, ...]
    second: tuple[float, ...]

    @property
    def medians(self) -> tuple[float, float]:
        """The median of each."""
        return median(self.first), median(self.second)

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Second to first, pair by pair: lowest, median, highest."""
        each = [b / a for a, b in zip(self.first, self.second, strict=True)]
        return min(each), median(each), max(each)


def in_turns(count: int, first: Callable[[], Run], second: Callable[[], Run]) -> tuple[list[Run], list[Run]]:
    """Run the two `count` times in turns, after one run of each that is not counted."""
    first()
    second()
    done: tuple[list[Run], list[Run]] = ([], [])
    for _ in range(count):
        done[0].append(first())
        done[1].append(second())
    return done


def pairs_of(runs: tuple[Sequence[Run], Sequence[Run]], figure: Callable[[Run], float]) -> Pairs:
    """One figure of runs made in turns."""
    return Pairs(first=tuple(map(figure, runs[0])), second=tuple(map(figure, runs[1])))


def installed(environment: Path) -> tuple[int, float, float]:
    """Of a virtual environment: distributions, MiB of its files, MiB with all modules compiled, as pip leaves it."""
    count = len(list(environment.glob("lib/python*/site-packages/*.dist-info")))
    plain = _mib(environment, with_bytecode=False)
    with tempfile.TemporaryDirectory() as there:
        copy = Path(there) / "copy"
        shutil.copytree(environment, copy, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        python = next((environment / "bin").glob("python3.*"))
        subprocess.run([python, "-m", "compileall", "-q", "-j2", copy / "lib"], check=False, capture_output=True)
        return count, plain, _mib(copy, with_bytecode=True)


def _mib(folder: Path, *, with_bytecode: bool) -> float:
    return sum(
        path.lstat().st_blocks * 512  # what it takes on the disk
        for path in folder.rglob("*")
        if not path.is_symlink() and path.is_file() and (with_bytecode or path.suffix != ".pyc")
    ) / _MIB  # fmt: skip
