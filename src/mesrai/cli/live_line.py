"""A live line at a terminal; it alone draws while a review runs."""

from collections.abc import Mapping
from typing import Final, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from mesrai.cli.look import look_for
from mesrai.cli.standing import Clock, Standing, sentence
from mesrai.review.progress import Event, Started

_FRAMES: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_FRAMES: Final = "|/-\\"
_BAR: Final = 12  # columns


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
            self._console.print(Text(said, "dim" if isinstance(event, Started) else "yellow"), soft_wrap=True)

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
