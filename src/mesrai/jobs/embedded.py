"""The queue as a table: of a SQLite file for one machine, of PostgreSQL for many."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final, Protocol

from mesrai.errors import LeaseLost, StoreError
from mesrai.jobs.queue import Job, State, Waiting

LEASE_S: Final = 60.0
MOST_ATTEMPTS: Final = 10  # workers that a job may lose; one that fails by itself is given up earlier, by the worker
_TELLING: Final = 2  # times the attempts that a job has, until nobody tells of its failure any more
REPLACED: Final = "a newer one took its place"
_SHORTEST_PAUSE_S: Final = 0.05  # between looks for what other processes put
_LONGEST_PAUSE_S: Final = 1.0
_GROWTH: Final = 1.3
_LOOK_EVERY_S: Final = 1.0
_TURNS_AT_ONCE: Final = 32
_TURNS_S: Final = 0.2  # for which the order of repositories is not looked up again, or for look_every_s if shorter

# The clock stands in a subquery where it is compared: PostgreSQL uses no index for one that may change meanwhile.
_PUT: Final = """
INSERT INTO jobs (kind, subject, repository, payload, state, due_at, attempts, spared, worker, lease_until, reason,
    created_at, claimed_at, changed_at)
VALUES (:kind, :subject, :repository, :payload, 'waiting', {now} + :delay, 0, 0, '', 0.0, '', {now}, 0.0, {now})
ON CONFLICT (kind, subject) WHERE state = 'waiting' DO UPDATE SET
    payload = excluded.payload, reason = '', failure = '', spared = jobs.attempts, changed_at = excluded.changed_at,
    due_at = CASE
        WHEN jobs.reason <> '' OR (excluded.due_at > jobs.due_at) = (:delay > 0.0) THEN excluded.due_at
        ELSE jobs.due_at END
RETURNING id
"""
_FREE: Final = """
NOT EXISTS (SELECT 1 FROM jobs AS other
    WHERE other.state = 'running' AND other.kind = job.kind AND other.subject = job.subject)
"""
_READY: Final = "job.state = 'waiting' AND job.due_at <= (SELECT {now}) AND job.kind IN ({kinds}) AND " + _FREE
_LOST: Final = "job.state = 'running' AND job.lease_until < (SELECT {now}) AND job.kind IN ({kinds})"
# Jumps from repository to repository along the index, however many jobs each has: whoever has the fewest jobs running
# is next, and of those the one that was served the longest ago.
_TURNS: Final = """
WITH RECURSIVE found (repository) AS (
    SELECT min(repository) FROM jobs WHERE state = 'waiting'
    UNION ALL
    SELECT (SELECT min(repository) FROM jobs WHERE state = 'waiting' AND repository > found.repository)
    FROM found WHERE found.repository IS NOT NULL
), ready AS (
    SELECT found.repository, (SELECT job.due_at FROM jobs AS job WHERE job.repository = found.repository AND {ready}
        ORDER BY job.due_at, job.id LIMIT 1) AS due_at
    FROM found WHERE found.repository IS NOT NULL
)
SELECT repository FROM ready WHERE due_at IS NOT NULL
ORDER BY (SELECT count(*) FROM jobs WHERE jobs.state = 'running' AND jobs.repository = ready.repository),
    (SELECT max(jobs.claimed_at) FROM jobs WHERE jobs.repository = ready.repository), due_at
LIMIT :most
"""
_CLAIM: Final = """
UPDATE jobs SET state = 'running', worker = :worker, attempts = attempts + 1, lease_until = {now} + :lease,
    claimed_at = {now}, changed_at = {now}
WHERE id = (SELECT job.id FROM jobs AS job WHERE {chosen} ORDER BY job.due_at, job.id LIMIT 1{locked})
RETURNING id, kind, subject, payload, attempts, spared, worker, failure
"""
_COUNT_LOST: Final = "SELECT count(*) AS count FROM jobs AS job WHERE {lost}"
_REPLACE_LOST: Final = """
UPDATE jobs SET state = 'done', reason = :reason, changed_at = {now}
WHERE id IN (SELECT job.id FROM jobs AS job WHERE {lost} AND EXISTS (SELECT 1 FROM jobs AS newer
    WHERE newer.state = 'waiting' AND newer.kind = job.kind AND newer.subject = job.subject){locked})
"""
_GIVE_UP_LOST: Final = """
UPDATE jobs SET failure = :reason, changed_at = {now}
WHERE id IN (SELECT job.id FROM jobs AS job
    WHERE {lost} AND job.failure = '' AND job.attempts - job.spared >= :most{locked})
"""
_END_UNTOLD: Final = """
UPDATE jobs SET state = 'failed', reason = failure, changed_at = {now}
WHERE id IN (SELECT job.id FROM jobs AS job
    WHERE {lost} AND job.failure <> '' AND job.attempts - job.spared >= :most{locked})
"""
_HELD: Final = "id = :id AND worker = :worker AND attempts = :attempt AND state = 'running'"
_RENEW: Final = "UPDATE jobs SET lease_until = {now} + :lease WHERE {held} RETURNING id"
_NEWER: Final = "SELECT id FROM jobs WHERE kind = :kind AND subject = :subject AND state = 'waiting'"
_GIVE_UP: Final = "UPDATE jobs SET failure = :reason, changed_at = {now} WHERE {held} RETURNING id"
_END: Final = "UPDATE jobs SET state = :state, reason = :reason, changed_at = {now} WHERE {held} RETURNING id"
_TAKE_OUT: Final = "DELETE FROM jobs WHERE {held} RETURNING *, {now} AS now"
_PUT_BACK: Final = """
INSERT INTO jobs (id, kind, subject, repository, payload, state, due_at, attempts, spared, worker, lease_until, reason,
    failure, created_at, claimed_at, changed_at)
VALUES (:id, :kind, :subject, :repository, :payload, :state, :due_at, :attempts, :spared, :worker, 0.0, :reason,
    :failure, :created_at, :claimed_at, :now)
ON CONFLICT (kind, subject) WHERE state = 'waiting' DO NOTHING RETURNING id
"""
_CANCEL: Final = """
UPDATE jobs SET state = 'done', reason = :reason, changed_at = {now}
WHERE kind = :kind AND subject = :subject AND state = 'waiting' RETURNING id
"""
_RETRY: Final = """
UPDATE jobs SET state = 'waiting', due_at = {now}, changed_at = {now}, failure = '', worker = '',
    spared = CASE WHEN state = 'failed' THEN attempts ELSE spared END
WHERE id = :id AND (state = 'waiting' OR state = 'failed' AND NOT EXISTS (SELECT 1 FROM jobs AS newer
    WHERE newer.state = 'waiting' AND newer.kind = jobs.kind AND newer.subject = jobs.subject)) RETURNING id
"""
_STANDING: Final = """
SELECT *, {now} AS now FROM jobs
WHERE {which} AND state IN ('waiting', 'running', 'failed') ORDER BY created_at, id LIMIT :most
"""
_PRUNE: Final = "DELETE FROM jobs WHERE state IN ('done', 'failed') AND changed_at < (SELECT {now}) - :age RETURNING id"


class Statements(Protocol):
    """Where SQL can be run. Parameters are written `:name`."""

    async def rows(self, sql: str, /, **values: Any) -> Sequence[Mapping[str, Any]]:
        """Run one statement and return what it yields. Errors: StoreUnavailable."""
        ...


class Database(Statements, Protocol):
    """The database, as far as a queue needs it."""

    @property
    def now(self) -> str:
        """An SQL expression: the database's own clock, in seconds since the epoch."""
        ...

    @property
    def for_update(self) -> str:
        """What ends a SELECT whose rows will be changed; empty where all writers wait for one another anyway."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Statements]:
        """A transaction that may write."""
        ...


async def put_in(
    database: Database,
    statements: Statements,
    kind: str,
    subject: str,
    payload: Mapping[str, Any],
    *,
    delay_s: float = 0.0,
) -> int:
    """`Queue.put` inside a transaction of the caller's, who calls `wake` when it is over. Errors: StoreUnavailable."""
    rows = await statements.rows(
        _PUT.format(now=database.now),
        kind=kind,
        subject=subject,
        repository=subject.partition("#")[0],
        payload=json.dumps(payload),
        delay=float(delay_s),
    )
    return int(rows[0]["id"])


class DatabaseQueue:
    """See Queue.

    A job whose lease is over is taken by the next claim; until then whoever has it may still renew it. Nobody is told
    of what other processes put, so they look: more seldom the longer there is nothing, at least once in a second.
    """

    def __init__(
        self,
        database: Database,
        *,
        lease_s: float = LEASE_S,
        most_attempts: int = MOST_ATTEMPTS,
        look_every_s: float = _LOOK_EVERY_S,
    ) -> None:
        """The queue in `database`. After `most_attempts`, not counting those that were parked, a job has failed.

        Jobs whose worker is gone are looked for at most every `look_every_s`.
        """
        self._database = database
        self._lease_s = lease_s
        self._most_attempts = most_attempts
        self._look_every_s = look_every_s
        self._turns_s = min(_TURNS_S, look_every_s)
        self._woken = asyncio.Event()
        self._pause_s = _SHORTEST_PAUSE_S
        self._look_at = 0.0  # for lost jobs, on the event loop's clock
        self._turns: deque[str] = deque()  # repositories whose turn it is
        self._turns_for: tuple[str, ...] = ()
        self._turns_until = 0.0  # on the event loop's clock

    async def put(self, kind: str, subject: str, payload: Mapping[str, Any], *, delay_s: float = 0.0) -> int:
        """Add a job, or replace the payload of the one that waits."""
        number = await put_in(self._database, self._database, kind, subject, payload, delay_s=delay_s)
        self.wake()
        return number

    def wake(self) -> None:
        """Let those who wait in this process look at once."""
        self._pause_s = _SHORTEST_PAUSE_S
        self._woken.set()

    async def wait(self, timeout_s: float) -> None:
        """Until something was put in this process, or it is time to look for what others put."""
        pause_s = min(timeout_s, self._pause_s)
        self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * _GROWTH)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._woken.wait()
        self._woken.clear()

    async def claim(self, worker: str, *, kinds: tuple[str, ...]) -> Job | None:
        """The next job that is due. One that is taken while this is cancelled is given back."""
        claiming = asyncio.ensure_future(self._claim(worker, kinds))
        try:
            job = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with suppress(StoreError):
                job = await claiming
                if job is not None:
                    await self._put_back(job, spared=1)
            raise
        if job is not None:
            self.wake()  # where there is one there may be more, for the others who wait
        return job

    async def renew(self, job: Job) -> bool:
        """Hold a job longer."""
        renewed = await self._database.rows(self._sql(_RENEW), lease=self._lease_s, **_held(job))
        _refuse_lost(job, renewed)
        return not await self._database.rows(_NEWER, kind=job.kind, subject=job.subject)

    async def finish(self, job: Job) -> None:
        """It is done."""
        _refuse_lost(job, await self._database.rows(self._sql(_END), state="done", reason="", **_held(job)))

    async def park(self, job: Job, *, until: float, reason: str) -> None:
        """Give it back to wait."""
        await self._put_back(job, due_at=float(until), reason=reason, spared=1)

    async def fail(self, job: Job, reason: str, *, retry_in_s: float | None) -> None:
        """It did not work."""
        if retry_in_s is None:
            ended = await self._database.rows(self._sql(_END), state="failed", reason=reason, **_held(job))
            _refuse_lost(job, ended)
        else:
            await self._put_back(job, retry_in_s=retry_in_s, reason=reason)

    async def give_up(self, job: Job, reason: str) -> None:
        """It failed for good."""
        _refuse_lost(job, await self._database.rows(self._sql(_GIVE_UP), reason=reason, **_held(job)))

    async def cancel(self, kind: str, subject: str, reason: str) -> int | None:
        """Take a job that waits out."""
        rows = await self._database.rows(self._sql(_CANCEL), kind=kind, subject=subject, reason=reason)
        return int(rows[0]["id"]) if rows else None

    async def retry(self, number: int) -> bool:
        """Let it be due at once."""
        is_due = bool(await self._database.rows(self._sql(_RETRY), id=number))
        self.wake()
        return is_due

    async def standing(self, *, most: int = 1_000, number: int | None = None) -> Sequence[Waiting]:
        """The jobs that are not done."""
        which, named = ("1 = 1", {}) if number is None else ("id = :number", {"number": number})
        rows = await self._database.rows(self._sql(_STANDING, which=which), most=most, **named)
        return [_waiting(row) for row in rows]

    async def prune(self, *, older_than_s: float) -> int:
        """Forget what was done, or has failed, that long ago; how many. Errors: StoreUnavailable."""
        return len(await self._database.rows(self._sql(_PRUNE), age=float(older_than_s)))

    async def _claim(self, worker: str, kinds: tuple[str, ...]) -> Job | None:
        names = {f"kind_{'i' * at}": kind for at, kind in enumerate(kinds)}
        lost, ready = (self._chosen(condition, names) for condition in (_LOST, _READY))
        lease = {"worker": worker, "lease": self._lease_s}
        if await self._any_lost(lost, names):
            taken = await self._database.rows(self._sql(_CLAIM, chosen=lost), **lease, **names)
            if taken:
                return _job(taken[0])
        sql = self._sql(_CLAIM, chosen=f"job.repository = :repository AND {ready}")
        is_fresh = False
        while self._turns or not is_fresh:
            if not is_fresh and not self._is_known(kinds):
                turns = await self._database.rows(self._sql(_TURNS, ready=ready), most=_TURNS_AT_ONCE, **names)
                self._turns, self._turns_for = deque(str(turn["repository"]) for turn in turns), kinds
                self._turns_until, is_fresh = asyncio.get_running_loop().time() + self._turns_s, True
            if self._turns:
                taken = await self._database.rows(sql, repository=self._turns.popleft(), **lease, **names)
                if taken:
                    return _job(taken[0])
        return None

    def _is_known(self, kinds: tuple[str, ...]) -> bool:
        """Whether it is known already which repository's turn it is."""
        is_new = asyncio.get_running_loop().time() < self._turns_until
        return bool(self._turns) and self._turns_for == kinds and is_new

    async def _any_lost(self, lost: str, names: Mapping[str, str]) -> bool:
        """Whether there may be lost jobs to be taken. Those that were replaced are ended.

        Those that were tried too often become failures, which are ended too if even telling them was tried too often.
        """
        now = asyncio.get_running_loop().time()
        if now < self._look_at:
            return False
        (row,) = await self._database.rows(self._sql(_COUNT_LOST, lost=lost), **names)
        if not row["count"]:
            self._look_at = now + self._look_every_s
            return False
        await self._database.rows(self._sql(_REPLACE_LOST, lost=lost), reason=REPLACED, **names)
        reason = _given_up(self._most_attempts, "its worker was lost")
        sql = self._sql(_GIVE_UP_LOST, lost=lost)
        await self._database.rows(sql, reason=reason, most=self._most_attempts, **names)
        sql = self._sql(_END_UNTOLD, lost=lost)
        await self._database.rows(sql, most=self._most_attempts * _TELLING, **names)
        return True

    async def _put_back(
        self,
        job: Job,
        *,
        due_at: float | None = None,
        retry_in_s: float | None = None,
        reason: str = "",
        spared: int = 0,
    ) -> None:
        """Let it wait: until then, or for that long, or where it was. Errors: LeaseLost.

        Only an insertion sees the newer job that somebody puts at the same time, so it is taken out and put in again.
        """
        async with self._database.transaction() as statements:
            rows = await statements.rows(self._sql(_TAKE_OUT), **_held(job))
            _refuse_lost(job, rows)
            row = {**rows[0], "state": "waiting", "reason": reason, "spared": rows[0]["spared"] + spared}
            if due_at is not None:
                row["due_at"] = due_at
            if retry_in_s is not None:
                row["due_at"] = row["now"] + retry_in_s
                row |= self._ended(row, reason)
            if not await statements.rows(_PUT_BACK, **row):
                await statements.rows(_PUT_BACK, **row | {"state": "done", "reason": REPLACED})

    def _ended(self, row: Mapping[str, Any], reason: str) -> Mapping[str, Any]:
        """What ends a job that was tried too often; empty if it was not. To tell a failure it may be tried again."""
        attempts = row["attempts"] - row["spared"]
        if attempts < self._most_attempts * (_TELLING if row["failure"] else 1):
            return {}
        return {"state": "failed", "reason": row["failure"] or _given_up(attempts, reason)}

    def _sql(self, template: str, **parts: str) -> str:
        locked = f"{self._database.for_update} SKIP LOCKED" if self._database.for_update else ""
        return template.format(now=self._database.now, held=_HELD, locked=locked, **parts)

    def _chosen(self, condition: str, names: Mapping[str, str]) -> str:
        return self._sql(condition, kinds=", ".join(f":{name}" for name in names))


def _held(job: Job) -> dict[str, Any]:
    return {"id": job.id, "worker": job.worker, "attempt": job.attempt}


def _refuse_lost(job: Job, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        raise LeaseLost(f"Another worker has the {job.kind} of {job.subject} now, or a newer one took its place.")


def _given_up(attempts: int, reason: str) -> str:
    return f"gave up after {attempts} attempts: {reason}"


def _job(row: Mapping[str, Any]) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        subject=row["subject"],
        payload=json.loads(row["payload"]),
        attempt=row["attempts"],
        worker=row["worker"],
        spared=row["spared"],
        failure=row["failure"],
    )


def _waiting(row: Mapping[str, Any]) -> Waiting:
    state = State(row["state"])
    if state is State.WAITING and row["reason"] and row["due_at"] > row["now"]:
        state = State.PARKED
    if state is State.RUNNING and row["lease_until"] < row["now"]:
        state = State.LOST
    return Waiting(
        id=row["id"],
        state=state,
        kind=row["kind"],
        subject=row["subject"],
        due_at=row["due_at"],
        reason=row["reason"],
        attempts=row["attempts"],
        worker=row["worker"],
        age_s=max(0.0, row["now"] - row["created_at"]),
    )
