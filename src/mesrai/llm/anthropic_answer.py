"""An answer of the Anthropic messages dialect, put together from its blocks."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from mesrai.domain.usage import Usage
from mesrai.llm.error_body import said_in
from mesrai.llm.exchange import ErrorInside
from mesrai.llm.model import ToolCall
from mesrai.llm.money import count_in, stated_cost
from mesrai.llm.stream import Taken
from mesrai.llm.turns import arguments_of, with_own_ids

_GROWING: Final = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
_COUNTS: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
_THOUGHTS: Final = ("thinking", "redacted_thinking")


class AnthropicReading:
    """Takes events of a stream, or a whole message, and knows what they amount to."""

    def __init__(self) -> None:
        self._blocks: dict[int, dict[str, Any]] = {}  # by the index the provider gives
        self._pieces: dict[int, dict[str, list[str]]] = {}  # of fields that come in pieces
        self._inputs: dict[int, list[str]] = {}  # JSON text of tool calls
        self._counts: dict[str, int] = {}
        self._cost: Decimal | None = None
        self.finish_reason = ""

    @property
    def is_whole(self) -> bool:
        """Whether a reason for the end has come."""
        return bool(self.finish_reason)

    @property
    def is_counted(self) -> bool:
        """Whether the provider counted the tokens at all."""
        return bool(self._counts)

    @property
    def written_tokens(self) -> int:
        """Those put into the cache for five minutes, the only time that is asked for."""
        return self._counts.get("cache_creation_input_tokens", 0)

    @property
    def stated_cost(self) -> Decimal | None:
        """The money the provider states."""
        return self._cost

    @property
    def usage(self) -> Usage:
        """Tokens as far as counted. The provider's `input_tokens` leaves out those read from or put into the cache."""
        cached = self._counts.get("cache_read_input_tokens", 0)
        return Usage(
            input_tokens=self._counts.get("input_tokens", 0) + cached + self.written_tokens,
            cached_tokens=cached,
            output_tokens=self._counts.get("output_tokens", 0),
        )

    @property
    def text(self) -> str:
        """The text of all its blocks."""
        return "".join(str(block.get("text") or "") for block in self._joined() if block.get("type") == "text")

    @property
    def refusal(self) -> str:
        """Nothing: this dialect says so in the reason for the end."""
        return ""

    @property
    def has_reasoning(self) -> bool:
        """Whether there is a block of thinking."""
        return any(block.get("type") in _THOUGHTS for block in self._blocks.values())

    @property
    def calls(self) -> list[ToolCall]:
        """The tool calls so far."""
        return with_own_ids(
            [
                ToolCall(
                    id=str(block.get("id") or ""), name=str(block["name"]), arguments=self._arguments(index, block)
                )
                for index, block in sorted(self._blocks.items())
                if block.get("type") == "tool_use" and block.get("name")
            ]
        )

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The blocks as they came, to be sent back; the arguments of a malformed call are left out."""
        calls = iter(self.calls)
        return [
            _call_block(block, next(calls)) if block.get("type") == "tool_use" else block
            for block in self._joined()
            if block.get("type") != "tool_use" or block.get("name")
        ]

    def take(self, payload: Mapping[str, Any]) -> Taken:
        """Add one event. Errors: ErrorInside."""
        kind = payload.get("type")
        if kind == "error":
            raise ErrorInside(said_in(payload))
        if kind == "message_stop":
            return Taken.END
        if kind == "message_start":
            message = payload.get("message")
            self._count(message.get("usage") if isinstance(message, Mapping) else None)
        elif kind == "content_block_start":
            return self._begin_block(payload)
        elif kind == "content_block_delta":
            return self._grow_block(payload)
        elif kind == "message_delta":
            self._end(payload)
        return Taken.WHOLE if self.is_whole else Taken.NOTHING

    def take_whole(self, payload: Mapping[str, Any]) -> bool:
        """Take a message in one piece; False if this is none. Errors: ErrorInside."""
        content = payload.get("content")
        if payload.get("type") == "error" or payload.get("error"):
            raise ErrorInside(said_in(payload))
        if not isinstance(content, list):
            return False
        self._blocks = {index: dict(block) for index, block in enumerate(content) if isinstance(block, Mapping)}
        self._count(payload.get("usage"))
        reason = payload.get("stop_reason")
        self.finish_reason = reason if isinstance(reason, str) and reason else "end_turn"
        return True

    def _begin_block(self, payload: Mapping[str, Any]) -> Taken:
        index, block = payload.get("index"), payload.get("content_block")
        if not isinstance(index, int) or not isinstance(block, Mapping):
            return Taken.NOTHING
        self._blocks[index] = dict(block)
        return Taken.SOMETHING

    def _grow_block(self, payload: Mapping[str, Any]) -> Taken:
        index, delta = payload.get("index"), payload.get("delta")
        if not isinstance(index, int) or not isinstance(delta, Mapping):
            return Taken.NOTHING
        kind = str(delta.get("type"))
        if kind == "input_json_delta":
            piece, pieces = delta.get("partial_json"), self._inputs.setdefault(index, [])
            self._blocks.setdefault(index, {"type": "tool_use"})
        elif kind in _GROWING:
            field = _GROWING[kind]
            piece, pieces = delta.get(field), self._pieces.setdefault(index, {}).setdefault(field, [])
            self._blocks.setdefault(index, {"type": "text" if field == "text" else "thinking"})
        else:
            return Taken.NOTHING
        if not isinstance(piece, str):
            return Taken.NOTHING
        pieces.append(piece)
        return Taken.SOMETHING

    def _end(self, payload: Mapping[str, Any]) -> None:
        delta = payload.get("delta")
        reason = delta.get("stop_reason") if isinstance(delta, Mapping) else None
        if isinstance(reason, str) and reason:
            self.finish_reason = reason
        self._count(payload.get("usage"))

    def _count(self, usage: Any) -> None:
        """Later counts include earlier ones; some hosts send zeros where they have nothing to add."""
        if not isinstance(usage, Mapping):
            return
        for name in _COUNTS:
            if name in usage:
                self._counts[name] = max(self._counts.get(name, 0), count_in(usage, name))
        self._cost = stated_cost(usage) or self._cost

    def _joined(self) -> list[dict[str, Any]]:
        return [self._joined_block(index) for index in sorted(self._blocks)]

    def _joined_block(self, index: int) -> dict[str, Any]:
        block = dict(self._blocks[index])
        for field, pieces in self._pieces.get(index, {}).items():
            block[field] = str(block.get(field) or "") + "".join(pieces)
        return block

    def _arguments(self, index: int, block: Mapping[str, Any]) -> str:
        text = "".join(self._inputs.get(index, ()))
        given = block.get("input")
        return text or (given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False))


def _call_block(block: Mapping[str, Any], call: ToolCall) -> dict[str, Any]:
    return {**block, "id": call.id, "input": arguments_of(call) or {}}
