"""How many tokens a prompt has, as far as that can be told without the model's vocabulary."""

import json
import math
from typing import Final

from mesrai.llm.model import ModelTurn, Profile, Prompt, Turn
from mesrai.llm.shaping import output_limit, tools_offered

_PER_TURN: Final = 4  # tokens that mark where a message begins and ends


def prompt_tokens(prompt: Prompt, profile: Profile) -> int:
    """The prompt's tokens, rather too many than too few: bytes by letters per token, so that Chinese counts in full."""
    said = [prompt.system, *(_said(turn) for turn in prompt.turns)]
    tools = [[tool.name, tool.description, tool.parameters] for tool in tools_offered(prompt, profile)]
    said.append(_json(tools) if tools else "")
    said.append(_json(prompt.shape.schema) if prompt.shape else "")
    size = sum(_bytes(text) for text in said)
    return math.ceil(size / profile.chars_per_token) + _PER_TURN * (len(prompt.turns) + 1)


def request_tokens(prompt: Prompt, profile: Profile) -> int:
    """The tokens some providers charge when a request comes in: the prompt's, and all that the answer may have."""
    return prompt_tokens(prompt, profile) + output_limit(prompt, profile)


def _said(turn: Turn) -> str:
    if not isinstance(turn, ModelTurn):
        return turn.text
    calls = "".join(call.name + call.arguments for call in turn.tool_calls)
    return turn.text + calls + (_json(turn.replay) if turn.replay else "")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=dict)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
