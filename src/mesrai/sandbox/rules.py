"""Answers without a model: valid for the shape that is asked for, and for a review good enough to run through."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mesrai.sandbox.saying import Answerer, Body, spoken_text, text_of

_HEADING: Final = re.compile(r"^## File (.+)$")
_ADDED: Final = re.compile(r"^\s*(\d+) \+ (.*)$")
_COUNT: Final = re.compile(r"numbered 1 to (\d+)")
_FORM: Final = re.compile(r"^The form of the answer:\n(\{.*\})$", re.MULTILINE)
# What the stand-in takes for a problem in an added line.
_PROBLEMS: Final = (
    (re.compile(r"\beval\("), "security", "high", "Text from outside is run as code"),
    (re.compile(r"shell\s*=\s*True"), "security", "high", "The command goes through a shell"),
    (re.compile(r"^\s*except\s*:"), "bug", "medium", "Every error is caught, also those that should end the program"),
    (re.compile(r"\bFIXME\b"), "bug", "low", "The change leaves a known fault in place"),
)


def answer_by_rule(body: Body) -> str | Body:
    """The smallest answer of the wanted shape; where that is a review or verdicts, one that fits the question."""
    question = _question(body)
    tool = _submit_tool(body)
    schema = tool["parameters"] if tool else _schema(body)
    if schema is None:
        forms = _FORM.findall(question)
        if not forms:
            return "Understood."
        schema = {"type": "object", "properties": {key: {"type": "string"} for key in json.loads(forms[-1])}}
    value = filled(schema)
    if isinstance(value, dict):
        value |= {key: made for key, made in _review_parts(question).items() if key in value}
    if tool:
        return {"tool_calls": [{"name": tool["name"], "arguments": value}]}
    return json.dumps(value, ensure_ascii=False)


def answer_from_folder(folder: Path) -> Answerer:
    """Answers from the JSON files in a folder, tried in the order of their names; by rule where none fits.

    A file holds {"contains": [texts that all stand in the request], "answer": a text or an object}.
    """
    entries = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]

    def answer(body: Body) -> str | Body:
        said = spoken_text(body)
        for entry in entries:
            if all(text in said for text in entry.get("contains", ())):
                given: str | Body = entry["answer"]
                return given
        return answer_by_rule(body)

    return answer


def filled(schema: Mapping[str, Any]) -> Any:
    """The smallest value that is valid for a JSON schema of the kinds a review uses."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return filled(schema[key][-1])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: filled(properties[name]) for name in schema.get("required", properties)}
    if kind == "array":
        return [filled(schema["items"])] * schema.get("minItems", 0)
    least = schema.get("minimum", 0)
    return {"string": "", "integer": least, "number": least, "boolean": False}.get(kind)


def _review_parts(question: str) -> dict[str, Any]:
    """What a review's answer may hold, by key."""
    count = _COUNT.search(question)
    paths = dict.fromkeys(found.group(1) for line in question.splitlines() if (found := _HEADING.match(line)))
    return {
        "files": [{"path": path, "note": "Changed."} for path in paths],
        "findings": list(_findings(question)),
        "summary": "Looked through by fixed rules, not by a model.",
        "verdicts": [_verdict(number) for number in range(1, int(count.group(1)) + 1)] if count else [],
    }


def _findings(question: str) -> Iterator[dict[str, Any]]:
    path, is_change = "", False
    for line in question.splitlines():
        heading, added = _HEADING.match(line), _ADDED.match(line)
        if heading:
            path = heading.group(1)
        elif line.startswith("###"):
            is_change = not line.startswith("### Elsewhere")
        elif added and path and is_change:
            yield from _problems(path, int(added.group(1)), added.group(2))


def _problems(path: str, line: int, text: str) -> Iterator[dict[str, Any]]:
    for pattern, category, severity, title in _PROBLEMS:
        if pattern.search(text):
            yield {
                "path": path,
                "line": line,
                "quote": text,
                "evidence": f"Line {line} holds it.",
                "title": title,
                "body": f"{title}. Found by a fixed rule of the stand-in provider.",
                "category": category,
                "severity": severity,
                "confidence": 0.9,
                "replacement": None,
            }


def _verdict(number: int) -> dict[str, Any]:
    return {
        "number": number,
        "evidence": "The line is in the change.",
        "verdict": "confirmed",
        "severity": "medium",
        "confidence": 0.9,
    }


def _question(body: Body) -> str:
    asked = [text_of(each.get("content")) for each in body.get("messages") or () if each.get("role") == "user"]
    return "\n".join(asked)


def _schema(body: Body) -> Mapping[str, Any] | None:
    wanted = body.get("response_format") or {}
    schema: Mapping[str, Any] | None = (wanted.get("json_schema") or {}).get("schema")
    return schema


def _submit_tool(body: Body) -> dict[str, Any] | None:
    """The tool by which the answer is to be handed in, unless calls are forbidden."""
    if body.get("tool_choice") == "none":
        return None
    functions = [tool["function"] for tool in body.get("tools") or ()]
    found: dict[str, Any] | None = next((each for each in functions if each["name"].startswith("submit")), None)
    return found
