"""Answers without a model: valid for the shape that is asked for, and good enough to run a review or a talk through."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mesrai.sandbox.problems import Rule
from mesrai.sandbox.reading import (
    Added,
    Claim,
    added_in,
    claims_in,
    is_review,
    is_talk,
    paths_in,
    question_in,
    statement_in,
)
from mesrai.sandbox.saying import Answerer, Body, spoken_text

_FORM: Final = re.compile(r"^The form of the answer:\n(\{.*\})$", re.MULTILINE)
_AROUND: Final = 20  # lines
_MOST_SAID: Final = 400  # characters


def answer_by_rule(body: Body) -> str | Body:
    """The smallest answer of the wanted shape; a review, verdicts or a reply are such as fit the question."""
    question = question_in(body)
    call = _look_first(body, question)
    if call is not None:
        return {"tool_calls": [call]}
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


def _look_first(body: Body, question: str) -> Body | None:
    """The one look-up of a conversation, for a problem whose surroundings matter; None where it is time to answer."""
    names = [function["name"] for function in _functions(body)]
    has_looked = any(message.get("role") == "tool" for message in body.get("messages") or ())
    if has_looked or not is_review(question) or body.get("tool_choice") == "none":
        return None
    found = next((line for line, rule in _problems(question) if rule.wants_look), None)
    if found is None:
        return None
    if "read_file" in names:
        lines = {"start_line": max(found.line - _AROUND, 1), "end_line": found.line + _AROUND}
        return {"name": "read_file", "arguments": {"path": found.path, **lines}}
    if "search_text" in names and found.text.strip():
        return {"name": "search_text", "arguments": {"text": found.text.strip()[:100]}}
    return None


def _review_parts(question: str) -> dict[str, Any]:
    """What a review's answer may hold, by key."""
    findings = [_finding(line, rule) for line, rule in _problems(question)]
    lines = list(added_in(question))
    return {
        "files": [{"path": path, "note": _note(path, lines)} for path in paths_in(question)],
        "findings": findings,
        "summary": f"Looked through by fixed rules, not by a model: {len(lines)} added lines.",
        "verdicts": [_verdict(claim) for claim in claims_in(question)],
        **_reply_parts(question),
        **_memory_parts(question),
    }


def _memory_parts(question: str) -> dict[str, Any]:
    """What of a statement is to be remembered, by key: all of it, unless it is a question."""
    said = " ".join(statement_in(question).split())[:_MOST_SAID]
    if not said:
        return {}
    is_asked = said.endswith("?")
    return {
        "action": "skip" if is_asked else "create",
        "text": "" if is_asked else said,
        "scope": "repository",
        "reason": "A question is nothing to remember." if is_asked else "",
    }


def _reply_parts(question: str) -> dict[str, Any]:
    """What a reply to a person may hold, by key: it concedes where the rules see nothing wrong in what is shown."""
    if not is_talk(question):
        return {}
    files = ", ".join(f"`{path}`" for path in paths_in(question)) or "the change"
    seen = [
        f"- {line.path}, line {line.line}, `{line.text.strip()}`: {rule.title}" for line, rule in _problems(question)
    ]
    count = len(list(added_in(question)))
    what = "\n".join(["These lines break one:\n", *seen]) if seen else "None of them breaks one."
    return {
        "reply": f"I am a set of fixed rules and no model, and cannot read a question. In {files} I see {count} added "
        f"lines. {what}",
        "concedes": not seen and count > 0,
        "remember": [],
    }


def _problems(question: str) -> Iterator[tuple[Added, Rule]]:
    return ((line, rule) for line in added_in(question) for rule in line.broken)


def _note(path: str, lines: Sequence[Added]) -> str:
    count = sum(line.path == path for line in lines)
    return f"Adds {count} lines." if count else "Changed."


def _finding(line: Added, rule: Rule) -> Body:
    return {
        "path": line.path,
        "line": line.line,
        "quote": line.text,
        "evidence": f"Line {line.line} holds it.",
        "title": rule.title,
        "body": f"{rule.body} Found by a fixed rule of the stand-in provider.",
        "category": rule.category,
        "severity": rule.severity,
        "confidence": 0.9,
        "replacement": rule.mended(line.text),
    }


def _verdict(claim: Claim) -> Body:
    return {
        "number": claim.number,
        "evidence": "The line is in the change.",
        "verdict": "confirmed",
        "severity": claim.severity,
        "replacement": "right" if claim.has_replacement else "none",
        "confidence": 0.9,
    }


def _schema(body: Body) -> Mapping[str, Any] | None:
    wanted = body.get("response_format") or {}
    schema: Mapping[str, Any] | None = (wanted.get("json_schema") or {}).get("schema")
    return schema


def _functions(body: Body) -> list[Body]:
    return [tool["function"] for tool in body.get("tools") or ()]


def _submit_tool(body: Body) -> dict[str, Any] | None:
    """The tool by which the answer is to be handed in, unless calls are forbidden."""
    if body.get("tool_choice") == "none":
        return None
    found: dict[str, Any] | None = next((each for each in _functions(body) if each["name"].startswith("submit")), None)
    return found
