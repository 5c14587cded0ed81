"""GitHub's own example payloads (npm @octokit/webhooks-examples 7.6.1), where they are at hand."""

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.forges.github.webhooks import told

from mesrai.domain.pull_request import Event, EventKind
from mesrai.errors import WebhookRejected

_ROOT = Path(__file__).parents[4]
_INDEX = Path("node_modules/@octokit/webhooks-examples/api.github.com/index.json")


@cache
def the_examples() -> list[tuple[str, dict[str, Any]]]:
    folder = Path(os.environ.get("MESRAI_TEST_NPM") or _ROOT / ".fixtures")
    places = [folder / _INDEX, folder / _INDEX.relative_to("node_modules"), folder / "webhooks.json"]
    index = next((place for place in places if place.is_file()), None)
    if index is None:
        pytest.skip(
            "GitHub's example payloads are not here: "
            "run tests/github/fetch.py, or npm install @octokit/webhooks-examples@7.6.1 "
            "in a folder that MESRAI_TEST_NPM names"
        )
    return [(each["name"], example) for each in json.loads(index.read_text()) for example in each["examples"]]


def test_every_official_example_is_read_or_ignored() -> None:
    examples = the_examples()
    events = [(name, told(name, example)) for name, example in examples]
    kinds = Counter((name, event.kind) for name, event in events if event is not None)

    assert len(examples) == 329
    assert kinds == {
        ("pull_request", EventKind.OPENED): 9,
        ("pull_request", EventKind.PUSHED): 1,
        ("pull_request", EventKind.CLOSED): 2,
        ("pull_request_review_comment", EventKind.COMMENTED): 3,
        ("check_run", EventKind.RERUN): 2,
        ("check_suite", EventKind.RERUN): 2,
        ("installation", EventKind.CONNECTED): 4,
        ("installation", EventKind.DISCONNECTED): 3,
        ("installation_repositories", EventKind.CONNECTED): 2,
        ("installation_repositories", EventKind.DISCONNECTED): 1,
        ("ping", EventKind.PING): 4,
    }


ABSENT = object()
NAMED = "id number login sha ref full_name action body state title sender user head base repo comment issue".split()
READ = "pull_request issue_comment pull_request_review_comment check_run check_suite installation ping".split()
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 10**30, 1.5, "", "\0\ud800", "..", "a/../b", "--upload-pack=x", "x" * 300, [], {}, [[]], [{}],
     {"id": 1}]
)  # fmt: skip


def is_read_ignored_or_rejected(name: str, said: Any) -> bool:
    try:
        event = told(name, said)
    except WebhookRejected as rejected:
        return rejected.status == 400
    return event is None or isinstance(event, Event)


def retyped(value: Any, draw: st.DrawFn) -> Any:
    """The payload with some of its keys gone, and some of its values something else."""
    if isinstance(value, dict):
        fate = {key: draw(st.integers(0, 30)) if key in NAMED else 9 for key in value}
        return {key: draw(ODD) if fate[key] == 1 else retyped(inner, draw) for key, inner in value.items() if fate[key]}
    if isinstance(value, list):
        return [retyped(inner, draw) for inner in value[:2]]
    return value


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_official_example_that_is_spoiled_is_read_ignored_or_rejected(data: st.DataObject) -> None:
    name, example = data.draw(st.sampled_from([each for each in the_examples() if each[0] in READ]))
    said = data.draw(st.composite(lambda draw: retyped(example, draw))())
    assert is_read_ignored_or_rejected(name, said)


def test_every_official_example_is_read_ignored_or_rejected_whichever_of_its_keys_is_missing() -> None:
    for name, example in the_examples():
        for key in example:
            for other in ABSENT, None, [], "\0", {"id": -1}:
                rest = {each: value for each, value in example.items() if each != key}
                said = rest if other is ABSENT else {**rest, key: other}
                assert is_read_ignored_or_rejected(name, said), (name, key, other)
