"""Looking around in the tree at the head of a local change."""

from collections.abc import Awaitable, Sequence
from pathlib import Path

import pytest
from tests.local_changes import with_source
from tests.repositories import Repository, a_repository

from mesrai.domain.change import At
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import SourceError
from mesrai.forges.forge import LogEntry, Match
from mesrai.forges.local import LocalSource

STAGED = Selection(kind=SelectionKind.STAGED)
COMMIT = Selection(kind=SelectionKind.COMMIT, value="HEAD")


def paths_of(folder: Path, selection: Selection | None = None) -> Sequence[str]:
    return with_source(folder, lambda source: source.tree.paths(), selection)


def found(
    folder: Path,
    text: str,
    selection: Selection | None = None,
    *,
    word: bool = False,
    regex: bool = False,
    under: str = "",
    endings: Sequence[str] = (),
    most: int = 100,
) -> list[tuple[str, int, str]]:
    def search(source: LocalSource) -> Awaitable[Sequence[Match]]:
        return source.tree.search(text, word=word, regex=regex, under=under, endings=endings, most=most)

    return [(match.path, match.line, match.text) for match in with_source(folder, search, selection)]


def subjects(folder: Path, path: str, line: int, selection: Selection | None = None, most: int = 5) -> list[str]:
    def history(source: LocalSource) -> Awaitable[Sequence[LogEntry]]:
        return source.tree.history(path, line, most=most)

    return [entry.subject for entry in with_source(folder, history, selection)]


def a_layered_repository(folder: Path) -> Repository:
    """Other words in the commit, in the index, and on disk."""
    repository = a_repository(
        folder, {"a": "word committed\n", "gone": "word gone\n", "d/b": "b\n", ".gitignore": "ign*\n"}
    )
    repository.write("a", "word staged\n")
    repository.git("add", "a")
    repository.write("a", "word on disk\n")
    repository.write("new", "a new word\n")
    repository.write("ignored", "ignored word\n")
    repository.write("ignored but tracked", "tracked word\n")
    repository.git("add", "--force", "ignored but tracked")
    (folder / "gone").unlink()
    repository.link("link", "a")
    return repository


def test_paths_are_those_of_the_head(tmp_path: Path) -> None:
    a_layered_repository(tmp_path)
    assert paths_of(tmp_path, COMMIT) == [".gitignore", "a", "d/b", "gone"]
    assert paths_of(tmp_path, STAGED) == [".gitignore", "a", "d/b", "gone", "ignored but tracked"]
    assert paths_of(tmp_path) == [".gitignore", "a", "d/b", "ignored but tracked", "link", "new"]


def test_search_looks_into_the_head(tmp_path: Path) -> None:
    a_layered_repository(tmp_path)
    assert found(tmp_path, "word", COMMIT) == [("a", 1, "word committed"), ("gone", 1, "word gone")]
    assert found(tmp_path, "word", STAGED) == [
        ("a", 1, "word staged"),
        ("gone", 1, "word gone"),
        ("ignored but tracked", 1, "tracked word"),
    ]
    assert found(tmp_path, "word") == [
        ("a", 1, "word on disk"),
        ("ignored but tracked", 1, "tracked word"),
        ("new", 1, "a new word"),
    ]


@pytest.mark.parametrize("selection", [Selection(), STAGED, COMMIT], ids=lambda each: each.kind)
def test_search_takes_texts_words_and_expressions(tmp_path: Path, selection: Selection) -> None:
    repository = a_repository(tmp_path, {"a": "call(x)\nrecall(x)\n-e --flag\n$HOME `id`\n", "d/b": "call(y)\r\n"})
    if selection.kind is SelectionKind.WORKING_TREE:
        repository.write("new", "call(z)\n")
    last = [("new", 1, "call(z)")] if selection.kind is SelectionKind.WORKING_TREE else []
    assert found(tmp_path, "call(", selection, most=2) == [("a", 1, "call(x)"), ("a", 2, "recall(x)")]
    assert found(tmp_path, "call", selection, word=True) == [("a", 1, "call(x)"), ("d/b", 1, "call(y)"), *last]
    assert found(tmp_path, r"^call\((x|y)\)", selection, regex=True) == [("a", 1, "call(x)"), ("d/b", 1, "call(y)")]
    assert found(tmp_path, "call", selection, under="d") == found(tmp_path, "call", selection, under="d/")
    assert found(tmp_path, "call", selection, under="d") == [("d/b", 1, "call(y)")]
    for text in ("-e --flag", "--flag", "-e", "$HOME `id`"):
        assert len(found(tmp_path, text, selection)) == 1
    for under in ("none", "../", "*", ":(top)d", "-x"):
        assert not [match for match in _found_or_refused(tmp_path, "call", selection, under) if match[0] != "d/b"]
    assert found(tmp_path, "x)\ncall", selection) == []


def _found_or_refused(folder: Path, text: str, selection: Selection, under: str) -> list[tuple[str, int, str]]:
    try:
        return found(folder, text, selection, under=under)
    except SourceError:
        return []


@pytest.mark.parametrize("selection", [Selection(), STAGED, COMMIT], ids=lambda each: each.kind)
def test_search_keeps_to_folders_and_endings(tmp_path: Path, selection: Selection) -> None:
    names = ["a.py", "b.js", "c.pyc", "d/a.py", "d/e/f.ts", "d/e/[x]*.py", "[x]/a.py", "x/a.py"]
    repository = a_repository(tmp_path, dict.fromkeys(names, "word\n"))
    repository.write("d/a.py", "other\nword\n")
    if selection.kind is SelectionKind.WORKING_TREE:
        repository.git("rm", "-q", "--cached", "x/a.py", "b.js", "d/e/f.ts")

    def paths(under: str = "", *endings: str) -> set[str]:
        return {path for path, _, _ in found(tmp_path, "word", selection, under=under, endings=endings)}

    assert paths("", ".py", ".ts") == set(names) - {"b.js", "c.pyc"}
    assert paths("d/", ".py") == {"d/a.py", "d/e/[x]*.py"}
    assert paths("d", ".py", ".ts", ".js") == {"d/a.py", "d/e/f.ts", "d/e/[x]*.py"}
    assert paths("[x]", ".py") == {"[x]/a.py"}
    assert paths("", "]*.py") == {"d/e/[x]*.py"}
    assert paths("[x]") == {"[x]/a.py"}
    assert paths("none", ".py") == set()


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_search_of_a_commit_does_not_trust_a_disk_that_git_does_not_watch(tmp_path: Path, flag: str) -> None:
    repository = a_repository(tmp_path, {"a": "committed\n", "b": "committed\n"})
    repository.git("update-index", flag, "a")
    repository.write("a", "on disk\n")
    assert [path for path, _, _ in found(tmp_path, "committed", COMMIT)] == ["a", "b"]
    assert found(tmp_path, "on disk", COMMIT) == []


def test_search_of_an_older_commit_finds_what_it_had(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"same": "word\n", "changed": "word old\n", "gone": "word gone\n"})
    repository.git("rm", "-q", "gone")
    repository.commit("second", {"changed": "word new\n", "new": "word\n"})
    repository.git("rm", "-q", "--cached", "same")
    older = Selection(kind=SelectionKind.COMMIT, value="HEAD~1")
    assert found(tmp_path, "word", older) == [("changed", 1, "word old"), ("gone", 1, "word gone"), ("same", 1, "word")]


def test_bad_expression_and_empty_text_are_errors(tmp_path: Path) -> None:
    a_repository(tmp_path, {"a": "1\n"})
    with pytest.raises(SourceError, match="git grep failed"):
        found(tmp_path, "(", regex=True)
    with pytest.raises(SourceError, match="nothing to search for"):
        found(tmp_path, "")


def test_search_skips_binary_files_and_cuts_long_lines(tmp_path: Path) -> None:
    long = "word" + "x" * 5_000_000
    repository = a_repository(tmp_path, {"a": b"word\0word\n", "b": "", "c": b"word \xe9\n"})
    repository.write("b", f"{long}\nword\n")
    assert found(tmp_path, "word") == [("b", 1, long[:400]), ("b", 2, "word"), ("c", 1, "word é")]


def test_search_gives_what_it_has_when_there_is_too_much(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "word\n", "b": "", "c": "word\n"})
    repository.write("b", "word" * 5_000_000 + "\n")
    assert found(tmp_path, "word") == [("a", 1, "word")]


def test_search_does_not_leave_the_tree_by_a_link(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "r", {"d/f": "inside word\n"})
    (repository.root / "d" / "f").unlink()
    (repository.root / "d").rmdir()
    (tmp_path / "f").write_text("outside word\n")
    repository.link("d", "..")
    repository.link("l", "../f")
    assert found(repository.root, "word") == []


def a_told_repository(folder: Path) -> Repository:
    repository = a_repository(folder)
    repository.commit("first", {"old": "1\n2\n3\n"})
    repository.commit("second", {"old": "1\ntwo\n3\n"})
    repository.git("mv", "old", "a")
    repository.commit("moved")
    repository.commit("third", {"a": "0\n1\nTWO\n3\n"})
    repository.commit("elsewhere", {"a": "0\n1\nTWO\n3\n4\n"})
    return repository


def test_history_follows_a_line_back(tmp_path: Path) -> None:
    a_told_repository(tmp_path)
    assert subjects(tmp_path, "a", 3, COMMIT) == ["third", "second", "first"]
    assert subjects(tmp_path, "a", 3, COMMIT, most=2) == ["third", "second"]
    assert subjects(tmp_path, "a", 5, COMMIT) == ["elsewhere"]


def test_history_of_changed_files_is_that_of_the_lines_that_stayed(tmp_path: Path) -> None:
    repository = a_told_repository(tmp_path)
    repository.write("a", "new\n0\n1\nTWO\n")
    repository.write("untracked", "1\n")
    assert subjects(tmp_path, "a", 4) == ["third", "second", "first"]
    assert subjects(tmp_path, "a", 1) == []
    assert subjects(tmp_path, "untracked", 1) == []
    assert subjects(tmp_path, "a", 4, STAGED) == ["first"]


def test_history_of_what_is_not_there_is_empty(tmp_path: Path) -> None:
    a_told_repository(tmp_path)
    for path, line in (("none", 1), ("a", 0), ("a", 6), ("../a", 1), ("--output=x", 1)):
        assert subjects(tmp_path, path, line) == []
        assert subjects(tmp_path, path, line, COMMIT) == []
    assert subjects(a_repository(tmp_path / "unborn").root, "a", 1) == []


def test_history_entry_says_when(tmp_path: Path) -> None:
    repository = a_told_repository(tmp_path)
    (entry,) = with_source(tmp_path, lambda source: source.tree.history("a", 1, most=1))
    assert entry == LogEntry(
        commit=repository.git("rev-parse", "HEAD~1"), date="2024-05-01T10:00:00+00:00", subject="third"
    )


def test_history_of_an_oddly_named_file(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {'ta\tb "é"': "1\n"})
    repository.commit("second", {'ta\tb "é"': "2\n"})
    assert subjects(tmp_path, 'ta\tb "é"', 1) == ["second"]


def test_file_is_read_while_many_ask(tmp_path: Path) -> None:
    import asyncio

    names = [f"d{number % 7}/f{number}" for number in range(200)]
    repository = a_repository(tmp_path, {name: f"{name}\n" for name in names})
    repository.write("big", "x" * 5_000_000)
    repository.commit("big")

    async def read(source: LocalSource) -> None:
        wanted = [*names, "big", *names]
        contents = await asyncio.gather(*(source.file(name, At.BASE) for name in names))
        assert contents == [f"{name}\n".encode() for name in names]
        contents = await asyncio.gather(*(source.file(name, At.HEAD) for name in wanted))
        assert contents == [None if name == "big" else f"{name}\n".encode() for name in wanted]

    with_source(tmp_path, read, Selection(kind=SelectionKind.RANGE, value="HEAD~1..HEAD"))
