"""The result of a review: what was found, what was not shown, what was read, what it cost."""

from dataclasses import dataclass
from enum import StrEnum

from mesrai.domain.change import Revision
from mesrai.domain.finding import Finding
from mesrai.domain.usage import Estimate, Usage

SCHEMA_VERSION = 1


class Outcome(StrEnum):
    """How far a review got. Only `reviewed` says anything about the whole change."""

    REVIEWED = "reviewed"  # every file that should be read was read
    PARTIAL = "partial"  # some of it was not read or not verified; coverage says what and why
    FAILED = "failed"  # nothing could be reviewed
    NOTHING = "nothing"  # there was nothing to review, and the reason is in coverage or the summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A finding that is not shown, with the reason."""

    reason: str
    path: str
    title: str
    body: str
    severity: str  # as the source said it; may be no known severity
    category: str
    quote: str  # the code it claimed to be about
    source: str
    line: int | None = None  # where it would have stood, of the new file if nothing else is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanchored:
    """A true finding about a place the change does not show; it is shown with the summary, never on a line."""

    path: str
    line: int | None  # of the new file, if the quoted code was found there
    severity: str
    category: str
    title: str
    body: str
    source: str


class FileStatus(StrEnum):
    """What became of a file."""

    REVIEWED = "reviewed"
    PARTIAL = "partial"  # some hunks were read, some not
    SKIPPED = "skipped"  # on purpose; the reason says why
    FAILED = "failed"  # it should have been read and was not


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCoverage:
    """What became of one changed file."""

    path: str
    status: FileStatus
    reason: str = ""
    hunks_read: int = 0
    hunks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """What one model did in the review."""

    provider: str
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds spent, on the wall clock. Steps overlap: their sum may exceed the total."""

    total_s: float = 0.0
    gather_s: float = 0.0  # choosing files, analysers, context
    ask_s: float = 0.0  # from the first question to the last answer
    first_answer_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFacts:
    """The size of what was under review."""

    base: str
    head: str
    files: int
    additions: int
    deletions: int

    @property
    def revision(self) -> Revision:
        """The pair that was compared."""
        return Revision(base=self.base, head=self.head)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One run's result."""

    schema_version: int = SCHEMA_VERSION
    outcome: Outcome
    summary: str  # markdown: what the change does
    change: ChangeFacts
    findings: tuple[Finding, ...] = ()
    unanchored: tuple[Unanchored, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    coverage: tuple[FileCoverage, ...] = ()
    usage: Usage = Usage()
    models: tuple[ModelUsage, ...] = ()
    estimate: Estimate | None = None  # what it was expected to cost; None: nothing was to be asked
    timings: Timings = Timings()
    notices: tuple[str, ...] = ()  # what the reader should know: failovers, dropped settings, newer facts
    failures: tuple[str, ...] = ()  # one sentence for each way a part of the review failed
