"""Where the parts are joined: the only module that names concrete classes."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from platformdirs import user_data_path

from mesrai import __version__
from mesrai.analysers.analyser import Analyser
from mesrai.domain.connection import Connection, Slot
from mesrai.domain.selection import Selection
from mesrai.errors import CredentialMissing, StoreUnavailable, VaultLocked
from mesrai.forges.local import LocalSource, open_local
from mesrai.llm.model import Answer, Model, Prompt, UserTurn
from mesrai.settings import Settings, database_url_from, load_settings

if TYPE_CHECKING:
    from mesrai.flows.connect import Desk
    from mesrai.llm.endpoint import Dialect, Endpoint
    from mesrai.llm.model import Outage, Outages, Permits, Purse
    from mesrai.llm.probing import Home, Tested, Watch
    from mesrai.llm.reach import Reach
    from mesrai.llm.transport import Session
    from mesrai.store.database import Database
    from mesrai.store.vault import Keyring

__all__ = ["LocalSource"]

NOT_CONNECTED = """No model is connected.
  mesrai byok connect               choose a model and a plan, paste the key; it is tested, then saved
  export MOONSHOT_API_KEY=sk-…      or OPENAI_API_KEY, ANTHROPIC_API_KEY, …: read at each start, nothing is saved
  mesrai auth login URL             use the model of your team's server; its key stays there
  mesrai review --offline           static analysers only: no key and no network
  mesrai doctor                     what is configured; docs/byok.md has the whole way"""


def all_analysers() -> Sequence[Analyser]:
    """Every static analyser there is; one whose program is not installed covers nothing."""
    from mesrai.analysers.leftovers import Leftovers
    from mesrai.analysers.ruff import Ruff
    from mesrai.analysers.secrets import Secrets
    from mesrai.analysers.shell import Shellcheck
    from mesrai.analysers.structure import Structure
    from mesrai.analysers.workflows import Workflows
    from mesrai.analysers.zizmor import Zizmor

    return (Secrets(), Ruff(), Shellcheck(), Zizmor(), Workflows(), Structure(), Leftovers())


@asynccontextmanager
async def local_source(folder: Path, selection: Selection) -> AsyncIterator[LocalSource]:
    """The selected change of the repository around `folder`. Errors: NotARepository, UnknownRevision, SourceError."""
    async with await open_local(folder, selection) as source:
        yield source


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What this installation was told, and what it remembers."""

    settings: Settings
    database: "Database | None"  # None: nothing was ever saved
    keyring: "Callable[[], Keyring]"  # the master key is read, or made, when it is first needed
    locked: VaultLocked | None = None  # why saved connections are not among the settings
    reach: "Reach | None" = None  # where models may be asked in a test; None: anywhere

    def unlocked(self) -> Settings:
        """The settings, for asking a model. Errors: VaultLocked if a saved key cannot be opened."""
        if self.locked is not None:
            raise self.locked
        return self.settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """For whom a model is asked."""

    repository: str = ""
    review: str = field(default_factory=lambda: uuid4().hex)
    limit: Decimal | None = None  # of what this review may spend, in the main model's currency


@asynccontextmanager
async def open_installation(environ: Mapping[str, str], *, makes_store: bool = False) -> AsyncIterator[Installation]:
    """The settings, saved connections among them, and the store if there is one.

    Without `makes_store`, a SQLite store that was never made is not made, and nothing of the store is imported.
    Errors: SettingsError, StoreError.
    """
    url = database_url_from(environ)
    if not (makes_store or _has_store(url)):
        yield Installation(settings=load_settings(environ), database=None, keyring=lambda: _keyring(environ, url))
        return
    from mesrai.store.opening import open_database

    async with open_database(url) as database:
        yield await installation_on(environ, database)


async def installation_on(
    environ: Mapping[str, str], database: "Database", *, reach: "Reach | None" = None
) -> Installation:
    """The settings as they are now, with what is saved in a store that is open. Errors: SettingsError, StoreError."""
    from mesrai.store.connections import load_opened

    url = database_url_from(environ)
    installation = Installation(
        settings=load_settings(environ), database=database, keyring=lambda: _keyring(environ, url), reach=reach
    )
    organisation = installation.settings.organisation
    try:
        stored = await load_opened(database, organisation, lambda: _keyring(environ, url, make=False))
    except VaultLocked as locked:
        return replace(installation, locked=locked)
    return replace(installation, settings=load_settings(environ, stored=stored)) if stored else installation


def _has_store(url: str) -> bool:
    path = url.removeprefix("sqlite:///")
    return path == url or os.path.exists(path)  # noqa: PTH110 - Path.exists raises where a folder is closed to us


def keyring_of(environ: Mapping[str, str]) -> "Keyring":
    """The keys that seal and open. Errors: SettingsError, VaultLocked."""
    return _keyring(environ, database_url_from(environ))


def _keyring(environ: Mapping[str, str], url: str, *, make: bool = True) -> "Keyring":
    """The keys that seal and open; a new master key lies beside the SQLite file, or else in the user's own folder.

    Errors: SettingsError; VaultLocked if there is none and none is to be made.
    """
    from mesrai.store.master_key import load_keyring

    return load_keyring(environ, key_folder(url), make=make)


def key_folder(url: str) -> Path:
    """Where the master key is kept, if nothing else is said."""
    path = url.removeprefix("sqlite:///")
    return user_data_path("mesrai") if path == url else Path(path).parent


@asynccontextmanager
async def model_for(
    settings: Settings,
    connections: Sequence[Connection],
    *,
    database: "Database | None" = None,
    errand: Errand | None = None,
    reach: "Reach | None" = None,
    around: Callable[[Model], Model] = lambda model: model,
) -> AsyncIterator[Model]:
    """The connections as one model: each with retries and permits, the next one asked where one fails.

    With a database, permits and outages hold across processes and what is spent is recorded. Without `reach`, any
    address may be asked; `around` is put around each. Errors: CredentialMissing if there are no connections.
    """
    if not connections:
        raise CredentialMissing(NOT_CONNECTED)
    from mesrai.llm.failover import Failover
    from mesrai.llm.retrying import Retrying
    from mesrai.llm.transport import open_session

    told = errand or Errand()
    purse = await _purse(settings, connections, database, told)
    async with open_session(__version__, reach=reach) as session, _permits(database) as permits:
        built = [
            Retrying(
                around(_single(settings, each, session, permits, purse=purse, review=told.review)),
                deadline_s=settings.timeouts.question_s,
            )
            for each in connections
        ]
        yield Failover(built, names=[_outage_name(each) for each in connections], outages=_outages(database))


def _single(
    settings: Settings,
    connection: Connection,
    session: "Session",
    permits: "Permits",
    *,
    purse: "Purse | None" = None,
    review: str = "",
) -> Model:
    """One connection under its permits, asked once for each question."""
    from mesrai.llm.accounts import account_of
    from mesrai.llm.budgeted import Budgeted
    from mesrai.llm.limited import Limited

    endpoint = settings.catalogue.endpoint_for(connection, settings.timeouts)
    asked = _dialects()[endpoint.dialect](endpoint, session)
    return Limited(
        asked if purse is None else Budgeted(asked, purse),
        permits,
        account=account_of(connection.base_url, connection.key),
        limits=connection.limits,
        review=review,
    )


def _dialects() -> "Mapping[Dialect, Callable[[Endpoint, Session], Model]]":
    from mesrai.llm.dialect_anthropic import AnthropicMessages
    from mesrai.llm.dialect_gemini import GeminiContent
    from mesrai.llm.dialect_openai import OpenAIChat
    from mesrai.llm.endpoint import Dialect

    return {Dialect.OPENAI: OpenAIChat, Dialect.ANTHROPIC: AnthropicMessages, Dialect.GEMINI: GeminiContent}


@asynccontextmanager
async def _permits(database: "Database | None") -> AsyncIterator["Permits"]:
    if database is None:
        from mesrai.llm.limited import InProcessPermits

        yield InProcessPermits()
        return
    from mesrai.store.permits import StorePermits

    async with StorePermits(database) as permits:
        yield permits


def _outages(database: "Database | None") -> "Outages":
    if database is None:
        from mesrai.llm.outages import InProcessOutages

        return InProcessOutages()
    from mesrai.store.outages import StoreOutages

    return StoreOutages(database)


def _outage_name(connection: Connection) -> str:
    from mesrai.llm.accounts import name_of

    return name_of(connection)


async def _purse(
    settings: Settings, connections: Sequence[Connection], database: "Database | None", errand: Errand
) -> "Purse | None":
    """Where the money comes from; None: nothing limits it and nothing is recorded.

    Errors: SettingsError if there is a budget that cannot be kept with these connections.
    """
    if database is None and errand.limit is None:
        return None
    from mesrai.domain.budget import Spender
    from mesrai.flows.spend import refuse_unkept_budget
    from mesrai.llm.purse import ReviewPurse
    from mesrai.llm.tariffs import tariffs_of

    tariffs = tariffs_of(connections, settings.catalogue)
    currency = await refuse_unkept_budget(database, settings.organisation, errand.limit, tariffs)
    if database is not None:
        from mesrai.store.purse import StoredPurse

        spender = Spender(organisation=settings.organisation, repository=errand.repository, review=errand.review)
        return StoredPurse(database, spender, review_limit=errand.limit, currency=currency)
    return None if errand.limit is None else ReviewPurse(errand.limit, currency)


def connect_desk(installation: Installation, *, who: str) -> "Desk":
    """What the stories of connecting a model need. Errors: StoreUnavailable if there is no store."""
    from mesrai.flows.connect import Desk

    database = installation.database
    if database is None:
        raise StoreUnavailable("There is no database to save connections in.")
    settings = installation.settings

    async def test(connection: Connection, *, is_full: bool, watch: "Watch") -> "Tested":
        return await tested(installation, connection, is_full=is_full, watch=watch)

    async def outages() -> Mapping[Slot, "Outage"]:
        names = {each.slot: _outage_name(each) for each in settings.connections}
        standing = await _outages(database).standing(list(names.values()))
        return {slot: standing[name] for slot, name in names.items() if name in standing}

    async def forget(connection: Connection) -> None:
        await _outages(database).forget(_outage_name(connection))

    return Desk(
        database=database,
        keyring=installation.keyring,
        organisation=settings.organisation,
        who=who,
        test=test,
        fixed=settings.fixed,
        has_main=settings.main is not None or installation.locked is not None,
        outages=outages,
        forget=forget,
    )


async def tested(installation: Installation, connection: Connection, *, is_full: bool, watch: "Watch") -> "Tested":
    """Test a connection by the way reviews go, but without repeating a question. Failures are in what is returned.

    What the test spent is recorded. Errors: StoreUnavailable if it cannot be.
    """
    from mesrai.llm.probe import probe
    from mesrai.llm.transport import open_session

    settings, database = installation.settings, installation.database
    async with open_session(__version__, reach=installation.reach) as session, _permits(database) as permits:
        found = await probe(
            connection,
            catalogue=settings.catalogue,
            session=session,
            model=_single(settings, connection, session, permits, review="test"),
            is_full=is_full,
            watch=watch,
        )
    if database is not None:
        await _record(database, settings.organisation, connection, found, is_full=is_full)
        if found.is_proven:  # whatever was known of it: a quota may be renewed, or paid for, before its time
            await _outages(database).forget(_outage_name(connection))
    return found


async def _record(
    database: "Database", organisation: str, connection: Connection, found: "Tested", *, is_full: bool
) -> None:
    from mesrai.domain.budget import Asked, Paid, Spender
    from mesrai.llm.probing import Stage
    from mesrai.store.spending import record
    from mesrai.store.trials import Trial, note_trial

    trial = Trial(
        name=_outage_name(connection),
        is_full=is_full,
        is_failed=found.is_failed,
        told=found.diagnosis.told if found.diagnosis else "",
        facts=next((each.facts for each in found.stages if each.stage is Stage.KEY), ()),
        listed=found.listed,
    )
    await note_trial(database, trial)
    asked = Asked(provider=connection.provider, model=connection.model, most=None)
    paid = Paid(asked=asked, usage=found.usage, is_failed=found.is_failed)
    await record(database, Spender(organisation=organisation, repository="", review=""), paid)


async def rotate_master_key(environ: Mapping[str, str], installation: Installation, *, who: str) -> int:
    """Seal every saved key anew under a new master key; how many were. Errors: SettingsError, StoreError."""
    from mesrai.store.connections import has_sealed_keys
    from mesrai.store.master_key import key_file
    from mesrai.store.rotating import rotate_master_key as rotate

    if installation.database is None:
        return 0
    url = installation.settings.database_url
    # A new master key would open nothing of what is saved, and hide that the old one is missing.
    keyring = _keyring(environ, url, make=not await has_sealed_keys(installation.database))
    return await rotate(installation.database, keyring, key_file(environ, key_folder(url)), who=who)


async def find_home_of(installation: Installation, connection: Connection) -> Sequence["Home"]:
    """Which of the same vendor's addresses take the key. It is shown to them, so ask the person before."""
    from mesrai.llm.probe_home import find_home
    from mesrai.llm.transport import open_session

    async with open_session(__version__, reach=installation.reach) as session:
        return await find_home(connection, installation.settings.catalogue, session)


async def ask_once(settings: Settings, connection: Connection) -> Answer:
    """Ask one connection a question of a few tokens, by the way that reviews go. Errors: ModelError."""
    async with model_for(settings, [connection]) as model:
        prompt = Prompt(
            system="You are asked whether you can be reached.",
            turns=(UserTurn(text="Answer with the single word: ready"),),
            max_output_tokens=2_000,
        )
        return await model.ask(prompt)


def analyser_states() -> dict[str, str]:
    """Each analyser by name, with an empty text if it works and otherwise what it lacks."""
    from mesrai.analysers.program import find_program

    needed = {"ruff": "ruff", "shellcheck": "shellcheck", "zizmor": "zizmor"}
    hints = {"zizmor": "not installed; `pip install mesrai[workflows]` adds it"}
    missing = {name: hints.get(name, "not found") for name, program in needed.items() if not find_program(program)}
    return {each.name: missing.get(each.name, "") for each in all_analysers()}


def installed_version() -> str:
    """Mesrai's version and Python's, for people."""
    return f"mesrai {__version__}, Python {sys.version.split()[0]}"
