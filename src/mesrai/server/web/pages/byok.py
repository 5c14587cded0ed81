"""The page on which models are connected: both slots, the cards, and the form of a card that was clicked."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from mesrai.domain.connection import Slot
from mesrai.domain.roles import Right
from mesrai.errors import UserError
from mesrai.flows import connect
from mesrai.flows.model_words import PROBLEMS, STAGES, provider_said, settings_said, spent_said, title_of, took_text
from mesrai.flows.slots import SlotStanding, slot_standings
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.connecting import draft_from
from mesrai.llm.wish import Wish
from mesrai.server.web.pages.byok_form import FieldWrong, Filled, filled_in, slot_named, wish_in
from mesrai.server.web.pages.byok_place import (
    cards_shown,
    place_shown,
    plans_shown,
    prefilled,
    sends_of,
    values_from,
    vendor_of,
)
from mesrai.server.web.pages.byok_trial import (
    Outcome,
    Workplace,
    attempt_in,
    retried,
    streamed,
    tried,
    workplace,
)
from mesrai.server.web.visit import Patch, Visit
from mesrai.store.failovers import last_failovers

HERE: Final = "/organization/byok"
_CHANGES: Final = 6  # of connections, shown below
_LOOKED_AT: Final = 60  # entries of the audit trail, to find them among
_RENEWED: Final = re.compile(r"renewed (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)$")
_USED: Final = re.compile(r"([\d,.]+) of ([\d,.]+) used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What an account said of itself."""

    text: str
    used: int | None = None  # percent of a quota's window
    renewed_at: float | None = None  # seconds since the epoch


async def show(visit: Visit) -> Response:
    """GET /organization/byok: `slot`, and `card` with `plan` for the form of a card."""
    return await page(visit, await workplace(visit))


async def page(
    visit: Visit, place: Workplace, *, filled: Filled | None = None, wrong: FieldWrong | None = None, **more: Any
) -> Response:
    """The page; `filled` is what was sent by the form of a card, `wrong` what is wrong with it."""
    installation, catalogue = place.installation, place.installation.settings.catalogue
    slots = await _standings(place)
    now = await connect.standing(place.desk)
    slot = _slot_chosen(visit, filled, has_main=Slot.MAIN in slots)
    card = filled.text("card") if filled else visit.query("card")
    is_choosing = slot not in slots or bool(card) or visit.query("choose") == "1"
    form = await form_of(place, filled or _begun(visit, slot, card)) if card else {}
    return visit.page(
        "byok.html",
        status=400 if wrong else 200,
        slots=[(each, slots.get(each)) for each in Slot],
        words=_words(catalogue),
        fixed=title_of(now.fixed, catalogue) if now.is_fixed and now.fixed else "",
        fixed_by=now.fixed.origin if now.fixed else "",
        refused=_refused_fallback(slot, more, has_main=Slot.MAIN in slots),
        locked=installation.locked.message if installation.locked else "",
        notices=installation.settings.notices,
        choosing=slot if is_choosing and (slot is Slot.MAIN or Slot.MAIN in slots) else None,
        cards=cards_shown(catalogue),
        main_vendor=vendor_of(catalogue.provider(slots[Slot.MAIN].connection.provider)) if Slot.MAIN in slots else "",
        chosen=catalogue.card(card).id if card else "",
        may_edit=visit.may(Right.EDIT_CONNECTIONS),
        failovers=await last_failovers(visit.house.database, visit.house.organisation),
        changes=await _changes(visit, place),
        **{**_EMPTY, **form, **more, **_wrong(wrong)},
    )


async def _standings(place: Workplace) -> Mapping[Slot, SlotStanding]:
    settings = place.installation.settings
    used = {Slot.MAIN: settings.main, Slot.FALLBACK: settings.fallback}
    return await slot_standings(place.desk, used, is_locked=place.installation.locked is not None)


async def form_of(place: Workplace, filled: Filled) -> dict[str, Any]:
    """What the form of a place shows. Errors: FieldWrong where it cannot be used, UserError."""
    catalogue = place.installation.settings.catalogue
    wish, wrong = _wish(filled, catalogue)
    shown = place_shown(wish, catalogue)
    values = prefilled(shown, {**filled.values, **_place_values(wish)})
    return {
        "values": values,
        "place": shown,
        "plans": plans_shown(wish.card, catalogue) if wish.card else (),
        "sends": sends_of(wish, catalogue),
        **(_wrong(wrong) if wrong else {}),
    }


async def attempt(visit: Visit) -> Response:
    """POST /organization/byok/try: test what was filled in, save it, or do what an offer says and test again."""
    place = await workplace(visit)
    filled = filled_in(visit.form)
    try:
        found = await attempt_in(place, visit, filled)
    except FieldWrong as error:
        return await _told_wrong(visit, place, filled, error)
    now = _after_deed(filled, found.wish)

    def run(watch: Any) -> "asyncio.Task[Outcome]":
        return asyncio.create_task(tried(place, found, watch))

    if visit.is_live:
        return visit.live(_patches(visit, place, now, run, is_full=found.is_full))
    outcome = await run(_unwatched)
    return await again(visit, place, now, outcome=outcome)


async def check(visit: Visit) -> Response:
    """POST /organization/byok/check: what the place is and what will be sent, without asking anybody."""
    place = await workplace(visit)
    filled = replace(filled_in(visit.form), deed=None)
    of = visit.query("of")
    if of == "plan":  # the cap belongs to the plan before
        filled = replace(filled, values={**filled.values, "max_concurrent_requests": ""})
    if not visit.is_live:
        return await again(visit, place, filled)
    form = {**_EMPTY, **await form_of(place, filled)}

    async def patches() -> AsyncIterator[Patch]:
        if of:
            yield Patch(into="place", html=visit.text("byok_place.html", **form))
            yield Patch(into="advanced", html=visit.text("byok_advanced.html", **form))
        yield Patch(into="custom_json-wrong", html=visit.text("byok_json.html", **form))
        yield Patch(into="sends", html=visit.text("byok_sends.html", **form))

    return visit.live(patches())


async def edit(visit: Visit) -> Response:
    """GET /organization/byok/edit: the saved connection of a slot."""
    place = await workplace(visit)
    slot = slot_named(visit.query("slot", "main"))
    saved = await connect.stored_connection(place.desk, slot)
    draft = draft_from(saved, place.installation.settings.catalogue)
    filled = Filled(values={**values_from(draft, saved), "edits": "yes"})
    return await again(visit, place, filled, hint=saved.key.hint if saved.key else "")


async def again(visit: Visit, place: Workplace, filled: Filled, **more: Any) -> Response:
    """The page whose form was sent, with what was filled in but the key."""
    if filled.text("card"):
        return await page(visit, place, filled=filled, **more)
    form = await form_of(place, filled)
    wrong = more.pop("wrong", None)
    return visit.page(
        "byok_edit.html" if filled.text("edits") else "byok_last_step.html",
        status=400 if wrong else 200,
        words=_words(place.installation.settings.catalogue),
        slot=filled.slot,
        **{**_EMPTY, **form, **more, **_wrong(wrong)},
    )


async def retest(visit: Visit) -> Response:
    """POST /organization/byok/retest: test what a slot runs on, for free or in full."""
    place, slot = await workplace(visit), slot_named(visit.form.text("slot"))
    is_full = visit.form.text("full") == "yes"

    def run(watch: Any) -> "asyncio.Task[Outcome]":
        return asyncio.create_task(retried(place, slot, is_full=is_full, watch=watch))

    if visit.is_live:
        return visit.live(_retest_patches(visit, place, slot, run, is_full=is_full))
    outcome = await run(_unwatched)
    return await page(visit, await workplace(visit), outcome=outcome, outcome_of=slot)


async def remove(visit: Visit) -> Response:
    """POST /organization/byok/remove: forget a saved connection with its key."""
    place, slot = await workplace(visit), slot_named(visit.form.text("slot"))
    if not await connect.remove(place.desk, slot):
        raise UserError(f"No {slot} connection is saved, so there is nothing to remove.")
    return visit.go(HERE, f"The {slot} connection and its key were removed.")


_EMPTY: Final[Mapping[str, Any]] = {
    "outcome": None, "outcome_of": None, "wrong_field": "", "wrong_text": "", "hint": "", "sends": None, "plans": (),
    "prefix": "",
}  # fmt: skip


def _unwatched(_result: object) -> None:
    """Nobody looks on: the next page shows all of it."""


async def _told_wrong(visit: Visit, place: Workplace, filled: Filled, error: FieldWrong) -> Response:
    if not visit.is_live:
        return await again(visit, place, _moved(filled, place.installation.settings.catalogue), wrong=error)

    async def patches() -> AsyncIterator[Patch]:
        outcome = Outcome(is_full=False, wrong=error.message, is_covering=bool(filled.text("cover")))
        yield Patch(into="outcome", html=_outcome_html(visit, place, outcome))
        if error.name:
            yield Patch(into=f"{error.name}-wrong", html=visit.text("byok_wrong.html", text=error.message))

    return visit.live(patches())


async def _patches(visit: Visit, place: Workplace, filled: Filled, run: Any, *, is_full: bool) -> AsyncIterator[Patch]:
    """The form as a deed changed it, each stage as it happens, and the outcome."""
    form = {**_EMPTY, **await form_of(place, filled)}
    for into in ("plans", "place", "advanced", "sends"):
        yield Patch(into=into, html=visit.text(f"byok_{into}.html", **form))
    yield Patch(into="key-wrong", html="")
    async for patch in _stages(visit, place, run, is_full=is_full, into="outcome"):
        yield patch


async def _retest_patches(
    visit: Visit, place: Workplace, slot: Slot, run: Any, *, is_full: bool
) -> AsyncIterator[Patch]:
    """Each stage as it happens, the outcome, and what the account says now."""
    async for patch in _stages(visit, place, run, is_full=is_full, into=f"outcome-{slot}", prefix=f"{slot}-"):
        yield patch
    standing = (await _standings(place)).get(slot)
    if standing is not None:
        words = _words(place.installation.settings.catalogue)
        yield Patch(into=f"account-{slot}", html=visit.text("byok_account.html", standing=standing, words=words))


async def _stages(
    visit: Visit, place: Workplace, run: Any, *, is_full: bool, into: str, prefix: str = ""
) -> AsyncIterator[Patch]:
    yield Patch(into=into, html=_outcome_html(visit, place, Outcome(is_full=is_full), prefix=prefix, is_running=True))
    async for found in streamed(run):
        if isinstance(found, Outcome):
            yield Patch(into=into, html=_outcome_html(visit, place, found, prefix=prefix))
        else:
            html = visit.text("byok_stage.html", result=found, words=_words(place.installation.settings.catalogue))
            yield Patch(into=f"{prefix}stage-{found.stage}", html=html)


def _outcome_html(
    visit: Visit, place: Workplace, outcome: Outcome, *, prefix: str = "", is_running: bool = False
) -> str:
    words = _words(place.installation.settings.catalogue)
    return visit.text("byok_outcome.html", outcome=outcome, prefix=prefix, is_running=is_running, words=words)


def _moved(filled: Filled, catalogue: Catalogue) -> Filled:
    """The form at the place where its deed leads. Errors: FieldWrong, UserError."""
    return _after_deed(filled, _wish(filled, catalogue)[0]) if filled.deed else filled


def _after_deed(filled: Filled, wish: Wish) -> Filled:
    """The form as it stands once the deed was done, so that the next click builds upon it."""
    values = {**filled.values, **_place_values(wish)}
    if filled.deed is not None and wish.tuning.max_concurrent_requests is None:
        values["max_concurrent_requests"] = ""
    return replace(filled, values=values, deed=None)


def _place_values(wish: Wish) -> dict[str, str]:
    if wish.card is None:
        return {"provider": wish.provider, "base_url": wish.base_url, "model": wish.model}
    plan = next((each for each in wish.card.plans if each.provider == wish.provider), None)
    if plan is not None and plan.model == wish.model and not wish.base_url:
        return {"card": wish.card.id, "plan": plan.id, "provider": "", "base_url": "", "model": ""}
    # A deed led off the card: another model, or an address that none of its plans has.
    return {"card": "", "plan": "", "provider": wish.provider, "base_url": wish.base_url, "model": wish.model}


def _begun(visit: Visit, slot: Slot, card: str) -> Filled:
    return Filled(values={"slot": str(slot), "card": card, "plan": visit.query("plan")})


def _wish(filled: Filled, catalogue: Catalogue) -> tuple[Wish, FieldWrong | None]:
    """The wish, or that of the place alone where a setting cannot be read. Errors: FieldWrong, UserError."""
    try:
        return wish_in(filled, None, catalogue), None
    except FieldWrong as error:
        names = ("slot", "card", "plan", "provider", "base_url", "model")
        bare = replace(filled, values={name: filled.text(name) for name in names})
        return wish_in(bare, None, catalogue), error


def _wrong(error: FieldWrong | None) -> dict[str, Any]:
    return {"wrong_field": error.name, "wrong_text": error.message} if error else {}


def _slot_chosen(visit: Visit, filled: Filled | None, *, has_main: bool) -> Slot:
    if filled is not None:
        return filled.slot
    slot = slot_named(visit.query("slot", "main"))
    return slot if has_main else Slot.MAIN


def _refused_fallback(slot: Slot, more: Mapping[str, Any], *, has_main: bool) -> str:
    """Why a fallback was not saved, where its section does not stand on the page."""
    outcome = more.get("outcome")
    return outcome.wrong if outcome is not None and slot is Slot.FALLBACK and not has_main else ""


async def _changes(visit: Visit, place: Workplace) -> list[Any]:
    if not visit.may(Right.SEE_AUDIT):
        return []
    entries = await connect.audit(place.desk, most=_LOOKED_AT)
    return [each for each in entries if each.what.startswith(("connection.", "keys."))][:_CHANGES]


def _words(catalogue: Catalogue) -> dict[str, Any]:
    """The words that the templates need for values of ours."""
    return {
        "title": lambda connection: title_of(connection, catalogue),
        "settings": lambda standing: list(settings_said(standing.connection, catalogue, standing.key_hint)),
        "facts": facts_of,
        "proven_at": lambda connection: datetime.fromisoformat(connection.proven_at).timestamp(),
        "problems": PROBLEMS,
        "stages": STAGES,
        "provider": provider_said,
        "spent": spent_said,
        "took": took_text,
        "card_at": lambda provider, card: _card_at(catalogue, provider, card),
    }


def _card_at(catalogue: Catalogue, provider: str, card: str) -> str:
    """The address of the form for a provider: the card's plan there, or else the manual way."""
    plans = catalogue.card(card).plans if card else ()
    plan = next((each.id for each in plans if each.provider == provider), "")
    return f"{HERE}?card={card}&plan={plan}" if plan else f"{HERE}/manual?provider={provider}"


def facts_of(standing: SlotStanding) -> list[Fact]:
    """What the account said when it was tested last: balance, windows of its quota."""
    return [_fact(text) for text in standing.trial.facts] if standing.trial else []


def _fact(text: str) -> Fact:
    renewed, used = _RENEWED.search(text), _USED.search(text)
    at = datetime.fromisoformat(renewed[1].replace("Z", "+00:00")).timestamp() if renewed else None
    shown = text[: renewed.start()].rstrip(", ") if renewed else text
    return Fact(text=shown, used=_percent(used) if used else None, renewed_at=at)


def _percent(used: re.Match[str]) -> int | None:
    try:
        part, whole = (float(each.replace(",", "")) for each in used.groups())
    except ValueError:
        return None
    return min(100, round(100 * part / whole)) if whole > 0 else None
