"""The file of the master key: read with care, made at first use, rotated so that nothing is ever lost."""

import os
import re
import stat
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Final

from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError, VaultLocked
from mesrai.store.vault import KEY_BYTES, MasterKey

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_MOST_BYTES: Final = 65_536
_FEWEST_DISTINCT: Final = 8  # of 32 bytes; random ones have about 30
_HEADER: Final = (
    "# Mesrai's master key: it opens the model keys in the database. Keep a copy of it, apart from the database.\n"
    "# The first key seals; further ones only open what they sealed before.\n"
)
_RETIRED: Final = "# Master keys that seal nothing any more. Mesrai does not read this file: see docs/keys.md.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A rotation that was begun."""

    path: Path
    retired: frozenset[str]  # ids of the keys that it replaces


def master_key_from(text: Secret, place: str) -> MasterKey:
    """The key that is written as base64 or hexadecimal digits. Errors: SettingsError, which never shows it."""
    written = text.open()
    raw = b""
    if re.fullmatch(r"[0-9A-Fa-f]{64}", written):
        raw = bytes.fromhex(written)
    elif re.fullmatch(r"[A-Za-z0-9+/_-]{43}=?", written):
        raw = b64decode(written[:43] + "=", altchars=b"-_" if "-" in written or "_" in written else None)
    if len(raw) != KEY_BYTES:
        raise SettingsError(
            f"{place}: a master key is 32 random bytes, written as base64 or as 64 hexadecimal digits. "
            "Make one with: openssl rand -base64 32"
        )
    if len(set(raw)) < _FEWEST_DISTINCT:
        raise SettingsError(f"{place}: this key is not random. Make one with: openssl rand -base64 32")
    return MasterKey(raw)


def keys_in(text: str, place: str) -> Sequence[MasterKey]:
    """The keys of a file's text, one a line, the current one first. Errors: SettingsError if there is none."""
    return [master_key_from(each, place) for each in _lines(text, place)]


def find_keys(path: Path) -> Sequence[MasterKey] | None:
    """The keys of the file; None if there is no file.

    Errors: SettingsError if it cannot be read, others may read it, or what it holds is no key.
    """
    text = _find_text(path)
    return None if text is None else keys_in(text, str(path))


def make_key_file(path: Path) -> None:
    """Make the file with a new key, readable by its owner only, unless there is one by then. Errors: SettingsError."""
    with _alone(path):
        if _find_text(path) is None:
            _write(path, f"{_HEADER}{_new_key().open()}\n")


def begin_rotation(path: Path) -> Rotation:
    """Put a new key before those of the file, which go on opening. Errors: SettingsError, VaultLocked without a file.

    Then seal everything anew and call `finish_rotation`. Interrupted anywhere, all keys are still in the file, and the
    rotation can be begun again.
    """
    path = path.resolve()
    with _alone(path):
        before = _lines(_text(path), str(path))
        retired = frozenset(master_key_from(each, str(path)).id for each in before)
        _write_keys(path, [_new_key(), *before])
    return Rotation(path=path, retired=retired)


def finish_rotation(rotation: Rotation) -> None:
    """Take the replaced keys out of the file; call it when nothing is sealed under them. Errors: as begin_rotation.

    They go to a file beside it that is not read: older backups need them. A key that another rotation put there in the
    meantime stays.
    """
    path = rotation.path
    with _alone(path):
        keys = _lines(_text(path), str(path))
        old = [each for each in keys if master_key_from(each, str(path)).id in rotation.retired]
        if len(old) == len(keys):
            raise SettingsError(f"{path}: the key that was put there by this rotation is gone. Rotate again.")
        _keep_retired(path.with_name(f"{path.name}.retired"), old)
        _write_keys(path, [each for each in keys if each not in old])


def _keep_retired(path: Path, keys: Sequence[Secret]) -> None:
    text = _find_text(path) or _RETIRED
    today = datetime.now(UTC).date().isoformat()
    for each in keys:
        if each.open() not in text:
            text += f"# {master_key_from(each, str(path)).id}, retired {today}\n{each.open()}\n"
    _write(path, text)


def _new_key() -> Secret:
    return Secret(b64encode(os.urandom(KEY_BYTES)).decode())


def _lines(text: str, place: str) -> list[Secret]:
    stripped = (line.strip() for line in text.splitlines())
    keys = [Secret(line) for line in stripped if line and not line.startswith("#")]
    if not keys:
        raise SettingsError(f"{place}: there is no master key in it.")
    return keys


def _text(path: Path) -> str:
    text = _find_text(path)
    if text is None:
        raise VaultLocked(f"There is no master key file {path}.")
    return text


def _find_text(path: Path) -> str | None:
    """Errors: SettingsError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"The master key file {path} cannot be read: {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "rb") as stream:
            _check(path, os.fstat(stream.fileno()))
            return stream.read(_MOST_BYTES).decode("ascii")
    except OSError as error:
        raise SettingsError(f"The master key file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: this is no text, so it holds no master key.") from None


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SettingsError(f"The master key file {path} is no ordinary file.")
    if sys.platform == "win32":
        return
    # A secret that is mounted into a container belongs to root and is handed to us by way of the group.
    others = stat.S_IRWXO if found.st_uid != os.geteuid() else stat.S_IRWXO | stat.S_IRWXG
    if found.st_mode & others:
        raise SettingsError(
            f"Other users of this machine can open the master key file {path}, so it is not used. "
            f"Run `chmod 600 {path}`, or hand the key over in MESRAI_MASTER_KEY."
        )


def _write_keys(path: Path, keys: Sequence[Secret]) -> None:
    _write(path, _HEADER + "".join(f"{each.open()}\n" for each in keys))


def _write(path: Path, text: str) -> None:
    """All or nothing, also when the power goes: a new file takes the place of the old one. Errors: SettingsError."""
    fresh = path.with_name(f".{path.name}.{token_hex(6)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            _keep_owner(path, stream.fileno())
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise SettingsError(f"The master key file {path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            fresh.unlink()


def _keep_owner(path: Path, descriptor: int) -> None:
    """What root rotates must stay readable for the account that reviews."""
    if sys.platform != "win32" and os.geteuid() == 0:
        owner = (path if path.exists() else path.parent).stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process writes the file. Errors: SettingsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(f"The master key file {path} cannot be written: {error.strerror}.") from error
    try:
        _lock(path, descriptor)
        yield
    finally:
        os.close(descriptor)  # which unlocks it


def _lock(path: Path, descriptor: int) -> None:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise SettingsError(f"The master key file {path} cannot be locked: {error.strerror}.") from error
