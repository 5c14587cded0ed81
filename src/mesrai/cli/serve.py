"""`mesrai serve` and `mesrai worker`: run the service until it is told to stop."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from mesrai.assembly.joined import Assembled

_HANDS = 4
_TIDY_S = 3_600.0


def _hands(command: Callable[..., None]) -> Callable[..., None]:
    words = "Jobs at once in this process."
    return click.option("--jobs", type=click.IntRange(1, 64), default=_HANDS, show_default=True, help=words)(command)


@click.command(epilog="docs/github.md has the steps that connect GitHub.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8470, show_default=True, help="0: any that is free.")
@click.option("--no-worker", is_flag=True, help="Only take webhooks; `mesrai worker` does the work elsewhere.")
@_hands
def serve(host: str, port: int, no_worker: bool, jobs: int) -> None:
    """Review pull requests: take GitHub's webhooks, and do the work.

    Behind a reverse proxy that speaks https. Ctrl-C or SIGTERM ends it; what is under way is given back and goes on
    when a worker runs again.
    """
    _log()
    sys.exit(asyncio.run(_run(jobs=0 if no_worker else jobs, listen=(host, port))))


@click.command()
@_hands
def worker(jobs: int) -> None:
    """Do the work of the service; as many of these as you like share one PostgreSQL database."""
    _log()
    sys.exit(asyncio.run(_run(jobs=jobs, listen=None)))


def _log() -> None:
    from mesrai.server.log_lines import LogLines

    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(LogLines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[shown])
    logging.getLogger("alembic").setLevel(logging.WARNING)


async def _run(*, jobs: int, listen: tuple[str, int] | None) -> int:
    from mesrai.assembly.joined import assembled
    from mesrai.server.app import server_app
    from mesrai.worker import work

    log = logging.getLogger("mesrai.service")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as opened:
        service = await opened.enter_async_context(assembled(os.environ))
        for told in service.told:
            log.info("%s", told)
        tasks = [asyncio.create_task(_keep_tidy(service))]
        if jobs:
            name = f"{socket.gethostname()}-{os.getpid()}"
            tasks.append(asyncio.create_task(work(service.desk, name=name, hands=jobs, stop=stop)))
        if listen is not None:
            tasks.append(asyncio.create_task(_listen(server_app(service.doors, service.site), *listen, stop=stop)))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        tasks[0].cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    faults = [each for each in ended if isinstance(each, Exception)]
    for fault in faults:
        log.error("The service ended by a fault", exc_info=fault)
    return 1 if faults else 0


async def _listen(app: "Starlette", host: str, port: int, *, stop: asyncio.Event) -> None:
    from mesrai.server.listening import listen

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named so that asyncio turns Nagle's algorithm off.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)  # so that what the log says next is true
    except OSError as error:
        raise click.UsageError(f"Nothing can listen at {host}:{port}: {error.strerror}.") from error
    logging.getLogger("mesrai.service").info("Listening at http://%s:%d", host, listener.getsockname()[1])
    await listen(app, listener, stop=stop)


async def _keep_tidy(service: "Assembled") -> None:
    from mesrai.errors import StoreError

    while True:
        try:
            await service.tidy()
        except StoreError as error:
            logging.getLogger("mesrai.service").warning("Old entries stay for now: %s", error.message)
        await asyncio.sleep(_TIDY_S)
