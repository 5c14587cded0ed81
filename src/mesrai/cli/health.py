"""`mesrai health`: ask a process of the service on this machine whether it is well."""

import http.client
import json
import sys
import time

import click

_WAIT_S = 4.0
_BETWEEN_S = 0.2
_MOST = 65_536  # bytes of an answer


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    default=8470,
    show_default=True,
    help="The door's port, or that of its metrics: a worker has only that one.",
)
@click.option("--live", is_flag=True, help="Only whether the process answers, not whether all it needs is there.")
@click.option("--wait", type=click.IntRange(0, 3_600), default=0, metavar="SECONDS", help="Ask until it is, so long.")
def health(host: str, port: int, live: bool, wait: int) -> None:
    """Ask the service on this machine whether it is well: ends with 0 if it is, with 1 if it is not.

    For the health checks of containers, where no other program may be at hand, and for scripts.
    """
    path = "/health/live" if live else "/health/ready"
    ends = time.monotonic() + wait
    while wrong := _wrong(host, port, path):
        if time.monotonic() >= ends:
            click.echo(wrong, err=True)
            sys.exit(1)
        time.sleep(_BETWEEN_S)
    click.echo("alive" if live else "ready")


def _wrong(host: str, port: int, path: str) -> str:
    """What is wrong, in a sentence; empty if nothing is."""
    try:
        status, body = _asked(host, port, path)
    except (OSError, http.client.HTTPException) as error:
        return f"Nothing answers at {host}:{port}: {error}."
    return "" if status == 200 else f"{path} answers {status}{_broken(body)}."


def _asked(host: str, port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=_WAIT_S)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(_MOST)
    finally:
        connection.close()


def _broken(body: bytes) -> str:
    """The names of what is broken, if the answer says any."""
    try:
        names = json.loads(body)["broken"]
        return f": {', '.join(map(str, names))}"
    except (ValueError, KeyError, TypeError):
        return ""
