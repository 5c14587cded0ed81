"""What this process was told: the connections and limits from the environment and the user's file, read once."""

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path

from mesrai.domain.connection import Connection, Slot, Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.llm.address import clean_base_url
from mesrai.llm.catalogue import Catalogue, load_catalogue
from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.connecting import Draft, are_elsewhere, connection_from, key_from, place_of, provider_for_key
from mesrai.llm.endpoint import Timeouts

# name after MESRAI_ or MESRAI_FALLBACK_ → key of [main] and [fallback] in the file, and what it means
SLOT_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "PROVIDER": ("provider", "Who serves the model: an id of docs/catalogue.md. Not needed where the base URL tells."),
    "BASE_URL": ("base_url", "The address, where it is not the provider's usual one."),
    "MODEL": ("model", "The model's id at the provider, or `auto` for the provider's default."),
    "API_KEY": ("key", "The key itself."),
    "API_KEY_ENV": ("key_env", "The name of the environment variable that holds the key."),
    "THINKING": ("thinking", "How much the model reasons: off, low, medium or high. Default: medium."),
    "MAX_CONCURRENT_REQUESTS": ("max_concurrent_requests", "The most requests in flight at once."),
    "MAX_OUTPUT_TOKENS": ("max_output_tokens", "The most tokens of one answer, reasoning included."),
}
FIXED_NAMES: Final[Mapping[str, str]] = {
    "API_LLM_PROVIDER_MODEL": "The model's id, or `auto` for the provider's default.",
    "API_OPENAI_FORCE_BASE_URL": "The address of an OpenAI-compatible service. Default: OpenAI's.",
    "API_OPEN_AI_API_KEY": "The key for that address.",
}
LIMIT_KEYS: Final[Mapping[str, str]] = {
    "connect_s": "Seconds to connect.",
    "first_token_s": "Seconds from the request to the first part of the answer.",
    "idle_s": "Seconds between two parts of the answer.",
    "total_s": "Seconds for a whole request.",
    "question_s": "Seconds for one question with all its tries and the waits between them.",
}
PROCESS_NAMES: Final[Mapping[str, str]] = {
    "MESRAI_CONFIG": "The path of the settings file.",
    "MESRAI_CATALOGUE": "The path of a TOML file with rows that are laid over the catalogue's own.",
}
_PREFIXES: Final = {Slot.MAIN: "MESRAI_", Slot.FALLBACK: "MESRAI_FALLBACK_"}
_NUMBERS: Final[tuple[str, ...]] = ("max_concurrent_requests", "max_output_tokens")
_FILE_KEYS: Final = ("main", "fallback", "limits", "catalogue")
_MOST_FILE_BYTES: Final = 1_000_000
_MOST_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What this process was told."""

    main: Connection | None = None  # None: no model is connected
    fallback: Connection | None = None
    timeouts: Timeouts = Timeouts()
    notices: tuple[str, ...] = ()  # about the settings as a whole; each connection has its own besides
    config_file: Path  # where the file is looked for, whether or not there is one
    catalogue: Catalogue

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections there are, main first."""
        return tuple(each for each in (self.main, self.fallback) if each is not None)

    @property
    def origin(self) -> str:
        """Where the main connection was set; empty if there is none."""
        return self.main.origin if self.main else ""


def load_settings(environ: Mapping[str, str], *, config_file: Path | None = None) -> Settings:
    """Read the settings: MESRAI_* wins over the file, that over the fixed-mode names, those over the vendors' names.

    A key never goes to another service than the one it was set with. `config_file` is read in place of the usual file
    and must exist. Errors: SettingsError and CredentialMissing, which name the place and never show a key.
    """
    env = {name: value.strip() for name, value in environ.items() if value.strip()}
    named = config_file or (Path(env["MESRAI_CONFIG"]).expanduser() if "MESRAI_CONFIG" in env else None)
    path = named or user_config_path("mesrai") / "config.toml"
    file = _read_file(path, must_exist=named is not None)
    found = _Found(env=env, file=file, catalogue=load_catalogue(_overlay(env, file)))
    main = found.chosen(Slot.MAIN)
    fallback = found.chosen(Slot.FALLBACK)
    if main is None and fallback is not None:
        raise SettingsError(f"{' and '.join(fallback.origins)}: there is a fallback but no main connection.")
    connections = [
        connection_from(draft, slot, found.catalogue) if draft else None
        for slot, draft in ((Slot.MAIN, main), (Slot.FALLBACK, fallback))
    ]
    unused = found.unused([origin for draft in (main, fallback) if draft for origin in draft.origins])
    return Settings(
        main=connections[0],
        fallback=connections[1],
        timeouts=file.timeouts() if file else Timeouts(),
        notices=(*(file.notices() if file else ()), *_misspelled(env), *unused, *_same(*connections)),
        config_file=path,
        catalogue=found.catalogue,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """All that was set, and which of it makes a connection."""

    env: Mapping[str, str]
    file: "_File | None"
    catalogue: Catalogue

    def chosen(self, slot: Slot) -> Draft | None:
        """What holds for a slot; None if nothing says where to ask. Errors: SettingsError."""
        draft = Draft()
        for each in self.own_drafts(slot):
            if not are_elsewhere(draft, each, self.catalogue):
                draft = draft.over(each)
        if slot is Slot.MAIN and not (draft.has_place or draft.key):
            draft = draft.over(self.fixed_draft())
        if not draft.key:
            draft = draft.over(self.vendor_draft(draft, slot))
        if draft.has_place or draft.key:
            return draft
        if slot is Slot.FALLBACK and not draft.is_empty:
            raise SettingsError(f"{' and '.join(draft.origins)}: set provider or base_url, to say whose model it is.")
        return None

    def own_drafts(self, slot: Slot) -> Sequence[Draft]:
        """What MESRAI_* and the file say of a slot, the stronger first."""
        variables = {key: _PREFIXES[slot] + name for name, (key, _) in SLOT_NAMES.items()}
        said = {key: self.env[name] for key, name in variables.items() if name in self.env}
        from_env = self.draft(said, variables.__getitem__, _in_environment(variables[key] for key in said))
        if self.file is None:
            return [from_env]
        file, section = self.file, slot.value
        written = file.section(section, set(variables))
        origins = (f"[{section}] in {file.path}",) if written else ()
        return [from_env, self.draft(written, lambda key: file.at(section, key), origins)]

    def draft(self, values: Mapping[str, object], at: Callable[[str], str], origins: tuple[str, ...]) -> Draft:
        """The values of one place, checked. `at` names the place of a key. Errors: SettingsError."""
        texts = {key: _text(value, at(key)) for key, value in values.items() if key not in _NUMBERS}
        named = _in_environment([texts["key_env"]]) if texts.get("key_env") else ()
        numbers = {key: _positive(values[key], at(key)) for key in _NUMBERS if key in values}
        draft = Draft(
            provider=texts.get("provider", ""),
            base_url=texts.get("base_url", ""),
            model=texts.get("model", ""),
            key=self.own_key(texts, at),
            thinking=_thinking(texts["thinking"], at("thinking")) if texts.get("thinking") else None,
            max_concurrent_requests=numbers.get("max_concurrent_requests"),
            max_output_tokens=numbers.get("max_output_tokens"),
            origins=(*origins, *named),
        )
        return self.checked(draft, at)

    def own_key(self, texts: Mapping[str, str], at: Callable[[str], str]) -> Secret | None:
        """The key given by `key` or `key_env`. Errors: SettingsError."""
        key, name = key_from(texts.get("key", ""), at("key")), texts.get("key_env")
        if not name:
            return key
        if key:
            raise SettingsError(f"{at('key_env')}: give the key or the name of its variable, not both.")
        if name not in self.env:
            raise SettingsError(f"{at('key_env')}: the environment variable that is named here is not set.")
        return key_from(self.env[name], at("key_env"))

    def checked(self, draft: Draft, at: Callable[[str], str]) -> Draft:
        """The draft, if its provider exists and its address is fit. Errors: SettingsError that names the place."""
        where = "provider"
        try:
            chosen = self.catalogue.provider(draft.provider) if draft.provider else None
            where = "base_url"
            if draft.base_url:
                clean_base_url(draft.base_url, self.catalogue.providers, chosen)
        except SettingsError as error:
            raise SettingsError(f"{at(where)}: {error.message}") from error
        return draft

    def fixed_draft(self) -> Draft:
        """What the fixed-mode names say."""
        base_url = self.env.get("API_OPENAI_FORCE_BASE_URL", "")
        key = key_from(self.env.get("API_OPEN_AI_API_KEY", ""), "API_OPEN_AI_API_KEY")
        draft = Draft(
            provider="openai" if key and not base_url else "",
            base_url=base_url,
            model=self.env.get("API_LLM_PROVIDER_MODEL", ""),
            key=key,
            origins=_in_environment(name for name in FIXED_NAMES if name in self.env),
        )
        return self.checked(draft, lambda _: "API_OPENAI_FORCE_BASE_URL")

    def vendor_drafts(self) -> Sequence[Draft]:
        """The keys under vendors' usual names, in the order of the catalogue; each name means one provider."""
        rows = [row for row in self.catalogue.providers if row.default_model]
        names = dict.fromkeys(name for row in rows for name in row.key_names if name in self.env)
        drafts: list[Draft] = []
        for name in names:
            key = key_from(self.env[name], name)
            if key:
                sharing = [row for row in rows if name in row.key_names]
                drafts.append(self.vendor_key(provider_for_key(key, sharing) or sharing[0], name, key))
        return drafts

    def vendor_key(self, row: ProviderRow, name: str, key: Secret) -> Draft:
        """A vendor's key with the address that the environment names for that vendor's own tools."""
        address = next((each for each in row.base_url_names if each in self.env), "")
        if not address:
            return Draft(provider=row.id, key=key, origins=_in_environment([name]))
        draft = Draft(base_url=self.env[address], key=key, origins=_in_environment([name, address]))
        draft = self.checked(draft, lambda _: address)
        place = place_of(draft, self.catalogue)
        return draft if place and place.is_known else replace(draft, provider=f"{row.dialect}_compatible")

    def vendor_draft(self, chosen: Draft, slot: Slot) -> Draft:
        """The vendor's key that fits what was chosen so far; empty if none does, or it must not go there."""
        place = place_of(chosen, self.catalogue)
        if place is not None:
            return self.key_for(self.catalogue.provider(place.provider)) if place.is_known else Draft()
        drafts = self.vendor_drafts() if slot is Slot.MAIN else []
        serving = [each for each in drafts if chosen.model and self.serves(each, chosen.model)]
        return next(iter(serving or drafts), Draft())

    def key_for(self, row: ProviderRow) -> Draft:
        """The key that the environment has for one provider; empty if it has none."""
        for name in (name for name in row.key_names if name in self.env):
            key = key_from(self.env[name], name)
            told = provider_for_key(key, self.catalogue.providers) if key else None
            if key and (told is None or set(told.key_prefixes) & set(row.key_prefixes)):
                return Draft(key=key, origins=_in_environment([name]))
        return Draft()

    def serves(self, draft: Draft, model: str) -> bool:
        """Whether a model is known where a draft points."""
        place = place_of(draft, self.catalogue)
        return place is not None and self.catalogue.find_model(place.provider, model) is not None

    def unused(self, used: Sequence[str]) -> tuple[str, ...]:
        """One notice that names everything that was set and is not used."""
        drafts = [each for slot in Slot for each in self.own_drafts(slot)]
        drafts += [self.fixed_draft(), *self.vendor_drafts()]
        said = " ".join(used)
        left = [origin for draft in drafts for origin in draft.origins if origin.split(" ")[0] not in said]
        return (f"Set but not used: {'; '.join(dict.fromkeys(left))}.",) if left else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
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
                raise SettingsError(f"{self.at(name, key)}: {_unknown(key, known)}")
        return values

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
        if holds_key and self.is_readable_by_others:
            return (f"{self.path} holds a key and other users of this machine can read it: chmod 600 it.",)
        return ()


def _read_file(path: Path, *, must_exist: bool) -> _File | None:
    """The file; None if it need not exist and does not. Errors: SettingsError."""
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(_MOST_FILE_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"There is no settings file {path}.") from None
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "input/output error") if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{path} cannot be read: {reason}.") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        place = f"{path}:{where[1]}" if where else f"{path}"
        # The parser's words may repeat what stands there, and a key may stand there.
        raise SettingsError(
            f'{place}: this is not valid TOML. Texts are written in quotes: model = "kimi-k2.6"'
        ) from None
    is_open = os.name == "posix" and bool(mode & (stat.S_IRGRP | stat.S_IROTH))
    file = _File(path=path, text=text, table=table, is_readable_by_others=is_open)
    for key in table:
        if key not in _FILE_KEYS:
            raise SettingsError(f"{file.at('', key)}: {_unknown(key, set(_FILE_KEYS))}")
    return file


def _text(value: object, place: str) -> str:
    """Errors: SettingsError."""
    if not isinstance(value, str):
        raise SettingsError(f"{place}: a text in quotes belongs here.")
    return value.strip()


def _thinking(text: str, place: str) -> Thinking:
    """Errors: SettingsError."""
    if text.lower() not in list(Thinking):
        raise SettingsError(f"{place}: thinking must be one of {', '.join(Thinking)}.")
    return Thinking(text.lower())


def _positive(value: object, place: str) -> int:
    """Errors: SettingsError."""
    text = str(value)
    if isinstance(value, bool | float) or not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise SettingsError(f"{place}: a whole number from 1 on belongs here.")
    return int(text)


def _overlay(env: Mapping[str, str], file: _File | None) -> Path | None:
    """The operator's catalogue file, if one is named; in the settings file its path counts from there."""
    if "MESRAI_CATALOGUE" in env:
        return Path(env["MESRAI_CATALOGUE"]).expanduser()
    if file is None or "catalogue" not in file.table:
        return None
    return file.path.parent / Path(_text(file.table["catalogue"], file.at("", "catalogue"))).expanduser()


def _unknown(key: str, known: Collection[str]) -> str:
    """A sentence about an unknown key. What is no plain word is not repeated: it may be a key in the wrong place."""
    near = difflib.get_close_matches(key, sorted(known), n=1)
    shown = key if re.fullmatch(r"[a-z_]{1,30}", key) else "this key"
    return f"{shown} is not known here. " + (
        f"Did you mean {near[0]}?" if near else f"There is {', '.join(sorted(known))}."
    )


def _misspelled(env: Mapping[str, str]) -> Iterator[str]:
    """Notices about variables that look like ours and are not."""
    ours = [*(prefix + name for prefix in _PREFIXES.values() for name in SLOT_NAMES), *PROCESS_NAMES]
    for name in env:
        near = difflib.get_close_matches(name, ours, n=1, cutoff=0.85) if name.startswith("MESRAI_") else []
        if near and name not in ours:
            yield f"The environment variable {name} is not known. Did you mean {near[0]}?"


def _same(main: Connection | None, fallback: Connection | None) -> Iterator[str]:
    if main and fallback and (main.base_url, main.model, main.key) == (fallback.base_url, fallback.model, fallback.key):
        yield "The fallback is the same model with the same key as main, so it cannot help where main fails."


def _in_environment(names: Iterable[str]) -> tuple[str, ...]:
    """The origin of values from these variables."""
    listed = ", ".join(names)
    return (f"{listed} in the environment",) if listed else ()
