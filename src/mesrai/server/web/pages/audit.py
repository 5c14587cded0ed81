"""The audit trail: who changed what, and when."""

import json

from starlette.responses import Response

from mesrai.server.web.visit import Visit
from mesrai.store.audit import entries

_MOST = 100


async def show(visit: Visit) -> Response:
    """GET /audit, newest first; `before` is the id of the last entry of the page before."""
    text = visit.query("before")
    before = int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None
    house = visit.house
    found = await entries(house.database, house.organisation, most=_MOST + 1, before=before)
    shown = found[:_MOST]
    return visit.page(
        "audit.html",
        entries=[(each, json.dumps(each.details, ensure_ascii=False)) for each in shown],
        older=f"/audit?before={shown[-1].id}" if len(found) > _MOST else "",
        first="/audit" if before is not None else "",
    )
