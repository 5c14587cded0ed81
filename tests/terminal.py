"""The installed command, run as a process of its own, for scenarios."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.repositories import ENVIRONMENT, Repository, a_repository

LIMITS = "[limits]\nconnect_s = 2\nfirst_token_s = 0.6\nidle_s = 0.6\ntotal_s = 4\nquestion_s = 2\n"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How the command ended."""

    code: int
    out: str
    err: str

    @property
    def review(self) -> dict[str, Any]:
        """Standard output as the JSON of a review."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


def a_changed_repository(folder: Path) -> Repository:
    """A repository with a small uncommitted change."""
    repository = a_repository(folder, {"cart.py": "def total(items):\n    return sum(items)\n"})
    repository.write("cart.py", "def total(items):\n    return sum(items) / len(items)\n")
    return repository


def clean_environment(cwd: Path) -> dict[str, str]:
    """The environment of somebody who set nothing but short limits; their home lies beside the folder."""
    home = cwd.parent / "home"
    home.mkdir(exist_ok=True)
    config = home / "config.toml"
    if not config.exists():
        config.write_text(LIMITS)
    clean = {"PATH": os.environ["PATH"], "HOME": str(home), "MESRAI_CONFIG": str(config), "PYTHONUTF8": "1"}
    return clean | {key: value for key, value in ENVIRONMENT.items() if key.startswith("GIT_")}


def mesrai(*arguments: str, cwd: Path, env: dict[str, str] | None = None, stdin: str = "", most_s: float = 60) -> Ran:
    """Run `mesrai` in a folder, with no settings but those in `env`."""
    done = subprocess.run(
        [sys.executable, "-m", "mesrai", *arguments],
        cwd=cwd,
        env=clean_environment(cwd) | (env or {}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=most_s,
        check=False,
    )
    return Ran(code=done.returncode, out=done.stdout, err=done.stderr)


def connected(base_url: str, key: str = "sk-sim-ok", provider: str = "openai_compatible") -> dict[str, str]:
    """The environment that connects the stand-in."""
    return {
        "MESRAI_PROVIDER": provider,
        "MESRAI_BASE_URL": base_url,
        "MESRAI_MODEL": "sim-model",
        "MESRAI_API_KEY": key,
    }
