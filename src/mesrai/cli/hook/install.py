"""`mesrai hook install` and `mesrai hook uninstall`: write the hook, and take it away."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import click

from mesrai.cli.hook.options import hook_name, strictness, with_strictness
from mesrai.cli.hook.script import hook_script
from mesrai.errors import UserError
from mesrai.forges.hooks import BEFORE, HookFound, HookName, HookPlace, HookState, find_hook, find_hook_place


@click.command(epilog="Example: mesrai hook install --fail-on high")
@hook_name
@with_strictness
@click.option("--chain", is_flag=True, help="Where a hook is there already: run it first, then the review.")
def install(*, name: str, chain: bool, **given: object) -> None:
    """Have git run `mesrai review` on what is pushed, before it is pushed.

    A finding at or above --fail-on stops the push. Where there is no key or no network, the push goes on and is told
    NOT reviewed, unless --require is given. Running it again changes the options.
    """
    hook = HookName(name)
    place = asyncio.run(find_hook_place(Path.cwd(), os.environ))
    _check_own(place, hook)
    found = find_hook(place, hook)
    if found.state is HookState.OTHER:
        if not chain:
            raise UserError(_taken(found))
        _move_away(found)
    _write(found.place, hook_script(hook, strictness(given), sys.executable))
    what = "push" if hook is HookName.PRE_PUSH else "commit"
    click.echo(f"Each {what} is reviewed from now on: {found.place}")
    if chain and found.state is HookState.OTHER:
        click.echo(f"The hook that was there runs first; it is now {found.place.name}{BEFORE}")
    click.echo(f"Skip one {what} with MESRAI_SKIP_HOOK=1; take the hook away with: {_uninstall(hook)}")


@click.command()
@hook_name
def uninstall(name: str) -> None:
    """Take the hook away; one that was there before is put back."""
    found = find_hook(asyncio.run(find_hook_place(Path.cwd(), os.environ)), HookName(name))
    if found.state is not HookState.OURS:
        whose = "there is none" if found.state is HookState.NONE else f"{found.place} is not Mesrai's"
        click.echo(f"Nothing was changed: {whose}.")
        return
    before = found.place.with_name(found.place.name + BEFORE)
    try:
        if found.has_before:
            before.replace(found.place)
            click.echo(f"The hook that was there before is back: {found.place}")
        else:
            found.place.unlink()
            click.echo(f"Removed {found.place}")
    except OSError as error:
        raise UserError(f"{found.place} cannot be changed: {error.strerror}.") from error


def _check_own(place: HookPlace, hook: HookName) -> None:
    """Errors: UserError if the hook would run elsewhere too, or would be made anew by another program."""
    line = f'mesrai hook run {hook} "$@"'
    if not place.is_own:
        raise UserError(
            f"core.hooksPath names {place.folder}, outside this repository: a hook there would run in other "
            f"repositories too. Add this line to a hook of yours, or take the setting away: {line}"
        )
    if place.folder.name == "_" and place.folder.parent.name == ".husky":
        raise UserError(
            f"Husky writes {place.folder} anew at each install. Add this line to {place.folder.parent / hook}: {line}"
        )


def _taken(found: HookFound) -> str:
    return (
        f"There is a hook already, and it is not Mesrai's: {found.place}. With --chain it runs first and is kept as "
        f'{found.place.name}{BEFORE}. Or add this line to it: mesrai hook run {found.name} "$@"'
    )


def _move_away(found: HookFound) -> None:
    """Errors: UserError if one that was moved away before is still there."""
    before = found.place.with_name(found.place.name + BEFORE)
    if os.path.lexists(before):
        raise UserError(f"{before} is there from an earlier time. Look at it, and remove it or put it back.")
    try:
        found.place.rename(before)
    except OSError as error:
        raise UserError(f"{found.place} cannot be renamed: {error.strerror}.") from error


def _write(place: Path, text: str) -> None:
    """Write beside, then move: git never runs half a hook. Errors: UserError."""
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, "utf-8", newline="\n")
        beside.chmod(0o755)
        beside.replace(place)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UserError(f"The hook {place} cannot be written: {error.strerror}.") from error


def _uninstall(hook: HookName) -> str:
    return "mesrai hook uninstall" + ("" if hook is HookName.PRE_PUSH else f" --hook {hook}")
