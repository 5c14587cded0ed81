import json
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.factories import a_finding, a_review, a_usage
from tests.golden import assert_golden
from tests.sample_review import a_full_review, a_partial_review
from tests.strategies import FEW, hostile_text, reviews

from mesrai.domain.review import Outcome, Review
from mesrai.errors import SettingsError, UserError
from mesrai.review.render.json_text import read_review, render_agent, render_json, review_schema

SCHEMA_FILE = Path(__file__).parents[4] / "docs/review.schema.json"


def test_whole_review_in_json() -> None:
    assert_golden("full.json", render_json(a_full_review()))


@FEW
@given(reviews(st.text(max_size=20)))
def test_review_read_back_is_the_same_review(review: Review) -> None:
    assert read_review(render_json(review).encode()) == review
    assert read_review(render_agent(review).encode()) == review


@FEW
@given(reviews(hostile_text()))
def test_json_is_valid_against_its_schema_and_shows_nothing_a_terminal_acts_on(review: Review) -> None:
    text = render_json(review)
    Draft202012Validator(review_schema()).validate(json.loads(text))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028\u202e\ud800-\udfff]", text)
    assert render_agent(review).count("\n") == 1


def test_escaped_characters_come_back_as_they_were() -> None:
    review = a_review(a_finding("x\x9b31m\u202e\U000e0041y", body="\x1b[2J"))
    text = render_json(review)
    assert "x\\u009b31m\\u202e\\udb40\\udc41y" in text
    assert read_review(text.encode()) == review


def test_path_that_is_no_text_does_not_break_the_document() -> None:
    shown = json.loads(render_json(a_review(a_finding(path="caf\udce9.py"))))
    assert shown["findings"][0]["path"] == "caf\ufffd.py"


@pytest.mark.parametrize(("cost", "shown"), [("0.0483", "0.048300"), ("12", "12.000000"), (None, "null")])
def test_cost_is_a_number_with_six_decimals_or_null(cost: Any, shown: str) -> None:
    from decimal import Decimal

    review = a_review(usage=a_usage(cost=None if cost is None else Decimal(cost)))
    assert f'"cost":{shown},' in render_agent(review)


def test_fields_keep_only_what_is_named_and_how_far_the_review_got() -> None:
    review = a_review(a_finding(), outcome=Outcome.PARTIAL)
    asked = ("findings.path", "findings.severity", "summary", "usage.cost", "findings.suggestion")
    assert json.loads(render_json(review, fields=asked)) == {
        "schema_version": 1,
        "outcome": "partial",
        "summary": "Prices are added up in one place.",
        "findings": [{"path": "src/cart.py", "severity": "high", "suggestion": None}],
        "usage": {"cost": 0.0483},
    }


def test_whole_field_wins_over_a_part_of_it_in_either_order() -> None:
    review = a_full_review()
    whole = json.loads(render_json(review))["change"]
    for asked in (("change", "change.base"), ("change.base", "change")):
        assert json.loads(render_json(review, fields=asked))["change"] == whole


def test_unknown_field_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"no field 'findings.file'.*findings.path.*models.usage.cost"):
        render_json(a_review(), fields=("findings.file",))


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"outcome":"fine"}'])
def test_what_is_no_review_is_refused(data: bytes) -> None:
    with pytest.raises(UserError, match="not a review"):
        read_review(data)


def test_review_of_another_schema_version_is_refused() -> None:
    later = render_json(replace(a_review(), schema_version=2))
    with pytest.raises(UserError, match="schema version 2"):
        read_review(later.encode())


def test_schema_in_the_docs_is_the_one_of_the_code() -> None:
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == review_schema()


def test_schema_explains_every_field() -> None:
    schema = review_schema()
    Draft202012Validator.check_schema(schema)
    parts = [schema, *schema["$defs"].values()]
    assert all(part["title"] and part["description"] for part in parts)
    assert all(field["description"] for part in parts for field in part.get("properties", {}).values())


def test_documented_order_of_fields_is_the_written_one() -> None:
    written = json.loads(render_json(a_partial_review()))
    assert list(review_schema()["properties"]) == list(written) == [field.name for field in fields(Review)]
    assert is_dataclass(Review)
