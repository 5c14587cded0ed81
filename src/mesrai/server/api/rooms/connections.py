"""Connections to models: show, test and save, test, preview, find whose key it is, remove."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from mesrai import wiring
from mesrai.domain.connection import Connection, Slot
from mesrai.domain.roles import Right
from mesrai.domain.secret import Secret
from mesrai.errors import CredentialMissing, SettingsError
from mesrai.flows import connect
from mesrai.flows.slots import SlotStanding, slot_standings
from mesrai.llm.cards import plan_named
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.connecting import draft_from, key_from
from mesrai.llm.draft import Draft
from mesrai.llm.preview import preview
from mesrai.llm.probing import StageResult, Tested
from mesrai.llm.wish import Wish
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.problems import ApiError, Beside, Code, not_found
from mesrai.server.api.rooms.connection_shapes import (
    ConnectionList,
    ConnectionSaved,
    HomeList,
    HomeShown,
    PreviewConnection,
    RequestShown,
    SaveConnection,
    SearchHome,
    SlotAt,
    TestShown,
    TestSlot,
    TryConnection,
    Wanted,
    connection_shown,
    test_shown,
)
from mesrai.wiring import Installation

_TAG: Final = "connections"
_PREFIX: Final = "the connection: "
_NO_KEY: Final = "none"  # too short for any of it to be shown
_LIMITS: Final = (
    "tier", "max_concurrent_requests", "requests_per_minute", "tokens_per_minute", "tokens_per_day"
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The settings as they are now, and the stories of connecting a model."""

    installation: Installation
    desk: connect.Desk

    @property
    def catalogue(self) -> Catalogue:
        return self.installation.settings.catalogue

    def used(self, slot: Slot) -> Connection | None:
        settings = self.installation.settings
        return settings.main if slot is Slot.MAIN else settings.fallback


async def show(call: Call) -> ConnectionList:
    """GET /connections."""
    bench = await _bench(call)
    slots = await _slots(bench)
    shown = {slot: connection_shown(found, bench.catalogue) for slot, found in slots.items()}
    return ConnectionList(
        main=shown.get(Slot.MAIN),
        fallback=shown.get(Slot.FALLBACK),
        is_locked=bench.installation.locked is not None,
        notices=list(bench.installation.settings.notices),
    )


async def save(call: Call) -> ConnectionSaved:
    """PUT /connections/{slot}: test & save."""
    slot, asked, bench = call.read(SlotAt).slot, call.read(SaveConnection), await _bench(call)
    connection, kept = await _wanted(bench, asked, slot)
    if kept is not None and _is_of_limits(connection, kept, bench.catalogue):
        learned = replace(connection, proven_at=kept.proven_at, learned=kept.learned)
        saved = await connect.save_as_is(bench.desk, learned)
    else:
        try:
            saved = await connect.save_if_proven(
                bench.desk, connection, watch=_unseen, is_forced=asked.force, may_cover_fixed=asked.replace_fixed
            )
        except connect.Unproven as error:
            test = msgspec.to_builtins(test_shown(error.tested))
            raise ApiError(Code.UNPROVEN, error.message, Beside(test=test)) from error
        except connect.FixedModeStands as error:
            raise ApiError(Code.CONFLICT, f"{error.message} Send `replace_fixed`.") from error
    now = await _bench(call)
    found = (await _slots(now)).get(slot)
    if found is None:
        raise ApiError(Code.CONFLICT, "Somebody else removed the connection meanwhile.")
    return ConnectionSaved(
        connection=connection_shown(found, now.catalogue), test=test_shown(saved.tested) if saved.tested else None
    )


async def remove(call: Call) -> None:
    """DELETE /connections/{slot}."""
    if not await connect.remove((await _bench(call)).desk, call.read(SlotAt).slot):
        raise not_found("saved connection")


async def test(call: Call) -> TestShown:
    """POST /connections/{slot}/test: what reviews run on."""
    slot, is_full, bench = call.read(SlotAt).slot, call.read(TestSlot).full, await _bench(call)
    bench.installation.unlocked()
    connection, is_saved = await _used(bench, slot)
    if is_saved:
        return test_shown(await connect.prove_stored(bench.desk, slot, is_full=is_full, watch=_unseen))
    return test_shown(await _tested(bench, connection, is_full=is_full))


async def try_(call: Call) -> TestShown:
    """POST /connections/test: a connection that is not saved."""
    asked, bench = call.read(TryConnection), await _bench(call)
    connection, _ = await _wanted(bench, asked, asked.slot)
    return test_shown(await _tested(bench, connection, is_full=asked.full))


async def show_request(call: Call) -> RequestShown:
    """POST /connections/preview."""
    asked, bench = call.read(PreviewConnection), await _bench(call)
    with _said():
        wish = _wish(asked, asked.slot, bench.catalogue)
        row = bench.catalogue.provider(wish.provider) if wish.provider else None
        stand_in = Secret(f"{next(iter(row.key_prefixes if row else ()), '')}{_NO_KEY}")
        connection = replace(wish, key=wish.key or stand_in).connection(bench.catalogue)
        found = preview(connection, bench.catalogue)
    return RequestShown(
        method=found.method,
        url=found.url,
        headers=dict(found.headers),
        body=dict(found.body),
        notices=list(connection.notices),
    )


async def search_home(call: Call) -> HomeList:
    """POST /connections/home."""
    asked, bench = call.read(SearchHome), await _bench(call)
    connection, _ = await _wanted(bench, asked, asked.slot)
    homes = await wiring.find_home_of(bench.installation, connection)
    names = ("provider", "name", "base_url", "told")
    return HomeList(
        items=[HomeShown(verdict=str(each.verdict), **{name: getattr(each, name) for name in names}) for each in homes]
    )


async def _bench(call: Call) -> _Bench:
    installation = await call.house.installation()
    return _Bench(installation=installation, desk=wiring.connect_desk(installation, who=call.who))


async def _slots(bench: _Bench) -> dict[Slot, SlotStanding]:
    used = {slot: bench.used(slot) for slot in Slot}
    return dict(await slot_standings(bench.desk, used, is_locked=bench.installation.locked is not None))


async def _used(bench: _Bench, slot: Slot) -> tuple[Connection, bool]:
    """What a slot runs on, and whether it is what is saved. Errors: ApiError if nothing is connected."""
    try:
        return connect.used_now(await connect.standing(bench.desk), bench.used(slot), slot)
    except CredentialMissing:
        raise not_found("connection") from None


async def _tested(bench: _Bench, connection: Connection, *, is_full: bool) -> Tested:
    return await wiring.tested(bench.installation, connection, is_full=is_full, watch=_unseen)


async def _wanted(bench: _Bench, asked: Wanted, slot: Slot) -> tuple[Connection, Connection | None]:
    """What is asked for, and what is saved if its key is meant. Errors: ApiError, VaultLocked."""
    with _said():
        wish = _wish(asked, slot, bench.catalogue)
        if asked.key:
            return wish.connection(bench.catalogue), None
        stored = (await connect.standing(bench.desk)).stored.get(slot)
        if stored is None:
            return wish.connection(bench.catalogue), None
        place = replace(wish, key=Secret(_NO_KEY)).connection(bench.catalogue)
        if place.base_url != stored.connection.base_url:
            return wish.connection(bench.catalogue), None
        kept = await connect.stored_connection(bench.desk, slot)
        return replace(wish, key=kept.key).connection(bench.catalogue), kept


def _wish(asked: Wanted, slot: Slot, catalogue: Catalogue) -> Wish:
    """Errors: SettingsError, ApiError."""
    key = key_from(asked.key, "The key") if asked.key else None
    wish = Wish(slot=slot, key=key, tuning=_tuning(asked))
    if asked.card and asked.provider:
        raise ApiError(
            Code.INVALID, "A card has its own provider: give `card` with `plan`, or `provider` with `model`."
        )
    if asked.card:
        card = catalogue.card(asked.card)
        plan = plan_named(asked.plan, card)
        return replace(wish, card=card, model=asked.model).with_plan(catalogue.plan_facts(card.id, plan.id))
    if asked.plan:
        raise ApiError(Code.INVALID, "`plan` goes with a card.")
    if not asked.provider and not asked.base_url:
        raise ApiError(Code.INVALID, "Say what is to be connected: `card`, `provider` or `base_url`.")
    provider = catalogue.provider(asked.provider).id if asked.provider else ""
    return replace(wish, provider=provider, base_url=asked.base_url, model=asked.model)


def _tuning(asked: Wanted) -> Draft:
    routing = tuple(each.strip() for each in asked.routing if each.strip())
    return Draft(
        thinking=asked.thinking,
        custom_json="" if asked.custom_json is None else json.dumps(asked.custom_json),
        routing=routing,
        routing_fallbacks=None if asked.routing_fallbacks else False,
        temperature=asked.temperature,
        max_output_tokens=asked.max_output_tokens,
        **{name: getattr(asked, name) for name in _LIMITS},
    )


def _is_of_limits(connection: Connection, kept: Connection, catalogue: Catalogue) -> bool:
    """Whether it differs from what is saved in nothing that is sent."""
    is_same = _sent(draft_from(connection, catalogue)) == _sent(draft_from(kept, catalogue))
    return is_same and (connection.limits, connection.tier) != (kept.limits, kept.tier)


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


@contextmanager
def _said() -> Iterator[None]:
    """What is wrong with a connection, without where it would have been set. Keys are never in it."""
    try:
        yield
    except (SettingsError, CredentialMissing) as error:
        raise ApiError(Code.REFUSED, error.message.removeprefix(_PREFIX)) from error


def _unseen(_result: StageResult) -> None:
    """The stages are all in the answer."""


OPERATIONS: Final = (
    Operation(
        name="listConnections",
        tag=_TAG,
        method="GET",
        path="/connections",
        needs=Right.SEE_CONNECTIONS,
        told="Show the main model and the fallback. Keys are never given back.",
        do=show,
        answer=ConnectionList,
    ),
    Operation(
        name="saveConnection",
        tag=_TAG,
        method="PUT",
        path="/connections/{slot}",
        needs=Right.EDIT_CONNECTIONS,
        told="Test a connection in full and save it if its model really answered; what is only a limit is saved as it "
        "is. If it did not answer, the problem has the `test` with a diagnosis.",
        do=save,
        at=SlotAt,
        body=SaveConnection,
        answer=ConnectionSaved,
        errors=(Code.UNPROVEN, Code.CONFLICT, Code.REFUSED),
    ),
    Operation(
        name="removeConnection",
        tag=_TAG,
        method="DELETE",
        path="/connections/{slot}",
        needs=Right.EDIT_CONNECTIONS,
        told="Forget a saved connection with its key. A main one goes only after its fallback.",
        do=remove,
        at=SlotAt,
        status=204,
        errors=(Code.REFUSED,),
    ),
    Operation(
        name="testConnection",
        tag=_TAG,
        method="POST",
        path="/connections/{slot}/test",
        needs=Right.EDIT_CONNECTIONS,
        told="Test what reviews run on: what is free, or with `full` the model itself.",
        do=test,
        at=SlotAt,
        body=TestSlot,
        answer=TestShown,
        errors=(Code.REFUSED,),
        is_once=True,
    ),
    Operation(
        name="tryConnection",
        tag=_TAG,
        method="POST",
        path="/connections/test",
        needs=Right.EDIT_CONNECTIONS,
        told="Test a connection without saving it.",
        do=try_,
        body=TryConnection,
        answer=TestShown,
        errors=(Code.REFUSED,),
    ),
    Operation(
        name="previewConnection",
        tag=_TAG,
        method="POST",
        path="/connections/preview",
        needs=Right.EDIT_CONNECTIONS,
        told="Show the request that a review would send, its key hidden. Nothing is sent.",
        do=show_request,
        body=PreviewConnection,
        answer=RequestShown,
        errors=(Code.REFUSED,),
    ),
    Operation(
        name="searchHome",
        tag=_TAG,
        method="POST",
        path="/connections/home",
        needs=Right.EDIT_CONNECTIONS,
        told="Ask the same vendor's other addresses, free of charge, whose key it is. The key is shown to them.",
        do=search_home,
        body=SearchHome,
        answer=HomeList,
        errors=(Code.REFUSED, Code.UPSTREAM),
    ),
)
