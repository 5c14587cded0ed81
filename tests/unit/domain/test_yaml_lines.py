import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.yaml_lines import MAX_BYTES, Alias, Listing, Scalar, Table, YamlProblem, read_yaml


def plain(text: str, line: int) -> Scalar:
    return Scalar(text=text, plain=True, line=line)


def test_every_node_knows_its_line() -> None:
    assert read_yaml(b"# c\na: 1\nb:\n  - x\n  - 'y'\nc: *q\n") == Table(
        line=2,
        pairs=(
            (plain("a", 2), plain("1", 2)),
            (plain("b", 3), Listing(line=4, items=(plain("x", 4), Scalar(text="y", plain=False, line=5)))),
            (plain("c", 6), Alias(name="q", line=6)),
        ),
    )


def test_empty_text_is_an_empty_scalar() -> None:
    for raw in (b"", b"\n# only a comment\n", b"---\n", b"\xef\xbb\xbf"):
        root = read_yaml(raw)
        assert isinstance(root, Scalar)
        assert root.is_null


def test_lines_are_those_git_counts() -> None:
    root = read_yaml("a: 'x\u2028y'\r\nb: 2\r\n")
    assert isinstance(root, Table)
    assert [key.line for key, _ in root.pairs] == [1, 2]


def test_find_gives_the_first_value_of_a_key() -> None:
    root = read_yaml("on: push\non: x\n")
    assert isinstance(root, Table)
    assert (root.find("on"), root.find("off")) == (plain("push", 1), None)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"a: [1,\nb: 2\n", 3),
        (b"a: b: c", 1),
        (b"a: 1\n\tb: 2\n", 2),
        (b"a: 1\nb: \xe9\n", 2),
        (b"a: 1\nb: \x07\n", 2),
        (b"a\n---\nb\n", 2),
        (b"a:\n  - **/*.js\n", 2),
        (b"x" * (MAX_BYTES + 1), 1),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(raw: bytes, line: int) -> None:
    with pytest.raises(YamlProblem) as caught:
        read_yaml(raw)
    assert caught.value.line == line


def test_tags_construct_nothing() -> None:
    assert read_yaml("!!python/object/apply:os.system ['true']") == Listing(
        line=1, items=(Scalar(text="true", plain=False, line=1),)
    )


@pytest.mark.parametrize("raw", ["[" * 100_000, "{a: " * 50_000, "- " * 100_000, "? " * 100_000])
def test_deep_nesting_is_refused_at_once(raw: str) -> None:
    start = time.process_time()
    with pytest.raises(YamlProblem, match="nested deeper"):
        read_yaml(raw)
    assert time.process_time() - start < 0.5


def test_aliases_stay_small() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    root = read_yaml("\n".join(lines))
    assert isinstance(root, Table)
    assert root.pairs[-1][1] == Listing(line=60, items=(Alias(name="a58", line=60),) * 2)


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200), st.text(alphabet="a:-[]{}&*!|>'\"#?,% \n\t", max_size=80))
)
def test_any_bytes_are_read_or_refused(raw: bytes | str) -> None:
    with contextlib.suppress(YamlProblem):
        assert read_yaml(raw).line >= 1
