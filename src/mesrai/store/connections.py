"""The connections of organisations: settings as they are, keys sealed and bound to owner, slot, row and address."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from mesrai.domain.connection import Connection, Slot
from mesrai.domain.secret import Secret
from mesrai.errors import StoreError, StoreUnavailable, UserError, VaultLocked
from mesrai.store.audit import add_entry
from mesrai.store.connection_text import connection_of, text_of
from mesrai.store.database import Database, Row, Statements
from mesrai.store.vault import Keyring

_ALL: Final = "SELECT * FROM connections WHERE organisation = :organisation ORDER BY slot"
_OF_SLOT: Final = "SELECT * FROM connections WHERE organisation = :organisation AND slot = :slot"
_SEALED: Final = "SELECT * FROM connections WHERE sealed_key IS NOT NULL ORDER BY organisation, slot"
_ONE: Final = "SELECT * FROM connections WHERE id = :id AND sealed_key IS NOT NULL"
_SAVE: Final = """
    INSERT INTO connections (id, organisation, slot, settings, sealed_key, key_hint, updated_at, updated_by)
    VALUES (:id, :organisation, :slot, :settings, :sealed_key, :key_hint, {now}, :updated_by)
    ON CONFLICT (organisation, slot) DO UPDATE SET
        id = excluded.id, settings = excluded.settings, sealed_key = excluded.sealed_key,
        key_hint = excluded.key_hint, updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""
_RESEAL: Final = "UPDATE connections SET sealed_key = :sealed_key WHERE id = :id"
_REMOVE: Final = "DELETE FROM connections WHERE id = :id"
_SHOWN: Final = (
    "provider", "base_url", "model", "thinking", "routing", "temperature", "tier", "max_concurrent_requests",
    "requests_per_minute", "tokens_per_minute", "tokens_per_day", "max_output_tokens", "proven_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A saved connection, as it can be shown without opening anything."""

    connection: Connection  # without its key
    organisation: str
    row_id: str
    sealed_key: str | None = field(repr=False)  # None: the endpoint wants no key
    key_hint: str  # dots and at most the last four characters; empty: there is no key
    updated_at: float  # seconds since the epoch
    updated_by: str

    @property
    def proven_at(self) -> str:
        """ISO time of the last test in which it answered; empty: never."""
        return self.connection.proven_at


async def find_stored(statements: Statements, organisation: str) -> Mapping[Slot, Stored]:
    """What is saved, main first. Nothing is opened.

    Errors: StoreError if a newer program saved it, or if it is damaged.
    """
    found = [_stored(row) for row in await statements.rows(_ALL, organisation=organisation)]
    return {slot: each for slot in Slot for each in found if each.connection.slot is slot}


async def load_opened(
    statements: Statements, organisation: str, keyring: Callable[[], Keyring]
) -> Mapping[Slot, Connection]:
    """What is saved, with the keys; `keyring` loads them and is called only if something is saved.

    The rows that are opened are read after the keys, so that a rotation that ends in between does no harm.
    Errors: StoreError, VaultLocked.
    """
    if not await find_stored(statements, organisation):
        return {}
    ring = keyring()
    return {slot: opened(each, ring) for slot, each in (await find_stored(statements, organisation)).items()}


def opened(stored: Stored, keyring: Keyring) -> Connection:
    """The connection with its key. Errors: VaultLocked.

    Where a rotation may go on meanwhile, the keyring was loaded before the row was read.
    """
    if stored.sealed_key is None and not stored.key_hint:
        return stored.connection
    slot = stored.connection.slot
    try:
        key = _open(keyring, stored)
    except VaultLocked as error:
        raise VaultLocked(f"The key of the saved {slot} connection cannot be opened. {error.message}") from error
    return replace(stored.connection, key=key)


async def save_connection(
    database: Database, keyring: Keyring, connection: Connection, *, organisation: str, who: str
) -> None:
    """Put a connection in its slot, whatever was there. Errors: SettingsError, VaultLocked from where the keys are."""
    await asyncio.to_thread(keyring.refresh)
    row_id, slot = uuid4().hex, connection.slot
    sealed = _sealed(keyring, connection, organisation, row_id)
    hint = _hint(connection.key)
    async with database.transaction() as statements:
        # This row alone: two who lock both, of which each sees only the one that is there, would wait for each other.
        found = await statements.rows(_OF_SLOT + database.for_update, organisation=organisation, slot=slot.value)
        before = found[0] if found else None
        await statements.rows(
            _SAVE.format(now=database.now),
            id=row_id,
            organisation=organisation,
            slot=slot.value,
            settings=text_of(connection),
            sealed_key=sealed,
            key_hint=hint,
            updated_by=who,
        )
        await add_entry(
            statements,
            organisation=organisation,
            who=who,
            what="connection.change" if before else "connection.add",
            subject=slot.value,
            details=_changes(before, connection) | _about_key(before, connection.key, keyring),
        )
    await asyncio.to_thread(keyring.refresh)
    if sealed is not None and not keyring.is_current(sealed):  # rotated meanwhile, perhaps without seeing this row
        await _reseal(database, keyring, row_id)


async def remove_connection(database: Database, organisation: str, slot: Slot, *, who: str) -> bool:
    """Remove a connection with its key; whether there was one. Errors: UserError for main while there is a fallback."""
    async with database.transaction() as statements:
        rows = await _locked(database, statements, organisation)
        if slot not in rows:
            return False
        if slot is Slot.MAIN and Slot.FALLBACK in rows:
            raise UserError(
                "The main connection cannot be removed while there is a fallback. Remove the fallback first, "
                "or connect another main model in its place."
            )
        await statements.rows(_REMOVE, id=rows[slot]["id"])
        await add_entry(
            statements,
            organisation=organisation,
            who=who,
            what="connection.remove",
            subject=slot.value,
            details=_what_it_was(rows[slot]),
        )
    return True


async def has_sealed_keys(statements: Statements) -> bool:
    """Whether any key is saved, of whatever organisation. Errors: StoreUnavailable."""
    sealed = "SELECT id FROM connections WHERE sealed_key IS NOT NULL UNION ALL SELECT id FROM forge_access LIMIT 1"
    return bool(await statements.rows(sealed))


async def reseal_all(database: Database, keyring: Keyring, *, who: str) -> int:
    """Seal every stored key under the current master key; how many were not. Reviews go on meanwhile.

    One row after the other, so an interruption leaves each sealed under a key that opens it, and calling again goes on.
    Errors: VaultLocked if some do not open, once all the others are sealed anew.
    """
    await asyncio.to_thread(keyring.refresh)
    done = Counter[str]()
    locked: dict[str, str] = {}
    while left := [row for row in await _not_current(database, keyring) if row["id"] not in locked]:
        for row in left:
            try:
                done[row["organisation"]] += await _reseal(database, keyring, row["id"])
            except StoreUnavailable:
                raise
            except StoreError as error:
                locked[row["id"]] = f"{row['slot']} of {row['organisation']}: {error.message}"
    await _tell(database, keyring, done, who=who)
    if locked:
        raise VaultLocked(
            f"{len(locked)} of the stored keys did not open and stay as they are; all others are sealed under the "
            f"current master key. {' / '.join(locked.values())}"
        )
    return sum(done.values())


async def _tell(database: Database, keyring: Keyring, done: Mapping[str, int], *, who: str) -> None:
    async with database.transaction() as statements:
        for organisation, count in done.items():
            if count:
                await add_entry(
                    statements,
                    organisation=organisation,
                    who=who,
                    what="keys.reseal",
                    subject="master key",
                    details={"keys": count, "master_key": keyring.current_id},
                )


async def _not_current(database: Database, keyring: Keyring) -> Sequence[Row]:
    return [row for row in await database.rows(_SEALED) if not keyring.is_current(row["sealed_key"])]


async def _reseal(database: Database, keyring: Keyring, row_id: str) -> bool:
    """Seal one row anew; False if it is gone or was sealed anew by somebody else. Errors: VaultLocked."""
    async with database.transaction() as statements:
        rows = await statements.rows(_ONE + database.for_update, id=row_id)
        if not rows or keyring.is_current(rows[0]["sealed_key"]):
            return False
        stored = _stored(rows[0])
        key = _open(keyring, stored)
        sealed = _sealed(keyring, replace(stored.connection, key=key), stored.organisation, row_id)
        await statements.rows(_RESEAL, sealed_key=sealed, id=row_id)
    return True


async def _locked(database: Database, statements: Statements, organisation: str) -> Mapping[str, Row]:
    """The rows of an organisation by slot, which nobody else changes until the transaction ends."""
    rows = await statements.rows(_ALL + database.for_update, organisation=organisation)
    return {row["slot"]: row for row in rows}


def _stored(row: Row) -> Stored:
    if row["slot"] not in list(Slot):
        raise StoreError(f"A saved connection is called {row['slot']}, as a newer Mesrai does. Upgrade Mesrai.")
    day = datetime.fromtimestamp(row["updated_at"], UTC).date().isoformat()
    origin = f"`mesrai byok connect` (saved {day})"
    return Stored(
        connection=connection_of(row["settings"], Slot(row["slot"]), origin=origin),
        organisation=row["organisation"],
        row_id=row["id"],
        sealed_key=row["sealed_key"],
        key_hint=row["key_hint"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )


def _bound_to(connection: Connection, organisation: str, row_id: str) -> Sequence[str]:
    """The address too: whoever can write to the database cannot have the key sent somewhere else."""
    return (organisation, connection.slot.value, row_id, connection.base_url)


def _sealed(keyring: Keyring, connection: Connection, organisation: str, row_id: str) -> str | None:
    if not connection.key:
        return None
    return keyring.seal(connection.key, bound_to=_bound_to(connection, organisation, row_id))


def _open(keyring: Keyring, stored: Stored) -> Secret:
    bound_to = _bound_to(stored.connection, stored.organisation, stored.row_id)
    return keyring.open(stored.sealed_key or "", bound_to=bound_to)


def _hint(key: Secret | None) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in key.hint) if key else ""


def _changes(before: Row | None, connection: Connection) -> dict[str, Any]:
    """What is set now, or what changed: [before, after]."""
    now = _shown(connection)
    if before is None:
        return {name: value for name, value in now.items() if value not in (None, "")}
    old = _readable(before)
    if old is None:
        return {"before": "could not be read"} | now
    was = _shown(old)
    changed = {name: [was[name], value] for name, value in now.items() if value != was[name]}
    return changed | ({"custom": "changed"} if old.custom != connection.custom else {})


def _shown(connection: Connection) -> dict[str, Any]:
    routing = connection.routing
    shown = {name: getattr(connection, name) for name in _SHOWN}
    hosts = routing and {"order": list(routing.order), "allow_fallbacks": routing.allow_fallbacks}
    return shown | {"thinking": connection.thinking.value, "routing": hosts}


def _about_key(before: Row | None, key: Secret | None, keyring: Keyring) -> dict[str, Any]:
    hint = {"key_hint": _hint(key)} if key else {}
    had = before is not None and before["sealed_key"] is not None
    if not had or not key:
        said = "set" if key else "removed" if had else "none"
        return {} if before and said == "none" else {"key": said} | hint
    return {} if _same_key(before, key, keyring) else {"key": "replaced"} | hint


def _same_key(before: Row | None, key: Secret, keyring: Keyring) -> bool:
    if before is None:
        return False
    try:
        return _open(keyring, _stored(before)) == key
    except StoreError:  # it does not open any more, so another one takes its place
        return False


def _readable(row: Row) -> Connection | None:
    """The old settings; None if they cannot be read, which is no reason not to replace them."""
    try:
        return _stored(row).connection
    except StoreError:
        return None


def _what_it_was(row: Row) -> dict[str, Any]:
    old = _readable(row)
    was = {"provider": old.provider, "base_url": old.base_url, "model": old.model} if old else {}
    return was | {"key_hint": row["key_hint"]}
