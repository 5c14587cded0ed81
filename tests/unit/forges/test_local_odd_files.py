"""Files of every odd sort, read with a real git."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.diffs import applied
from tests.local_changes import actions, change_of, file_of, with_source
from tests.repositories import Content, Repository, a_clone, a_repository

from mesrai.domain.change import At
from mesrai.domain.diff import Action, FileDiff, FileKind, LineKind
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import UserError
from mesrai.forges.local import LocalSource
from mesrai.forges.untracked import read_untracked

STAGED = Selection(kind=SelectionKind.STAGED)
ODD_NAMES = [
    "with space",
    'with "quotes"',
    "with 'single'",
    "tab\there",
    "line\nfeed",
    "back\\slash",
    "café/naïve 日本.py",
    "-dash",
    "a => b",
    " leading and trailing ",
    "*?[x]",
    ":(top)magic",
    "b/a b/c",
    "bell\a\x1b[31m",
    os.fsdecode(b"latin \xe9"),
    "a" * 200,
]


def change_every(repository: Repository, content: Content) -> None:
    for path in ODD_NAMES:
        repository.write(path, content)


@pytest.mark.parametrize("stage", ["untracked", "staged", "modified", "committed"])
def test_odd_names_are_read_everywhere(tmp_path: Path, stage: str) -> None:
    repository = a_repository(tmp_path, {"a": "a\n"})
    change_every(repository, "1\n")
    expected = Action.ADDED
    selection = Selection()
    if stage == "staged":
        repository.git("add", "-A")
        selection = STAGED
    if stage in ("modified", "committed"):
        repository.commit("names")
        change_every(repository, "1\n2\n")
        expected = Action.MODIFIED
    if stage == "committed":
        repository.commit("more")
        selection = Selection(kind=SelectionKind.COMMIT, value="HEAD")

    async def read(source: LocalSource) -> None:
        change = await source.change()
        assert actions(change) == dict.fromkeys(sorted(ODD_NAMES), expected)
        assert all(file.additions == 1 for file in change.files)
        for path in ODD_NAMES:
            assert await source.file(path, At.HEAD) == (b"1\n2\n" if expected is Action.MODIFIED else b"1\n")
            assert await source.file(path, At.BASE) == (b"1\n" if expected is Action.MODIFIED else None)
        assert set(ODD_NAMES) <= set(await source.tree.paths())
        assert {match.path for match in await source.tree.search("1")} == set(ODD_NAMES)

    with_source(tmp_path, read, selection)


def test_odd_names_in_renames_and_paths(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {path: f"{path!r} 1\n2\n3\n4\n" for path in ODD_NAMES})
    for path in ODD_NAMES:
        (tmp_path / "moved" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).rename(tmp_path / "moved" / path)
    repository.git("add", "-A")
    for selection in (STAGED, Selection(paths=tuple(f"moved/{path}" for path in ODD_NAMES))):
        change = change_of(tmp_path, selection)
        assert {file.path: file.old_path for file in change.files} == {f"moved/{path}": path for path in ODD_NAMES}


def test_file_moved_without_git_is_a_rename(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"old": "1\n2\n", "twin": "t\n", "other twin": "t\n", "empty": ""})
    for path in ("old", "twin", "other twin", "empty"):
        (tmp_path / path).rename(tmp_path / f"new {path}")
    change = change_of(repository.root)
    assert change.files[0] == FileDiff(path="empty", action=Action.DELETED, old_mode="100644")
    assert [(file.path, file.old_path, file.action) for file in change.files if file.old_path] == [
        ("new old", "old", Action.RENAMED)
    ]
    assert len(change.files) == 7


def test_modes_renames_copies_and_empty_files(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"script": "x\n", "moved": "1\n2\n3\n4\n", "empty": ""})
    (tmp_path / "script").chmod(0o755)
    (tmp_path / "empty").unlink()
    repository.write("new empty", "")
    repository.write("program", "").chmod(0o755)
    repository.git("mv", "moved", "was moved")
    repository.write("was moved", "1\n2\n3\n5\n")
    assert change_of(tmp_path).files[0] == FileDiff(path="empty", action=Action.DELETED, old_mode="100644")
    found = {
        file.path: (file.action, file.old_path, file.old_mode, file.new_mode, len(file.hunks))
        for file in change_of(tmp_path).files
    }
    assert found == {
        "empty": (Action.DELETED, None, "100644", "", 0),
        "new empty": (Action.ADDED, None, "", "100644", 0),
        "program": (Action.ADDED, None, "", "100755", 0),
        "script": (Action.MODIFIED, None, "100644", "100755", 0),
        "was moved": (Action.RENAMED, "moved", "100644", "100644", 1),
    }


def test_binary_files_have_no_hunks(tmp_path: Path) -> None:
    repository = a_repository(
        tmp_path, {"a.bin": b"\0\1", ".gitattributes": "*.dat -diff\n*.txt diff\n", "a.dat": "1\n"}
    )
    repository.write("a.bin", b"\0\2")
    repository.write("a.dat", "2\n")
    repository.write("new.bin", b"x\0y")
    repository.write("new.dat", "text\n")
    repository.write("new.txt", b"a\0b\n")
    found = {file.path: (file.kind, len(file.hunks)) for file in change_of(tmp_path).files}
    assert found == {
        "a.bin": (FileKind.BINARY, 0),
        "a.dat": (FileKind.BINARY, 0),
        "new.bin": (FileKind.BINARY, 0),
        "new.dat": (FileKind.BINARY, 0),
        "new.txt": (FileKind.TEXT, 1),
    }


def test_symlinks_are_shown_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s\n")
    repository = a_repository(tmp_path / "r", {"dir/f": "1\n", "became": "1\n"})
    repository.link("tracked", "../secret")
    repository.commit("link")
    repository.link("untracked", "../secret")
    (repository.root / "became").unlink()
    repository.link("became", "../secret")
    (repository.root / "dir" / "f").unlink()
    (repository.root / "dir").rmdir()
    repository.link("dir", "..")
    (tmp_path / "f").write_text("outside\n")
    change = change_of(repository.root)
    assert {file.path: (file.action, file.kind) for file in change.files} == {
        "became": (Action.MODIFIED, FileKind.SYMLINK),
        "dir": (Action.ADDED, FileKind.SYMLINK),
        "dir/f": (Action.DELETED, FileKind.TEXT),
        "untracked": (Action.ADDED, FileKind.SYMLINK),
    }
    assert [line.text for line in change.files[-1].hunks[0].lines] == ["../secret"]
    for path in ("tracked", "untracked", "became", "dir/f", "dir/secret", "../secret", "dir"):
        assert file_of(repository.root, path, At.HEAD) is None
    head = Selection(kind=SelectionKind.COMMIT, value="HEAD")
    assert file_of(repository.root, "tracked", At.HEAD, head) is None


def test_symlink_that_became_a_file_is_one_text_file(tmp_path: Path) -> None:
    repository = a_repository(tmp_path)
    repository.link("l", "target")
    repository.commit("link")
    (tmp_path / "l").unlink()
    repository.write("l", "1\n2\n")
    (file,) = change_of(tmp_path).files
    assert (file.action, file.kind, file.old_mode, file.new_mode) == (
        Action.MODIFIED,
        FileKind.TEXT,
        "120000",
        "100644",
    )
    assert [line.kind for line in file.hunks[0].lines] == [LineKind.REMOVED, LineKind.ADDED, LineKind.ADDED]


def test_submodules_are_pointers_and_never_entered(tmp_path: Path) -> None:
    inner = a_repository(tmp_path / "inner", {"a": "1\n"})
    outer = a_repository(tmp_path / "outer", {"b": "1\n"})
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.root.as_uri(), "sub")
    outer.git("commit", "-qm", "sub")
    outer.write("sub/a", "2\n")
    assert change_of(outer.root).files == ()
    sub = Repository(outer.root / "sub")
    sub.commit("in the submodule")
    (file,) = change_of(outer.root).files
    assert (file.path, file.kind, file.old_mode) == ("sub", FileKind.SUBMODULE, "160000")
    assert file_of(outer.root, "sub", At.HEAD) is None
    assert file_of(outer.root, "sub/a", At.HEAD) is None


def test_repository_inside_is_named_and_left_out(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    a_repository(tmp_path / "inner", {"b": "1\n"})
    a_repository(tmp_path / "without commit").write("c", "1\n")
    repository.write("new", "1\n")
    change = change_of(tmp_path)
    assert actions(change) == {"new": Action.ADDED}
    assert change.notices == ("Left out, being repositories of their own: inner/, without commit/.",)
    assert file_of(tmp_path, "inner/b", At.HEAD) is None


def test_line_ends_do_not_reach_the_lines(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"dos": "1\r\n2\r\n"})
    repository.write("dos", "1\r\n3\r\n")
    repository.write("new", "1\r\n2")
    assert [line.text for file in change_of(tmp_path).files for line in file.hunks[0].lines] == [
        "1",
        "2",
        "3",
        "1",
        "2",
    ]
    assert file_of(tmp_path, "dos", At.HEAD) == b"1\r\n3\r\n"


def test_configured_line_ends_are_honoured(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n2\n", "b": "1\n"})
    repository.git("config", "core.autocrlf", "true")
    repository.write("a", "1\r\n3\r\n")
    repository.write("b", "1\r\n")
    (file,) = change_of(tmp_path).files
    assert (file.path, file.additions, file.deletions) == ("a", 1, 1)


def test_text_that_is_not_utf_8_is_latin_1(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.write("a", "zwölf\n".encode("latin-1"))
    repository.write("new", "zwölf\n".encode("latin-1"))
    repository.write("utf-8", "zwölf\n")
    assert [file.hunks[0].lines[-1].text for file in change_of(tmp_path).files] == ["zwölf"] * 3


def test_very_long_lines_are_whole(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "x" * 3_000_000 + "\n"})
    repository.write("a", "y" * 3_000_000 + "\n")
    assert [len(line.text) for line in change_of(tmp_path).files[0].hunks[0].lines] == [3_000_000] * 2


def test_file_larger_than_4_mib_is_in_the_change_but_not_given(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "x\n" * 2_100_000, "b": "1\n"})
    repository.write("a", "x\n" * 2_100_000 + "y\n")
    repository.write("new", "x" * 4_200_000)
    change = change_of(tmp_path)
    assert actions(change) == {"a": Action.MODIFIED, "new": Action.ADDED}

    async def read(source: LocalSource) -> list[bytes | None]:
        return [
            await source.file("a", At.BASE),
            await source.file("b", At.BASE),  # git still answers after it was stopped
            await source.file("a", At.HEAD),
            await source.file("new", At.HEAD),
        ]

    assert with_source(tmp_path, read) == [None, b"1\n", None, None]


def test_huge_files_are_taken_for_binary_and_named(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"tracked": "1\n"})
    for path in ("tracked", "new"):
        with repository.write(path, "1\n").open("ab") as file:
            file.truncate(17 * 1024 * 1024)
    change = change_of(tmp_path)
    assert [(file.path, file.kind) for file in change.files] == [("new", FileKind.BINARY), ("tracked", FileKind.BINARY)]
    assert change.notices == ("Taken for binary, being larger than 16 MiB: new, tracked.",)


def test_too_much_untracked_text_is_refused_with_advice(tmp_path: Path) -> None:
    repository = a_repository(tmp_path)
    for path in ("data/1", "data/2"):
        repository.write(path, "x" * 60)
    paths = ["data/1", "data/2"]
    assert len(read_untracked(tmp_path, paths, {}, most_bytes=120).files) == 2
    with pytest.raises(UserError, match=r"2 untracked files .* \.gitignore"):
        read_untracked(tmp_path, paths, {}, most_bytes=119)


def test_special_file_is_no_part_of_the_change(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.write("a", "2\n")
    os.mkfifo(tmp_path / "pipe")
    change = change_of(tmp_path)
    assert actions(change) == {"a": Action.MODIFIED}
    assert file_of(tmp_path, "pipe", At.HEAD) is None


def test_intent_to_add_is_a_new_file_of_the_working_tree_only(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.write("new", "1\n")
    repository.git("add", "--intent-to-add", "new")
    (file,) = change_of(tmp_path).files
    assert (file.path, file.action, file.additions) == ("new", Action.ADDED, 1)
    assert change_of(tmp_path, STAGED).files == ()


def test_file_staged_as_deleted_but_still_on_disk_is_named(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.git("rm", "-q", "--cached", "a")
    change = change_of(tmp_path)
    assert actions(change) == {"a": Action.DELETED}
    assert change.notices == ("Staged as deleted but still on disk, where they were not reviewed: a.",)


def test_unmerged_files_are_shown_as_they_lie_and_named(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n", "b": "1\n"})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("side", {"a": "2\n", "b": "2\n"})
    repository.git("checkout", "-q", "main")
    repository.commit("main", {"a": "3\n"})
    repository.git("merge", "-q", "side", fails=True)
    change = change_of(tmp_path)
    assert actions(change) == {"a": Action.MODIFIED, "b": Action.MODIFIED}
    assert "<<<<<<< HEAD" in [line.text for line in change.files[0].hunks[0].lines]
    assert change.notices == ("They have merge conflicts and are shown as they lie in the working tree: a.",)
    staged = change_of(tmp_path, STAGED)
    assert actions(staged) == {"b": Action.MODIFIED}
    assert staged.notices == ("Left out, for they have merge conflicts and so are not staged: a.",)
    assert file_of(tmp_path, "a", At.HEAD, STAGED) == b"3\n"


def test_file_left_out_by_a_sparse_checkout_is_not_deleted_and_can_be_read(tmp_path: Path) -> None:
    origin = a_repository(tmp_path / "origin", {"in/a": "1\n", "out/b": "find me\n", "top": "1\n"})
    clone = a_clone(origin, tmp_path / "clone", "--no-checkout")
    clone.git("sparse-checkout", "set", "--cone", "--sparse-index", "in")
    clone.git("checkout", "-q")
    clone.write("in/a", "2\n")
    assert not (clone.root / "out").exists()
    assert actions(change_of(clone.root)) == {"in/a": Action.MODIFIED}
    assert file_of(clone.root, "out/b", At.HEAD) == b"find me\n"
    assert change_of(clone.root, Selection(paths=("out",))).files == ()


def test_file_that_only_its_time_changed_is_not_in_the_change(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n", "b": "1\n"})
    os.utime(repository.write("a", "1\n"), (1, 1))
    repository.write("b", "2\n")
    before = (tmp_path / ".git" / "index").read_bytes()
    assert actions(change_of(tmp_path)) == {"b": Action.MODIFIED}
    assert (tmp_path / ".git" / "index").read_bytes() == before


lines = st.lists(st.sampled_from([b"a", b"b", b"", b" ", b"-x", b"+y", b"\xe9", b"a\rb", b"c\r"]), max_size=10)
versions = st.tuples(lines, st.booleans()).map(lambda made: b"\n".join(made[0]) + (b"\n" if made[1] else b""))


def texts_of(content: bytes) -> list[str]:
    text = content.decode("latin-1").replace("\r\n", "\n").removesuffix("\r")
    return text.removesuffix("\n").split("\n") if text else []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(versions, versions), min_size=1, max_size=12))
def test_hunks_turn_what_git_had_into_what_lies_there(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[bytes, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("r")
    repository = a_repository(folder, {f"{number}.txt": old for number, (old, _) in enumerate(pairs)})
    for number, (_, new) in enumerate(pairs):
        repository.write(f"{number}.txt", new)
    files = {file.path: file for file in change_of(folder).files}
    for number, (old, new) in enumerate(pairs):
        file = files.get(f"{number}.txt")
        assert (file is None) == (old == new)
        if file:
            assert applied(texts_of(old), file) == texts_of(new)
