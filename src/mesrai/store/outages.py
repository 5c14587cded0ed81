"""Which models are down, as all processes and reviews that share the store remember it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mesrai.domain.outages import LASTING, PASSING, Known, Outage, after_failure, ends_with_answer, probed, standing
from mesrai.errors import ModelError, ModelUnavailable
from mesrai.store.database import Database, Row, Statements

LASTING_S: Final = 300.0  # after which somebody tries again what does not pass by itself: perhaps it was put right
_KEPT_S: Final = 86_400.0  # after its end, for a model that nobody asks any more
_CAUSES: Final[Mapping[str, type[ModelError]]] = {kind.__name__: kind for kind in (*PASSING, *LASTING)}
_FIELDS: Final = ("cause", "message", "provider", "model", "status", "resets_at", "until", "failures", "probed_until")


class StoreOutages:
    """See `Outages`. Every method raises StoreUnavailable where the store is away."""

    def __init__(self, database: Database, *, lasting_s: float = LASTING_S) -> None:
        """Outages in `database`."""
        self._database = database
        self._lasting_s = lasting_s
        self._seen: set[str] = set()  # names something is remembered of; others need no look

    async def standing(self, names: Sequence[str]) -> Mapping[str, Outage]:
        """The outages that last still, or are over and tried just now, by name."""
        rows = await self._database.rows(f"SELECT outages.*, {self._database.now} AS now FROM outages")
        found = {str(row["name"]): row for row in rows if row["name"] in names}
        self._seen = (self._seen - set(names)) | found.keys()
        outages = {name: standing(_known(row), now=row["now"]) for name, row in found.items()}
        return {name: outage for name, outage in outages.items() if outage is not None}

    async def may_probe(self, name: str) -> bool:
        """Whether the model may be asked: if it was out, by one at a time over all processes."""
        if name not in self._seen:
            return True
        async with self._database.transaction() as statements:
            found = await self._find(statements, name)
            if found is None:
                return True
            known = probed(found[0], now=found[1])
            if known is None:
                return False
            await _put(statements, name, known)
            return True

    async def note(self, name: str, error: ModelError) -> Outage | None:
        """Remember a failure."""
        if after_failure(None, error, now=0.0, lasting_s=self._lasting_s) is None:
            return None
        self._seen.add(name)
        async with self._database.transaction() as statements:
            # The row is there before it is read, so that of two processes the second waits for the first.
            await statements.rows(
                "INSERT INTO outages (name, cause, message, provider, model, resets_at, since, until, failures,"
                f" probed_until) VALUES (:name, '', '', '', '', '', {self._database.now}, 0.0, 0, 0.0)"
                " ON CONFLICT DO NOTHING",
                name=name,
            )
            found = await self._find(statements, name)
            if found is None:
                return None
            known, now = found
            known_now = after_failure(known, error, now=now, lasting_s=self._lasting_s)
            if known_now is None:
                return None
            await _put(statements, name, known_now)
            await statements.rows("DELETE FROM outages WHERE until < :long_ago", long_ago=now - _KEPT_S)
        return standing(known_now, now=now)

    async def clear(self, name: str) -> None:
        """The model answered."""
        if name not in self._seen:
            return
        async with self._database.transaction() as statements:
            found = await self._find(statements, name)
            if found is None or ends_with_answer(found[0], now=found[1]):
                await statements.rows("DELETE FROM outages WHERE name = :name", name=name)
                self._seen.discard(name)

    async def forget(self, name: str) -> None:
        """Nothing is known any more."""
        await self._database.rows("DELETE FROM outages WHERE name = :name", name=name)

    async def _find(self, statements: Statements, name: str) -> tuple[Known, float] | None:
        """What is known, which nobody else changes now, and the time."""
        rows = await statements.rows(
            f"SELECT outages.*, {self._database.now} AS now FROM outages WHERE name = :name{self._database.for_update}",
            name=name,
        )
        return (_known(rows[0]), rows[0]["now"]) if rows else None


async def _put(statements: Statements, name: str, known: Known) -> None:
    error = known.cause
    fields: dict[str, Any] = {
        "cause": type(error).__name__,
        "message": error.message,
        "provider": error.provider,
        "model": error.model,
        "status": error.status,
        "resets_at": error.resets_at,
        "until": known.until,
        "failures": known.failures,
        "probed_until": known.probed_until,
    }
    sets = ", ".join(f"{field} = :{field}" for field in _FIELDS)
    await statements.rows(f"UPDATE outages SET {sets} WHERE name = :name", name=name, **fields)


def _known(row: Row) -> Known:
    kind = _CAUSES.get(row["cause"], ModelUnavailable)
    cause = kind(
        row["message"],
        provider=row["provider"],
        model=row["model"],
        status=row["status"],
        resets_at=row["resets_at"],
    )
    return Known(cause=cause, until=row["until"], failures=row["failures"], probed_until=row["probed_until"])
