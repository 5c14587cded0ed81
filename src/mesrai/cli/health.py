"""`mesrai health`: ask a process of the service on this machine whether it is well."""

import http.client
import json
import sys

import click

_WAIT_S = 4.0
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
def health(host: str, port: int, live: bool) -> None:
    """Ask the service on this machine whether it is well: ends with 0 if it is, with 1 if it is not.

    For the health checks of containers, where no other program may be at hand.
    """
    path = "/health/live" if live else "/health/ready"
    try:
        status, body = _asked(host, port, path)
    except (OSError, http.client.HTTPException) as error:
        click.echo(f"Nothing answers at {host}:{port}: {error}.", err=True)
        sys.exit(1)
    if status != 200:
        click.echo(f"{path} answers {status}{_broken(body)}.", err=True)
        sys.exit(1)
    click.echo("alive" if live else "ready")


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
