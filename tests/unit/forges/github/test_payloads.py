"""Fields of what GitHub sends: whatever JSON comes, each reader gives a value of its kind or says what is missing."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.forges.github.spoiling import ANYTHING

from mesrai.forges.github import payloads
from mesrai.forges.github.payloads import Misshapen

ODD: list[Any] = [
    10**400, -1, 0, 2**63, True, "²", "9" * 400, "a\0b", "\ud800", "..", ".", "a/..", "../a", "a/b/c", "a/b\n", "-x/-y",
    "--upload-pack=x", "a" * 40, "A" * 40, "a" * 64, "a" * 40 + "\n", "ada[bot]", "ada bot", [], {}, None,
]  # fmt: skip
MISSHAPEN = object()
VALUES = ANYTHING | st.sampled_from(ODD)
READERS: dict[Callable[..., Any], Callable[[Any], bool]] = {
    payloads.an_object: lambda found: isinstance(found, dict),
    payloads.optional_object: lambda found: found is None or isinstance(found, dict),
    payloads.a_list: lambda found: isinstance(found, list | tuple),
    payloads.an_id: lambda found: type(found) is int and 0 < found < 2**63,
    payloads.optional_id: lambda found: found is None or 0 < found < 2**63,
    payloads.text: lambda found: "\0" not in found and found.encode().decode() == found,
    payloads.a_sha: lambda found: re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", found) is not None,
    payloads.optional_sha: lambda found: re.fullmatch("|[0-9a-f]{40}|[0-9a-f]{64}", found) is not None,
    payloads.a_login: lambda found: re.fullmatch(r"[\w.-]{1,100}(\[bot\])?", found, re.ASCII) is not None,
    payloads.owner_and_name: lambda found: (
        all(re.fullmatch(r"[\w.-]+", each, re.ASCII) for each in found) and not {".", ".."} & set(found)
    ),
}


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@settings(max_examples=60, deadline=None)
@given(value=VALUES)
def test_any_value_is_of_its_kind_or_misshapen(read: Callable[..., Any], value: Any) -> None:
    try:
        found = read({"key": value}, "key")
    except Misshapen:
        found = MISSHAPEN
    assert found is MISSHAPEN or READERS[read](found), (value, found)
