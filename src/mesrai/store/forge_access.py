"""How an organisation reaches its code host, as saved: secrets sealed and bound to owner, row and host."""

from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from mesrai.domain.secret import Secret
from mesrai.store.audit import add_entry
from mesrai.store.database import Database, Row, Statements
from mesrai.store.vault import Keyring

_FIND: Final = "SELECT * FROM forge_access WHERE organisation = :organisation"
_ALL: Final = "SELECT * FROM forge_access ORDER BY organisation"
_SAVE: Final = """
    INSERT INTO forge_access (organisation, id, host, app_id, login, sealed_key, sealed_webhook_secret, updated_at,
        updated_by)
    VALUES (:organisation, :id, :host, :app_id, :login, :sealed_key, :sealed_webhook_secret, {now}, :updated_by)
    ON CONFLICT (organisation) DO UPDATE SET id = excluded.id, host = excluded.host, app_id = excluded.app_id,
        login = excluded.login, sealed_key = excluded.sealed_key,
        sealed_webhook_secret = excluded.sealed_webhook_secret, updated_at = excluded.updated_at,
        updated_by = excluded.updated_by
"""
_RESEAL: Final = """
    UPDATE forge_access SET sealed_key = :sealed_key, sealed_webhook_secret = :sealed_webhook_secret WHERE id = :id
    RETURNING id
"""
_REMOVE: Final = "DELETE FROM forge_access WHERE organisation = :organisation RETURNING host"
_KEY, _WEBHOOK = "forge key", "webhook secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeAccess:
    """How a code host is reached. Without an App's id, `key` is a token."""

    host: str  # such as github.com
    app_id: str = ""
    login: str = ""  # who we are there
    key: Secret
    webhook_secret: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccess:
    """The same, still sealed."""

    id: str
    organisation: str
    host: str
    app_id: str
    login: str
    sealed_key: str = field(repr=False)
    sealed_webhook_secret: str = field(repr=False)
    updated_at: float  # seconds since the epoch
    updated_by: str


async def find_access(statements: Statements, organisation: str) -> StoredAccess | None:
    """What is saved, sealed; None if nothing is. Errors: StoreUnavailable."""
    rows = await statements.rows(_FIND, organisation=organisation)
    return StoredAccess(**rows[0]) if rows else None


def opened_access(stored: StoredAccess, keyring: Keyring) -> ForgeAccess:
    """What is saved, with its secrets. Errors: VaultLocked."""
    secret = stored.sealed_webhook_secret
    return ForgeAccess(
        host=stored.host,
        app_id=stored.app_id,
        login=stored.login,
        key=keyring.open(stored.sealed_key, bound_to=_bound_to(_KEY, stored)),
        webhook_secret=keyring.open(secret, bound_to=_bound_to(_WEBHOOK, stored)) if secret else None,
    )


async def save_access(
    database: Database, keyring: Keyring, access: ForgeAccess, *, organisation: str, who: str
) -> None:
    """Put it in the place of what was saved, with an entry in the audit trail. Errors: StoreUnavailable."""
    row = StoredAccess(
        id=uuid4().hex,
        organisation=organisation,
        host=access.host,
        app_id=access.app_id,
        login=access.login,
        sealed_key="",
        sealed_webhook_secret="",
        updated_at=0.0,
        updated_by=who,
    )
    values = {name: getattr(row, name) for name in ("id", "organisation", "host", "app_id", "login", "updated_by")}
    async with database.transaction() as statements:
        await statements.rows(_SAVE.format(now=database.now), **values, **_sealed(keyring, row, access))
        details = {"host": access.host, "app": access.app_id, "as": access.login}
        await add_entry(
            statements, organisation=organisation, who=who, what="forge.connect", subject=access.host, details=details
        )


async def remove_access(database: Database, *, organisation: str, who: str) -> bool:
    """Forget it; False if nothing was saved. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        rows: list[Row] = list(await statements.rows(_REMOVE, organisation=organisation))
        for row in rows:
            await add_entry(
                statements, organisation=organisation, who=who, what="forge.disconnect", subject=row["host"], details={}
            )
    return bool(rows)


async def reseal_access(database: Database, keyring: Keyring) -> int:
    """Seal anew what an older master key sealed; how many rows were. Errors: VaultLocked, StoreUnavailable."""
    done = 0
    for row in await database.rows(_ALL):
        stored = StoredAccess(**row)
        if keyring.is_current(stored.sealed_key):
            continue
        sealed = _sealed(keyring, stored, opened_access(stored, keyring))
        done += len(await database.rows(_RESEAL, id=stored.id, **sealed))
    return done


def _sealed(keyring: Keyring, row: StoredAccess, access: ForgeAccess) -> dict[str, str]:
    secret = access.webhook_secret
    return {
        "sealed_key": keyring.seal(access.key, bound_to=_bound_to(_KEY, row)),
        "sealed_webhook_secret": keyring.seal(secret, bound_to=_bound_to(_WEBHOOK, row)) if secret else "",
    }


def _bound_to(what: str, row: StoredAccess) -> tuple[str, ...]:
    return (what, row.organisation, row.id, row.host, row.app_id)
