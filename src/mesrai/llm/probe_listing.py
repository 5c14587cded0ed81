"""A provider's list of models: which ids it names, and what it says of one."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesrai.domain.connection import Learned

_MOST_MODELS: Final = 5_000
_MOST_WINDOW: Final = 100_000_000
_ID: Final = re.compile(r"[\w./:@~+ -]{1,200}", re.ASCII)
_EFFORT: Final = re.compile(r"[a-z][a-z0-9_-]{0,19}")
_DATED: Final = re.compile(r"-(?:\d{4,8}|\d{4}-\d{2}-\d{2}|latest)")
_ID_KEYS: Final = ("id", "name", "model")
_WINDOW_KEYS: Final = (
    "context_length", "context_window", "max_model_len", "inputTokenLimit", "max_input_tokens", "context_size",
)  # fmt: skip
_CLOSE: Final = 5  # ids to name


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The models a provider lists, by id as it spells them."""

    entries: Mapping[str, Mapping[str, Any]]
    is_partial: bool = False  # there are further pages

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, in its order."""
        return tuple(self.entries)

    def find(self, model: str) -> str | None:
        """The listed id that means this model; None if none does."""
        wanted = bare_id(model)
        exact = next((each for each in self.entries if each == model or bare_id(each) == wanted), None)
        if exact is not None:
            return exact
        # Ollama adds a tag; OpenRouter's variants are asked for behind the id; dated ids stand for short ones.
        tags = (f"{wanted}:latest", wanted.rpartition(":")[0] if "/" in wanted else "")
        tagged = next((each for each in self.entries if each in tags), None)
        return tagged or next((each for each in self.entries if _is_dated(bare_id(each), wanted)), None)

    def close_to(self, model: str) -> tuple[str, ...]:
        """Listed ids that look like this one, the closest first."""
        return close_ids(model, self.ids)

    def learned(self, listed_id: str, today: str) -> Learned | None:
        """What the list says of a model it names; None if nothing that matters."""
        entry = self.entries[listed_id]
        window = next((found for key in _WINDOW_KEYS if (found := _count(entry.get(key))) is not None), None)
        learned = Learned(window=window, reasoning=_reasoning(entry), efforts=_efforts(entry), as_of=today)
        return learned if window or learned.reasoning or learned.efforts else None


def listing_in(value: Any) -> Listing | None:
    """The list in an answer, however it is wrapped; None if there is none. Never raises."""
    entries = value
    if isinstance(value, Mapping):
        entries = next((value[key] for key in ("data", "models") if isinstance(value.get(key), list)), None)
    if not isinstance(entries, list):
        return None
    has_more = isinstance(value, Mapping) and bool(value.get("has_more") or value.get("nextPageToken"))
    return Listing(entries=dict(_entries(entries[:_MOST_MODELS])), is_partial=has_more or len(entries) > _MOST_MODELS)


def close_ids(model: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The ids that look like this one, the closest first."""
    plain: dict[str, str] = {}
    for each in ids:
        plain.setdefault(_plain(each), each)
        plain.setdefault(_plain(each.rpartition("/")[2]), each)  # without the name of who made it
    wanted = _plain(model)
    near = difflib.get_close_matches(wanted, list(plain), n=2 * _CLOSE, cutoff=0.6)
    near += difflib.get_close_matches(_plain(model.rpartition("/")[2]), list(plain), n=_CLOSE, cutoff=0.6)
    return tuple(dict.fromkeys(plain[each] for each in near))[:_CLOSE]


def _entries(values: list[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for value in values:
        entry = value if isinstance(value, Mapping) else {"id": value}
        found = next((entry[key] for key in _ID_KEYS if isinstance(entry.get(key), str)), "")
        if _ID.fullmatch(found):
            yield found, entry


def _reasoning(entry: Mapping[str, Any]) -> str:
    kind = entry.get("supports_thinking_type")
    if isinstance(kind, str) and kind in ("only", "no", "both"):
        return kind
    return "no" if entry.get("supports_reasoning") is False else ""


def _efforts(entry: Mapping[str, Any]) -> tuple[str, ...]:
    given = entry.get("think_efforts")
    if isinstance(given, Mapping):
        given = given.get("valid_efforts") if given.get("support") is not False else None
    if not isinstance(given, list):
        return ()
    return tuple(each for each in given[:10] if isinstance(each, str) and _EFFORT.fullmatch(each))


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST_WINDOW:
        return None
    return int(value) or None


def bare_id(model: str) -> str:
    """An id without what Google puts before it."""
    return model.removeprefix("models/")


def _is_dated(listed: str, wanted: str) -> bool:
    return listed.startswith(wanted) and _DATED.fullmatch(listed[len(wanted) :]) is not None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
