"""The queue beside a model of it in plain Python, whatever is done with it in whatever order."""

import asyncio
import os
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.database_clock import Clocked
from tests.databases import a_new_file

from mesrai.errors import LeaseLost
from mesrai.jobs.embedded import REPLACED, DatabaseQueue
from mesrai.jobs.queue import Job
from mesrai.store.opening import open_database

LEASE_S, MOST = 10.0, 3
SUBJECTS = st.sampled_from(["h/o/a#1", "h/o/a#2", "h/o/b#1", "h/o/c#1:9"])
KINDS = ("review", "command")


@dataclass
class Told:
    """What a job should be."""

    id: int
    kind: str
    subject: str
    payload: int
    due: float
    state: str = "waiting"
    attempts: int = 0
    spared: int = 0
    until: float = 0.0
    reason: str = ""
    failure: str = ""

    @property
    def most(self) -> int:
        return 2 * MOST if self.failure else MOST

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.subject

    @property
    def place(self) -> tuple[float, int]:
        return self.due, self.id


class QueueMachine(RuleBasedStateMachine):
    """Two workers, who keep every job they ever had in order to misuse it later."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.told: list[Told] = []
        self.had: list[Job] = []
        self.runner.run(self._open(a_new_file(Path(self.folder.name))))

    async def _open(self, url: str) -> None:
        self.clock = Clocked(await self.stack.enter_async_context(open_database(url)))
        self.queue = DatabaseQueue(self.clock, lease_s=LEASE_S, most_attempts=MOST, look_every_s=0.0)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.stack.aclose())
            self.runner.close()
            self.folder.cleanup()

    @rule(seconds=st.sampled_from([0.5, 3.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.at += seconds

    @rule(kind=st.sampled_from(KINDS), subject=SUBJECTS, delay=st.sampled_from([0.0, 0.0, 2.0, 30.0]))
    def put(self, kind: str, subject: str, delay: float) -> None:
        payload = len(self.told) * 1_000 + len(self.had)
        number = self.runner.run(self.queue.put(kind, subject, {"n": payload}, delay_s=delay))
        due = self.clock.at + delay
        waiting = self._with("waiting", (kind, subject))
        if waiting is None:
            assert all(number > each.id for each in self.told)
            self.told.append(Told(id=number, kind=kind, subject=subject, payload=payload, due=due))
            return
        assert number == waiting.id
        if waiting.reason or not delay:
            waiting.due = due if waiting.reason else min(due, waiting.due)
        else:
            waiting.due = max(due, waiting.due)
        waiting.payload, waiting.reason, waiting.failure, waiting.spared = payload, "", "", waiting.attempts

    @rule(worker=st.sampled_from(["one", "two"]), kinds=st.sampled_from([KINDS, KINDS[:1], KINDS[1:]]))
    def claim(self, worker: str, kinds: tuple[str, ...]) -> None:
        job = self.runner.run(self.queue.claim(worker, kinds=kinds))
        self._end_lost(kinds)
        choices = self._choices(kinds)
        if job is None:
            assert choices == []
            return
        taken = next(each for each in choices if each.id == job.id)
        taken.state, taken.reason = "running", taken.reason
        taken.attempts += 1
        taken.until = self.clock.at + LEASE_S
        assert (job.kind, job.subject, job.payload, job.attempt, job.worker, job.failure) == (
            taken.kind, taken.subject, {"n": taken.payload}, taken.attempts, worker, taken.failure,
        )  # fmt: skip
        self.had.append(job)

    @rule(at=st.integers(0, 50))
    def renew(self, at: int) -> None:
        job, held = self._one_had(at)
        if job is not None and self._does(self.queue.renew(job), held is not None) and held is not None:
            held.until = self.clock.at + LEASE_S

    @rule(at=st.integers(0, 50))
    def finish(self, at: int) -> None:
        job, held = self._one_had(at)
        if job is not None and self._does(self.queue.finish(job), held is not None) and held is not None:
            held.state, held.reason = "done", ""

    @rule(at=st.integers(0, 50), seconds=st.sampled_from([-5.0, 5.0, 100.0]))
    def park(self, at: int, seconds: float) -> None:
        job, held = self._one_had(at)
        if job is None:
            return
        until = self.clock.at + seconds
        if self._does(self.queue.park(job, until=until, reason="quota"), held is not None) and held is not None:
            held.spared += 1
            self._given_back(held, until, "quota")

    @rule(at=st.integers(0, 50), seconds=st.sampled_from([0.0, 5.0, None]))
    def fail(self, at: int, seconds: float | None) -> None:
        job, held = self._one_had(at)
        if job is None:
            return
        if not self._does(self.queue.fail(job, "broken", retry_in_s=seconds), held is not None) or held is None:
            return
        if seconds is None:
            held.state, held.reason = "failed", "broken"
        elif held.attempts - held.spared >= held.most:
            held.due = self.clock.at + seconds
            held.state = "failed"
            held.reason = held.failure or f"gave up after {held.attempts - held.spared} attempts: broken"
        else:
            self._given_back(held, self.clock.at + seconds, "broken")

    @rule(at=st.integers(0, 50))
    def give_up(self, at: int) -> None:
        job, held = self._one_had(at)
        if job is not None and self._does(self.queue.give_up(job, "broken"), held is not None) and held is not None:
            held.failure = "broken"

    @invariant()
    def it_is_as_told(self) -> None:
        if not hasattr(self, "clock"):
            return
        rows = self.runner.run(self.clock.rows("SELECT * FROM jobs ORDER BY id"))
        found = [
            (row["id"], row["kind"], row["subject"], row["payload"], row["due_at"], row["state"], row["attempts"],
             row["spared"], row["reason"], row["failure"])
            for row in rows
        ]  # fmt: skip
        assert found == [
            (each.id, each.kind, each.subject, f'{{"n": {each.payload}}}', each.due, each.state, each.attempts,
             each.spared, each.reason, each.failure)
            for each in self.told
        ]  # fmt: skip

    def _with(self, state: str, key: tuple[str, str]) -> Told | None:
        return next((each for each in self.told if each.state == state and each.key == key), None)

    def _lost(self, kinds: tuple[str, ...]) -> list[Told]:
        return [
            each for each in self.told if each.state == "running" and each.until < self.clock.at and each.kind in kinds
        ]

    def _end_lost(self, kinds: tuple[str, ...]) -> None:
        for each in self._lost(kinds):
            if self._with("waiting", each.key) is not None:
                each.state, each.reason = "done", REPLACED
                continue
            if each.attempts - each.spared >= MOST:
                each.failure = each.failure or f"gave up after {MOST} attempts: its worker was lost"
            if each.attempts - each.spared >= each.most:
                each.state, each.reason = "failed", each.failure

    def _choices(self, kinds: tuple[str, ...]) -> list[Told]:
        """Those that may be next: of the lost ones the oldest, or else the oldest of each repository."""
        lost = sorted(self._lost(kinds), key=lambda each: each.place)
        if lost:
            return lost[:1]
        ready = [
            each
            for each in self.told
            if each.state == "waiting" and each.kind in kinds and each.due <= self.clock.at
            if self._with("running", each.key) is None
        ]
        first: dict[str, Told] = {}
        for each in sorted(ready, key=lambda each: each.place):
            first.setdefault(each.subject.partition("#")[0], each)
        return list(first.values())

    def _one_had(self, at: int) -> tuple[Job | None, Told | None]:
        """One of the jobs that were claimed, and what is told of it if its claim still holds."""
        if not self.had:
            return None, None
        job = self.had[-1 - at % len(self.had)]
        told = next(each for each in self.told if each.id == job.id)
        return job, told if told.state == "running" and told.attempts == job.attempt else None

    def _does(self, call: Any, is_held: bool) -> bool:
        if is_held:
            self.runner.run(call)
            return True
        with pytest.raises(LeaseLost):
            self.runner.run(call)
        return False

    def _given_back(self, held: Told, due: float, reason: str) -> None:
        is_replaced = self._with("waiting", held.key) is not None
        held.state, held.due = "done" if is_replaced else "waiting", due
        held.reason = REPLACED if is_replaced else reason


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "25")), stateful_step_count=40, deadline=None
)
