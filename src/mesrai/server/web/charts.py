"""Bar charts as drawings made on the server; a table beside each says the same in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 760
HEIGHT: Final = 180
_LEFT: Final = 58
_BOTTOM: Final = 24
_TOP: Final = 12
_LABELS: Final = 8  # below the bars, at most
_STEPS: Final = 3  # lines across


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: its place, its value in words, and its label where there is room for one."""

    x: float
    y: float
    width: float
    height: float
    label: str
    told: str
    is_labelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart, ready to be drawn."""

    title: str
    bars: Sequence[Bar]
    lines: Sequence[tuple[float, str]]  # height and value of each line across
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT


def bar_chart(title: str, values: Sequence[tuple[str, float, str]]) -> Chart:
    """A bar for each (label, value of 0 or more, value in words), in their order."""
    room_x, room_y = WIDTH - _LEFT, HEIGHT - _BOTTOM - _TOP
    top = _rounded_up(max((value for _, value, _ in values), default=0.0))
    step = room_x / max(len(values), 1)
    every = max(1, -(-len(values) // _LABELS))
    bars = [
        Bar(
            x=round(_LEFT + at * step + step * 0.12, 1),
            y=round(_TOP + room_y * (1 - value / top), 1),
            width=round(max(step * 0.76, 1), 1),
            height=round(room_y * value / top, 1),
            label=label,
            told=told,
            is_labelled=at % every == 0,
        )
        for at, (label, value, told) in enumerate(values)
    ]
    lines = [(round(_TOP + room_y * (1 - part / _STEPS), 1), _short(top * part / _STEPS)) for part in range(_STEPS + 1)]
    return Chart(title=title, bars=bars, lines=lines)


def _rounded_up(value: float) -> float:
    """The next of 1.5, 3, 6, 9 times a power of ten, so that a third of it is a short number too."""
    if value <= 0:
        return 3.0
    power = 1.0
    while power > value:
        power /= 10
    while power * 10 <= value:
        power *= 10
    return next(step * power for step in (1.5, 3, 6, 9, 15) if step * power >= value)


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:.3g}"
