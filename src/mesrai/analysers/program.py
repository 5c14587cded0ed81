"""Run an outside program on copies of files: in a folder of its own, without our environment, bounded."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.errors import AnalyserError

if sys.platform == "linux":
    import resource

TIME_LIMIT_S: Final = 30.0
MEMORY_LIMIT: Final = 2 * 1024 * 1024 * 1024  # bytes; kept on Linux only
OUTPUT_LIMIT: Final = 64 * 1024 * 1024  # bytes
_COMPLAINT_LIMIT: Final = 8 * 1024  # bytes of standard error that are kept
_SHOWN: Final = 200  # characters of it in a message
_CHUNK: Final = 64 * 1024
_ON_WINDOWS: Final = ("SYSTEMROOT", "SYSTEMDRIVE")  # without these, no program starts there


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a program ended, and what it said."""

    code: int
    output: bytes
    complaint: str  # one line of its standard error, fit for a message


def find_program(name: str) -> Path | None:
    """The program a Python package brought along, else one on PATH; None if there is neither."""
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    found = beside or shutil.which(name)
    return Path(found).absolute() if found else None


def find_needed_program(name: str) -> Path:
    """As `find_program`. Raises AnalyserError if there is none."""
    program = find_program(name)
    if program is None:
        raise AnalyserError(f"{name} was not found beside Python or on PATH")
    return program


def bytes_for_copy(text: str) -> bytes:
    """The text as it is written for a program: one line feed for each line that git counts, and no others."""
    return text.replace("\r\n", "\n").replace("\r", " ").encode("utf-8", "replace")


async def run_program(
    program: Path,
    arguments: Sequence[str],
    files: Mapping[str, bytes],
    *,
    time_limit_s: float = TIME_LIMIT_S,
    output_limit: int = OUTPUT_LIMIT,
) -> Ran:
    """Write `files` (safe relative name → content) to a new private folder, run the program there, remove the folder.

    Raises AnalyserError if the program does not start, runs too long or says too much. Cancelled or failing, it
    leaves no process and no folder behind.
    """
    folder = Path(tempfile.mkdtemp(prefix="mesrai-"))
    try:
        await _write(folder, files)
        return await _run_in(folder, program, arguments, time_limit_s, output_limit)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for number, (name, content) in enumerate(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if number % 50 == 49:  # a thread could still be writing when the folder is removed
            await asyncio.sleep(0)


async def _run_in(folder: Path, program: Path, arguments: Sequence[str], time_limit_s: float, output_limit: int) -> Ran:
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
    except OSError as error:
        raise AnalyserError(f"{program.stem} did not start: {error.strerror}") from error
    try:
        _limit_memory(process.pid)
        async with asyncio.timeout(time_limit_s):
            output, complaint = await _both(process, output_limit)
            code = await process.wait()
    except TimeoutError as error:
        raise AnalyserError(f"{program.stem} did not end within {time_limit_s:g} seconds") from error
    finally:
        await _end(process)
    if len(output) > output_limit:
        raise AnalyserError(f"{program.stem} said more than {output_limit // 1024} KiB")
    return Ran(code=code, output=output, complaint=_one_line(complaint))


def _limit_memory(pid: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: no keys, no settings of the user's for that program, no way to other programs."""
    kept = {name: os.environ[name] for name in _ON_WINDOWS if name in os.environ}
    home = str(folder)
    return {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": home, "TMPDIR": home, "NO_COLOR": "1", "PATH": "", **kept}


async def _both(process: asyncio.subprocess.Process, output_limit: int) -> tuple[bytes, bytes]:
    """Standard output, at most one chunk over the limit, and the start of standard error."""
    if process.stdout is None or process.stderr is None:
        raise AnalyserError("the program has no pipes")
    complaint = asyncio.create_task(_drain(process.stderr, _COMPLAINT_LIMIT))
    try:
        output = bytearray()
        while len(output) <= output_limit and (chunk := await process.stdout.read(_CHUNK)):
            output += chunk
        if len(output) > output_limit:
            _kill(process)
        return bytes(output), await complaint
    finally:
        complaint.cancel()


async def _drain(stream: asyncio.StreamReader, kept: int) -> bytes:
    """The first bytes of the stream; the rest is read too, so that the program can go on."""
    first = bytearray()
    while chunk := await stream.read(_CHUNK):
        first += chunk[: kept - len(first)]
    return bytes(first)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        _kill(process)
        await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    """End the program and all it started."""
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _one_line(complaint: bytes) -> str:
    text = " ".join(complaint.decode("utf-8", "replace").split())
    return redact_secrets(text)[0][:_SHOWN]
