"""`mesrai memories`: what reviewers are told to remember, and what waits for approval."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesrai.errors import MemoryRefused, NotARepository, StoreUnavailable

if TYPE_CHECKING:
    from mesrai.domain.memory import Memory, MemoryState
    from mesrai.store.database import Database


def _json(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")(command)


_number = click.argument("number", type=click.IntRange(min=1), metavar="NUMBER")


@click.group(epilog="docs/memories.md has the whole way. Example: mesrai memories list --pending")
def memories() -> None:
    """See and change what reviews are told to remember: conventions in plain words.

    People make them in comments: `@mesrai remember: …`.
    """


@memories.command(
    "list", short_help="List them, newest first.", epilog="Example: mesrai memories list --repository acme/shop"
)
@click.option("--pending", "is_pending", is_flag=True, help="Only those that wait for approval.")
@click.option("--all", "is_all", is_flag=True, help="Discarded ones too.")
@click.option("--repository", default="", metavar="NAME", help="Only those that hold there: owner/name.")
@_json
def list_(*, is_pending: bool, is_all: bool, repository: str, is_json: bool) -> None:
    """List the memories, newest first."""
    if is_pending and is_all:
        raise click.UsageError("--pending and --all do not go together.")
    asyncio.run(_list("pending" if is_pending else "all" if is_all else "", repository, is_json=is_json))


@memories.command(short_help="Show one, and where it came from.", epilog="Example: mesrai memories show 12")
@_number
@_json
def show(number: int, is_json: bool) -> None:
    """Show a memory: its text, where it holds, who said it where, who decided on it."""
    asyncio.run(_show(number, is_json=is_json))


@memories.command(
    short_help="Add one by hand.",
    epilog='Example: mesrai memories add "Money is counted in cents." --path "src/billing/**"',
)
@click.argument("text")
@click.option("--repository", default="", metavar="NAME", help="As github.com/owner/name. [default: this folder's]")
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Only for these paths of it; may be repeated.")
@click.option("--organisation", "is_for_all", is_flag=True, help="For all repositories.")
@_json
def add(text: str, *, repository: str, paths: tuple[str, ...], is_for_all: bool, is_json: bool) -> None:
    """Add a memory, in one or two plain sentences; reviews are told of it from then on."""
    if is_for_all and (repository or paths):
        raise click.UsageError("--organisation goes with neither --repository nor --path.")
    asyncio.run(_add(text, repository, paths, is_for_all=is_for_all, is_json=is_json))


@memories.command(short_help="Approve one that waits.")
@_number
@_json
def apply(number: int, is_json: bool) -> None:
    """Approve a memory that waits, or take a discarded one up again."""
    from mesrai.domain.memory import MemoryState

    asyncio.run(_decide(number, MemoryState.ACTIVE, is_json=is_json))


@memories.command(short_help="Stop telling reviews of one.")
@_number
@_json
def discard(number: int, is_json: bool) -> None:
    """Stop telling reviews of a memory; `apply` takes it up again."""
    from mesrai.domain.memory import MemoryState

    asyncio.run(_decide(number, MemoryState.DISCARDED, is_json=is_json))


@memories.command(short_help="Delete one for good.")
@_number
@_json
def remove(number: int, is_json: bool) -> None:
    """Delete a memory for good; its text stays in the audit trail alone."""
    asyncio.run(_remove(number, is_json=is_json))


@memories.command(
    "to-rule",
    short_help="Make a rule file of one.",
    epilog="Example: mesrai memories to-rule 12 -o .mesrai/rules/cents.md",
)
@_number
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a new file.")
def to_rule(number: int, output: Path | None) -> None:
    """Print a rule file made from a memory, for the repository's `.mesrai/rules/`."""
    asyncio.run(_to_rule(number, output))


@asynccontextmanager
async def _opened(*, makes_store: bool = False) -> "AsyncIterator[tuple[Database | None, str]]":
    """The store, if there is one, and whose it is. Errors: SettingsError, StoreError."""
    from mesrai.wiring import open_installation

    async with open_installation(os.environ, makes_store=makes_store) as installation:
        yield installation.database, installation.settings.organisation


@asynccontextmanager
async def _found(number: int) -> "AsyncIterator[tuple[Database, str, Memory]]":
    """The store, whose it is, and the memory. Errors: MemoryRefused, SettingsError, StoreError."""
    from mesrai.store.memories import find_memory

    async with _opened() as (database, organisation):
        memory = None if database is None else await find_memory(database, organisation, number)
        if database is None or memory is None:
            raise MemoryRefused(f"There is no memory {number}. `mesrai memories list --all` shows what there is.")
        yield database, organisation, memory


async def _list(which: str, repository: str, *, is_json: bool) -> None:
    from mesrai.cli.look import look_for, write_text
    from mesrai.cli.memories_text import memories_json, memories_table
    from mesrai.domain.memory import MemoryState
    from mesrai.store.memories import list_memories

    standing = (MemoryState.ACTIVE, MemoryState.PENDING)
    states = {"": standing, "pending": (MemoryState.PENDING,), "all": tuple(MemoryState)}[which]
    found: list[Memory] = []
    async with _opened() as (database, organisation):
        if database is not None:
            found = list(await list_memories(database, organisation, states=states))
    if repository:
        found = [each for each in found if not each.repository or f"/{each.repository}".endswith(f"/{repository}")]
    if is_json:
        write_text(sys.stdout, memories_json(found))
    else:
        write_text(sys.stdout, memories_table(found, look_for(sys.stdout, os.environ)))


async def _show(number: int, *, is_json: bool) -> None:
    async with _found(number) as (_, _, memory):
        _say(memory, "", is_json=is_json)


async def _add(text: str, repository: str, paths: tuple[str, ...], *, is_for_all: bool, is_json: bool) -> None:
    from mesrai.cli.byok.desk import user_name
    from mesrai.domain.memory import Memory, MemoryScope, memory_paths, memory_text
    from mesrai.store.memories import add_memory

    where = "" if is_for_all else await _repository(repository)
    scope = MemoryScope.DIRECTORY if paths else MemoryScope.REPOSITORY
    try:
        memory = Memory(
            id=0,
            text=memory_text(text),
            scope=MemoryScope.ORGANISATION if is_for_all else scope,
            repository=where,
            paths=memory_paths(paths) if paths else (),
            author=user_name(),
        )
    except ValueError as problem:
        raise MemoryRefused(f"This cannot be remembered: {problem}.") from None
    async with _opened(makes_store=True) as (database, organisation):
        if database is None:
            raise StoreUnavailable("There is no database to keep memories in.")
        kept = await add_memory(database, memory, organisation=organisation)
    _say(kept, "Reviews are told of it from now on.", is_json=is_json)


async def _repository(named: str) -> str:
    """The repository that is named, or that of this folder, as a forge knows it. Errors: click.UsageError."""
    from mesrai.forges.remote import find_remote, read_repository_name

    if named:
        found = read_repository_name(named)
        if found is None:
            raise click.UsageError("--repository is like github.com/owner/name.")
        return str(found)
    try:
        found = await find_remote(Path.cwd(), os.environ)
    except NotARepository:
        found = None
    if found is None:
        raise click.UsageError(
            "It is not known which repository this is about: there is no remote `origin` on a forge here. Name it with "
            "--repository github.com/owner/name, or give --organisation."
        )
    return str(found)


async def _decide(number: int, state: "MemoryState", *, is_json: bool) -> None:
    from mesrai.cli.byok.desk import user_name
    from mesrai.domain.memory import MemoryState
    from mesrai.store.memories import decide_memory

    async with _found(number) as (database, organisation, _):
        memory = await decide_memory(database, organisation, number, state, who=user_name())
    is_told = memory.state is MemoryState.ACTIVE
    _say(memory, f"Reviews are {'' if is_told else 'not '}told of it from now on.", is_json=is_json)


async def _remove(number: int, *, is_json: bool) -> None:
    from mesrai.cli.byok.desk import user_name
    from mesrai.store.memories import remove_memory

    async with _found(number) as (database, organisation, _):
        memory = await remove_memory(database, organisation, number, who=user_name())
    _say(memory, "It is removed.", is_json=is_json)


async def _to_rule(number: int, output: Path | None) -> None:
    from mesrai.cli.look import write_text
    from mesrai.review.render.rule_file import render_rule_file, rule_file_name

    async with _found(number) as (_, _, memory):
        text = render_rule_file(memory)
    if output is None:
        write_text(sys.stdout, text)
        write_text(sys.stderr, f"Put it into {rule_file_name(memory)}, then: mesrai memories remove {number}\n")
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise click.UsageError(f"-o: {output} cannot be written: {error.strerror}.") from None
    write_text(sys.stderr, f"Written to {output}. When it is merged: mesrai memories remove {number}\n")


def _say(memory: "Memory", told: str, *, is_json: bool) -> None:
    from mesrai.cli.look import look_for, write_text
    from mesrai.cli.memories_text import memory_json, memory_sheet

    if is_json:
        write_text(sys.stdout, memory_json(memory))
    else:
        write_text(sys.stdout, memory_sheet(memory, told, look_for(sys.stdout, os.environ)))
