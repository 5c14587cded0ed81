import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from tests.virtual_time import run_virtually

from mesrai.jobs.embedded import DatabaseQueue, Statements


class Unread:
    """A database that nobody asks anything."""

    now = ""
    for_update = ""

    async def rows(self, sql: str, /, **values: Any) -> Sequence[Mapping[str, Any]]:
        raise AssertionError(sql)

    def transaction(self) -> AbstractAsyncContextManager[Statements]:
        raise AssertionError


async def pauses_of(queue: DatabaseQueue, count: int, timeout_s: float = 60.0) -> list[float]:
    now, pauses = asyncio.get_running_loop().time, []
    for _ in range(count):
        began = now()
        await queue.wait(timeout_s)
        pauses.append(now() - began)
    return pauses


def test_who_finds_nothing_looks_more_and_more_seldom_but_every_second() -> None:
    pauses = run_virtually(pauses_of(DatabaseQueue(Unread()), 20))
    assert pauses[0] == pytest.approx(0.05, abs=0.02)
    assert pauses[5] > 2 * pauses[0]
    assert pauses[-3:] == pytest.approx([1.0, 1.0, 1.0], abs=0.05)


def test_nobody_waits_longer_than_they_want_to() -> None:
    pauses = run_virtually(pauses_of(DatabaseQueue(Unread()), 20, timeout_s=0.2))
    assert max(pauses) < 0.25


def test_who_is_woken_looks_at_once_and_often_again() -> None:
    async def scenario() -> list[float]:
        queue = DatabaseQueue(Unread())
        await pauses_of(queue, 20)
        queue.wake()
        return await pauses_of(queue, 3)

    pauses = run_virtually(scenario())
    assert pauses[0] < 0.01
    assert 0.03 < pauses[1] < pauses[2] < 0.2
