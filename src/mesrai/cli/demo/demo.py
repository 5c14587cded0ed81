"""The `demo` command: run each step as a person would, and say what happened."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from mesrai.cli.demo.sample import make_sample
from mesrai.cli.demo.stand_in import StandIn, running_stand_in
from mesrai.cli.demo.steps import Step, steps
from mesrai.cli.exits import Exit

_MAIN_KEY: Final = "sk-sim-ok-tier3"
_FALLBACK_KEY: Final = "zai-sim-ok"
# Of the environment only what programs need to run; no settings and no keys of the person's own.
_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TERM", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "SYSTEMROOT", "TMPDIR")


@click.command()
@click.option("--keep", is_flag=True, help="Keep the folder with the sample repository and the database.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to put it; it must not exist yet.")
def demo(keep: bool, folder: Path | None) -> None:
    """See everything once on a sample repository, without an account: connect, test, review, fail over, cost.

    A stand-in provider answers on this machine; your own settings are not touched, and nothing goes to the network.
    Its "model" is a handful of fixed rules: it shows how Mesrai works, not how well a model reviews.
    """
    if shutil.which("git") is None:
        raise click.UsageError("The demo makes a git repository, and git is not installed or not on PATH.")
    with _workplace(folder, keep=keep) as place:
        repository = place / "shop"
        make_sample(repository)
        _say(f"A sample repository with an uncommitted change is in {repository}.")
        with running_stand_in(place / "catalogue.toml") as stand_in:
            _say(f"A stand-in provider answers at {stand_in.root}; it knows the addresses of Moonshot and Z.ai.")
            code = _play(stand_in, repository, _environment(place))
        _end(place, is_kept=keep or folder is not None, code=code)
    sys.exit(code)


def _play(stand_in: StandIn, repository: Path, environment: Mapping[str, str]) -> int:
    """Run all steps; the exit code of the demo."""
    for number, step in enumerate(steps(_MAIN_KEY, _FALLBACK_KEY), start=1):
        click.echo()
        _say(f"{number}. {step.title}")
        if step.fault:
            stand_in.set_fault(_MAIN_KEY, step.fault)
        ended = _run(step, repository, environment)
        if ended not in step.codes:
            click.echo(f"mesrai: this step ended with {ended}, which is not as it should be.", err=True)
            return Exit.FAILED
    return Exit.FINE


def _run(step: Step, repository: Path, environment: Mapping[str, str]) -> int:
    shown = " ".join(["mesrai", *step.arguments])
    click.echo(click.style(f"   $ {step.shown_stdin}{shown}", bold=True))
    done = subprocess.run(
        [sys.executable, "-m", "mesrai", *step.arguments],
        cwd=repository,
        env=dict(environment),
        input=step.stdin or None,
        stdin=None if step.stdin else subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return done.returncode


def _environment(place: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    settings = place / "settings.toml"
    settings.write_text("", "utf-8")
    return kept | {
        "MESRAI_CONFIG": str(settings),
        "MESRAI_CATALOGUE": str(place / "catalogue.toml"),
        "MESRAI_DATABASE_URL": f"sqlite:///{place / 'mesrai.db'}",
        "PYTHONUTF8": "1",
    }


@contextmanager
def _workplace(folder: Path | None, *, keep: bool) -> Iterator[Path]:
    """A folder of its own, removed afterwards unless it is to be kept."""
    if folder is not None:
        if folder.exists():
            raise click.UsageError(f"--folder: {folder} exists already.")
        folder.mkdir(parents=True)
    place = (folder or Path(tempfile.mkdtemp(prefix="mesrai-demo-"))).resolve()
    try:
        yield place
    finally:
        if not (keep or folder):
            shutil.rmtree(place, ignore_errors=True)


def _end(place: Path, *, is_kept: bool, code: int) -> None:
    click.echo()
    if code == Exit.FINE:
        _say("That was all. With a model of your own: `mesrai byok connect`, then `mesrai review` in your repository.")
    _say(f"Everything is kept in {place}." if is_kept else f"{place} is removed again; --keep keeps it.")


def _say(text: str) -> None:
    click.echo(click.style(text, fg="cyan"))
