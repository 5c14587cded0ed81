"""A finding that stands on a pull request and that nobody settled."""

from dataclasses import dataclass

from mesrai.domain.finding import Severity, Suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFinding:
    """A finding whose thread nobody settled. What it says may have been edited there since."""

    fingerprint: str
    severity: Severity
    path: str
    first_line: int | None  # as the change stands now; None: its lines changed since, or it is on no line
    last_line: int | None
    title: str
    text: str  # markdown
    replacement: str | None  # of these lines, empty to delete them; None: nothing that fits them is suggested

    @property
    def suggestion(self) -> Suggestion | None:
        """What can be applied to the file as it stands now; None if nothing can."""
        if self.replacement is None or self.first_line is None or self.last_line is None:
            return None
        return Suggestion(start_line=self.first_line, end_line=self.last_line, replacement=self.replacement)
