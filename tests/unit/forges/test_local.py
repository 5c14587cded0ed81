"""What each selection compares, and how it answers when it cannot."""

from pathlib import Path

import pytest
from tests.local_changes import actions, change_of, file_of, with_source
from tests.repositories import ENVIRONMENT, Repository, a_clone, a_repository

from mesrai.domain.change import At, Revision
from mesrai.domain.diff import Action
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import NotARepository, UnknownRevision, UserError
from mesrai.forges.local import LocalSource

STAGED = Selection(kind=SelectionKind.STAGED)


def commit(name: str) -> Selection:
    return Selection(kind=SelectionKind.COMMIT, value=name)


def branch(name: str) -> Selection:
    return Selection(kind=SelectionKind.BRANCH, value=name)


def span(name: str) -> Selection:
    return Selection(kind=SelectionKind.RANGE, value=name)


def within(*paths: str) -> Selection:
    return Selection(paths=paths)


def a_busy_repository(folder: Path) -> tuple[Repository, str]:
    """A commit, then a staged, an unstaged, an untracked and an ignored file."""
    repository = a_repository(folder, {"kept": "k\n", "staged": "1\n", "unstaged": "1\n", "gone": "g\n"})
    base = repository.git("rev-parse", "HEAD")
    repository.write("staged", "2\n")
    repository.git("add", "staged")
    repository.write("staged", "3\n")
    repository.write("unstaged", "2\n")
    repository.write("new/file", "n\n")
    repository.write(".gitignore", "secret\n")
    repository.write("secret", "s\n")
    (repository.root / "gone").unlink()
    return repository, base


def test_working_tree_has_staged_unstaged_and_untracked_but_not_ignored_files(tmp_path: Path) -> None:
    repository, base = a_busy_repository(tmp_path)
    change = change_of(repository.root)
    assert change.revision == Revision(base=base, head="working tree")
    assert (change.title, change.description, change.notices) == ("main", "", ())
    assert actions(change) == {
        ".gitignore": Action.ADDED,
        "gone": Action.DELETED,
        "new/file": Action.ADDED,
        "staged": Action.MODIFIED,
        "unstaged": Action.MODIFIED,
    }
    assert [line.text for line in change.files[3].hunks[0].lines] == ["1", "3"]


def test_staged_compares_the_index(tmp_path: Path) -> None:
    repository, base = a_busy_repository(tmp_path)
    change = change_of(repository.root, STAGED)
    assert change.revision == Revision(base=base, head="index")
    assert actions(change) == {"staged": Action.MODIFIED}
    assert [line.text for line in change.files[0].hunks[0].lines] == ["1", "2"]


def test_files_come_from_the_ends_of_the_change(tmp_path: Path) -> None:
    _, base = a_busy_repository(tmp_path)
    for selection, head in ((Selection(), b"3\n"), (STAGED, b"2\n"), (commit(base), b"1\n")):
        assert file_of(tmp_path, "staged", At.HEAD, selection) == head
    assert file_of(tmp_path, "staged", At.BASE) == b"1\n"
    assert file_of(tmp_path, "staged", At.BASE, commit(base)) is None
    assert file_of(tmp_path, "gone", At.BASE) == b"g\n"
    assert file_of(tmp_path, "gone", At.HEAD) is None
    assert file_of(tmp_path, "new/file", At.HEAD) == b"n\n"
    assert file_of(tmp_path, "new/file", At.HEAD, STAGED) is None
    assert file_of(tmp_path, "new", At.HEAD) is None
    assert file_of(tmp_path, "secret", At.HEAD) is None


def test_reviewed_file_keeps_its_bytes_when_it_changes_afterwards(tmp_path: Path) -> None:
    repository, _ = a_busy_repository(tmp_path)

    async def read_around_a_change(source: LocalSource) -> list[bytes | None]:
        await source.change()
        repository.write("unstaged", "later\n")
        repository.write("new/file", "later\n")
        return [await source.file(path, At.HEAD) for path in ("unstaged", "new/file")]

    assert with_source(tmp_path, read_around_a_change) == [b"2\n", b"n\n"]


def test_first_commit_is_compared_with_nothing(tmp_path: Path) -> None:
    repository = a_repository(tmp_path)
    first = repository.commit("Say hello\n\nBecause it is polite.", {"a": "1\n"})
    repository.commit("second", {"a": "2\n"})
    change = change_of(tmp_path, commit("HEAD~1"))
    assert change.revision == Revision(base="empty", head=first)
    assert (change.title, change.description) == ("Say hello", "Because it is polite.")
    assert actions(change) == {"a": Action.ADDED}


def test_merge_commit_is_compared_with_its_first_parent(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("side", {"s": "s\n"})
    repository.git("checkout", "-q", "main")
    base = repository.commit("main", {"m": "m\n"})
    repository.git("merge", "-q", "--no-edit", "side")
    change = change_of(tmp_path, commit("HEAD"))
    assert change.revision.base == base
    assert actions(change) == {"s": Action.ADDED}
    assert "is a merge" in change.notices[0]


def test_branch_is_what_head_has_since_it_left(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    start = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "work")
    repository.commit("one", {"b": "b\n"})
    head = repository.commit("two\n\nwith a body", {"c": "c\n"})
    repository.git("checkout", "-q", "main")
    repository.commit("on main", {"a": "2\n"})
    repository.git("checkout", "-q", "work")
    change = change_of(tmp_path, branch("main"))
    assert change.revision == Revision(base=start, head=head)
    assert actions(change) == {"b": Action.ADDED, "c": Action.ADDED}
    assert (change.title, change.description) == ("Changes since main", "- two\n  with a body\n- one")


def test_branch_with_one_commit_has_its_message(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.git("checkout", "-q", "-b", "work")
    repository.commit("only one\n\nbody", {"b": "b\n"})
    change = change_of(tmp_path, branch("main"))
    assert (change.title, change.description) == ("only one", "body")


def test_branch_that_holds_all_of_head_is_said(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.git("branch", "other")
    change = change_of(tmp_path, branch("other"))
    assert change.files == ()
    assert "HEAD has no commit that other does not have" in change.notices[0]


def test_ranges_with_two_and_with_three_dots(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.git("tag", "start")
    repository.git("checkout", "-q", "-b", "work")
    repository.commit("work", {"b": "b\n"})
    repository.git("checkout", "-q", "main")
    repository.commit("main", {"c": "c\n"})
    assert actions(change_of(tmp_path, span("work..main"))) == {"b": Action.DELETED, "c": Action.ADDED}
    assert actions(change_of(tmp_path, span("work...main"))) == {"c": Action.ADDED}
    assert actions(change_of(tmp_path, span("start.."))) == {"c": Action.ADDED}
    assert actions(change_of(tmp_path, span("..work"))) == {"b": Action.ADDED, "c": Action.DELETED}


def test_detached_head_is_said_in_the_title(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.git("checkout", "-q", "--detach")
    repository.write("a", "2\n")
    change = change_of(tmp_path)
    assert change.title == f"detached at {change.revision.base[:12]}"
    assert actions(change) == {"a": Action.MODIFIED}


@pytest.mark.parametrize("kind", [SelectionKind.WORKING_TREE, SelectionKind.STAGED])
@pytest.mark.parametrize("options", [(), ("--object-format=sha256",)])
def test_repository_without_a_commit_compares_with_nothing(
    tmp_path: Path, kind: SelectionKind, options: tuple[str, ...]
) -> None:
    repository = a_repository(tmp_path, options=options)
    repository.write("a", "1\n")
    repository.git("add", "a")
    repository.write("b", "1\n")
    change = change_of(tmp_path, Selection(kind=kind))
    assert change.revision.base == "empty"
    untracked = {"b": Action.ADDED} if kind is SelectionKind.WORKING_TREE else {}
    assert actions(change) == {"a": Action.ADDED} | untracked
    assert file_of(tmp_path, "a", At.HEAD, Selection(kind=kind)) == b"1\n"


def test_sha256_repository_is_read(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"d/a": "1\n"}, options=("--object-format=sha256",))
    repository.write("d/a", "2\n")
    assert file_of(tmp_path, "d/a", At.BASE) == b"1\n"


def test_linked_worktree_is_a_repository(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "main", {"a": "1\n"})
    repository.git("worktree", "add", "-q", "-b", "linked", "../linked")
    (tmp_path / "linked" / "a").write_text("2\n")
    change = change_of(tmp_path / "linked")
    assert (change.title, actions(change)) == ("linked", {"a": Action.MODIFIED})


def test_submodule_checkout_is_a_repository(tmp_path: Path) -> None:
    inner = a_repository(tmp_path / "inner", {"a": "1\n"})
    outer = a_repository(tmp_path / "outer", {"b": "1\n"})
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.root.as_uri(), "sub")
    outer.write("sub/a", "2\n")
    assert actions(change_of(outer.root / "sub")) == {"a": Action.MODIFIED}


def test_folder_reached_by_a_symbolic_link(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "real", {"d/a": "1\n"})
    repository.write("d/a", "2\n")
    (tmp_path / "link").symlink_to("real")
    assert actions(change_of(tmp_path / "link" / "d", within("a"))) == {"d/a": Action.MODIFIED}


# Paths


def test_paths_are_relative_to_where_the_person_stands(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"one/a": "1\n", "one/b": "1\n", "two/a": "1\n"})
    for path in ("one/a", "one/b", "two/a", "one/new", "two/new"):
        repository.write(path, "2\n")
    stand = tmp_path / "one"
    assert list(actions(change_of(stand))) == ["one/a", "one/b", "one/new", "two/a", "two/new"]
    assert list(actions(change_of(stand, within(".")))) == ["one/a", "one/b", "one/new"]
    assert list(actions(change_of(stand, within("a", "../two")))) == ["one/a", "two/a", "two/new"]
    assert list(actions(change_of(stand, within(str(tmp_path / "two" / "a"))))) == ["two/a"]
    assert len(change_of(stand, within("..")).files) == 5


def test_paths_are_not_patterns(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"*": "1\n", "a": "1\n", ":(top)b": "1\n"})
    for path in ("*", "a", ":(top)b"):
        repository.write(path, "2\n")
    assert list(actions(change_of(tmp_path, within("*")))) == ["*"]
    assert list(actions(change_of(tmp_path, within(":(top)b")))) == [":(top)b"]


def test_file_moved_into_the_paths_is_still_a_rename(tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    repository = a_repository(tmp_path, {"old/a": text, "other/b": "1\n"})
    repository.git("mv", "old", "new")
    repository.write("new/a", text + "more\n")
    repository.write("other/b", "2\n")
    (file,) = change_of(tmp_path, within("new")).files
    assert (file.path, file.old_path, file.action, file.additions) == ("new/a", "old/a", Action.RENAMED, 1)
    assert actions(change_of(tmp_path, within("other"))) == {"other/b": Action.MODIFIED}


def test_path_that_exists_but_did_not_change_is_no_error(tmp_path: Path) -> None:
    a_repository(tmp_path, {"a": "1\n"})
    assert change_of(tmp_path, within("a")).files == ()


def test_path_that_is_gone_is_known_from_the_base(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"d/a": "1\n"})
    repository.git("rm", "-q", "-r", "d")
    assert actions(change_of(tmp_path, within("d"))) == {"d/a": Action.DELETED}


@pytest.mark.parametrize("path", ["nowhere", "d/nowhere", "a/b", ".git/config", "line\nfeed"])
def test_unknown_path_is_said(tmp_path: Path, path: str) -> None:
    a_repository(tmp_path, {"d/a": "1\n", "a": "1\n"})
    with pytest.raises(UserError, match="There is no file or folder"):
        change_of(tmp_path, within(path))


@pytest.mark.parametrize("path", ["..", "../x", "/etc/passwd"])
def test_path_outside_the_repository_is_said(tmp_path: Path, path: str) -> None:
    a_repository(tmp_path / "r", {"a": "1\n"})
    with pytest.raises(UserError, match="outside the repository"):
        change_of(tmp_path / "r", within(path))


# What cannot be read


def test_folder_outside_any_repository(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="not inside a git repository"):
        change_of(tmp_path, environ=ENVIRONMENT | {"GIT_CEILING_DIRECTORIES": str(tmp_path)})


def test_bare_repository_is_said(tmp_path: Path) -> None:
    a_repository(tmp_path, options=("--bare",))
    with pytest.raises(NotARepository, match="bare repository"):
        change_of(tmp_path)


def test_folder_of_git_itself_is_said(tmp_path: Path) -> None:
    a_repository(tmp_path, {"a": "1\n"})
    with pytest.raises(NotARepository, match="git's own folder"):
        change_of(tmp_path / ".git" / "refs")


@pytest.mark.parametrize(
    "name", ["nothing", "--output=x", "-x", "", "a b", "^HEAD", "HEAD:a", "new\nline", "HEAD..HEAD"]
)
def test_unknown_revision_is_named(tmp_path: Path, name: str) -> None:
    a_repository(tmp_path, {"a": "1\n"})
    with pytest.raises(UnknownRevision, match="Git knows no commit"):
        change_of(tmp_path, commit(name))
    assert {place.name for place in tmp_path.iterdir()} == {".git", "a"}


def test_unknown_revision_comes_with_a_near_name(tmp_path: Path) -> None:
    origin = a_repository(tmp_path / "origin", {"a": "1\n"})
    origin.git("branch", "feature/login")
    clone = a_clone(origin, tmp_path / "clone")
    with pytest.raises(UnknownRevision, match=r"Did you mean origin/feature/login\?"):
        change_of(clone.root, branch("feature/login"))
    with pytest.raises(UnknownRevision, match=r"Did you mean .*main"):
        change_of(clone.root, branch("mian"))


def test_unknown_ends_of_a_range_are_named(tmp_path: Path) -> None:
    a_repository(tmp_path, {"a": "1\n"})
    with pytest.raises(UnknownRevision, match="“x”"):
        change_of(tmp_path, span("x..HEAD"))
    with pytest.raises(UnknownRevision, match="“y”"):
        change_of(tmp_path, span("HEAD...y"))
    with pytest.raises(UnknownRevision, match="not a range"):
        change_of(tmp_path, span("HEAD"))


def test_revision_of_a_repository_without_commits(tmp_path: Path) -> None:
    a_repository(tmp_path)
    for selection in (commit("HEAD"), branch("main")):
        with pytest.raises(UnknownRevision, match="no commit yet"):
            change_of(tmp_path, selection)


def test_branches_without_a_common_commit(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n"})
    repository.git("checkout", "-q", "--orphan", "other")
    repository.commit("other")
    with pytest.raises(UnknownRevision, match="no commit in common"):
        change_of(tmp_path, branch("main"))


def a_shallow_clone(folder: Path) -> Repository:
    origin = a_repository(folder / "origin", {"a": "1\n"})
    origin.git("branch", "old")
    origin.commit("second", {"a": "2\n"})
    return a_clone(origin, folder / "clone", "--depth=1", "--no-single-branch")


def test_end_of_a_shallow_clone_is_said(tmp_path: Path) -> None:
    change = change_of(a_shallow_clone(tmp_path).root, commit("HEAD"))
    assert change.revision.base == "empty"
    assert "git fetch --deepen=1" in change.notices[0]


def test_merge_base_beyond_a_shallow_clone_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownRevision, match="git fetch --unshallow"):
        change_of(a_shallow_clone(tmp_path).root, branch("origin/old"))


def test_unknown_revision_in_a_shallow_clone_advises_to_deepen_it(tmp_path: Path) -> None:
    with pytest.raises(UnknownRevision, match="git fetch --unshallow"):
        change_of(a_shallow_clone(tmp_path).root, commit("HEAD~1"))


# Variables


def test_git_dir_of_the_environment_does_not_decide(tmp_path: Path) -> None:
    here = a_repository(tmp_path / "here", {"a": "1\n"})
    other = a_repository(tmp_path / "other", {"b": "1\n"})
    here.write("a", "2\n")
    environ = ENVIRONMENT | {"GIT_DIR": str(other.root / ".git"), "GIT_WORK_TREE": str(other.root)}
    assert actions(change_of(here.root, environ=environ)) == {"a": Action.MODIFIED}


def test_index_that_git_gives_a_hook_is_used(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "1\n", "b": "1\n"})
    repository.write("a", "2\n")
    repository.write("b", "2\n")
    repository.git("add", "b")
    (tmp_path / ".git" / "next-index.lock").write_bytes((tmp_path / ".git" / "index").read_bytes())
    repository.git("reset", "-q")
    environ = ENVIRONMENT | {"GIT_INDEX_FILE": ".git/next-index.lock"}
    assert actions(change_of(tmp_path, STAGED, environ)) == {"b": Action.MODIFIED}
    assert actions(change_of(tmp_path, STAGED, ENVIRONMENT | {"GIT_INDEX_FILE": "/etc/passwd"})) == {}
