"""Run git on an untrusted repository: no program of its configuration, bounded output and time, nothing left behind."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mesrai.errors import NotARepository, SourceError, UserError
from mesrai.forges.together import together

Stream = TypeVar("Stream", asyncio.StreamReader, asyncio.StreamWriter)

MOST_BYTES = 64 * 1024 * 1024
MOST_SECONDS = 120.0
LARGE_FILE = 16 * 1024 * 1024  # bytes above which git takes a file for binary, and so does not print its difference

# What git and its own sub-processes may see of our environment. No key or token has one of these names.
_PASSED_ON = frozenset(
    "PATH HOME USER LOGNAME XDG_CONFIG_HOME TMPDIR SUDO_UID GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_NOSYSTEM "
    "GIT_CEILING_DIRECTORIES GIT_DISCOVERY_ACROSS_FILESYSTEM "
    "SYSTEMROOT WINDIR COMSPEC TEMP TMP USERNAME USERPROFILE HOMEDRIVE HOMEPATH APPDATA LOCALAPPDATA "
    "PROGRAMDATA".split()
)
_FIXED = {
    "GIT_ALLOW_PROTOCOL": "",  # no transport at all: a partial clone must not fetch, for that runs ssh or a helper
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
# Configuration that could run a program, write, or change the shape of what we parse. Hooks run even on reading
# commands: post-index-change when one refreshes the index.
_SETTINGS = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.quotePath=true",
    f"core.bigFileThreshold={LARGE_FILE}",
    "color.ui=false",
    "diff.autoRefreshIndex=false",  # otherwise `git diff` takes the lock and writes the index
    "diff.suppressBlankEmpty=false",
    "log.showSignature=false",  # runs gpg.program
    "submodule.recurse=false",
    "grep.fallbackToNoIndex=false",
    "i18n.logOutputEncoding=UTF-8",
)
_CHUNK = 1 << 18
_START_S = 0.2  # in which a git that was started is usually connected
_NOT_HERE = re.compile(r"transport '.*' not allowed|promisor|lazy fetching")
_SHOWN = 200  # characters of git's own words in our errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run of git ended."""

    code: int
    out: bytes
    complaint: str  # the line of its error output that says what is wrong, cut and without control characters
    is_cut: bool = False  # it was stopped because it had printed as much as was asked for


class Git:
    """Git in one folder.

    The person's configuration is read (safe.directory, core.autocrlf, core.excludesFile and the like decide what the
    change is), but nothing in it, nor in the repository's own, may run a program: see `_SETTINGS` and
    `without_filters`. Built-in conversions (line ends, working-tree-encoding, ident) still apply where git compares
    a working tree; they run no program. Variables GIT_DIR, GIT_WORK_TREE and the like are not passed on:
    the folder decides which repository it is.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        *,
        settings: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._environ = environ
        self._settings = tuple(settings)
        self._variables = dict(variables or {})
        self._environment = environment_from(environ) | self._variables
        self._command = (
            _program_in(self._environment.get("PATH", os.defpath)),
            "--no-pager",
            *(part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)),
        )

    def at(self, folder: Path, *, variables: Mapping[str, str] | None = None) -> "Git":
        """The same git in another folder, with more variables in its environment."""
        return Git(folder, self._environ, settings=self._settings, variables=self._variables | dict(variables or {}))

    async def without_filters(self) -> "tuple[Git, frozenset[str]]":
        """The same git with every filter of the configuration switched off, and the names of those filters.

        Git would run the clean filter of a changed file to compare it. So a file that is stored through one
        (Git LFS is the best known) compares as it lies in the working tree, which the caller must account for.
        """
        ended = await self.ask("config", "-z", "--name-only", "--get-regexp", r"^filter\.", accept=(0, 1))
        keys = ended.out.decode("utf-8", "surrogateescape").split("\0")
        names = frozenset(key[len("filter.") : key.rindex(".")] for key in keys if key.count(".") > 1)
        if any("=" in name for name in names):
            raise SourceError("The git configuration has a filter with “=” in its name, which cannot be switched off.")
        off = [
            f"filter.{name}.{key}" for name in sorted(names) for key in ("clean=", "smudge=", "process=", "required=0")
        ]
        settings = (*self._settings, *off)
        return Git(self.folder, self._environ, settings=settings, variables=self._variables), names

    async def run(
        self, *arguments: str, stdin: bytes | None = None, most_bytes: int = MOST_BYTES, most_s: float = MOST_SECONDS
    ) -> bytes:
        """What git prints. Errors: SourceError if it fails, prints more than `most_bytes` or takes longer."""
        return (await self.ask(*arguments, stdin=stdin, most_bytes=most_bytes, most_s=most_s)).out

    async def ask(
        self,
        *arguments: str,
        accept: Collection[int] = (0,),
        stdin: bytes | None = None,
        most_bytes: int = MOST_BYTES,
        most_s: float = MOST_SECONDS,
    ) -> Ended:
        """How git ends, where more than one exit code is an answer. Errors as of `run`."""
        ended = await self._finish(arguments, stdin, most_bytes, most_s)
        if ended.is_cut:
            raise SourceError(
                f"git {arguments[0]} printed more than {most_bytes // 1_048_576} MiB. "
                "Review less at once, for example by naming paths."
            )
        if ended.code not in accept:
            raise failure_of(arguments[0], ended)
        return ended

    async def first(self, *arguments: str, accept: Collection[int] = (0,), most_bytes: int, most_s: float) -> bytes:
        """The beginning of what git prints; it is stopped once that is enough. Errors as of `run`."""
        ended = await self._finish(arguments, None, most_bytes, most_s)
        if not ended.is_cut and ended.code not in accept:
            raise failure_of(arguments[0], ended)
        return ended.out[:most_bytes]

    async def start(self, *arguments: str, has_input: bool = True, keeps_errors: bool = False) -> Process:
        """A running git, which the caller must `stop`. Errors: UserError if git cannot be started."""
        starting = asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            cwd=self.folder,
            env=self._environment,
            stdin=PIPE if has_input else DEVNULL,
            stdout=PIPE,
            stderr=PIPE if keeps_errors else DEVNULL,
            limit=_CHUNK * 4,
            start_new_session=True,
        )
        try:
            return await _unbroken(starting)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotARepository(f"There is no folder {self.folder}.") from error
        except OSError as error:
            raise UserError(f"git could not be started: {error.strerror}.") from error

    async def _finish(self, arguments: Sequence[str], stdin: bytes | None, most_bytes: int, most_s: float) -> Ended:
        process = await self.start(*arguments, has_input=stdin is not None, keeps_errors=True)
        try:
            async with asyncio.timeout(most_s):
                async with together() as group:
                    out = group.create_task(_read_out(process, most_bytes))
                    errors = group.create_task(_read_errors(process))
                    group.create_task(_feed(process, stdin))
                code = await process.wait()
        except TimeoutError as error:
            raise SourceError(f"git {arguments[0]} took longer than {most_s:g} s and was stopped.") from error
        finally:
            await stop(process)
        size = len(out.result())
        return Ended(code=code, out=out.result(), complaint=_complaint(errors.result()), is_cut=size > most_bytes)


def environment_from(environ: Mapping[str, str]) -> dict[str, str]:
    """What git may see of our environment, and what we fix in it. Relative folders of PATH are left out."""
    passed = {name: value for name, value in environ.items() if name.upper() in _PASSED_ON}
    if "PATH" in passed:
        passed["PATH"] = os.pathsep.join(part for part in passed["PATH"].split(os.pathsep) if Path(part).is_absolute())
    return passed | _FIXED


async def stop(process: Process) -> None:
    """End git and whatever it started, if they still run; returns when they are gone."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        while stream is not None and await stream.read(_CHUNK):  # a full pipe would keep the process object open
            pass
    await process.wait()


async def _unbroken(starting: Coroutine[None, None, Process]) -> Process:
    """The process, once it has started. If we are cancelled meanwhile, it is ended first.

    Where an event loop that closes cancels all tasks, the one that connects the pipes is among them, and asyncio then
    waits forever for the process to lose its pipes (`_try_finish` in asyncio/base_subprocess.py, until Python 3.13).
    A second cancellation ends that wait.
    """
    task = asyncio.create_task(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_START_S)
        if not task.done():
            task.cancel()
        elif not task.cancelled() and task.exception() is None:
            await stop(task.result())
        raise


def opened(stream: Stream | None) -> Stream:
    """The stream, which the process was started with."""
    if stream is None:
        raise SourceError("git was started without a stream that is needed.")
    return stream


def failure_of(verb: str, ended: Ended) -> SourceError | NotARepository:
    """The error for a git that ended with an exit code that is no answer."""
    said = ended.complaint
    if "dubious ownership" in said:
        return NotARepository(
            "Git refuses this repository because another user owns it. If you trust it, run: "
            "git config --global --add safe.directory " + said.rpartition(" at ")[2]
        )
    if said.startswith("fatal: not a git repository"):
        return NotARepository()
    if _NOT_HERE.search(said):
        return SourceError(
            "Part of the change is not on this machine: this is a partial clone, and a review fetches nothing. "
            "Let git fetch it first, for example with: git diff BASE HEAD"
        )
    return SourceError(f"git {verb} failed: {said or f'exit code {ended.code}'}")


def _program_in(path: str) -> str:
    found = shutil.which("git", path=path)
    if found is None:
        raise UserError("git was not found on PATH. Install git and try again.")
    return found


async def _read_out(process: Process, most: int) -> bytes:
    """Everything up to a little over `most` bytes; git is killed there."""
    stream = opened(process.stdout)
    chunks: list[bytes] = []
    size = 0
    while size <= most and (chunk := await stream.read(_CHUNK)):
        chunks.append(chunk)
        size += len(chunk)
    if size > most:
        await stop(process)
    return b"".join(chunks)


async def _read_errors(process: Process) -> bytes:
    stream = opened(process.stderr)
    kept = b""
    while chunk := await stream.read(_CHUNK):
        kept = (kept + chunk)[:_CHUNK]
    return kept


async def _feed(process: Process, text: bytes | None) -> None:
    if process.stdin is None or text is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # git may end before it has read all
        process.stdin.write(text)
        await process.stdin.drain()
    process.stdin.close()


def _complaint(errors: bytes) -> str:
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    grave = [line for line in lines if line.startswith(("fatal:", "error:"))]
    chosen = (grave or lines or [""])[0]
    return re.sub(r"[^\x20-\x7e\xa0-\uffff]", "?", chosen)[:_SHOWN]
