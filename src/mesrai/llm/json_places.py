"""Where things stand in a JSON text, so that what is wrong with it can be shown by line and column."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """A key of an object, where it stands."""

    path: tuple[str, ...]  # the keys and indexes that lead to it, its own last
    at: int  # letters before it
    is_again: bool  # the same object has had it before


@dataclass(slots=True)
class _Open:
    """An object or array that has not ended."""

    is_object: bool
    under: tuple[str, ...]
    seen: set[str]
    index: int = 0
    key: str = ""
    wants_key: bool = True

    def path(self) -> tuple[str, ...]:
        """Of the value that comes next."""
        return (*self.under, self.key if self.is_object else str(self.index))


def keys_of(text: str) -> Iterator[KeyPlace]:
    """Every key of a valid JSON text, in order."""
    stack: list[_Open] = []
    for token in _TOKEN.finditer(text):
        word = token.group()
        top = stack[-1] if stack else None
        if word in ("{", "["):
            stack.append(_Open(is_object=word == "{", under=top.path() if top else (), seen=set()))
        elif word in ("}", "]"):
            stack.pop()
        elif top is None or word == ":":
            continue
        elif word == ",":
            top.index += 1
            top.wants_key = True
        elif top.is_object and top.wants_key:
            top.key, top.wants_key = json.loads(word), False
            yield KeyPlace(path=top.path(), at=token.start(), is_again=top.key in top.seen)
            top.seen.add(top.key)


def place_of_token(text: str, word: str) -> int:
    """How many letters stand before the first bare token `word`; 0 if there is none."""
    return next((token.start() for token in _TOKEN.finditer(text) if token.group() == word), 0)


def line_and_column(text: str, at: int) -> tuple[int, int]:
    """The line and column, both from 1, of a letter."""
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
