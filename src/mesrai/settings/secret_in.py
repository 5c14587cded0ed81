"""A secret given in a variable of the environment, or in the file that another variable names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError

_MOST_BYTES: Final = 64_000


def secret_in(env: Mapping[str, str], name: str) -> Secret | None:
    """The secret of the variable `name`, or of the file in `name`_FILE; None if neither is set.

    Errors: SettingsError, which names the variable and shows no secret.
    """
    path = env.get(f"{name}_FILE")
    if path is not None and name in env:
        raise SettingsError(f"{name}: {name}_FILE is set as well. Take one of the two away.")
    found = Secret(env.get(name, "") if path is None else _text_of(path, f"{name}_FILE"))
    if not found and (path is not None or name in env):
        raise SettingsError(f"{name if path is None else name + '_FILE'}: it is empty.")
    return found or None


def _text_of(path: str, name: str) -> str:
    """What stands in the file. Errors: SettingsError, without the text or a path that may be a misplaced secret."""
    try:
        with Path(path).expanduser().open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, ValueError, RuntimeError):  # an odd path too, and a home folder that is not known
        raise SettingsError(f"{name}: the file that is named here cannot be read.") from None
    if len(content) > _MOST_BYTES:
        raise SettingsError(f"{name}: the file that is named here is too large to hold a secret.")
    return text
