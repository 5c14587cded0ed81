"""What a running review shows on stderr: a live line at a terminal, sparse lines for --verbose elsewhere."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from mesrai.cli.look import look_for, write_text
from mesrai.domain.usage import Usage
from mesrai.review.progress import (
    BatchEnded,
    BatchSplit,
    Event,
    Notice,
    Spending,
    Started,
    Stopping,
    Watch,
    unwatched,
)
from mesrai.review.render.untrusted import one_line, shown_path
from mesrai.review.render.wording import cost_text, counted, seconds_text

Clock = Callable[[], float]

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_FRAMES = "|/-\\"
_BAR = 12  # columns
_MOST_NAMED = 3


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


@contextmanager
def progress_for(
    *,
    is_quiet: bool = False,
    is_verbose: bool = False,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock = time.monotonic,
) -> Iterator[Watch]:
    """Watch a review for as long as the block runs, on stderr if no other stream is given.

    The live line is gone afterwards; what had to be said stays above it.
    """
    stream = sys.stderr if stream is None else stream
    environ = os.environ if environ is None else environ
    if is_quiet:
        yield unwatched
    elif stream.isatty() and environ.get("TERM") != "dumb":
        with LiveLine(stream, environ, clock) as live:
            yield live.watch
    elif is_verbose:
        yield _plain_lines(stream, clock)
    else:
        yield unwatched


class LiveLine:
    """One line that is drawn again and again, with what must stay written above it."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str], clock: Clock) -> None:
        look = look_for(stream, environ)
        self._standing = Standing()
        self._clock = clock
        self._began = clock()
        self._frames = _FRAMES if look.is_unicode else _PLAIN_FRAMES
        self._blocks = "━┄" if look.is_unicode else "#-"
        self._console = Console(
            file=stream,
            force_terminal=True,
            color_system="standard" if look.has_colour else None,
            no_color=not look.has_colour,
            highlight=False,
            markup=False,
            emoji=False,
            force_jupyter=False,
        )
        self._live = Live(
            console=self._console,
            get_renderable=self._line,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> "LiveLine":
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._live.stop()

    def watch(self, event: Event) -> None:
        """Show an event."""
        self._standing.take(event)
        said = sentence(event)
        if said:
            self._console.print(Text(said, "yellow"), soft_wrap=True)

    def _line(self) -> Text:
        elapsed = self._clock() - self._began
        standing = self._standing
        text = Text(self._frames[int(elapsed * 8) % len(self._frames)] + " ", "cyan")
        if standing.batches:
            done = _BAR * standing.ended // standing.batches
            text.append(self._blocks[0] * done, "green").append(self._blocks[1] * (_BAR - done) + " ", "dim")
        text.append(standing.words(elapsed), "default")
        text.truncate(self._console.width - 1, overflow="ellipsis")
        return text


def sentence(event: Event) -> str:
    """What must stay to be read: failures, notices, stopping; empty for what only moves the count."""
    if isinstance(event, BatchEnded) and event.failure:
        return f"Not read: {_named(event.paths)}: {one_line(event.failure, 300)}"
    if isinstance(event, Notice):
        return one_line(event.text, 300)
    if isinstance(event, Stopping):
        return "Stopping: nothing more is asked, and what is verified will be shown."
    return ""


def _plain_lines(stream: TextIO, clock: Clock) -> Watch:
    standing = Standing()
    began = clock()

    def watch(event: Event) -> None:
        standing.take(event)
        said = sentence(event) or _step(event)
        if said:
            write_text(stream, f"mesrai: [{seconds_text(clock() - began)}] {said}\n")

    return watch


def _step(event: Event) -> str:
    if isinstance(event, Started):
        return f"Asking about {counted(event.files, 'file')} in {counted(event.batches, 'batch', 'batches')}."
    if isinstance(event, BatchEnded):
        return f"Read {_named(event.paths)}: {event.confirmed} confirmed, {event.refuted} dropped."
    if isinstance(event, BatchSplit):
        return f"A batch was too large; it goes on as {event.into}."
    return ""


def _named(paths: tuple[str, ...]) -> str:
    named = ", ".join(shown_path(path, 60) for path in paths[:_MOST_NAMED])
    return named + (f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else "")
