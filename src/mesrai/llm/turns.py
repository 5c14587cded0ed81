"""A conversation made valid for the model it is sent to: every call has its result, and nothing foreign is replayed."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mesrai.llm.model import AnswerShape, Json, ModelTurn, Profile, Tool, ToolCall, ToolTurn, Turn, UserTurn

MARK: Final = "by"  # in a ModelTurn's replay: who said it
CLOSED: Final = "closed"  # in a ModelTurn's replay: calls that are no longer to be carried out
SUBMITTED: Final = "Received."
NOT_RUN: Final = "Not run: the answer was already given."
NO_RESULT: Final = "No result."
EMPTY: Final = "(empty)"  # in place of empty text


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A call and what came of it."""

    call: ToolCall
    result: str  # never empty: providers refuse empty text


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What this very model said earlier, with the results of all its calls."""

    text: str
    called: tuple[Called, ...] = ()
    replay: Json = field(default_factory=dict)


def mark_for(dialect: str, profile: Profile) -> str:
    """Who speaks: what one model at one provider left in a turn means nothing to another."""
    return f"{dialect}:{profile.provider}/{profile.model}"


def spoken_turns(turns: Sequence[Turn], mark: str) -> list[UserTurn | Spoken]:
    """The conversation as this model may be sent it.

    Its own turns keep their calls; one without a result gets a stand-in. Turns of another model become plain text,
    with their look-ups told in the user's words: their call ids, reasoning and signatures would be refused here.
    """
    said: list[UserTurn | Spoken] = []
    at = 0
    while at < len(turns):
        turn = turns[at]
        at += 1
        if isinstance(turn, UserTurn):
            said.append(turn)
            continue
        if isinstance(turn, ToolTurn):  # a result without its call
            said.append(UserTurn(text=f"Result of a look-up:\n{turn.text or EMPTY}"))
            continue
        results: dict[str, str] = {}
        while at < len(turns) and isinstance(result := turns[at], ToolTurn):
            results[result.call_id] = result.text
            at += 1
        said.extend(_own(turn, results) if turn.replay.get(MARK) == mark else _foreign(turn, results))
    return said


def _own(turn: ModelTurn, results: Mapping[str, str]) -> Iterator[Spoken]:
    called = [Called(call=call, result=results.get(call.id, NO_RESULT) or EMPTY) for call in turn.tool_calls]
    called += [
        Called(call=ToolCall(id=each["id"], name=each["name"], arguments=each["arguments"]), result=each["result"])
        for each in turn.replay.get(CLOSED, ())
    ]
    yield Spoken(text=turn.text, called=tuple(called), replay=turn.replay)


def _foreign(turn: ModelTurn, results: Mapping[str, str]) -> Iterator[UserTurn | Spoken]:
    if turn.text.strip():
        yield Spoken(text=turn.text)
    for call in turn.tool_calls:
        result = results.get(call.id, NO_RESULT) or EMPTY
        yield UserTurn(text=f"Looked up earlier: {call.name} {call.arguments}\nResult:\n{result}")


def closed(calls: Sequence[ToolCall], submit_name: str) -> list[dict[str, str]]:
    """The calls of a turn that gave the answer by calling `submit_name`, for its replay."""
    return [
        {
            "id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "result": SUBMITTED if call.name == submit_name else NOT_RUN,
        }
        for call in calls
    ]


def with_own_ids(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """The calls of one turn, each with an id no other of them has; some providers give none."""
    seen: set[str] = set()
    named = []
    for number, call in enumerate(calls):
        own = (
            call.id if call.id and call.id not in seen else f"call_{number}_{re.sub(r'[^a-zA-Z0-9_-]', '_', call.name)}"
        )
        seen.add(own)
        named.append(ToolCall(id=own, name=call.name, arguments=call.arguments))
    return named


def arguments_of(call: ToolCall) -> dict[str, Any] | None:
    """The arguments as an object; None if they are not one."""
    try:
        value = json.loads(call.arguments or "{}", strict=False, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_broken_answer(called: Called, turn: Spoken) -> bool:
    """Whether the answer was handed in by a malformed call: that is shown to the model as text, not as a call."""
    return called.call.arguments == turn.text and arguments_of(called.call) is None


def submit_tool(shape: AnswerShape) -> Tool:
    """The tool by which a model hands in an answer of this shape."""
    return Tool(
        name=shape.name,
        description=f"{shape.description} Call this once, when you are done: its arguments are your answer.",
        parameters=shape.schema,
    )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
