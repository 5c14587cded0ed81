"""Reviews on the pages: one watched live until its result, stopped, asked for again; the list, and who sees what."""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.reviewing import NOW
from tests.sample_review import a_partial_review
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.kept_reviews import FULL, HEAD, SUBJECT, put_many, put_review
from tests.web.reviewed import Working, a_worker
from tests.web.stand import a_site

from mesrai.domain.roles import Role
from mesrai.errors import ModelAuth, ModelQuota
from mesrai.flows.recording import READING, recording
from mesrai.forges.forge import Conclusion
from mesrai.review.progress import BatchEnded, Found, Started
from mesrai.store.audit import entries
from mesrai.store.calls import calls_of
from mesrai.store.feedback import opinions
from mesrai.store.pull_requests import change_followed, find_followed
from mesrai.store.reviews import ReviewFilter, find_review, newest_reviews

VERDICTS = "submit_verdicts"
EVIL = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


def until_over(working: Working, review: str) -> str:
    """Wait for the worker; the outcome."""
    for _ in range(200):
        found = working.stand.run(find_review(working.stand.house.database, review))
        if found is not None and found.is_over:
            return found.outcome
        time.sleep(0.05)
    raise AssertionError("the review does not end")


def until_begun(page: Page, review: str) -> None:
    """Look at the page until there is one."""
    for _ in range(100):
        answer = page.goto(f"/reviews/{review}")
        if answer is not None and answer.status == 200:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the review does not begin")


# One review


def test_a_review_is_watched_live_until_its_result(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_worker(stand) as working:
        working.hold(VERDICTS)
        review = working.put()
        with a_window(browser, stand.member(Role.MEMBER)) as page:
            until_begun(page, review)
            expect(page.get_by_role("heading", level=1)).to_have_text("Discounts")
            expect(page.get_by_text("1 question in flight")).to_be_visible()
            expect(page.get_by_text("Second look: m1 (scripted)")).to_be_visible()
            expect(page.get_by_text("Asking about 1 file in 1 batch")).to_be_visible()
            assert faults_of(page) == []
            working.let(VERDICTS)
            expect(page.get_by_text("1 problem found: 1 high.")).to_be_visible()
            expect(page.get_by_role("heading", name="Divides by zero for an empty cart")).to_be_visible()
            expect(page.locator(".line.here")).to_have_text("2›    return sum(items) / len(items)")
            expect(page.get_by_role("button", name="Stop")).to_have_count(0)
            assert faults_of(page) == []


def test_findings_are_shown_as_they_are_verified(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand:
        review = put_review(stand, None)

        async def go() -> None:
            async with recording(stand.house.database, review, lambda: 5.0) as record:
                record.step(READING)
                record.watch(Started(files=3, batches=2))
                found = Found(severity="critical", title=EVIL, path="a<b>.py", line=3)
                record.watch(BatchEnded(batch=1, paths=("a<b>.py",), confirmed=1, refuted=2, found=(found,)))
                record.watch(BatchEnded(batch=2, paths=("z.py",), failure="The model is down."))

        with a_window(browser, stand.member(Role.MEMBER)) as page:
            page.goto(f"/reviews/{review}")
            expect(page.get_by_text("It has not told anything yet.")).to_be_visible()
            stand.run(go())
            expect(page.get_by_role("heading", name="Verified so far")).to_be_visible()
            expect(page.get_by_text(EVIL)).to_be_visible()
            expect(page.get_by_text("2 of 2 batches read, 1 finding verified").last).to_be_visible()
            expect(page.get_by_text("The model is down.")).to_be_visible()
            assert page.evaluate("window.pwned") is None


def test_a_running_review_is_stopped_and_says_who_did_it(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_worker(stand) as working:
        working.hold(VERDICTS)
        review = working.put()
        with a_window(browser, stand.member(Role.MEMBER)) as page:
            until_begun(page, review)
            page.get_by_role("button", name="Stop").click()
            expect(page.get_by_text("Stopped by Member.")).to_be_visible()
            expect(page.get_by_text("It was stopped before it was whole. Found by then: nothing.")).to_be_visible()
        forge = working.bench.forge
        assert (forge.check.title, forge.conclusion) == ("Stopped by Member", Conclusion.NEUTRAL)
        assert "Member stopped the review" in forge.summary
        assert stand.run(stand.house.queue.standing()) == []
        (entry,) = stand.run(entries(stand.house.database, stand.house.organisation))
        assert (entry.what, entry.subject, entry.details) == ("review.stop", SUBJECT, {"review": review})


def test_a_review_is_asked_for_again_and_watched_from_before_its_beginning(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_window(browser, stand.member(Role.MEMBER)) as page:
        stand.run(change_followed(stand.house.database, SUBJECT, lambda now: replace(now, installation=3)))
        page.goto(f"/reviews/{put_review(stand, name='job-900')}")
        page.get_by_label("How").select_option(label="All of the change")
        page.get_by_role("button", name="Review again").click()
        expect(page.get_by_text("A worker takes it as soon as one is free.")).to_be_visible()
        assert faults_of(page) == []
        assert stand.run(find_followed(stand.house.database, SUBJECT)).asked == "--full"
        (job,) = stand.run(stand.house.queue.standing())
        assert (job.kind, job.subject) == ("review", SUBJECT)
        other = page.context.new_page()
        other.goto("/reviews")
        expect(other.get_by_role("heading", name="Not begun yet")).to_be_visible()
        with a_worker(stand) as working:
            expect(page.get_by_text("1 problem found: 1 high.")).to_be_visible()
            expect(page.get_by_role("heading", level=1)).to_have_text("Discounts")
            assert until_over(working, f"job-{job.id}") == "reviewed"
        assert page.url.endswith(f"/reviews/job-{job.id}")


def test_a_job_that_comes_to_no_review_says_so_to_whoever_watches(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_worker(stand, is_at_work=False) as working:
        review = working.put()
        with a_window(browser, stand.member(Role.MEMBER)) as page:
            page.goto(f"/reviews/{review}")
            expect(page.get_by_text("A worker takes it as soon as one is free.")).to_be_visible()
            stand.run(stand.house.queue.cancel("review", SUBJECT, "Cancelled."))
            expect(page.get_by_text("It ended without a review")).to_be_visible()


def test_a_review_that_no_model_could_do_says_so_and_shows_nothing_green(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_worker(stand) as working:
        error = ModelAuth("moonshot/kimi-k2.6: the key is not valid.", provider="moonshot", model="kimi-k2.6")
        working.bench.says(lambda _: error)
        review = working.put()
        assert until_over(working, review) == "failed"
        with a_window(browser, stand.member(Role.MEMBER)) as page:
            page.goto(f"/reviews/{review}")
            expect(page.get_by_text("The review failed: nothing of this change was reviewed.")).to_be_visible()
            expect(page.get_by_text("the key is not valid").first).to_be_visible()
            expect(
                page.get_by_text("Nothing was found by then; that says nothing of what was not read.")
            ).to_be_visible()
            expect(page.locator("#review .badge.good")).to_have_count(0)


def test_a_parked_review_says_until_when_it_waits(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_worker(stand) as working:
        error = ModelQuota("The plan's quota is used up.")
        error.until = NOW + 900
        working.bench.says(lambda _: error)
        review = working.put()
        with a_window(browser, stand.member(Role.MEMBER)) as page:
            until_begun(page, review)
            expect(page.get_by_text("The plan's quota is used up.").first).to_be_visible()
            expect(page.get_by_text("It waits until")).to_be_visible()
            page.get_by_role("button", name="Stop").click()
            expect(page.get_by_text("Stopped by Member.")).to_be_visible()
        assert working.bench.forge.conclusion is Conclusion.NEUTRAL


def test_the_result_shows_findings_with_code_and_suggestion_and_what_was_dropped(
    tmp_path: Path, browser: Browser
) -> None:
    with a_site(tmp_path) as stand, a_window(browser, stand.member(Role.MEMBER)) as page:
        page.goto(f"/reviews/{put_review(stand)}")
        first = page.locator("article").first
        expect(first.get_by_role("heading")).to_have_text("A discount code can inject SQL")
        expect(first.locator(".line.new").first).to_contain_text('code = %s"')
        expect(first.locator(".line.old").first).to_contain_text("code = '%s'")
        page.get_by_text("dropped, with the reasons").click()
        dropped = FULL.dropped[0]
        expect(page.get_by_role("row", name=dropped.reason).first).to_be_visible()
        there = f"https://github.com/acme/shop/blob/{HEAD}/shop/cart.py#L18-L19"
        expect(first.get_by_role("link").first).to_have_attribute("href", there)


def test_people_say_what_they_think_of_a_finding(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_window(browser, stand.member(Role.MEMBER)) as page:
        name = put_review(stand)
        other, told = stand.member(Role.ADMIN), {"finding": FULL.findings[0].fingerprint, "verdict": "useful"}
        assert other.post(f"/reviews/{name}/feedback", told, seen="/account").status == 303
        page.goto(f"/reviews/{name}")
        form = page.get_by_role("form", name="What you think of finding 1", exact=True)
        expect(form.get_by_role("button", pressed=True)).to_have_count(0)
        form.get_by_label("Why, if you like to say").fill("The table is ours.")
        form.get_by_role("button", name="Wrong").click()
        expect(page.get_by_role("status")).to_contain_text("is kept")
        expect(form.get_by_role("button", pressed=True)).to_have_text("Wrong (1)")
        expect(form.get_by_role("button", name="Useful (1)")).to_be_visible()
        expect(form.get_by_label("Why, if you like to say")).to_have_value("The table is ours.")
        form.get_by_role("button", name="Not now").click()
        expect(form.get_by_role("button", pressed=True)).to_have_text("Not now (1)")
        database, organisation = stand.house.database, stand.house.organisation
        said = {(each.who[:5], each.verdict) for each in stand.run(opinions(database, organisation, review=name))}
        assert said == {("admin", "useful"), ("membe", "later")}
        form.get_by_role("button", name="Take back").click()
        expect(page.get_by_role("status")).to_contain_text("is taken back")
        assert [each.who for each in stand.run(opinions(database, organisation))] == [other.email]


def test_an_opinion_is_of_a_finding_of_that_review_and_is_one_of_three(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        member, name = stand.member(Role.MEMBER), put_review(stand)
        told = {"finding": FULL.findings[0].fingerprint, "verdict": "useful"}
        answers = [
            member.post(f"/reviews/{name}/feedback", {**told, **other}, seen="/account").status
            for other in ({"finding": "no"}, {"verdict": "great"}, {"verdict": ""})
        ]
        assert answers == [404, 400, 400]
        assert member.post("/reviews/job-99/feedback", told, seen="/account").status == 404
        assert stand.run(opinions(stand.house.database, stand.house.organisation)) == []


def test_a_review_in_part_shows_what_was_not_read_first(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_window(browser, stand.member(Role.MEMBER)) as page:
        page.goto(f"/reviews/{put_review(stand, a_partial_review())}")
        expect(page.get_by_text("Only a part of this change was reviewed")).to_be_visible()
        expect(page.get_by_role("region", name="Files").get_by_role("row").nth(1)).to_contain_text("not read")


def test_hostile_words_stay_words(tmp_path: Path, browser: Browser) -> None:
    finding = replace(FULL.findings[0], title=EVIL, body=f"{EVIL}\n\n[x](javascript:window.pwned=1)", evidence=EVIL)
    review = replace(FULL, findings=(finding,), summary=EVIL, notices=(EVIL,), failures=(EVIL,))
    with a_site(tmp_path) as stand, a_window(browser, stand.member(Role.OWNER)) as page:
        name = put_review(stand, review, title=EVIL, author="<b>eve</b>")
        page.goto(f"/reviews/{name}")
        expect(page.get_by_role("heading", level=1)).to_have_text(EVIL)
        expect(page.locator("article img, article script, article a[href^=javascript]")).to_have_count(0)
        page.goto("/reviews")
        expect(page.get_by_role("link", name=EVIL)).to_be_visible()
        assert page.evaluate("window.pwned") is None


def test_reports_can_be_downloaded(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        member, name = stand.member(Role.MEMBER), put_review(stand)
        told = {form: member.get(f"/reviews/{name}/report/{form}") for form in ("json", "sarif", "md")}
        assert json.loads(told["json"].text)["outcome"] == "reviewed"
        assert len(json.loads(told["sarif"].text)["runs"][0]["results"]) == len(FULL.findings) + len(FULL.unanchored)
        assert "A discount code can inject SQL" in told["md"].text
        assert told["sarif"].headers["content-disposition"] == 'attachment; filename="mesrai-job-1.sarif"'
        assert member.get(f"/reviews/{name}/report/exe").status == 404
        assert member.get("/reviews/job-99").status == 404


# What models were asked


def test_prompts_are_shown_to_an_owner_and_only_their_figures_to_a_member(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_worker(stand) as working:
        review = working.put()
        assert until_over(working, review) == "reviewed"
        first = stand.run(calls_of(stand.house.database, review))[0]
        with a_window(browser, stand.member(Role.OWNER)) as page:
            page.goto(f"/reviews/{review}")
            page.get_by_role("link", name="What models were asked").click()
            assert faults_of(page) == []
            page.get_by_role("link", name="Reading 1").click()
            expect(page.get_by_role("heading", name="Prompt")).to_be_visible()
            expect(page.get_by_text("return sum(items) / len(items)").first).to_be_visible()
            expect(page.get_by_text('"severity": "high"')).to_be_visible()
            expect(page.get_by_text("100 in, 10 out")).to_be_visible()
            assert faults_of(page) == []
        member = stand.member(Role.MEMBER)
        answer = member.get(f"/reviews/{review}/calls/{first.id}")
        assert (answer.status, "100 in, 10 out" in answer.text, "len(items)" in answer.text) == (200, True, False)
        assert member.get(f"/reviews/{review}/calls/{first.id}/said").status == 403
        own = stand.member(Role.REPOSITORY_ADMIN, repositories=("github.com/acme/shop",))
        said = json.loads(own.get(f"/reviews/{review}/calls/{first.id}/said").text)
        assert said["prompt"]["shape"] == "submit_review"


def test_where_prompts_are_not_kept_the_page_says_so(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand, a_worker(stand) as working:
        working.keeps_words = False
        review = working.put()
        until_over(working, review)
        first = stand.run(calls_of(stand.house.database, review))[0]
        answer = stand.member(Role.OWNER).get(f"/reviews/{review}/calls/{first.id}")
        assert "What was said is not kept any more." in answer.text
        assert "100 in, 10 out" in answer.text


# The list


def test_the_list_is_filtered_by_what_it_is_about(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_window(browser, stand.member(Role.MEMBER)) as page:
        page.goto("/reviews")
        expect(page.get_by_text("No pull request was reviewed yet.")).to_be_visible()
        put_review(stand, name="job-1", title="50% off_today")
        put_review(
            stand, a_partial_review(), name="job-2", title="Carts", author="eve", subject="github.com/acme/web#9"
        )
        put_review(stand, replace(FULL, findings=(), unanchored=()), name="job-3", title="Docs", author="eve")
        expected = {
            "": ["Docs", "Carts", "50% off_today"],
            "title=0%25+OFF_": ["50% off_today"],
            "title=0%25+OFF%25": [],
            "author=eve": ["Docs", "Carts"],
            "repository=github.com/acme/web": ["Carts"],
            "subject=github.com/acme/shop%237": ["Docs", "50% off_today"],
            "outcome=partial": ["Carts"],
            "severity=critical": ["Carts", "50% off_today"],
            "since=2000-01-01&until=2000-01-02": [],
            "author=eve&outcome=reviewed": ["Docs"],
        }
        for query, titles in expected.items():
            page.goto(f"/reviews?{query}")
            expect(page.locator(".reviews .what")).to_have_text(titles)
        expect(page.get_by_label("Author")).to_have_value("eve")
        page.goto("/reviews?since=yesterday")
        expect(page.get_by_role("alert")).to_have_text("A day is written as 2026-11-30.")


def test_a_long_list_goes_on_page_by_page_and_stays_light(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_window(browser, stand.member(Role.MEMBER)) as page:
        put_many(stand, 120)
        page.goto("/reviews")
        assert len(gzip.compress(page.content().encode())) < 30_000
        seen = page.locator(".reviews .what").all_text_contents()
        while page.get_by_role("link", name="Older").count():
            page.get_by_role("link", name="Older").click()
            seen += page.locator(".reviews .what").all_text_contents()
        assert seen == [f"Change number {at}" for at in reversed(range(120))]
        page.get_by_role("link", name="Newest").click()
        expect(page.locator(".reviews .what").first).to_have_text("Change number 119")


def test_ten_thousand_reviews_are_looked_through_in_an_index_and_no_report_is_read(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        put_many(stand, 10_000)
        database, organisation = stand.house.database, stand.house.organisation
        plans: list[str] = []

        class Explained:
            async def rows(self, sql: str, /, **values: Any) -> Any:
                told = await database.rows(f"EXPLAIN QUERY PLAN {sql}", **values)
                plans.append("; ".join(str(row["detail"]) for row in told))
                return await database.rows(sql, **values)

        everything = ReviewFilter(organisation=organisation)
        for chosen in (
            everything,
            replace(everything, title="number 77"),
            replace(everything, severity="high"),
            replace(everything, outcomes=("partial",)),
            replace(everything, author="author-1"),
            replace(everything, subject="github.com/acme/r7#77"),
            replace(everything, repository="github.com/acme/r7"),
        ):
            assert stand.run(newest_reviews(Explained(), chosen, most=51))
        assert [plan for plan in plans if "USING INDEX reviews_of_" not in plan or "TEMP B-TREE" in plan] == []


# Everywhere


def test_the_pages_fit_a_phone_and_are_accessible_in_light_and_dark(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand:
        name, owner = put_review(stand), stand.member(Role.OWNER)
        put_review(stand, None, name="job-2", title="x" * 200)
        for dark in (False, True):
            with a_window(browser, owner, size=PHONE, dark=dark) as page:
                for path in ("/reviews?author=ada", f"/reviews/{name}", "/reviews/job-2", f"/reviews/{name}/calls"):
                    page.goto(path)
                    assert (path, faults_of(page), overflow_of(page)) == (path, [], 0)


def test_without_scripts_a_running_review_can_be_looked_at_again_and_stopped(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_window(browser, stand.member(Role.MEMBER), scripts=False) as page:
        page.goto(f"/reviews/{put_review(stand, None)}")
        expect(page.get_by_role("link", name="Look again")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("status").first).to_have_text("The review is being stopped.")


def test_a_review_of_another_organisation_is_not_there(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        name = put_review(stand)
        stand.run(stand.house.database.rows("UPDATE reviews SET organisation = 'others'"))
        owner = stand.member(Role.OWNER)
        paths = ["", "/live", "/calls", "/calls/1", "/calls/1/said", "/report/json"]
        assert {owner.get(f"/reviews/{name}{path}").status for path in paths} == {404}
        assert {owner.post(f"/reviews/{name}/{do}", seen="/reviews").status for do in ("stop", "again")} == {404}
        assert "Discounts" not in owner.get("/reviews").text


def test_billing_sees_no_reviews(tmp_path: Path) -> None:
    with a_site(tmp_path) as stand:
        name = put_review(stand)
        assert {stand.member(Role.BILLING).get(p).status for p in ("/reviews", f"/reviews/{name}")} == {403}


# The queue


def test_an_operator_retries_and_cancels_jobs(tmp_path: Path, browser: Browser) -> None:
    with a_site(tmp_path) as stand, a_worker(stand, is_at_work=False) as working:
        working.put()
        queue = stand.house.queue
        job = stand.run(queue.claim("w", kinds=("review",)))
        assert job is not None
        stand.run(queue.fail(job, "GitHub refuses the App.", retry_in_s=None))
        put_review(stand, None, name=f"job-{job.id}")
        with a_window(browser, stand.member(Role.OWNER)) as page:
            page.goto("/queue")
            expect(page.get_by_role("link", name=SUBJECT)).to_have_attribute("href", f"/reviews/job-{job.id}")
            assert faults_of(page) == []
            page.get_by_role("button", name="Retry now").click()
            expect(page.get_by_role("status").first).to_have_text(f"{SUBJECT} is due now.")
            expect(page.get_by_role("cell", name="waiting")).to_be_visible()
            stand.run(stand.house.database.rows("DELETE FROM reviews"))
            page.on("dialog", lambda dialog: dialog.accept())
            page.get_by_role("button", name="Cancel").click()
            expect(page.get_by_text("Nothing waits.")).to_be_visible()
        assert "Retry now" not in stand.member(Role.REPOSITORY_ADMIN).get("/queue").text
        told = [each.what for each in stand.run(entries(stand.house.database, stand.house.organisation))]
        assert told == ["job.cancel", "job.retry"]
