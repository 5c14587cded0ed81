"""What the dialects decide alike about a request: the tools offered, the thinking asked for, what the model may do."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final

from mesrai.domain.connection import Thinking
from mesrai.llm.endpoint import Endpoint
from mesrai.llm.model import Profile, Prompt, Structured, Tool
from mesrai.llm.turns import submit_tool

# Body fields that can make a model reason, each with the values that say it shall not.
_REASONING: Final[Mapping[str, tuple[Any, ...]]] = {
    "thinking": ({"type": "disabled"},),
    "reasoning_effort": ("none",),
    "reasoning": ({"enabled": False}, {"effort": "none"}),
    "enable_thinking": (False,),
    "chat_template_kwargs": ({"enable_thinking": False},),
    "thinkingConfig": ({"thinkingBudget": 0},),
}


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


def level_for(prompt: Prompt, endpoint: Endpoint) -> Thinking:
    """How much the model is asked to think: the connection's own level, where the prompt does not ask for another.

    What a person turned off, or said in their own JSON, stays as it is.
    """
    own = endpoint.thinking
    return own if own in (Thinking.OFF, Thinking.CUSTOM) or prompt.thinking is None else prompt.thinking


def optional_fields(prompt: Prompt, endpoint: Endpoint) -> dict[str, Any]:
    """The body's fields for thinking, and what the catalogue or the person adds; a person's own JSON wins."""
    traits, level = endpoint.traits, level_for(prompt, endpoint)
    fields = traits.thinking.get(level, {})
    return merged(traits.extra_body, fields) if level is Thinking.CUSTOM else merged(fields, traits.extra_body)


def is_thinking(fields: Mapping[str, Any]) -> bool:
    """Whether these body fields ask a model to think."""
    inner = fields.get("generationConfig")
    whole = {**fields, **inner} if isinstance(inner, Mapping) else fields
    return any(name in whole and whole[name] not in offs for name, offs in _REASONING.items())


def choice_for(prompt: Prompt, endpoint: Endpoint) -> Choice:
    """What the model may do. Handing in is demanded only where the model can be forced and does not think.

    Where it cannot, and may not look anything up, all calls are forbidden: it answers in its text, as it was told.
    """
    profile = endpoint.profile
    may_look_up = prompt.may_call_tools and bool(prompt.tools)
    if may_look_up:
        return Choice.FREE
    if not has_submit(prompt, profile):
        return Choice.NONE
    may_think = level_for(prompt, endpoint) is not Thinking.OFF and is_thinking(optional_fields(prompt, endpoint))
    if endpoint.traits.can_force_tool and not may_think:
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
