"""The folder of clones stays within its bounds, and whatever dies in the middle leaves nothing in the way."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.clones import QUICK, Hall, a_hall, pull_request_on
from tests.git_http import hosted
from tests.local_changes import actions
from tests.repositories import ENVIRONMENT

from mesrai.domain.diff import Action
from mesrai.domain.pull_request import PullRequest
from mesrai.errors import SourceError
from mesrai.forges.clone_address import read_address
from mesrai.forges.clone_cache import Bounds, CloneCache
from mesrai.forges.clones import CloneSource, open_pull_request
from mesrai.forges.file_lock import locked, locked_at_once

CHANGED = {"a.py": Action.MODIFIED}


def a_simple_hall(hall: Hall) -> PullRequest:
    return pull_request_on(hall.on_work({"a.py": "2\n"}, at=hall.on_main({"a.py": "1\n"})))


def with_copies(hall: Hall, names: list[str]) -> list[str]:
    """The same repository under other names; the addresses."""
    for name in names:
        copy = hosted(hall.server.root, name)
        hall.hosted.work.git("push", "--quiet", str(copy.bare.root), "main:main", "work:refs/pull/7/head")
    return [hall.server.url(name) for name in names]


def folder_of(hall: Hall, url: str) -> Path:
    return hall.folder / f"{read_address(url).key}.git"


def test_least_recently_used_clones_are_removed(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        one, two, three = with_copies(hall, ["o/one", "o/two", "o/three"])
        cache = CloneCache(hall.folder, most_bytes=10**9, most_repositories=2, bounds=QUICK, environ=ENVIRONMENT)
        for url in (one, two, one, three):
            assert actions(hall.use(pull_request, CloneSource.change, url=url, cache=cache)) == CHANGED
            time.sleep(0.01)
        assert [folder_of(hall, url).exists() for url in (one, two, three)] == [True, False, True]
        assert actions(hall.use(pull_request, CloneSource.change, url=two, cache=cache)) == CHANGED


def test_size_is_kept_within_its_bound(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        noise = os.urandom(100_000)
        head = hall.on_work({"a.py": "2\n"}, at=hall.on_main({"a.py": "1\n", "noise": noise}))
        urls = with_copies(hall, ["o/one", "o/two", "o/three"])
        cache = CloneCache(hall.folder, most_bytes=250_000, bounds=QUICK, environ=ENVIRONMENT)
        for url in urls:
            hall.use(pull_request_on(head), CloneSource.change, url=url, cache=cache)
        assert [folder_of(hall, url).exists() for url in urls] == [False, True, True]
        assert not list(hall.folder.glob("trash-*"))


def test_clone_that_is_read_is_not_removed(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        one, two = with_copies(hall, ["o/one", "o/two"])
        cache = CloneCache(hall.folder, most_bytes=10**9, most_repositories=1, bounds=QUICK, environ=ENVIRONMENT)

        async def both() -> None:
            async with open_pull_request(cache, one, pull_request, authorization=None) as source:
                async with open_pull_request(cache, two, pull_request, authorization=None) as other:
                    assert actions(await other.change()) == CHANGED
                assert actions(await source.change()) == CHANGED
            await cache.evict()

        asyncio.run(both())
        assert [folder_of(hall, url).exists() for url in (one, two)] == [False, True]


def test_half_made_clone_is_made_anew(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        half = folder_of(hall, hall.server.url())
        (half / "objects").mkdir(parents=True)
        (half / "config").write_text("[core]\n\tbare = perhaps\n")
        assert actions(hall.change(pull_request)) == CHANGED


def test_clone_that_turns_out_to_be_rotten_is_made_anew_the_next_time(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        hall.change(pull_request)
        for pack in hall.clone().rglob("*.pack"):
            content = bytearray(pack.read_bytes())
            content[-28:-20] = b"\xff" * 8  # the end of the last blob; commits and trees come first
            pack.chmod(0o600)
            pack.write_bytes(content)
        with pytest.raises(SourceError):
            hall.change(pull_request)
        assert actions(hall.change(pull_request)) == CHANGED


@pytest.mark.parametrize("harm", ["cut", "gone", "nonsense"])
def test_broken_clone_is_made_anew(tmp_path: Path, harm: str) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        hall.change(pull_request)
        for pack in hall.clone().rglob("*.pack"):
            pack.chmod(0o600)
            if harm == "gone":
                pack.unlink()
            else:
                pack.write_bytes(pack.read_bytes()[:40] + b"x" * 40 * (harm == "nonsense"))
        try:
            change = hall.change(pull_request)
        except SourceError:  # git noticed it only when the objects were read
            change = hall.change(pull_request)
        assert actions(change) == CHANGED


def test_what_a_killed_git_left_is_removed(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        hall.change(pull_request)
        clone = hall.clone()
        files = [
            clone / name
            for name in ("shallow.lock", "config.lock", "refs/mesrai/7/head.lock", "objects/pack/tmp_pack_x")
        ]
        folders = [hall.folder / f"{clone.stem}.ab12.new", hall.folder / "trash-1"]
        for path in files:
            path.write_text("")
        for path in folders:
            path.mkdir()
        (clone / "kept").write_text("")
        head = hall.on_work({"a.py": "3\n"})
        assert actions(hall.change(pull_request_on(head))) == CHANGED
        assert [path for path in (*files, *folders) if path.exists()] == []
        assert (clone / "kept").exists()


def test_many_small_packs_become_one(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        hall.change(pull_request)
        packs = hall.clone() / "objects" / "pack"
        (pack,) = packs.glob("*.pack")
        for number in range(60):  # as many as reviews would leave, but all the same
            for ending in (".pack", ".idx", ".promisor"):
                os.link(pack.with_suffix(ending), packs / f"pack-{number:040x}{ending}")
        head = hall.on_work({"a.py": "3\n"})
        assert actions(hall.change(pull_request_on(head))) == CHANGED
        assert len(list(packs.glob("*.pack"))) <= 3


def test_folder_of_ours_is_closed_to_others(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        hall.folder.mkdir(mode=0o755)
        hall.change(a_simple_hall(hall))
        assert hall.folder.stat().st_mode & 0o777 == 0o700


def test_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        hall.folder.write_text("")
        with pytest.raises(SourceError, match="folder for clones cannot be made"):
            hall.change(a_simple_hall(hall))


def test_one_name_in_two_spellings_is_one_clone_and_two_names_are_two() -> None:
    same = {read_address(url).key for url in ("https://GitHub.com/o/r.git", "https://github.com/o/r.git/")}
    others = {
        read_address(url).key
        for url in ("https://github.com/o/r", "https://github.com/o/R.git", "https://ghe.example/o/r.git")
    }
    assert (len(same), len(others), same & others) == (1, 3, set())


# Locks


def a_holder(path: Path) -> "subprocess.Popen[str]":
    """Another process that holds the lock until it is killed."""
    text = (
        "import asyncio, pathlib, sys\nfrom mesrai.forges.file_lock import locked\n"
        "async def hold():\n    async with locked(pathlib.Path(sys.argv[1]), most_s=1):\n"
        "        print('held', flush=True)\n        await asyncio.sleep(60)\nasyncio.run(hold())\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", text, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_lock_of_another_process_is_waited_for_and_freed_when_that_dies(tmp_path: Path) -> None:
    path = tmp_path / "x.turn"
    with a_holder(path) as holder:

        async def take() -> None:
            with pytest.raises(SourceError, match=r"in use, for longer than 0\.1 s"):
                async with locked(path, most_s=0.1):
                    pass
            waiting = asyncio.create_task(enter())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            holder.kill()
            await asyncio.wait_for(waiting, 5)

        async def enter() -> None:
            async with locked(path, most_s=5):
                pass

        asyncio.run(take())


def test_lock_holds_between_tasks_and_shared_ones_go_together(tmp_path: Path) -> None:
    path = tmp_path / "x.use"

    async def try_all() -> None:
        async with locked(path, is_shared=True, most_s=1), locked(path, is_shared=True, most_s=0):
            with locked_at_once(path) as is_ours:
                assert not is_ours
            with pytest.raises(SourceError):
                async with locked(path, most_s=0.05):
                    pass
        with locked_at_once(path) as is_ours:
            assert is_ours
            with pytest.raises(SourceError):
                async with locked(path, is_shared=True, most_s=0.05):
                    pass

    asyncio.run(try_all())


def test_lock_is_no_link_to_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "x.turn").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="cannot be opened"), locked_at_once(tmp_path / "x.turn"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_clone_that_others_fetch_into_is_waited_for_within_bounds(tmp_path: Path) -> None:
    with a_hall(tmp_path, bounds=Bounds(wait_s=0.1, fetch_s=20)) as hall:
        pull_request = a_simple_hall(hall)
        hall.change(pull_request)
        with a_holder(hall.clone().with_suffix(".turn")) as holder:
            with pytest.raises(SourceError, match="in use"):
                hall.change(pull_request)
            holder.kill()
        assert actions(hall.change(pull_request)) == CHANGED


def test_cancelling_while_fetching_leaves_no_git_and_no_lock(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        hall.server.open.clear()

        async def cancel() -> None:
            task = asyncio.create_task(opened())
            async with asyncio.timeout(10):
                while not hall.server.seen:  # noqa: ASYNC110 - another thread adds to it
                    await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        async def opened() -> None:
            async with open_pull_request(hall.cache, hall.server.url(), pull_request, authorization=None):
                pass

        asyncio.run(cancel())
        children = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
        hall.server.open.set()
        assert actions(hall.change(pull_request)) == CHANGED
        assert not "".join(children).strip()
