"""Which change a push publishes."""

import asyncio
from pathlib import Path

import pytest
from tests.repositories import ENVIRONMENT, Repository, a_repository

from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import UserError
from mesrai.forges.pushes import Pushed, PushedRef, find_pushed, read_pushed

ZERO = "0" * 40


@pytest.fixture
def work(tmp_path: Path) -> Repository:
    """A clone whose main is at the remote."""
    remote = a_repository(tmp_path / "remote", options=["--bare"])
    repository = a_repository(tmp_path / "work", {"a": "1\n"})
    repository.git("remote", "add", "origin", str(remote.root))
    repository.git("push", "--quiet", "origin", "main:main")
    return repository


def pushed(work: Repository, *refs: PushedRef, remote: str = "origin") -> tuple[Pushed, ...]:
    return asyncio.run(find_pushed(work.root, ENVIRONMENT, refs, remote))


def a_ref(local: str, name: str = "refs/heads/topic", there: str = ZERO) -> PushedRef:
    return PushedRef(local_id=local, remote_ref=name, remote_id=there)


def spans(found: tuple[Pushed, ...]) -> list[str]:
    return [each.selection.value if each.selection else each.reason for each in found]


def test_a_new_branch_is_compared_with_where_it_left_the_remote(work: Repository) -> None:
    main = work.git("rev-parse", "HEAD")
    work.git("switch", "--quiet", "--create", "topic")
    work.commit("one", {"b": "1\n"})
    head = work.commit("two", {"b": "2\n"})
    selection = Selection(kind=SelectionKind.RANGE, value=f"{main}..{head}")
    assert pushed(work, a_ref(head)) == (Pushed(ref="refs/heads/topic", selection=selection),)


def test_later_pushes_bring_only_what_is_new_also_after_a_rewrite(work: Repository) -> None:
    main = work.git("rev-parse", "HEAD")
    work.git("switch", "--quiet", "--create", "topic")
    first = work.commit("one", {"b": "1\n"})
    work.git("push", "--quiet", "origin", "topic")
    second = work.commit("two", {"b": "2\n"})
    assert spans(pushed(work, a_ref(second, there=first))) == [f"{first}..{second}"]
    work.git("reset", "--quiet", "--hard", main)
    rewritten = work.commit("other", {"c": "1\n"})
    assert spans(pushed(work, a_ref(rewritten, there=first))) == [f"{main}..{rewritten}"]
    assert spans(pushed(work, a_ref(rewritten, there="9" * 40))) == [f"{main}..{rewritten}"]


def test_what_was_merged_in_from_the_main_line_is_not_part_of_it(work: Repository) -> None:
    work.git("switch", "--quiet", "--create", "topic")
    first = work.commit("one", {"b": "1\n"})
    work.git("push", "--quiet", "origin", "topic")
    work.git("switch", "--quiet", "main")
    main = work.commit("main", {"c": "1\n"})
    work.git("push", "--quiet", "origin", "main")
    work.git("switch", "--quiet", "topic")
    work.git("merge", "--quiet", "--no-edit", "main")
    head = work.git("rev-parse", "HEAD")
    assert spans(pushed(work, a_ref(head, there=first))) == [f"{main}...{head}"]


def test_the_first_push_of_a_repository_is_compared_with_nothing(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "new", {"a": "1\n"})
    head = repository.commit("two", {"b": "2\n"})
    empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert spans(pushed(repository, a_ref(head), remote="https://example.org/x.git")) == [f"{empty}..{head}"]


def test_deletions_tags_and_what_the_remote_has_are_told_apart(work: Repository) -> None:
    head = work.git("rev-parse", "HEAD")
    refs = (a_ref(ZERO, there=head), a_ref(head, "refs/tags/v1"), a_ref(head, "refs/heads/copy"))
    assert spans(pushed(work, *refs)) == ["it is deleted", "it is a tag", "the remote has its commits already"]


def test_two_branches_with_the_same_commits_are_looked_at_once(work: Repository) -> None:
    head = work.commit("one", {"b": "1\n"})
    assert len(pushed(work, a_ref(head), a_ref(head, "refs/heads/copy"))) == 1


def test_input_that_git_does_not_write_is_refused() -> None:
    assert read_pushed("") == ()
    assert read_pushed(f"refs/heads/a {'1' * 40} refs/heads/b {ZERO}\n") == (a_ref("1" * 40, "refs/heads/b"),)
    with pytest.raises(UserError, match="not what git gives"):
        read_pushed("hello\n")
