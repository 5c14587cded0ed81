import contextlib
import time

import pytest

from mesrai.domain.grammars import Unparsed, find_grammar, load_grammar, parse

GRAMMARS = ["c", "cpp", "csharp", "go", "java", "javascript", "kotlin", "php", "ruby", "rust", "tsx", "typescript"]


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_every_grammar_loads_and_reads_an_empty_file(grammar: str) -> None:
    assert load_grammar(grammar).node_kind_count > 0
    assert parse(b"", grammar).root_node.child_count == 0


def test_grammar_is_known_by_the_suffix() -> None:
    paths = ("a.TS", "a.tsx", "a.mjs", "x/a.go", "a.h", "a.py", "Makefile")
    assert [find_grammar(path) for path in paths] == ["typescript", "tsx", "javascript", "go", "cpp", None, None]


def test_long_source_is_read_to_its_end() -> None:
    tree = parse("".join(f"const é{number} = {number};\n" for number in range(20_000)).encode(), "javascript")
    assert tree.root_node.child_count == 20_000
    assert not tree.root_node.has_error


@pytest.mark.parametrize(
    ("grammar", "source"),
    [
        ("cpp", b"(" * 100_000),
        ("cpp", b"a<" * 50_000),
        ("typescript", b"[" * 5_000),
        ("typescript", b"/* " * 20_000),
        ("java", b"x " * 20_000),
        ("javascript", b"'" * 20_000),
        ("go", b"\0" * 10_000),
    ],
)
def test_no_text_takes_long(grammar: str, source: bytes) -> None:
    load_grammar(grammar)
    start = time.thread_time()
    with contextlib.suppress(Unparsed):
        parse(source, grammar)
    assert time.thread_time() - start < 1.0
