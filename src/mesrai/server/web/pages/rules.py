"""The rules: which are checked where, and where they stand; write, switch, exclude and delete them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from starlette.responses import PlainTextResponse, Response

from mesrai.domain.memory import MemoryState
from mesrai.domain.policy_levels import Origin
from mesrai.domain.roles import Right
from mesrai.domain.saved_policy import Place
from mesrai.errors import AccessDenied, UserError
from mesrai.flows import configuring
from mesrai.flows.configuring import RuleShown, View
from mesrai.review.render.rule_text import file_stem, rule_text
from mesrai.server.web.pages import rule_form
from mesrai.server.web.pages.config_place import (
    Where,
    address,
    choices,
    desk_of,
    may_edit,
    name_of,
    needs_edit,
    place_asked,
    place_filled_in,
    where,
)
from mesrai.server.web.pages.rule_form import RuleFields
from mesrai.server.web.visit import Visit
from mesrai.store.memories import decide_memory, find_memory

HERE: Final = "/rules"
EDIT: Final = "/rules/edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A rule on the page."""

    shown: RuleShown
    where: Where
    state: str
    kind: str  # of its badge
    may_change: bool  # here


async def show(visit: Visit) -> Response:
    """GET /rules?repository=…&folder=…"""
    place = await place_asked(visit)
    desk = desk_of(visit)
    view = await configuring.look_at(desk, place)
    edits = may_edit(visit, place.repository) and not desk.central_name
    listed = [_listed(visit, view, each, may_change=edits) for each in view.rules]
    return visit.page(
        "rules.html",
        here=await choices(visit, place),
        view=view,
        name=name_of(place),
        own=[each for each in listed if each.shown.is_here],
        above=[each for each in listed if not each.shown.is_here],
        may_edit=edits,
        may_try=may_edit(visit, place.repository) and visit.may(Right.RUN_REVIEWS),
        central=desk.central_name,
        address=address,
    )


async def show_edit(visit: Visit) -> Response:
    """GET /rules/edit: an empty form, a rule's with `title`, or that of a memory's words with `memory`."""
    place = await place_asked(visit)
    title, memory = visit.query("title"), visit.query("memory")
    if title:
        fields = rule_form.fields_of((await saved_rule(visit, place, title)).rule)
    elif memory.isdecimal():
        found = await find_memory(visit.house.database, visit.house.organisation, int(memory[:12]))
        fields = rule_form.fields_from_memory(found) if found else RuleFields()
    else:
        fields = RuleFields()
    return _edit_page(visit, place, fields, was=title, memory=memory if memory.isdecimal() else "")


async def save(visit: Visit) -> Response:
    """POST /rules/edit. What is wrong is told beside its field."""
    place, was = await place_filled_in(visit), visit.form.text("was")
    fields = rule_form.fields_in(visit.form)
    read = rule_form.read_fields(fields)
    if read.rule is None:
        return _edit_page(visit, place, fields, was=was, errors=read.errors)
    try:
        await configuring.put_rule(desk_of(visit), place, read.node, was=was)
    except AccessDenied:
        raise
    except UserError as error:
        return _edit_page(visit, place, fields, was=was, error=error.message)
    told = f"“{read.rule.title}” is saved; it is checked from the next review on."
    if visit.form.is_set("discard"):
        told += await _discarded(visit, visit.form.text("memory"))
    return visit.go(address(HERE, place), told)


async def remove(visit: Visit) -> Response:
    """POST /rules/remove."""
    place, title = await place_filled_in(visit), visit.form.text("title")
    await configuring.remove_rule(desk_of(visit), place, title)
    return visit.go(address(HERE, place), f"“{title}” is deleted.")


async def switch(visit: Visit) -> Response:
    """POST /rules/switch."""
    place, title = await place_filled_in(visit), visit.form.text("title")
    is_enabled = visit.form.text("enabled") == "1"
    await configuring.switch_rule(desk_of(visit), place, title, is_enabled=is_enabled)
    return visit.go(address(HERE, place), f"“{title}” is {'checked again' if is_enabled else 'switched off'}.")


async def exclude(visit: Visit) -> Response:
    """POST /rules/exclude: of a rule from above, at this level."""
    place, title = await place_filled_in(visit), visit.form.text("title")
    is_excluded = visit.form.text("excluded") == "1"
    await configuring.exclude_rule(desk_of(visit), place, title, is_excluded=is_excluded)
    view = await configuring.look_at(desk_of(visit), place)
    if any(each.is_excluded is not is_excluded for each in view.rules if each.rule.title == title and not each.is_here):
        told = f"It is saved, but a file in git says which rules are excluded for {name_of(place)}, and wins."
        return visit.go(address(HERE, place), told, kind="bad")
    told = "is not checked for" if is_excluded else "is checked again for"
    return visit.go(address(HERE, place), f"“{title}” {told} {name_of(place)}.")


async def export(visit: Visit) -> Response:
    """GET /rules/file: a rule as a file for the repository's `.mesrai/rules/`."""
    rule = (await found_rule(visit, await place_asked(visit), visit.query("title"))).rule
    disposition = {"content-disposition": f'attachment; filename="{file_stem(rule.title) or "rule"}.md"'}
    return PlainTextResponse(rule_text(rule), headers=disposition, media_type="text/markdown; charset=utf-8")


async def found_rule(visit: Visit, place: Place, title: str) -> RuleShown:
    """The rule of that title that stands at a place or above it. Errors: UserError if there is none."""
    view = await configuring.look_at(desk_of(visit), place)
    found = next((each for each in reversed(view.rules) if each.rule.title == title), None)
    if found is None:
        raise UserError(f"There is no rule “{title}” here.")
    return found


async def saved_rule(visit: Visit, place: Place, title: str) -> RuleShown:
    """The rule of that title that is saved at this very place. Errors: UserError if there is none."""
    view = await configuring.look_at(desk_of(visit), place)
    mine = [each for each in view.rules if each.is_saved and each.is_here and each.rule.title == title]
    if not mine:
        raise UserError(f"There is no rule “{title}” here.")
    return mine[0]


def _listed(visit: Visit, view: View, shown: RuleShown, *, may_change: bool) -> Listed:
    origin = Origin(
        key="rules", value=shown.rule.title, level=shown.level, where=shown.rule.origin, is_saved=shown.is_saved
    )
    state, kind = _state(shown)
    return Listed(
        shown=shown,
        where=where(visit.house, view.place, origin),
        state=state,
        kind=kind,
        may_change=may_change and shown.is_saved and shown.is_here,
    )


def _state(shown: RuleShown) -> tuple[str, str]:
    if not shown.rule.is_enabled:
        return "switched off", "warn"
    if shown.is_excluded:
        return "excluded here", "warn"
    return ("checked", "good") if shown.is_checked else ("not taken over here", "warn")


def _edit_page(
    visit: Visit,
    place: Place,
    fields: RuleFields,
    *,
    was: str,
    memory: str = "",
    error: str = "",
    errors: Mapping[str, str] | None = None,
) -> Response:
    desk = desk_of(visit)
    return visit.page(
        "rule_edit.html",
        status=400 if error or errors else 200,
        place=place,
        name=name_of(place),
        fields=replace(fields, good=_with_room(fields.good), bad=_with_room(fields.bad)),
        was=was,
        memory=memory or visit.form.text("memory"),
        error=error,
        errors=errors or {},
        severities=rule_form.SEVERITIES,
        scopes=rule_form.SCOPES,
        languages=rule_form.LANGUAGES,
        may_edit=may_edit(visit, place.repository) and not desk.central_name,
        central=desk.central_name,
        address=address,
    )


async def _discarded(visit: Visit, memory: str) -> str:
    """Stop telling reviews of a memory that became a rule; a sentence about it. Errors: AccessDenied, MemoryRefused."""
    house = visit.house
    number = int(memory) if memory.isascii() and memory.isdecimal() and len(memory) < 13 else 0
    found = await find_memory(house.database, house.organisation, number)
    if found is None:
        return ""
    needs_edit(visit, found.repository)
    await decide_memory(house.database, house.organisation, number, MemoryState.DISCARDED, who=visit.member.email)
    return f" Memory {number} is discarded."


def _with_room(snippets: tuple[str, ...]) -> tuple[str, ...]:
    """The snippets, and an empty field for one more."""
    return (*snippets, "")
