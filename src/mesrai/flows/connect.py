"""Connect a model: test it, save it only if it answered, show it, change it, remove it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from mesrai.domain.connection import Connection, Slot
from mesrai.errors import ConnectionUnproven, CredentialMissing, UserError
from mesrai.llm.model import Outage
from mesrai.llm.probing import Tested, Watch
from mesrai.store.audit import Entry, entries
from mesrai.store.connections import (
    Stored,
    find_stored,
    opened,
    remove_connection,
    save_connection,
)
from mesrai.store.database import Database
from mesrai.store.vault import Keyring


class Trial(Protocol):
    """Tests a connection by the very way that reviews go."""

    async def __call__(self, connection: Connection, *, is_full: bool, watch: Watch) -> Tested:
        """Every failure is in what is returned; nothing is raised but cancellation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What these stories need. Wiring puts it together."""

    database: Database
    keyring: Callable[[], Keyring]  # may raise VaultLocked, or make the master key at its first use
    organisation: str
    who: str  # for the audit trail
    test: Trial
    has_main: bool  # whether something is the main model already, wherever it is set
    fixed: Connection | None  # what the environment alone connects, which a saved main connection covers
    outages: Callable[[], Awaitable[Mapping[Slot, Outage]]]  # of what reviews would ask now
    forget: Callable[[Connection], Awaitable[None]]  # that it was out: it is being set anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A connection that was stored."""

    connection: Connection
    tested: Tested | None  # None: it was saved without asking anything
    covers_fixed: bool  # it now stands in place of what the environment connects


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is connected, without any key."""

    stored: Mapping[Slot, Stored]
    fixed: Connection | None
    outages: Mapping[Slot, Outage]

    @property
    def is_fixed(self) -> bool:
        """Whether reviews run on what the environment connects."""
        return self.fixed is not None and Slot.MAIN not in self.stored


class FixedModeStands(UserError):
    """The environment connects a model already; a saved one would stand in its place. Confirm that you want this."""


class Unproven(ConnectionUnproven):
    """The connection did not pass its test; `tested` says where it failed."""

    def __init__(self, tested: Tested) -> None:
        told = tested.diagnosis.told if tested.diagnosis else "The test did not come to its end."
        super().__init__(f"Not saved, since the model did not answer as reviews need it. {told}")
        self.tested = tested


async def save_if_proven(
    desk: Desk, connection: Connection, *, watch: Watch, is_forced: bool = False, may_cover_fixed: bool = False
) -> Saved:
    """Run the whole test and store the connection if its model really answered.

    Errors: Unproven if it did not and `is_forced` is False (forced, it is stored and marked unproven);
    FixedModeStands if the environment connects a model and covering it was not confirmed; CredentialMissing for a
    fallback without a main connection. None of them changes anything.
    """
    stored = await find_stored(desk.database, desk.organisation)
    covers_fixed = connection.slot is Slot.MAIN and desk.fixed is not None and Slot.MAIN not in stored
    if covers_fixed and not may_cover_fixed:
        raise FixedModeStands
    if connection.slot is Slot.FALLBACK and not (desk.has_main or Slot.MAIN in stored):
        raise CredentialMissing("Connect a main model first; the fallback is asked only where main fails.")
    tested = await desk.test(connection, is_full=True, watch=watch)
    if not tested.is_proven and not is_forced:
        raise Unproven(tested)
    proven_at = datetime.now(UTC).isoformat(timespec="seconds") if tested.is_proven else ""
    proven = replace(connection, proven_at=proven_at, learned=tested.learned or connection.learned)
    await _store(desk, proven)
    return Saved(connection=proven, tested=tested, covers_fixed=covers_fixed)


async def save_as_is(desk: Desk, connection: Connection) -> Saved:
    """Store settings of a stored connection that change nothing of what is sent to the model, such as its cap."""
    await _store(desk, connection)
    return Saved(connection=connection, tested=None, covers_fixed=False)


async def prove_stored(desk: Desk, slot: Slot, *, is_full: bool, watch: Watch) -> Tested:
    """Test a stored connection; a full test that it passes is remembered. Errors: CredentialMissing, VaultLocked."""
    connection = await stored_connection(desk, slot)
    tested = await desk.test(connection, is_full=is_full, watch=watch)
    if tested.is_proven:
        proven_at = datetime.now(UTC).isoformat(timespec="seconds")
        await _store(desk, replace(connection, proven_at=proven_at, learned=tested.learned or connection.learned))
    return tested


async def stored_connection(desk: Desk, slot: Slot) -> Connection:
    """A stored connection with its key. Errors: CredentialMissing if there is none, VaultLocked."""
    stored = (await find_stored(desk.database, desk.organisation)).get(slot)
    if stored is None:
        raise CredentialMissing(f"No {slot} model is saved. Connect one with `mesrai byok connect`.")
    return opened(stored, desk.keyring())


async def remove(desk: Desk, slot: Slot) -> bool:
    """Remove a stored connection with its key; False if there is none. Errors: UserError for a main with a fallback."""
    return await remove_connection(desk.database, desk.organisation, slot, who=desk.who)


async def standing(desk: Desk) -> Standing:
    """What is connected, and which of it is known to be out."""
    stored = await find_stored(desk.database, desk.organisation)
    return Standing(stored=stored, fixed=desk.fixed, outages=await desk.outages())


def used_now(now: Standing, used: Connection | None, slot: Slot) -> tuple[Connection, bool]:
    """What a slot runs on, and whether it is what is saved, which is then without its key.

    Errors: CredentialMissing if nothing is connected.
    """
    if used is not None and not is_stored(now, used, slot):
        return used, False
    if slot in now.stored:
        return now.stored[slot].connection, True
    command = "connect" if slot is Slot.MAIN else "fallback"
    raise CredentialMissing(f"No {slot} model is connected. Connect one with `mesrai byok {command}`.")


def is_stored(now: Standing, used: Connection | None, slot: Slot) -> bool:
    """Whether what is used is what is saved in the slot, with nothing of the environment laid over it."""
    stored = now.stored.get(slot)
    if stored is None or used is None:
        return stored is not None
    if is_from_process(used):
        return False
    saved = stored.connection
    same = (saved.provider, saved.base_url, saved.model) == (used.provider, used.base_url, used.model)
    return same and stored.key_hint == (used.key.hint if used.key else "")


def is_from_process(connection: Connection) -> bool:
    """Whether MESRAI_* say something of it; they win over what is saved."""
    return "MESRAI_" in connection.origin


async def audit(desk: Desk, *, most: int) -> Sequence[Entry]:
    """Who changed what, newest first."""
    return await entries(desk.database, desk.organisation, most=most)


async def _store(desk: Desk, connection: Connection) -> None:
    await save_connection(desk.database, desk.keyring(), connection, organisation=desk.organisation, who=desk.who)
    await desk.forget(connection)
