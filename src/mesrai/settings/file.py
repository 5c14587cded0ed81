"""The user's settings file, as it was read."""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mesrai.domain.connection import Slot
from mesrai.errors import SettingsError
from mesrai.llm.endpoint import Timeouts
from mesrai.settings.names import FILE_KEYS, LIMIT_KEYS
from mesrai.settings.values import text_in, unknown_key

_MOST_FILE_BYTES: Final = 1_000_000
_MOST_SECONDS: Final = 86_400
_SQLITE: Final = "sqlite:///"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """The settings file, as it was read."""

    path: Path
    text: str
    table: Mapping[str, Any]
    is_readable_by_others: bool

    def timeouts(self) -> Timeouts:
        """The limits in seconds. Errors: SettingsError with file and line."""
        values = self.section("limits", set(LIMIT_KEYS))
        for key, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST_SECONDS:
                raise SettingsError(
                    f"{self.at('limits', key)}: a number of seconds up to {_MOST_SECONDS} belongs here."
                )
        return Timeouts(**{key: float(value) for key, value in values.items()})

    def section(self, name: str, known: set[str]) -> Mapping[str, Any]:
        """A table of the file, checked for unknown keys. Errors: SettingsError."""
        values = self.table.get(name, {})
        if not isinstance(values, dict):
            raise SettingsError(f"{self.at('', name)}: this must be a table, [{name}].")
        for key in values:
            if key not in known:
                raise SettingsError(f"{self.at(name, key)}: {unknown_key(key, known)}")
        return values

    def catalogue(self) -> Path | None:
        """The operator's catalogue file, if one is named; its path counts from this file. Errors: SettingsError."""
        if "catalogue" not in self.table:
            return None
        return self.path.parent / Path(text_in(self.table["catalogue"], self.at("", "catalogue"))).expanduser()

    def database_url(self) -> str:
        """Where things are kept; empty if it is not said. A path counts from this file. Errors: SettingsError."""
        if "database" not in self.table:
            return ""
        url = text_in(self.table["database"], self.at("", "database"))
        if not url.startswith(_SQLITE):
            return url
        return f"{_SQLITE}{self.path.parent / Path(url.removeprefix(_SQLITE)).expanduser()}"

    def at(self, section: str, key: str) -> str:
        """The file, and the line of a key where it can be found."""
        current = ""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if header := re.match(r"\s*\[\s*[\"']?([^\]\"']*?)[\"']?\s*\]", line):
                current = header[1]
            elif current == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return f"{self.path}:{number}"
            if header and not section and current == key:
                return f"{self.path}:{number}"
        return f"{self.path}"

    def notices(self) -> tuple[str, ...]:
        """What is wrong with the file without making it useless."""
        holds_key = any(isinstance(each := self.table.get(slot.value), dict) and "key" in each for slot in Slot)
        holds_password = "@" in str(self.table.get("database", ""))
        if (holds_key or holds_password) and self.is_readable_by_others:
            what = "a key" if holds_key else "a password"
            return (f"{self.path} holds {what} and other users of this machine can read it: chmod 600 it.",)
        return ()


def read_settings_file(path: Path, *, must_exist: bool) -> SettingsFile | None:
    """The file; None if it need not exist and does not. Errors: SettingsError."""
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(_MOST_FILE_BYTES).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        if must_exist:
            raise SettingsError(f"There is no settings file {path}.") from None
        return None
    except (OSError, UnicodeDecodeError) as error:
        if not must_exist and isinstance(error, PermissionError) and not _can_enter(path.parent):
            return None  # a container whose user has no home of their own: there can be no file of theirs
        reason = (error.strerror or "input/output error") if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{path} cannot be read: {reason}.") from error
    file = SettingsFile(path=path, text=text, table=_table(path, text), is_readable_by_others=_is_open(mode))
    for key in file.table:
        if key not in FILE_KEYS:
            raise SettingsError(f"{file.at('', key)}: {unknown_key(key, set(FILE_KEYS))}")
    return file


def _table(path: Path, text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        place = f"{path}:{where[1]}" if where else f"{path}"
        # The parser's words may repeat what stands there, and a key may stand there.
        raise SettingsError(
            f'{place}: this is not valid TOML. Texts are written in quotes: model = "kimi-k2.6"'
        ) from None


def _is_open(mode: int) -> bool:
    return os.name == "posix" and bool(mode & (stat.S_IRGRP | stat.S_IROTH))


def _can_enter(folder: Path) -> bool:
    return os.access(folder, os.X_OK)
