"""Credentials written into files, found by their shapes."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category
from mesrai.domain.path_kinds import is_example_path, is_test_path
from mesrai.domain.secrets_in_text import SecretFound, find_secrets

# These hold checksums and the like, which look like keys.
_SKIPPED: Final = frozenset((".lock", ".sum", ".svg", ".map", ".snap", ".ipynb", ".po", ".csv", ".tsv"))


class Secrets:
    """Finds credentials. In tests, documentation and examples, only those whose shape leaves little doubt."""

    @property
    def name(self) -> str:
        """How it is called in findings and coverage."""
        return "secrets"

    def covers(self, path: str) -> bool:
        """Every text file but lock files and the like."""
        pure = PurePosixPath(path)
        return pure.suffix.lower() not in _SKIPPED and pure.name.lower() not in ("package-lock.json", "pnpm-lock.yaml")

    async def run(self, files: Mapping[str, str]) -> Sequence[Diagnostic]:
        """Every credential found. The messages never hold one."""
        return [each for path, text in files.items() for each in await asyncio.to_thread(_of_file, path, text)]


def _of_file(path: str, text: str) -> list[Diagnostic]:
    is_harmless = is_test_path(path) or is_example_path(path)
    return [
        _diagnostic(path, text, secret)
        for secret in find_secrets(text)
        if not (secret.is_usual_in_tests and is_harmless)
    ]


def _diagnostic(path: str, text: str, secret: SecretFound) -> Diagnostic:
    start = text.count("\n", 0, secret.start) + 1
    return Diagnostic(
        analyser="secrets",
        code=secret.code,
        path=path,
        start_line=start,
        end_line=start + text.count("\n", secret.start, secret.end),
        message=f"This looks like {secret.name}. Whoever can read the repository can use it: revoke it at its issuer, "
        "and read the new one from the environment or a secret store.",
        severity=secret.severity,
        category=Category.SECURITY,
    )
