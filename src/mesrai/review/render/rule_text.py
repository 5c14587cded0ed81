"""A rule as the text of a rule file: front matter, instructions and examples."""

import json
import re
from typing import Final

from mesrai.domain.policy import Example, Rule

_TICKS: Final = re.compile(r"`{3,}")
_NAME: Final = re.compile(r"[^a-z0-9]+")
_BODY: Final = re.compile(r"\A---[^\n]*\n.*?\n---[ \t]*\n", re.DOTALL)


def rule_text(rule: Rule) -> str:
    """The whole file. What inheritance a rule has cannot stand in it."""
    parts = [_front(rule), "\n## Instructions\n\n", rule.rule.strip(), "\n"]
    if rule.examples:
        parts.append("\n## Examples\n")
        parts += [_example(each) for each in rule.examples]
    return "".join(parts)


def with_front(rule: Rule, text: str) -> str:
    """The text of a rule file with another front matter, and its body as it is."""
    return _BODY.sub(lambda _: _front(rule), text.replace("\r\n", "\n"), count=1)


def file_stem(title: str) -> str:
    """A name for the file of a rule, without its ending; empty if the title has no letters for one."""
    return _NAME.sub("-", title.lower()).strip("-")[:60].strip("-")


def _front(rule: Rule) -> str:
    lines = [f"title: {_quoted(rule.title)}", f"scope: {rule.scope}", f"severity_min: {rule.severity}"]
    for name, values in (("path", rule.paths), ("languages", rule.languages), ("buckets", rule.buckets)):
        lines += [f"{name}:", *(f"  - {_quoted(value)}" for value in values)] if values else []
    lines += [f"uuid: {_quoted(rule.uuid)}"] if rule.uuid else []
    lines += [] if rule.is_enabled else ["enabled: false"]
    return "\n".join(["---", *lines, "---", ""])


def _example(example: Example) -> str:
    longest = max((len(found) for found in _TICKS.findall(example.snippet)), default=2)
    fence = "`" * (longest + 1)
    name = "Good" if example.is_correct else "Bad"
    return f"\n### {name} example\n\n{fence}\n{example.snippet}\n{fence}\n"


def _quoted(text: str) -> str:
    """As JSON, which YAML reads too."""
    return json.dumps(text, ensure_ascii=False)
