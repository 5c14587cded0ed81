"""The body of a provider's refusal, whatever its shape, read into words, kinds and times."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_MOST_BYTES: Final = 256_000
_MOST_DEPTH: Final = 5
_MOST_OBJECTS: Final = 50
_MOST_TEXT: Final = 4_000
_TITLE: Final = re.compile(r"<title[^>]{0,200}>(.{0,500}?)</title>", re.IGNORECASE | re.DOTALL)
_MARKUP: Final = re.compile(r"<(?:!doctype|html|head|body|title|center|h1)\b", re.IGNORECASE)
_TEXT_KEYS: Final = ("message", "msg", "detail", "error", "error_description", "status_msg", "title", "raw", "reason")
_KIND_KEYS: Final = (
    "type", "code", "status", "error_type", "reason", "error_code", "provider_code", "quotaId", "limit_source",
)  # fmt: skip
_WAIT_KEYS: Final = ("retryDelay", "retry_after", "retry_after_seconds", "retryAfter", "retry_after_s")
_RESET_KEYS: Final = ("resets_at", "reset_at", "resetTime", "reset_time", "resetAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a provider said about a request it did not answer. All of it is the provider's, so untrusted."""

    text: str = ""  # its words, as they came
    kinds: frozenset[str] = frozenset()  # every type, code, status and reason it gave, in lower case
    param: str = ""  # the field of the request it complains about
    wait: str | float | None = None  # how long to wait, as given in the body
    resets_at: str = ""  # when a quota is renewed, as given in the body
    is_html: bool = False  # a page, so probably not the provider itself
    is_shaped: bool = False  # the body has a place for errors that is filled, so this is one

    @property
    def status(self) -> int | None:
        """The HTTP status the body names, for errors that come inside a 200."""
        codes = (int(kind) for kind in self.kinds if re.fullmatch(r"[345]\d\d", kind))
        return min(codes, default=None)


def read_error(body: bytes) -> Said:
    """What the body says. Never raises; an unreadable body is one without words."""
    text = body[:_MOST_BYTES].decode("utf-8", "replace").strip("\ufeff \t\r\n\0")
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return _unstructured(text)
    return said_in(value)


def said_in(value: Any) -> Said:
    """What a JSON value says as an error; without words if it is none."""
    if isinstance(value, str):
        return Said(text=value[:_MOST_TEXT])
    found = [each for each, _ in zip(_objects(value, 0), range(_MOST_OBJECTS), strict=False)]
    texts = dict.fromkeys(text for each in found for text in _texts(each))
    return Said(
        text=" / ".join(texts)[:_MOST_TEXT],
        kinds=frozenset(kind for each in found for kind in _kinds(each)),
        param=next((each["param"] for each in found if isinstance(each.get("param"), str)), ""),
        wait=next((each[key] for each in found for key in _WAIT_KEYS if _is_wait(each.get(key))), None),
        resets_at=next((str(each[key]) for each in found for key in _RESET_KEYS if _is_wait(each.get(key))), ""),
        is_shaped=_is_error(value),
    )


def _unstructured(text: str) -> Said:
    if text.startswith("<") or _MARKUP.search(text[:2_000]):
        title = _TITLE.search(text)
        return Said(text=html.unescape(title.group(1)).strip() if title else "", is_html=True)
    return Said(text=text[:_MOST_TEXT])


def _objects(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """Every object that may speak of the error, the outermost first."""
    if depth > _MOST_DEPTH:
        return
    if isinstance(value, list):
        for each in value[:10]:
            yield from _objects(each, depth + 1)
    elif isinstance(value, dict):
        yield value
        for key in ("error", "errors", "detail", "metadata", "details", "violations", "cause", "base_resp", "response"):
            yield from _objects(value.get(key), depth + 1)
        raw = value.get("raw")
        if isinstance(raw, str) and raw.lstrip().startswith("{"):
            yield from _objects(_json_or_none(raw), depth + 1)


def _texts(value: Mapping[str, Any]) -> Iterator[str]:
    for key in _TEXT_KEYS:
        text = value.get(key)
        if isinstance(text, str) and text.strip() and not (key == "raw" and text.lstrip().startswith("{")):
            yield text.strip()


def _kinds(value: Mapping[str, Any]) -> Iterator[str]:
    for key in _KIND_KEYS:
        kind = value.get(key)
        if isinstance(kind, str | int) and not isinstance(kind, bool):
            yield str(kind).strip().lower()[:100]
    if isinstance(value.get("status_code"), int):  # MiniMax's base_resp; its numbers mean other things elsewhere
        yield f"base_resp:{value['status_code']}"
    if value.get("flagged_input") or value.get("flagged_categories"):
        yield "moderation"


def _is_error(value: Any) -> bool:
    if isinstance(value, list):
        return any(_is_error(each) for each in value[:1])
    if not isinstance(value, dict):
        return False
    base = value.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):
        return True
    if value.get("object") == "error" or value.get("success") is False:
        return True
    return bool(value.get("error") or value.get("errors") or value.get("detail"))


def _is_wait(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
