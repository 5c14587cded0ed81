"""`mesrai serve` and `mesrai worker`: run the service until it is told to stop."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from mesrai.assembly.joined import Assembled
    from mesrai.domain.tally import Tally
    from mesrai.domain.tracing import Tracing
    from mesrai.settings.operating import Operating

_HANDS = 4
_TIDY_S = 3_600.0


def _hands(command: Callable[..., None]) -> Callable[..., None]:
    words = "Jobs at once in this process."
    return click.option("--jobs", type=click.IntRange(1, 64), default=_HANDS, show_default=True, help=words)(command)


def _metrics(command: Callable[..., None]) -> Callable[..., None]:
    words = "Listen here too, for Prometheus (/metrics) and health checks. Default: MESRAI_METRICS_PORT, or nowhere."
    return click.option("--metrics-port", type=click.IntRange(0, 65_535), help=words)(command)


@click.command(epilog="docs/github.md has the steps that connect GitHub.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8470, show_default=True, help="0: any that is free.")
@click.option("--no-worker", is_flag=True, help="Only take webhooks; `mesrai worker` does the work elsewhere.")
@_hands
@_metrics
def serve(host: str, port: int, no_worker: bool, jobs: int, metrics_port: int | None) -> None:
    """Review pull requests: take GitHub's webhooks, and do the work.

    Behind a reverse proxy that speaks https. Ctrl-C or SIGTERM ends it; what is under way is given back and goes on
    when a worker runs again.
    """
    sys.exit(_ran(jobs=0 if no_worker else jobs, listen=(host, port), metrics_port=metrics_port))


@click.command()
@_hands
@_metrics
def worker(jobs: int, metrics_port: int | None) -> None:
    """Do the work of the service; as many of these as you like share one PostgreSQL database."""
    sys.exit(_ran(jobs=jobs, listen=None, metrics_port=metrics_port))


def _ran(*, jobs: int, listen: tuple[str, int] | None, metrics_port: int | None) -> int:
    """Run it to its end; the exit code. Errors: SettingsError."""
    from mesrai.domain.tally import Tally
    from mesrai.settings.operating import load_operating

    operating = load_operating(os.environ)
    if metrics_port is not None:
        operating = replace(operating, metrics_port=metrics_port)
    tally = Tally()
    _log(operating, tally)
    return asyncio.run(_run(operating, tally, jobs=jobs, listen=listen))


def _log(operating: "Operating", tally: "Tally") -> None:
    from mesrai.server.log_lines import CountLines, JsonLines, LogLines
    from mesrai.settings.operating import LogFormat

    shown = logging.StreamHandler(sys.stderr)
    is_json = operating.log_format is LogFormat.JSON
    shown.setFormatter(JsonLines() if is_json else LogLines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = logging.getLevelNamesMapping()[operating.log_level.upper()]
    logging.basicConfig(level=level, handlers=[shown, CountLines(tally)])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for name in ("aiosqlite", "asyncio"):  # every statement with its values, at DEBUG
        logging.getLogger(name).setLevel(logging.INFO)


async def _run(operating: "Operating", tally: "Tally", *, jobs: int, listen: tuple[str, int] | None) -> int:
    from mesrai.assembly.joined import assembled
    from mesrai.assembly.traces import open_tracing
    from mesrai.server.app import server_app
    from mesrai.worker import work

    log = logging.getLogger("mesrai.service")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as opened:
        tracing = await opened.enter_async_context(open_tracing(os.environ))
        service = await opened.enter_async_context(assembled(os.environ, tally, tracing))
        for told in service.told:
            log.info("%s", told)
        tasks = [asyncio.create_task(_keep_tidy(service))]
        if jobs:
            name = f"{socket.gethostname()}-{os.getpid()}"
            tasks.append(asyncio.create_task(work(service.desk, name=name, hands=jobs, stop=stop)))
        if listen is not None:
            app = _asked_through(server_app(service.doors, service.site), operating, tally, tracing)
            tasks.append(asyncio.create_task(_listen(app, "Listening at http://%s:%d", *listen, stop=stop)))
        if operating.metrics_port is not None:
            tasks.append(asyncio.create_task(_tell_figures(service, operating, stop=stop)))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        tasks[0].cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    faults = [each for each in ended if isinstance(each, Exception)]
    for fault in faults:
        log.error("The service ended by a fault", exc_info=fault)
    return 1 if faults else 0


def _asked_through(
    app: "ASGIApp", operating: "Operating", tally: "Tally", tracing: "Tracing | None" = None
) -> "ASGIApp":
    """The application behind what names who asks, gives each request its id, counts and traces them."""
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    from mesrai.domain.tracing import UNTRACED
    from mesrai.server.request_lines import RequestLines
    from mesrai.server.traced_requests import TracedRequests

    counted: ASGIApp = RequestLines(app, tally)
    trusted = operating.trusted_proxies
    if trusted:
        counted = ProxyHeadersMiddleware(counted, list(trusted))  # type: ignore[arg-type, assignment]
    if tracing is None or tracing is UNTRACED:
        return counted
    return TracedRequests(counted, tracing, trusted)


async def _tell_figures(service: "Assembled", operating: "Operating", *, stop: asyncio.Event) -> None:
    from mesrai.server.metrics import metrics_app

    app = metrics_app(service.doors, service.figures)
    port = operating.metrics_port or 0
    await _listen(app, "Metrics at http://%s:%d/metrics", operating.metrics_host, port, stop=stop)


async def _listen(app: "ASGIApp", told: str, host: str, port: int, *, stop: asyncio.Event) -> None:
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
    logging.getLogger("mesrai.service").info(told, host, listener.getsockname()[1])
    await listen(app, listener, stop=stop)


async def _keep_tidy(service: "Assembled") -> None:
    from mesrai.errors import StoreError

    while True:
        try:
            await service.tidy()
        except StoreError as error:
            logging.getLogger("mesrai.service").warning("Old entries stay for now: %s", error.message)
        await asyncio.sleep(_TIDY_S)
