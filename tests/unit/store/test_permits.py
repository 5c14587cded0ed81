"""Permits in the store: shared by processes, fair between them, and free again when a process or the store dies."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.databases import ENGINES, a_database

from mesrai.domain.pacing import fairest
from mesrai.domain.permits import Limits, Wanted
from mesrai.errors import ModelUnavailable, Remedy, StoreUnavailable
from mesrai.store.database import Database, Row, Statements, Value
from mesrai.store.granting import News, step
from mesrai.store.opening import open_database
from mesrai.store.permits import StorePermits

Use = Callable[[Database, list[StorePermits]], Awaitable[Any]]


def with_processes(folder: Path, use: Use, *, engine: str = "sqlite", count: int = 2, lease_s: float = 30.0) -> Any:
    """Run `use` with permits as so many processes have them: each with a connection of its own."""

    async def run(url: str) -> Any:
        async with asyncio.timeout(20), AsyncExitStack() as opened:
            mine = await opened.enter_async_context(open_database(url))
            permits = []
            for _ in range(count):
                database = await opened.enter_async_context(open_database(url))
                permits.append(await opened.enter_async_context(StorePermits(database, lease_s=lease_s)))
            return await use(mine, permits)

    with a_database(engine, folder) as url:
        return asyncio.run(run(url))


def wanted(cap: int | None = 1, *, account: str = "a", review: str = "", tokens: int = 0, **limits: int) -> Wanted:
    return Wanted(account=account, limits=Limits(concurrent=cap, **limits), tokens=tokens, review=review)


class Holder:
    """One who holds a permit, or waits for it, until told to let go."""

    def __init__(self, permits: StorePermits, what: Wanted) -> None:
        self.has_it = asyncio.Event()
        self.end = asyncio.Event()
        self.task = asyncio.create_task(self._hold(permits, what))

    async def _hold(self, permits: StorePermits, what: Wanted) -> None:
        async with permits.hold(what):
            self.has_it.set()
            await self.end.wait()

    async def done(self) -> None:
        self.end.set()
        await self.task


async def count(database: Database, table: str) -> int:
    return int((await database.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"])


async def until_rows(database: Database, table: str, number: int) -> None:
    while await count(database, table) != number:  # noqa: ASYNC110 - a database has no event
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_permit_given_back_goes_to_whoever_waits_in_another_process(engine: str, tmp_path: Path) -> None:
    async def use(_: Database, permits: list[StorePermits]) -> float:
        first = Holder(permits[0], wanted())
        await first.has_it.wait()
        second = Holder(permits[1], wanted())
        await asyncio.sleep(0.05)
        assert not second.has_it.is_set()
        began = time.monotonic()
        await first.done()
        await second.has_it.wait()
        took = time.monotonic() - began
        await second.done()
        return took

    assert with_processes(tmp_path, use, engine=engine) < 2


def test_reviews_of_all_processes_share_one_account_evenly(tmp_path: Path) -> None:
    async def use(_: Database, permits: list[StorePermits]) -> list[str]:
        held = [Holder(permits[0], wanted(2, review="long")) for _ in range(2)]
        await asyncio.gather(*(each.has_it.wait() for each in held))
        more = Holder(permits[0], wanted(2, review="long"))
        await asyncio.sleep(0.02)
        other = Holder(permits[1], wanted(2, review="short"))
        await asyncio.sleep(0.02)
        await held[0].done()
        await other.has_it.wait()
        has_more = more.has_it.is_set()
        for each in (held[1], other, more):
            await each.done()
        return ["long"] if has_more else ["short"]

    assert with_processes(tmp_path, use) == ["short"]


def test_what_a_dead_process_held_does_not_count(tmp_path: Path) -> None:
    async def use(database: Database, permits: list[StorePermits]) -> int:
        await database.rows(f"INSERT INTO holders (id, until) VALUES ('dead', {database.now} - 0.01)")
        for number, is_out in ((1, 1), (2, 0)):
            await database.rows(
                "INSERT INTO permits (account, holder, number, review, tokens, is_out)"
                " VALUES ('a', 'dead', :number, '', 0, :is_out)",
                number=number,
                is_out=is_out,
            )
        async with permits[0].hold(wanted()):
            return await count(database, "permits")

    assert with_processes(tmp_path, use) == 3


def test_rows_of_the_dead_and_old_admissions_are_swept_away(tmp_path: Path) -> None:
    async def use(database: Database, permits: list[StorePermits]) -> list[int]:
        await database.rows(f"INSERT INTO holders (id, until) VALUES ('dead', {database.now} - 999.0)")
        await database.rows(
            "INSERT INTO permits (account, holder, number, review, tokens, is_out) VALUES ('b', 'dead', 1, '', 0, 1)"
        )
        for age, is_for_day in ((1.0, 0), (99.0, 0), (99.0, 1), (99_999.0, 1)):
            await database.rows(
                "INSERT INTO admissions (account, at, tokens, is_for_day)"
                f" VALUES ('b', {database.now} - :age, 1, :day)",
                age=age,
                day=is_for_day,
            )
        async with permits[0].hold(wanted()):
            await until_rows(database, "admissions", 2)
            return [await count(database, "permits"), await count(database, "holders")]

    assert with_processes(tmp_path, use, lease_s=0.6) == [1, 1]


@pytest.mark.parametrize("engine", ENGINES)
def test_closing_leaves_nothing_behind(engine: str, tmp_path: Path) -> None:
    async def run(url: str) -> tuple[int, int]:
        async with open_database(url) as database:
            async with StorePermits(database) as permits:
                waiting = [Holder(permits, wanted()) for _ in range(3)]
                await waiting[0].has_it.wait()
                for each in waiting:
                    each.task.cancel()
                await asyncio.wait([each.task for each in waiting])
            return await count(database, "permits"), await count(database, "holders")

    with a_database(engine, tmp_path) as url:
        assert asyncio.run(run(url)) == (0, 0)


def test_closed_permits_are_not_given(tmp_path: Path) -> None:
    async def use(_: Database, permits: list[StorePermits]) -> None:
        await permits[0].__aexit__()
        async with permits[0].hold(wanted()):
            pass

    with pytest.raises(StoreUnavailable, match="closed"):
        with_processes(tmp_path, use)


def test_a_request_in_flight_ends_when_the_lease_is_lost_and_may_be_retried(tmp_path: Path) -> None:
    async def use(database: Database, permits: list[StorePermits]) -> ModelUnavailable:
        holder = Holder(permits[0], wanted())
        await holder.has_it.wait()
        waiting = Holder(permits[0], wanted())
        await until_rows(database, "permits", 2)
        await database.rows("DELETE FROM holders")
        with pytest.raises(ModelUnavailable) as caught:
            await holder.task
        await waiting.has_it.wait()  # under a new lease
        await waiting.done()
        return caught.value

    error = with_processes(tmp_path, use, lease_s=0.6)
    assert error.remedy is Remedy.RETRY
    assert error.calls == 1
    assert "so its requests were given up" in error.message


def test_a_process_that_stood_still_for_too_long_gives_its_requests_up(tmp_path: Path) -> None:
    async def use(_: Database, permits: list[StorePermits]) -> None:
        holder = Holder(permits[0], wanted())
        await holder.has_it.wait()
        time.sleep(0.25)  # noqa: ASYNC251 - as a process that is suspended
        with pytest.raises(ModelUnavailable, match="stopped for too long"):
            await holder.task

    with_processes(tmp_path, use, lease_s=0.25)


def test_losing_the_lease_is_no_cancellation_for_whoever_asked(tmp_path: Path) -> None:
    async def use(database: Database, permits: list[StorePermits]) -> str:
        end = "not lost"
        try:
            async with permits[0].hold(wanted()):
                await database.rows("UPDATE holders SET until = until - 99.0")
                await asyncio.sleep(10)
        except ModelUnavailable:
            end = "lost"
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)
        return end

    assert with_processes(tmp_path, use, lease_s=0.3) == "lost"


class Unsteady:
    """A database that is away when told to be, or loses the line just after a commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.now, self.for_update = database.now, database.for_update
        self.is_away = False
        self.loses_commits = False
        self.after_commit: Callable[[], object] = lambda: None
        self.has_failed = asyncio.Event()

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        self._check()
        return await self._database.rows(sql, **values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        self._check()
        async with self._database.transaction() as statements:
            yield statements
        self.after_commit()
        if self.loses_commits:
            self.has_failed.set()
            raise StoreUnavailable("The line is gone.")

    def _check(self) -> None:
        if self.is_away:
            self.has_failed.set()
            raise StoreUnavailable("Away.")


def with_unsteady(
    folder: Path, use: Callable[[Unsteady, Database, StorePermits], Awaitable[Any]], lease_s: float
) -> Any:
    async def run(url: str) -> Any:
        async with asyncio.timeout(20), open_database(url) as database, open_database(url) as mine:
            unsteady = Unsteady(database)
            async with StorePermits(unsteady, lease_s=lease_s) as permits:
                return await use(unsteady, mine, permits)

    with a_database("sqlite", folder) as url:
        return asyncio.run(run(url))


def test_without_the_store_nothing_is_sent_and_later_all_goes_on(tmp_path: Path) -> None:
    async def use(unsteady: Unsteady, _mine: Database, permits: StorePermits) -> None:
        unsteady.is_away = True
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="Away"):
                async with permits.hold(wanted()):
                    pass
        unsteady.is_away = False
        async with permits.hold(wanted()):
            pass

    with_unsteady(tmp_path, use, 30)


def test_a_request_in_flight_ends_when_the_store_stays_away_longer_than_the_lease(tmp_path: Path) -> None:
    async def use(unsteady: Unsteady, database: Database, permits: StorePermits) -> float:
        holder = Holder(permits, wanted())
        await holder.has_it.wait()
        unsteady.is_away = True
        with pytest.raises(ModelUnavailable, match="Away, so its requests were given up"):
            await holder.task
        rows = await database.rows(f"SELECT until - {database.now} AS left_s FROM holders")
        unsteady.is_away = False
        return float(rows[0]["left_s"])

    assert with_unsteady(tmp_path, use, 0.8) > 0  # before others think so


def test_a_permit_given_back_while_the_store_is_away_is_free_when_it_is_there_again(tmp_path: Path) -> None:
    async def use(unsteady: Unsteady, database: Database, permits: StorePermits) -> None:
        holder = Holder(permits, wanted())
        await holder.has_it.wait()
        unsteady.is_away = True
        await holder.done()
        await unsteady.has_failed.wait()
        unsteady.is_away = False
        await until_rows(database, "permits", 0)

    with_unsteady(tmp_path, use, 30)


def test_a_permit_that_was_granted_when_the_line_broke_is_not_lost(tmp_path: Path) -> None:
    async def use(unsteady: Unsteady, database: Database, permits: StorePermits) -> None:
        unsteady.loses_commits = True
        with pytest.raises(StoreUnavailable, match="line is gone"):
            async with permits.hold(wanted()):
                pass
        assert await count(database, "permits") == 1
        unsteady.loses_commits = False
        await until_rows(database, "permits", 0)

    with_unsteady(tmp_path, use, 30)


def test_one_who_gives_up_in_the_moment_of_the_grant_takes_nothing_with_him(tmp_path: Path) -> None:
    async def use(unsteady: Unsteady, database: Database, permits: StorePermits) -> None:
        holder = Holder(permits, wanted())
        unsteady.after_commit = holder.task.cancel
        await asyncio.wait([holder.task])
        assert not holder.has_it.is_set()
        unsteady.after_commit = lambda: None
        async with permits.hold(wanted()):
            pass
        await until_rows(database, "permits", 0)

    with_unsteady(tmp_path, use, 30)


def test_throttles_and_answers_of_one_process_are_known_to_the_others(tmp_path: Path) -> None:
    async def use(database: Database, permits: list[StorePermits]) -> list[Any]:
        seen: list[Any] = []
        async with permits[0].hold(wanted(8)):
            await permits[0].throttled(wanted(8))
            async with permits[0].hold(wanted(8)):
                pass
        for _ in range(2):
            seen += await database.rows("SELECT reduced, reduced_from FROM accounts")
            await database.rows("UPDATE accounts SET quiet_since = quiet_since - 31.0")
            async with permits[1].hold(wanted(8)):
                await permits[1].answered(wanted(8))
            await until_rows(database, "permits", 0)
        return [*seen, *await database.rows("SELECT reduced, reduced_from FROM accounts")]

    assert with_processes(tmp_path, use) == [
        {"reduced": 4, "reduced_from": 8},
        {"reduced": None, "reduced_from": None},
        {"reduced": None, "reduced_from": None},
    ]


def test_when_a_minute_has_passed_the_next_request_goes(tmp_path: Path) -> None:
    async def use(database: Database, permits: list[StorePermits]) -> bool:
        async with permits[0].hold(wanted(None, requests_per_minute=1)):
            pass
        waiting = Holder(permits[1], wanted(None, requests_per_minute=1))
        await asyncio.sleep(0.05)
        has_waited = not waiting.has_it.is_set()
        await database.rows("UPDATE admissions SET at = at - 61.0")
        another = Holder(permits[0], wanted(None, requests_per_minute=1))  # its coming makes somebody look
        await waiting.has_it.wait()
        await waiting.done()
        another.task.cancel()
        return has_waited

    assert with_processes(tmp_path, use)


def test_who_has_no_tokens_left_today_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async def use(database: Database, permits: list[StorePermits]) -> None:
        async with permits[0].hold(wanted(2, tokens=60, tokens_per_day=100)):
            pass
        await database.rows(f"INSERT INTO holders (id, until) VALUES ('busy', {database.now} + 99.0)")
        for number in range(10):
            await database.rows(
                "INSERT INTO permits (account, holder, number, review, tokens, concurrent, tokens_per_day, is_out)"
                " VALUES ('a', 'busy', :number, '', 60, 2, 100, 0)",
                number=number,
            )
        async with permits[1].hold(wanted(2, tokens=40, tokens_per_day=100)):
            pass

    with_processes(tmp_path, use)


REVIEWS = st.sampled_from("abc")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(out=st.lists(REVIEWS, min_size=1, max_size=6), waiting=st.lists(REVIEWS, max_size=20), room=st.integers(0, 20))
def test_the_store_hands_out_in_the_very_order_of_the_rules(
    tmp_path_factory: pytest.TempPathFactory, out: list[str], waiting: list[str], room: int
) -> None:
    async def given_out(url: str) -> list[int]:
        async with open_database(url) as database:
            await database.rows(f"INSERT INTO holders (id, until) VALUES ('h', {database.now} + 99.0)")
            held = News(coming={-number: wanted(None, review=review) for number, review in enumerate(out, 1)})
            await step(database, "a", "h", held)
            coming = News(coming={number: wanted(0, review=review) for number, review in enumerate(waiting, 1)})
            await step(database, "a", "h", coming)
            cap = len(out) + room
            await database.rows("UPDATE permits SET is_out = 0, concurrent = :cap WHERE number > 0", cap=cap)
            return (await step(database, "a", "h", News())).numbers

    with a_database("sqlite", tmp_path_factory.mktemp("order")) as url:
        assert asyncio.run(given_out(url)) == in_order(out, waiting, room)


def in_order(out: list[str], waiting: list[str], room: int) -> list[int]:
    held, left = Counter(out), dict(enumerate(waiting, 1))
    order: list[int] = []
    while left and len(order) < room:
        heads: dict[str, int] = {}
        for number, review in left.items():
            heads.setdefault(review, number)
        number = heads[fairest(heads, held)]
        held[left.pop(number)] += 1
        order.append(number)
    return order


ACTS = st.lists(st.tuples(st.sampled_from(["start", "end", "cancel", "wait"]), st.integers(0, 9)), max_size=30)


@settings(max_examples=15, deadline=None)
@given(cap=st.integers(1, 3), acts=ACTS)
def test_over_two_processes_permits_are_never_exceeded_nor_lost(
    tmp_path_factory: pytest.TempPathFactory, cap: int, acts: list[tuple[str, int]]
) -> None:
    async def use(database: Database, permits: list[StorePermits]) -> None:
        held = 0
        tasks: list[asyncio.Task[None]] = []
        ends: list[asyncio.Event] = []

        async def hold(process: StorePermits, end: asyncio.Event) -> None:
            nonlocal held
            async with process.hold(wanted(cap)):
                held += 1
                assert held <= cap
                try:
                    await end.wait()
                finally:
                    held -= 1

        for act, number in acts:
            if act == "start":
                ends.append(asyncio.Event())
                tasks.append(asyncio.create_task(hold(permits[number % 2], ends[-1])))
            elif act == "wait" or number >= len(tasks):
                await asyncio.sleep(number / 2_000)
            elif act == "end":
                ends[number].set()
            else:
                tasks[number].cancel()
        for end in ends:
            end.set()
        done: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(each is None or isinstance(each, asyncio.CancelledError) for each in done)
        await until_rows(database, "permits", 0)

    with_processes(tmp_path_factory.mktemp("random"), use)


def test_a_clock_that_was_ahead_and_was_set_right_keeps_nobody_out(tmp_path: Path) -> None:
    async def use(database: Database, permits: list[StorePermits]) -> None:
        await database.rows(f"INSERT INTO holders (id, until) VALUES ('dead', {database.now} + 86400.0)")
        await database.rows(
            "INSERT INTO permits (account, holder, number, review, tokens, is_out) VALUES ('a', 'dead', 1, '', 0, 1)"
        )
        await database.rows(
            f"INSERT INTO admissions (account, at, tokens) VALUES ('a', {database.now} + 86400.0, 1)",
        )
        other = Holder(permits[0], wanted(2, account="b"))  # whoever lives sweeps
        await asyncio.wait_for(Holder(permits[1], wanted(1, requests_per_minute=1)).has_it.wait(), 5)
        await other.done()

    with_processes(tmp_path, use, lease_s=0.6)
