"""What is said of the two slots: before something is saved over them, and after."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from mesrai.cli.byok.describing import connection_json, hint_of, limits_said, title_of
from mesrai.cli.byok.desk import Bench
from mesrai.cli.byok.talk import confirm, show
from mesrai.cli.byok.used import is_from_process, used_of
from mesrai.cli.byok.verdict import json_of_test, verdict_text
from mesrai.domain.connection import Connection, Slot
from mesrai.errors import CredentialMissing
from mesrai.flows.connect import Saved
from mesrai.llm.catalogue import Catalogue
from mesrai.review.render.sheet import Sheet

_AND_SAVED: Final = " and the saved "


def fixed_banner(fixed: Connection, catalogue: Catalogue) -> str:
    """That the environment connects a model, and for how long that holds; never the key."""
    return (
        f"The environment connects {title_of(fixed, catalogue)} ({fixed.origin}); "
        "it is used until a connection is saved over it."
    )


async def say_standing(bench: Bench, slot: Slot, *, may_cover: bool) -> bool:
    """Say what a new connection would replace; whether it may stand over what the environment connects.

    Errors: CredentialMissing for a fallback without a main connection.
    """
    now = await bench.standing()
    if slot is Slot.FALLBACK and not bench.desk.has_main:
        raise CredentialMissing(
            "Connect a main model first with `mesrai byok connect`; the fallback is asked only where main fails."
        )
    if not bench.talk.is_attended:
        return may_cover
    if slot is Slot.MAIN and now.is_fixed and now.fixed is not None:
        show(bench.talk, f"{fixed_banner(now.fixed, bench.catalogue)}\n")
        if not may_cover and not confirm("Save another one over it?", default=False):
            raise CredentialMissing("Nothing was changed; the environment's connection is used as before.")
        return True
    if slot in now.stored:
        show(bench.talk, f"This replaces {title_of(now.stored[slot].connection, bench.catalogue)} as {slot}.\n\n")
    return may_cover


def put_saved(bench: Bench, saved: Saved, *, is_new: bool) -> None:
    """Say that it was saved, what was proven, and what comes next."""
    connection = saved.connection
    if saved.tested is not None:
        new = tuple(each for each in saved.tested.notices if each not in connection.notices)  # those were shown before
        show(bench.talk, verdict_text(replace(saved.tested, notices=new), bench.talk.look))
    sheet = Sheet(bench.talk.look)
    title = title_of(connection, bench.catalogue)
    if saved.tested is not None and not saved.tested.is_proven:
        sheet.prose((f"Saved as {connection.slot}, unproven: ", "bold yellow"), (f"{title}.", ""))
    else:
        sheet.prose((f"Saved as {connection.slot}: ", "bold green"), (f"{title}.", ""))
    for sentence in (*_limits(bench, saved), *(_next(bench, saved) if is_new else ())):
        sheet.prose((sentence, ""))
    show(bench.talk, sheet.text())


def saved_json(bench: Bench, saved: Saved) -> dict[str, Any]:
    """What was saved, for programs."""
    connection = replace(saved.connection, origin=f"the saved {saved.connection.slot} connection")
    return {
        "saved": True,
        "proven": bool(saved.connection.proven_at),
        "covers_fixed": saved.covers_fixed,
        "connection": connection_json(connection, bench.catalogue, hint_of(connection)),
        "test": json_of_test(saved.tested) if saved.tested is not None else None,
    }


def _limits(bench: Bench, saved: Saved) -> Iterator[str]:
    """What keeps it from being used as it was saved."""
    used = used_of(bench, saved.connection.slot)
    if used is not None and is_from_process(used):
        yield f"But {used.origin.split(_AND_SAVED)[0]} wins over what is saved, as long as it is set."
    if saved.tested is None:
        yield f"Limits now: {limits_said(saved.connection)}. Nothing that is sent changed."


def _next(bench: Bench, saved: Saved) -> Iterator[str]:
    slot = saved.connection.slot
    if saved.covers_fixed and bench.desk.fixed is not None:
        yield f"It stands over what the environment connects; `mesrai byok remove --slot {slot}` gives that back."
    if not saved.connection.proven_at:
        yield f"Reviews use it as it is. Test it again with `mesrai byok test --slot {slot} --full`."
    elif slot is Slot.MAIN:
        yield "Next: `mesrai review` in a git repository; `mesrai byok fallback` for when this model fails."
    else:
        yield "It is asked at once where main refuses or is out of credit, and after some tries where it is overloaded."
