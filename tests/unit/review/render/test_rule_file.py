"""A memory as a rule file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.memory import Memory, MemoryScope, memory_paths, memory_text
from mesrai.domain.policy_file import read_rule_file
from mesrai.review.render.rule_file import render_rule_file, rule_file_name


def test_the_file_reads_as_the_rule_that_the_memory_asks_for() -> None:
    memory = Memory(
        id=3, text='Money is "cents": never floats. See #7.', scope=MemoryScope.DIRECTORY, paths=("src/**", "!*.md")
    )
    rule = read_rule_file(render_rule_file(memory).encode(), "x.md")
    assert (rule.title, rule.rule) == ('Money is "cents": never floats', memory.text)
    assert (rule.paths, str(rule.severity)) == (memory.paths, "medium")
    assert rule_file_name(memory) == ".mesrai/rules/money-is-cents-never-floats.md"


@given(st.text(min_size=1, max_size=300), st.lists(st.text(min_size=1, max_size=30), max_size=3))
def test_every_memory_makes_a_file_that_can_be_read(text: str, paths: list[str]) -> None:
    try:
        kept, held = memory_text(text), memory_paths(paths) if paths else ()
    except ValueError:
        return
    memory = Memory(id=3, text=kept, paths=held)
    rule = read_rule_file(render_rule_file(memory).encode("utf-8", "replace"), "x.md")
    assert rule.rule.endswith(kept)
    assert rule.paths == held
    assert rule_file_name(memory).startswith(".mesrai/rules/")
    assert "/" not in rule_file_name(memory).removeprefix(".mesrai/rules/")


@pytest.mark.parametrize("text", ["## Examples", "--- x", "```py", "# Instructions"])
def test_what_would_be_another_part_of_the_file_stays_text(text: str) -> None:
    rule = read_rule_file(render_rule_file(Memory(id=3, text=text)).encode(), "x.md")
    assert rule.rule.endswith(text)
