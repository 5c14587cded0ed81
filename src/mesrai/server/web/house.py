"""What the pages need of the rest of the program."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mesrai.flows import configuring, connect_forge, review_once, sign_in
from mesrai.jobs.queue import Queue
from mesrai.server.web.oidc import SignInElsewhere
from mesrai.store.database import Database
from mesrai.store.forge_access import ForgeAccess
from mesrai.store.passwords import Passwords

if TYPE_CHECKING:
    from mesrai.wiring import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgePlace:
    """The code host this installation is for, and who told us how to reach it."""

    host: str = "github.com"
    web: str = "https://github.com"
    is_set_outside: bool = False  # by the environment, which wins over what is saved


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The program behind the pages."""

    database: Database
    organisation: str
    queue: Queue
    passwords: Passwords
    installation: "Callable[[], Awaitable[Installation]]"  # the settings as they are at this moment
    broken: Callable[[], Awaitable[Mapping[str, str]]]  # what is broken, by the name of the part
    connecting: Callable[[str], connect_forge.Desk]  # the stories of connecting a code host, told for somebody
    configuring: Callable[[str], configuring.Desk]  # the stories of what is saved, told for somebody
    reading: Callable[[str], AbstractAsyncContextManager[review_once.Desk]]  # a repository's pull requests, by its name
    new_app: Callable[[str], Awaitable[ForgeAccess]]  # from the code GitHub sends back. Errors: ForgeError
    forge: ForgePlace = ForgePlace()
    public_url: str = ""  # where people reach the pages; empty: wherever they asked
    elsewhere: SignInElsewhere | None = None  # the identity provider; None: there is none
    is_password_for_all: bool = True  # otherwise for owners only
    now: Callable[[], float] = field(default=time.time)  # seconds since the epoch

    @property
    def is_secure(self) -> bool:
        """Whether people come over https, so that cookies may be kept to it."""
        return self.public_url.startswith("https://")

    @property
    def host(self) -> str:
        """The host people ask for, with its port; empty: any."""
        return urlsplit(self.public_url).netloc.lower()

    @property
    def doors(self) -> sign_in.Desk:
        """What signing in needs."""
        closed = "" if self.is_password_for_all or self.elsewhere is None else self.elsewhere.name
        return sign_in.Desk(
            database=self.database, organisation=self.organisation, passwords=self.passwords, elsewhere=closed
        )
