"""What reviews asked models, and what they answered: one row for each question that was paid for."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from mesrai.store.database import Database, Row, Statements

LOST: Final = "The process that asked was lost before the answer came."
_BEGIN: Final = """
    INSERT INTO calls (review, at, took_s, purpose, provider, model, is_failover, error, prompt, answer, input_tokens,
        cached_tokens, output_tokens, nanos, currency)
    VALUES (:review, {now}, 0.0, :purpose, :provider, :model, 0, '', :prompt, '', 0, 0, 0, NULL, '') RETURNING id
"""
_END: Final = """
    UPDATE calls SET took_s = :took_s, provider = :provider, model = :model, is_failover = :is_failover,
        error = :error, answer = :answer, input_tokens = :input_tokens, cached_tokens = :cached_tokens,
        output_tokens = :output_tokens, nanos = :nanos, currency = :currency
    WHERE id = :id
"""
_GIVE_UP: Final = "UPDATE calls SET error = :lost WHERE review = :review AND took_s = 0 AND error = ''"
_COLUMNS: Final = """
    id, review, at, took_s, purpose, provider, model, is_failover, error, input_tokens, cached_tokens, output_tokens,
    nanos, currency
"""
_LIST: Final = f"SELECT {_COLUMNS} FROM calls WHERE review = :review AND id > :after ORDER BY id LIMIT :most"
_OPEN: Final = f"SELECT {_COLUMNS} FROM calls WHERE review = :review AND took_s = 0 AND error = '' ORDER BY id"
_ONE: Final = f"SELECT {_COLUMNS} FROM calls WHERE id = :id"
_SAID: Final = "SELECT prompt, answer FROM calls WHERE id = :id"
_FORGET: Final = """
    UPDATE calls SET prompt = '', answer = '' WHERE at < (SELECT {now}) - :age AND (prompt <> '' OR answer <> '')
    RETURNING id
"""
_PRUNE: Final = "DELETE FROM calls WHERE at < (SELECT {now}) - :age RETURNING id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One question, without what was said."""

    id: int
    review: str
    at: float  # when it was asked, in seconds since the epoch
    took_s: float  # 0: its answer has not come yet, or never came
    purpose: str  # the name of the shape that was asked for; empty: free text
    provider: str
    model: str
    is_failover: bool  # another model than the main one answered
    error: str  # a sentence; empty: it was answered, or is under way
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    nanos: int | None  # None: unknown
    currency: str

    @property
    def is_open(self) -> bool:
        """Whether its answer is still to come."""
        return not self.took_s and not self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of a question."""

    took_s: float
    provider: str
    model: str
    is_failover: bool = False
    error: str = ""
    answer: str = ""  # JSON; empty: none, or not to be kept
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    nanos: int | None = None
    currency: str = ""


async def begin_call(database: Database, review: str, *, purpose: str, asked: tuple[str, str], prompt: str) -> int:
    """Keep that a question was asked of a provider's model, and return its number. Errors: StoreUnavailable."""
    provider, model = asked
    values = {"review": review, "purpose": purpose, "provider": provider, "model": model, "prompt": prompt}
    rows = await database.rows(_BEGIN.format(now=database.now), **values)
    return int(rows[0]["id"])


async def end_call(database: Database, call: int, ended: Ended) -> None:
    """Keep what came of it. Errors: StoreUnavailable."""
    values = asdict(ended) | {"is_failover": int(ended.is_failover), "took_s": max(ended.took_s, 0.001)}
    await database.rows(_END, id=call, **values)


async def give_up_calls(statements: Statements, review: str) -> None:
    """Of a review that nobody works on now: whatever was under way will never be answered. Errors: StoreUnavailable."""
    await statements.rows(_GIVE_UP, review=review, lost=LOST)


async def calls_of(statements: Statements, review: str, *, most: int = 200, after: int = 0) -> Sequence[Call]:
    """The questions of a review, the first one first; with `after` those behind that number. StoreUnavailable."""
    return [_call(row) for row in await statements.rows(_LIST, review=review, most=most, after=after)]


async def open_calls(statements: Statements, review: str) -> Sequence[Call]:
    """Those whose answer is still to come. Errors: StoreUnavailable."""
    return [_call(row) for row in await statements.rows(_OPEN, review=review)]


async def find_call(statements: Statements, call: int) -> Call | None:
    """One of them; None if there is none with this number. Errors: StoreUnavailable."""
    rows = await statements.rows(_ONE, id=call)
    return _call(rows[0]) if rows else None


async def said_in(statements: Statements, call: int) -> tuple[str, str]:
    """What was asked and answered, as JSON; each is empty if it was forgotten. Errors: StoreUnavailable."""
    rows = await statements.rows(_SAID, id=call)
    return (str(rows[0]["prompt"]), str(rows[0]["answer"])) if rows else ("", "")


async def forget_prompts(database: Database, *, older_than_s: float) -> int:
    """Forget what was said that long ago, and keep the figures; of how many calls. Errors: StoreUnavailable."""
    return len(await database.rows(_FORGET.format(now=database.now), age=float(older_than_s)))


async def prune_calls(database: Database, *, older_than_s: float) -> int:
    """Forget calls that old; how many. Errors: StoreUnavailable."""
    return len(await database.rows(_PRUNE.format(now=database.now), age=float(older_than_s)))


def _call(row: Row) -> Call:
    return Call(**{**row, "is_failover": bool(row["is_failover"])})
