"""Webhooks out: who is told of what happens here, and what was delivered to them."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from mesrai.domain.secret import Secret
from mesrai.errors import UserError
from mesrai.flows import webhooks
from mesrai.flows.webhooks import Happening
from mesrai.server.web.visit import Visit
from mesrai.store import webhooks as kept

HERE: Final = "/organization/webhooks"
MOST: Final = 50  # deliveries on a page
_EVENTS: Final[Mapping[Happening, str]] = {
    Happening.REVIEW_FINISHED: "A review finished, also in part",
    Happening.REVIEW_FAILED: "A review failed",
    Happening.REVIEW_PARKED: "A review waits, because a budget or a quota is spent",
    Happening.REVIEW_STOPPED: "A review was stopped",
    Happening.FINDING_POSTED: "Each finding of a finished review",
}
_STATES: Final = {kept.WAITING: "warn", kept.DELIVERED: "good", kept.FAILED: "bad"}


async def show(visit: Visit) -> Response:
    """GET /organization/webhooks."""
    return await _list(visit)


async def add(visit: Visit) -> Response:
    """POST /organization/webhooks: the secret is shown on this answer and never again."""
    url, installation = visit.form.text("url"), await visit.house.installation()
    events = [each for each in _EVENTS if str(each) in visit.form.all("event")]
    try:
        if not events:
            raise UserError("Choose at least one thing to be told of.")
        desk = await _desk(visit)
        _, secret = await webhooks.subscribe(desk, url, events, reach=installation.reach, who=visit.member.email)
    except UserError as error:
        return await _list(visit, error=error.message, url=url)
    return await _list(visit, secret=secret)


async def show_one(visit: Visit) -> Response:
    """GET /organization/webhooks/{webhook}: what was delivered, the newest first."""
    found = await _found(visit)
    if found is None:
        return _not_there(visit)
    before = visit.query("before")
    number = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None
    sent = await kept.deliveries_of(visit.house.database, found.id, before=number, most=MOST + 1)
    place = f"{HERE}/{found.id}"
    return visit.page(
        "webhook.html",
        webhook=found,
        deliveries=sent[:MOST],
        states=_STATES,
        older=f"{place}?before={sent[MOST - 1].id}" if len(sent) > MOST else "",
        first=place if number is not None else "",
    )


async def ping(visit: Visit) -> Response:
    """POST /organization/webhooks/{webhook}/ping."""
    found = await _found(visit)
    if found is None:
        return _not_there(visit)
    await webhooks.ping(await _desk(visit), found)
    return visit.go(f"{HERE}/{found.id}", "A ping is sent; look again to see whether it arrived.")


async def again(visit: Visit) -> Response:
    """POST /organization/webhooks/{webhook}/again: one delivery once more."""
    found = await _found(visit)
    number = visit.form.number("delivery", "The delivery")
    if found is None:
        return _not_there(visit)
    place = f"{HERE}/{found.id}"
    try:
        sent = await webhooks.redeliver(await _desk(visit), found, number or 0)
    except UserError as error:
        return visit.go(place, error.message, kind="bad")
    if sent is None:
        return visit.go(place, "There is no such delivery any more.", kind="bad")
    return visit.go(place, f"The delivery {sent.event_id} is sent once more.")


async def switch(visit: Visit) -> Response:
    """POST /organization/webhooks/{webhook}/switch."""
    house, is_active = visit.house, visit.form.text("active") == "1"
    found = await kept.switch_webhook(
        house.database, house.organisation, visit.path("webhook"), is_active=is_active, who=visit.member.email
    )
    if found is None:
        return _not_there(visit)
    return visit.go(f"{HERE}/{found.id}", f"It is switched {'on' if is_active else 'off'}.")


async def remove(visit: Visit) -> Response:
    """POST /organization/webhooks/{webhook}/remove."""
    house = visit.house
    if not await kept.remove_webhook(house.database, house.organisation, visit.path("webhook"), who=visit.member.email):
        return _not_there(visit)
    return visit.go(HERE, "The webhook is removed, with its deliveries.")


async def _list(visit: Visit, *, error: str = "", url: str = "", secret: Secret | None = None) -> Response:
    chosen = visit.form.all("event") if error else tuple(str(each) for each in _EVENTS)
    return visit.page(
        "webhooks.html",
        status=400 if error else 200,
        webhooks=await kept.webhooks(visit.house.database, visit.house.organisation),
        most=webhooks.MOST,
        events=[(str(each), told, str(each) in chosen) for each, told in _EVENTS.items()],
        error=error,
        url=url,
        secret="" if secret is None else secret.open(),
    )


async def _desk(visit: Visit) -> webhooks.Desk:
    house, installation = visit.house, await visit.house.installation()
    return webhooks.Desk(
        database=house.database, organisation=house.organisation, queue=house.queue, keyring=installation.keyring
    )


async def _found(visit: Visit) -> kept.Webhook | None:
    return await kept.find_webhook(visit.house.database, visit.house.organisation, visit.path("webhook"))


def _not_there(visit: Visit) -> Response:
    return visit.page("refused.html", status=404, title="Not found", why="There is no such webhook here.")
