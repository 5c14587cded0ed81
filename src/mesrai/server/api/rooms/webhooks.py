"""Webhooks out: who is told of what, and what was delivered."""

import json
from typing import Annotated, Any, Final

import msgspec

from mesrai.domain.roles import Right
from mesrai.flows import webhooks
from mesrai.flows.webhooks import Happening
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import Instant, Name, Number, Page, Sent, Shape, cut, when
from mesrai.server.api.problems import Code, not_found
from mesrai.server.api.rooms.findings import number_after
from mesrai.store import webhooks as kept

_TAG: Final = "webhooks"
Wanted = Annotated[tuple[Happening, ...], msgspec.Meta(min_length=1, max_length=20)]


class WebhookShown(Shape, frozen=True, kw_only=True):
    """An address that is told."""

    id: str
    url: str
    events: list[str]
    is_active: bool
    failures: Annotated[int, msgspec.Meta(description="Deliveries in a row that failed with all their attempts.")]
    reason: Annotated[str, msgspec.Meta(description="Why it was switched off; empty if it was not, or by a person.")]
    created_at: Instant
    created_by: str


class WebhookMade(WebhookShown, frozen=True, kw_only=True):
    """A new webhook, with the secret that its deliveries are signed with; it is not shown again."""

    secret: str


class WebhookList(Shape, frozen=True, kw_only=True):
    """All webhooks."""

    items: list[WebhookShown]


class DeliveryShown(Shape, frozen=True, kw_only=True):
    """One event for one address."""

    id: int
    event_id: str
    event: str
    state: str
    attempts: int
    status: int | None
    told: str
    created_at: Instant
    changed_at: Instant
    body: dict[str, Any]


class DeliveryList(Shape, frozen=True, kw_only=True):
    """A page of deliveries, the newest first."""

    items: list[DeliveryShown]
    next: str | None


class AddWebhook(Sent, frozen=True, kw_only=True):
    """Where and of what to be told."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    events: Wanted


class SwitchWebhook(Sent, frozen=True, kw_only=True):
    """Whether it is told; switched on again, its failures are forgotten."""

    is_active: bool


class WebhookAt(Sent, frozen=True, kw_only=True):
    """Which webhook."""

    webhook: Name


class DeliveryAt(Sent, frozen=True, kw_only=True):
    """Which delivery of which webhook."""

    webhook: Name
    delivery: Number


async def add(call: Call) -> WebhookMade:
    """POST /webhooks."""
    asked, installation = call.read(AddWebhook), await call.house.installation()
    made, secret = await webhooks.subscribe(
        await _desk(call), asked.url, asked.events, reach=installation.reach, who=call.who
    )
    shown = _shown(made)
    return WebhookMade(secret=secret.open(), **{name: getattr(shown, name) for name in shown.__struct_fields__})


async def list_(call: Call) -> WebhookList:
    """GET /webhooks."""
    found = await kept.webhooks(call.house.database, call.house.organisation)
    return WebhookList(items=[_shown(each) for each in found])


async def show(call: Call) -> WebhookShown:
    """GET /webhooks/{webhook}."""
    return _shown(await _found(call, call.read(WebhookAt).webhook))


async def switch(call: Call) -> WebhookShown:
    """PATCH /webhooks/{webhook}."""
    found = await kept.switch_webhook(
        call.house.database,
        call.house.organisation,
        call.read(WebhookAt).webhook,
        is_active=call.read(SwitchWebhook).is_active,
        who=call.who,
    )
    if found is None:
        raise not_found("webhook")
    return _shown(found)


async def remove(call: Call) -> None:
    """DELETE /webhooks/{webhook}."""
    house, webhook = call.house, call.read(WebhookAt).webhook
    if not await kept.remove_webhook(house.database, house.organisation, webhook, who=call.who):
        raise not_found("webhook")


async def ping(call: Call) -> DeliveryShown:
    """POST /webhooks/{webhook}/ping."""
    found = await _found(call, call.read(WebhookAt).webhook)
    return _delivery(await webhooks.ping(await _desk(call), found))


async def list_deliveries(call: Call) -> DeliveryList:
    """GET /webhooks/{webhook}/deliveries."""
    asked, found = call.read(Page), await _found(call, call.read(WebhookAt).webhook)
    items = await kept.deliveries_of(
        call.house.database, found.id, before=number_after(asked.after), most=asked.limit + 1
    )
    shown, has_more = cut(list(items), asked.limit)
    return DeliveryList(items=[_delivery(each) for each in shown], next=str(shown[-1].id) if has_more else None)


async def redeliver(call: Call) -> DeliveryShown:
    """POST /webhooks/{webhook}/deliveries/{delivery}/again."""
    at = call.read(DeliveryAt)
    found = await _found(call, at.webhook)
    again = await webhooks.redeliver(await _desk(call), found, at.delivery)
    if again is None:
        raise not_found("delivery")
    return _delivery(again)


async def _desk(call: Call) -> webhooks.Desk:
    house, installation = call.house, await call.house.installation()
    return webhooks.Desk(
        database=house.database, organisation=house.organisation, queue=house.queue, keyring=installation.keyring
    )


async def _found(call: Call, webhook: str) -> kept.Webhook:
    found = await kept.find_webhook(call.house.database, call.house.organisation, webhook)
    if found is None:
        raise not_found("webhook")
    return found


def _shown(webhook: kept.Webhook) -> WebhookShown:
    names = ("id", "url", "is_active", "failures", "reason", "created_by")
    told = {name: getattr(webhook, name) for name in names}
    return WebhookShown(events=list(webhook.events), created_at=when(webhook.created_at), **told)


def _delivery(delivery: kept.Delivery) -> DeliveryShown:
    names = ("id", "event_id", "event", "state", "attempts", "status", "told")
    return DeliveryShown(
        created_at=when(delivery.created_at),
        changed_at=when(delivery.changed_at),
        body=json.loads(delivery.body),
        **{name: getattr(delivery, name) for name in names},
    )


OPERATIONS: Final = (
    Operation(
        name="addWebhook",
        tag=_TAG,
        method="POST",
        path="/webhooks",
        needs=Right.EDIT_CONFIGURATION,
        told="Have an https address told of what happens. Its secret is shown in this answer only.",
        do=add,
        body=AddWebhook,
        answer=WebhookMade,
        status=201,
        errors=(Code.REFUSED,),
    ),
    Operation(
        name="listWebhooks",
        tag=_TAG,
        method="GET",
        path="/webhooks",
        needs=Right.EDIT_CONFIGURATION,
        told="List the webhooks.",
        do=list_,
        answer=WebhookList,
    ),
    Operation(
        name="getWebhook",
        tag=_TAG,
        method="GET",
        path="/webhooks/{webhook}",
        needs=Right.EDIT_CONFIGURATION,
        told="Look at a webhook.",
        do=show,
        at=WebhookAt,
        answer=WebhookShown,
    ),
    Operation(
        name="switchWebhook",
        tag=_TAG,
        method="PATCH",
        path="/webhooks/{webhook}",
        needs=Right.EDIT_CONFIGURATION,
        told="Switch a webhook on or off.",
        do=switch,
        at=WebhookAt,
        body=SwitchWebhook,
        answer=WebhookShown,
    ),
    Operation(
        name="removeWebhook",
        tag=_TAG,
        method="DELETE",
        path="/webhooks/{webhook}",
        needs=Right.EDIT_CONFIGURATION,
        told="Remove a webhook, with its deliveries.",
        do=remove,
        at=WebhookAt,
        status=204,
    ),
    Operation(
        name="pingWebhook",
        tag=_TAG,
        method="POST",
        path="/webhooks/{webhook}/ping",
        needs=Right.EDIT_CONFIGURATION,
        told="Send a webhook something, to try it out.",
        do=ping,
        at=WebhookAt,
        answer=DeliveryShown,
        status=202,
        errors=(Code.REFUSED,),
    ),
    Operation(
        name="listDeliveries",
        tag=_TAG,
        method="GET",
        path="/webhooks/{webhook}/deliveries",
        needs=Right.EDIT_CONFIGURATION,
        told="List what was sent to a webhook within 30 days, the newest first.",
        do=list_deliveries,
        at=WebhookAt,
        query=Page,
        answer=DeliveryList,
    ),
    Operation(
        name="redeliver",
        tag=_TAG,
        method="POST",
        path="/webhooks/{webhook}/deliveries/{delivery}/again",
        needs=Right.EDIT_CONFIGURATION,
        told="Send a delivery once more.",
        do=redeliver,
        at=DeliveryAt,
        answer=DeliveryShown,
        status=202,
        errors=(Code.REFUSED,),
    ),
)
