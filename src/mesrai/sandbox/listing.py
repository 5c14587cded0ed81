"""The models of each face: which answer on a date, which rules they follow, and how the vendor lists them."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any, Final

from mesrai.sandbox.faces import Face, Style

_CREATED: Final = 1_776_700_000
_EFFORTS: Final = ("low", "high", "max")
_THINKING_TYPES: Final = {"none": "no", "switch": "both", "switch_keep": "both"}  # all others: only


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model id at the faces that share a list."""

    lists: tuple[str, ...]
    id: str
    context: int  # tokens
    thinking: str
    sampling: str = "free"
    name: str = ""
    aliases: tuple[str, ...] = ()
    since: date | None = None
    retired: date | None = None
    default_output: int = 32_768
    default_effort: str = "max"
    can_require_tool: bool = False
    is_fast: bool = False
    price: tuple[float, ...] = ()  # USD per million tokens: in, cached, out

    def is_there(self, on: date) -> bool:
        """Whether it answers on that date."""
        return (self.since is None or self.since <= on) and (self.retired is None or on < self.retired)


class Models:
    """All rows, as they stand on one date."""

    def __init__(self, on: date) -> None:
        """Read the data file."""
        self._on = on
        text = (files("mesrai.sandbox") / "data" / "models.toml").read_text("utf-8")
        self._rows = [_row(table) for table in tomllib.loads(text)["model"]]

    def listed(self, face: Face) -> list[Row]:
        """Those that the face's own list shows."""
        return [row for row in self._rows if face.models in row.lists and row.is_there(self._on)]

    def find(self, face: Face, model: str) -> Row | None:
        """The model that answers to an id; None if none does."""
        return next((row for row in self.listed(face) if model in (row.id, *row.aliases)), None)

    def is_missing(self, face: Face, model: str, *, is_strict: bool) -> bool:
        """Whether the face has no such model. A face that is not strict takes ids that look like nobody's."""
        if self.find(face, model) is not None:
            return False
        if not face.knows_any_model or is_strict:
            return True
        return model.startswith(("no-such", "kimi-", "moonshot-", "k3"))


def _row(table: Mapping[str, Any]) -> Row:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Row(**fields)


def list_of(rows: Sequence[Row], face: Face, most_context: int) -> Mapping[str, Any]:
    """The body of GET /models as the face's vendor sends it."""
    shown = [dict(_shown(row, face.style, min(row.context, most_context))) for row in rows]
    if face.style is Style.GEMINI:
        return {"models": shown}
    if face.style is Style.ANTHROPIC:
        ids = [row.id for row in rows]
        return {"data": shown, "has_more": False, "first_id": ids[0], "last_id": ids[-1]}
    return {"data": shown} if face.style is Style.OPENROUTER else {"object": "list", "data": shown}


def _shown(row: Row, style: Style, context: int) -> Iterator[tuple[str, Any]]:
    if style is Style.GEMINI:
        yield from _as_gemini(row, context)
        return
    yield "id", row.id
    match style:
        case Style.MOONSHOT | Style.KIMI_CODE:
            yield from _as_kimi(row, style, context)
        case Style.OPENROUTER:
            yield from _as_openrouter(row, context)
        case Style.ANTHROPIC:
            yield from {"type": "model", "display_name": row.name, "created_at": "2026-02-01T00:00:00Z"}.items()
        case _:
            yield from {"object": "model", "created": _CREATED, "owned_by": "sandbox"}.items()


def _as_kimi(row: Row, style: Style, context: int) -> Iterator[tuple[str, Any]]:
    since = row.since and int(datetime(row.since.year, row.since.month, row.since.day, tzinfo=UTC).timestamp())
    yield from {"object": "model", "created": since or _CREATED, "owned_by": "moonshot"}.items()
    yield from {"context_length": context, "supports_image_in": True, "supports_video_in": True}.items()
    yield "supports_reasoning", row.thinking != "none"
    yield "supports_tool_use", True
    yield "supports_thinking_type", _THINKING_TYPES.get(row.thinking, "only")
    if row.name:
        yield "display_name", row.name
    if row.thinking in ("effort", "plan") and row.id.startswith(("k3", "kimi-k3")):
        default = "high" if style is Style.KIMI_CODE else row.default_effort
        yield "think_efforts", {"support": True, "valid_efforts": list(_EFFORTS), "default_effort": default}
    if style is Style.KIMI_CODE:
        yield "protocol", "anthropic"


def _as_gemini(row: Row, context: int) -> Iterator[tuple[str, Any]]:
    yield from {"name": f"models/{row.id}", "version": "1", "displayName": row.name}.items()
    yield from {"inputTokenLimit": context, "outputTokenLimit": row.default_output}.items()
    yield "supportedGenerationMethods", ["generateContent", "countTokens"]
    yield "thinking", row.thinking != "none"


def _as_openrouter(row: Row, context: int) -> Iterator[tuple[str, Any]]:
    yield from {"name": row.name or row.id, "created": _CREATED, "context_length": context}.items()
    each = [f"{price / 1_000_000:.8f}".rstrip("0").rstrip(".") for price in row.price]
    yield "pricing", dict(zip(("prompt", "input_cache_read", "completion"), each, strict=True))
    yield "top_provider", {"context_length": context, "max_completion_tokens": row.default_output}
    able = ["max_tokens", "temperature", "tools", "tool_choice", "response_format", "structured_outputs"]
    yield "supported_parameters", able + ([] if row.thinking == "none" else ["reasoning", "include_reasoning"])
