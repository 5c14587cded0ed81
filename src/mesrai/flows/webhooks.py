"""Tell others what happens here: subscriptions, and signed deliveries that are tried again until they arrive."""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from mesrai.domain.finding import Finding
from mesrai.domain.secret import Secret
from mesrai.errors import UserError, VaultLocked
from mesrai.jobs.queue import Job, Queue
from mesrai.llm.reach import Reach
from mesrai.review.render.json_text import read_review
from mesrai.store.database import Database
from mesrai.store.reviews import PARKED, STOPPED, KeptReview, find_report, find_review
from mesrai.store.vault import Keyring
from mesrai.store.webhooks import (
    DELIVERED,
    FAILED,
    WAITING,
    Delivery,
    Webhook,
    add_delivery,
    add_webhook,
    any_webhook,
    deliver_again,
    find_delivery,
    note_attempt,
    note_failed,
    note_well,
    opened_secret,
    webhooks,
)

DELIVER: Final = "webhook"  # the kind of its jobs
RETRIES_S: Final = (60.0, 300.0, 1_800.0, 7_200.0)  # after each attempt that failed; then it is given up
MOST: Final = 20  # webhooks of an organisation
_MOST_URL: Final = 500
_MOST_FINDINGS: Final = 100  # of one review, each told by itself
_MOST_TOLD: Final = 300
_PREFIX: Final = "whsec_"


class Happening(StrEnum):
    """What others can be told of. The words are for programs and stay as they are."""

    REVIEW_FINISHED = "review.finished"  # also in part, or with nothing to review
    REVIEW_FAILED = "review.failed"
    REVIEW_PARKED = "review.parked"  # a budget or quota is spent, and it waits
    REVIEW_STOPPED = "review.stopped"
    FINDING_POSTED = "finding.posted"
    PING = "ping"  # by hand, to try it out


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What an address answered."""

    status: int | None  # None: nothing came
    told: str = ""  # why nothing came


# Given an address, headers and a body: what was answered. Every failure is in what is returned.
Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answered]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What these stories need."""

    database: Database
    organisation: str
    queue: Queue
    keyring: Callable[[], Keyring]


async def subscribe(
    desk: Desk, url: str, events: Sequence[Happening], *, reach: Reach | None, who: str
) -> tuple[Webhook, Secret]:
    """A new webhook, and the secret that its deliveries are signed with, shown once. Errors: UserError, StoreError."""
    refuse_address(url, reach)
    if len(await webhooks(desk.database, desk.organisation)) >= MOST:
        raise UserError(f"There are {MOST} webhooks, and no more are kept. Remove one first.")
    secret = Secret(_PREFIX + secrets.token_urlsafe(32))
    keyring = desk.keyring()
    await asyncio.to_thread(keyring.refresh)
    names = [str(each) for each in Happening if each in events]
    kept = await add_webhook(
        desk.database, keyring, secret, organisation=desk.organisation, url=url, events=names, who=who
    )
    return kept, secret


def refuse_address(url: str, reach: Reach | None) -> None:
    """Errors: UserError for an address that is none, is not safe, or leads into the network we run in."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise UserError("That is no address.") from None
    if len(url) > _MOST_URL or not url.isprintable() or " " in url or not url.isascii():
        raise UserError(f"An address is plain ASCII of at most {_MOST_URL} characters.")
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise UserError("An address is like https://example.com/mesrai, without a user, a password or a #.")
    is_named = reach is not None and reach.allows(parts.hostname, port)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_named):
        raise UserError("A webhook is sent over https only.")
    if reach is not None and reach.refuses(url):
        raise UserError("That address lies inside the network that the service runs in.")


async def tell_of_review(desk: Desk, review: str) -> None:
    """Tell whoever wants to know what became of a review; telling it again changes nothing. Errors: StoreError."""
    kept = await find_review(desk.database, review)
    happening = None if kept is None else _happening(kept.outcome)
    if kept is None or happening is None:
        return
    wanting = [each for each in await webhooks(desk.database, desk.organisation) if each.is_active]
    if not wanting:
        return
    mark = f"{kept.id} {kept.head_sha} {kept.outcome}"
    if happening in (Happening.REVIEW_FAILED, Happening.REVIEW_PARKED):  # these may happen again
        mark += f" {kept.changed_at!r}"
    told: list[tuple[Happening, str, Mapping[str, Any]]] = [(happening, mark, review_told(kept))]
    if happening is Happening.REVIEW_FINISHED and any(Happening.FINDING_POSTED in each.events for each in wanting):
        found = await _findings(desk, kept)
        told += [
            (Happening.FINDING_POSTED, f"{mark} {each.fingerprint}", _finding_told(kept, each))
            for each in found[:_MOST_FINDINGS]
        ]
    for webhook in wanting:
        for what, known_by, facts in told:
            if what in webhook.events:
                await _send(desk, webhook, what, known_by, facts)


async def ping(desk: Desk, webhook: Webhook) -> Delivery:
    """Send something to try it out. Errors: StoreError."""
    number = await _send(desk, webhook, Happening.PING, secrets.token_hex(16), {"webhook": webhook.id})
    found = await find_delivery(desk.database, webhook.id, number)
    if found is None:
        raise UserError("The webhook was removed meanwhile.")
    return found


async def redeliver(desk: Desk, webhook: Webhook, number: int) -> Delivery | None:
    """Send a delivery once more; None if there is none. Errors: UserError if the webhook is off; StoreError."""
    if not webhook.is_active:
        raise UserError("The webhook is switched off. Switch it on first.")
    if await find_delivery(desk.database, webhook.id, number) is None:
        return None
    async with desk.database.transaction() as statements:
        again = await deliver_again(desk.database, statements, number)
    await desk.queue.put(DELIVER, _subject(webhook.id, number), {"webhook": webhook.id, "delivery": number})
    return again


async def deliver(desk: Desk, job: Job, post: Post, now: Callable[[], float]) -> str:
    """Carry out a delivery: the job is ended, or waits for its next attempt. Errors: LeaseLost, StoreError."""
    webhook, delivery = await _meant(desk, job)
    if webhook is None or delivery is None or delivery.state == DELIVERED:
        await desk.queue.finish(job)
        return "There is nothing to deliver any more."
    if not webhook.is_active:
        await note_attempt(desk.database, delivery.id, FAILED, None, "The webhook is switched off.")
        await desk.queue.finish(job)
        return "The webhook is switched off."
    try:
        headers = signed(delivery, opened_secret(webhook, desk.keyring()), at=int(now()))
        answered = await post(webhook.url, headers, delivery.body.encode())
    except VaultLocked:
        answered = Answered(status=None, told="Its secret cannot be opened now.")
    return await _judge(desk, job, delivery, answered)


async def give_up(desk: Desk, job: Job, why: str) -> None:
    """A delivery whose workers were lost too often. Errors: StoreError."""
    webhook, delivery = await _meant(desk, job)
    if webhook is not None and delivery is not None:
        await note_attempt(desk.database, delivery.id, FAILED, None, why)
        await note_failed(desk.database, webhook.id, why)


def signed(delivery: Delivery, secret: Secret, *, at: int) -> Mapping[str, str]:
    """The headers of a delivery: its signature is of the time, a dot and the body."""
    text = f"{at}.".encode() + delivery.body.encode()
    seal = hmac.new(secret.open().encode(), text, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Mesrai-Event": delivery.event,
        "X-Mesrai-Delivery": delivery.event_id,
        "X-Mesrai-Timestamp": str(at),
        "X-Mesrai-Signature": f"sha256={seal}",
    }


def review_told(kept: KeptReview) -> Mapping[str, Any]:
    """What others are told of a review."""
    return {
        "review": kept.id,
        "repository": kept.repository,
        "pull_request": int(kept.number) if kept.number.isdecimal() else None,
        "title": kept.title,
        "author": kept.author,
        "head_sha": kept.head_sha,
        "state": kept.outcome,
        "reason": kept.reason,
        "findings": {name: getattr(kept, name) for name in ("critical", "high", "medium", "low")},
    }


async def _judge(desk: Desk, job: Job, delivery: Delivery, answered: Answered) -> str:
    status = answered.status
    if status is not None and 200 <= status < 300:
        await note_attempt(desk.database, delivery.id, DELIVERED, status, "")
        await note_well(desk.database, delivery.webhook)
        await desk.queue.finish(job)
        return f"It was delivered ({status})."
    told = (answered.told or f"It answered {status}.")[:_MOST_TOLD]
    attempts = job.attempt - job.spared
    if attempts <= len(RETRIES_S):
        await note_attempt(desk.database, delivery.id, WAITING, status, told)
        await desk.queue.fail(job, told, retry_in_s=RETRIES_S[attempts - 1])
        return f"Not delivered: {told} It is tried again."
    await note_attempt(desk.database, delivery.id, FAILED, status, told)
    is_off = await note_failed(desk.database, delivery.webhook, told)
    await desk.queue.finish(job)
    return f"Not delivered: {told}" + (" The webhook is switched off now." if is_off else "")


async def _meant(desk: Desk, job: Job) -> tuple[Webhook | None, Delivery | None]:
    webhook = await any_webhook(desk.database, str(job.payload["webhook"]))
    if webhook is None:
        return None, None
    return webhook, await find_delivery(desk.database, webhook.id, int(str(job.payload["delivery"])))


async def _send(desk: Desk, webhook: Webhook, what: Happening, known_by: str, facts: Mapping[str, Any]) -> int:
    """Have it delivered, once for what it is known by; the delivery's number."""
    event_id = "evt_" + hashlib.sha256(f"{webhook.id} {what} {known_by}".encode()).hexdigest()[:32]
    body = {
        "id": event_id,
        "event": str(what),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "organisation": desk.organisation,
        "data": facts,
    }
    kept = await add_delivery(
        desk.database, webhook=webhook.id, event_id=event_id, event=str(what), body=json.dumps(body)
    )
    if kept.state == WAITING:
        await desk.queue.put(DELIVER, _subject(webhook.id, kept.id), {"webhook": webhook.id, "delivery": kept.id})
    return kept.id


async def _findings(desk: Desk, kept: KeptReview) -> Sequence[Finding]:
    report = await find_report(desk.database, kept.id)
    return read_review(report.encode()).findings if report else ()


def _finding_told(kept: KeptReview, finding: Finding) -> Mapping[str, Any]:
    names = ("fingerprint", "path", "start_line", "end_line", "severity", "category", "title", "source")
    told = {name: getattr(finding, name) for name in names}
    return {**review_told(kept), "finding": {name: _plain(value) for name, value in told.items()}}


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else str(value)


def _happening(outcome: str) -> Happening | None:
    """What it is that ended so; None for what goes on."""
    ends = {
        "reviewed": Happening.REVIEW_FINISHED,
        "partial": Happening.REVIEW_FINISHED,
        "nothing": Happening.REVIEW_FINISHED,
        "failed": Happening.REVIEW_FAILED,
        PARKED: Happening.REVIEW_PARKED,
        STOPPED: Happening.REVIEW_STOPPED,
    }
    return ends.get(outcome)


def _subject(webhook: str, delivery: int) -> str:
    """Webhooks take turns, as repositories do."""
    return f"webhook:{webhook}#{delivery}"
