"""A prompt as the body of an OpenAI chat request."""

from collections.abc import Iterator
from typing import Any, Final

from mesrai.llm.endpoint import Endpoint, Traits
from mesrai.llm.model import AnswerShape, Prompt, Structured, Tool, UserTurn
from mesrai.llm.shaping import Choice, choice_for, merged, optional_fields, output_limit, tools_offered
from mesrai.llm.turns import EMPTY, Called, Spoken, arguments_of, is_broken_answer, mark_for, spoken_turns

OPENAI_PATH: Final = "/chat/completions"
REASONING: Final = "reasoning"  # in a ModelTurn's replay: field name → reasoning as it came
CONTENT: Final = "content"  # in a ModelTurn's replay: the text beside the call that gave the answer


def openai_body(prompt: Prompt, endpoint: Endpoint) -> dict[str, Any]:
    """The whole body. The endpoint's traits add fields, but none replaces the conversation or the tools."""
    profile, traits = endpoint.profile, endpoint.traits
    body: dict[str, Any] = {"model": profile.model}
    if traits.temperature is not None:
        body["temperature"] = traits.temperature
    body = merged(body, optional_fields(prompt, endpoint))
    body[traits.max_tokens_field] = output_limit(prompt, profile)
    if traits.cache_key_field and prompt.cache_key:
        body[traits.cache_key_field] = prompt.cache_key
    if prompt.shape is not None and profile.structured is Structured.SCHEMA:
        body["response_format"] = _response_format(prompt.shape)
    tools = tools_offered(prompt, profile)
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
        body |= _tool_choice(choice_for(prompt, endpoint), prompt)
    body["messages"] = list(_messages(prompt, endpoint))
    body["stream"] = True
    if traits.wants_stream_usage:
        body["stream_options"] = {"include_usage": True}
    return body


def _messages(prompt: Prompt, endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    if prompt.system:
        yield {"role": "system", "content": prompt.system}
    for turn in spoken_turns(prompt.turns, mark_for("openai", endpoint.profile)):
        if isinstance(turn, UserTurn):
            yield {"role": "user", "content": turn.text or EMPTY}
        else:
            yield from _spoken(turn, endpoint.traits)


def _spoken(turn: Spoken, traits: Traits) -> Iterator[dict[str, Any]]:
    """An earlier answer and the results of its calls.

    Beside calls, empty content is left out: Moonshot refuses it ("text content is empty").
    """
    called = [each for each in turn.called if not is_broken_answer(each, turn)]
    message: dict[str, Any] = {"role": "assistant"}
    content = turn.replay.get(CONTENT, turn.text) if len(called) == len(turn.called) else turn.text
    if content.strip():
        message["content"] = content
    if traits.reasoning_field and (reasoning := _reasoning(turn, traits.reasoning_field)) is not None:
        message[traits.reasoning_field] = reasoning
    if called:
        message["tool_calls"] = [_call(each) for each in called]
    elif "content" not in message:
        message["content"] = EMPTY
    yield message
    for each in called:
        yield {"role": "tool", "tool_call_id": each.call.id, "content": each.result}


def _reasoning(turn: Spoken, field: str) -> Any:
    """The reasoning to send back under `field`, if need be from another field it came in; None if none came."""
    kept = turn.replay.get(REASONING, {})
    if field in kept:
        return kept[field]
    texts = [value for value in kept.values() if isinstance(value, str)]
    return texts[0] if texts and field != "reasoning_details" else None


def _call(called: Called) -> dict[str, Any]:
    """Malformed arguments are not sent back: providers refuse the whole conversation for them."""
    arguments = called.call.arguments if arguments_of(called.call) is not None else ""
    return {
        "id": called.call.id,
        "type": "function",
        "function": {"name": called.call.name, "arguments": arguments or "{}"},
    }


def _tool(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    }


def _tool_choice(choice: Choice, prompt: Prompt) -> dict[str, Any]:
    """Nothing where the model is free, since that is the default everywhere."""
    if choice is Choice.SUBMIT and prompt.shape is not None:
        return {"tool_choice": {"type": "function", "function": {"name": prompt.shape.name}}}
    return {"tool_choice": "none"} if choice is Choice.NONE else {}


def _response_format(shape: AnswerShape) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": shape.name, "schema": shape.schema, "strict": True}}
