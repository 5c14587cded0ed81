"""Which connection a slot runs on: what this process was told, or what is saved."""

from mesrai.cli.byok.desk import Bench
from mesrai.domain.connection import Connection, Slot
from mesrai.errors import CredentialMissing
from mesrai.flows.connect import Standing, stored_connection


def used_of(bench: Bench, slot: Slot) -> Connection | None:
    """What reviews run on, as the settings say; None if nothing is connected."""
    return bench.settings.main if slot is Slot.MAIN else bench.settings.fallback


def is_stored(now: Standing, used: Connection | None, slot: Slot) -> bool:
    """Whether that is what is saved in the slot, with nothing of the environment laid over it."""
    stored = now.stored.get(slot)
    if stored is None or used is None:
        return stored is not None
    if is_from_process(used):
        return False
    saved = stored.connection
    same = (saved.provider, saved.base_url, saved.model) == (used.provider, used.base_url, used.model)
    return same and stored.key_hint == (used.key.hint if used.key else "")


async def used_connection(bench: Bench, slot: Slot) -> Connection:
    """The connection that reviews run on, with its key. Errors: CredentialMissing, VaultLocked."""
    bench.installation.unlocked()
    used = used_of(bench, slot)
    now = await bench.standing()
    if used is not None and not is_stored(now, used, slot):
        return used
    if slot in now.stored:
        return await stored_connection(bench.desk, slot)
    command = "connect" if slot is Slot.MAIN else "fallback"
    raise CredentialMissing(f"No {slot} model is connected. Connect one with `mesrai byok {command}`.")


def is_from_process(connection: Connection) -> bool:
    """Whether MESRAI_* say something of it; they win over what is saved."""
    return "MESRAI_" in connection.origin
