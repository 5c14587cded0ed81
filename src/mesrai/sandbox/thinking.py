"""Whether the stand-in's model thinks on a request, and how hard, by the rules of the model it plays."""

from collections.abc import Mapping
from typing import Any, Final

from mesrai.sandbox.listing import Row
from mesrai.sandbox.saying import Body

_SWITCHED: Final = ("switch", "switch_keep")
# Other words for the three levels, as the Kimi Code Plan's error reference maps them.
_LEVELS: Final = {
    "low": "low", "minimum": "low", "minimal": "low", "light": "low",
    "medium": "high", "high": "high",
    "max": "max", "xhigh": "max", "ultra": "max",
    "none": "none",
}  # fmt: skip


def is_thinking(chat: Body, row: Row | None = None) -> bool:
    """Whether this model thinks on this request. A model that nobody knows thinks if it is asked to."""
    kind = thinking_type(chat)
    if row is None:
        return kind in ("enabled", "adaptive")
    if row.thinking in (*_SWITCHED, "tokens"):
        return kind != "disabled"
    if row.thinking in ("adaptive", "budget"):
        return kind in ("enabled", "adaptive", "between_tools")
    if row.thinking == "reasoning":
        return _of(chat, "reasoning").get("enabled") is not False and effort_of(chat) != "none"
    if row.thinking == "plan":
        return effort_of(chat) != "none"
    return row.thinking not in ("none", "hidden")


def is_told_not_to_think(chat: Body, row: Row | None) -> bool:
    """Whether an answer must come without any reasoning."""
    if row is None:
        return thinking_type(chat) == "disabled"
    is_hidden = bool(_of(chat, "reasoning").get("exclude"))
    return is_hidden or not is_thinking(chat, row)


def thinking_type(chat: Body) -> object:
    """The type of the field `thinking`; None where it is not sent."""
    return _of(chat, "thinking").get("type")


def effort_of(chat: Body) -> str:
    """low, high, max or none; what is asked for in other words is mapped, and unknown words are kept. Empty: unset."""
    named = (
        chat.get("reasoning_effort"),
        _of(chat, "output_config").get("effort"),
        _of(chat, "thinking").get("effort"),
        _of(chat, "reasoning").get("effort"),
    )
    word = next((str(each) for each in named if each is not None), "")
    return _LEVELS.get(word, word)


def is_known_effort(word: str) -> bool:
    """Whether a level is one of those there are."""
    return not word or word in _LEVELS.values()


def _of(chat: Body, field: str) -> Mapping[str, Any]:
    value = chat.get(field)
    return value if isinstance(value, Mapping) else {}
