"""The stages of a test as they happen: one line each, the running one alive at a terminal."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from mesrai.cli.byok.describing import put_beside
from mesrai.cli.byok.talk import Talk, show
from mesrai.flows.model_words import STAGES, took_text
from mesrai.llm.probing import Stage, StageResult, State, Watch
from mesrai.review.render.look import Look
from mesrai.review.render.sheet import Sheet
from mesrai.review.render.untrusted import one_line

_MARKS: Final[Mapping[State, tuple[str, str]]] = {
    State.RUNNING: ("…", "cyan"),
    State.PASSED: ("ok", "green"),
    State.LIMITED: ("note", "yellow"),
    State.FAILED: ("failed", "bold red"),
    State.SKIPPED: ("skipped", "dim"),
}
_FRAMES: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_FRAMES: Final = "|/-\\"
_TITLE_AT: Final = 9  # columns before the title
_TOLD_AT: Final = _TITLE_AT + 16 + 8


def stage_text(result: StageResult, look: Look) -> str:
    """A stage that came to its end, in one line and its facts below it; empty for one that was not asked for."""
    if result.state is State.SKIPPED and not result.told:
        return ""
    sheet = Sheet(look)
    mark, style = _MARKS[result.state]
    title = f"{STAGES[result.stage]:<16}"
    if result.state is State.SKIPPED:  # the stage that failed says why
        sheet.line((f"{mark:>{_TITLE_AT - 2}}  {title}", style))
        return sheet.text()
    before = [
        (f"{mark:>{_TITLE_AT - 2}}  ", style),
        (title, "bold" if result.state is State.FAILED else ""),
        (f"{took_text(result.took_s):>6}  ", "dim"),
    ]
    put_beside(sheet, before, one_line(result.told, 500), at=_TOLD_AT)
    for fact in result.facts:
        put_beside(sheet, [(" " * _TOLD_AT, "")], one_line(fact, 300), at=_TOLD_AT, style="dim")
    return sheet.text()


@contextmanager
def stages_shown(talk: Talk) -> Iterator[Watch]:
    """Show each stage while the block runs: a live line at a terminal, else a line when a stage ends.

    Nothing is shown to a program that nobody watches.
    """
    if talk.is_live:
        with _live(talk) as watch:
            yield watch
        return

    def plain(result: StageResult) -> None:
        if result.state is not State.RUNNING and not talk.is_json:
            show(talk, stage_text(result, talk.look))

    yield plain


@contextmanager
def _live(talk: Talk, clock: Callable[[], float] = time.monotonic) -> Iterator[Watch]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    running = _Running(talk.look, clock)
    console = Console(
        file=talk.out,
        force_terminal=True,
        color_system="standard" if talk.look.has_colour else None,
        no_color=not talk.look.has_colour,
        highlight=False,
        markup=False,
        emoji=False,
        force_jupyter=False,
    )
    with Live(
        console=console,
        get_renderable=lambda: Text(running.line(console.width - 1), "cyan"),
        refresh_per_second=8,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:

        def watch(result: StageResult) -> None:
            running.take(result)
            text = stage_text(result, talk.look) if result.state is not State.RUNNING else ""
            if text:
                console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=True)
            live.refresh()

        yield watch


class _Running:
    """The stage that runs, and since when."""

    def __init__(self, look: Look, clock: Callable[[], float]) -> None:
        self._frames = _FRAMES if look.is_unicode else _PLAIN_FRAMES
        self._clock = clock
        self._stage: Stage | None = None
        self._began = 0.0

    def take(self, result: StageResult) -> None:
        """Follow a stage that begins or ends."""
        is_running = result.state is State.RUNNING
        self._stage, self._began = (result.stage, self._clock()) if is_running else (None, 0.0)

    def line(self, most: int) -> str:
        """The line to draw; empty between two stages."""
        if self._stage is None:
            return ""
        elapsed = self._clock() - self._began
        frame = self._frames[int(elapsed * 8) % len(self._frames)]
        return f"{frame:>{_TITLE_AT - 2}}  {STAGES[self._stage]:<16}{took_text(elapsed):>6}"[:most]
