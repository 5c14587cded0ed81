"""The text of a policy file in which every key is a comment with its meaning and its default."""

import json
import re
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any, Final

from mesrai.cli.config.text import plain_value
from mesrai.domain.policy import Policy
from mesrai.domain.policy_keys import POLICY
from mesrai.domain.policy_levels import defaults
from mesrai.domain.policy_shapes import Choice, Record

_WIDTH: Final = 100
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_HEAD: Final = """\
# What reviews of this repository look at. Every key is optional: take the # away to change one.
# docs/policy.md explains them. Check this file with: mesrai config validate
"""
_RULES: Final = """\
# rules:
#   - title: "Money is counted in cents"
#     rule: "Amounts of money are integers of cents, never floats."
#     severity: medium
#     path: ["src/billing/**"]
"""


def policy_template() -> str:
    """The text. With all its `#` of keys taken away, it asks for what the defaults are."""
    values = dict(defaults())
    lines = [_HEAD, f"version: {json.dumps(Policy().version)}\n"]
    lines += _record(POLICY, values, "", "")
    return "".join(lines)


def _record(record: Record, values: Mapping[str, Any], above: str, indent: str) -> Iterator[str]:
    for field in record.fields:
        key = above + field.name
        if key == "version":
            continue
        yield "\n" if not indent else ""
        yield from _comment(field.meaning, indent)
        if key == "rules":
            yield _RULES
        elif isinstance(field.shape, Record):
            yield f"# {indent}{field.name}:\n"
            yield from _record(field.shape, values, f"{key}.", indent + "  ")
        else:
            if isinstance(field.shape, Choice):
                yield f"## {indent}One of {', '.join(field.shape.words)}.\n"
            yield f"# {indent}{field.name}: {json.dumps(plain_value(values[key]), ensure_ascii=False)}\n"


def _comment(meaning: str, indent: str) -> Iterator[str]:
    for line in wrap(_LINK.sub(r"\1", meaning), _WIDTH - len(indent)):
        yield f"## {indent}{line}\n"
