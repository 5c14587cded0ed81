"""Change the master key and seal every stored key anew, while reviews go on."""

import asyncio
from pathlib import Path

from mesrai.errors import SettingsError
from mesrai.store.connections import reseal_all
from mesrai.store.database import Database
from mesrai.store.forge_access import reseal_access
from mesrai.store.key_file import begin_rotation, finish_rotation
from mesrai.store.vault import Keyring
from mesrai.store.webhooks import reseal_webhooks


async def rotate_master_key(database: Database, keyring: Keyring, path: Path | None, *, who: str) -> int:
    """Put a new master key in the file, seal all under it, and retire the old one; how many keys were sealed anew.

    `path` is what `key_file` says; None: the key is not in a file, the operator has set the new one already, and only
    the sealing is left. Interrupted anywhere, all keys still open, and calling again completes it.
    Errors: SettingsError, StoreUnavailable, VaultLocked if some keys do not open; the old master key stays then.
    """
    if path is None:
        return await _resealed(database, keyring, who=who)
    rotation = await asyncio.to_thread(begin_rotation, path)
    count = await _resealed(database, keyring, who=who)
    if keyring.current_id in rotation.retired:
        raise SettingsError(f"{path}: this is not where the master key in use comes from.")
    await asyncio.to_thread(finish_rotation, rotation)
    return count


async def _resealed(database: Database, keyring: Keyring, *, who: str) -> int:
    count = await reseal_all(database, keyring, who=who) + await reseal_access(database, keyring)
    return count + await reseal_webhooks(database, keyring)
