"""Reviews put into the database of the pages, as a worker would have left them."""

import asyncio
import json
from dataclasses import replace

from tests.sample_review import SAMPLE_LINES, a_full_review
from tests.web.stand import Stand

from mesrai.domain.review import Review
from mesrai.flows.recording import sums_of
from mesrai.review.render.code import excerpt
from mesrai.review.render.json_text import render_json
from mesrai.store.reviews import About, begin_review, end_review, tell_about, tell_sums

SUBJECT = "github.com/acme/shop#7"
HEAD = "a" * 40
FULL = a_full_review()


def put_review(
    stand: Stand,
    review: Review | None = FULL,
    *,
    name: str = "job-1",
    subject: str = SUBJECT,
    title: str = "Discounts",
    author: str = "ada",
) -> str:
    """A review that is over, or with None one that runs; its id."""

    async def put() -> None:
        database, organisation = stand.house.database, stand.house.organisation
        await begin_review(
            database, review=name, subject=subject, head_sha=HEAD, base_ref="main", organisation=organisation
        )
        await tell_about(database, name, About(title=title, author=author, trigger="opened"))
        if review is not None:
            kept = replace(review, change=replace(review.change, head=HEAD))
            await tell_sums(database, name, replace(sums_of(review), excerpts=code_of(review)))
            await end_review(database, name, review.outcome.value, report=render_json(kept))

    stand.run(put())
    return name


def code_of(review: Review) -> str:
    """The excerpts of the sample's findings."""
    found = {}
    for each in review.findings:
        lines = SAMPLE_LINES(each.path, each.side)
        rows = excerpt(lines, each.start_line, each.end_line, around=3, most=40) if lines else ()
        if rows:
            here = range(each.start_line, each.end_line + 1)
            found[each.fingerprint] = [[row.number, row.text, int(row.number in here), row.left_out] for row in rows]
    return json.dumps(found)


def put_many(stand: Stand, count: int) -> None:
    """Reviews of ten repositories, a second apart."""

    async def put() -> None:
        organisation = stand.house.organisation
        async with stand.house.database.transaction() as statements:
            for at in range(count):
                await statements.rows(
                    """INSERT INTO reviews (id, organisation, subject, repository, head_sha, base_ref, outcome, reason,
                    report, created_at, changed_at, title, author, high)
                    VALUES (:id, :organisation, :subject, :repository, 'a', 'main', :outcome, '', '{}', :at, :at,
                    :title, :author, :high)""",
                    id=f"job-{at}",
                    organisation=organisation,
                    subject=f"github.com/acme/r{at % 10}#{at}",
                    repository=f"github.com/acme/r{at % 10}",
                    outcome="partial" if at % 100 == 7 else "reviewed",
                    at=1_000_000.0 + at,
                    title=f"Change number {at}",
                    author=f"author-{at % 3}",
                    high=int(at % 50 == 3),
                )

    stand.run(asyncio.wait_for(put(), 60))
