"""The answers a job has paid for, kept until it is over."""

from typing import Final

from mesrai.store.database import Database

_FIND: Final = "SELECT answer FROM answers WHERE job = :job AND question = :question"
_KEEP: Final = """
    INSERT INTO answers (job, question, answer, at) VALUES (:job, :question, :answer, {now}) ON CONFLICT DO NOTHING
"""
_FORGET: Final = "DELETE FROM answers WHERE job = :job"
_PRUNE: Final = """
    DELETE FROM answers WHERE NOT EXISTS (
        SELECT 1 FROM jobs WHERE jobs.id = answers.job AND jobs.state IN ('waiting', 'running')
    ) RETURNING job
"""


class AnswerBook:
    """The answers of one job, also for the process that goes on with it. Errors of every method: StoreUnavailable."""

    def __init__(self, database: Database, job: int) -> None:
        """The book of the job with this id."""
        self._database = database
        self._job = job

    async def find(self, question: str) -> str | None:
        """What was kept for a question; None if nothing was."""
        rows = await self._database.rows(_FIND, job=self._job, question=question)
        return str(rows[0]["answer"]) if rows else None

    async def keep(self, question: str, answer: str) -> None:
        """Keep an answer. The first one for a question stays."""
        await self._database.rows(_KEEP.format(now=self._database.now), job=self._job, question=question, answer=answer)

    async def forget(self) -> None:
        """Ask everything anew from now on: with the same answers, a job would fail for the same reason."""
        await self._database.rows(_FORGET, job=self._job)


async def prune_answers(database: Database) -> int:
    """Forget the answers of jobs that are over; how many. Errors: StoreUnavailable."""
    return len(await database.rows(_PRUNE))
