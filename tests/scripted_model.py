"""A model that answers from a function, for tests of what stands above it."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mesrai.domain.usage import Usage
from mesrai.errors import ModelError
from mesrai.llm.model import Answer, ModelTurn, Profile, Prompt, ToolCall

Script = Callable[[Prompt], "str | ModelError | list[ToolCall] | Answer"]


def a_profile(**changes: Any) -> Profile:
    facts: dict[str, Any] = {"provider": "scripted", "model": "m1", "window": 200_000, "max_output": 32_000}
    return Profile(**(facts | changes))


def an_answer(text: str = "", *, calls: tuple[ToolCall, ...] = ()) -> Answer:
    return Answer(
        turn=ModelTurn(text=text, tool_calls=calls),
        usage=Usage(calls=1, input_tokens=100, output_tokens=10, cost=Decimal("0.001"), currency="USD"),
        provider="scripted",
        model="m1",
    )


class ScriptedModel:
    """Answers each prompt with what the script returns for it, and remembers the prompts."""

    def __init__(self, script: Script, **profile: Any) -> None:
        self.script = script
        self.profile = a_profile(**profile)
        self.prompts: list[Prompt] = []

    async def ask(self, prompt: Prompt) -> Answer:
        self.prompts.append(prompt)
        said = self.script(prompt)
        if isinstance(said, ModelError):
            raise said
        if isinstance(said, Answer):
            return said
        if isinstance(said, list):
            return an_answer(calls=tuple(said))
        return an_answer(said)


def in_turn(*said: "str | ModelError | list[ToolCall]") -> Script:
    """A script that says one thing after the other."""
    left = list(said)
    return lambda _prompt: left.pop(0)


def a_call(name: str, call_id: str = "c1", **arguments: Any) -> ToolCall:
    return ToolCall(id=call_id, name=name, arguments=json.dumps(arguments))
