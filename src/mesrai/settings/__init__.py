"""What this process was told: the connections and limits from the environment, the store and the user's file."""

from mesrai.settings.loading import Settings, catalogue_from, database_url_from, load_settings
from mesrai.settings.names import FIXED_NAMES, LIMIT_KEYS, PROCESS_NAMES, SLOT_NAMES

__all__ = [
    "FIXED_NAMES",
    "LIMIT_KEYS",
    "PROCESS_NAMES",
    "SLOT_NAMES",
    "Settings",
    "catalogue_from",
    "database_url_from",
    "load_settings",
]
