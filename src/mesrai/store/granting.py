"""The one step by which permits are handed out: in a transaction, for all processes that share the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mesrai.domain.pacing import (
    DAY_S,
    MINUTE_S,
    SHORT_WAIT_S,
    Admitted,
    Reduced,
    after_answer,
    after_throttle,
    cap_of,
    day_has_room,
    day_wait_s,
    has_minute,
    has_windows,
    minute_has_room,
    minute_wait_s,
)
from mesrai.domain.permits import Limits, Wanted
from mesrai.store.database import Database, Statements

_AT_ONCE: Final = 8  # how many of those who wait are looked at together
_LIVING: Final = "JOIN holders ON holders.id = permits.holder AND holders.until > {now}"
_IN_TURN: Final = """
SELECT *, {now} AS now, ({out}) AS out
FROM (
  SELECT permits.*,
    coalesce(held.count, 0) + row_number() OVER (PARTITION BY permits.review ORDER BY permits.id) AS turn
  FROM permits {living}
  LEFT JOIN (
    SELECT review, count(*) AS count FROM permits {living} WHERE account = :account AND is_out = 1 GROUP BY review
  ) AS held ON held.review = permits.review
  WHERE permits.account = :account AND permits.is_out = 0
) AS waiting
ORDER BY turn, id LIMIT :most OFFSET :skipped
"""


@dataclass(slots=True, kw_only=True)
class News:
    """What happened to one account in this process since the last step."""

    coming: dict[int, Wanted] = field(default_factory=dict)  # by number
    leaving: set[int] = field(default_factory=set)
    throttled: Limits | None = None
    is_answered: bool = False


@dataclass(slots=True, kw_only=True)
class Granted:
    """What a step came to."""

    numbers: list[int] = field(default_factory=list)  # of this process, that may send now
    refused: dict[int, float] = field(default_factory=dict)  # of this process, that have no tokens left until then
    others: int = 0  # how many of other processes may send now
    wait_s: float | None = None  # until a window has room for who is next; None: that depends on others


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    id: int
    holder: str
    number: int
    tokens: int
    limits: Limits


async def step(database: Database, account: str, holder: str, news: News) -> Granted:
    """Write down the news, and let those through whose turn it is. Errors: StoreUnavailable, with nothing done.

    Only permits of holders whose lease lasts are counted and given: a dead process's are free. Nobody overtakes the one
    whose turn it is; whoever has no tokens left today is passed over.
    """
    async with database.transaction() as statements:
        ledger = _Ledger(database.now, statements, account, holder)
        await ledger.lock(database.for_update)
        await ledger.write(news)
        await ledger.let_through()
        return ledger.granted


class _Ledger:
    """One account in one transaction, of which it is the only writer."""

    def __init__(self, now: str, statements: Statements, account: str, holder: str) -> None:
        self.granted = Granted()
        self._now_sql = now
        self._living = _LIVING.format(now=now)
        self._out_sql = f"SELECT count(*) FROM permits {self._living} WHERE account = :account AND is_out = 1"
        self._rows = statements.rows
        self._account = account
        self._holder = holder
        self._reduced: Reduced | None = None
        self._now = 0.0
        self._out_count = 0

    async def lock(self, for_update: str) -> None:
        sql = f"SELECT * FROM accounts WHERE account = :account{for_update}"
        rows = await self._rows(sql, account=self._account)
        if not rows:
            await self._rows(
                "INSERT INTO accounts (account) VALUES (:account) ON CONFLICT DO NOTHING", account=self._account
            )
            rows = await self._rows(sql, account=self._account)
        row = rows[0]
        if row["reduced"] is not None:
            self._reduced = Reduced(
                cap=row["reduced"],
                reduced_from=row["reduced_from"],
                halved_at=row["halved_at"],
                quiet_since=row["quiet_since"],
            )

    async def write(self, news: News) -> None:
        if news.throttled is not None:
            await self._count()
            await self._adapt(after_throttle(self._reduced, news.throttled, out_count=self._out_count, now=self._now))
        for number in news.leaving:
            await self._rows(
                "DELETE FROM permits WHERE holder = :holder AND number = :number", holder=self._holder, number=number
            )
        for number, wanted in news.coming.items():
            await self._add(number, wanted)
        if news.is_answered and self._reduced is not None:
            await self._count()
            await self._adapt(after_answer(self._reduced, now=self._now))

    async def _add(self, number: int, wanted: Wanted) -> None:
        await self._rows(
            "INSERT INTO permits (account, holder, number, review, tokens, concurrent, requests_per_minute,"
            " tokens_per_minute, tokens_per_day, is_out) VALUES (:account, :holder, :number, :review, :tokens,"
            " :concurrent, :requests_per_minute, :tokens_per_minute, :tokens_per_day, 0)",
            account=self._account,
            holder=self._holder,
            number=number,
            review=wanted.review,
            tokens=wanted.tokens,
            concurrent=wanted.limits.concurrent,
            requests_per_minute=wanted.limits.requests_per_minute,
            tokens_per_minute=wanted.limits.tokens_per_minute,
            tokens_per_day=wanted.limits.tokens_per_day,
        )

    async def _count(self) -> None:
        (row,) = await self._rows(f"SELECT {self._now_sql} AS now, ({self._out_sql}) AS out", account=self._account)
        self._now, self._out_count = row["now"], row["out"]

    async def _adapt(self, reduced: Reduced | None) -> None:
        if reduced == self._reduced:
            return
        self._reduced = reduced
        await self._rows(
            "UPDATE accounts SET reduced = :cap, reduced_from = :reduced_from, halved_at = :halved_at,"
            " quiet_since = :quiet_since WHERE account = :account",
            account=self._account,
            cap=reduced.cap if reduced else None,
            reduced_from=reduced.reduced_from if reduced else None,
            halved_at=reduced.halved_at if reduced else None,
            quiet_since=reduced.quiet_since if reduced else None,
        )

    async def let_through(self) -> None:
        """Give permits in turn, as long as there is room for who is next."""
        passed = 0  # of those that were looked at, those that wait still
        is_last = False
        while not is_last:
            in_turn = await self._in_turn(skipped=passed)
            is_last = len(in_turn) < _AT_ONCE
            for waiting in in_turn:
                if not await self._has_room(waiting):
                    return
                if await self._is_refused(waiting):
                    passed += 1
                else:
                    await self._let(waiting)

    async def _in_turn(self, *, skipped: int) -> Sequence[_Waiting]:
        """The next who wait: the one of the review with the fewest permits out first. See `pacing.fairest`."""
        rows = await self._rows(
            _IN_TURN.format(now=self._now_sql, out=self._out_sql, living=self._living),
            account=self._account,
            most=_AT_ONCE,
            skipped=skipped,
        )
        if rows:
            self._now, self._out_count = rows[0]["now"], rows[0]["out"]
        return [_waiting(row) for row in rows]

    async def _has_room(self, waiting: _Waiting) -> bool:
        cap = cap_of(waiting.limits, self._reduced)
        if cap is not None and self._out_count >= cap:
            return False
        if not has_minute(waiting.limits):
            return True
        used = await self._used(MINUTE_S)
        if minute_has_room(waiting.limits, waiting.tokens, request_count=used[0], used_tokens=used[1]):
            return True
        admitted = await self._admitted(MINUTE_S)
        self._wait(minute_wait_s(waiting.limits, waiting.tokens, admitted, self._now))
        return False

    async def _is_refused(self, waiting: _Waiting) -> bool:
        """Whether it has to wait too long for the day's tokens; if it is of this process, that is told."""
        if waiting.limits.tokens_per_day is None:
            return False
        _, used = await self._used(DAY_S)
        if day_has_room(waiting.limits, waiting.tokens, used):
            return False
        wait = day_wait_s(waiting.limits, waiting.tokens, await self._admitted(DAY_S), self._now)
        if waiting.holder == self._holder and wait > SHORT_WAIT_S:
            self.granted.refused[waiting.number] = self._now + wait
        elif wait <= SHORT_WAIT_S:
            self._wait(wait)
        return True

    def _wait(self, wait_s: float) -> None:
        known = self.granted.wait_s
        self.granted.wait_s = wait_s if known is None else min(known, wait_s)

    async def _used(self, span_s: float) -> tuple[int, int]:
        (row,) = await self._rows(
            "SELECT count(*) AS count, CAST(coalesce(sum(tokens), 0) AS BIGINT) AS tokens FROM admissions"
            " WHERE account = :account AND at > :since",
            account=self._account,
            since=self._now - span_s,
        )
        return row["count"], row["tokens"]

    async def _admitted(self, span_s: float) -> list[Admitted]:
        rows = await self._rows(
            "SELECT at, tokens FROM admissions WHERE account = :account AND at > :since ORDER BY at",
            account=self._account,
            since=self._now - span_s,
        )
        return [Admitted(at=row["at"], tokens=row["tokens"]) for row in rows]

    async def _let(self, waiting: _Waiting) -> None:
        await self._rows("UPDATE permits SET is_out = 1 WHERE id = :id", id=waiting.id)
        if has_windows(waiting.limits):
            await self._rows(
                "INSERT INTO admissions (account, at, tokens, is_for_day) VALUES (:account, :at, :tokens, :for_day)",
                account=self._account,
                at=self._now,
                tokens=waiting.tokens,
                for_day=int(waiting.limits.tokens_per_day is not None),
            )
        self._out_count += 1
        if waiting.holder == self._holder:
            self.granted.numbers.append(waiting.number)
        else:
            self.granted.others += 1


def _waiting(row: Mapping[str, Any]) -> _Waiting:
    limits = {name: row[name] for name in Limits.__dataclass_fields__}
    return _Waiting(
        id=row["id"], holder=row["holder"], number=row["number"], tokens=row["tokens"], limits=Limits(**limits)
    )
