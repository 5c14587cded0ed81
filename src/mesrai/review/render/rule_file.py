"""A memory as a rule file, for those who want it kept in the repository and checked as a rule."""

import json
import re
from typing import Final

from mesrai.domain.memory import Memory

_MOST_TITLE: Final = 90
_SENTENCE: Final = re.compile(r".+?[.!?](?=\s|$)")
_NAME: Final = re.compile(r"[^a-z0-9]+")


def render_rule_file(memory: Memory) -> str:
    """The text of a `.mesrai/rules/*.md` that asks for what the memory says."""
    title = title_for(memory.text)
    front = [f"title: {_quoted(title)}", "scope: file", "severity_min: medium"]
    if memory.paths:
        front += ["path:", *(f"  - {_quoted(path)}" for path in memory.paths)]
    # A mark at its start would make another part of the file out of it.
    text = memory.text if memory.text[0].isalnum() else f"Keep to this: {memory.text}"
    return "\n".join(["---", *front, "---", "", "## Instructions", "", text, ""])


def rule_file_name(memory: Memory) -> str:
    """A name for that file."""
    words = _NAME.sub("-", title_for(memory.text).lower()).strip("-")[:50].strip("-")
    return f".mesrai/rules/{words or f'memory-{memory.id}'}.md"


def title_for(text: str) -> str:
    """A rule's name, from its words."""
    first = _SENTENCE.match(text)
    title = (first[0] if first else text).rstrip(".")
    return title if len(title) <= _MOST_TITLE else title[: _MOST_TITLE - 1].rsplit(" ", 1)[0] + "…"


def _quoted(text: str) -> str:
    """As JSON, which YAML reads too."""
    return json.dumps(text, ensure_ascii=False)
