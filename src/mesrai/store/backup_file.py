"""The file that a backup is: a manifest, and a copy of the database, in one archive."""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

from mesrai.errors import StoreError, UserError

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_COPY: Final = "database"
_MOST_MANIFEST: Final = 65_536
_CHUNK: Final = 1 << 20
_NO_BACKUP: Final = "is no backup of Mesrai, or it was cut or changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in a backup."""

    format: int = FORMAT
    engine: str  # sqlite or postgresql
    schema: str  # the number of the last migration
    mesrai: str  # the version that made it
    made_at: str  # ISO 8601, UTC
    size: int  # bytes of the copy
    sha256: str  # of the copy


def measured(copy: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file. Errors: OSError."""
    digest = hashlib.sha256()
    with copy.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return copy.stat().st_size, digest.hexdigest()


@contextmanager
def work_folder(near: Path) -> Iterator[Path]:
    """A private folder on the same disk as `near`, gone afterwards. Errors: UserError if it cannot be made."""
    folder = near.absolute().parent / f".{near.name}.{token_hex(6)}"
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UserError(f"Nothing can be written in {folder.parent}: {error.strerror}.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_backup(to: Path, copy: Path, manifest: Manifest) -> None:
    """Make the file whole or not at all, readable by its owner only. Errors: StoreError."""
    fresh = copy.with_name("backup")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                archive.writestr(_MANIFEST, json.dumps(asdict(manifest), indent=2) + "\n")
                archive.write(copy, _COPY)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(to)
    except OSError as error:
        raise StoreError(f"The backup {to} cannot be written: {error.strerror}.") from error


def read_manifest(path: Path) -> Manifest:
    """What the backup says of itself. Errors: UserError."""
    with _opened(path) as archive:
        found = archive.getinfo(_MANIFEST)
        if found.file_size > _MOST_MANIFEST:
            raise UserError(f"{path} {_NO_BACKUP}.")
        said = json.loads(archive.read(found))
        if not isinstance(said, dict) or said.get("format") != FORMAT:
            raise UserError(f"{path} is a backup in a form that this version of Mesrai does not know. Upgrade Mesrai.")
        return Manifest(**said)


def unpack(path: Path, manifest: Manifest, folder: Path) -> Path:
    """The copy of the database, proven to be what was put in. Errors: UserError."""
    copy = folder / "database"
    with _opened(path) as archive, archive.open(_COPY) as packed:
        with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            left = manifest.size
            while chunk := packed.read(min(_CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:  # it would go on to fill the disk
                    raise UserError(f"{path} {_NO_BACKUP}.")
                stream.write(chunk)
        if measured(copy) != (manifest.size, manifest.sha256):
            raise UserError(f"{path} {_NO_BACKUP}.")
    return copy


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise UserError(f"The backup {path} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, EOFError, NotImplementedError) as error:
        raise UserError(f"{path} {_NO_BACKUP}.") from error
