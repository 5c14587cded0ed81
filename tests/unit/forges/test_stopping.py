"""Cancelling at any moment ends what was started, and the next question is answered."""

import asyncio
from pathlib import Path
from threading import Thread

import pytest
from tests.repositories import ENVIRONMENT, a_repository

from mesrai.domain.change import At
from mesrai.domain.selection import Selection
from mesrai.errors import SourceError
from mesrai.forges.git import Git
from mesrai.forges.local import open_local
from mesrai.forges.objects import Objects
from mesrai.forges.once import Once
from mesrai.forges.repository import find_repository
from mesrai.forges.together import together


def children() -> list[str]:
    """The processes that this one has started and that still run."""
    return [child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()]


def test_cancelling_at_any_moment_leaves_nothing_behind(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {f"d/{number}": "1\n" for number in range(20)})
    repository.write("d/1", "2\n")
    repository.write("new", "2\n")

    async def read() -> None:
        async with await open_local(tmp_path, Selection(paths=("d",)), ENVIRONMENT) as source:
            await source.change()
            for path in await source.tree.paths():
                await source.file(path, At.BASE)

    async def cancel_after(steps: int) -> bool:
        task = asyncio.create_task(read())
        for _ in range(steps):  # turns of the event loop, so every place that waits is met
            await asyncio.sleep(0.0002)
        task.cancel()
        try:
            async with asyncio.timeout(5):
                await task
        except asyncio.CancelledError:
            return True
        return False

    async def cancel_everywhere() -> list[bool]:
        return [await cancel_after(steps) for steps in range(0, 130, 10)]

    assert True in asyncio.run(cancel_everywhere())
    assert children() == []


def test_cancelling_while_git_starts_does_not_wait_forever(tmp_path: Path) -> None:
    async def cancel_after(turns: int) -> bool:
        task = asyncio.create_task(Git(tmp_path, ENVIRONMENT).run("version", stdin=b""))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=2)
        return task.cancelled()

    async def cancel_at_each_turn() -> list[bool]:
        return [await cancel_after(turns) for turns in range(8)]

    assert asyncio.run(cancel_at_each_turn()) == [True] * 8
    assert children() == []


def test_event_loop_that_closes_while_git_starts_does_not_wait_forever(tmp_path: Path) -> None:
    async def leave_after(turns: int) -> None:
        task = asyncio.create_task(Git(tmp_path, ENVIRONMENT).run("version", stdin=b""))
        for _ in range(turns):
            await asyncio.sleep(0)
        assert not task.done()

    for turns in (3, 5):
        thread = Thread(target=asyncio.run, args=(leave_after(turns),), daemon=True)
        thread.start()
        thread.join(5)
        assert not thread.is_alive()


def test_objects_answer_after_a_cancelled_question(tmp_path: Path) -> None:
    repository = a_repository(tmp_path, {"a": "a\n" * 100_000, "b": "b\n"})
    head = repository.git("rev-parse", "HEAD")

    async def ask() -> bytes | None:
        found = await find_repository(tmp_path, ENVIRONMENT)
        async with Objects(found.git) as objects:
            large, small = await objects.find(head, "a"), await objects.find(head, "b")
            assert large is not None
            assert small is not None
            for turns in range(1, 12):
                task = asyncio.create_task(objects.blob(large.id, 1 << 30))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait({task})
                assert await objects.blob(small.id, 1 << 30) == b"b\n"
            return await objects.blob(small.id, 1)

    assert asyncio.run(ask()) is None
    assert children() == []


def test_missing_object_is_an_error(tmp_path: Path) -> None:
    a_repository(tmp_path, {"a": "1\n"})

    async def ask() -> None:
        async with Objects((await find_repository(tmp_path, ENVIRONMENT)).git) as objects:
            await objects.blob("1" * 40, 100)

    with pytest.raises(SourceError, match="object 111111111111 is not on this machine"):
        asyncio.run(ask())


def test_first_error_ends_the_other_tasks() -> None:
    ended: list[str] = []

    async def fail() -> None:
        raise SourceError("first")

    async def wait() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("other")

    async def work() -> None:
        async with together() as group:
            group.create_task(wait())
            group.create_task(fail())

    with pytest.raises(SourceError, match=r"^first$"):
        asyncio.run(work())
    assert ended == ["other"]


def test_value_is_made_once_and_again_only_after_a_failure() -> None:
    made: list[int] = []

    async def make() -> int:
        await asyncio.sleep(0)
        made.append(1)
        if len(made) == 1:
            raise SourceError("not yet")
        return len(made)

    async def work() -> list[int]:
        once = Once(make)
        with pytest.raises(SourceError):
            await once.get()
        return await asyncio.gather(*(once.get() for _ in range(5)))

    assert asyncio.run(work()) == [2] * 5
