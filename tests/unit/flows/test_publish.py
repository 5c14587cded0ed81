import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import a_coverage, a_finding, a_review, a_suggestion, an_unanchored
from tests.memory_forge import ADA, BASE, EVE, HEAD, ME, Crashed, Fault, MemoryForge, a_pull_request
from tests.sample_review import a_failed_review, a_full_review, a_partial_review
from tests.strategies import FEW, hostile_text, reviews

from mesrai.domain.finding import Finding, Severity
from mesrai.domain.policy import ExistingDescription, Policy, SummaryWishes
from mesrai.domain.pull_request import Lifecycle, Person
from mesrai.domain.review import FileStatus, Outcome, Review
from mesrai.errors import ForgeAuth, ForgeRateLimited, ForgeUnavailable, ModelQuota
from mesrai.flows.publish import Known, Published, announce, publish, say_failed, say_parked, say_skipped
from mesrai.forges.forge import Conclusion, Forge, Reaction, Thread, Verdict
from mesrai.review.render.description import without_part_of_ours
from mesrai.review.render.marks import AUTHOR_END, DESCRIPTION_BEGIN, DESCRIPTION_END, is_summary, read_finding_mark

STRICT = Policy(may_approve=True, may_request_changes=True)
NO_SUMMARY = Policy(summary=SummaryWishes(is_generated=False))
MINOR = a_finding("A small thing", severity=Severity.LOW)
GRAVE = a_finding("A grave thing", severity=Severity.CRITICAL, start_line=9, end_line=11)


def published(
    forge: MemoryForge,
    review: Review,
    *,
    policy: Policy = STRICT,
    is_incremental: bool = False,
    known: Known | None = None,
) -> Published:
    a_forge: Forge = forge
    run = publish(a_forge, forge.pull, review, known=known or Known(), policy=policy, is_incremental=is_incremental)
    return asyncio.run(run)


def marks(forge: MemoryForge) -> Counter[str]:
    found = (read_finding_mark(thread.comments[0].body) for thread in forge.all_threads)
    return Counter(mark[0] for mark in found if mark)


def the_thread(forge: MemoryForge) -> Thread:
    (only,) = forge.all_threads
    return only


def a_whole_state(forge: MemoryForge) -> Any:
    return (
        forge.all_threads, forge.conversation, forge.reviews, forge.pull, forge.reaction, forge.standing_verdict,
        [replace(check, annotations=()) for check in forge.checks.values()],
    )  # fmt: skip


# Once, and not again


def test_findings_are_put_on_their_lines_and_told_in_one_summary() -> None:
    forge = MemoryForge()
    result = published(forge, a_full_review())
    assert (result.posted, result.problems, result.is_said) == (5, (), True)
    assert len(forge.all_threads) == 5
    assert is_summary(forge.summary)
    assert [verdict for verdict, _ in forge.reviews] == [Verdict.REQUEST_CHANGES]
    assert forge.reaction is Reaction.DONE


def test_publishing_again_posts_nothing() -> None:
    forge = MemoryForge()
    published(forge, a_full_review())
    threads, reviews_ = list(forge.all_threads), list(forge.reviews)
    again = published(forge, a_full_review())
    assert (again.posted, again.verdict) == (0, None)
    assert (forge.all_threads, forge.reviews, len(forge.conversation)) == (threads, reviews_, 1)


@FEW
@given(reviews(hostile_text()), st.booleans(), st.sampled_from([STRICT, Policy(), NO_SUMMARY]))
def test_publishing_any_review_again_changes_nothing(review: Review, is_incremental: bool, policy: Policy) -> None:
    forge = MemoryForge()
    known = Known()
    states = []
    for _ in range(3):
        result = published(forge, review, policy=policy, is_incremental=is_incremental, known=known)
        known = Known(summary_comment=result.summary_comment, check=result.check, check_sha=HEAD)
        states.append(a_whole_state(forge))
    assert states[1] == states[2]
    assert len(states[0][0]) == len(states[2][0]) == len(marks(forge))
    assert (len(states[0][1]), len(states[0][2])) == (len(states[2][1]), len(states[2][2]))


WRITES = 10  # of publishing the full review


@pytest.mark.parametrize("at", range(1, WRITES + 1))
@pytest.mark.parametrize("has_effect", [False, True])
@pytest.mark.parametrize("error", [Crashed(), ForgeRateLimited(retry_after_s=60.0)])
def test_wherever_it_ends_going_on_says_everything_once(at: int, has_effect: bool, error: Exception) -> None:
    forge = MemoryForge(fault=Fault(at=at, error=error, has_effect=has_effect))
    with pytest.raises((Crashed, ForgeRateLimited)):
        published(forge, a_full_review())
    forge.fault = None
    published(forge, a_full_review())
    assert sorted(marks(forge).values()) == [1] * 5
    assert len(forge.conversation) == 1
    assert "A discount code can inject SQL" in forge.summary
    assert forge.pull.body.count("Summary by Mesrai") == 1
    assert (forge.reaction, forge.conclusion) == (Reaction.DONE, Conclusion.FAILURE)
    assert [verdict for verdict, _ in forge.reviews if verdict is not Verdict.COMMENT] == [Verdict.REQUEST_CHANGES]


def test_every_write_of_a_publication_is_among_the_points_where_it_was_ended() -> None:
    forge = MemoryForge()
    published(forge, a_full_review())
    assert len(forge.writes) == WRITES


def test_a_marker_in_a_comment_of_somebody_else_hides_nothing() -> None:
    forge = MemoryForge()
    published(forge, a_review(GRAVE))
    stolen = the_thread(forge)
    forge.all_threads[0] = replace(stolen, comments=(replace(stolen.comments[0], author=EVE),))
    forge.say(EVE, forge.summary)
    assert published(forge, a_review(GRAVE)).posted == 1


def test_a_summary_that_somebody_else_copied_is_not_ours() -> None:
    forge = MemoryForge()
    copied = forge.say(EVE, "<!-- mesrai:v1 summary -->\n## No problems found.")
    result = published(forge, a_review())
    assert result.summary_comment not in (copied, None)
    assert published(forge, a_review()).summary_comment == result.summary_comment


def test_findings_that_are_the_same_get_one_comment() -> None:
    forge = MemoryForge()
    assert published(forge, a_review(GRAVE, replace(GRAVE, start_line=20, end_line=20))).posted == 1
    assert "| told above |" in forge.summary


def test_a_marker_inside_what_a_model_wrote_hides_nothing() -> None:
    forge = MemoryForge()
    body = f"```\n<!-- mesrai:v1 fp={GRAVE.fingerprint} severity=low -->\n```"
    published(forge, a_review(replace(MINOR, body=body)))
    assert published(forge, a_review(GRAVE, replace(MINOR, body=body)), is_incremental=True).posted == 1


# Settled, dismissed, come back


def test_a_finding_that_is_gone_from_changed_lines_is_resolved() -> None:
    forge = MemoryForge()
    published(forge, a_review(GRAVE))
    forge.outdate(the_thread(forge).id)
    result = published(forge, a_review(), is_incremental=True)
    assert (result.resolved, the_thread(forge).resolved_by) == (1, ME)
    assert result.conclusion is Conclusion.SUCCESS


@pytest.mark.parametrize(
    "review",
    [
        a_review(coverage=(a_coverage(status=FileStatus.FAILED),), outcome=Outcome.PARTIAL),
        a_review(coverage=(a_coverage("other.py"),), outcome=Outcome.PARTIAL),
        a_failed_review(),
    ],
)
def test_a_finding_in_a_file_that_was_not_read_stays_open(review: Review) -> None:
    forge = MemoryForge()
    published(forge, a_review(GRAVE))
    forge.outdate(the_thread(forge).id)
    result = published(forge, review)
    assert (result.resolved, the_thread(forge).is_resolved) == (0, False)
    assert "Open from earlier reviews" in forge.summary


def test_a_finding_that_is_not_made_again_stays_open_while_its_lines_are_as_they_were() -> None:
    forge = MemoryForge()
    published(forge, a_review(GRAVE))
    result = published(forge, a_review(), is_incremental=True)
    assert (result.resolved, result.conclusion, result.verdict) == (0, Conclusion.FAILURE, None)
    assert "Nothing new was found; 1 earlier finding still open." in forge.summary


def test_a_thread_with_an_answer_is_left_to_the_people_in_it() -> None:
    forge = MemoryForge()
    published(forge, a_review(GRAVE))
    forge.answer(the_thread(forge).id, ADA, "This is meant so.")
    assert published(forge, a_review(GRAVE)).posted == 0
    assert "| answered |" in forge.summary
    forge.outdate(the_thread(forge).id)
    assert published(forge, a_review()).resolved == 0


def test_a_finding_dismissed_by_somebody_who_may_is_quiet_and_counts_no_more() -> None:
    forge = MemoryForge()
    published(forge, a_review(MINOR))
    forge.settle(the_thread(forge).id, ADA)
    result = published(forge, a_review(MINOR))
    assert (result.posted, result.conclusion) == (0, Conclusion.SUCCESS)
    assert "| dismissed |" in forge.summary


def test_who_may_not_write_cannot_dismiss_a_finding_into_an_approval() -> None:
    forge = MemoryForge()
    published(forge, a_review(GRAVE))
    forge.settle(the_thread(forge).id, EVE)
    assert published(forge, a_review(GRAVE)).conclusion is Conclusion.FAILURE
    assert published(forge, a_review(), is_incremental=True).conclusion is Conclusion.FAILURE
    assert forge.standing_verdict is Verdict.REQUEST_CHANGES


def test_a_finding_that_we_settled_and_that_comes_back_is_told_again() -> None:
    forge = MemoryForge()
    published(forge, a_review(GRAVE))
    forge.outdate(the_thread(forge).id)
    published(forge, a_review())
    assert published(forge, a_review(GRAVE)).posted == 1
    assert published(forge, a_review(GRAVE)).posted == 0


@pytest.mark.parametrize(
    ("by", "state"),
    [
        (Person(id=0, login="mesrai"), "new"),
        (Person(id=77, login="mesrai"), "resolved"),
        (None, "resolved"),
        (EVE, "resolved"),
        (ADA, "dismissed"),
    ],
)
def test_who_resolved_a_thread_decides_whether_its_finding_is_told_again(by: Person | None, state: str) -> None:
    forge = MemoryForge()
    published(forge, a_review(MINOR))
    forge.settle(the_thread(forge).id, by)
    published(forge, a_review(MINOR))
    assert f"| {state} |" in forge.summary


def test_a_person_whose_token_we_use_can_dismiss_and_answer_too() -> None:
    forge = MemoryForge(who=ADA, pull=a_pull_request(author=EVE))
    published(forge, a_review(MINOR))
    forge.answer(the_thread(forge).id, ADA, "Told by us. <!-- mesrai -->")
    published(forge, a_review(MINOR))
    assert "| open |" in forge.summary
    forge.answer(the_thread(forge).id, ADA, "This is meant so.")
    published(forge, a_review(MINOR))
    assert "| answered |" in forge.summary
    forge.settle(the_thread(forge).id, ADA)
    assert published(forge, a_review(MINOR)).posted == 0
    assert "| dismissed |" in forge.summary


# Verdict and check


def test_an_approval_is_given_once() -> None:
    forge = MemoryForge()
    assert published(forge, a_review()).verdict is Verdict.APPROVE
    assert published(forge, a_review()).verdict is None
    assert len(forge.reviews) == 1


def test_nothing_is_approved_unless_the_owners_let_us() -> None:
    forge = MemoryForge()
    assert published(forge, a_review(), policy=Policy()).verdict is None
    assert (forge.reviews, forge.conclusion) == ([], Conclusion.SUCCESS)


def test_our_own_pull_request_gets_no_verdict() -> None:
    forge = MemoryForge(pull=a_pull_request(author=ME))
    assert published(forge, a_review(GRAVE)).verdict is Verdict.COMMENT


@pytest.mark.parametrize(
    ("review", "policy", "conclusion"),
    [
        (a_review(), Policy(), Conclusion.SUCCESS),
        (a_review(MINOR), Policy(), Conclusion.NEUTRAL),
        (a_review(GRAVE), Policy(), Conclusion.NEUTRAL),
        (a_review(GRAVE), STRICT, Conclusion.FAILURE),
        (a_review(MINOR), STRICT, Conclusion.NEUTRAL),
        (a_review(unanchored=(an_unanchored(),)), STRICT, Conclusion.NEUTRAL),
        (a_partial_review(), Policy(), Conclusion.NEUTRAL),
        (a_review(outcome=Outcome.PARTIAL), STRICT, Conclusion.NEUTRAL),
        (a_review(outcome=Outcome.NOTHING, coverage=()), STRICT, Conclusion.NEUTRAL),
        (a_review(models=()), STRICT, Conclusion.NEUTRAL),
        (a_review(coverage=()), STRICT, Conclusion.NEUTRAL),
        (a_failed_review(), Policy(), Conclusion.FAILURE),
    ],
)
def test_check(review: Review, policy: Policy, conclusion: Conclusion) -> None:
    forge = MemoryForge()
    result = published(forge, review, policy=policy)
    assert (result.conclusion, forge.conclusion) == (conclusion, conclusion)
    assert forge.standing_verdict is not Verdict.APPROVE or conclusion is Conclusion.SUCCESS


def test_an_approval_that_no_longer_holds_is_taken_back() -> None:
    forge = MemoryForge()
    published(forge, a_review())
    published(forge, a_review(MINOR))
    assert forge.standing_verdict is None


def test_a_request_for_changes_is_taken_back_when_what_it_asked_for_is_done() -> None:
    forge = MemoryForge()
    only_requests = Policy(may_request_changes=True)
    published(forge, a_review(GRAVE), policy=only_requests)
    assert forge.standing_verdict is Verdict.REQUEST_CHANGES
    forge.outdate(the_thread(forge).id)
    published(forge, a_review(outcome=Outcome.PARTIAL), policy=only_requests)
    assert forge.standing_verdict is Verdict.REQUEST_CHANGES
    published(forge, a_review(), policy=only_requests)
    assert forge.standing_verdict is None


def test_a_refused_verdict_costs_none_of_the_comments() -> None:
    forge = MemoryForge(refused_verdicts={Verdict.REQUEST_CHANGES})
    result = published(forge, a_review(GRAVE, MINOR))
    assert (result.posted, result.verdict, len(forge.all_threads)) == (2, None, 2)
    assert "could not be posted as it was: You may not approve" in result.problems[0]
    assert "You may not approve" in forge.summary


def test_annotations_stand_on_lines_of_the_new_file() -> None:
    forge = MemoryForge()
    published(forge, a_full_review())
    assert [(each.path, each.first_line, each.level) for each in forge.check.annotations] == [
        ("shop/cart.py", 18, "failure"),
        ("shop/cart.py", 13, "failure"),
        ("web/src/user.ts", 2, "warning"),
        ("shop/cart.py", 1, "notice"),
    ]


# What goes wrong


def test_a_finding_whose_line_is_refused_is_told_in_the_summary() -> None:
    forge = MemoryForge(bad_lines={("src/cart.py", 11)})
    result = published(forge, a_review(GRAVE, MINOR))
    assert (result.posted, len(forge.all_threads)) == (1, 1)
    assert "Line could not be resolved" in forge.summary
    assert GRAVE.body in forge.summary


def test_a_line_that_was_refused_is_not_tried_again() -> None:
    forge = MemoryForge(bad_lines={("src/cart.py", 11)})
    published(forge, a_review(GRAVE))
    assert published(forge, a_review(GRAVE)).verdict is None
    assert len(forge.reviews) == 1
    assert GRAVE.body in forge.summary


def test_a_comment_that_failed_for_now_is_tried_again() -> None:
    forge = MemoryForge(fault=Fault(at=1, error=ForgeUnavailable("502"), call="post_review"))
    assert published(forge, a_review(MINOR)).posted == 0
    assert published(forge, a_review(MINOR)).posted == 1
    assert "Not on a line" not in forge.summary


def test_a_suggestion_told_in_the_summary_cannot_be_applied_there() -> None:
    forge = MemoryForge(bad_lines={("src/cart.py", 2)})
    published(forge, a_review(a_finding(suggestion=a_suggestion())))
    assert "Suggested for line 2:" in forge.summary
    assert "```suggestion" not in forge.summary


def test_what_is_told_only_in_the_summary_stays_there_until_a_whole_review() -> None:
    forge = MemoryForge(bad_lines={("src/cart.py", 11)})
    published(forge, a_review(GRAVE, unanchored=(an_unanchored(severity="high"),)))
    result = published(forge, a_review(), is_incremental=True)
    assert (result.conclusion, GRAVE.body in forge.summary) == (Conclusion.FAILURE, True)
    assert "The caller still expects a float" in forge.summary
    published(forge, a_failed_review())
    assert GRAVE.body in forge.summary
    assert published(forge, a_review()).conclusion is Conclusion.SUCCESS
    assert GRAVE.body not in forge.summary


def test_a_step_that_fails_loses_none_of_the_others() -> None:
    for call in ("post_review", "describe", "put_check", "react"):
        forge = MemoryForge(fault=Fault(at=1, error=ForgeUnavailable("502"), call=call))
        result = published(forge, a_full_review())
        assert len(result.problems) == 1
        assert "502" in result.problems[0]
        done = (bool(forge.all_threads), "Summary by" in forge.pull.body, bool(forge.checks), bool(forge.reaction))
        expected = tuple(each != call for each in ("post_review", "describe", "put_check", "react"))
        assert done == expected
        assert "A discount code can inject SQL" in forge.summary


def test_a_call_that_failed_after_its_effect_is_seen_to_have_had_it() -> None:
    forge = MemoryForge(fault=Fault(at=2, error=ForgeUnavailable("502"), call="post_review", has_effect=True))
    result = published(forge, a_review(GRAVE, MINOR))
    assert (result.posted, sum(marks(forge).values())) == (2, 2)
    assert "Not on a line" not in forge.summary


def test_a_summary_that_could_not_be_written_leaves_the_review_unsaid() -> None:
    forge = MemoryForge(fault=Fault(at=1, error=ForgeAuth("403"), call="post_comment"))
    assert published(forge, a_review()).is_said is False


def test_a_summary_that_was_deleted_is_written_anew() -> None:
    forge = MemoryForge()
    result = published(forge, a_review(), known=Known(summary_comment=4, check=5, check_sha=HEAD))
    assert (result.summary_comment, result.problems) == (forge.conversation[0].id, ())
    assert list(forge.checks) == [result.check]


def test_nothing_is_said_of_a_head_that_moved() -> None:
    forge = MemoryForge()
    known = asyncio.run(announce(forge, forge.pull, known=Known()))
    reviewed = forge.pull
    forge.pull = replace(forge.pull, head_sha="c" * 40)
    run = publish(forge, reviewed, a_review(GRAVE), known=known, policy=STRICT, is_incremental=False)
    result = asyncio.run(run)
    assert (result.is_said, forge.all_threads, forge.reviews) == (False, [], [])
    assert forge.conclusion is Conclusion.NEUTRAL
    assert "newer commit" in result.problems[0]


def test_nothing_is_said_of_a_pull_request_that_was_closed() -> None:
    forge = MemoryForge()
    known = asyncio.run(announce(forge, forge.pull, known=Known()))
    forge.pull = replace(forge.pull, lifecycle=Lifecycle.MERGED)
    result = published(forge, a_review(GRAVE), known=known)
    assert (result.is_said, forge.all_threads) == (False, [])
    assert "merged" in forge.summary


def test_a_rate_limit_while_announcing_goes_up() -> None:
    forge = MemoryForge(fault=Fault(at=2, error=ForgeRateLimited(retry_after_s=1.0)))
    with pytest.raises(ForgeRateLimited):
        asyncio.run(announce(forge, forge.pull, known=Known()))


# The description


def described(mode: ExistingDescription, *, body: str, summary: str, is_incremental: bool = False) -> str:
    forge = MemoryForge(pull=a_pull_request(body=body))
    policy = Policy(summary=SummaryWishes(existing_description=mode))
    for _ in range(2):
        published(forge, a_review(summary=summary), policy=policy, is_incremental=is_incremental)
    return forge.pull.body


OURS = (
    "<!-- mesrai:v1 description -->\n### Summary by Mesrai\n\nPrices are added up.\n<!-- mesrai:v1 description-end -->"
)


def test_description() -> None:
    said = "Prices are added up."
    assert described(ExistingDescription.REPLACE, body="", summary=said) == OURS
    assert described(ExistingDescription.CONCATENATE, body="Mine.", summary=said) == f"Mine.\n\n{OURS}"
    assert described(ExistingDescription.CONCATENATE, body="", summary=said) == OURS
    assert described(
        ExistingDescription.COMPLEMENT, body="Prices get added up now.", summary=said + "\n\nPrices added."
    )
    news = described(
        ExistingDescription.COMPLEMENT, body="Invoices are rounded.", summary=f"Invoices are rounded.\n\n{said}"
    )
    assert news == f"Invoices are rounded.\n\n{OURS}"
    same = described(ExistingDescription.COMPLEMENT, body="Prices get added up now.", summary="The prices, added.")
    assert same == "Prices get added up now."


@FEW
@given(
    st.lists(st.sampled_from(list(ExistingDescription)), min_size=1, max_size=4),
    st.sampled_from(
        ["Mine.", "Fixes #7.\n\n```\n</details>\n<!-- a", f"Mine {AUTHOR_END} still {DESCRIPTION_END} mine."]
    ),
)
def test_what_the_author_wrote_is_never_lost_whatever_the_owners_wish_in_turn(
    modes: list[ExistingDescription], body: str
) -> None:
    plain = body.replace(AUTHOR_END, "").replace(DESCRIPTION_END, "").split()
    text = body
    for mode in modes:
        text = described(mode, body=text, summary="Prices are added up.")
        again = described(mode, body=text, summary="Prices are added up.")
        assert again == text
        assert without_part_of_ours(text).split() == plain
        assert text.count("Prices are added up.") == 1
        assert (mode is ExistingDescription.REPLACE) == text.startswith(DESCRIPTION_BEGIN)


def test_a_review_of_what_is_new_leaves_the_description_and_tells_its_overview_in_the_summary() -> None:
    forge = MemoryForge()
    published(forge, a_review(), is_incremental=True)
    assert forge.pull.body == "Adds discount codes."
    assert "### What is new\n\nPrices are added up in one place." in forge.summary


def test_no_overview_is_written_where_the_owners_want_none() -> None:
    forge = MemoryForge()
    published(forge, a_review(), policy=NO_SUMMARY)
    assert forge.pull.body == "Adds discount codes."
    assert "Prices are added up" not in forge.summary


# Other states


def test_a_review_is_announced_in_the_comment_that_becomes_its_summary() -> None:
    forge = MemoryForge()
    known = asyncio.run(announce(forge, forge.pull, known=Known()))
    assert (forge.reaction, forge.conclusion is None) == (Reaction.STARTED, True)
    assert "under way" in forge.summary
    published(forge, a_review(), known=known)
    assert (list(forge.checks), [each.id for each in forge.conversation]) == ([known.check], [known.summary_comment])
    assert "under way" not in forge.summary


def test_a_state_is_said_above_the_last_result_and_never_in_its_place() -> None:
    forge = MemoryForge()
    first = published(forge, a_full_review())
    before = forge.summary.partition("\n")[2]
    known = Known(summary_comment=first.summary_comment, check=first.check, check_sha=HEAD)
    known = asyncio.run(announce(forge, forge.pull, known=known))
    error = ModelQuota("The plan's quota is used up. @admin")
    asyncio.run(say_parked(forge, forge.pull, error.message, until=1_800_000_000.0, known=known))
    assert forge.summary.endswith(before.strip())
    assert "waits: The plan's quota is used up. @&#8203;admin It goes on by itself at about 2027-01-15 08:00 UTC." in (
        forge.summary
    )
    assert forge.check.title == "The review waits until 2027-01-15 08:00 UTC"
    asyncio.run(say_failed(forge, forge.pull, error, known=known))
    assert forge.summary.endswith(before.strip())
    assert "waits" not in forge.summary.partition("state-end")[0]
    assert (forge.reaction, forge.conclusion) == (Reaction.FAILED, Conclusion.FAILURE)


def test_a_skip_says_why_and_leaves_the_check_of_a_review() -> None:
    forge = MemoryForge()
    asyncio.run(say_skipped(forge, forge.pull, "It is a draft."))
    assert (forge.reaction, forge.conclusion) == (Reaction.SKIPPED, Conclusion.NEUTRAL)
    assert (forge.check.title, forge.conversation) == ("Not reviewed: It is a draft.", [])
    result = published(forge, a_review(GRAVE))
    known = Known(check=result.check, check_sha=HEAD)
    asyncio.run(say_skipped(forge, forge.pull, "It is a draft.", known=known))
    assert forge.conclusion is Conclusion.FAILURE


def test_a_failed_review_says_so_with_its_coverage() -> None:
    forge = MemoryForge()
    published(forge, a_failed_review())
    assert "## The review failed: nothing of this change was reviewed." in forge.summary
    assert "0 of 1 file read" in forge.summary
    assert (forge.reaction, forge.reviews) == (Reaction.FAILED, [])


def test_links_lead_to_the_lines_at_the_reviewed_commit() -> None:
    forge = MemoryForge()
    old = a_full_review()
    published(forge, old)
    assert f"https://github.com/acme/shop/blob/{HEAD}/shop/cart.py#L18-L19" in forge.summary
    assert f"https://github.com/acme/shop/blob/{BASE}/shop/views.py#L2" in forge.summary


def a_finding_at(line: int) -> Finding:
    return a_finding(f"Problem {line}", start_line=line, end_line=line, body="Long. " * 900)


def test_a_summary_of_many_findings_forgets_none_and_fits() -> None:
    forge = MemoryForge(bad_lines={("src/cart.py", line) for line in range(1, 60)})
    published(forge, a_review(*(a_finding_at(line) for line in range(1, 60))))
    assert len(forge.summary) <= 65_000
    published(forge, a_review(), is_incremental=True)
    assert all(f"Problem {line}**" in forge.summary for line in range(1, 60))
