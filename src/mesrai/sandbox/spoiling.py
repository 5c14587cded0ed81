"""Answers as a misbehaving model gives them."""

import re
from dataclasses import replace
from typing import Final

from mesrai.sandbox.saying import Call, Said

# A call of Kimi's as it is written for the model itself, when a host does not take it apart.
_LEAKED: Final = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{}"
    "<|tool_call_end|><|tool_calls_section_end|>"
)


def spoiled(said: Said, fault: str) -> Said:
    """The answer with a fault of `faults.ON_ANSWER`."""
    match fault:
        case "empty_answer":
            return replace(said, content="", calls=(), finish="stop")
        case "length_reasoning":
            return replace(said, content="", calls=(), reasoning="Let me think. " * 500, finish="length")
        case "length":
            return replace(said, content=said.content[: len(said.content) // 2], finish="length")
        case "malformed_json":
            return replace(said, content=said.content[:-1] + ',, "oops"')
        case "fenced_json":
            return replace(said, content=f"Here it is:\n```json\n{said.content}\n```\n")
        case "bad_tool_arguments":
            calls = said.calls or (Call(id="read_file:0", name="read_file", arguments=""),)
            return replace(
                said, finish="tool_calls", calls=tuple(replace(each, arguments='{"path": ') for each in calls)
            )
        case "unquoted_keys":
            return replace(said, content=re.sub(r'"(\w+)":', r"\1:", said.content))
        case "leaked_tokens":
            return replace(said, content=_LEAKED, calls=(), finish="stop")
        case "think_tag":
            return replace(said, content=f"<think>{{not the answer}}</think>\n{said.content}")
    return replace(said, content="", calls=(), finish="content_filter")
