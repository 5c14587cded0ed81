"""Text from models, repositories and providers, made harmless to look at: nothing in it can hide or move a cursor."""

import re
from typing import Final

from mesrai.domain.unseen import UNSEEN

_PICTURES: Final = 0x2400  # where Unicode keeps pictures of the control characters


def visible(text: str, *, keep: str = "\n\t") -> str:
    """The text with every unseen character shown as a picture or a code point, except those in `keep`.

    A carriage return before a line feed is left out.
    """
    return UNSEEN.sub(lambda found: found[0] if found[0] in keep else _shown(found[0]), text.replace("\r\n", "\n"))


def one_line(text: str, most: int = 200) -> str:
    """The text as one visible line of at most `most` characters."""
    return cut(visible(" ".join(text[: most * 4].split())), most)


def shown_path(path: str, most: int = 300) -> str:
    """A path on one line; of a long one, the end, which tells more than the beginning."""
    shown = visible(path, keep="")
    return shown if len(shown) <= most else "…" + shown[1 - most :]


def cut(text: str, most: int) -> str:
    """The text, or its first `most` - 1 characters and an ellipsis."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def fence_for(text: str, shortest: int = 3) -> str:
    """A run of backticks that no run inside `text` can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(shortest, longest + 1)


def _shown(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(_PICTURES + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
