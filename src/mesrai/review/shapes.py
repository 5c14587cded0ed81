"""The shapes of the model's answers: as a schema, and as an example of its form."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mesrai.domain.finding import Category, Severity
from mesrai.domain.memory import MemoryScope
from mesrai.llm.model import AnswerShape, Json

_TEXT = "string"


def review_shape(categories: Sequence[Category]) -> AnswerShape:
    """A review of some files, with findings of these categories."""
    text: Mapping[str, str] = {"type": _TEXT}
    finding = _object(
        path=text,
        line={"type": "integer"},
        quote=text,
        evidence=text,
        title=text,
        body=text,
        category=_one_of(categories),
        severity=_one_of(list(Severity)),
        confidence={"type": "number"},
        replacement={"anyOf": [{"type": _TEXT}, {"type": "null"}]},
    )
    return AnswerShape(
        name="submit_review",
        description="Hand in the review of this part of the change.",
        schema=_object(files=_list_of(_object(path=text, note=text)), findings=_list_of(finding), summary=text),
    )


def verify_shape() -> AnswerShape:
    """A verdict on each of some findings."""
    verdict = _object(
        number={"type": "integer"},
        evidence={"type": _TEXT},
        verdict=_one_of(["confirmed", "refuted"]),
        severity=_one_of(list(Severity)),
        replacement=_one_of(["right", "wrong", "none"]),
        confidence={"type": "number"},
    )
    return AnswerShape(
        name="submit_verdicts",
        description="Hand in the verdict on each finding.",
        schema=_object(verdicts=_list_of(verdict)),
    )


def reply_shape() -> AnswerShape:
    """A reply to somebody who spoke to us."""
    text: Mapping[str, str] = {"type": _TEXT}
    return AnswerShape(
        name="submit_reply",
        description="Hand in the reply to the person.",
        schema=_object(
            reply=text, concedes={"type": "boolean"}, remember=_list_of(_object(quote=text, statement=text))
        ),
    )


def remember_shape() -> AnswerShape:
    """What of a statement is to be remembered."""
    text: Json = {"type": _TEXT}
    return AnswerShape(
        name="submit_memory",
        description="Hand in what of the statement is to be remembered.",
        schema=_object(
            action=_one_of(["create", "update", "skip"]),
            replaces={"type": "integer"},
            text=text,
            scope=_one_of(list(MemoryScope)),
            paths=_list_of(text),
            reason=text,
        ),
    )


def skeleton_of(shape: AnswerShape) -> str:
    """The form of an answer in words a model copies: every key, with what belongs there."""
    return "The form of the answer:\n" + json.dumps(_example(shape.schema), ensure_ascii=False)


def _example(schema: Json) -> Any:
    """A value with the schema's keys, and the names of types or choices in place of values."""
    if "anyOf" in schema:
        return " or ".join(str(_example(each)) for each in schema["anyOf"])
    if schema["type"] == "object":
        return {key: _example(value) for key, value in schema["properties"].items()}
    if schema["type"] == "array":
        return [_example(schema["items"])]
    return "|".join(schema["enum"]) if "enum" in schema else f"<{schema['type']}>"


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _one_of(values: Sequence[str]) -> Json:
    return {"type": _TEXT, "enum": list(values)}


def _list_of(item: Json) -> Json:
    return {"type": "array", "items": item}
