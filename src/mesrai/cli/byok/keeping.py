"""`mesrai byok audit` and `mesrai byok rotate-master-key`: who changed what, and what seals the keys."""

import asyncio
import os
from typing import TYPE_CHECKING, Any

import click

from mesrai.cli.byok.describing import when_json, when_text
from mesrai.cli.byok.talk import print_json, show, talk_for
from mesrai.cli.byok.tuning import json_option

if TYPE_CHECKING:
    from mesrai.store.audit import Entry


@click.command(epilog="Example: mesrai byok audit --most 100 --json")
@click.option("--most", type=click.IntRange(1, 10_000), default=20, help="The most entries. [default: 20]")
@json_option
def audit(most: int, is_json: bool) -> None:
    """Show who changed which connection, when and how, the newest first. Keys are never in it."""
    asyncio.run(_audit(most, is_json=is_json))


@click.command("rotate-master-key", epilog="docs/keys.md has the steps for each place where the master key may be.")
@json_option
def rotate(is_json: bool) -> None:
    """Seal every saved key anew under another master key, while reviews go on.

    Where the master key is in a file, a new one is made and the old one kept beside it. Where it is in the environment
    or comes from a command, put the new one there first.
    """
    asyncio.run(_rotate(is_json=is_json))


async def _audit(most: int, *, is_json: bool) -> None:
    from mesrai.cli.byok.desk import open_bench
    from mesrai.flows import connect
    from mesrai.review.render.sheet import Sheet
    from mesrai.review.render.untrusted import one_line

    talk = talk_for(is_json=is_json)
    async with open_bench(talk) as bench:
        entries = await connect.audit(bench.stories, most=most) if bench.stories else []
    if is_json:
        print_json({"entries": [_entry_json(each) for each in entries]})
        return
    sheet = Sheet(talk.look)
    for each in entries:
        details = ", ".join(f"{name}: {_change_text(value)}" for name, value in each.details.items())
        sheet.prose(
            (f"{when_text(each.at)}  ", "dim"),
            (f"{one_line(each.who, 40)}  ", ""),
            (f"{one_line(each.what, 60)} {one_line(each.subject, 60)}", "bold"),
            (f"  {one_line(details, 400) or 'saved again as it was'}", "dim"),
            hang=2,
        )
    show(talk, sheet.text() if entries else "Nothing was changed yet.\n")


def _change_text(value: Any) -> str:
    """A value, or what it was before and is now."""
    if isinstance(value, list) and len(value) == 2:
        return " to ".join("none" if each is None else str(each) for each in value)
    return str(value)


def _entry_json(entry: "Entry") -> dict[str, Any]:
    return {
        "at": when_json(entry.at),
        "who": entry.who,
        "what": entry.what,
        "subject": entry.subject,
        "details": dict(entry.details),
    }


async def _rotate(*, is_json: bool) -> None:
    from mesrai import wiring
    from mesrai.cli.byok.desk import open_bench, user_name

    talk = talk_for(is_json=is_json)
    async with open_bench(talk) as bench:
        count = await wiring.rotate_master_key(os.environ, bench.installation, who=user_name())
    if is_json:
        print_json({"sealed_anew": count})
    else:
        show(talk, _rotated_text(count))


def _rotated_text(count: int) -> str:
    from mesrai.review.render.wording import counted

    if not count:
        return "No key is saved, so there is nothing to seal anew.\n"
    return (
        f"{counted(count, 'key')} sealed anew under the new master key.\n"
        "Back up the new master key, away from the database's backups. Older copies of the database need the old one.\n"
    )
