"""Open what the commands work on: the settings, the store, and the stories of connecting a model."""

import getpass
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesrai.cli.byok.talk import Talk
from mesrai.errors import CredentialMissing
from mesrai.llm.catalogue import Catalogue

if TYPE_CHECKING:
    from mesrai.flows.connect import Desk, Standing
    from mesrai.settings import Settings
    from mesrai.wiring import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """An open installation, and somebody to talk to."""

    installation: "Installation"
    stories: "Desk | None"  # None: nothing was ever saved here
    talk: Talk

    @property
    def settings(self) -> "Settings":
        """What this process was told."""
        return self.installation.settings

    @property
    def catalogue(self) -> Catalogue:
        """The providers and models there are."""
        return self.installation.settings.catalogue

    @property
    def desk(self) -> "Desk":
        """Where connections are saved and changed. Errors: CredentialMissing if nothing was ever saved."""
        if self.stories is None:
            raise CredentialMissing("Nothing is saved yet. Connect a model with `mesrai byok connect`.")
        return self.stories

    async def standing(self) -> "Standing":
        """What is connected, be it nothing. Errors: StoreError."""
        from mesrai.flows.connect import Standing, standing

        if self.stories is None:
            return Standing(stored={}, fixed=self.settings.fixed, outages={})
        return await standing(self.stories)


@asynccontextmanager
async def open_bench(talk: Talk, *, makes_store: bool = False) -> AsyncIterator[Bench]:
    """Open all of it. Errors: SettingsError, CredentialMissing, StoreError, VaultLocked."""
    from mesrai import wiring

    async with wiring.open_installation(os.environ, makes_store=makes_store) as installation:
        desk = wiring.connect_desk(installation, who=user_name()) if installation.database is not None else None
        yield Bench(installation=installation, stories=desk, talk=talk)


def read_catalogue() -> Catalogue:
    """The catalogue with the operator's rows laid over it. Errors: SettingsError."""
    from mesrai.settings import catalogue_from

    return catalogue_from(os.environ)


def user_name() -> str:
    """Who sits here, for the audit trail."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"
