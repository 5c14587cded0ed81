"""A person's own JSON for a connection: read strictly, sorted by namespace, and turned into fields of the request."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from mesrai.errors import SettingsError
from mesrai.llm.custom_names import (
    NAMESPACES,
    OBJECTS,
    SDK_ONLY,
    Path,
    namespace_named,
    reason_against,
    spelled,
    wire_fields,
)
from mesrai.llm.json_places import KeyPlace, keys_of, line_and_column, place_of_token
from mesrai.llm.words import safe_words

Custom = dict[str, Any]

_MOST_LETTERS: Final = 32_000  # of the fields for one provider, written as short as can be
_MOST_TEXT: Final = 200_000
_MOST_DEPTH: Final = 16
_KEY: Final = re.compile(
    r"(?:^|[\s:])(?:(?:sk|gsk|fw|cpk|xai|hf|csk|nvapi|pplx|tgp)[-_]|AIza|AQ\.)[\w.-]{12,}", re.IGNORECASE
)


def parse_custom(text: str, *, namespace: str) -> Custom:
    """The JSON, by namespace: what names none of them belongs to `namespace`, that of the active provider.

    Parsing what was parsed changes nothing. Errors: SettingsError with the line and column, for anything but one
    object of plain JSON, for fields that the review itself sets, and for unknown names beside a namespace.
    """
    text = text.removeprefix("\ufeff")
    whole = _decoded(text)
    marked = _Marked(text, list(keys_of(text)))
    again = next((key for key in marked.keys if key.is_again), None)
    if again:
        marked.refuse(again.path, "stands twice in one object; keep one of them.", at=again.at)
    names = {key: name for key in whole if (name := namespace_named(key))}
    if not names:
        _check(namespace, whole, marked, ())
        return {namespace: whole}
    custom = _sorted(whole, names, marked)
    for key, name in names.items():
        _check(name, custom[name], marked, (key,))
    return custom


def body_fields(custom: Mapping[str, Any] | None, namespace: str) -> Custom | None:
    """What goes on the wire of a provider with that namespace; None if nothing was said for it.

    These stand in place of the preset for thinking, not beside it.
    """
    if custom is None or namespace not in custom:
        return None
    fields = wire_fields(custom[namespace], namespace)
    return {key: value for key, value in fields.items() if key not in SDK_ONLY}


def custom_notices(custom: Mapping[str, Any] | None, namespace: str) -> tuple[str, ...]:
    """Sentences about what is kept and not sent to a provider with that namespace."""
    if custom is None:
        return ()
    notices = []
    others = [name for name in custom if name != namespace]
    if others:
        notices.append(f"Custom JSON for {' and '.join(others)} is kept but not sent: this provider's is {namespace}.")
    own = wire_fields(custom.get(namespace, {}), namespace)
    dropped = [key for key in own if key in SDK_ONLY]
    if dropped:
        listed = " and ".join(dropped)
        notices.append(
            f"{listed} in the custom JSON steers other clients and is no field of a request: it is not sent."
        )
    if namespace in custom and not own:
        notices.append("The custom JSON is empty, so nothing is said about reasoning and the provider decides.")
    return tuple(notices)


@dataclass(frozen=True, slots=True)
class _Marked:
    """A JSON text with the places of its keys."""

    text: str
    keys: Sequence[KeyPlace]

    def refuse(self, path: Path, told: str, *, at: int | None = None) -> NoReturn:
        """Errors: SettingsError, always."""
        if at is None:
            at = next((key.at for key in self.keys if key.path == path), 0)
        shown = path[-1] if re.fullmatch(r"[A-Za-z_-]{1,40}", path[-1]) else "this name"
        _refuse(self.text, at, f"{shown} {told}")


def _refuse(text: str, at: int, told: str) -> NoReturn:
    line, column = line_and_column(text, at)
    raise SettingsError(f"Custom JSON, line {line}, column {column}: {told}")


class _NotPlain(Exception):
    """A number that JSON does not know."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def _decoded(text: str) -> dict[str, Any]:
    """Errors: SettingsError."""
    if len(text) > _MOST_TEXT:
        raise SettingsError(f"Custom JSON may have at most {_MOST_LETTERS:,} letters.")
    try:
        whole = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        json.dumps(whole, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        _refuse(text, error.pos, f"{error.msg[0].lower()}{error.msg[1:]}.{_hint(text, error.pos)}")
    except _NotPlain as error:
        _refuse(text, place_of_token(text, error.word), f"{safe_words(error.word, 20)} is no number of JSON.")
    except UnicodeEncodeError:
        _refuse(text, max(0, text.find("\\u")), "a \\u escape stands for no letter.")
    except (RecursionError, ValueError) as error:
        raise SettingsError("Custom JSON is nested too deep, or holds a number that is too long.") from error
    if _depth(whole) > _MOST_DEPTH + 1:  # before the places of its keys are kept, which grow with the depth
        raise SettingsError(f"Custom JSON is nested more than {_MOST_DEPTH} levels deep.")
    if not isinstance(whole, dict):
        _refuse(text, len(text) - len(text.lstrip()), "one object in { } belongs here.")
    return whole


def _no_constant(word: str) -> NoReturn:
    raise _NotPlain(word)


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise _NotPlain(word)
    return number


def _depth(value: Any) -> int:
    """How many levels a value has. It is gone through level by level: a recursion would end at what it measures."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return depth


def _hint(text: str, at: int) -> str:
    """What people mean by what JSON does not allow; begins with a space, or is empty."""
    found = text[at : at + 1]
    if found and found in "“”„‘’":
        return " These are typographic quotes; JSON wants straight ones."
    if found == "'":
        return " JSON wants double quotes."
    if found.isalpha():
        return ' Names are written in quotes: {"thinking": {"type": "disabled"}}'
    if found in ("}", "]") and text[:at].rstrip().endswith(","):
        return " There is a comma too many before it."
    return ""


def _sorted(whole: Custom, names: Mapping[str, str], marked: _Marked) -> Custom:
    """An object whose keys are namespaces. Errors: SettingsError."""
    custom: Custom = {}
    for key, value in whole.items():
        name = names.get(key)
        if name is None:
            marked.refuse((key,), f"stands beside a namespace, where only {', '.join(NAMESPACES)} may stand.")
        if name in custom:
            marked.refuse((key,), f"means {name}, which is said twice.")
        if not isinstance(value, dict):
            marked.refuse((key,), "must be an object in { }.")
        custom[name] = value
    return custom


def _check(namespace: str, fields: Custom, marked: _Marked, outer: Path) -> None:
    """Errors: SettingsError for fields that are not the person's to set, and for one field in two spellings."""
    if _depth(fields) > _MOST_DEPTH:
        raise SettingsError(f"Custom JSON is nested more than {_MOST_DEPTH} levels deep.")
    if len(json.dumps(fields, ensure_ascii=False, separators=(",", ":"))) > _MOST_LETTERS:
        raise SettingsError(f"Custom JSON may have at most {_MOST_LETTERS:,} letters.")
    seen: set[Path] = set()
    for written, wire in spelled(fields, namespace):
        path = (*outer, *written)
        reason = reason_against(wire)
        if reason:
            marked.refuse(path, f"cannot be set here. {reason}")
        if wire in seen:
            marked.refuse(path, "is said twice, in two spellings.")
        seen.add(wire)
        if wire in OBJECTS and not isinstance(fields[written[0]], dict):
            marked.refuse(path, "must be an object in { }.")
    if any(_KEY.search(text) for text in _texts(fields)):
        raise SettingsError("Custom JSON holds what looks like a key. It is shown, so a key does not belong in it.")


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
