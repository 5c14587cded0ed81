"""What Queue must keep, over each database."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.database_clock import Clocked
from tests.databases import ENGINES, a_database

from mesrai.errors import LeaseLost
from mesrai.jobs.embedded import REPLACED, DatabaseQueue, put_in
from mesrai.jobs.queue import Job, State
from mesrai.store.opening import open_database

KIND = "review"
ONE, TWO = "forge.example/owner/one#1", "forge.example/owner/two#2"
Use = Callable[[DatabaseQueue, Clocked], Awaitable[Any]]


@pytest.fixture(scope="module", params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with a_database(request.param, Path(tmp_path_factory.mktemp("queue"))) as url:
        yield url


def with_queue(place: str, use: Use) -> Any:
    """Use an empty queue with a lease of 10 s, whose clock the test moves."""

    async def run() -> Any:
        async with open_database(place) as database, asyncio.timeout(20):
            await database.rows("DELETE FROM jobs")
            clock = Clocked(database)
            return await use(DatabaseQueue(clock, lease_s=10.0, most_attempts=3, look_every_s=0.0), clock)

    return asyncio.run(run())


async def claimed(queue: DatabaseQueue, worker: str = "w", *kinds: str) -> Job:
    job = await queue.claim(worker, kinds=kinds or (KIND,))
    assert job is not None
    return job


async def none_is_due(queue: DatabaseQueue) -> bool:
    return await queue.claim("w", kinds=(KIND,)) is None


async def states(database: Clocked) -> list[tuple[str, str, str]]:
    rows = await database.rows("SELECT subject, state, reason FROM jobs ORDER BY id")
    return [(row["subject"], row["state"], row["reason"]) for row in rows]


async def refused(*calls: Awaitable[Any]) -> int:
    """How many of the calls find that the lease is lost."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    return sum(isinstance(result, LeaseLost) for result in results)


def test_a_job_comes_out_as_it_was_put_and_is_finished_once(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        payload = {"text": "a\x00b \udcff 漢字", "deep": [{"n": 1.5}, None, True]}
        number = await queue.put(KIND, ONE, payload)
        job = await claimed(queue)
        assert job == Job(id=number, kind=KIND, subject=ONE, payload=payload, attempt=1, worker="w")
        await queue.finish(job)
        assert await refused(queue.finish(job), queue.renew(job), queue.fail(job, "x", retry_in_s=None)) == 3
        assert await refused(queue.park(job, until=0.0, reason="x"), queue.fail(job, "x", retry_in_s=1.0)) == 2
        assert await none_is_due(queue)
        assert await states(clock) == [(ONE, "done", "")]

    with_queue(place, use)


def test_only_the_kinds_that_are_asked_for_come(place: str) -> None:
    async def use(queue: DatabaseQueue, _: Clocked) -> None:
        await queue.put("command", ONE, {})
        assert await none_is_due(queue)
        assert (await claimed(queue, "w", KIND, "command")).kind == "command"

    with_queue(place, use)


def test_a_job_put_again_while_it_waits_has_the_new_payload_and_its_old_place(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        first = await queue.put(KIND, ONE, {"n": 1})
        clock.at += 1
        await queue.put(KIND, "forge.example/owner/one#3", {})
        clock.at += 1
        assert await queue.put(KIND, ONE, {"n": 2}) == first
        job = await claimed(queue)
        assert (job.id, job.payload) == (first, {"n": 2})

    with_queue(place, use)


def test_a_delay_holds_a_job_back_and_a_later_one_again(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {}, delay_s=5.0)
        clock.at += 4
        assert await none_is_due(queue)
        await queue.put(KIND, ONE, {}, delay_s=5.0)
        clock.at += 4
        assert await none_is_due(queue)
        await queue.put(KIND, ONE, {}, delay_s=0.5)  # no later than it is due already
        clock.at += 1
        assert (await claimed(queue)).attempt == 1

    with_queue(place, use)


def test_a_job_put_without_delay_is_due_at_once(place: str) -> None:
    async def use(queue: DatabaseQueue, _: Clocked) -> None:
        await queue.put(KIND, ONE, {}, delay_s=500.0)
        await queue.put(KIND, ONE, {"n": 2})
        assert (await claimed(queue)).payload == {"n": 2}

    with_queue(place, use)


def test_a_subject_has_one_job_of_a_kind_running_and_another_kind_beside_it(place: str) -> None:
    async def use(queue: DatabaseQueue, _: Clocked) -> None:
        await queue.put(KIND, ONE, {"n": 1})
        job = await claimed(queue)
        assert await queue.renew(job)
        await queue.put(KIND, ONE, {"n": 2})
        assert await none_is_due(queue)
        assert not await queue.renew(job)
        await queue.put("command", ONE, {})
        assert (await claimed(queue, "w", "command")).subject == ONE
        await queue.finish(job)
        assert (await claimed(queue)).payload == {"n": 2}

    with_queue(place, use)


def test_a_renewed_lease_lasts_and_one_that_is_over_is_taken(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {})
        job = await claimed(queue, "first")
        for _ in range(3):
            clock.at += 9
            assert await queue.renew(job)
            assert await none_is_due(queue)
        clock.at += 10.5
        assert [each.state for each in await queue.standing()] == [State.LOST]
        again = await claimed(queue, "second")
        assert (again.id, again.attempt, again.worker) == (job.id, 2, "second")
        assert await refused(queue.renew(job), queue.finish(job)) == 2
        await queue.finish(again)

    with_queue(place, use)


def test_the_same_worker_cannot_end_its_own_earlier_attempt(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {})
        job = await claimed(queue)
        clock.at += 11
        again = await claimed(queue)
        assert again.worker == job.worker
        assert await refused(queue.finish(job), queue.park(job, until=0.0, reason="x")) == 2
        assert await queue.renew(again)

    with_queue(place, use)


LOST = "gave up after 3 attempts: its worker was lost"


async def lost_too_often(queue: DatabaseQueue, clock: Clocked) -> Job:
    """A job that comes as a failure."""
    await queue.put(KIND, ONE, {"n": 1})
    for attempt in (1, 2, 3):
        job = await claimed(queue)
        assert (job.attempt, job.failure) == (attempt, "")
        clock.at += 11
    return await claimed(queue)


def test_a_job_whose_worker_is_lost_again_and_again_comes_as_a_failure_until_that_is_told(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        job = await lost_too_often(queue, clock)
        assert (job.attempt, job.failure, job.payload) == (4, LOST, {"n": 1})
        clock.at += 11
        again = await claimed(queue)  # whoever was to tell it was lost too
        assert again.failure == LOST
        await queue.fail(again, again.failure, retry_in_s=None)
        assert await none_is_due(queue)
        assert await states(clock) == [(ONE, "failed", LOST)]

    with_queue(place, use)


def test_a_failure_that_nobody_lives_to_tell_ends_all_the_same(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        assert (await lost_too_often(queue, clock)).attempt == 4
        for attempt in (5, 6):
            clock.at += 11
            assert (await claimed(queue)).attempt == attempt
        clock.at += 11
        assert await none_is_due(queue)
        assert await states(clock) == [(ONE, "failed", LOST)]

    with_queue(place, use)


def test_a_failure_may_be_told_later(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        job = await lost_too_often(queue, clock)
        await queue.fail(job, "the forge is away", retry_in_s=5.0)
        clock.at += 5
        again = await claimed(queue)
        assert again.failure == LOST
        await queue.park(again, until=clock.at + 50, reason="the forge limits us")
        clock.at += 50
        assert (await claimed(queue)).failure == LOST

    with_queue(place, use)


def test_a_newer_job_takes_the_place_of_a_failure(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        job = await lost_too_often(queue, clock)
        await queue.park(job, until=clock.at, reason="the forge limits us")
        await queue.put(KIND, ONE, {"n": 2})
        newer = await claimed(queue)
        assert (newer.failure, newer.payload) == ("", {"n": 2})

    with_queue(place, use)


def test_who_gives_a_job_up_holds_it_still_and_leaves_a_failure(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {})
        job = await claimed(queue)
        await queue.give_up(job, "no model is connected")
        assert await none_is_due(queue)
        clock.at += 11
        again = await claimed(queue)
        assert (again.attempt, again.failure) == (2, "no model is connected")
        assert await refused(queue.give_up(job, "x")) == 1

    with_queue(place, use)


def test_a_lost_job_gives_way_to_a_newer_one(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {"n": 1})
        job = await claimed(queue)
        await queue.put(KIND, ONE, {"n": 2})
        clock.at += 11
        assert (await claimed(queue)).payload == {"n": 2}
        assert await refused(queue.renew(job)) == 1
        assert await states(clock) == [(ONE, "done", REPLACED), (ONE, "running", "")]

    with_queue(place, use)


def test_a_parked_job_says_why_and_wakes_up_by_itself(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        number = await queue.put(KIND, ONE, {"n": 1})
        for attempt in range(1, 7):  # more often than it may fail
            job = await claimed(queue)
            assert (job.id, job.attempt) == (number, attempt)
            await queue.park(job, until=clock.at + 50, reason="the quota is used up")
            clock.at += 49
            assert await none_is_due(queue)
            (parked,) = await queue.standing()
            assert (parked.state, parked.reason, parked.due_at) == (
                State.PARKED,
                "the quota is used up",
                clock.at + 1,
            )
            clock.at += 1

    with_queue(place, use)


def test_a_parked_job_is_woken_by_a_new_put(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        number = await queue.put(KIND, ONE, {"n": 1})
        await queue.park(await claimed(queue), until=clock.at + 5_000, reason="paused")
        await queue.put(KIND, ONE, {"n": 2}, delay_s=3.0)
        assert await none_is_due(queue)
        clock.at += 3
        job = await claimed(queue)
        assert (job.id, job.payload) == (number, {"n": 2})

    with_queue(place, use)


def test_a_job_given_back_gives_way_to_a_newer_one(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {})
        job = await claimed(queue)
        await queue.put(KIND, ONE, {})
        await queue.park(job, until=clock.at + 5_000, reason="the quota is used up")
        job = await claimed(queue)
        await queue.put(KIND, ONE, {})
        await queue.fail(job, "no answer", retry_in_s=0.0)
        assert await states(clock) == [(ONE, "done", REPLACED), (ONE, "done", REPLACED), (ONE, "waiting", "")]

    with_queue(place, use)


def test_a_failed_job_is_tried_again_until_it_was_tried_too_often(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {})
        for attempt in (1, 2, 3):
            job = await claimed(queue)
            assert job.attempt == attempt
            await queue.fail(job, "no answer", retry_in_s=5.0)
            assert await none_is_due(queue)
            clock.at += 5
        assert await none_is_due(queue)
        assert await states(clock) == [(ONE, "failed", "gave up after 3 attempts: no answer")]

    with_queue(place, use)


def test_a_new_put_has_attempts_of_its_own(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {})
        for _ in range(5):
            await queue.fail(await claimed(queue), "no answer", retry_in_s=500.0)
            await queue.put(KIND, ONE, {})
        assert (await claimed(queue)).attempt == 6

    with_queue(place, use)


def test_a_job_that_failed_for_good_leaves_room_for_the_next(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {})
        await queue.fail(await claimed(queue), "the repository is gone", retry_in_s=None)
        assert await none_is_due(queue)
        await queue.put(KIND, ONE, {})
        assert (await claimed(queue)).attempt == 1
        assert await states(clock) == [(ONE, "failed", "the repository is gone"), (ONE, "running", "")]

    with_queue(place, use)


@pytest.mark.parametrize("look_every_s", [0.0, 1.0])  # with the second it remembers for a while whose turn it is
def test_a_repository_with_many_jobs_does_not_keep_the_others_waiting(place: str, look_every_s: float) -> None:
    async def use(_: DatabaseQueue, clock: Clocked) -> list[int]:
        queue = DatabaseQueue(clock, look_every_s=look_every_s)
        for number in range(60):
            await queue.put(KIND, f"forge.example/owner/many#{number}", {})
        clock.at += 100
        order: list[str] = []
        for at in range(9):
            if at in (2, 5):
                await queue.put(KIND, ONE, {"n": at})
                await queue.put(KIND, TWO, {"n": at})
            await asyncio.sleep(0)
            job = await claimed(queue)
            order.append(job.subject)
            await queue.finish(job)
            clock.at += 1
        return [order.index(ONE), order.index(TWO), order.count(ONE), order.count(TWO)]

    first_one, first_two, *counts = with_queue(place, use)
    assert max(first_one, first_two) <= 4
    assert counts == [2, 2]


def test_whoever_has_the_fewest_jobs_running_is_next(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> list[str]:
        for number in range(4):
            await queue.put(KIND, f"forge.example/owner/many#{number}", {})
            clock.at += 1
        await claimed(queue)
        await queue.put(KIND, ONE, {})
        await queue.finish(await claimed(queue))  # served last, but has none running
        clock.at += 1
        await queue.put(KIND, ONE, {})
        return [(await claimed(queue)).subject for _ in range(2)]

    assert with_queue(place, use) == [ONE, "forge.example/owner/many#1"]


def test_a_job_put_in_a_transaction_is_there_only_if_the_transaction_ends_well(place: str) -> None:
    async def put(clock: Clocked, *, fails: bool) -> None:
        async with clock.transaction() as statements:
            await put_in(clock, statements, KIND, ONE, {"fails": fails})
            if fails:
                raise KeyError

    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        with pytest.raises(KeyError):
            await put(clock, fails=True)
        assert await none_is_due(queue)
        await put(clock, fails=False)
        assert (await claimed(queue)).payload == {"fails": False}

    with_queue(place, use)


def test_many_at_once_never_take_the_same(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        others = [DatabaseQueue(clock) for _ in range(3)]
        put = [await queue.put(KIND, f"forge.example/owner/r{at % 5}#{at % 20}", {"at": at}) for at in range(60)]
        taken: Counter[int] = Counter()

        async def worker(own: DatabaseQueue, name: str) -> None:
            while (job := await own.claim(name, kinds=(KIND,))) is not None:
                taken[job.id] += 1
                if job.payload["at"] < 60:
                    await own.put(KIND, job.subject, {"at": 60 + job.payload["at"]})
                await own.finish(job)

        await asyncio.gather(*(worker(own, f"w{at}") for at, own in enumerate([queue, *others, queue])))
        await worker(queue, "last")
        assert max(taken.values()) == 1
        assert len(taken) == len(set(put)) + 20

    with_queue(place, use)


def test_a_put_meets_a_job_given_back_at_the_same_time(place: str) -> None:
    """Whichever comes first: one job waits in the end, and no call fails."""

    async def use(queue: DatabaseQueue, clock: Clocked) -> list[int]:
        for at in range(25):
            subject = f"forge.example/owner/r#{at}"
            await queue.put(KIND, subject, {"n": 1})
            job = await claimed(queue)
            await asyncio.gather(
                queue.park(job, until=clock.at + 50, reason="x"), queue.put(KIND, subject, {"n": 2}, delay_s=1)
            )
        rows = await clock.rows("SELECT payload FROM jobs WHERE state = 'waiting'")
        return [rows.count({"payload": '{"n": 2}'}), len(rows)]

    assert with_queue(place, use) == [25, 25]


def test_a_put_wakes_those_who_wait_in_the_same_process(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> float:
        for _ in range(20):
            await queue.wait(0.001)  # by now it looks seldom
        waiting = asyncio.create_task(queue.wait(10.0))
        await asyncio.sleep(0.01)
        began = asyncio.get_running_loop().time()
        await queue.put(KIND, ONE, {})
        await waiting
        return asyncio.get_running_loop().time() - began

    assert with_queue(place, use) < 0.7


def test_a_claim_that_is_cancelled_keeps_no_job(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {})
        for after_s in (0.0, 0.0005, 0.001, 0.002, 0.004):
            claiming = asyncio.create_task(queue.claim("gone", kinds=(KIND,)))
            await asyncio.sleep(after_s)
            claiming.cancel()
            with suppress(asyncio.CancelledError):
                await queue.park(await claiming or pytest.fail("it is due"), until=clock.at, reason="")  # was too late
            assert [each.state for each in await queue.standing()] == [State.WAITING]

    with_queue(place, use)


def test_an_operator_sees_what_is_not_done(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> list[tuple[State, str, int, float]]:
        await queue.put(KIND, "forge.example/owner/a#1", {})
        await queue.fail(await claimed(queue), "gone", retry_in_s=None)
        done = await queue.put(KIND, "forge.example/owner/b#1", {})
        await queue.finish(await claimed(queue))
        await queue.put(KIND, ONE, {})
        await claimed(queue)
        clock.at += 7
        await queue.put(KIND, TWO, {}, delay_s=9.0)
        everything = await queue.standing()
        assert [await queue.standing(number=each.id) for each in everything] == [[each] for each in everything]
        assert await queue.standing(number=done) == []
        return [(each.state, each.subject, each.attempts, each.age_s) for each in everything]

    assert with_queue(place, use) == [
        (State.FAILED, "forge.example/owner/a#1", 1, 7.0),
        (State.RUNNING, ONE, 1, 7.0),
        (State.WAITING, TWO, 0, 0.0),
    ]


def test_what_waits_or_is_parked_can_be_cancelled_and_what_runs_cannot(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        number = await queue.put(KIND, ONE, {})
        assert await queue.cancel("command", ONE, "Ada") is None
        assert await queue.cancel(KIND, TWO, "Ada") is None
        assert await queue.cancel(KIND, ONE, "Cancelled by Ada.") == number
        assert await none_is_due(queue)
        assert (await states(clock), await queue.standing()) == ([(ONE, "done", "Cancelled by Ada.")], [])
        await queue.put(KIND, ONE, {})
        job = await claimed(queue)
        assert await queue.cancel(KIND, ONE, "Ada") is None, "it runs"
        await queue.park(job, until=clock.at + 100, reason="the quota")
        assert await queue.cancel(KIND, ONE, "Ada") == job.id
        clock.at += 200
        assert await none_is_due(queue)

    with_queue(place, use)


def test_a_parked_or_failed_job_is_done_at_once_when_somebody_wants_it(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {"n": 1})
        parked = await claimed(queue)
        assert not await queue.retry(parked.id), "it runs"
        await queue.park(parked, until=clock.at + 100, reason="the quota")
        assert await none_is_due(queue)
        assert await queue.retry(parked.id)
        again = await claimed(queue)
        assert (again.id, again.payload) == (parked.id, {"n": 1})
        await queue.give_up(again, "no access")
        await queue.fail(again, "no access", retry_in_s=None)
        assert await none_is_due(queue)
        assert await queue.retry(parked.id)
        (waiting,) = await queue.standing()
        assert (waiting.state, waiting.id) == (State.WAITING, parked.id)
        once_more = await claimed(queue)
        assert (once_more.failure, once_more.attempt - once_more.spared) == ("", 1)
        await queue.finish(once_more)
        assert not await queue.retry(parked.id), "it is done"

    with_queue(place, use)


def test_a_failed_job_gives_way_to_a_newer_one_that_waits(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        await queue.put(KIND, ONE, {})
        failed = await claimed(queue)
        await queue.fail(failed, "gone", retry_in_s=None)
        newer = await queue.put(KIND, ONE, {})
        assert not await queue.retry(failed.id)
        assert {each.id: each.state for each in await queue.standing()} == {
            failed.id: State.FAILED,
            newer: State.WAITING,
        }

    with_queue(place, use)


def test_old_jobs_that_are_over_are_forgotten_and_no_others(place: str) -> None:
    async def use(queue: DatabaseQueue, clock: Clocked) -> None:
        numbers = []
        for at in range(2):
            numbers.append(await queue.put(KIND, f"forge.example/owner/a#{at}", {}))
            await queue.finish(await claimed(queue))
            clock.at += 100
        await queue.put(KIND, TWO, {})
        await claimed(queue)
        clock.at += 8
        await queue.put(KIND, ONE, {})
        clock.at += 1_000
        assert await queue.prune(older_than_s=1_150.0) == 1
        assert [subject for subject, _, _ in await states(clock)] == ["forge.example/owner/a#1", TWO, ONE]
        assert await queue.prune(older_than_s=0.0) == 1
        assert await queue.put(KIND, "forge.example/owner/a#9", {}) > max(numbers) + 2

    with_queue(place, use)
