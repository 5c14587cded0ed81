"""Nothing of an untrusted repository or of the configuration runs, and nothing outside the tree is read."""

import hashlib
import os
from pathlib import Path

import pytest
from tests.local_changes import actions, change_of, file_of, with_source
from tests.repositories import a_program, a_repository, a_trap

from mesrai.domain.change import At
from mesrai.domain.diff import Action, FileKind
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import NotARepository, SourceError
from mesrai.forges.local import LocalSource
from mesrai.forges.work_tree import find_bytes, find_place, find_state


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(paths=("sub", "moved.t", "a.t", "new.t")),
        Selection(kind=SelectionKind.STAGED),
        Selection(kind=SelectionKind.COMMIT, value="HEAD"),
        Selection(kind=SelectionKind.BRANCH, value="start"),
        Selection(kind=SelectionKind.RANGE, value="start..HEAD"),
    ],
    ids=lambda selection: f"{selection.kind} {len(selection.paths)}",
)
def test_no_program_runs_and_odd_settings_change_nothing(tmp_path: Path, selection: Selection) -> None:
    repository = a_repository(
        tmp_path / "r", {"a.t": "1\n\n3\n4\n5\n", "old.t": "m\n" * 9, ".gitattributes": "*.t filter=t diff=t\n"}
    )
    repository.git("tag", "start")
    inner = a_repository(tmp_path / "inner", {"i": "1\n"})
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.root.as_uri(), "sub")
    repository.git("mv", "old.t", "moved.t")
    repository.commit("second", {"a.t": "1\n\n3\n4\nfive\n"})
    repository.write("a.t", "1\n\n3\n4\nV\n")
    repository.git("add", "a.t")
    repository.write("a.t", "1\n\n3\n4\n6\n")
    repository.write("new.t", "1\n\n")
    trap = tmp_path / "trap"
    a_trap(repository, trap)
    (tmp_path / "r" / ".git" / "modules" / "sub" / "config").open("a").write(f"[core]\nfsmonitor = {trap}/trap\n")
    index = (tmp_path / "r" / ".git" / "index").read_bytes()

    async def read_everything(source: LocalSource) -> None:
        change = await source.change()
        changed = {file.path: file for file in change.files}
        assert [line.text for line in changed["a.t"].hunks[0].lines][:2] == ["", "3"]
        if "start" in selection.value:
            assert changed["moved.t"].old_path == "old.t"
            assert changed["sub"].kind is FileKind.SUBMODULE
        for path in changed:
            for at in At:
                await source.file(path, at)
        assert "a.t" in await source.tree.paths()
        assert {match.line for match in await source.tree.search("1", word=True)} == {1}
        assert (await source.tree.history("a.t", 3))[0].subject == "first"

    with_source(repository.root, read_everything, selection)
    assert not (trap / "ran").exists()
    assert (tmp_path / "r" / ".git" / "index").read_bytes() == index


def test_environment_cannot_run_a_program(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "r", {"a": "1\n"})
    repository.write("a", "2\n")
    trap = a_program(tmp_path, "trap", f"echo ran >> {tmp_path}/ran")
    names = ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "PAGER", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EXEC_PATH")
    environ = dict.fromkeys(names, str(trap)) | {"PATH": os.environ["PATH"]}
    assert actions(change_of(repository.root, environ=environ)) == {"a": Action.MODIFIED}
    assert not (tmp_path / "ran").exists()


def test_program_called_git_in_the_repository_is_not_run(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "r", {"a": "1\n"})
    a_program(repository.root, "git", f"touch {tmp_path}/ran")
    environ = {"PATH": f".{os.pathsep}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    assert actions(change_of(repository.root, environ=environ)) == {"git": Action.ADDED}
    assert not (tmp_path / "ran").exists()


def test_repository_that_names_a_foreign_working_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home" / "downloads").mkdir(parents=True)
    (tmp_path / "home" / "secret").write_text("s\n")
    repository = a_repository(tmp_path / "home" / "downloads" / "r", {"a": "1\n"})
    repository.git("config", "core.worktree", "../../..")
    with pytest.raises(NotARepository, match="not its own"):
        change_of(repository.root)
    a_repository(tmp_path / "home", {"b": "1\n"})
    with pytest.raises(NotARepository, match="not its own"):
        change_of(repository.root)


def test_title_and_names_cannot_drive_the_terminal(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    a_repository(tmp_path / "in\x1b[31mner", {"b": "1\n"})
    assert "\x1b" not in "".join(change_of(tmp_path).notices)
    assert repository.root == tmp_path


# Git LFS and other filters


def a_pointer(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"


def test_files_of_git_lfs_are_compared_by_their_hash(tmp_path: Path) -> None:
    same, changed = b"same " * 1000, b"changed " * 1000
    repository = a_repository(
        tmp_path / "r",
        {
            "same.big": a_pointer(same),
            "changed.big": a_pointer(b"before"),
            "as long.big": a_pointer(b"x" * len(changed)),
            ".gitattributes": "*.big filter=lfs diff=lfs merge=lfs -text\n",
        },
    )
    trap = a_program(tmp_path, "trap", f"echo ran >> {tmp_path}/ran; cat")
    repository.git("config", "filter.lfs.process", str(trap))
    repository.git("config", "filter.lfs.clean", str(trap))
    repository.git("config", "filter.lfs.required", "true")
    repository.write("same.big", same)
    repository.write("changed.big", changed)
    repository.write("as long.big", changed)
    change = change_of(repository.root)
    assert [(file.path, file.kind, file.hunks) for file in change.files] == [
        ("as long.big", FileKind.BINARY, ()),
        ("changed.big", FileKind.BINARY, ()),
    ]
    assert change.notices == ()
    assert not (tmp_path / "ran").exists()


def test_files_of_another_filter_are_compared_as_they_lie_and_named(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a.x": "1\n", "b": "1\n", ".gitattributes": "*.x filter=clean\n"})
    repository.git("config", "filter.clean.clean", "tr a-z A-Z")
    for path in ("a.x", "b", "new.x"):
        repository.write(path, "2\n")
    change = change_of(tmp_path)
    assert actions(change) == {"a.x": Action.MODIFIED, "b": Action.MODIFIED, "new.x": Action.ADDED}
    assert change.notices == (
        "Compared as they lie in the working tree, because their filters are not run during a review: a.x.",
    )


# Reading from disk


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "a/../../x", "/etc/passwd", "a//b", "a/", ".git/config", ".GIT/config", "d/.git/config", "a\0b"],
)
def test_paths_that_are_not_inside_have_no_place(tmp_path: Path, path: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    assert find_place(tmp_path, path) is None
    assert find_bytes(tmp_path, path, 10) is None
    assert find_state(tmp_path, path) is None


def test_only_regular_files_up_to_the_limit_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "around").symlink_to("folder")
    (tmp_path / "folder" / "inner").write_bytes(b"1")
    os.mkfifo(tmp_path / "pipe")
    paths = ("file", "folder", "link", "around/inner", "folder/inner", "pipe", "none", "file/under", "x" * 300)
    found = {path: find_bytes(tmp_path, path, 5) for path in paths}
    assert {path: content for path, content in found.items() if content is not None} == {
        "file": b"12345",
        "folder/inner": b"1",
    }
    assert find_bytes(tmp_path, "file", 4) is None


def test_disk_error_is_not_taken_for_a_missing_file() -> None:
    with pytest.raises(SourceError, match=r"^mem could not be read: "):
        find_bytes(Path(f"/proc/{os.getpid()}"), "mem", 10)


def test_reviewed_bytes_of_head_follow_no_link(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "r", {"a": "1\n"})
    (tmp_path / "secret").write_text("s\n")
    repository.link("b", "../secret")
    assert file_of(repository.root, "b", At.HEAD) is None
