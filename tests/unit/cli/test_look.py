import io

import pytest

from mesrai.cli.look import look_for, write_text
from mesrai.review.render.look import Look


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding: str = "utf-8", *, is_terminal: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "environ", "has_colour"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(is_terminal: bool, environ: dict[str, str], has_colour: bool) -> None:
    assert look_for(Terminal(is_terminal=is_terminal), environ).has_colour is has_colour


def test_width_is_what_columns_says_and_else_a_hundred() -> None:
    assert look_for(Terminal(), {"COLUMNS": "72"}) == Look(width=72, has_colour=True)
    assert look_for(Terminal(), {"COLUMNS": "wide"}).width == 100


def test_stream_of_an_old_encoding_gets_plain_drawing_and_escapes() -> None:
    stream = Terminal("ascii")
    assert not look_for(stream, {}).is_unicode
    write_text(stream, "naïve 漢\n")
    assert stream.buffer.getvalue() == b"na\\xefve \\u6f22\n"  # type: ignore[attr-defined]
