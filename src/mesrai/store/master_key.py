"""Where the master key comes from: the environment, a file, a command, or a file that is made at first use."""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError, VaultLocked
from mesrai.store.key_file import find_keys, keys_in, make_key_file, master_key_from
from mesrai.store.vault import Keyring, MasterKey

KEY: Final = "MESRAI_MASTER_KEY"
FILE: Final = "MESRAI_MASTER_KEY_FILE"
COMMAND: Final = "MESRAI_MASTER_KEY_COMMAND"
PREVIOUS: Final = "MESRAI_MASTER_KEY_PREVIOUS"
FIXED: Final = "API_CRYPTO_KEY"
_DEFAULT_FILE: Final = "master.key"
_COMMAND_S: Final = 20.0
# What programs that hold secrets need to find them; none of ours, and no keys.
_HANDED_ON: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "GNUPGHOME", "GPG_TTY", "PASSWORD_STORE_DIR",
    "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK",
    "SYSTEMROOT", "WINDIR", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP", "PATHEXT", "COMSPEC",
)  # fmt: skip


def load_keyring(environ: Mapping[str, str], folder: Path, *, make: bool = True) -> Keyring:
    """The keys that seal and open, from the first place that has them; `folder` is where the database is.

    Load it before reading what is to be opened: a rotation may end in between. With `make` a missing file in `folder`
    is made; without, it is VaultLocked. Errors: SettingsError if a key has the wrong shape or its place fails.
    """
    previous = _previous(environ)
    name = _told_by(environ)
    value = environ[name].strip() if name else ""
    path = folder / _DEFAULT_FILE
    if name in (KEY, FIXED):
        return Keyring(master_key_from(Secret(value), name), previous, source=f"{name} in the environment")
    if name == COMMAND:
        return _keyring(lambda: [*_answered(value, environ), *previous], f"the command in {COMMAND}")
    if name == FILE:
        return _keyring(lambda: [*_named(Path(value).expanduser()), *previous], f"the file in {FILE}")
    if make and find_keys(path) is None:
        make_key_file(path)
    return _keyring(lambda: [*_default(path), *previous], str(path))


def told_place(environ: Mapping[str, str], folder: Path) -> str:
    """Where the master key comes from, in a sentence for people."""
    name = _told_by(environ)
    if name in (KEY, FIXED):
        return f"It is what {name} holds in the environment."
    if name == COMMAND:
        return f"It is what the command in {COMMAND} prints."
    path = Path(environ[FILE].strip()).expanduser() if name else folder / _DEFAULT_FILE
    return f"It is the file {path}" + ("." if path.exists() else ", which is made when the first key is saved.")


def key_file(environ: Mapping[str, str], folder: Path) -> Path | None:
    """The file that a rotation changes; None if the key is the environment's or a command's."""
    name = _told_by(environ)
    if name == FILE:
        return Path(environ[FILE].strip()).expanduser()
    return None if name else folder / _DEFAULT_FILE


def _told_by(environ: Mapping[str, str]) -> str:
    """The first variable that says what the key is, or where; empty if none does."""
    return next((name for name in (KEY, FILE, COMMAND, FIXED) if environ.get(name, "").strip()), "")


def _keyring(read: Callable[[], Sequence[MasterKey]], source: str) -> Keyring:
    current, *older = read()
    return Keyring(current, older, source=source, reload=read)


def _previous(environ: Mapping[str, str]) -> Sequence[MasterKey]:
    written = environ.get(PREVIOUS, "").split(",")
    return [master_key_from(Secret(each), PREVIOUS) for each in written if each.strip()]


def _named(path: Path) -> Sequence[MasterKey]:
    keys = find_keys(path)
    if keys is None:
        raise SettingsError(
            f"{FILE}: there is no file {path}. Put the master key there, or make one: "
            f"(umask 077; openssl rand -base64 32 > {path})"
        )
    return keys


def _default(path: Path) -> Sequence[MasterKey]:
    keys = find_keys(path)
    if keys is None:
        raise VaultLocked(
            f"There is no master key: the file {path} is missing, so stored keys cannot be opened. Put it back from "
            "your copy. If it is lost, connect the models again with `mesrai byok connect`."
        )
    return keys


def _answered(command: str, environ: Mapping[str, str]) -> Sequence[MasterKey]:
    """What the command prints, without a shell. What it complains about is not shown: it may hold the key."""
    try:
        arguments = shlex.split(command, posix=os.name == "posix")
    except ValueError as error:
        raise SettingsError(f"{COMMAND}: the command cannot be read: {error}.") from None
    try:
        ran = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: environ[name] for name in _HANDED_ON if name in environ},
            timeout=_COMMAND_S,
            check=False,
        )
    except OSError as error:
        raise SettingsError(f"{COMMAND}: the command did not start: {error.strerror}.") from None
    except subprocess.TimeoutExpired:
        raise SettingsError(f"{COMMAND}: the command did not end within {_COMMAND_S:g} seconds.") from None
    if ran.returncode != 0:
        raise SettingsError(f"{COMMAND}: the command ended with exit code {ran.returncode}. Run it by hand to see why.")
    return keys_in(ran.stdout.decode("ascii", "replace"), COMMAND)
