"""Whether what a model sent is an answer: the answer, or the error that says it is none."""

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from mesrai.errors import AnswerCut, AnswerEmpty, AnswerRefused, ModelError, ModelOverloaded, PromptTooLong
from mesrai.llm.endpoint import Endpoint
from mesrai.llm.exchange import Received
from mesrai.llm.model import Answer, ModelTurn, Prompt, ToolCall
from mesrai.llm.shaping import has_submit, level_for, output_limit
from mesrai.llm.turns import CLOSED, closed
from mesrai.llm.words import safe_words

_THOUGHT: Final = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL)
_ENDS: Final = {
    "length": "length", "max_tokens": "length", "model_length": "length",
    "content_filter": "refused", "refusal": "refused", "sensitive": "refused",
    "model_context_window_exceeded": "window",
    "insufficient_system_resource": "overloaded", "network_error": "overloaded",
    "broken": "broken",
}  # fmt: skip


class Said(Protocol):
    """What a model sent, complete, whatever the dialect."""

    @property
    def finish_reason(self) -> str:
        """The provider's word for why it ended."""
        ...

    @property
    def text(self) -> str:
        """Its text."""
        ...

    @property
    def calls(self) -> list[ToolCall]:
        """Its tool calls, each with an id of its own."""
        ...

    @property
    def refusal(self) -> str:
        """The words by which the model declined, if it did."""
        ...

    @property
    def has_reasoning(self) -> bool:
        """Whether it reasoned before."""
        ...


def answer_from(
    said: Said, received: Received, *, prompt: Prompt, endpoint: Endpoint, replay: Mapping[str, Any]
) -> Answer:
    """The answer. `replay` is what the dialect wants back in the next request.

    Where the answer was handed in by a call, its arguments are the text, and no call is left to carry out.
    Errors: AnswerCut, AnswerEmpty, AnswerRefused, ModelOverloaded, PromptTooLong.
    """
    profile = endpoint.profile
    text = without_thought(said.text)
    error = _error(said, text, f"{profile.provider}/{profile.model}", output_limit(prompt, profile))
    if error is not None:
        error.provider, error.model, error.status = profile.provider, profile.model, 200
        error.request_id, error.usage, error.calls = received.request_id, received.usage, received.usage.calls
        raise error
    turn = ModelTurn(text=text, tool_calls=tuple(said.calls), replay=replay)
    if prompt.shape is not None and has_submit(prompt, profile):
        turn = _handed_in(turn, prompt.shape.name)
    notice = endpoint.traits.thinking_notices.get(level_for(prompt, endpoint))
    return Answer(
        turn=turn,
        usage=received.usage,
        provider=profile.provider,
        model=profile.model,
        request_id=received.request_id,
        took_s=received.took_s,
        notices=(*((notice,) if notice else ()), *received.notices),
    )


def without_thought(text: str) -> str:
    """The text after a thought some hosts leave in front of it; a thought without end is all there is."""
    if not text.lstrip().startswith("<think"):
        return text
    found = _THOUGHT.match(text)
    return text[found.end() :] if found else ""


def _handed_in(turn: ModelTurn, submit_name: str) -> ModelTurn:
    answer = next((call.arguments or "{}" for call in turn.tool_calls if call.name == submit_name), None)
    if answer is None:
        return turn
    return ModelTurn(text=answer, replay={**turn.replay, CLOSED: closed(turn.tool_calls, submit_name)})


def _error(said: Said, text: str, asked: str, limit: int) -> ModelError | None:
    has_answer = bool(text.strip() or said.calls)
    has_reasoning = said.has_reasoning or text != said.text
    kind = _ENDS.get(said.finish_reason, "")
    if kind == "length":
        thought = " It was still reasoning." if has_reasoning and not text.strip() else ""
        cut = AnswerCut(f"{asked}: The answer did not fit the {limit} tokens it may have.{thought}")
        cut.reached_limit = True
        return cut
    if kind == "window":
        return PromptTooLong(f"{asked}: Prompt and answer together are larger than the model's window.")
    if kind == "overloaded":
        return ModelOverloaded(f"{asked}: The provider broke the answer off for lack of capacity. Try again later.")
    told = f' ("{safe_words(said.refusal)}")' if said.refusal else ""
    if kind == "broken":
        return AnswerCut(f"{asked}: The provider broke the answer off{told}.")
    if kind == "refused":
        return AnswerRefused(f"{asked}: The provider's content filter, or the model, refused to answer{told}.")
    if said.refusal and not has_answer:
        return AnswerRefused(f'{asked}: The model declined to answer ("{safe_words(said.refusal)}").')
    if not has_answer:
        what = "only its reasoning and no answer" if has_reasoning else "no text"
        return AnswerEmpty(f"{asked}: The model sent {what}.")
    return None
