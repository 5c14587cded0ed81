"""Try a rule on a past change: first what it would cost, then what it would report. Nothing is posted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from starlette.responses import Response

from mesrai.domain.policy import Rule
from mesrai.domain.roles import Right
from mesrai.domain.saved_policy import Place
from mesrai.errors import MesraiError, UserError
from mesrai.flows import configuring, trying
from mesrai.flows.review_once import Desk
from mesrai.review.progress import BatchEnded, Event, Notice, Started
from mesrai.review.render import wording
from mesrai.server.web.findings import Places, shown_findings, unread_first
from mesrai.server.web.kept import repository_url
from mesrai.server.web.markdown import markdown, plain_line
from mesrai.server.web.pages.config_place import address, desk_of, name_of, needs_edit, place_asked, place_filled_in
from mesrai.server.web.visit import Patch, Visit
from mesrai.store.repositories import find_repository, repositories
from mesrai.store.reviews import ReviewFilter, newest_reviews

HERE: Final = "/rules/try"
_MOST_LISTED: Final = 100  # reviews that are looked through for pull requests
_MOST_OFFERED: Final = 30
_INTO: Final = "trial"
_NOTHING: Final = {"step": "", "cost": "", "wrong": "", "review": None, "pull_request": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A pull request."""

    repository: str
    number: int

    @property
    def subject(self) -> str:
        """As reviews name it."""
        return f"{self.repository}#{self.number}"


async def show(visit: Visit) -> Response:
    """GET /rules/try?title=…: choose a pull request."""
    place = await place_asked(visit)
    needs_edit(visit, place.repository)
    rule = await _rule(visit, place, visit.query("title"))
    return visit.page("rule_trial.html", **await _values(visit, place, rule))


async def run(visit: Visit) -> Response:
    """POST /rules/try: `estimate`, or `try`; step by step for the page's script, else at the end."""
    place = await place_filled_in(visit)
    visit.needs(Right.RUN_REVIEWS)
    rule = await _rule(visit, place, visit.form.text("title"))
    if visit.is_live:
        return visit.live(_patches(visit, place, rule))
    result = ""
    async for patch in _patches(visit, place, rule):
        result = patch.html
    return visit.page("rule_trial.html", **await _values(visit, place, rule, result=result))


async def _patches(visit: Visit, place: Place, rule: Rule) -> AsyncIterator[Patch]:
    """The pieces as they come. A failure is a piece too, and never an empty result."""
    try:
        target = await _target(visit, place)
        async with visit.house.reading(target.repository) as desk:
            if visit.form.text("action") == "estimate":
                expected = await trying.expect(desk, target.number, rule)
                cost = wording.estimate_text(expected.estimate)
                yield _piece(visit, place, rule, target, cost=cost, pull_request=expected.pull_request)
                return
            async for step in _steps(desk, target, rule):
                values = {"step": step} if isinstance(step, str) else _result(visit, target, step)
                yield _piece(visit, place, rule, target, **values)
    except MesraiError as error:
        yield Patch(into=_INTO, html=visit.text("rule_trial_result.html", **{**_NOTHING, "wrong": error.message}))


async def _steps(desk: Desk, target: Target, rule: Rule) -> AsyncIterator[str | trying.Tried]:
    """What happens, in words, and at the end what came of it. Who leaves the page ends the trial, and its costs."""
    told: asyncio.Queue[str] = asyncio.Queue()

    def watch(event: Event) -> None:
        if words := _in_words(event):
            told.put_nowait(words)

    trial = asyncio.create_task(trying.try_rule(desk, target.number, rule, watch=watch))
    try:
        yield "Reading the change"
        while not trial.done():
            waits = asyncio.create_task(told.get())
            await asyncio.wait({waits, trial}, return_when=asyncio.FIRST_COMPLETED)
            if waits.done():
                yield waits.result()
            else:
                waits.cancel()
        yield await trial
    finally:
        trial.cancel()


def _in_words(event: Event) -> str:
    if isinstance(event, Started):
        cost = f", for {wording.estimate_text(event.estimate)}" if event.estimate else ""
        return f"Asking about {wording.counted(event.files, 'file')}{cost}"
    if isinstance(event, BatchEnded):
        paths = wording.counted(len(event.paths), "file")
        return event.failure or f"{paths} checked, {wording.counted(event.confirmed, 'finding')}"
    return event.text if isinstance(event, Notice) else ""


def _piece(visit: Visit, place: Place, rule: Rule, target: Target, **values: Any) -> Patch:
    said = {**_NOTHING, "place": place, "rule": rule, "target": target, "repository": target.repository, **values}
    return Patch(into=_INTO, html=visit.text("rule_trial_result.html", **said))


def _result(visit: Visit, target: Target, tried: trying.Tried) -> dict[str, Any]:
    review = tried.review
    places = Places(repository_url(visit, target.repository), head=review.change.head, base=review.change.base)
    return {
        "review": review,
        "pull_request": tried.pull_request,
        "failed": tried.failed.message if tried.failed else "",
        "headline": wording.headline(review),
        "coverage": wording.coverage_line(review),
        "spending": wording.spending(review),
        "findings": shown_findings(review, tried.excerpts, places),
        "unread": [(each, path) for each, path in unread_first(review) if each.status in ("failed", "partial")],
        "markdown": markdown,
        "plain_line": plain_line,
    }


async def _target(visit: Visit, place: Place) -> Target:
    """The pull request that is meant. Errors: UserError."""
    number = visit.form.number("number", "The pull request")
    repository = place.repository or visit.form.text("of")
    if number is None:
        repository, _, text = visit.form.text("subject").rpartition("#")
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if not number or not repository:
        raise UserError("Choose a pull request, or give its number.")
    if place.repository and repository != place.repository:
        raise UserError(f"That pull request is not of {place.repository}.")
    house = visit.house
    if await find_repository(house.database, house.organisation, repository) is None:
        raise UserError("That repository is not among those that were found.")
    return Target(repository=repository, number=number)


async def _rule(visit: Visit, place: Place, title: str) -> Rule:
    """The rule of that title that stands at a place or above it. Errors: UserError if there is none."""
    view = await configuring.look_at(desk_of(visit), place)
    found = next((each.rule for each in reversed(view.rules) if each.rule.title == title), None)
    if found is None:
        raise UserError(f"There is no rule “{title}” here.")
    return found


async def _values(visit: Visit, place: Place, rule: Rule, *, result: str = "") -> dict[str, Any]:
    house = visit.house
    return {
        "place": place,
        "name": name_of(place),
        "rule": rule,
        "offered": await _offered(visit, place),
        "repositories": []
        if place.repository
        else [each.name for each in await repositories(house.database, house.organisation)],
        "chosen": visit.form.text("subject"),
        "number": visit.form.text("number"),
        "of": visit.form.text("of"),
        "result": Markup(result),  # noqa: S704 - what a template of ours made
        "may_run": visit.may(Right.RUN_REVIEWS),
        "address": address,
    }


async def _offered(visit: Visit, place: Place) -> Sequence[tuple[str, str]]:
    """The pull requests that were reviewed last, newest first."""
    chosen = ReviewFilter(organisation=visit.house.organisation, repository=place.repository)
    found: dict[str, str] = {}
    for each in await newest_reviews(visit.house.database, chosen, most=_MOST_LISTED):
        found.setdefault(each.subject, f"{each.subject.partition('/')[2]} {each.title}".strip())
    return list(found.items())[:_MOST_OFFERED]
