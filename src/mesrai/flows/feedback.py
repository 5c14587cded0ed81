"""Hear what a person thinks of a finding of a kept review."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesrai.domain.finding import Finding
from mesrai.review.render.json_text import read_review
from mesrai.store.database import Database
from mesrai.store.feedback import Opinion, Verdict, opinions, say_opinion
from mesrai.store.reviews import KeptReview, find_report


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was said of one finding."""

    counts: Mapping[Verdict, int]  # those that somebody gave
    own: Opinion | None  # of the person who looks


async def findings_of(database: Database, review: str) -> Sequence[Finding]:
    """The findings of a review; none where there is no report. Errors: StoreUnavailable."""
    report = await find_report(database, review)
    return read_review(report.encode()).findings if report else ()


async def say(
    database: Database, kept: KeptReview, fingerprint: str, verdict: Verdict, *, note: str, who: str
) -> Opinion | None:
    """Keep it in place of what the person said before; None if there is no such finding. Errors: StoreUnavailable."""
    if all(each.fingerprint != fingerprint for each in await findings_of(database, kept.id)):
        return None
    said = Opinion(
        organisation=kept.organisation,
        repository=kept.repository,
        review=kept.id,
        fingerprint=fingerprint,
        who=who,
        verdict=verdict,
        note=note.strip(),
    )
    return await say_opinion(database, said)


async def heard(database: Database, kept: KeptReview, *, who: str) -> Mapping[str, Heard]:
    """What was said of the review's findings, by their fingerprints. Errors: StoreUnavailable."""
    said = await opinions(database, kept.organisation, review=kept.id)
    found: dict[str, Heard] = {}
    for fingerprint in {each.fingerprint for each in said}:
        of_it = [each for each in said if each.fingerprint == fingerprint]
        counts = {verdict: sum(each.verdict is verdict for each in of_it) for verdict in Verdict}
        found[fingerprint] = Heard(
            counts={verdict: count for verdict, count in counts.items() if count},
            own=next((each for each in of_it if each.who == who), None),
        )
    return found
