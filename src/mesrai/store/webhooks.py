"""Where others want to be told of what happens here, and what was delivered to them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from mesrai.domain.secret import Secret
from mesrai.store.audit import add_entry
from mesrai.store.database import Database, Row, Statements
from mesrai.store.vault import Keyring

MOST_FAILURES: Final = 5  # deliveries in a row, each with all its attempts
KEPT_S: Final = 30 * 86_400.0
_ADD: Final = """
    INSERT INTO webhooks (id, organisation, url, events, sealed_secret, is_active, failures, reason, created_at,
        created_by)
    VALUES (:id, :organisation, :url, :events, :sealed_secret, 1, 0, '', {now}, :created_by) RETURNING *
"""
_LIST: Final = "SELECT * FROM webhooks WHERE organisation = :organisation ORDER BY created_at, id"
_ONE: Final = "SELECT * FROM webhooks WHERE organisation = :organisation AND id = :id"
_ANY: Final = "SELECT * FROM webhooks WHERE id = :id"
_SWITCH: Final = """
    UPDATE webhooks SET is_active = :is_active, failures = 0, reason = '' WHERE organisation = :organisation
        AND id = :id RETURNING *
"""
_REMOVE: Final = "DELETE FROM webhooks WHERE organisation = :organisation AND id = :id RETURNING url"
_FAILED: Final = "UPDATE webhooks SET failures = failures + 1 WHERE id = :id RETURNING failures"
_OFF: Final = "UPDATE webhooks SET is_active = 0, reason = :reason WHERE id = :id AND is_active = 1 RETURNING *"
_WELL: Final = "UPDATE webhooks SET failures = 0 WHERE id = :id AND failures > 0"
_RESEAL: Final = "UPDATE webhooks SET sealed_secret = :sealed_secret WHERE id = :id RETURNING id"
_SEND: Final = """
    INSERT INTO webhook_deliveries (webhook, event_id, event, body, state, attempts, status, told, created_at,
        changed_at)
    VALUES (:webhook, :event_id, :event, :body, 'waiting', 0, NULL, '', {now}, {now})
    ON CONFLICT (webhook, event_id) DO NOTHING
"""
_OF_EVENT: Final = "SELECT * FROM webhook_deliveries WHERE webhook = :webhook AND event_id = :event_id"
_DELIVERY: Final = "SELECT * FROM webhook_deliveries WHERE webhook = :webhook AND id = :id"
_DELIVERIES: Final = "SELECT * FROM webhook_deliveries WHERE webhook = :webhook{more} ORDER BY id DESC LIMIT :most"
_TRIED: Final = """
    UPDATE webhook_deliveries SET state = :state, attempts = attempts + 1, status = :status, told = :told,
        changed_at = {now} WHERE id = :id
"""
_AGAIN: Final = "UPDATE webhook_deliveries SET state = 'waiting', changed_at = {now} WHERE id = :id RETURNING *"
_PRUNE: Final = "DELETE FROM webhook_deliveries WHERE created_at < (SELECT {now}) - :age"
_DROP: Final = "DELETE FROM webhook_deliveries WHERE webhook = :id"

WAITING: Final = "waiting"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that is told."""

    id: str
    organisation: str
    url: str
    events: tuple[str, ...]
    sealed_secret: str = field(repr=False)
    is_active: bool
    failures: int  # deliveries in a row that failed for good
    reason: str  # why it was switched off; empty: it was not, or by a person
    created_at: float  # seconds since the epoch
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one address."""

    id: int
    webhook: str
    event_id: str
    event: str
    body: str  # JSON, as it is sent
    state: str  # WAITING, DELIVERED or FAILED
    attempts: int
    status: int | None  # of the last answer; None: none came
    told: str  # what came of the last attempt
    created_at: float  # seconds since the epoch
    changed_at: float


async def add_webhook(
    database: Database,
    keyring: Keyring,
    secret: Secret,
    *,
    organisation: str,
    url: str,
    events: Sequence[str],
    who: str,
) -> Webhook:
    """Keep a new one, with its secret sealed. Errors: StoreUnavailable."""
    id_ = uuid4().hex
    async with database.transaction() as statements:
        rows = await statements.rows(
            _ADD.format(now=database.now),
            id=id_,
            organisation=organisation,
            url=url,
            events=json.dumps(list(events)),
            sealed_secret=keyring.seal(secret, bound_to=_bound_to(organisation, id_)),
            created_by=who,
        )
        details = {"url": url, "events": list(events)}
        await add_entry(
            statements, organisation=organisation, who=who, what="webhook.add", subject=id_, details=details
        )
    return _webhook(rows[0])


async def webhooks(statements: Statements, organisation: str) -> Sequence[Webhook]:
    """All of them, the oldest first. Errors: StoreUnavailable."""
    return [_webhook(row) for row in await statements.rows(_LIST, organisation=organisation)]


async def find_webhook(statements: Statements, organisation: str, webhook: str) -> Webhook | None:
    """One of them; None if there is none. Errors: StoreUnavailable."""
    rows = await statements.rows(_ONE, organisation=organisation, id=webhook)
    return _webhook(rows[0]) if rows else None


async def any_webhook(statements: Statements, webhook: str) -> Webhook | None:
    """The same, of whatever organisation. Errors: StoreUnavailable."""
    rows = await statements.rows(_ANY, id=webhook)
    return _webhook(rows[0]) if rows else None


def opened_secret(webhook: Webhook, keyring: Keyring) -> Secret:
    """What its deliveries are signed with. Errors: VaultLocked."""
    return keyring.open(webhook.sealed_secret, bound_to=_bound_to(webhook.organisation, webhook.id))


async def switch_webhook(
    database: Database, organisation: str, webhook: str, *, is_active: bool, who: str
) -> Webhook | None:
    """Switch it on or off; its failures are forgotten. None if there is none. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        rows = await statements.rows(_SWITCH, organisation=organisation, id=webhook, is_active=int(is_active))
        if rows:
            await add_entry(
                statements,
                organisation=organisation,
                who=who,
                what="webhook.switch",
                subject=webhook,
                details={"is_active": is_active},
            )
    return _webhook(rows[0]) if rows else None


async def remove_webhook(database: Database, organisation: str, webhook: str, *, who: str) -> bool:
    """Forget it, with its deliveries; False if there is none. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        rows = await statements.rows(_REMOVE, organisation=organisation, id=webhook)
        if rows:
            await statements.rows(_DROP, id=webhook)
            details = {"url": rows[0]["url"]}
            await add_entry(
                statements, organisation=organisation, who=who, what="webhook.remove", subject=webhook, details=details
            )
    return bool(rows)


async def note_well(statements: Statements, webhook: str) -> None:
    """A delivery arrived. Errors: StoreUnavailable."""
    await statements.rows(_WELL, id=webhook)


async def note_failed(database: Database, webhook: str, why: str) -> bool:
    """A delivery failed for good; True if that switched the webhook off. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        rows = await statements.rows(_FAILED, id=webhook)
        if not rows or rows[0]["failures"] < MOST_FAILURES:
            return False
        reason = f"{MOST_FAILURES} deliveries in a row failed; the last one: {why}"
        ended = await statements.rows(_OFF, id=webhook, reason=reason)
        for row in ended:
            await add_entry(
                statements,
                organisation=row["organisation"],
                who="mesrai",
                what="webhook.disable",
                subject=webhook,
                details={"reason": reason},
            )
    return bool(ended)


async def add_delivery(database: Database, *, webhook: str, event_id: str, event: str, body: str) -> Delivery:
    """A new delivery, or the one of that event that was given to that webhook before. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        values = {"webhook": webhook, "event_id": event_id, "event": event, "body": body}
        await statements.rows(_SEND.format(now=database.now), **values)
        rows = await statements.rows(_OF_EVENT, webhook=webhook, event_id=event_id)
    return Delivery(**rows[0])


async def find_delivery(statements: Statements, webhook: str, number: int) -> Delivery | None:
    """One of a webhook's deliveries; None if there is none. Errors: StoreUnavailable."""
    rows = await statements.rows(_DELIVERY, webhook=webhook, id=number)
    return Delivery(**rows[0]) if rows else None


async def deliveries_of(
    statements: Statements, webhook: str, *, before: int | None = None, most: int = 100
) -> Sequence[Delivery]:
    """Its deliveries, newest first; with `before` those that are older. Errors: StoreUnavailable."""
    if before is None:
        rows = await statements.rows(_DELIVERIES.format(more=""), webhook=webhook, most=most)
    else:
        sql = _DELIVERIES.format(more=" AND id < :before")
        rows = await statements.rows(sql, webhook=webhook, before=before, most=most)
    return [Delivery(**row) for row in rows]


async def note_attempt(database: Database, number: int, state: str, status: int | None, told: str) -> None:
    """Keep what came of an attempt. Errors: StoreUnavailable."""
    await database.rows(_TRIED.format(now=database.now), id=number, state=state, status=status, told=told)


async def deliver_again(database: Database, statements: Statements, number: int) -> Delivery | None:
    """Let a delivery wait anew; None if there is none. Errors: StoreUnavailable."""
    rows = await statements.rows(_AGAIN.format(now=database.now), id=number)
    return Delivery(**rows[0]) if rows else None


async def prune_webhook_deliveries(database: Database) -> None:
    """Forget those that are too old. Errors: StoreUnavailable."""
    await database.rows(_PRUNE.format(now=database.now), age=KEPT_S)


async def reseal_webhooks(database: Database, keyring: Keyring) -> int:
    """Seal anew what an older master key sealed; how many were. Errors: VaultLocked, StoreUnavailable."""
    done = 0
    for row in await database.rows("SELECT * FROM webhooks"):
        kept = _webhook(row)
        if not keyring.is_current(kept.sealed_secret):
            secret = opened_secret(kept, keyring)
            sealed = keyring.seal(secret, bound_to=_bound_to(kept.organisation, kept.id))
            done += len(await database.rows(_RESEAL, id=kept.id, sealed_secret=sealed))
    return done


def _bound_to(organisation: str, webhook: str) -> tuple[str, ...]:
    return ("webhook out", organisation, webhook)


def _webhook(row: Row) -> Webhook:
    return Webhook(**{**row, "events": tuple(json.loads(row["events"])), "is_active": bool(row["is_active"])})
