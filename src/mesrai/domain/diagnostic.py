"""What a static analyser says about a line."""

from dataclasses import dataclass

from mesrai.domain.finding import Category, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One statement of a static analyser about lines of the new file."""

    analyser: str  # the program or rule set, e.g. "ruff"
    code: str  # its own code, e.g. "S105"
    path: str
    start_line: int  # 1-based, inclusive
    end_line: int
    message: str  # one sentence; never quotes a secret
    severity: Severity
    category: Category
    url: str = ""  # where the rule is explained
    replacement: str | None = None  # full new text of lines start_line..end_line, if the analyser knows a safe fix
