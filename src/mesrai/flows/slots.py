"""How the two slots stand: what is connected, proven, out, asked at this moment, and what its account said last."""

from collections.abc import Mapping
from dataclasses import dataclass

from mesrai.domain.connection import Connection, Slot
from mesrai.domain.outages import Outage
from mesrai.flows.connect import Desk, is_stored, standing
from mesrai.llm.accounts import account_of, name_of
from mesrai.store.connections import Stored
from mesrai.store.in_flight import InFlight, in_flight
from mesrai.store.trials import Trial, last_trial


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotStanding:
    """One slot that is filled."""

    connection: Connection  # what reviews run on, or what is saved and cannot be opened
    key_hint: str
    stored: Stored | None  # None: it is set outside, by the environment or the settings file
    is_saved: bool  # what is saved is what is used
    outage: Outage | None
    use: InFlight
    trial: Trial | None  # None: never tested, or so long ago that it is forgotten


async def slot_standings(
    desk: Desk, used: Mapping[Slot, Connection | None], *, is_locked: bool
) -> Mapping[Slot, SlotStanding]:
    """The slots that are filled; `used` is what reviews run on. Errors: StoreError."""
    now = await standing(desk)
    found: dict[Slot, SlotStanding] = {}
    for slot in Slot:
        stored = now.stored.get(slot)
        # Where what is saved cannot be opened, nothing is asked.
        asked = None if is_locked and stored is not None else used.get(slot)
        connection = asked or (stored.connection if stored else None)
        if connection is None:
            continue
        hint = asked.key.hint if asked and asked.key else stored.key_hint if stored else ""
        account = account_of(connection.base_url, connection.key)
        found[slot] = SlotStanding(
            connection=connection,
            key_hint=hint,
            stored=stored,
            is_saved=is_stored(now, asked, slot),
            outage=now.outages.get(slot),
            use=await in_flight(desk.database, account) if asked else InFlight(),
            trial=await last_trial(desk.database, name_of(connection)) if asked else None,
        )
    return found
