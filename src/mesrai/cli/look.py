"""How a stream wants its text: width, colour and characters."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from mesrai.review.render.look import DRAWN, Look

_NOT_A_TERMINAL = 100  # columns
_PLAIN = str.maketrans({"•": "*", "…": "...", "“": '"', "”": '"', "’": "'", "×": "x", "·": "-"})


def look_for(stream: TextIO, environ: Mapping[str, str], *, is_verbose: bool = False, has_notices: bool = True) -> Look:
    """The look for `stream`: no colour where NO_COLOR is set or nobody watches, unless FORCE_COLOR asks for it."""
    is_watched = stream.isatty() and environ.get("TERM") != "dumb"
    has_colour = not environ.get("NO_COLOR") and (is_watched or bool(environ.get("FORCE_COLOR")))
    return Look(
        width=_columns(stream, environ),
        has_colour=has_colour,
        is_unicode=_can_write(stream, DRAWN),
        is_verbose=is_verbose,
        has_notices=has_notices,
    )


def plain_letters(text: str) -> str:
    """The same with what terminals without Unicode lack in our own sentences."""
    return text.translate(_PLAIN)


def write_text(stream: TextIO, text: str) -> None:
    """Write and flush; a character that the stream's encoding lacks becomes its escape."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _columns(stream: TextIO, environ: Mapping[str, str]) -> int:
    asked = environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    with suppress(OSError, ValueError):  # no terminal, or no file at all
        return os.get_terminal_size(stream.fileno()).columns or _NOT_A_TERMINAL
    return _NOT_A_TERMINAL


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
