"""Single values of settings, from the text of a variable or the value in a file."""

import difflib
import math
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from mesrai.domain.connection import Thinking
from mesrai.errors import SettingsError

_COUNTS: Final = (
    "max_concurrent_requests", "max_output_tokens", "requests_per_minute", "tokens_per_minute", "tokens_per_day",
)  # fmt: skip
_FLAGS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def tuning_values(key: str, value: object, place: str) -> dict[str, Any]:
    """The fields of a draft that a tuning setting gives; none where it is no tuning setting. Errors: SettingsError."""
    if key in _COUNTS:
        return {key: whole_number(value, place, least=1)}
    match key:
        case "tier":
            return {key: whole_number(value, place, least=0)}
        case "temperature":
            return {key: _number(value, place)}
        case "routing":
            return {key: _hosts(value, place)}
        case "routing_fallbacks":
            return {key: _flag(value, place)}
        case "thinking":
            said = text_in(value, place)
            return {key: _thinking(said, place)} if said else {}
        case "custom_json":
            return {key: text_in(value, place)}
    return {}


def text_in(value: object, place: str) -> str:
    """Errors: SettingsError."""
    if not isinstance(value, str):
        raise SettingsError(f"{place}: a text in quotes belongs here.")
    return value.strip()


def whole_number(value: object, place: str, *, least: int) -> int:
    """Errors: SettingsError."""
    text = str(value)
    if isinstance(value, bool | float) or not re.fullmatch(r"[0-9]{1,12}", text) or int(text) < least:
        raise SettingsError(f"{place}: a whole number from {least} on belongs here.")
    return int(text)


def unknown_key(key: str, known: Collection[str]) -> str:
    """A sentence about an unknown key. What is no plain word is not repeated: it may be a key in the wrong place."""
    near = difflib.get_close_matches(key, sorted(known), n=1)
    shown = key if re.fullmatch(r"[a-z_]{1,30}", key) else "this key"
    return f"{shown} is not known here. " + (
        f"Did you mean {near[0]}?" if near else f"There is {', '.join(sorted(known))}."
    )


def _number(value: object, place: str) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise SettingsError(f"{place}: a number belongs here.")
    return number


def _hosts(value: object, place: str) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ",".join(value)
    return tuple(each.strip() for each in text_in(value, place).split(",") if each.strip())


def _flag(value: object, place: str) -> bool:
    flag = _FLAGS.get(str(value).lower()) if isinstance(value, str | bool) else None
    if flag is None:
        raise SettingsError(f"{place}: true or false belongs here.")
    return flag


def _thinking(text: str, place: str) -> Thinking:
    if text.lower() not in list(Thinking):
        raise SettingsError(f"{place}: thinking must be one of {', '.join(Thinking)}.")
    return Thinking(text.lower())
