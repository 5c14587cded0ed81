"""The stand-in provider as a process of its own, for as long as the demo runs."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mesrai.errors import MesraiError

_STOP_S: Final = 5.0
_ASK_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """A running stand-in provider."""

    root: str  # its base URL

    def set_fault(self, key: str, fault: str) -> None:
        """From now on every request with `key` gets this fault."""
        connection = http.client.HTTPConnection(urlsplit(self.root).netloc, timeout=_ASK_S)
        try:
            connection.request("POST", "/__sim/faults", json.dumps({"key": key, "fault": fault}))
            connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def running_stand_in(catalogue: Path) -> Iterator[StandIn]:
    """Start it on a free port; it writes the catalogue rows that point at it to `catalogue`. Errors: MesraiError."""
    command = [sys.executable, "-m", "mesrai", "sandbox", "--port", "0", "--catalogue", str(catalogue), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        try:
            root = json.loads(line)["url"]
        except (ValueError, KeyError, TypeError):
            raise MesraiError("The stand-in provider did not start. Try `mesrai sandbox` to see why.") from None
        yield StandIn(root=root)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
