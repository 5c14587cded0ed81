"""All that was set of the two connections, and which of it holds."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mesrai.domain.connection import Connection, Slot
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.llm.address import clean_base_url
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.connecting import are_elsewhere, draft_from, key_from, place_of, provider_for_key
from mesrai.llm.draft import Draft
from mesrai.settings.file import SettingsFile
from mesrai.settings.names import FIXED_NAMES, PREFIXES, PROCESS_NAMES, SLOT_NAMES
from mesrai.settings.values import text_in, tuning_values

_PLACE_KEYS: Final = ("provider", "base_url", "model", "key", "key_env")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All that was set, and which of it makes a connection."""

    env: Mapping[str, str]
    stored: Mapping[Slot, Connection]
    file: SettingsFile | None
    catalogue: Catalogue

    def chosen(self, slot: Slot) -> Draft | None:
        """What holds for a slot; None if nothing says where to ask. Errors: SettingsError."""
        draft = Draft()
        for each in self._own_drafts(slot):
            if not are_elsewhere(draft, each, self.catalogue):
                draft = draft.over(each)
        if slot is Slot.MAIN and not (draft.has_place or draft.key):
            draft = draft.over(self._fixed_draft())
        if not draft.key:
            draft = draft.over(self._vendor_draft(draft, slot))
        if draft.has_place or draft.key:
            return draft
        if slot is Slot.FALLBACK and not draft.is_empty:
            raise SettingsError(f"{' and '.join(draft.origins)}: set provider or base_url, to say whose model it is.")
        return None

    def fixed(self) -> Draft | None:
        """What the fixed-mode names alone connect; None if none of them is set. Errors: SettingsError."""
        draft = self._fixed_draft()
        if draft.is_empty:
            return None
        whole = draft if draft.key else draft.over(self._vendor_draft(draft, Slot.MAIN))
        return whole if whole.has_place or whole.key else None

    def unused(self, used: Sequence[str]) -> tuple[str, ...]:
        """One notice that names everything that was set and is not used. Errors: SettingsError."""
        drafts = [each for slot in Slot for each in (*self._own_drafts(slot), self._file_draft(slot))]
        drafts += [self._fixed_draft(), *self._vendor_drafts()]
        left = [origin for draft in drafts for origin in draft.origins if not _is_among(origin, used)]
        return (f"Set but not used: {'; '.join(dict.fromkeys(left))}.",) if left else ()

    def _own_drafts(self, slot: Slot) -> Sequence[Draft]:
        """What MESRAI_* and the store say of a slot, or in place of the store the file; the stronger first."""
        return (self._env_draft(slot), self._stored_draft(slot) if slot in self.stored else self._file_draft(slot))

    def _env_draft(self, slot: Slot) -> Draft:
        variables = {key: PREFIXES[slot] + name for name, (key, _) in SLOT_NAMES.items()}
        said = {key: self.env[name] for key, name in variables.items() if name in self.env}
        return self._draft(said, variables.__getitem__, _in_environment(variables[key] for key in said))

    def _stored_draft(self, slot: Slot) -> Draft:
        origin = f"the saved {slot} connection"
        try:
            return replace(draft_from(self.stored[slot], self.catalogue), origins=(origin,))
        except SettingsError as error:
            raise SettingsError(f"{origin}: {error.message}") from error

    def _file_draft(self, slot: Slot) -> Draft:
        if self.file is None:
            return Draft()
        file, section = self.file, slot.value
        written = file.section(section, {key for key, _ in SLOT_NAMES.values()})
        origins = (f"[{section}] in {file.path}",) if written else ()
        return self._draft(written, lambda key: file.at(section, key), origins)

    def _draft(self, values: Mapping[str, object], at: Callable[[str], str], origins: tuple[str, ...]) -> Draft:
        """The values of one place, checked. `at` names the place of a key. Errors: SettingsError."""
        texts = {key: text_in(value, at(key)) for key, value in values.items() if key in _PLACE_KEYS}
        named = _in_environment([texts["key_env"]]) if texts.get("key_env") else ()
        draft = Draft(
            provider=texts.get("provider", ""),
            base_url=texts.get("base_url", ""),
            model=texts.get("model", ""),
            key=self._own_key(texts, at),
            origins=(*origins, *named),
        )
        for key, value in values.items():
            draft = replace(draft, **tuning_values(key, value, at(key)))
        return self._checked(draft, at)

    def _own_key(self, texts: Mapping[str, str], at: Callable[[str], str]) -> Secret | None:
        """The key given by `key` or `key_env`. Errors: SettingsError."""
        key, name = key_from(texts.get("key", ""), at("key")), texts.get("key_env")
        if not name:
            return key
        if key:
            raise SettingsError(f"{at('key_env')}: give the key or the name of its variable, not both.")
        if name not in self.env:
            raise SettingsError(f"{at('key_env')}: the environment variable that is named here is not set.")
        return key_from(self.env[name], at("key_env"))

    def _checked(self, draft: Draft, at: Callable[[str], str]) -> Draft:
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

    def _fixed_draft(self) -> Draft:
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
        return self._checked(draft, lambda _: "API_OPENAI_FORCE_BASE_URL")

    def _vendor_drafts(self) -> Sequence[Draft]:
        """The keys under vendors' usual names, in the order of the catalogue; each name means one provider."""
        rows = [row for row in self.catalogue.providers if row.default_model]
        names = dict.fromkeys(name for row in rows for name in row.key_names if name in self.env)
        drafts: list[Draft] = []
        for name in names:
            key = key_from(self.env[name], name)
            if key:
                sharing = [row for row in rows if name in row.key_names]
                drafts.append(self._vendor_key(provider_for_key(key, sharing) or sharing[0], name, key))
        return drafts

    def _vendor_key(self, row: ProviderRow, name: str, key: Secret) -> Draft:
        """A vendor's key with the address that the environment names for that vendor's own tools."""
        address = next((each for each in row.base_url_names if each in self.env), "")
        if not address:
            return Draft(provider=row.id, key=key, origins=_in_environment([name]))
        draft = Draft(base_url=self.env[address], key=key, origins=_in_environment([name, address]))
        draft = self._checked(draft, lambda _: address)
        place = place_of(draft, self.catalogue)
        return draft if place and place.is_known else replace(draft, provider=f"{row.dialect}_compatible")

    def _vendor_draft(self, chosen: Draft, slot: Slot) -> Draft:
        """The vendor's key that fits what was chosen so far; empty if none does, or it must not go there."""
        place = place_of(chosen, self.catalogue)
        if place is not None:
            return self._key_for(self.catalogue.provider(place.provider)) if place.is_known else Draft()
        drafts = self._vendor_drafts() if slot is Slot.MAIN else []
        serving = [each for each in drafts if chosen.model and self._serves(each, chosen.model)]
        return next(iter(serving or drafts), Draft())

    def _key_for(self, row: ProviderRow) -> Draft:
        """The key that the environment has for one provider; empty if it has none."""
        for name in (name for name in row.key_names if name in self.env):
            key = key_from(self.env[name], name)
            told = provider_for_key(key, self.catalogue.providers) if key else None
            if key and (told is None or set(told.key_prefixes) & set(row.key_prefixes)):
                return Draft(key=key, origins=_in_environment([name]))
        return Draft()

    def _serves(self, draft: Draft, model: str) -> bool:
        """Whether a model is known where a draft points."""
        place = place_of(draft, self.catalogue)
        return place is not None and self.catalogue.find_model(place.provider, model) is not None


def misspelled(env: Mapping[str, str]) -> Iterator[str]:
    """Notices about variables that look like ours and are not."""
    ours = [*(prefix + name for prefix in PREFIXES.values() for name in SLOT_NAMES), *PROCESS_NAMES]
    for name in env:
        near = difflib.get_close_matches(name, ours, n=1, cutoff=0.85) if name.startswith("MESRAI_") else []
        if near and name not in ours:
            yield f"The environment variable {name} is not known. Did you mean {near[0]}?"


def _is_among(origin: str, used: Sequence[str]) -> bool:
    """Whether an origin is used; a variable also where it is used beside others."""
    if origin in used:
        return True
    return origin.endswith(" in the environment") and origin.split(" ", maxsplit=1)[0] in " ".join(used)


def _in_environment(names: Iterable[str]) -> tuple[str, ...]:
    """The origin of values from these variables."""
    listed = ", ".join(names)
    return (f"{listed} in the environment",) if listed else ()
