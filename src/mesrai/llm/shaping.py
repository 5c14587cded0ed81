"""What both dialects decide alike about a request: which tools are offered, and what the model may do with them."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from mesrai.domain.connection import Thinking
from mesrai.llm.endpoint import Traits
from mesrai.llm.model import Profile, Prompt, Structured, Tool
from mesrai.llm.turns import submit_tool


class Choice(Enum):
    """What the model may do with the tools it is offered."""

    FREE = auto()
    NONE = auto()
    SUBMIT = auto()  # it must hand in its answer


def has_submit(prompt: Prompt, profile: Profile) -> bool:
    """Whether the answer is asked for as the arguments of a tool call."""
    return prompt.shape is not None and profile.structured is Structured.TOOL and profile.has_tools


def tools_offered(prompt: Prompt, profile: Profile) -> tuple[Tool, ...]:
    """The tools of the request, the one that hands in the answer last."""
    if not profile.has_tools:
        return ()
    if prompt.shape is not None and profile.structured is Structured.TOOL:
        return (*prompt.tools, submit_tool(prompt.shape))
    return prompt.tools


def choice_for(prompt: Prompt, profile: Profile, traits: Traits) -> Choice:
    """What the model may do. Handing in is demanded only where the model can be forced and does not think.

    Where it cannot, and may not look anything up, all calls are forbidden: it answers in its text, as it was told.
    """
    may_look_up = prompt.may_call_tools and bool(prompt.tools)
    if may_look_up:
        return Choice.FREE
    if not has_submit(prompt, profile):
        return Choice.NONE
    is_thinking = prompt.thinking is not Thinking.OFF and bool(traits.thinking.get(prompt.thinking))
    if traits.can_force_tool and not is_thinking:
        return Choice.SUBMIT
    return Choice.NONE if prompt.tools else Choice.FREE


def output_limit(prompt: Prompt, profile: Profile) -> int:
    """The most tokens to ask for, reasoning included."""
    return max(1, min(prompt.max_output_tokens, profile.max_output))


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both, field by field at every depth; the second wins."""
    whole = dict(first)
    for key, value in second.items():
        old = whole.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        whole[key] = merged(old, value) if both and old is not None else value
    return whole
