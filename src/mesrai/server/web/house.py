"""What the pages need of the rest of the program."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mesrai.flows import sign_in
from mesrai.jobs.queue import Queue
from mesrai.store.database import Database
from mesrai.store.passwords import Passwords

if TYPE_CHECKING:
    from mesrai.wiring import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The program behind the pages."""

    database: Database
    organisation: str
    queue: Queue
    passwords: Passwords
    installation: "Callable[[], Awaitable[Installation]]"  # the settings as they are at this moment
    broken: Callable[[], Awaitable[Mapping[str, str]]]  # what is broken, by the name of the part
    public_url: str = ""  # where people reach the pages; empty: wherever they asked
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
        return sign_in.Desk(database=self.database, organisation=self.organisation, passwords=self.passwords)
