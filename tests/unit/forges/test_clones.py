"""What of a pull request is taken, and what is said where it is not all."""

import asyncio
import time
from pathlib import Path

import pytest
from tests.clones import Hall, a_hall, pull_request_on
from tests.local_changes import actions
from tests.repositories import Repository

from mesrai.domain.change import At
from mesrai.domain.diff import Action, FileKind
from mesrai.domain.policy import Policy
from mesrai.errors import ForgeNotFound, HeadGone, SourceError
from mesrai.forges.clone_cache import Bounds, CloneCache
from mesrai.forges.clones import CloneSource, open_pull_request
from mesrai.review.guidance import load_policy
from mesrai.review.select import select_files

SMALL = Bounds(wait_s=5, fetch_s=20, largest_file=100_000)


def a_started_hall(hall: Hall) -> str:
    """A file on main and one commit of a pull request; its head."""
    base = hall.on_main({"a.py": "1\n2\n3\n", "other.py": "x\n"})
    return hall.on_work({"a.py": "1\ntwo\n3\n"}, at=base)


def test_change_begins_where_the_work_left_the_target(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        head = a_started_hall(hall)
        start = hall.hosted.work.git("rev-parse", "main")
        later = hall.on_main({"other.py": "y\n"})
        change = hall.change(pull_request_on(head, base=later))
        assert actions(change) == {"a.py": Action.MODIFIED}
        assert (change.revision.base, change.revision.head) == (start, head)
        assert change.notices == ()


def test_tree_is_that_of_the_head(tmp_path: Path) -> None:
    async def look(source: CloneSource) -> None:
        assert await source.tree.paths() == ["a.py", "other.py"]
        assert [(match.path, match.line) for match in await source.tree.search("two")] == [("a.py", 2)]
        assert [entry.subject for entry in await source.tree.history("a.py", 2)] == ["change", "change"]
        assert await source.file("a.py", At.HEAD) == b"1\ntwo\n3\n"
        assert await source.file("a.py", At.BASE) == b"1\n2\n3\n"
        assert await source.file("none", At.HEAD) is None

    with a_hall(tmp_path) as hall:
        hall.use(pull_request_on(a_started_hall(hall)), look)


def test_second_review_fetches_only_what_is_new(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        noise = "".join(f"{number * 7919 % 104729}\n" for number in range(30_000))
        head = hall.on_work({"b.py": "1\n"}, at=hall.on_main({"noise": noise}))
        spent = []
        for pull_request in (pull_request_on(head), pull_request_on(hall.on_work({"b.py": "2\n"}))):
            before, began = hall.server.sent, time.perf_counter()
            assert actions(hall.change(pull_request)) == {"b.py": Action.ADDED}
            spent.append((hall.server.sent - before, time.perf_counter() - began))
        print(f"\nbytes and seconds of the first review, then of the next: {spent}")
        assert spent[0][0] > 50_000
        assert spent[1][0] < 5_000


def test_since_an_earlier_head_only_what_came_after_it(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        first = a_started_hall(hall)
        hall.change(pull_request_on(first))
        second = hall.on_work({"new.py": "1\n"})
        change = hall.change(pull_request_on(second), since=first)
        assert actions(change) == {"new.py": Action.ADDED}
        assert (change.revision.base, change.notices) == (first, ())
        assert hall.change(pull_request_on(second), since=second).files == ()


def test_configuration_never_comes_from_an_earlier_commit_of_the_pull_request(tmp_path: Path) -> None:
    async def read(source: CloneSource) -> tuple[str, bytes | None, bytes | None]:
        found = await load_policy(source, At.BASE)
        name = "mesrai-config.yml"
        return found.file, await source.file(name, At.BASE), await source.file(name, At.TARGET)

    with a_hall(tmp_path) as hall:
        start = hall.on_main({"a.py": "1\n"})
        first = hall.on_work(
            {"mesrai-config.yml": "ignorePaths: ['**']\n", "lib/mesrai-config.yml": "ignorePaths: ['**']\n"}, at=start
        )
        second = hall.on_work({"a.py": "2\n", "lib/a.py": "2\n"})
        file, at_base, at_target = hall.use(pull_request_on(second), read, since=first)
        assert file == ""
        assert at_base is not None
        assert at_target is None


def test_since_a_head_that_was_pushed_away_the_whole_with_a_notice(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        first = a_started_hall(hall)
        hall.change(pull_request_on(first))
        start = hall.hosted.work.git("rev-parse", "main")
        second = hall.on_work({"new.py": "1\n"}, at=start)
        change = hall.change(pull_request_on(second), since=first)
        assert actions(change) == {"new.py": Action.ADDED}
        assert change.revision.base == start
        assert len(change.notices) == 1
        assert f"{first[:12]}, is no longer part" in change.notices[0]
        assert hall.change(pull_request_on(second), since="0" * 40).revision == change.revision


def test_target_merged_in_since_the_last_review_is_not_reviewed(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        first = a_started_hall(hall)
        hall.on_main({"other.py": "y\n", "theirs.py": "1\n"})
        work = hall.hosted.work
        work.git("checkout", "--quiet", "work")
        work.git("merge", "--quiet", "--no-edit", "main")
        second = hall.on_work({"a.py": "1\ntwo\nthree\n", "mine.py": "1\n"})
        change = hall.change(pull_request_on(second), since=first)
        assert actions(change) == {"a.py": Action.MODIFIED, "mine.py": Action.ADDED}
        assert "merged in since" in change.notices[0]
        assert actions(hall.change(pull_request_on(second))) == actions(change)


def test_since_a_head_that_the_target_has_by_now_the_rest_of_the_pull_request(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        first = a_started_hall(hall)
        work = hall.hosted.work
        work.git("checkout", "--quiet", "main")
        work.git("merge", "--quiet", "--no-ff", "--no-edit", "work")
        target = hall.on_main({"theirs.py": "1\n"})
        work.git("checkout", "--quiet", "work")
        work.git("merge", "--quiet", "--no-edit", "main")
        change = hall.change(pull_request_on(hall.on_work({"mine.py": "1\n"})), since=first)
        assert actions(change) == {"mine.py": Action.ADDED}
        assert (change.revision.base, change.notices) == (target, ())


def test_head_that_was_pushed_away_is_its_own_error(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        gone = a_started_hall(hall)
        there = hall.on_work({"a.py": "1\n2\ndrei\n"}, at="main")
        for head in (gone, "1" * 40):
            with pytest.raises(HeadGone, match=f"{head[:12]} is no longer part of pull request 7"):
                hall.change(pull_request_on(head))
        before = hall.server.sent
        hall.change(pull_request_on(there))
        assert hall.server.sent - before < 2_000  # the clone was kept


def test_head_that_has_a_successor_or_is_not_shown_yet_is_reviewed(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        first = a_started_hall(hall)
        second = hall.on_work({"new.py": "1\n"})
        assert actions(hall.change(pull_request_on(first))) == {"a.py": Action.MODIFIED}
        hall.hosted.push(f"{second}:refs/heads/work", f"{first}:refs/pull/7/head")
        change = hall.change(pull_request_on(second))
        assert actions(change) == {"a.py": Action.MODIFIED, "new.py": Action.ADDED}


def test_target_branch_that_is_gone_is_replaced_by_its_last_commit(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        head = a_started_hall(hall)
        base = hall.hosted.work.git("rev-parse", "main")
        assert actions(hall.change(pull_request_on(head, base=base, base_ref="gone"))) == {"a.py": Action.MODIFIED}
        for lost in ("", "1" * 40):
            with pytest.raises(ForgeNotFound, match="no longer has what pull request 7 is based on"):
                hall.change(pull_request_on(head, base=lost, base_ref="gone"))
        with pytest.raises(ForgeNotFound, match="no pull request 8"):
            hall.change(pull_request_on(head, number=8))


def test_merged_pull_request_is_compared_with_what_it_was_merged_into(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        head = a_started_hall(hall)
        base = hall.hosted.work.git("rev-parse", "main")
        hall.hosted.push(f"{head}:refs/heads/main")
        assert actions(hall.change(pull_request_on(head, base=base))) == {"a.py": Action.MODIFIED}
        assert hall.change(pull_request_on(head)).files == ()


def a_long_hall(hall: Hall) -> tuple[str, str]:
    """A pull request that parted four commits ago on both sides; where, and its head."""
    start = hall.on_main({"a.py": "0\n"})
    for number in range(4):
        hall.on_main({"other.py": f"{number}\n"})
    hall.hosted.work.git("checkout", "--quiet", "-B", "work", start)
    for number in range(4):
        hall.commit({"a.py": f"{number}\n"})
    return start, hall.on_work({"b.py": "1\n"})


def test_history_is_deepened_until_the_merge_base_is_found(tmp_path: Path) -> None:
    with a_hall(tmp_path, bounds=Bounds(wait_s=5, fetch_s=20, depths=(1, 3, 20))) as hall:
        start, head = a_long_hall(hall)
        change = hall.change(pull_request_on(head))
        assert change.revision.base == start
        assert actions(change) == {"a.py": Action.MODIFIED, "b.py": Action.ADDED}
        assert (hall.clone() / "mesrai-depth").read_text() == "20"
        before = len(hall.server.posts())
        assert hall.change(pull_request_on(head)) == change
        assert len(hall.server.posts()) - before == 2  # refs, then at once as deep as it is known to need


def test_merge_base_out_of_reach_leads_to_the_forges_base_with_a_notice(tmp_path: Path) -> None:
    with a_hall(tmp_path, bounds=Bounds(wait_s=5, fetch_s=20, depths=(2, 3))) as hall:
        start, head = a_long_hall(hall)
        change = hall.change(pull_request_on(head, base=start))
        assert change.revision.base == start
        assert "part more than 3 commits ago" in change.notices[0]
        change = hall.change(pull_request_on(head))
        assert change.revision.base == hall.hosted.work.git("rev-parse", "main")


def test_unrelated_histories_are_compared_as_a_whole(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        hall.on_main({"a.py": "1\n"})
        hall.hosted.work.git("checkout", "--quiet", "--orphan", "work")
        head = hall.on_work({"a.py": "1\n", "b.py": "1\n"})
        change = hall.change(pull_request_on(head))
        assert actions(change) == {"b.py": Action.ADDED}
        assert "no commit in common" in change.notices[0]


@pytest.mark.parametrize("has_filter", [True, False], ids=["partial", "whole"])
def test_large_files_are_named_and_not_opened(tmp_path: Path, has_filter: bool) -> None:
    async def read(source: CloneSource) -> None:
        files = {file.path: file for file in (await source.change()).files}
        assert {path: file.kind for path, file in files.items()} == {
            "a.py": FileKind.TEXT,
            "big.txt": FileKind.LARGE,
            "more\tbig": FileKind.LARGE,
            "zeros": FileKind.LARGE,
        }
        assert (files["big.txt"].action, files["zeros"].action) == (Action.MODIFIED, Action.ADDED)
        skipped = select_files(tuple(files.values()), Policy(), {}).skipped
        assert {each.reason for each in skipped} == {"too large to be read"}
        assert await source.file("zeros", At.HEAD) is None
        assert await source.file("big.txt", At.HEAD) is None
        assert (await source.change()).notices == ("Too large to be read: big.txt, more\\tbig, zeros.",)
        assert [match.path for match in await source.tree.search("9")] == ["a.py"]

    with a_hall(tmp_path, has_filter=has_filter, bounds=SMALL) as hall:
        start = hall.on_main({"a.py": "1\n", "big.txt": "small\n", "more\tbig": b"\0" * 150_000})
        head = hall.on_work(
            {"a.py": "9\n", "big.txt": "x" * 150_000, "more\tbig": "small\n", "zeros": b"\0" * 2_000_000}, at=start
        )
        hall.use(pull_request_on(head), read)
        told = Repository(hall.clone()).git(
            "cat-file", "--batch-check", stdin=hall.hosted.work.git("rev-parse", "HEAD:zeros").encode()
        )
        assert told.endswith("missing") == has_filter


def test_large_file_that_stays_keeps_nothing_from_being_read(tmp_path: Path) -> None:
    async def read(source: CloneSource) -> None:
        change = await source.change()
        assert [(file.path, file.old_path) for file in change.files] == [("moved.py", "a.py")]
        assert "zeros" in await source.tree.paths()
        assert await source.file("zeros", At.HEAD) is None

    with a_hall(tmp_path, bounds=SMALL) as hall:
        start = hall.on_main({"a.py": "1\n" * 20, "zeros": b"\0" * 150_000})
        hall.hosted.work.git("checkout", "--quiet", "-b", "work", start)
        hall.hosted.work.git("mv", "a.py", "moved.py")
        hall.use(pull_request_on(hall.on_work({})), read)


def test_pull_request_of_the_newer_object_format_is_read(tmp_path: Path) -> None:
    with a_hall(tmp_path, options=("--object-format=sha256",)) as hall:
        head = a_started_hall(hall)
        assert len(head) == 64
        assert actions(hall.change(pull_request_on(head))) == {"a.py": Action.MODIFIED}


def test_reviews_of_one_repository_run_side_by_side(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        first = a_started_hall(hall)
        second = hall.on_work({"new.py": "1\n"})
        hall.hosted.push(f"{first}:refs/pull/8/head")

        async def both() -> list[dict[str, Action]]:
            async with (
                open_pull_request(hall.cache, hall.server.url(), pull_request_on(second), authorization=None) as one,
                open_pull_request(
                    hall.cache, hall.server.url(), pull_request_on(first, number=8), authorization=None
                ) as other,
            ):
                return [actions(change) for change in await asyncio.gather(one.change(), other.change())]

        assert asyncio.run(both()) == [
            {"a.py": Action.MODIFIED, "new.py": Action.ADDED},
            {"a.py": Action.MODIFIED},
        ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"head": "main"}, "not the full id"),
        ({"head": "a" * 39}, "not the full id"),
        ({"head": "a" * 40, "base": "--all"}, "not the full id"),
        ({"head": "a" * 40, "base_ref": "a b"}, "name of a branch"),
        ({"head": "a" * 40, "base_ref": ""}, "name of a branch"),
        ({"head": "a" * 40, "base_ref": "a:refs/heads/b"}, "name of a branch"),
        ({"head": "a" * 40, "base_ref": "a/../b"}, "name of a branch"),
        ({"head": "a" * 40, "base_ref": "a\n"}, "name of a branch"),
        ({"head": "a" * 40, "base_ref": "a.lock"}, "name of a branch"),
        ({"head": "a" * 40, "number": 0}, "number of a pull request"),
    ],
)
def test_names_that_are_none_never_reach_git(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    async def open_it() -> None:
        cache = CloneCache(tmp_path / "clones", most_bytes=1)
        pull_request = pull_request_on(**changes)  # type: ignore[arg-type]
        async with open_pull_request(cache, "https://127.0.0.1/o/r.git", pull_request, authorization=None):
            pass

    with pytest.raises(SourceError, match=words):
        asyncio.run(open_it())
    assert not (tmp_path / "clones").exists()
