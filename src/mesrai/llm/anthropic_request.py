"""A prompt as the body of an Anthropic messages request."""

from collections.abc import Iterator
from typing import Any, Final

from mesrai.llm.endpoint import Endpoint
from mesrai.llm.model import Prompt, Structured, Tool, UserTurn
from mesrai.llm.shaping import Choice, choice_for, is_thinking, merged, optional_fields, output_limit, tools_offered
from mesrai.llm.turns import EMPTY, Spoken, is_broken_answer, mark_for, spoken_turns

ANTHROPIC_HEADERS: Final = {"anthropic-version": "2023-06-01"}
BLOCKS: Final = "blocks"  # in a ModelTurn's replay: the content blocks as they came
_CACHED: Final = {"cache_control": {"type": "ephemeral"}}
_LEAST_BUDGET: Final = 1_024  # tokens; https://platform.claude.com/docs/en/build-with-claude/extended-thinking

Block = dict[str, Any]


def anthropic_path(endpoint: Endpoint) -> str:
    """What follows the base URL."""
    return "/messages" if endpoint.base_url.endswith("/v1") else "/v1/messages"


def anthropic_body(prompt: Prompt, endpoint: Endpoint) -> dict[str, Any]:
    """The whole body. The endpoint's traits add fields, but none replaces the conversation or the tools."""
    profile, traits = endpoint.profile, endpoint.traits
    body: dict[str, Any] = {"model": profile.model}
    if prompt.shape is not None and profile.structured is Structured.SCHEMA:
        body["output_config"] = {"format": {"type": "json_schema", "schema": prompt.shape.schema}}
    fields = optional_fields(prompt, endpoint)
    body = merged(body, fields)
    # https://platform.claude.com/docs/en/build-with-claude/extended-thinking: only without thinking
    if traits.temperature is not None and not is_thinking(fields):
        body["temperature"] = traits.temperature
    body["max_tokens"] = output_limit(prompt, profile)
    body = _with_fitting_budget(body)
    if prompt.system:
        body["system"] = [{"type": "text", "text": prompt.system}]
    tools = tools_offered(prompt, profile)
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
        body |= _tool_choice(choice_for(prompt, endpoint), prompt)
    body["messages"] = _messages(prompt, endpoint)
    body["stream"] = True
    return _with_cache_marks(body) if traits.has_cache_control else body


def _messages(prompt: Prompt, endpoint: Endpoint) -> list[dict[str, Any]]:
    """Turns that alternate: what stands between two answers is one message, results of calls first."""
    messages: list[dict[str, Any]] = []

    def add(role: str, blocks: list[Block]) -> None:
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += blocks
        elif blocks:
            messages.append({"role": role, "content": blocks})

    for turn in spoken_turns(prompt.turns, mark_for("anthropic", endpoint.profile)):
        if isinstance(turn, UserTurn):
            add("user", [_text(turn.text)])
            continue
        add("assistant", list(_spoken_blocks(turn)) or [_text("")])
        add("user", list(_results(turn)))
    return messages


def _spoken_blocks(turn: Spoken) -> Iterator[Block]:
    """The blocks as they came, but for those the API does not take back: empty text, and an answer's malformed call."""
    broken = {each.call.id for each in turn.called if is_broken_answer(each, turn)}
    kept = turn.replay.get(BLOCKS)
    if kept is None:
        if turn.text.strip():
            yield _text(turn.text)
        return
    for block in kept:
        if block.get("type") == "text" and not str(block.get("text", "")).strip():
            continue
        if block.get("type") == "tool_use" and block.get("id") in broken:
            yield _text(turn.text)
            continue
        yield dict(block)


def _results(turn: Spoken) -> Iterator[Block]:
    for each in turn.called:
        if not is_broken_answer(each, turn):
            yield {"type": "tool_result", "tool_use_id": each.call.id, "content": each.result}


def _text(text: str) -> Block:
    return {"type": "text", "text": text if text.strip() else EMPTY}


def _tool(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}


def _tool_choice(choice: Choice, prompt: Prompt) -> dict[str, Any]:
    """Nothing where the model is free, since that is the default."""
    if choice is Choice.SUBMIT and prompt.shape is not None:
        return {"tool_choice": {"type": "tool", "name": prompt.shape.name}}
    return {"tool_choice": {"type": "none"}} if choice is Choice.NONE else {}


def _with_fitting_budget(body: dict[str, Any]) -> dict[str, Any]:
    """A thinking budget must leave room for an answer; without room there is no thinking."""
    thinking = body.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    limit = body["max_tokens"]
    if not isinstance(thinking, dict) or not isinstance(budget, int) or budget < limit:
        return body
    if limit < 2 * _LEAST_BUDGET:
        return {key: value for key, value in body.items() if key != "thinking"}
    return {**body, "thinking": {**thinking, "budget_tokens": limit // 2}}


def _with_cache_marks(body: dict[str, Any]) -> dict[str, Any]:
    """Marks after the fixed instructions and after the last turn, up to which the next request will be the same."""
    if body.get("system"):
        *others, last = body["system"]
        body["system"] = [*others, {**last, **_CACHED}]
    if body["messages"]:
        *earlier, final = body["messages"]
        *blocks, end = final["content"]
        body["messages"] = [*earlier, {**final, "content": [*blocks, {**end, **_CACHED}]}]
    return body
