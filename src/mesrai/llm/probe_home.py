"""Whose key it is: the same vendor's other endpoints are asked, for nothing, once a person agreed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from mesrai.domain.connection import Connection
from mesrai.errors import ModelAuth, ModelError
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.catalogue_rows import ProviderRow
from mesrai.llm.probe_case import Case, case_of
from mesrai.llm.probe_fetch import fetch
from mesrai.llm.probing import Home, Verdict
from mesrai.llm.transport import Session


async def find_home(connection: Connection, catalogue: Catalogue, session: Session) -> Sequence[Home]:
    """What the vendor's other endpoints say of this connection's key, those that accept it first.

    It shows the key to them, so call it only when the person agreed. Nothing is spent. Errors: SettingsError for an
    unknown provider.
    """
    case = case_of(connection, catalogue)
    homes = await asyncio.gather(*(_asked(case, row, session) for row in case.homes))
    order = list(Verdict)
    return sorted(homes, key=lambda home: order.index(home.verdict))


async def _asked(case: Case, row: ProviderRow, session: Session) -> Home:
    there = case_of(replace(case.connection, provider=row.id, base_url=row.base_url), case.catalogue)
    verdict, told = await _verdict(there, session)
    return Home(provider=row.id, name=row.name, base_url=row.base_url, verdict=verdict, told=told)


async def _verdict(case: Case, session: Session) -> tuple[Verdict, str]:
    path = case.row.key_check or (case.row.lists_models if case.row.list_proves_key else "")
    name = case.row.name
    if not path:
        return Verdict.UNTOLD, f"{name} has no free question that tells whose key it is."
    try:
        answer = await fetch(case, session, path)
    except ModelAuth:
        return Verdict.REFUSED, f"{name} does not accept the key."
    except ModelError:
        return Verdict.UNREACHABLE, f"{name} cannot be reached from here."
    if answer.is_fine:
        return Verdict.ACCEPTED, f"{name} accepts the key."
    if isinstance(answer.error(case), ModelAuth):
        return Verdict.REFUSED, f"{name} does not accept the key."
    if answer.status in (402, 429):  # it knows the account, or it would not speak of its money and limits
        return Verdict.ACCEPTED, f"{name} knows the key, but does not serve it now."
    return Verdict.UNTOLD, f"{name} answers with something else (HTTP {answer.status})."
