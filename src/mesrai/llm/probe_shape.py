"""The small exercise by which a test sees whether a model keeps to an agreed shape, read strictly."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mesrai.llm.model import AnswerShape

_FENCE: Final = re.compile(r"```[a-zA-Z0-9]*\s*\n(.*?)\n?```", re.DOTALL)
# What a review takes for a severity, however large it is written; other words it has repaired.
_SEVERITIES: Final = frozenset({
    "critical", "high", "medium", "low", "blocker", "error", "major", "important", "warning", "moderate", "minor",
    "info", "nit",
})  # fmt: skip
_TEXT: Final[Mapping[str, Any]] = {"type": "string"}
_FINDING: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "line": {"type": "integer"},
        "title": _TEXT,
        "severity": {"type": "string", "enum": ["high", "medium", "low"]},
    },
    "required": ["line", "title", "severity"],
    "additionalProperties": False,
}
SHAPE: Final = AnswerShape(
    name="submit_findings",
    description="Hand in what is wrong with the code.",
    schema={
        "type": "object",
        "properties": {"findings": {"type": "array", "items": _FINDING}, "summary": _TEXT},
        "required": ["findings", "summary"],
        "additionalProperties": False,
    },
)
EXERCISE: Final = """What is wrong with this Python code? Name one problem at most.

1 def mean(values):
2     return sum(values) / 0

Answer with one JSON object and nothing else.
The form of the answer:
{"findings": [{"line": "<integer>", "title": "<string>", "severity": "high|medium|low"}], "summary": "<string>"}"""


class Misshapen(ValueError):
    """The answer does not have the agreed shape; the message says where."""


def read_exercise(text: str) -> None:
    """Check the answer to the exercise. Errors: Misshapen."""
    _check(_object_in(text), SHAPE.schema, "the answer")


def _object_in(text: str) -> dict[str, Any]:
    """The JSON object in the text: all of it, a fenced block, or what the outermost braces hold. Errors: Misshapen."""
    problem = ""
    for piece in _pieces(text):
        try:
            value = json.loads(piece, strict=False)
        except (ValueError, RecursionError) as error:
            problem = f"it is not valid JSON: {str(error)[:100]}"
            continue
        if isinstance(value, dict) and "findings" in value:
            return value
        problem = "it must be a JSON object with the key `findings`"
    raise Misshapen(problem)


def _pieces(text: str) -> Iterator[str]:
    yield text.strip()
    yield from (found.group(1) for found in _FENCE.finditer(text))
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        yield text[start : end + 1]


def _check(value: Any, schema: Mapping[str, Any], at: str) -> None:
    kinds: Mapping[str, Any] = {"object": dict, "array": list, "string": str}
    kind = schema["type"]
    if kind == "integer":
        return  # a line is only a hint to a review, so that none is refused there for it
    if not isinstance(value, kinds[kind]):
        raise Misshapen(f"{at} must be of type {kind}")
    if "enum" in schema and value.strip().lower() not in _SEVERITIES:
        raise Misshapen(f"{at} must be one of {', '.join(schema['enum'])}")
    if kind == "object":
        for name, inner in schema["properties"].items():
            if name not in value:
                raise Misshapen(f"{at} lacks the key `{name}`")
            _check(value[name], inner, name)
    elif kind == "array":
        for index, each in enumerate(value):
            _check(each, schema["items"], f"{at}[{index}]")
