"""Make a pull request say what the review says: look what stands there, then do only what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mesrai.domain.finding import Severity
from mesrai.domain.policy import ExistingDescription, Policy
from mesrai.domain.pull_request import Lifecycle, PullRequest
from mesrai.domain.review import Outcome, Review
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.errors import ForgeAuth, ForgeError, ForgeRateLimited, ForgeRejected, MesraiError
from mesrai.flows.publishing.plan import Plan, counting, plan_publication
from mesrai.flows.publishing.progress import progress_after
from mesrai.flows.publishing.standing import Standing, is_same, look, our_threads
from mesrai.flows.publishing.talk import Known, Talk
from mesrai.flows.publishing.telling import Result, Untold, links_of, review_text, summary_told
from mesrai.flows.publishing.verdict import (
    annotations_of,
    decide_conclusion,
    decide_verdict,
    reaction_to,
    reason_to_withdraw,
)
from mesrai.flows.waiting import clock_time
from mesrai.forges.forge import Check, Conclusion, Forge, InlineComment, Posted, Reaction, Verdict
from mesrai.review.render import wording
from mesrai.review.render.description import description_with, has_part_of_ours
from mesrai.review.render.inline_comment import render_inline_comment
from mesrai.review.render.markdown_text import code_span, inline, plain
from mesrai.review.render.marks import FIXED_MARK, mark_id, read_finding_mark, without_mark
from mesrai.review.render.summary_comment import render_summary, severities_told
from mesrai.review.render.untrusted import one_line

__all__ = [
    "Known",
    "Published",
    "announce",
    "publish",
    "say_failed",
    "say_overtaken",
    "say_parked",
    "say_skipped",
    "say_stopped",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What came of publishing."""

    summary_comment: int | None
    check: int | None
    problems: tuple[str, ...] = ()  # what could not be done, a sentence each
    is_overtaken: bool = False  # the head moved, or the request was closed, so nothing was said
    is_said: bool = True  # every finding stands on the pull request; if not, this commit must not count as reviewed
    posted: int = 0  # comments on lines
    resolved: int = 0  # threads
    verdict: Verdict | None = None  # given now; None: none was due
    conclusion: Conclusion | None = None
    open: tuple[Severity, ...] = ()  # how bad everything is that is open now, findings of earlier reviews included


async def publish(
    forge: Forge, pull_request: PullRequest, review: Review, *, known: Known, policy: Policy, is_incremental: bool
) -> Published:
    """Say the review of `pull_request` at the head it was reviewed at; saying it again changes nothing.

    If the head moved or the pull request was closed meanwhile, nothing is said of it. Errors: ForgeRateLimited from
    any step, ForgeError if it cannot be seen what stands there; whoever comes again goes on where this ended.
    """
    talk = Talk(forge=forge, pull_request=pull_request, problems=list(known.problems))
    now = await forge.pull_request(pull_request.number)
    if now.head_sha != pull_request.head_sha or now.lifecycle is not Lifecycle.OPEN:
        return await _overtaken(talk, now, known)
    standing = await look(forge, pull_request.number)
    plan = plan_publication(review, standing, is_incremental=is_incremental)
    result = Result(review=review, plan=plan, policy=policy, is_incremental=is_incremental)
    open_ = _open(result)
    verdict = Verdict.COMMENT if is_same(now.author, standing.me) else decide_verdict(review, open_, policy)
    given, untold = await _post_review(talk, standing, result, verdict)
    await _withdraw(talk, standing, reason_to_withdraw(standing.verdict, verdict, review, open_))
    resolved = await _resolve(talk, plan)
    has_overview = await _describe(talk, review, policy, is_incremental=is_incremental)
    told = summary_told(result, untold=untold, has_overview=has_overview, problems=talk.problems)
    told = replace(told, is_once=known.is_once, progress=progress_after(review, known.progress, standing.summary))
    text = render_summary(told, links_of(pull_request, review))
    comment = await talk.put_summary(text, standing.summary, known)
    conclusion = decide_conclusion(review, open_, policy)
    check = await talk.put_check(_check(pull_request, review, conclusion, text), known)
    await talk.react(reaction_to(review.outcome))
    return Published(
        summary_comment=comment,
        check=check,
        problems=tuple(talk.problems),
        is_said=comment is not None,
        posted=len(plan.new) - len(untold),
        resolved=resolved,
        verdict=given,
        conclusion=conclusion,
        open=tuple(open_),
    )


async def announce(forge: Forge, pull_request: PullRequest, *, known: Known) -> Known:
    """Show that a review begins; what is to be remembered of it. Errors: ForgeRateLimited."""
    talk = Talk(forge=forge, pull_request=pull_request)
    sha = _short(pull_request.head_sha)
    running = Check(sha=pull_request.head_sha, title="The review is under way", summary="The result will stand here.")
    await talk.react(Reaction.STARTED)
    comment = await talk.put_state(f"🚀 The review of {sha} is under way. Its result will stand here.", known)
    check = await talk.put_check(running, known)  # last: unlike the others it is not found again, only remembered
    return talk.told(known, comment=comment, check=check)


async def say_overtaken(forge: Forge, pull_request: PullRequest, now: PullRequest, *, known: Known) -> None:
    """End what was announced of `pull_request`, which stands as `now` by now. Errors: ForgeRateLimited."""
    await _overtaken(Talk(forge=forge, pull_request=pull_request), now, known)


async def say_skipped(
    forge: Forge,
    pull_request: PullRequest,
    reason: str,
    *,
    known: Known | None = None,
    is_announced: bool = False,
) -> Known:
    """Show that no review is due, and why. Errors: ForgeRateLimited.

    A check that a review of this commit made keeps what it says, unless `is_announced`: one was, and does not come now.
    """
    talk = Talk(forge=forge, pull_request=pull_request)
    known = known or Known()
    check, comment = known.check, known.summary_comment
    if is_announced or known.check_sha != pull_request.head_sha:
        said = Check(
            sha=pull_request.head_sha,
            title=_title(f"Not reviewed: {reason}"),
            summary=plain(_safe(reason)),
            conclusion=Conclusion.NEUTRAL,
        )
        check = await talk.put_check(said, known)
    await talk.react(Reaction.SKIPPED)
    if is_announced:
        sentence = f"⏭️ The review of {_short(pull_request.head_sha)} does not go on: {inline(_safe(reason))}"
        comment = await talk.put_state(sentence, known, is_new=False)
    return talk.told(known, comment=comment, check=check)


async def say_parked(
    forge: Forge,
    pull_request: PullRequest,
    reason: str,
    *,
    until: float,
    known: Known | None = None,
    is_partial: bool = False,
) -> Known:
    """Show that the review waits, why, and until when (seconds since the epoch). Errors: ForgeRateLimited.

    `is_partial`: a part of it was said, and the summary says already that the rest waits.
    """
    talk = Talk(forge=forge, pull_request=pull_request)
    known = known or Known()
    when = clock_time(until)
    waits = "A part was reviewed; the rest waits" if is_partial else "The review waits"
    waiting = Check(
        sha=pull_request.head_sha,
        title=_title(f"{waits} until {when}"),
        summary=plain(_safe(reason)),
    )
    check = await talk.put_check(waiting, known)
    if is_partial:
        return talk.told(known, comment=known.summary_comment, check=check)
    sentence = f"⏳ The review of {_short(pull_request.head_sha)} waits: {inline(_safe(reason))} "
    comment = await talk.put_state(f"{sentence}It goes on by itself at about {when}.", known)
    return talk.told(known, comment=comment, check=check)


async def say_stopped(
    forge: Forge, pull_request: PullRequest, who: str, *, known: Known, is_partial: bool = False
) -> Known:
    """Show that somebody stopped the review. Errors: ForgeRateLimited.

    `is_partial`: a part of it was said, which stands.
    """
    talk = Talk(forge=forge, pull_request=pull_request)
    rest = "the rest of this commit" if is_partial else "this commit"
    reason = f"{_safe(who)} stopped the review, so nothing is said of {rest}."
    stopped = Check(
        sha=pull_request.head_sha,
        title=_title(f"Stopped by {who}"),
        summary=plain(reason),
        conclusion=Conclusion.NEUTRAL,
    )
    check = await talk.put_check(stopped, known)
    await talk.react(Reaction.SKIPPED)
    comment = known.summary_comment
    if not is_partial:
        sentence = f"⏹️ {inline(reason)} ({_short(pull_request.head_sha)}) `@mesrai review` starts another."
        comment = await talk.put_state(sentence, known)
    return talk.told(known, comment=comment, check=check)


async def say_failed(
    forge: Forge, pull_request: PullRequest, error: MesraiError, *, known: Known | None = None
) -> Known:
    """Show that the review failed for good, and why. Errors: ForgeRateLimited."""
    talk = Talk(forge=forge, pull_request=pull_request)
    known = known or Known()
    reason = _safe(error.message)
    failed = Check(
        sha=pull_request.head_sha,
        title="The review failed",
        summary=plain(reason),
        conclusion=Conclusion.FAILURE,
    )
    check = await talk.put_check(failed, known)
    sentence = f"😕 **The review of {_short(pull_request.head_sha)} failed**, so nothing is said of this commit: "
    again = "`@mesrai review` tries again."
    comment = await talk.put_state(f"{sentence}{inline(reason)} {again}", known)
    await talk.react(Reaction.FAILED)
    return talk.told(known, comment=comment, check=check)


async def _overtaken(talk: Talk, now: PullRequest, known: Known) -> Published:
    """End what was announced for a head that counts no more."""
    if now.lifecycle is not Lifecycle.OPEN:
        reason = f"The pull request is {now.lifecycle}, so the review of it is not shown."
    else:
        reason = f"A newer commit, {_short(now.head_sha)}, took the place of this one while it was reviewed."
    check = known.check
    if known.check_sha == talk.pull_request.head_sha:  # perhaps its id was never learned
        ended = Check(sha=known.check_sha, title="Overtaken", summary=reason, conclusion=Conclusion.NEUTRAL)
        check = await talk.put_check(ended, known)
    comment = known.summary_comment
    if now.lifecycle is not Lifecycle.OPEN:
        comment = await talk.put_state(reason, known, is_new=False)
    return Published(
        summary_comment=comment, check=check, problems=(*talk.problems, reason), is_overtaken=True, is_said=False
    )


async def _post_review(
    talk: Talk, standing: Standing, result: Result, verdict: Verdict
) -> tuple[Verdict | None, Mapping[str, Untold]]:
    """The verdict that was given, and of the findings that stand on no line now, why not.

    A verdict that stands is not given again, and without one a review without comments is not posted.
    """
    links = links_of(talk.pull_request, result.review)
    comments = {
        mark_id(each.fingerprint): InlineComment(
            path=each.path,
            side=each.side,
            first_line=each.start_line,
            last_line=each.end_line,
            body=render_inline_comment(each, links),
        )
        for each in result.plan.new
    }
    given = verdict if verdict not in (Verdict.COMMENT, standing.verdict) else Verdict.COMMENT
    if not comments and given is Verdict.COMMENT:
        return None, {}
    try:
        return given, await _posted(talk, comments, given)
    except ForgeRateLimited:
        raise
    except ForgeError as error:
        talk.problems.append(f"The review could not be posted as it was: {one_line(error.message, 200)}")
        missing = await _missing(talk, standing, comments)
        if given is Verdict.COMMENT or not isinstance(error, ForgeRejected | ForgeAuth):
            return None, dict.fromkeys(missing, Untold(reason=error.message, is_refused=False))
    untold: Mapping[str, Untold] = dict.fromkeys(missing, Untold(reason="The review was refused.", is_refused=False))
    with talk.step("Its comments could not be posted either"):
        untold = await _posted(talk, missing, Verdict.COMMENT) if missing else {}
    return None, untold


async def _posted(talk: Talk, comments: Mapping[str, InlineComment], verdict: Verdict) -> Mapping[str, Untold]:
    """Post one review; of the comments that the forge would not take there, why not."""
    pull_request = talk.pull_request
    posted: Sequence[Posted] = await talk.forge.post_review(
        pull_request.number,
        sha=pull_request.head_sha,
        verdict=verdict,
        body=review_text(len(comments), verdict, _short(pull_request.head_sha)),
        comments=list(comments.values()),
    )
    refused: dict[str, Untold] = {}
    for each in posted:
        mark = read_finding_mark(each.comment.body)
        if each.id is None and mark is not None:
            refused[mark[0]] = Untold(reason=each.reason, is_refused=True)
    return refused


async def _missing(
    talk: Talk, standing: Standing, comments: Mapping[str, InlineComment]
) -> Mapping[str, InlineComment]:
    """The comments that do not stand there: a call that failed may have had its effect."""
    before = {each.thread.id for each in standing.threads}
    now = await our_threads(talk.forge, talk.pull_request.number, standing.me)
    there = {each.fingerprint for each in now if each.thread.id not in before}
    return {fingerprint: comment for fingerprint, comment in comments.items() if fingerprint not in there}


async def _withdraw(talk: Talk, standing: Standing, reason: str) -> None:
    if reason and standing.verdict is not None:
        with talk.step("An earlier verdict of ours could not be taken back"):
            await talk.forge.withdraw(talk.pull_request.number, reason)


async def _resolve(talk: Talk, plan: Plan) -> int:
    """Settle the threads whose finding is fixed; how many.

    Some Apps may not resolve threads without the right to write to the code, which nobody should give us: they say it.
    """
    resolved = 0
    for each in plan.fixed:
        with talk.step("A thread about something that is fixed could not be resolved"):
            try:
                await talk.forge.resolve(each.thread)
            except (ForgeAuth, ForgeRejected):
                first, commit = each.thread.comments[0].id, _short(talk.pull_request.head_sha)
                said = f"{FIXED_MARK}\nFixed as of {commit}. Mesrai may not resolve this thread; please do it."
                await talk.forge.reply(talk.pull_request.number, thread=first, body=said)
            resolved += 1
    return resolved


async def _describe(talk: Talk, review: Review, policy: Policy, *, is_incremental: bool) -> bool:
    """Put what the change does into the description, as the owners wish; whether the comment has to say it instead.

    A review of what is new says nothing of the whole, so the description stays.
    """
    wishes = policy.summary
    if not wishes.is_generated or review.outcome in (Outcome.FAILED, Outcome.NOTHING):
        return False
    if is_incremental:
        return True
    number = talk.pull_request.number
    with talk.step("The description could not be written"):
        before = (await talk.forge.pull_request(number)).body.replace("\r\n", "\n")
        is_partial = review.outcome is Outcome.PARTIAL
        text = description_with(before, review.summary, wishes.existing_description, is_partial=is_partial)
        if text.strip() != before.strip():
            await talk.forge.describe(number, text)
        is_complement = wishes.existing_description is ExistingDescription.COMPLEMENT
        return not has_part_of_ours(text) and not is_complement
    return True


def _open(result: Result) -> Sequence[Severity]:
    """How bad everything is that is open after this review."""
    review, plan = result.review, result.plan
    carried = [item.severity for item in plan.carried]
    return [
        *counting(review, plan.states),
        *severities_told(review.unanchored),
        *(each.severity for each in plan.earlier),
        *carried,
    ]


def _check(pull_request: PullRequest, review: Review, conclusion: Conclusion, summary: str) -> Check:
    return Check(
        sha=pull_request.head_sha,
        title=_title(wording.headline(review)),
        summary=without_mark(summary),
        conclusion=conclusion,
        annotations=annotations_of(review.findings),
    )


def _title(text: str) -> str:
    return one_line(_safe(text), 140)


def _safe(text: str) -> str:
    """One line of somebody else's words, without credentials."""
    return one_line(redact_secrets(text)[0], 300)


def _short(sha: str) -> str:
    return code_span(one_line(sha[:12], 60))
