"""One problem a review reports."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from mesrai.domain.diff import Side


class Severity(StrEnum):
    """How bad a problem is if true."""

    CRITICAL = "critical"  # outage, data loss or corruption, breach, failed authentication or payment
    HIGH = "high"  # an important feature broken, degradation under normal load, an indirect way in
    MEDIUM = "medium"  # broken in part or in some scenario, bad data that can be repaired
    LOW = "low"  # small overhead, hardening, wrong logs or metrics, rare cases

    @property
    def rank(self) -> int:
        """0 for critical, growing as severity falls: sort by it."""
        return list(Severity).index(self)

    def reaches(self, threshold: "Severity") -> bool:
        """Whether this is at least as bad as `threshold`."""
        return self.rank <= threshold.rank


class Category(StrEnum):
    """What sort of problem it is."""

    BUG = "bug"
    SECURITY = "security"
    PERFORMANCE = "performance"
    ERROR_HANDLING = "error_handling"
    MAINTAINABILITY = "maintainability"
    REFACTORING = "refactoring"
    CODE_STYLE = "code_style"
    DOCUMENTATION = "documentation"
    BUSINESS_LOGIC = "business_logic"
    RULE = "rule"  # a rule of the repository's owners is broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Replacement text for a range of lines of the new file."""

    start_line: int  # 1-based, inclusive
    end_line: int  # 1-based, inclusive
    replacement: str  # lines joined by line feeds, without one at the end; empty deletes the lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem, standing on lines that are proven to be in the diff."""

    fingerprint: str
    path: str
    side: Side
    start_line: int  # 1-based, inclusive, of the file on `side`
    end_line: int
    severity: Severity
    category: Category
    title: str  # one line of plain text
    body: str  # markdown
    evidence: str  # why it is believed: the quoted code and the trace that shows the problem
    confidence: float  # 0 to 1
    suggestion: Suggestion | None = None
    source: str  # who says so: the model's id, or an analyser and its code such as "ruff S105"
    also_at: tuple[str, ...] = ()  # "path:line" of merged equals


def fingerprint_of(*, path: str, category: Category, code: str, symbol: str = "", nth: int = 0) -> str:
    """An id that survives re-runs and moved lines: of the path, the kind of problem, the code and where it stands.

    `code` is compared without white space; `symbol` is the enclosing definition's name; `nth` tells apart
    findings that are equal in all of these.
    """
    squeezed = re.sub(r"\s+", "", code)
    parts = "\0".join((path, category, squeezed, symbol, str(nth)))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:16]
