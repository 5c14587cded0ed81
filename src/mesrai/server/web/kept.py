"""What the pages about one kept review have in common."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from mesrai.domain.budget import amount_of, money_text
from mesrai.domain.command import Scope
from mesrai.domain.diff import Side
from mesrai.domain.review import Review
from mesrai.domain.roles import Right
from mesrai.flows.feedback import heard
from mesrai.flows.receive import REVIEW
from mesrai.jobs.queue import State, Waiting
from mesrai.review.render import wording
from mesrai.review.render.json_text import read_review
from mesrai.review.render.wording import tokens_text
from mesrai.server.web.findings import Places, shown_findings, unread_first
from mesrai.server.web.markdown import markdown, plain_line
from mesrai.server.web.visit import Visit
from mesrai.server.web.watching import Progress
from mesrai.store.calls import open_calls
from mesrai.store.feedback import Verdict
from mesrai.store.review_events import events_of
from mesrai.store.reviews import PARKED, RUNNING, STOPPED, KeptReview, find_excerpts, find_report, find_review

PURPOSES: Final = {
    "submit_review": "Reading",
    "submit_verdicts": "Second look",
    "submit_reply": "Answering",
    "submit_memory": "Remembering",
}
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {  # the word for it, and the badge
    "reviewed": ("reviewed", "good"),
    "partial": ("in part", "warn"),
    "failed": ("failed", "bad"),
    "nothing": ("nothing to review", ""),
    RUNNING: ("running", "good"),
    PARKED: ("waits", "warn"),
    STOPPED: ("stopped", ""),
}
TRIGGERS: Final = {
    "opened": "it was opened",
    "pushed": "something was pushed",
    "edited": "its title or its base was edited",
    "asked": "somebody asked",
}
_SCOPES: Final = (
    (Scope.USUAL, "What is new, or all of it again"),
    (Scope.FULL, "All of the change"),
    (Scope.FAST, "Less thorough"),
    (Scope.DEEP, "More thorough"),
)

_VERDICTS: Final = (
    (Verdict.USEFUL, "Useful"),
    (Verdict.WRONG, "Wrong"),
    (Verdict.LATER, "Not now"),
)


async def kept_review(visit: Visit) -> KeptReview | None:
    """The review that the address names; None if there is none in this organisation."""
    found = await find_review(visit.house.database, visit.path("review")[:100])
    return found if found is not None and found.organisation == visit.house.organisation else None


def not_there(visit: Visit) -> Response:
    """The answer where there is no such review."""
    why = "There is no such review here, or what was asked for is not kept any more."
    return visit.page("refused.html", status=404, title="Not found", why=why)


def address_of(review: KeptReview) -> str:
    """The page of a review."""
    return f"/reviews/{review.id}"


def outcome_of(review: KeptReview) -> tuple[str, str]:
    """How it stands, in a word, and the badge for it: nothing with grave findings looks green."""
    word, kind = OUTCOMES.get(review.outcome, (review.outcome, ""))
    return word, "" if kind == "good" and (review.critical or review.high) else kind


def about(visit: Visit, review: KeptReview) -> dict[str, Any]:
    """What every page of a review says of it."""
    word, kind = outcome_of(review)
    repository = repository_url(visit, review.repository)
    return {
        "review": review,
        "title": review.title or review.subject,
        "outcome": word,
        "outcome_kind": kind,
        "pull_url": pull_url(visit, review.subject),
        "commit_url": f"{repository}/commit/{review.head_sha}" if repository else "",
        "trigger": TRIGGERS.get(review.trigger, ""),
        "scopes": [(str(scope), name) for scope, name in _SCOPES],
        "may_run": visit.may(Right.RUN_REVIEWS),
    }


async def result_values(visit: Visit, kept: KeptReview) -> dict[str, Any]:
    """What the page of a review that is over shows."""
    database = visit.house.database
    report = await find_report(database, kept.id)
    if report is None:
        return {"result": None}
    review = read_review(report.encode())
    places = Places(
        repository_url(visit, kept.repository), head=review.change.head or kept.head_sha, base=review.change.base
    )
    return {
        "result": review,
        "headline": headline(kept, review),
        "coverage": wording.coverage_line(review),
        "spending": wording.spending(review),
        "counts": wording.counts(review),
        "findings": shown_findings(review, await find_excerpts(database, kept.id), places),
        "outside": [
            (each, wording.place_of(each.path, each.line), places.url(each.path, Side.NEW, each.line))
            for each in review.unanchored
        ],
        "dropped": [(each, wording.place_of(each.path, each.line)) for each in review.dropped],
        "files": unread_first(review),
        "unread": len(wording.unread_files(review)),
        "feedback": await heard(database, kept, who=visit.member.email),
        "verdicts": _VERDICTS,
        "cost_text": wording.cost_text,
        "tokens_text": wording.tokens_text,
        "markdown": markdown,
        "plain_line": plain_line,
    }


def headline(kept: KeptReview, review: Review) -> str:
    """The outcome in a sentence: of one that was stopped, only what was there by then."""
    if kept.outcome != STOPPED:
        return wording.headline(review)
    found = wording.counts(review)
    return f"It was stopped before it was whole. Found by then: {found or 'nothing'}."


def cost_of(review: KeptReview) -> str:
    """What it cost, in words; empty if nothing is known."""
    if review.nanos is None or not (review.nanos or review.models):
        return ""
    return money_text(amount_of(review.nanos), review.currency)


def pull_url(visit: Visit, subject: str) -> str:
    """The pull request on its code host; empty if it has no address."""
    repository, _, number = subject.rpartition("#")
    root = repository_url(visit, repository)
    return f"{root}/pull/{number}" if root and number.isdecimal() else ""


def repository_url(visit: Visit, repository: str) -> str:
    """A repository on its code host; empty if it has no address."""
    host, _, path = repository.partition("/")
    forge = visit.house.forge
    root = forge.web if host == forge.host else f"https://{host}"
    return f"{root.rstrip('/')}/{path}" if path else ""


async def job_named(visit: Visit, review: str = "") -> Waiting | None:
    """The job that carries the review out which the address names, or this one; None if it is not to be done."""
    start, _, number = (review or visit.path("review")).partition("-")
    if not (start == "job" and number.isascii() and number.isdecimal() and len(number) < 18):
        return None
    found = await visit.house.queue.standing(number=int(number))
    return found[0] if found and found[0].kind == REVIEW else None


async def live_values(visit: Visit, review: KeptReview, progress: Progress | None = None) -> dict[str, Any]:
    """What the page of a review that is not over shows."""
    database = visit.house.database
    if progress is None:
        progress = Progress()
        progress.take(await events_of(database, review.id))
    job = await job_named(visit, review.id)
    return {
        "progress": progress,
        "in_flight": await open_calls(database, review.id),
        "purposes": PURPOSES,
        "now": visit.house.now(),
        "job": job,
        "is_waiting": job is not None and job.state in (State.WAITING, State.PARKED),
        "tokens_text": tokens_text,
    }
