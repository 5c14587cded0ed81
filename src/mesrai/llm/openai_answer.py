"""An answer of the OpenAI chat dialect, put together from its parts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from mesrai.domain.usage import Usage
from mesrai.llm.error_body import said_in
from mesrai.llm.exchange import ErrorInside
from mesrai.llm.model import ToolCall
from mesrai.llm.money import count_in, stated_cost
from mesrai.llm.stream import Taken
from mesrai.llm.turns import with_own_ids

_REASONING_TEXT: Final = ("reasoning_content", "reasoning")
_REASONING_PARTS: Final = "reasoning_details"
_GROWING: Final = ("text", "summary", "data")  # fields of a reasoning detail that come in pieces


@dataclass(slots=True)
class _Call:
    """A tool call while its fragments come."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class OpenAIReading:
    """Takes chunks of a stream, or a whole completion, and knows what they amount to."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._reasoning: dict[str, list[str]] = {}
        self._details: list[dict[str, Any]] = []
        self._detail_place: tuple[Any, Any] = (None, None)  # index and type of the last one
        self._calls: list[_Call] = []
        self._places: dict[int, _Call] = {}  # by the index the provider gives
        self._usage: Mapping[str, Any] = {}
        self.finish_reason = ""
        self.model = ""  # who the provider says answered

    @property
    def is_whole(self) -> bool:
        """Whether a reason for the end has come."""
        return bool(self.finish_reason)

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    @property
    def refusal(self) -> str:
        """The words by which the model declined."""
        return "".join(self._refusal)

    @property
    def calls(self) -> list[ToolCall]:
        """The tool calls so far."""
        return with_own_ids(
            [
                ToolCall(id=call.id, name=call.name, arguments="".join(call.arguments))
                for call in self._calls
                if call.name
            ]
        )

    @property
    def reasoning(self) -> dict[str, Any]:
        """The reasoning exactly as it came, by the name of its field; an empty one is kept too."""
        found: dict[str, Any] = {name: "".join(parts) for name, parts in self._reasoning.items()}
        return {**found, _REASONING_PARTS: self._details} if self._details else found

    @property
    def has_reasoning(self) -> bool:
        """Whether the model reasoned before it answered."""
        return bool(self._details) or any(any(parts) for parts in self._reasoning.values())

    @property
    def usage(self) -> Usage:
        """Tokens as far as counted, without their price."""
        counted = self._usage
        cached = max(
            count_in(counted, "cached_tokens"),
            count_in(counted, "prompt_tokens_details", "cached_tokens"),
            count_in(counted, "input_tokens_details", "cached_tokens"),
            count_in(counted, "prompt_cache_hit_tokens"),
        )
        prompt = max(count_in(counted, "prompt_tokens"), count_in(counted, "input_tokens"))
        reasoning = max(
            count_in(counted, "completion_tokens_details", "reasoning_tokens"),
            count_in(counted, "output_tokens_details", "reasoning_tokens"),
            count_in(counted, "reasoning_tokens"),
        )
        output = max(count_in(counted, "completion_tokens"), count_in(counted, "output_tokens"))
        return Usage(
            input_tokens=prompt,
            cached_tokens=min(cached, prompt),
            output_tokens=output,
            reasoning_tokens=min(reasoning, output),
        )

    @property
    def is_counted(self) -> bool:
        """Whether the provider counted the tokens at all."""
        return bool(self._usage)

    @property
    def written_tokens(self) -> int:
        """None: this format does not bill them."""
        return 0

    @property
    def stated_cost(self) -> Decimal | None:
        """The money the provider states."""
        return stated_cost(self._usage)

    def take(self, payload: Mapping[str, Any]) -> Taken:
        """Add one chunk. Errors: ErrorInside."""
        choice = _first_choice(payload)
        is_something = self._take_choice(choice, choice.get("delta")) if choice is not None else False
        is_something = self._take_usage(payload, choice) or is_something
        if self.is_whole:
            return Taken.WHOLE
        return Taken.SOMETHING if is_something else Taken.NOTHING

    def take_whole(self, payload: Mapping[str, Any]) -> bool:
        """Take a completion in one piece; False if this is none. Errors: ErrorInside."""
        if payload.get("error"):
            raise ErrorInside(said_in(payload))
        choice = _first_choice(payload)
        if choice is None:
            return False
        self._take_choice(choice, choice.get("message"))
        self._take_usage(payload, choice)
        self.finish_reason = self.finish_reason or "stop"  # nothing can be missing after the end of the body
        return True

    def _take_choice(self, choice: Mapping[str, Any], delta: Any) -> bool:
        if choice.get("error"):
            raise ErrorInside(said_in(choice))
        is_something = self._take_delta(delta) if isinstance(delta, Mapping) else False
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish_reason = reason
            if reason == "error":
                raise ErrorInside(said_in({"error": "The provider ended the answer with an error."}))
        return is_something

    def _take_delta(self, delta: Mapping[str, Any]) -> bool:
        before = len(self._text), len(self._refusal), len(self._details)
        self._text += _texts_in(delta.get("content"))
        self._refusal += _texts_in(delta.get("refusal"))
        is_something = False
        for name in _REASONING_TEXT:
            if isinstance(value := delta.get(name), str):
                self._reasoning.setdefault(name, []).append(value)
                is_something = is_something or bool(value)
        self._take_details(delta.get(_REASONING_PARTS))
        calls = delta.get("tool_calls")
        for fragment in calls if isinstance(calls, list) else ():
            if isinstance(fragment, Mapping):
                self._take_fragment(fragment)
                is_something = True
        return is_something or before != (len(self._text), len(self._refusal), len(self._details))

    def _take_fragment(self, fragment: Mapping[str, Any]) -> None:
        function = fragment.get("function")
        function = function if isinstance(function, Mapping) else {}
        own_id, name = fragment.get("id"), function.get("name")
        index = fragment.get("index")
        call = self._places.get(index) if isinstance(index, int) else (None if own_id or name else self._last_call())
        # Some hosts give every call of a turn the same index, so a new id is a new call.
        if call is None or (own_id and call.id and own_id != call.id):
            call = _Call()
            self._calls.append(call)
        if isinstance(index, int):
            self._places[index] = call
        call.id = call.id or (own_id if isinstance(own_id, str) else "")
        call.name = call.name or (name if isinstance(name, str) else "")
        arguments = function.get("arguments")
        if isinstance(arguments, Mapping):
            call.arguments.append(json.dumps(arguments, ensure_ascii=False))
        elif isinstance(arguments, str):
            call.arguments.append(arguments)

    def _last_call(self) -> _Call | None:
        return self._calls[-1] if self._calls else None

    def _take_details(self, details: Any) -> None:
        """Join the pieces of each reasoning detail; the streaming index itself may not be sent back."""
        for piece in details if isinstance(details, list) else ():
            if not isinstance(piece, Mapping):
                continue
            kept = {key: value for key, value in piece.items() if key != "index"}
            place = (piece.get("index"), piece.get("type"))
            if place[0] is None or place != self._detail_place:
                self._details.append(kept)
            else:
                _grow(self._details[-1], kept)
            self._detail_place = place

    def _take_usage(self, payload: Mapping[str, Any], choice: Mapping[str, Any] | None) -> bool:
        if isinstance(model := payload.get("model"), str):
            self.model = model
        # Moonshot's streams carry usage inside the choice: https://github.com/MoonshotAI/kimi-cli
        places = [payload.get("usage"), (choice or {}).get("usage")]
        found = [usage for usage in places if isinstance(usage, Mapping) and usage]
        if found:
            self._usage = found[0]
        return bool(found)


def _grow(detail: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for key, value in piece.items():
        if key in _GROWING and isinstance(value, str) and isinstance(detail.get(key), str):
            detail[key] += value
        elif value is not None:
            detail[key] = value


def _first_choice(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = payload.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, Mapping) and choice.get("index") in (0, None):
            return choice
    return None


def _texts_in(content: Any) -> list[str]:
    """The non-empty texts in content, which is a string or a list of typed parts."""
    if isinstance(content, str):
        return [content] if content else []
    parts = content if isinstance(content, list) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type", "text") == "text")
    return [text for text in texts if isinstance(text, str) and text]
