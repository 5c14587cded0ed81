"""How far a review is, added up from the events that were kept of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesrai.flows.recording import READING, STEP
from mesrai.review.render.untrusted import one_line, shown_path
from mesrai.store.review_events import KeptEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLine:
    """A finding that was verified."""

    severity: str
    title: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """What became of a batch."""

    at: float
    paths: Sequence[str]
    failure: str
    confirmed: int
    refuted: int


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a review is."""

    last: int = 0  # the newest event that is counted
    steps: list[tuple[float, str]] = field(default_factory=list)
    files: int = 0
    batches: int = 0
    ended: list[BatchLine] = field(default_factory=list)
    found: list[FoundLine] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    usage: Mapping[str, Any] = field(default_factory=dict)
    is_stopping: bool = False

    def take(self, events: Sequence[KeptEvent]) -> None:
        """Count what happened since."""
        for event in events:
            self.last = event.id
            self._take(event, event.told)

    @property
    def said(self) -> str:
        """All of it in a line."""
        if not self.batches:
            return self.steps[-1][1] if self.steps else "It begins"
        read = f"{len(self.ended)} of {self.batches} {'batch' if self.batches == 1 else 'batches'} read"
        found = len(self.found)
        return f"{read}, {found} {'finding' if found == 1 else 'findings'} verified"

    def _take(self, event: KeptEvent, told: Mapping[str, Any]) -> None:
        if event.kind == STEP:
            if told["text"] == READING:  # it begins anew: what was there before is asked for again
                self.batches, self.ended, self.found, self.usage = 0, [], [], {}
            self.steps.append((event.at, str(told["text"])))
        elif event.kind == "Started":
            self.files, self.batches = int(told["files"]), int(told["batches"])
            many = f"{self.batches} {'batch' if self.batches == 1 else 'batches'}"
            files = f"{self.files} {'file' if self.files == 1 else 'files'}"
            self.steps.append((event.at, f"Asking about {files} in {many}"))
        elif event.kind == "BatchEnded":
            self._batch(event.at, told)
        elif event.kind == "BatchSplit":
            self.batches += int(told["into"]) - 1
        elif event.kind == "Spending":
            self.usage = told["usage"]
        elif event.kind == "Notice":
            self.notices.append(one_line(str(told["text"]), 300))
        elif event.kind == "Stopping":
            self.is_stopping = True

    def _batch(self, at: float, told: Mapping[str, Any]) -> None:
        self.ended.append(
            BatchLine(
                at=at,
                paths=[shown_path(str(path), 100) for path in told["paths"]],
                failure=one_line(str(told["failure"]), 300),
                confirmed=int(told["confirmed"]),
                refuted=int(told["refuted"]),
            )
        )
        for each in told["found"]:
            line = "" if each["line"] is None else f":{each['line']}"
            place = f"{shown_path(str(each['path']), 100)}{line}"
            title = one_line(str(each["title"]), 200)
            self.found.append(FoundLine(severity=str(each["severity"]), title=title, place=place))
