"""How far a running review is, and the sentences about it."""

from collections.abc import Callable
from typing import Final

from mesrai.domain.usage import Usage
from mesrai.review.progress import BatchEnded, BatchSplit, Event, Found, Notice, Spending, Started, Stopping
from mesrai.review.render.untrusted import one_line, shown_path
from mesrai.review.render.wording import cost_text, counted, estimate_text, place_of, seconds_text

Clock = Callable[[], float]
_MOST_NAMED: Final = 3


class Standing:
    """How far a review is, as its events tell."""

    def __init__(self) -> None:
        self.files = 0
        self.batches = 0
        self.ended = 0
        self.failed = 0
        self.paths: set[str] = set()  # of batches that were read
        self.usage = Usage()
        self.in_flight = 0
        self.is_stopping = False

    def take(self, event: Event) -> None:
        """Count an event."""
        if isinstance(event, Started):
            self.files, self.batches = event.files, event.batches
        elif isinstance(event, BatchEnded):
            self.ended += 1
            self.failed += bool(event.failure)
            self.paths.update(() if event.failure else event.paths)
        elif isinstance(event, BatchSplit):
            self.batches += event.into - 1
        elif isinstance(event, Spending):
            self.usage, self.in_flight = event.usage, event.in_flight
        elif isinstance(event, Stopping):
            self.is_stopping = True

    def words(self, elapsed_s: float) -> str:
        """All of it in one line."""
        if not self.batches:
            return f"Reading the change · {seconds_text(elapsed_s)}"
        parts = [
            f"{self.ended} of {counted(self.batches, 'batch', 'batches')}",
            f"{len(self.paths)} of {counted(self.files, 'file')}",
        ]
        parts += [f"{self.failed} failed"] * bool(self.failed)
        parts += [f"{self.in_flight} in flight"] * bool(self.in_flight)
        tokens = self.usage.input_tokens + self.usage.output_tokens
        parts += [f"{tokens:,} tokens", cost_text(self.usage)] if tokens else []
        parts.append(seconds_text(elapsed_s))
        return " · ".join((["stopping"] if self.is_stopping else []) + parts)


def sentence(event: Event) -> str:
    """What must stay to be read: the estimate, failures, notices, stopping; empty for what only moves the count."""
    if isinstance(event, Started) and event.estimate:
        return f"This review will cost {estimate_text(event.estimate)}."
    if isinstance(event, BatchEnded) and event.failure:
        return f"Not read: {named(event.paths)}: {one_line(event.failure, 300)}"
    if isinstance(event, Notice):
        return one_line(event.text, 300)
    if isinstance(event, Stopping):
        return "Stopping: nothing more is asked, and what is verified will be shown."
    return ""


def step(event: Event) -> str:
    """What moved the count, in words; empty for what is not worth a line."""
    if isinstance(event, Started):
        return f"Asking about {counted(event.files, 'file')} in {counted(event.batches, 'batch', 'batches')}."
    if isinstance(event, BatchEnded) and not event.failure:
        read = f"Read {named(event.paths)}: {event.confirmed} confirmed, {event.refuted} dropped."
        return " ".join([read, *(_found(each) for each in event.found)])
    if isinstance(event, BatchSplit):
        return f"A batch was too large; it goes on as {event.into}."
    return ""


def named(paths: tuple[str, ...]) -> str:
    """The first of some paths, and how many more there are."""
    named = ", ".join(shown_path(path, 60) for path in paths[:_MOST_NAMED])
    return named + (f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else "")


def _found(found: Found) -> str:
    return f"{found.severity.capitalize()}: {one_line(found.title, 120)} ({place_of(found.path, found.line)})."
