"""A pull request read through GitHub's interface alone, against the stand-in and against git itself."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from tests.github.git_store import Linked
from tests.github.played import PlayedPull, PlayedRepository
from tests.github.stand_in import GitHub, running_github
from tests.github.through import through_github

from mesrai.domain.change import At, Change, Revision
from mesrai.domain.diff import Action, FileDiff, FileKind
from mesrai.errors import ForgeUnavailable, HeadGone
from mesrai.forges.clone_cache import CloneCache
from mesrai.forges.clones import open_pull_request
from mesrai.forges.github.api_diff import Difference
from mesrai.forges.github.api_source import ApiSource
from mesrai.forges.github.client import GitHub as Client
from mesrai.forges.github.objects import Blobs, Changed, Node

T = TypeVar("T")
MANY = "".join(f"line {number}\n" for number in range(40))


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    with running_github(tmp_path) as running:
        yield running


@pytest.fixture
def shop(github: GitHub) -> PlayedRepository:
    return github.repository("acme/shop", {"src/a.py": MANY, "src/b.py": MANY + "end\n", "old.txt": "bye\n"})


def change_of(github: GitHub, pull: PlayedPull, since: str = "", *, before: Callable[[], object] = int) -> Change:
    """The change of the pull request; `before` happens between its being looked up and its being read."""

    async def work(forge: Client) -> Change:
        pull_request = await forge.pull_request(pull.number)
        before()
        async with forge.source(pull_request, since) as source:
            return await source.change()

    return through_github(github, work)


def cloned_change_of(github: GitHub, pull: PlayedPull, folder: Path, since: str = "") -> Change:
    async def work(forge: Client) -> Change:
        access, found = await forge.git_access(), await forge.pull_request(pull.number)
        cache = CloneCache(folder / "clones", most_bytes=10**9)
        async with open_pull_request(cache, access.url, found, authorization=access.header, since=since) as source:
            return await source.change()

    return through_github(github, work)


def with_source(github: GitHub, pull: PlayedPull, work: Callable[[ApiSource], Awaitable[T]]) -> T:
    async def run(forge: Client) -> T:
        async with forge.source(await forge.pull_request(pull.number)) as source:
            return await work(source)

    return through_github(github, run)


def test_every_sort_of_change_is_as_git_has_it(github: GitHub, shop: PlayedRepository, tmp_path: Path) -> None:
    changed = MANY.replace("line 7\n", "seven\n")
    names = {f'odd {name}".py': "x\n" for name in ("é", "\\", "日本 \t", "a b")}
    pull = shop.open_pull_request(
        "feature",
        {"src/a.py": None, "src/moved.py": changed, "old.txt": None, "new.txt": "bye\n", "link": Linked("src"), **names}
        | {"bin": b"\0\1", "latin": b"\xe9t\xe9\r\nx", "empty": "", "src/b.py": MANY},
    )

    ours, git = change_of(github, pull), cloned_change_of(github, pull, tmp_path)

    assert tuple(map(bare_when_moved, ours.files)) == git.files
    assert (ours.revision, ours.notices) == (git.revision, ())
    assert {file.action for file in ours.files} >= {Action.ADDED, Action.MODIFIED, Action.RENAMED}


def test_a_change_of_more_than_300_files_is_whole(github: GitHub, shop: PlayedRepository, tmp_path: Path) -> None:
    files = {f"many/{number}.py": f"{number}\n" for number in range(305)}
    pull = shop.open_pull_request("feature", {**files, "src/a.py": MANY + "x\n", "latin": b"\xe9\n", "old.txt": None})

    assert change_of(github, pull).files == cloned_change_of(github, pull, tmp_path).files
    assert [each.status for each in github.requests if each.headers.get("accept", "").endswith(".diff")] == [406]
    assert len([each for each in github.requests if "/git/blobs/" in each.path]) <= 2  # of what no patch can hold


def test_patches_that_are_left_out_are_made_from_the_files(
    github: GitHub, shop: PlayedRepository, tmp_path: Path
) -> None:
    pull = shop.open_pull_request("feature", {"large.py": "x = 1\n" * 21_000, "src/a.py": MANY + "x\n"})

    assert change_of(github, pull).files == cloned_change_of(github, pull, tmp_path).files


def test_what_is_too_large_is_named_and_not_read(github: GitHub, shop: PlayedRepository) -> None:
    pull = shop.open_pull_request("feature", {"huge.csv": "x" * (4 * 2**20 + 1), "src/a.py": MANY + "x\n"})

    change = change_of(github, pull)

    assert [(file.path, file.kind) for file in change.files] == [
        ("huge.csv", FileKind.LARGE),
        ("src/a.py", FileKind.TEXT),
    ]
    assert change.notices == ("Too large to be read: huge.csv.",)


def test_more_files_than_are_made_one_by_one_are_named(github: GitHub, shop: PlayedRepository) -> None:
    pull = shop.open_pull_request("feature", {"a.py": "a\n", "b.py": "b\n", "c.py": "c\n"})
    github.fail("GET", "*/compare/*", status=406, accept=".diff")

    async def work(forge: Client) -> tuple[list[FileKind], tuple[str, ...]]:
        transport, place = forge._transport, "repos/acme/shop"
        blob = shop.store.run("rev-parse", f"{pull.head_sha}:a.py").decode().strip()
        node = Node(mode="100644", id=blob, size=2)
        changed = [Changed(path=f"{name}.py", old=None, new=node) for name in "abc"]
        taking = Difference(transport, place, Blobs(transport, place), most_made=2)
        told = await taking.take(Revision(base=shop.head, head=pull.head_sha), changed, pull=None)
        return [file.kind for file in told.files], told.notices

    kinds, notices = through_github(github, work)

    assert kinds == [FileKind.TEXT, FileKind.TEXT, FileKind.UNREAD]
    assert len(notices) == 1
    assert "1 files were not read: c.py" in notices[0]


def test_a_tree_that_github_cuts_is_read_folder_by_folder(
    github: GitHub, shop: PlayedRepository, tmp_path: Path
) -> None:
    shop.push({"deep/in/here/a.py": MANY, "deep/b.py": "b\n", ".mesrai/rules/one.md": "# One\n", "untouched/x": "x\n"})
    pull = shop.open_pull_request("feature", {"deep/in/here/a.py": MANY + "x\n", "deep/b.py": None, "untouched": "y\n"})
    whole = change_of(github, pull)
    github.world.most_tree_entries = 5

    async def work(source: ApiSource) -> tuple[bytes | None, bytes | None, list[str]]:
        path = "deep/in/here/a.py"
        below = [*await source.below(".mesrai/rules", At.TARGET), *await source.below("no/such", At.HEAD)]
        return await source.file(path, At.BASE), await source.file("deep/in", At.HEAD), below

    assert change_of(github, pull) == whole
    assert with_source(github, pull, work) == (MANY.encode(), None, [".mesrai/rules/one.md"])


def test_only_what_is_new_since_an_earlier_head_is_shown(
    github: GitHub, shop: PlayedRepository, tmp_path: Path
) -> None:
    pull = shop.open_pull_request("feature", {"src/a.py": MANY + "x\n"})
    since = pull.head_sha
    pull.push({"src/b.py": MANY + "y\n"})

    change = change_of(github, pull, since)

    assert [file.path for file in change.files] == ["src/b.py"]
    assert change.revision.base == since
    assert change == cloned_like(change, cloned_change_of(github, pull, tmp_path, since))


def test_of_what_came_with_the_target_only_the_own_files_are_shown(
    github: GitHub, shop: PlayedRepository, tmp_path: Path
) -> None:
    pull = shop.open_pull_request("feature", {"src/a.py": MANY + "x\n"})
    since = pull.head_sha
    shop.push({"elsewhere.py": "1\n"})
    shop.store.merge("feature", shop.head, "Merge main")
    pull.push({"src/b.py": MANY + "y\n"})

    change = change_of(github, pull, since)

    assert [file.path for file in change.files] == ["src/b.py"]
    assert change == cloned_like(change, cloned_change_of(github, pull, tmp_path, since))


def test_after_another_history_was_pushed_all_of_it_is_shown(
    github: GitHub, shop: PlayedRepository, tmp_path: Path
) -> None:
    pull = shop.open_pull_request("feature", {"src/a.py": MANY + "x\n"})
    since = pull.head_sha
    pull.force_push({"src/b.py": MANY + "y\n"})

    change = change_of(github, pull, since)

    assert "is no longer part of the pull request" in change.notices[0]
    assert change == cloned_like(change, cloned_change_of(github, pull, tmp_path, since))


def test_a_merged_pull_request_is_what_it_was_before(github: GitHub, shop: PlayedRepository, tmp_path: Path) -> None:
    pull = shop.open_pull_request("feature", {"src/a.py": MANY + "x\n"})
    before = change_of(github, pull)
    pull.merge()

    assert change_of(github, pull) == before


def test_a_base_branch_that_is_gone_leaves_its_commit(github: GitHub, shop: PlayedRepository) -> None:
    shop.branch("release/1.0")
    pull = shop.open_pull_request("feature", {"src/a.py": MANY + "x\n"}, base="release/1.0")
    before = change_of(github, pull)

    assert (
        change_of(github, pull, before=lambda: shop.store.run("update-ref", "-d", "refs/heads/release/1.0")) == before
    )


def test_two_histories_without_a_common_commit_are_compared_as_wholes(github: GitHub, shop: PlayedRepository) -> None:
    shop.store.commit("feature", {"src/a.py": MANY + "x\n", "old.txt": "bye\n"})
    pull = shop.open_branch("feature")

    change = change_of(github, pull)

    assert [(file.path, file.action) for file in change.files] == [
        ("src/a.py", Action.MODIFIED),
        ("src/b.py", Action.DELETED),
    ]
    assert "have no commit in common" in change.notices[0]


def test_a_head_that_was_pushed_away_is_gone_and_one_that_was_built_on_is_not(
    github: GitHub, shop: PlayedRepository
) -> None:
    pull = shop.open_pull_request("feature", {"src/a.py": MANY + "x\n"})
    first = pull.head_sha

    assert change_of(github, pull, before=lambda: pull.push({"src/a.py": "more\n"})).revision.head == first
    with pytest.raises(HeadGone):
        change_of(github, pull, before=lambda: pull.force_push({"src/a.py": "other\n"}))


def test_bytes_that_are_not_those_of_the_blob_are_not_taken(github: GitHub, shop: PlayedRepository) -> None:
    pull = shop.open_pull_request("feature", {"src/a.py": MANY + "x\n"})
    other = shop.store.run("rev-parse", f"{pull.head_sha}:old.txt").decode().strip()
    right = shop.store.object

    async def work(source: ApiSource) -> bytes | None:
        object.__setattr__(shop.store, "object", lambda _: right(other))
        return await source.file("src/a.py", At.HEAD)

    with pytest.raises(ForgeUnavailable, match="something other than the blob"):
        with_source(github, pull, work)


def bare_when_moved(file: FileDiff) -> FileDiff:
    """Without the modes that git does not print where a file was only moved."""
    is_bare = file.action is Action.RENAMED and not file.hunks
    return replace(file, old_mode="", new_mode="") if is_bare else file


def cloned_like(ours: Change, git: Change) -> Change:
    """Git's change with the words of the pull request in place of the commit's."""
    return Change(
        revision=git.revision,
        files=git.files,
        title=ours.title,
        description=ours.description,
        notices=git.notices,
    )


def test_requests_stay_few(github: GitHub, shop: PlayedRepository) -> None:
    pull = shop.open_pull_request("feature", {f"src/{name}.py": "x\n" for name in "abcdefgh"})
    before = len(github.requests)

    async def work(source: ApiSource) -> None:
        await source.change()
        for _ in range(3):
            assert await source.file("src/a.py", At.HEAD) == b"x\n"
            await source.below("src", At.TARGET)

    with_source(github, pull, work)

    asked = [each.path.rpartition("/repos/acme/shop/")[2].partition("/")[0] for each in github.requests[before:]]
    assert asked.count("compare") == 2
    assert asked.count("git") == 3  # two trees, one blob
