"""Doors and workers as processes of their own, which can be killed and begun again, with webhooks spread over doors."""

import json
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.github.webhooks import Delivery, headers_of
from tests.served import SECRET, Place, until

_ALONE: Final = ("--no-worker",)
_LOOK_S: Final = 0.005
_BEGINNING_S: Final = 10.0
_SENDING_S: Final = 30.0  # after which a delivery that no door takes is given up


@dataclass(kw_only=True)
class Member:
    """One process, at this time or the next."""

    arguments: tuple[str, ...]
    log: Path
    port: int = 0  # 0: it is no door
    process: "subprocess.Popen[bytes] | None" = None
    begun_at: float = 0.0
    begun_in_log: int = 0

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def is_up(self) -> bool:
        """Whether it has come so far that it does what it is for."""
        return "Connected to" in self.log.read_text("utf-8")[self.begun_in_log :]


@dataclass(kw_only=True)
class Fleet:
    """All processes of a service."""

    place: Place
    doors: list[Member]
    workers: list[Member]
    kills: int = 0
    faults: list[str] = field(default_factory=list)  # of processes that ended by themselves

    @property
    def members(self) -> list[Member]:
        return [*self.doors, *self.workers]

    @property
    def addresses(self) -> list[str]:
        return [f"http://127.0.0.1:{each.port}" for each in self.doors]

    def begin(self, member: Member) -> None:
        with member.log.open("a", encoding="utf-8") as log:
            member.begun_in_log = len(member.log.read_text("utf-8"))
            member.process = subprocess.Popen(self.place.command(*member.arguments), env=self.place.env, stderr=log)
        member.begun_at = time.monotonic()

    def kill(self, member: Member) -> int:
        """End it with -9, whatever it does; the process id that it had."""
        assert member.process is not None
        if member.process.poll() is not None:
            self.faults.append(f"{' '.join(member.arguments)} ended by itself with {member.process.returncode}")
        member.process.kill()
        member.process.wait(10)
        self.kills += 1
        return member.pid

    def end(self) -> None:
        """Tell all to stop, and have them end well."""
        is_young = [time.monotonic() - each.begun_at < _BEGINNING_S for each in self.members]
        for each in self.members:
            if each.process is not None:
                each.process.terminate()
        for each, young in zip(self.members, is_young, strict=True):
            code = each.process.wait(20) if each.process is not None else 0
            # One that has just begun has not learned yet what to do about it.
            assert code == 0 or (young and code == -signal.SIGTERM), f"{code}\n{each.log.read_text('utf-8')}"

    def gather_logs(self) -> None:
        """Have what all said in the service's log, one after the other."""
        told = [f"{' '.join(each.arguments)}\n{each.log.read_text('utf-8')}" for each in self.members]
        self.place.log.write_text("\n".join(told), "utf-8")


@contextmanager
def a_fleet(place: Place, *, doors: int, workers: int, jobs: int = 2) -> Iterator[Fleet]:
    """So many processes that listen, and so many that work. Without workers the doors do the work themselves."""
    ports = _free_ports(doors)
    alone = _ALONE if workers else ("--jobs", str(jobs))
    folder = place.log.parent
    place.log.touch()  # where those who wait in vain look
    fleet = Fleet(
        place=place,
        doors=[
            Member(arguments=("serve", "--port", str(port), *alone), log=folder / f"door-{port}.log", port=port)
            for port in ports
        ],
        workers=[
            Member(arguments=("worker", "--jobs", str(jobs)), log=folder / f"worker-{number}.log")
            for number in range(workers)
        ],
    )
    try:
        for each in fleet.members:
            fleet.begin(each)
        for door in fleet.doors:
            until(lambda port=door.port: is_open(port), "the door listens", place)  # type: ignore[misc]
        yield fleet
        fleet.end()
    finally:
        for each in fleet.members:
            if each.process is not None:
                each.process.kill()
                each.process.wait(10)
        fleet.gather_logs()


class Spread:
    """Brings every event of the stand-in for GitHub to the doors in turn; to the next one if one does not take it.

    GitHub itself knows one address and does not repeat: this is the proxy before the doors, and the person who
    delivers again what failed.
    """

    def __init__(self, place: Place, addresses: Sequence[str]) -> None:
        self._place = place
        self._urls = [f"{address}/webhooks/github" for address in addresses]
        self._turn = 0
        self._sent = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_settled(self) -> bool:
        """Whether all that happened so far was taken."""
        return self._sent == len(self._place.github.deliveries)

    def end(self) -> None:
        self._ending.set()
        self._thread.join(timeout=_SENDING_S)

    def to_all_at_once(self, delivery: Delivery) -> list[int]:
        """The same delivery to every door at the same time; what each answered."""
        statuses = [0] * len(self._urls)
        ready = threading.Barrier(len(self._urls))

        def send(at: int) -> None:
            ready.wait()
            statuses[at] = posted(self._place, self._urls[at], delivery)

        threads = [threading.Thread(target=send, args=(at,)) for at in range(len(self._urls))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return statuses

    def _run(self) -> None:
        deliveries = self._place.github.deliveries
        while not self._ending.is_set():
            if self._sent == len(deliveries):
                time.sleep(_LOOK_S)
                continue
            self._bring(deliveries[self._sent])
            self._sent += 1

    def _bring(self, delivery: Delivery) -> None:
        ends = time.monotonic() + _SENDING_S
        while time.monotonic() < ends and not self._ending.is_set():
            self._turn = (self._turn + 1) % len(self._urls)
            delivery.statuses.append(posted(self._place, self._urls[self._turn], delivery))
            if 0 < delivery.statuses[-1] < 500:
                return
            time.sleep(_LOOK_S)


@contextmanager
def spread(fleet: Fleet) -> Iterator[Spread]:
    """While the block runs, what happens is told to the doors."""
    bringing = Spread(fleet.place, fleet.addresses)
    try:
        yield bringing
    finally:
        bringing.end()


def posted(place: Place, url: str, delivery: Delivery) -> int:
    """Send a delivery as GitHub does; the status, or 0 if there was no answer."""
    raw = json.dumps(delivery.payload).encode()
    request = urllib.request.Request(url, raw, headers_of(delivery, SECRET, raw, place.github.app.id))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return int(error.code)
    except OSError:  # also a connection that was cut in the middle of the answer
        return 0


def is_open(port: int) -> bool:
    with socket.socket() as asking:
        asking.settimeout(1)
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
