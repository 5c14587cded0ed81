"""Which connection a slot runs on: what this process was told, or what is saved."""

from mesrai.cli.byok.desk import Bench
from mesrai.domain.connection import Connection, Slot
from mesrai.flows.connect import is_from_process as is_from_process
from mesrai.flows.connect import is_stored as is_stored
from mesrai.flows.connect import stored_connection, used_now


def used_of(bench: Bench, slot: Slot) -> Connection | None:
    """What reviews run on, as the settings say; None if nothing is connected."""
    return bench.settings.main if slot is Slot.MAIN else bench.settings.fallback


async def used_connection(bench: Bench, slot: Slot) -> Connection:
    """The connection that reviews run on, with its key. Errors: CredentialMissing, VaultLocked."""
    bench.installation.unlocked()
    used, is_saved = used_now(await bench.standing(), used_of(bench, slot), slot)
    return await stored_connection(bench.desk, slot) if is_saved else used
