"""The contract of a static analyser."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from mesrai.domain.diagnostic import Diagnostic


class Analyser(Protocol):
    """A static analyser. It sees copies of files, never the repository, its configuration or its plugins."""

    @property
    def name(self) -> str:
        """How the analyser is called in findings and coverage."""
        ...

    def covers(self, path: str) -> bool:
        """Whether it has anything to say about a file of that name."""
        ...

    async def run(self, files: Mapping[str, str]) -> Sequence[Diagnostic]:
        """Everything it says about these files (path → whole text). Errors: AnalyserError."""
        ...
