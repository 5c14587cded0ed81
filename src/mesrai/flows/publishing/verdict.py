"""What a review comes to: the verdict on the pull request, and the conclusion of the check."""

from collections.abc import Iterator, Sequence
from typing import Final

from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding, Severity
from mesrai.domain.policy import Policy
from mesrai.domain.review import Outcome, Review
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.forges.forge import Annotation, Conclusion, Reaction, Verdict
from mesrai.review.render import wording
from mesrai.review.render.untrusted import cut, one_line, visible

BLOCKING: Final = Severity.HIGH  # what is at least so bad makes us request changes, where the policy lets us
_MOST_ANNOTATIONS: Final = 100
_MOST_MESSAGE: Final = 3_000
_LEVELS: Final = {
    Severity.CRITICAL: "failure",
    Severity.HIGH: "failure",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
}


def decide_verdict(review: Review, open_: Sequence[Severity], policy: Policy) -> Verdict:
    """`open_`: how bad everything is that is open, from this review and earlier ones."""
    if policy.may_request_changes and any(each.reaches(BLOCKING) for each in open_):
        return Verdict.REQUEST_CHANGES
    return Verdict.APPROVE if policy.may_approve and is_clean(review, open_) else Verdict.COMMENT


def decide_conclusion(review: Review, open_: Sequence[Severity], policy: Policy) -> Conclusion:
    """Success only for a whole review with nothing open; failure for a failed one, or where changes are requested."""
    if review.outcome is Outcome.FAILED or decide_verdict(review, open_, policy) is Verdict.REQUEST_CHANGES:
        return Conclusion.FAILURE
    return Conclusion.SUCCESS if is_clean(review, open_) else Conclusion.NEUTRAL


def is_clean(review: Review, open_: Sequence[Severity]) -> bool:
    """Whether a model read all that should be read and nothing is open."""
    return review.outcome is Outcome.REVIEWED and bool(review.models) and wording.tally(review).read > 0 and not open_


def reason_to_withdraw(standing: Verdict | None, wanted: Verdict, review: Review, open_: Sequence[Severity]) -> str:
    """Why our verdict that stands no longer holds, as a sentence; empty if it holds or is replaced by a new one."""
    if wanted is not Verdict.COMMENT:
        return ""
    if standing is Verdict.APPROVE and not is_clean(review, open_):
        return "The approval no longer holds: there is something open, or not all of the change was reviewed."
    is_blocked = any(each.reaches(BLOCKING) for each in open_)
    if standing is Verdict.REQUEST_CHANGES and review.outcome is Outcome.REVIEWED and not is_blocked:
        return "What changes were requested for is settled."
    return ""


def reaction_to(outcome: Outcome) -> Reaction:
    """The state that is shown at the end. A partial review is no success."""
    return {
        Outcome.REVIEWED: Reaction.DONE,
        Outcome.PARTIAL: Reaction.FAILED,
        Outcome.FAILED: Reaction.FAILED,
        Outcome.NOTHING: Reaction.SKIPPED,
    }[outcome]


def annotations_of(findings: Sequence[Finding]) -> tuple[Annotation, ...]:
    """The findings as annotations of a check, worst first as they come. There are none on lines of the old file."""
    return tuple(_annotations(findings))[:_MOST_ANNOTATIONS]


def _annotations(findings: Sequence[Finding]) -> Iterator[Annotation]:
    for finding in findings:
        if finding.side is Side.OLD:
            continue
        body = visible(redact_secrets(wording.body_of(finding))[0]).strip()
        name = one_line(redact_secrets(finding.title)[0]) or finding.category
        yield Annotation(
            path=finding.path,
            first_line=finding.start_line,
            last_line=finding.end_line,
            level=_LEVELS[finding.severity],
            title=f"{finding.severity}: {name}",
            message=cut(body, _MOST_MESSAGE) or name,
        )
