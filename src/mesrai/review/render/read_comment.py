"""Read a comment of ours about a finding back: its title, its text, and what it suggests."""

import html
import re
from dataclasses import dataclass
from typing import Final

from mesrai.review.render.marks import without_mark

_HEADING: Final = re.compile(r"\A\*\*[A-Z][a-z]{1,19}: (.{1,1000}?)\*\*(?:\n|\Z)")
_SUGGESTION: Final = re.compile(r"^(`{3,})suggestion\n(?:(.*?)\n)?\1$\n*", re.DOTALL | re.MULTILINE)
_FENCED: Final = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.DOTALL | re.MULTILINE)
_ESCAPED: Final = re.compile(r"\\([\\`*\[\]~_#+\-=:/.])")
_ORIGIN: Final = re.compile(r"<sub>(.{0,500})</sub>\s*\Z")
_TAG: Final = re.compile(r"</?(?:details|summary|sub)>")
_ZERO_WIDTH: Final = "\u200b"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """What a comment says. All of it was written by a model, and may have been edited since."""

    title: str
    text: str  # as markdown, without what kept it from acting on the forge
    replacement: str | None  # of the commented lines, empty to delete them; None: none that fits them


def read_inline_comment(body: str) -> ReadBack:
    """What a comment with a finding's mark says; the title is empty if its first line is not as we write it."""
    text = without_mark(body).replace("\r\n", "\n").strip()
    heading = _HEADING.match(text)
    text = text[heading.end() :] if heading else text
    suggested = _SUGGESTION.search(text)
    text = _SUGGESTION.sub("", text)
    return ReadBack(
        title=_as_written(heading[1]).strip() if heading else "",
        text=_outside_code(_ORIGIN.sub("", text)).strip(),
        replacement=(suggested[2] or "") if suggested else None,
    )


def _outside_code(text: str) -> str:
    """The text as it was written, where it is not a block of code; there only a zero-width space was put in."""
    written, at = "", 0
    for found in _FENCED.finditer(text):
        written += _as_written(text[at : found.start()]) + found[0].replace(_ZERO_WIDTH, "")
        at = found.end()
    return written + _as_written(text[at:])


def _as_written(text: str) -> str:
    return html.unescape(_ESCAPED.sub(r"\1", _TAG.sub("", text))).replace(_ZERO_WIDTH, "")
