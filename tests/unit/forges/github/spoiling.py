"""Payloads in which one thing is not what it should be."""

from typing import Any

from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.lists(st.integers(0, 30), min_size=1, max_size=4)  # where in a payload to put it, see spoiled


def spoiled(value: Any, path: list[int], other: Any) -> Any:
    """`value` with one thing in it, found by the numbers in `path`, replaced by `other`."""
    if not path or not isinstance(value, dict | list) or not value:
        return other
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    at = keys[path[0] % len(keys)]
    pairs = {key: spoiled(value[key], path[1:], other) if key == at else value[key] for key in keys}
    return pairs if isinstance(value, dict) else list(pairs.values())
