"""Cut a finished markdown text to the length a forge takes, so that what is left still reads as it should."""

import re
from typing import Final

from mesrai.review.render.markdown_parts import NOTE

MAX_COMMENT: Final = 65_000  # GitHub refuses more than 65,536 characters
_CUT: Final = "*The rest is left out here: the text would be too long.*"
_FENCE: Final = re.compile(r" {0,12}(`{3,})(.*)")
_LEFT_OPEN: Final = re.compile(r"<(/?)(details|sub)>")


def cut_markdown(text: str, most: int = MAX_COMMENT) -> str:
    """The text, or its first lines with what they open closed again, and a note. Never longer than `most`."""
    if len(text) <= most:
        return text
    kept: list[str] = []
    room = most - NOTE - 2
    fence, opened = "", list[str]()
    for line in text.split("\n"):
        fence_after = _fence_after(fence, line)
        opened_after = opened if fence or fence_after else _opened_after(opened, line)
        closing = len(fence_after) + sum(len(name) + 5 for name in opened_after)
        room -= len(line) + 1
        if room < closing:
            break
        kept.append(line)
        fence, opened = fence_after, opened_after
    ends = [fence] if fence else []
    ends += [f"\n</{name}>" for name in reversed(opened)]
    return "\n".join([*kept, *ends, "", _CUT])


def _fence_after(fence: str, line: str) -> str:
    """The fence that is open after a line; empty if none is."""
    found = _FENCE.fullmatch(line)
    if not found:
        return fence
    if not fence:
        return found[1] if "`" not in found[2] else ""
    return "" if len(found[1]) >= len(fence) and not found[2].strip() else fence


def _opened_after(opened: list[str], line: str) -> list[str]:
    after = list(opened)
    for closes, name in _LEFT_OPEN.findall(line):
        if not closes:
            after.append(name)
        elif name in after:
            after.remove(name)
    return after
