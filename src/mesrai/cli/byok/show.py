"""`mesrai byok show`: what is connected, whether it was proven, and what is known of it now."""

import asyncio
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from mesrai.cli.byok.talk import print_json, talk_for
from mesrai.cli.byok.talk import show as show_text
from mesrai.cli.byok.tuning import json_option
from mesrai.domain.connection import Connection, Slot

if TYPE_CHECKING:
    from mesrai.cli.byok.desk import Bench
    from mesrai.domain.outages import Outage
    from mesrai.flows.connect import Standing
    from mesrai.review.render.sheet import Sheet


@click.command(epilog="Next: mesrai byok test --full, mesrai byok set --thinking off, mesrai byok fallback")
@json_option
def show(is_json: bool) -> None:
    """Show the main and the fallback connection: where they lead, since when, proven or not, limits, and outages.

    Of a key at most the last four characters are shown.
    """
    asyncio.run(_show(is_json=is_json))


async def _show(*, is_json: bool) -> None:
    from mesrai.cli.byok.desk import open_bench
    from mesrai.review.render.sheet import Sheet
    from mesrai.wiring import NOT_CONNECTED

    talk = talk_for(is_json=is_json, asks=False)
    async with open_bench(talk) as bench:
        now = await bench.standing()
        if is_json:
            print_json(_standing_json(bench, now))
            return
        sheet = Sheet(talk.look)
        _put_standing(sheet, bench, now)
        show_text(talk, sheet.text())
        if bench.settings.main is None and not now.stored:
            show_text(talk, f"\n{NOT_CONNECTED}\n")


def _put_standing(sheet: "Sheet", bench: "Bench", now: "Standing") -> None:
    from mesrai.cli.byok.saying import fixed_banner

    if now.is_fixed and now.fixed is not None:
        sheet.prose((fixed_banner(now.fixed, bench.catalogue), "bold blue"))
    locked = bench.installation.locked
    if locked is not None:
        sheet.gap()
        sheet.prose(("Locked: ", "bold red"), (locked.message, ""), hang=2)
    for slot in Slot:
        sheet.gap()
        _put_slot(sheet, bench, now, slot)
    for notice in bench.settings.notices:
        sheet.gap()
        sheet.prose(("Note: ", "yellow"), (notice, ""), hang=2)


def _put_slot(sheet: "Sheet", bench: "Bench", now: "Standing", slot: Slot) -> None:
    from mesrai.cli.byok.describing import put_said, settings_said, title_of
    from mesrai.cli.byok.used import is_stored
    from mesrai.review.render.untrusted import one_line

    used, stored = _used(bench, now, slot), now.stored.get(slot)
    connection = used or (stored.connection if stored else None)
    if connection is None:
        sheet.line((f"{slot:<10}", "bold"), ("not connected", "dim"))
        return
    sheet.prose((f"{slot:<10}", "bold"), (title_of(connection, bench.catalogue), "bold"), hang=10)
    hint = used.key.hint if used and used.key else stored.key_hint if stored else ""
    put_said(sheet, settings_said(connection, bench.catalogue, hint))
    put_said(sheet, _origin_said(bench, now, slot, is_saved=is_stored(now, used, slot)))
    for notice in connection.notices:
        sheet.prose(("Note: ", "yellow"), (one_line(notice, 500), ""), indent=10, hang=6)


def _origin_said(bench: "Bench", now: "Standing", slot: Slot, *, is_saved: bool) -> Iterator[tuple[str, str]]:
    """Where it comes from, whether it was proven, and whether it is out."""
    from mesrai.cli.byok.describing import proven_text, title_of, when_text

    used, stored = _used(bench, now, slot), now.stored.get(slot)
    if used is not None and not is_saved:
        yield "set by", used.origin
        yield "tested", f"see `mesrai byok test --slot {slot} --full`"
        if stored is not None:
            yield "covers", f"the saved {title_of(stored.connection, bench.catalogue)}"
    elif stored is not None:
        yield "saved", f"{when_text(stored.updated_at)} by {stored.updated_by}"
        proven = proven_text(stored.connection)
        yield "tested", f"in full, {proven}" if proven else f"never in full: `mesrai byok test --slot {slot} --full`"
    outage = now.outages.get(slot)
    if outage is not None:
        yield "out", _outage_text(outage)


def _used(bench: "Bench", now: "Standing", slot: Slot) -> Connection | None:
    """What reviews run on; None where what is saved cannot be opened, since nothing is asked then."""
    from mesrai.cli.byok.used import used_of

    is_locked = bench.installation.locked is not None and slot in now.stored
    return None if is_locked else used_of(bench, slot)


def _outage_text(outage: "Outage") -> str:
    from mesrai.cli.byok.describing import when_text
    from mesrai.review.render.untrusted import one_line

    if outage.back_at is not None:
        back = f"tried again at {when_text(outage.back_at)}"
    elif math.isfinite(outage.until):
        back = f"tried again after {when_text(outage.until)}, since it does not pass by itself"
    else:
        back = "until something is done"
    return f"{back}: {one_line(outage.cause.message, 300)}"


def _standing_json(bench: "Bench", now: "Standing") -> dict[str, Any]:
    return {
        "fixed": bool(now.is_fixed),
        "locked": bench.installation.locked.message if bench.installation.locked else None,
        "slots": {str(slot): _slot_json(bench, now, slot) for slot in Slot},
        "notices": list(bench.settings.notices),
    }


def _slot_json(bench: "Bench", now: "Standing", slot: Slot) -> dict[str, Any] | None:
    from mesrai.cli.byok.describing import connection_json, when_json
    from mesrai.cli.byok.used import is_stored

    used, stored = _used(bench, now, slot), now.stored.get(slot)
    connection = used or (stored.connection if stored else None)
    if connection is None:
        return None
    hint = used.key.hint if used and used.key else stored.key_hint if stored else ""
    outage = now.outages.get(slot)
    return {
        **connection_json(connection, bench.catalogue, hint),
        "is_saved": is_stored(now, used, slot),
        "saved_at": when_json(stored.updated_at) if stored else None,
        "saved_by": stored.updated_by if stored else None,
        "outage": _outage_json(outage) if outage else None,
    }


def _outage_json(outage: "Outage") -> dict[str, Any]:
    from mesrai.cli.byok.describing import when_json

    return {
        "back_at": None if outage.back_at is None else when_json(outage.back_at),
        "told": outage.cause.message,
    }
