"""Test what was filled in, and save it: stage by stage on the page, with what is wrong and what one click can do."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from mesrai import wiring
from mesrai.domain.connection import Connection, Slot
from mesrai.errors import MesraiError
from mesrai.flows.connect import (
    Desk,
    FixedModeStands,
    Saved,
    Unproven,
    is_from_process,
    prove_stored,
    save_as_is,
    save_if_proven,
    standing,
    stored_connection,
    used_now,
)
from mesrai.flows.model_words import title_of
from mesrai.flows.offering import Deed, Offer, offers_for, offers_of
from mesrai.llm.connecting import draft_from
from mesrai.llm.draft import Draft
from mesrai.llm.probing import FREE, Stage, StageResult, Tested, Watch
from mesrai.llm.wish import Wish
from mesrai.server.web.pages.byok_form import FieldWrong, Filled, connection_in, key_in, wish_in
from mesrai.server.web.visit import Visit
from mesrai.wiring import Installation

_SEARCHED = "Nobody of the same vendor knows this key. Copy it again from the page where it was made."


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What connecting a model needs, for one visit."""

    installation: Installation
    desk: Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a test came to, as far as it came."""

    is_full: bool
    slot: str = ""
    card: str = ""  # whose form it was; empty: none
    has_form: bool = False  # what was tested can be changed beside it
    next: str = "test"  # what an offer does after it: "test", or "save" too
    stages: Mapping[Stage, StageResult] = field(default_factory=dict)
    tested: Tested | None = None
    saved: Saved | None = None
    title: str = ""  # of what was tested or saved
    wrong: str = ""  # why nothing was tested
    offers: Sequence[Offer] = ()
    may_force: bool = False  # it may be saved all the same
    is_to_cover: bool = False  # the environment's connection stands there
    is_covering: bool = False  # that was agreed to
    wins: str = ""  # what of the environment is used in place of what was saved

    @property
    def wanted(self) -> Sequence[Stage]:
        """The stages that are tried."""
        return tuple(Stage) if self.is_full else FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One connection to try."""

    filled: Filled
    wish: Wish
    connection: Connection
    is_of_limits: bool = False  # nothing that is sent changes, so it is saved without a test

    @property
    def is_full(self) -> bool:
        """Whether the model itself is asked."""
        return self.filled.action == "save" and self.filled.deed is not Deed.SEARCH

    @property
    def is_covering(self) -> bool:
        """Whether it may stand over what the environment connects."""
        return self.filled.deed is Deed.COVER or bool(self.filled.text("cover"))


async def workplace(visit: Visit) -> Workplace:
    """The settings as they are now. Errors: SettingsError, StoreError."""
    installation = await visit.house.installation()
    desk = wiring.connect_desk(installation, who=visit.member.email)
    return Workplace(installation=installation, desk=desk)


async def attempt_in(place: Workplace, visit: Visit, filled: Filled) -> Attempt:
    """What to try, by the form. Errors: FieldWrong, UserError, VaultLocked."""
    catalogue, key = place.installation.settings.catalogue, key_in(visit.form)
    kept = await stored_connection(place.desk, filled.slot) if filled.text("edits") else None
    is_kept = kept is not None and key is None
    wish = wish_in(filled, key or (kept.key if kept else None), catalogue)
    connection = connection_in(wish, catalogue)
    if kept is None:
        return Attempt(filled=filled, wish=wish, connection=connection)
    if is_kept and not _may_go(kept, connection, place, filled):
        raise FieldWrong("key", "This is another address: paste the key that belongs there.")
    before = draft_from(kept, catalogue)
    if connection.base_url == kept.base_url and connection.model == kept.model:
        wish = replace(wish, tuning=replace(wish.tuning, learned=before.learned))
        connection = connection_in(wish, catalogue)
    is_same = _sent(draft_from(connection, catalogue)) == _sent(before)
    if is_same:
        connection = replace(connection, proven_at=kept.proven_at)
    is_of_limits = is_same and (connection.limits, connection.tier) != (kept.limits, kept.tier)
    return Attempt(filled=filled, wish=wish, connection=connection, is_of_limits=is_of_limits)


async def tried(place: Workplace, attempt: Attempt, watch: Watch) -> Outcome:
    """Test it, and save it if that was asked for. Every failure is in what is returned."""
    filled = attempt.filled
    outcome = Outcome(
        is_full=attempt.is_full,
        slot=str(attempt.connection.slot),
        card=filled.text("card"),
        has_form=True,
        next=filled.action,
        title=title_of(attempt.connection, place.installation.settings.catalogue),
        is_covering=attempt.is_covering,
    )
    if filled.deed is Deed.SEARCH:
        return await _searched(place, attempt, outcome)
    stages: dict[Stage, StageResult] = {}

    def seen(result: StageResult) -> None:
        stages[result.stage] = result
        watch(result)

    try:
        if attempt.is_full:
            saved = await _saved(place.desk, attempt, seen)
            wins = _winner(place.installation, attempt.connection.slot)
            return replace(outcome, stages=stages, saved=saved, tested=saved.tested, wins=wins)
        tested = await wiring.tested(place.installation, attempt.connection, is_full=False, watch=seen)
        return _judged(replace(outcome, stages=stages), tested, place)
    except FixedModeStands:
        return replace(outcome, is_to_cover=True)
    except Unproven as error:
        return _judged(replace(outcome, stages=stages, may_force=True), error.tested, place)
    except MesraiError as error:
        return replace(outcome, stages=stages, wrong=error.message)


async def retried(place: Workplace, slot: Slot, *, is_full: bool, watch: Watch) -> Outcome:
    """Test what a slot runs on. Every failure is in what is returned."""
    outcome = Outcome(is_full=is_full, slot=str(slot))
    try:
        stages, tested, title = await _tested_again(place, slot, is_full=is_full, watch=watch)
    except MesraiError as error:
        return replace(outcome, wrong=error.message)
    judged = _judged(replace(outcome, stages=stages, title=title), tested, place)
    # What is tested has no form around it, so what would change it is told only.
    return replace(judged, offers=[replace(each, label="", does="") for each in judged.offers])


async def streamed(run: Callable[[Watch], "asyncio.Task[Outcome]"]) -> AsyncIterator[StageResult | Outcome]:
    """Each stage as it begins and ends, and at last the outcome. A reader who leaves ends the test."""
    results: asyncio.Queue[StageResult | None] = asyncio.Queue()
    task = run(results.put_nowait)
    task.add_done_callback(lambda _: results.put_nowait(None))
    try:
        while (result := await results.get()) is not None:
            yield result
        yield await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])


async def _tested_again(
    place: Workplace, slot: Slot, *, is_full: bool, watch: Watch
) -> tuple[Mapping[Stage, StageResult], Tested, str]:
    """Errors: CredentialMissing, VaultLocked, StoreError."""
    stages: dict[Stage, StageResult] = {}

    def seen(result: StageResult) -> None:
        stages[result.stage] = result
        watch(result)

    settings = place.installation.unlocked()
    used = settings.main if slot is Slot.MAIN else settings.fallback
    connection, is_saved = used_now(await standing(place.desk), used, slot)
    title = title_of(connection, settings.catalogue)
    if is_saved:
        return stages, await prove_stored(place.desk, slot, is_full=is_full, watch=seen), title
    return stages, await wiring.tested(place.installation, connection, is_full=is_full, watch=seen), title


async def _saved(desk: Desk, attempt: Attempt, watch: Watch) -> Saved:
    if attempt.is_of_limits:
        return await save_as_is(desk, attempt.connection)
    return await save_if_proven(
        desk,
        attempt.connection,
        watch=watch,
        is_forced=attempt.filled.deed is Deed.FORCE,
        may_cover_fixed=attempt.is_covering,
    )


async def _searched(place: Workplace, attempt: Attempt, outcome: Outcome) -> Outcome:
    """Whose key it is: the person agreed to its being shown to the same vendor's other addresses."""
    try:
        homes = tuple(await wiring.find_home_of(place.installation, attempt.connection))
    except MesraiError as error:
        return replace(outcome, wrong=error.message)
    offers = offers_of(homes)
    return replace(outcome, offers=offers, wrong="" if any(each.does for each in offers) else _SEARCHED)


def _judged(outcome: Outcome, tested: Tested, place: Workplace) -> Outcome:
    catalogue = place.installation.settings.catalogue
    offers = offers_for(tested.diagnosis, catalogue) if tested.diagnosis else ()
    return replace(outcome, tested=tested, offers=offers)


def _sent(draft: Draft) -> Draft:
    """What decides what is sent to the model, without limits and what was found out."""
    return replace(
        draft,
        max_concurrent_requests=None,
        tier=None,
        requests_per_minute=None,
        tokens_per_minute=None,
        tokens_per_day=None,
        learned=None,
        proven_at="",
        origins=(),
    )


def _may_go(kept: Connection, connection: Connection, place: Workplace, filled: Filled) -> bool:
    """Whether a saved key may go there: to its own address, or by an offer to another of the same vendor's."""
    if connection.base_url == kept.base_url:
        return True
    catalogue = place.installation.settings.catalogue
    was, now = catalogue.provider(kept.provider), catalogue.provider(connection.provider)
    is_of_vendor = bool(was.vendor) and was.vendor == now.vendor and connection.base_url in now.addresses
    return filled.deed is not None and is_of_vendor


def _winner(installation: Installation, slot: Slot) -> str:
    """What of the environment wins over what is saved; empty if nothing does."""
    settings = installation.settings
    used = settings.main if slot is Slot.MAIN else settings.fallback
    return used.origin if used is not None and is_from_process(used) else ""
