"""A prompt as the body of a request to Gemini's own API."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from mesrai.llm.endpoint import Endpoint
from mesrai.llm.model import Prompt, Structured, Tool, ToolCall, UserTurn
from mesrai.llm.shaping import Choice, choice_for, merged, optional_fields, output_limit, tools_offered
from mesrai.llm.turns import EMPTY, NO_RESULT, Spoken, mark_for, spoken_turns, with_own_ids

PARTS: Final = "parts"  # in a ModelTurn's replay: the parts as they came
# The least budget that all models of the 2.5 series take: https://ai.google.dev/gemini-api/docs/thinking
_LEAST_BUDGET: Final = 512

Part = dict[str, Any]


def gemini_path(endpoint: Endpoint) -> str:
    """What follows the base URL. The key is in a header and never here."""
    model = endpoint.profile.model.removeprefix("models/")
    return f"/models/{quote(model, safe='')}:streamGenerateContent?alt=sse"


def gemini_body(prompt: Prompt, endpoint: Endpoint) -> dict[str, Any]:
    """The whole body. The endpoint's traits add fields, but none replaces the conversation or the tools."""
    body = merged(_answer_form(prompt, endpoint), optional_fields(prompt, endpoint))
    body["generationConfig"] = _generation(body.get("generationConfig"), prompt, endpoint)
    if prompt.system:
        body["systemInstruction"] = {"parts": [{"text": prompt.system}]}
    tools = tools_offered(prompt, endpoint.profile)
    if tools:
        body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in tools]}]
        body |= _tool_config(choice_for(prompt, endpoint), prompt)
    body["contents"] = _contents(prompt, endpoint)
    return body


def function_calls(parts: list[Part]) -> list[ToolCall]:
    """The tool calls in the parts of one answer, each with an id of its own."""
    return with_own_ids([_call(part["functionCall"]) for part in parts if is_call(part)])


def is_call(part: Mapping[str, Any]) -> bool:
    """Whether a part asks for a tool."""
    call = part.get("functionCall")
    return isinstance(call, Mapping) and isinstance(call.get("name"), str) and bool(call["name"])


def _answer_form(prompt: Prompt, endpoint: Endpoint) -> dict[str, Any]:
    """The agreed shape. `responseJsonSchema` takes what `responseSchema` refuses, such as additionalProperties.

    https://ai.google.dev/api/generate-content#generationconfig
    """
    if prompt.shape is None or endpoint.profile.structured is not Structured.SCHEMA:
        return {}
    form = {"responseMimeType": "application/json", "responseJsonSchema": prompt.shape.schema}
    return {"generationConfig": form}


def _generation(given: Any, prompt: Prompt, endpoint: Endpoint) -> dict[str, Any]:
    generation = dict(given) if isinstance(given, Mapping) else {}
    if endpoint.traits.temperature is not None:
        generation["temperature"] = endpoint.traits.temperature
    generation["maxOutputTokens"] = output_limit(prompt, endpoint.profile)
    return _with_fitting_budget(generation)


def _with_fitting_budget(generation: dict[str, Any]) -> dict[str, Any]:
    """A thinking budget counts inside the answer's tokens and must leave room for an answer."""
    thinking = generation.get("thinkingConfig")
    budget = thinking.get("thinkingBudget") if isinstance(thinking, Mapping) else None
    limit = generation["maxOutputTokens"]
    if not isinstance(thinking, Mapping) or not isinstance(budget, int) or budget < limit:
        return generation
    kept = {key: value for key, value in thinking.items() if key != "thinkingBudget"}
    if limit // 2 >= _LEAST_BUDGET:
        kept["thinkingBudget"] = limit // 2
    return {**generation, "thinkingConfig": kept}


def _contents(prompt: Prompt, endpoint: Endpoint) -> list[dict[str, Any]]:
    """The turns. Results of calls stand alone: the API wants as many of them in a turn as there were calls."""
    contents: list[dict[str, Any]] = []
    is_after_words = False  # of ours, to which more words may be added
    for turn in spoken_turns(prompt.turns, mark_for("gemini", endpoint.profile)):
        if isinstance(turn, UserTurn):
            if is_after_words:
                contents[-1]["parts"].append(_text(turn.text))
            else:
                contents.append({"role": "user", "parts": [_text(turn.text)]})
            is_after_words = True
            continue
        parts = list(_spoken_parts(turn)) or [_text(turn.text)]
        contents.append({"role": "model", "parts": parts})
        results = list(_results(turn, parts))
        if results:
            contents.append({"role": "user", "parts": results})
        is_after_words = False
    return contents


def _spoken_parts(turn: Spoken) -> Iterator[Part]:
    """The parts as they came, each signature where it was: without them Gemini 3 refuses a conversation with calls.

    https://ai.google.dev/gemini-api/docs/thought-signatures
    """
    kept = turn.replay.get(PARTS)
    if kept is None:
        if turn.text.strip():
            yield _text(turn.text)
        return
    for part in kept:
        is_empty = set(part) <= {"text", "thought"} and not str(part.get("text") or "").strip()
        if not is_empty and ("functionCall" not in part or is_call(part)):
            yield dict(part)


def _results(turn: Spoken, parts: list[Part]) -> Iterator[Part]:
    """One result for each call, with the call's id only where the provider gave one."""
    results = {each.call.id: each.result for each in turn.called}
    called = [part["functionCall"] for part in parts if is_call(part)]
    for own, given in zip(function_calls(parts), called, strict=True):
        named = {"id": given["id"]} if given.get("id") else {}
        response = {"output": results.get(own.id, NO_RESULT)}
        yield {"functionResponse": {**named, "name": own.name, "response": response}}


def _text(text: str) -> Part:
    return {"text": text if text.strip() else EMPTY}


def _call(given: Mapping[str, Any]) -> ToolCall:
    arguments = given.get("args")
    written = json.dumps(arguments if isinstance(arguments, Mapping) else {}, ensure_ascii=False)
    return ToolCall(id=str(given.get("id") or ""), name=str(given["name"]), arguments=written)


def _declaration(tool: Tool) -> dict[str, Any]:
    # `parameters` takes only a part of OpenAPI's schemas and refuses additionalProperties; this takes JSON Schema.
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}


def _tool_config(choice: Choice, prompt: Prompt) -> dict[str, Any]:
    """Nothing where the model is free, since that is the default."""
    if choice is Choice.FREE:
        return {}
    calling: dict[str, Any] = {"mode": "NONE"}
    if choice is Choice.SUBMIT and prompt.shape is not None:
        calling = {"mode": "ANY", "allowedFunctionNames": [prompt.shape.name]}
    return {"toolConfig": {"functionCallingConfig": calling}}
