"""A connection without its key as JSON text, and back; what this program does not know is told, never dropped."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, Final, NoReturn

from mesrai.domain.connection import Connection, Learned, Routing, Slot, Thinking
from mesrai.errors import StoreError

_APART: Final = ("slot", "key", "origin")  # in columns of their own, sealed, or made when it is read
_Reader = Callable[[Any], Any]


def text_of(connection: Connection) -> str:
    """Every field but slot, key and origin."""
    names = (field.name for field in fields(connection) if field.name not in _APART)
    return json.dumps({name: getattr(connection, name) for name in names}, default=_plain)


def connection_of(text: str, slot: Slot, *, origin: str) -> Connection:
    """The connection, without a key; what is not in the text has its default.

    Errors: StoreError if the text has fields of a newer program, or is damaged.
    """
    try:
        values = _object(json.loads(text))
        read = {name: _READERS[name](value) for name, value in _known(values, _READERS).items()}
        return Connection(slot=slot, key=None, origin=origin, **read)
    except KeyError as error:
        raise StoreError(
            f"The saved {slot} connection was written by a newer Mesrai, which also sets {error.args[0]}. "
            "Upgrade Mesrai."
        ) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(f"The saved {slot} connection is damaged. Connect the model again.") from error


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else asdict(value)


def _known(values: Mapping[str, Any], readers: Mapping[str, _Reader]) -> Mapping[str, Any]:
    for name in values:
        if name not in readers:
            raise KeyError(name)
    return values


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _refuse()


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else _refuse()


def _number(value: Any) -> float:
    return value if isinstance(value, float) else float(_count(value))


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else _refuse()


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(each) for each in value) if isinstance(value, list) else _refuse()


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _refuse()


def _thinking(value: Any) -> Thinking:
    return Thinking(_text(value))


def _refuse() -> NoReturn:
    raise ValueError


def _maybe(reader: _Reader) -> _Reader:
    return lambda value: None if value is None else reader(value)


def _nested(made: Callable[..., Any], readers: Mapping[str, _Reader]) -> _Reader:
    def read(value: Any) -> Any:
        values = _known(_object(value), readers)
        return made(**{name: readers[name](each) for name, each in values.items()})

    return read


_ROUTING: Final = _nested(Routing, {"order": _texts, "allow_fallbacks": _flag})
_LEARNED: Final = _nested(Learned, {"window": _maybe(_count), "reasoning": _text, "efforts": _texts, "as_of": _text})
_READERS: Final[Mapping[str, _Reader]] = {
    "provider": _text,
    "base_url": _text,
    "model": _text,
    "thinking": _thinking,
    "custom": _maybe(_object),
    "routing": _maybe(_ROUTING),
    "temperature": _maybe(_number),
    "tier": _maybe(_count),
    "max_concurrent_requests": _maybe(_count),
    "requests_per_minute": _maybe(_count),
    "tokens_per_minute": _maybe(_count),
    "tokens_per_day": _maybe(_count),
    "max_output_tokens": _maybe(_count),
    "learned": _maybe(_LEARNED),
    "proven_at": _text,
    "notices": _texts,
}
