"""The installed command at a terminal of its own, with somebody who reads and answers."""

import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Attended:
    """A running command: what it wrote so far, and a keyboard."""

    def __init__(self, process: int, terminal: int) -> None:
        self._process = process
        self._terminal = terminal
        self._raw = b""
        self._read = 0  # characters of `text` that were waited for
        self.code: int | None = None

    @property
    def text(self) -> str:
        """All that was written, without colours and movements of the cursor."""
        return _ESCAPE.sub("", self._raw.decode("utf-8", "replace")).replace("\r\n", "\n")

    def sees(self, words: str, *, most_s: float = 20) -> str:
        """Wait until the words are written after what was waited for before; the text up to them."""
        end = time.monotonic() + most_s
        while words not in self.text[self._read :]:
            assert time.monotonic() < end, f"{words!r} did not come; there was:\n{self.text}"
            assert self._listen(0.2), f"ended with {self.code} before {words!r} came; there was:\n{self.text}"
        start, self._read = self._read, self.text.index(words, self._read) + len(words)
        return self.text[start : self._read]

    def types(self, line: str) -> None:
        """Type a line and press Enter."""
        os.write(self._terminal, line.encode() + b"\r")

    def presses(self, keys: bytes) -> None:
        """Press keys, such as Ctrl-C."""
        os.write(self._terminal, keys)

    def stops(self) -> int:
        """Press Ctrl-C as a person does: once more if nothing happens. The exit code.

        A signal that comes between a question's display and its reading is noted only at the next one.
        """
        for _ in range(5):
            self.presses(b"\x03")
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                if not self._listen(0.1):
                    return self.ends()
        return self.ends()

    def ends(self, *, most_s: float = 20) -> int:
        """Wait for the end; the exit code."""
        end = time.monotonic() + most_s
        while self._listen(0.2):
            assert time.monotonic() < end, f"still running; there was:\n{self.text}"
        assert self.code is not None
        return self.code

    def _listen(self, most_s: float) -> bool:
        """Read what comes; False when the command has ended."""
        if self.code is not None:
            return False
        ready, _, _ = select.select([self._terminal], [], [], most_s)
        if not ready:
            return True
        try:
            read = os.read(self._terminal, 65_536)
        except OSError:  # Linux says so when the other end is closed
            read = b""
        self._raw += read
        if not read:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        return bool(read)

    def close(self) -> None:
        """End the command if it still runs."""
        if self.code is None:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        os.close(self._terminal)


@contextmanager
def at_a_terminal(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Iterator[Attended]:
    """Run `mesrai` at a terminal of 100 columns until the block ends."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(cwd)
        os.execve(
            sys.executable, [sys.executable, "-m", "mesrai", *arguments], {"COLUMNS": "100", "TERM": "xterm", **env}
        )
    attended = Attended(process, terminal)
    try:
        yield attended
    finally:
        attended.close()
