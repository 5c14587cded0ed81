"""GitHub's own example payloads (npm @octokit/webhooks-examples 7.6.1), where they are at hand."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.unit.forges.github.webhooks import told

from mesrai.domain.pull_request import EventKind

_ROOT = Path(__file__).parents[4]
_INDEX = Path("node_modules/@octokit/webhooks-examples/api.github.com/index.json")


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
