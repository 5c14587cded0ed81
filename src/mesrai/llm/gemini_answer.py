"""An answer of Gemini's own API, put together from its parts."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from mesrai.domain.usage import Usage
from mesrai.llm.error_body import said_in
from mesrai.llm.exchange import ErrorInside
from mesrai.llm.gemini_request import Part, function_calls, is_call
from mesrai.llm.model import ToolCall
from mesrai.llm.money import count_in
from mesrai.llm.stream import Taken

_COUNTS: Final = (
    "promptTokenCount", "toolUsePromptTokenCount", "cachedContentTokenCount", "candidatesTokenCount",
    "thoughtsTokenCount",
)  # fmt: skip
# https://ai.google.dev/api/generate-content#FinishReason. All that are not named here break an answer off.
_ENDS: Final = {
    "STOP": "stop", "FINISH_REASON_UNSPECIFIED": "stop", "MAX_TOKENS": "length",
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
         "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
        "content_filter",
    ),
}  # fmt: skip
_NO_BLOCK: Final = ("", "BLOCK_REASON_UNSPECIFIED")


class GeminiReading:
    """Takes chunks of a stream, or a whole response, and knows what they amount to."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._counts: dict[str, int] = {}
        self._end = ""  # the provider's word
        self._blocked = ""  # its word for why it did not read the prompt
        self._told = ""  # what it says beside that word

    @property
    def finish_reason(self) -> str:
        """Why it ended, in the words the other formats use; empty if it has not."""
        if self._blocked:
            return "content_filter"
        return _ENDS.get(self._end, "broken") if self._end else ""

    @property
    def is_whole(self) -> bool:
        """Whether a reason for the end has come."""
        return bool(self._end or self._blocked)

    @property
    def is_counted(self) -> bool:
        """Whether the provider counted the tokens at all."""
        return bool(self._counts)

    @property
    def written_tokens(self) -> int:
        """None: this format does not bill them."""
        return 0

    @property
    def stated_cost(self) -> Decimal | None:
        """Nothing: this API states no money."""
        return None

    @property
    def usage(self) -> Usage:
        """Tokens as far as counted. The provider counts thoughts apart from the answer, and bills them as output."""
        count = self._counts.get
        thoughts = count("thoughtsTokenCount", 0)
        return Usage(
            input_tokens=count("promptTokenCount", 0) + count("toolUsePromptTokenCount", 0),
            cached_tokens=min(count("cachedContentTokenCount", 0), count("promptTokenCount", 0)),
            output_tokens=count("candidatesTokenCount", 0) + thoughts,
            reasoning_tokens=thoughts,
        )

    @property
    def text(self) -> str:
        """The text of all its parts but its thoughts."""
        return "".join(str(part.get("text") or "") for part in self._parts if not part.get("thought"))

    @property
    def refusal(self) -> str:
        """The reason for an end that is no proper one, with the provider's own words."""
        word = self._blocked or ("" if _ENDS.get(self._end) in ("stop", "length") else self._end)
        return f"{word}: {self._told}" if word and self._told else word

    @property
    def has_reasoning(self) -> bool:
        """Whether it thought before."""
        return bool(self._counts.get("thoughtsTokenCount")) or any(part.get("thought") for part in self._parts)

    @property
    def calls(self) -> list[ToolCall]:
        """The tool calls so far."""
        return function_calls(self._parts)

    @property
    def parts(self) -> list[Part]:
        """The parts as they came, to be sent back; text that came in pieces is joined where nothing stands between."""
        return [dict(part) for part in self._parts]

    def take(self, payload: Mapping[str, Any]) -> Taken:
        """Add one chunk. Errors: ErrorInside."""
        if payload.get("error"):
            raise ErrorInside(said_in(payload))
        self._count(payload.get("usageMetadata"))
        self._note_block(payload.get("promptFeedback"))
        has_more = self._take_candidate(payload.get("candidates"))
        if self.is_whole:
            return Taken.WHOLE
        return Taken.SOMETHING if has_more else Taken.NOTHING

    def take_whole(self, payload: Mapping[str, Any]) -> bool:
        """Take a response in one piece; False if this is none. Errors: ErrorInside."""
        if payload.get("error"):
            raise ErrorInside(said_in(payload))
        if not isinstance(payload.get("candidates"), list) and not isinstance(payload.get("promptFeedback"), Mapping):
            return False
        self.take(payload)
        if not self.is_whole:
            self._end = "STOP"
        return True

    def _take_candidate(self, candidates: Any) -> bool:
        """Add to the answer; whether there was something to add."""
        candidate = candidates[0] if isinstance(candidates, list) and candidates else None
        if not isinstance(candidate, Mapping):
            return False
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, Mapping) else None
        given = [dict(part) for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
        for part in given:
            self._add(part)
        reason, told = candidate.get("finishReason"), candidate.get("finishMessage")
        if isinstance(reason, str) and reason:
            self._end = reason
            self._told = told if isinstance(told, str) else ""
        return bool(given)

    def _add(self, part: Part) -> None:
        """Text goes on with the text before it, unless either is signed: a signature stays with its own part."""
        last = self._parts[-1] if self._parts else None
        if last is not None and _is_plain(last) and _is_plain(part) and last.get("thought") == part.get("thought"):
            last["text"] += part["text"]
        elif "functionCall" not in part or is_call(part):
            self._parts.append(part)

    def _note_block(self, feedback: Any) -> None:
        reason = feedback.get("blockReason") if isinstance(feedback, Mapping) else None
        if isinstance(reason, str) and reason not in _NO_BLOCK:
            self._blocked = reason
            told = feedback.get("blockReasonMessage")
            self._told = told if isinstance(told, str) else ""

    def _count(self, usage: Any) -> None:
        """Later counts include earlier ones."""
        if not isinstance(usage, Mapping):
            return
        for name in _COUNTS:
            if name in usage:
                self._counts[name] = max(self._counts.get(name, 0), count_in(usage, name))


def _is_plain(part: Part) -> bool:
    return isinstance(part.get("text"), str) and set(part) <= {"text", "thought"}
