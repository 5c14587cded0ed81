"""Answers without a model fit the question they are given."""

import json
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.sandbox.rules import answer_by_rule, answer_from_folder, filled

QUESTION = """Review this part of the change:

<<<f
## File src/a.py
(modified)

### The file from line 1
    1   x = 1
    2 + y = eval(text)
    3 - z = eval(old)

### Elsewhere: src/b.py, lines 1 to 1 (caller)
    1 + eval(never)

## File src/ü b.py
(added)

### The file from line 7
    7 +     except:
>>>f

Answer with one JSON object and nothing else.
The form of the answer:
{"files": [], "findings": [], "summary": "<string>"}"""
TEXT = {"type": "string"}
FINDING = {
    "type": "object",
    "properties": {"path": TEXT, "line": {"type": "integer"}, "quote": TEXT, "severity": {"enum": ["high", "low"]}},
    "required": ["path", "line", "quote", "severity"],
}
SHAPE = {
    "type": "object",
    "properties": {
        "files": {"type": "array", "items": {"type": "object", "properties": {"path": TEXT, "note": TEXT}}},
        "findings": {"type": "array", "items": FINDING},
        "summary": TEXT,
    },
    "required": ["files", "findings", "summary"],
}


def asked(question: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": question}], **more}


def test_a_review_speaks_of_every_file_and_finds_what_the_rules_know() -> None:
    given_schema = {"type": "json_schema", "json_schema": {"schema": SHAPE}}
    answer = answer_by_rule(asked(QUESTION, response_format=given_schema))
    assert isinstance(answer, str)
    value = json.loads(answer)
    assert [file["path"] for file in value["files"]] == ["src/a.py", "src/ü b.py"]
    assert [(each["path"], each["line"], each["quote"]) for each in value["findings"]] == [
        ("src/a.py", 2, "y = eval(text)"),
        ("src/ü b.py", 7, "    except:"),
    ]


def test_the_answer_is_handed_in_where_there_is_a_tool_for_it() -> None:
    tool = {"type": "function", "function": {"name": "submit_review", "parameters": SHAPE}}
    answer = answer_by_rule(asked(QUESTION, tools=[tool]))
    assert isinstance(answer, dict)
    assert answer["tool_calls"][0]["name"] == "submit_review"
    assert len(answer["tool_calls"][0]["arguments"]["files"]) == 2
    assert isinstance(answer_by_rule(asked(QUESTION, tools=[tool], tool_choice="none")), str)


def test_the_form_shown_in_the_question_serves_where_there_is_no_schema() -> None:
    answer = answer_by_rule(asked(QUESTION))
    assert isinstance(answer, str)
    assert json.loads(answer).keys() == {"files", "findings", "summary"}


def test_as_many_verdicts_are_given_as_are_asked_for() -> None:
    verdicts = 'Give one verdict for each finding, numbered 1 to 3.\nThe form of the answer:\n{"verdicts": []}'
    answer = answer_by_rule(asked(verdicts))
    assert isinstance(answer, str)
    assert [each["number"] for each in json.loads(answer)["verdicts"]] == [1, 2, 3]


def test_another_question_gets_words() -> None:
    assert answer_by_rule(asked("Hello?")) == "Understood."


def test_answers_from_a_folder_come_first(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(json.dumps({"contains": ["Hello", "there"], "answer": "General."}))
    (tmp_path / "2.json").write_text(json.dumps({"contains": ["Hello"], "answer": {"content": "Hi."}}))
    answer = answer_from_folder(tmp_path)
    assert answer(asked("Hello there")) == "General."
    assert answer(asked("Hello")) == {"content": "Hi."}
    assert answer(asked("Good night")) == "Understood."


SCHEMAS = st.recursive(
    st.sampled_from([TEXT, {"type": "integer"}, {"type": "number", "minimum": 2}, {"type": "boolean"}, {"enum": ["a"]},
                     {"const": 4}, {"type": ["string", "null"]}, {"anyOf": [TEXT, {"type": "null"}]}]),
    lambda inner: st.one_of(
        st.builds(lambda item, least: {"type": "array", "items": item, "minItems": least}, inner, st.integers(0, 2)),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
            lambda properties: {"type": "object", "properties": properties, "required": sorted(properties),
                                "additionalProperties": False}
        ),
    ),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None)
@given(SCHEMAS)
def test_the_smallest_value_is_valid_for_its_schema(schema: dict[str, Any]) -> None:
    jsonschema.validate(filled(schema), schema)


TALK = {
    "type": "object",
    "properties": {"reply": TEXT, "concedes": {"type": "boolean"}, "remember": {"type": "array", "items": TEXT}},
    "required": ["reply", "concedes", "remember"],
}


def test_somebody_who_asks_is_told_what_the_rules_see() -> None:
    given_schema = {"type": "json_schema", "json_schema": {"schema": TALK}}
    talk = QUESTION.replace("Review this part of the change", "You are spoken to in a thread. The part it is about")
    answer = answer_by_rule(asked(talk, response_format=given_schema))
    assert isinstance(answer, str)
    told = json.loads(answer)
    jsonschema.validate(told, TALK)
    assert "src/a.py, line 2" in told["reply"]
    assert not told["concedes"]
    harmless = talk.replace("eval(text)", "text").replace("except:", "pass")
    answer = answer_by_rule(asked(harmless, response_format=given_schema))
    assert isinstance(answer, str)
    assert json.loads(answer)["concedes"]
