"""The reviews people come back to: the list with its filters, and what one of them came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from mesrai import __version__
from mesrai.domain.command import Scope
from mesrai.errors import UserError
from mesrai.flows import feedback, steer
from mesrai.flows.receive import REVIEW
from mesrai.jobs.queue import Waiting
from mesrai.review.render.json_text import read_review
from mesrai.review.render.markdown import render_markdown
from mesrai.review.render.sarif import render_sarif
from mesrai.server.web.kept import (
    OUTCOMES,
    about,
    address_of,
    cost_of,
    job_named,
    kept_review,
    live_values,
    not_there,
    outcome_of,
    pull_url,
    result_values,
)
from mesrai.server.web.visit import Visit, asked_with
from mesrai.store.feedback import Verdict, take_opinion_back
from mesrai.store.review_figures import reviewed_authors, reviewed_repositories
from mesrai.store.reviews import (
    SEVERITIES,
    KeptReview,
    ReviewFilter,
    find_report,
    newest_reviews,
)

MOST: Final = 50  # reviews on a page of the list
_LOOKED_AT: Final = 1_000  # jobs
_MOST_NOTE: Final = 2_000
_FORMATS: Final = {"json": "application/json", "sarif": "application/sarif+json", "md": "text/markdown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the list is about, as it was asked for."""

    repository: str
    outcome: str
    author: str
    severity: str
    since: str
    until: str
    title: str
    subject: str

    @property
    def values(self) -> Mapping[str, str]:
        """By the names of the fields."""
        return {name: getattr(self, name) for name in _Asked.__slots__}

    def filter(self, organisation: str) -> ReviewFilter:
        """The same for the store. Errors: UserError for days that are none."""
        until = _day(self.until)
        return ReviewFilter(
            organisation=organisation,
            repository=self.repository,
            subject=self.subject,
            outcomes=(self.outcome,) if self.outcome in OUTCOMES else (),
            since=_seconds(_day(self.since)),
            until=_seconds(until + timedelta(days=1) if until else None),
            author=self.author,
            severity=self.severity,
            title=self.title,
        )


async def show_list(visit: Visit) -> Response:
    """GET /reviews, the newest first."""
    house = visit.house
    database, organisation = house.database, house.organisation
    asked = _Asked(**{name: visit.query(name)[:300] for name in _Asked.__slots__})
    error = ""
    try:
        chosen = asked.filter(organisation)
        found = await newest_reviews(database, chosen, most=MOST + 1, after=visit.query("after"))
    except UserError as wrong:
        error, found = wrong.message, ()
    shown = found[:MOST]
    query = asked_with(asked.values)
    more = asked_with({**asked.values, "after": shown[-1].cursor}) if len(found) > MOST else ""
    is_first = not visit.query("after")
    return visit.page(
        "reviews.html",
        status=400 if error else 200,
        error=error,
        asked=asked,
        is_filtered=bool(query),
        waiting=await _waiting(visit, asked, shown) if is_first and not error else (),
        reviews=[(each, outcome_of(each), pull_url(visit, each.subject), cost_of(each)) for each in shown],
        repositories=[("", "All"), *((each, each) for each in await reviewed_repositories(database, organisation))],
        authors=[("", "All"), *((each, each) for each in await reviewed_authors(database, organisation))],
        worst=[("", "Any, or none"), *((each, f"{each} or worse") for each in SEVERITIES)],
        choices=[("", "Any"), *((name, word) for name, (word, _) in OUTCOMES.items())],
        older=f"/reviews?{more}" if more else "",
        first="" if is_first else f"/reviews?{query}",
    )


async def show(visit: Visit) -> Response:
    """GET /reviews/{review}."""
    review = await kept_review(visit)
    if review is None:
        job = await job_named(visit)
        return not_there(visit) if job is None else visit.page("review_soon.html", job=job, is_gone=False)
    if not review.is_over:
        return visit.page("review.html", **about(visit, review), **await live_values(visit, review))
    return visit.page("review.html", **about(visit, review), **await result_values(visit, review))


async def download(visit: Visit) -> Response:
    """GET /reviews/{review}/report/{form}: what `mesrai review` would have printed."""
    review, form = await kept_review(visit), visit.path("form")
    report = await find_report(visit.house.database, review.id) if review is not None else None
    if review is None or report is None or form not in _FORMATS:
        return not_there(visit)
    text = report
    if form == "sarif":
        text = render_sarif(read_review(report.encode()), version=__version__)
    elif form == "md":
        text = render_markdown(read_review(report.encode()))
    name = f"mesrai-{review.id}.{form}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=f"{_FORMATS[form]}; charset=utf-8", headers=headers)


async def stop(visit: Visit) -> Response:
    """POST /reviews/{review}/stop."""
    review = await kept_review(visit)
    if review is None:
        return not_there(visit)
    if not await steer.stop(desk_of(visit), review):
        return visit.go(address_of(review), "It is over, or is being stopped already.", kind="plain")
    return visit.go(address_of(review), "The review is being stopped.")


async def again(visit: Visit) -> Response:
    """POST /reviews/{review}/again."""
    review, scope = await kept_review(visit), visit.form.text("scope")
    if review is None:
        return not_there(visit)
    if scope not in set(Scope):
        raise UserError("There is no such way to review.")
    number = await steer.review_again(desk_of(visit), review, Scope(scope))
    return visit.go(f"/reviews/job-{number}", f"A review of {review.subject} is asked for.")


async def say(visit: Visit) -> Response:
    """POST /reviews/{review}/feedback: what somebody thinks of a finding, or that it is taken back."""
    review, house, form = await kept_review(visit), visit.house, visit.form
    if review is None:
        return not_there(visit)
    fingerprint, verdict, who = form.text("finding")[:100], form.text("verdict"), visit.member.email
    if verdict == "none":
        said = (house.organisation, review.id, fingerprint)
        await take_opinion_back(house.database, said, who)
        return visit.go(f"{address_of(review)}#f-{quote(fingerprint)}", "What you said of the finding is taken back.")
    if verdict not in set(Verdict):
        raise UserError("There is no such opinion of a finding.")
    note = form.text("note")[:_MOST_NOTE]
    if not await feedback.say(house.database, review, fingerprint, Verdict(verdict), note=note, who=who):
        return not_there(visit)
    return visit.go(f"{address_of(review)}#f-{quote(fingerprint)}", "Thank you: what you said of the finding is kept.")


def desk_of(visit: Visit) -> steer.Desk:
    """What the stories about reviews and jobs need."""
    house, member = visit.house, visit.member
    return steer.Desk(
        database=house.database,
        queue=house.queue,
        organisation=house.organisation,
        who=member.email,
        name=member.name or member.email,
    )


async def _waiting(visit: Visit, asked: _Asked, shown: Sequence[KeptReview]) -> Sequence[Waiting]:
    """The reviews that were asked for and have not begun; those that began stand in the list."""
    plain = replace(asked, repository="", subject="")
    if asked_with(plain.values):
        return ()  # whose title, author or outcome is not known yet
    begun = {each.id for each in shown}
    return [
        each
        for each in await visit.house.queue.standing(most=_LOOKED_AT)
        if each.kind == REVIEW
        and each.state != "failed"
        and f"job-{each.id}" not in begun
        and asked.subject in ("", each.subject)
        and asked.repository in ("", each.subject.rpartition("#")[0])
    ]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UserError("A day is written as 2026-11-30.") from None


def _seconds(day: date | None) -> float | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
