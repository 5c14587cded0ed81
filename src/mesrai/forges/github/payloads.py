"""Fields read out of what GitHub sends, one at a time: what is not needed is never looked at."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from mesrai.errors import ForgeUnavailable

_MOST_ID: Final = 2**63 - 1  # what a database column holds
_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NAME: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}")
_LOGIN: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}(?:\[bot\])?")


class Misshapen(Exception):
    """A field that is needed is missing, or is not what it should be. Says which, never what it held."""


@contextmanager
def as_documented() -> Iterator[None]:
    """Read an answer of the API in here. Errors: ForgeUnavailable where it is not as documented."""
    try:
        yield
    except Misshapen as error:
        raise ForgeUnavailable(f"GitHub's answer is not as documented: {error}.") from error


def a_mapping(payload: Any) -> Mapping[str, Any]:
    """The payload, which must be an object. Errors: Misshapen."""
    if not isinstance(payload, Mapping):
        raise Misshapen("it is no object")
    return payload


def an_object(payload: Any, key: str) -> Mapping[str, Any]:
    """The object under `key`. Errors: Misshapen."""
    found = optional_object(payload, key)
    if found is None:
        raise Misshapen(f"`{key}` is missing")
    return found


def optional_object(payload: Any, key: str) -> Mapping[str, Any] | None:
    """The object under `key`, or None if there is none."""
    value = payload.get(key) if isinstance(payload, Mapping) else None
    return value if isinstance(value, Mapping) else None


def a_list(payload: Any, key: str) -> Sequence[Any]:
    """The list under `key`; empty if there is none, since GitHub leaves some out."""
    value = payload.get(key) if isinstance(payload, Mapping) else None
    return value if isinstance(value, list) else ()


def an_id(payload: Mapping[str, Any], key: str = "id") -> int:
    """A positive whole number. Errors: Misshapen."""
    value = payload.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)  # GraphQL writes a BigInt as text
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _MOST_ID:
        raise Misshapen(f"`{key}` is not a number")
    return value


def optional_id(payload: Mapping[str, Any] | None, key: str = "id") -> int | None:
    """A positive whole number, or None if there is none."""
    try:
        return an_id(payload, key) if payload is not None else None
    except Misshapen:
        return None


def text(payload: Mapping[str, Any], key: str, *, most: int = 1_000_000) -> str:
    """Text, empty if there is none; without what databases and UTF-8 do not take."""
    value = payload.get(key)
    if not isinstance(value, str):
        return ""
    return value[:most].replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def a_sha(payload: Mapping[str, Any], key: str = "sha") -> str:
    """A whole commit id. Errors: Misshapen."""
    value = payload.get(key)
    if not isinstance(value, str) or not _SHA.fullmatch(value):
        raise Misshapen(f"`{key}` is not a commit")
    return value


def optional_sha(payload: Mapping[str, Any], key: str) -> str:
    """A whole commit id, or empty if there is none."""
    try:
        return a_sha(payload, key)
    except Misshapen:
        return ""


def a_login(payload: Mapping[str, Any], key: str = "login") -> str:
    """The name of an account. Errors: Misshapen."""
    value = payload.get(key)
    if not isinstance(value, str) or not _LOGIN.fullmatch(value):
        raise Misshapen(f"`{key}` is not the name of an account")
    return value


def owner_and_name(payload: Mapping[str, Any], key: str = "full_name") -> tuple[str, str]:
    """The two halves of `owner/name`, both safe to put into a path. Errors: Misshapen."""
    value = payload.get(key)
    owner, _, name = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not _NAME.fullmatch(owner) or not _NAME.fullmatch(name):
        raise Misshapen(f"`{key}` is not owner/name")
    return owner, name
