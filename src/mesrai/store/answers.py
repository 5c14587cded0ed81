"""The answers a review has paid for, kept until it is over."""

from typing import Final

from mesrai.store.database import Database
from mesrai.store.pull_requests import find_followed

_FIND: Final = "SELECT answer FROM answers WHERE subject = :subject AND round = :round AND question = :question"
_KEEP: Final = """
    INSERT INTO answers (subject, round, question, answer, at) VALUES (:subject, :round, :question, :answer, {now})
    ON CONFLICT DO NOTHING
"""
_PRUNE: Final = """
    DELETE FROM answers WHERE subject NOT IN (SELECT subject FROM jobs WHERE state IN ('waiting', 'running'))
    RETURNING subject
"""


class AnswerBook:
    """The answers of one round of reviews, for every job and process that takes part in it.

    A round ends with a review that was said, so that whoever asks for another one gets fresh answers. Errors of every
    method: StoreUnavailable.
    """

    def __init__(self, database: Database, subject: str, *, round: int = 0) -> None:  # noqa: A002 - the column's word
        """The book of what jobs of that subject asked in that round."""
        self._database = database
        self._subject = subject
        self._round = round

    async def find(self, question: str) -> str | None:
        """What was kept for a question; None if nothing was."""
        rows = await self._database.rows(_FIND, subject=self._subject, round=self._round, question=question)
        return str(rows[0]["answer"]) if rows else None

    async def keep(self, question: str, answer: str) -> None:
        """Keep an answer. The first one for a question stays."""
        sql = _KEEP.format(now=self._database.now)
        await self._database.rows(sql, subject=self._subject, round=self._round, question=question, answer=answer)


async def book_now(database: Database, subject: str) -> AnswerBook:
    """The book that jobs of that subject read and write now. Errors: StoreUnavailable."""
    followed = await find_followed(database, subject)
    return AnswerBook(database, subject, round=followed.round)


async def prune_answers(database: Database) -> int:
    """Forget the answers about what no job waits or runs for; how many. Errors: StoreUnavailable."""
    return len(await database.rows(_PRUNE))
