"""What the stand-in's model says: an answer from whoever was given to think, in one form for both surfaces."""

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
# Given the request as an OpenAI chat body, whichever surface it came by: the text, or an object with any of
# `content`, `reasoning`, `tool_calls` (a list of {"name", "arguments", "id"?}) and `finish_reason`.
Answerer = Callable[[Body], "str | Body | Awaitable[str | Body]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool the stand-in wants called."""

    id: str
    name: str
    arguments: str  # JSON text


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One whole answer."""

    content: str = ""
    reasoning: str | None = None
    calls: tuple[Call, ...] = ()
    finish: str = "stop"
    prompt_tokens: int = 0
    cached_tokens: int = 0
    unseen_tokens: int = 0  # of reasoning that is counted and not shown

    @property
    def output_tokens(self) -> int:
        """About a token for four letters."""
        written = [self.content, self.reasoning or "", *(call.name + call.arguments for call in self.calls)]
        return max(1, sum(map(len, written)) // 4 + self.unseen_tokens)

    @property
    def reasoning_tokens(self) -> int:
        """Those of the output that are reasoning."""
        return len(self.reasoning or "") // 4 + self.unseen_tokens


async def say(answer: Answerer, body: Body) -> Said:
    """Ask `answer` and put what it returns into one form."""
    given = answer(body)
    if inspect.isawaitable(given):
        given = await given
    if isinstance(given, str):
        return Said(content=given)
    calls = tuple(_call(call, number) for number, call in enumerate(given.get("tool_calls") or ()))
    return Said(
        content=given.get("content") or "",
        reasoning=given.get("reasoning"),
        calls=calls,
        finish=given.get("finish_reason") or ("tool_calls" if calls else "stop"),
    )


def spoken_text(body: Mapping[str, Any]) -> str:
    """All that the conversation holds, as one text that grows at its end only."""
    parts = []
    for message in body.get("messages") or ():
        if isinstance(message, Mapping):
            calls = json.dumps(message.get("tool_calls") or "", sort_keys=True)
            parts.append(f"{message.get('role')}\n{text_of(message.get('content'))}\n{calls}\n")
    return json.dumps(body.get("tools") or "", sort_keys=True) + "".join(parts)


def text_of(content: Any) -> str:
    """The text of a message's content, a string or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))


def _call(call: Mapping[str, Any], number: int) -> Call:
    arguments = call.get("arguments", {})
    return Call(
        id=str(call.get("id") or f"{call['name']}:{number}"),
        name=call["name"],
        arguments=arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False),
    )
