"""Read the settings once, from all the places where they may stand."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from platformdirs import user_config_path, user_data_path

from mesrai.domain.connection import Connection, Slot
from mesrai.errors import CredentialMissing, SettingsError
from mesrai.llm.catalogue import Catalogue, load_catalogue
from mesrai.llm.connecting import connection_from
from mesrai.llm.endpoint import Timeouts
from mesrai.settings.file import SettingsFile, read_settings_file
from mesrai.settings.sources import Sources, misspelled

_NONE_STORED: Final[Mapping[Slot, Connection]] = {}
_URL: Final = "MESRAI_DATABASE_URL"
_URL_FILE: Final = "MESRAI_DATABASE_URL_FILE"
_ORGANISATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What this process was told."""

    main: Connection | None = None  # None: no model is connected
    fallback: Connection | None = None
    fixed: Connection | None = None  # what the fixed-mode names alone would connect; a saved main one goes over it
    timeouts: Timeouts = Timeouts()
    notices: tuple[str, ...] = ()  # about the settings as a whole; each connection has its own besides
    config_file: Path  # where the file is looked for, whether or not there is one
    catalogue: Catalogue
    database_url: str = field(repr=False)  # may hold a password
    organisation: str = "default"

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections there are, main first."""
        return tuple(each for each in (self.main, self.fallback) if each is not None)

    @property
    def origin(self) -> str:
        """Where the main connection was set; empty if there is none."""
        return self.main.origin if self.main else ""


def load_settings(
    environ: Mapping[str, str],
    *,
    config_file: Path | None = None,
    stored: Mapping[Slot, Connection] = _NONE_STORED,
) -> Settings:
    """Read the settings: MESRAI_* wins over a saved connection, that over the file, the fixed-mode and vendors' names.

    Values are laid over each other one by one, but for the file, which is not used where a connection is saved. A key
    never goes to another service than the one it was set with. `config_file` is read in place of the usual file and
    must exist. Errors: SettingsError and CredentialMissing, which name the place and never show a key.
    """
    env = _given(environ)
    path, file = _file(env, config_file)
    overlay = _overlay(env, file)
    found = Sources(env=env, stored=stored, file=file, catalogue=load_catalogue(overlay))
    main, fallback = found.chosen(Slot.MAIN), found.chosen(Slot.FALLBACK)
    if main is None and fallback is not None:
        raise SettingsError(f"{' and '.join(fallback.origins)}: there is a fallback but no main connection.")
    connections = [
        connection_from(draft, slot, found.catalogue) if draft else None
        for slot, draft in ((Slot.MAIN, main), (Slot.FALLBACK, fallback))
    ]
    fixed, about_fixed = _fixed(found)
    unused = found.unused([origin for draft in (main, fallback) if draft for origin in draft.origins])
    notices = [*(file.notices() if file else ()), *misspelled(env), *unused, *about_fixed, *_same(*connections)]
    return Settings(
        main=connections[0],
        fallback=connections[1],
        fixed=fixed,
        timeouts=file.timeouts() if file else Timeouts(),
        notices=tuple(notices),
        config_file=path,
        catalogue=found.catalogue,
        database_url=_database_url(env, file),
        organisation=_organisation(env),
    )


def database_url_from(environ: Mapping[str, str], *, config_file: Path | None = None) -> str:
    """Where saved connections are kept, read from the environment and the file alone. Errors: SettingsError."""
    env = _given(environ)
    return _database_url(env, None if _URL in env or _URL_FILE in env else _file(env, config_file)[1])


def catalogue_from(environ: Mapping[str, str], *, config_file: Path | None = None) -> Catalogue:
    """The catalogue with the operator's rows, whatever is connected. Errors: SettingsError."""
    env = _given(environ)
    return load_catalogue(_overlay(env, _file(env, config_file)[1]))


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that hold something."""
    return {name: value.strip() for name, value in environ.items() if value.strip()}


def _file(env: Mapping[str, str], named: Path | None) -> tuple[Path, SettingsFile | None]:
    """Where the file is looked for, and the file if there is one. Errors: SettingsError."""
    chosen = named or (Path(env["MESRAI_CONFIG"]).expanduser() if "MESRAI_CONFIG" in env else None)
    path = chosen or user_config_path("mesrai") / "config.toml"
    return path, read_settings_file(path, must_exist=chosen is not None)


def _overlay(env: Mapping[str, str], file: SettingsFile | None) -> Path | None:
    """The operator's catalogue file, if one is named."""
    if "MESRAI_CATALOGUE" in env:
        return Path(env["MESRAI_CATALOGUE"]).expanduser()
    return file.catalogue() if file else None


def _database_url(env: Mapping[str, str], file: SettingsFile | None) -> str:
    said = _url_in_file(env) or env.get(_URL) or (file.database_url() if file else "")
    return said or f"sqlite:///{user_data_path('mesrai') / 'mesrai.db'}"


def _url_in_file(env: Mapping[str, str]) -> str:
    """The address in the file that is named, which may hold a password; empty if none is. Errors: SettingsError."""
    path = env.get(_URL_FILE)
    if path is None:
        return ""
    if _URL in env:
        raise SettingsError(f"{_URL}: {_URL_FILE} is set as well. Take one of the two away.")
    try:
        said = Path(path).expanduser().read_text("utf-8-sig").strip()
    except (OSError, ValueError, RuntimeError):  # an odd path too, and a home folder that is not known
        raise SettingsError(f"{_URL_FILE}: the file that is named here cannot be read.") from None
    if not said or len(said.split()) > 1:
        raise SettingsError(f"{_URL_FILE}: one address belongs in the file that is named here, and nothing else.")
    return said


def _organisation(env: Mapping[str, str]) -> str:
    name = env.get("MESRAI_ORGANISATION", "default")
    if not _ORGANISATION.fullmatch(name):
        raise SettingsError("MESRAI_ORGANISATION: a name of letters, digits, dots and dashes belongs here.")
    return name


def _fixed(found: Sources) -> tuple[Connection | None, tuple[str, ...]]:
    """What the fixed-mode names alone connect, or a notice why they cannot: they are not what is used."""
    draft = found.fixed()
    if draft is None:
        return None, ()
    try:
        return connection_from(draft, Slot.MAIN, found.catalogue), ()
    except (SettingsError, CredentialMissing) as error:
        return None, (f"Fixed mode would connect no model. {error.message}",)


def _same(main: Connection | None, fallback: Connection | None) -> Iterator[str]:
    if main and fallback and (main.base_url, main.model, main.key) == (fallback.base_url, fallback.model, fallback.key):
        yield "The fallback is the same model with the same key as main, so it cannot help where main fails."
