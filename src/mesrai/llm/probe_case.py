"""What a test is about: one connection with all that the catalogue knows of it, and what a stage found."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from mesrai.domain.connection import Connection
from mesrai.llm.catalogue import Catalogue, Known
from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.endpoint import Endpoint
from mesrai.llm.key_families import own_prefixes, rows_for_key
from mesrai.llm.probing import Diagnosis, Problem, State
from mesrai.llm.words import HIDDEN

_LEAST_KEY: Final = 8  # letters; a shorter one could be any word
_IN_SHORT: Final[Mapping[Problem, str]] = {
    Problem.WRONG_PLAN: "The key is not accepted here.",
    Problem.BAD_KEY: "The key is not accepted.",
    Problem.NOT_ADMITTED: "Not admitted.",
    Problem.OUT_OF_CREDIT: "Nothing is left to spend.",
    Problem.QUOTA_SPENT: "The quota is used up.",
    Problem.MEMBERSHIP_LAPSED: "The membership is not active.",
    Problem.THROTTLED: "The account may not ask this fast.",
    Problem.OVERLOADED: "The provider is overloaded.",
    Problem.UNKNOWN_MODEL: "The model is not served to this key.",
    Problem.BAD_ADDRESS: "There is no API at this address.",
    Problem.UNREACHABLE: "Nothing could be reached.",
    Problem.TOO_SLOW: "No answer came in time.",
    Problem.PROVIDER_FAILED: "The provider failed.",
    Problem.SETTING_REFUSED: "The request was refused.",
    Problem.NO_TOOLS: "A conversation with tools is refused.",
    Problem.NO_SHAPE: "The answer has another shape.",
    Problem.NO_ANSWER: "No usable answer came.",
    Problem.REFUSED_ANSWER: "The model refused to answer.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A connection under test."""

    connection: Connection
    catalogue: Catalogue
    row: ProviderRow
    endpoint: Endpoint
    listed: tuple[str, ...] = ()  # model ids the provider lists, as far as was found out
    is_unlisted: bool = False  # it has a list, and the model is not in it

    @property
    def host(self) -> str:
        """The host that requests go to."""
        return urlsplit(self.connection.base_url).hostname or ""

    @property
    def place(self) -> str:
        """Scheme, host and port, for people."""
        parts = urlsplit(self.connection.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def is_own_address(self) -> bool:
        """Whether requests go to the provider's own address, so that what is said there of its models is true."""
        return any(
            self.connection.base_url == each or self.connection.base_url.startswith(f"{each}/")
            for each in self.row.addresses
        )

    @property
    def known(self) -> Known | None:
        """What the catalogue knows of the model; None if nothing."""
        return self.catalogue.find_model(self.row.id, self.connection.model)

    @property
    def siblings(self) -> tuple[ProviderRow, ...]:
        """The same vendor's other plans and platforms, whose keys are mixed up with this one's."""
        vendor = self.row.vendor or self._vendor_by_key
        return tuple(
            each for each in self.catalogue.providers if vendor and each.vendor == vendor and self._is_other(each)
        )

    @property
    def homes(self) -> tuple[ProviderRow, ...]:
        """Of the siblings, those to which a key of this shape may belong."""
        key = self.connection.key
        if not key:
            return ()
        theirs = rows_for_key(key, self.catalogue.providers)
        if theirs:
            return tuple(each for each in self.siblings if each in theirs)
        if not self.is_own_address:  # a gateway's own key looks like any other, and is nothing to show to a vendor
            return ()
        return tuple(each for each in self.siblings if not own_prefixes(each))

    @property
    def _vendor_by_key(self) -> str:
        """Of a connection to nobody's known address: whose key it is by its shape."""
        key = self.connection.key
        rows = rows_for_key(key, self.catalogue.providers) if key and not self.row.base_url else ()
        return rows[0].vendor if rows else ""

    def _is_other(self, row: ProviderRow) -> bool:
        return row.id != self.row.id and bool(row.base_url) and row.base_url != self.connection.base_url

    def without_key(self, text: str) -> str:
        """The text with the key replaced, should a provider have repeated it."""
        key = self.connection.key.open() if self.connection.key else ""
        return re.sub(re.escape(key), HIDDEN, text, flags=re.IGNORECASE) if len(key) >= _LEAST_KEY else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a stage came to."""

    state: State
    told: str
    facts: Sequence[str] = ()
    diagnosis: Diagnosis | None = None
    notices: Sequence[str] = ()
    unproven: Sequence[str] = ()


def case_of(connection: Connection, catalogue: Catalogue) -> Case:
    """The case of a connection. Errors: SettingsError for a provider the catalogue does not know."""
    return Case(
        connection=connection,
        catalogue=catalogue,
        row=catalogue.provider(connection.provider),
        endpoint=catalogue.endpoint_for(connection),
    )


def failed(diagnosis: Diagnosis, facts: Sequence[str] = ()) -> Found:
    """A stage that failed, told in a few words: the diagnosis has the rest."""
    return Found(state=State.FAILED, told=_IN_SHORT[diagnosis.problem], facts=facts, diagnosis=diagnosis)


def limited(diagnosis: Diagnosis, facts: Sequence[str] = ()) -> Found:
    """A stage that passed, with something to know."""
    return Found(state=State.LIMITED, told=diagnosis.told, facts=facts, diagnosis=diagnosis)
