"""The sample repository: a small shop with a change that is not committed yet."""

import subprocess
from pathlib import Path
from typing import Final

_FILES: Final = Path(__file__).with_name("shop")
_AUTHOR: Final = ("-c", "user.name=Demo", "-c", "user.email=demo@example.com", "-c", "commit.gpgsign=false")


def make_sample(folder: Path) -> None:
    """Make a git repository in `folder`. Errors: OSError, CalledProcessError."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _lay(_FILES / "before", folder)
    _git(folder, "add", ".")
    _git(folder, *_AUTHOR, "commit", "--quiet", "--no-verify", "--message=A small shop")
    _lay(_FILES / "after", folder)


def _lay(source: Path, folder: Path) -> None:
    for file in sorted(source.iterdir()):
        (folder / file.name.removesuffix(".txt")).write_text(file.read_text("utf-8"), "utf-8")


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
