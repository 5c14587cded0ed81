"""Compare a review with what stands on the pull request: what is new, what is settled, what is still open."""

from collections.abc import Sequence
from dataclasses import dataclass

from mesrai.domain.finding import Finding, Severity
from mesrai.domain.review import FileStatus, Outcome, Review
from mesrai.flows.publishing.standing import OurThread, Standing
from mesrai.review.render.marks import Item, mark_id, read_items


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done."""

    new: tuple[Finding, ...]  # to be posted on their lines
    states: tuple[str, ...]  # of each finding of the review, in its order: one of the words below
    fixed: tuple[OurThread, ...]  # to be resolved
    earlier: tuple[OurThread, ...]  # open or dismissed without the right to, and not told by this review again
    carried: tuple[Item, ...]  # from the summary until now


NEW, OPEN, ANSWERED, DISMISSED, RESOLVED = "new", "open", "answered", "dismissed", "resolved"
ALIKE = "told above"
REFUSED = "below"  # the forge took no comment on its lines before; only the summary tells it


def plan_publication(review: Review, standing: Standing, *, is_incremental: bool) -> Plan:
    """What makes the forge agree with the review. Nothing is new that has a thread of ours which we did not settle."""
    states: list[str] = []
    new: list[Finding] = []
    told: set[str] = set()
    refused = _refused(standing)
    for finding in review.findings:
        fingerprint = mark_id(finding.fingerprint)
        state = ALIKE if fingerprint in told else _state(standing.about(fingerprint))
        if state == NEW and fingerprint in refused:
            state = REFUSED
        told.add(fingerprint)
        states.append(state)
        if state == NEW:
            new.append(finding)
    others = [each for each in standing.threads if each.fingerprint not in told]
    fixed = tuple(each for each in others if _is_fixed(each, review, is_incremental=is_incremental))
    return Plan(
        new=tuple(new),
        states=tuple(states),
        fixed=tuple(each for each in fixed if not each.thread.is_resolved and not each.is_told_fixed),
        earlier=tuple(
            each for each in others if each not in fixed and not each.is_resolved_by_right and not each.is_told_fixed
        ),
        carried=_carried(review, standing, is_incremental=is_incremental),
    )


def counting(review: Review, states: Sequence[str]) -> Sequence[Severity]:
    """How bad the findings are that count: all but those dismissed by somebody who may."""
    return [finding.severity for finding, state in zip(review.findings, states, strict=True) if state != DISMISSED]


def _state(threads: Sequence[OurThread]) -> str:
    """What became of the threads about one finding. Only threads that we settled ourselves let it be told again."""
    unsettled = [each for each in threads if not each.thread.is_resolved and not each.is_told_fixed]
    if unsettled:
        return ANSWERED if any(each.is_answered for each in unsettled) else OPEN
    by_others = [each for each in threads if not each.is_resolved_by_us and not each.is_told_fixed]
    if not by_others:
        return NEW
    is_known = all(each.thread.resolved_by is not None and each.is_resolved_by_right for each in by_others)
    return DISMISSED if is_known else RESOLVED


def _refused(standing: Standing) -> frozenset[str]:
    """The findings that the forge would not take on their lines; trying again would only leave another empty review."""
    items = read_items(standing.summary.body) if standing.summary is not None else ()
    return frozenset(item.fingerprint for item in items if item.is_refused)


def _is_fixed(ours: OurThread, review: Review, *, is_incremental: bool) -> bool:
    """Whether a finding that this review no longer makes is gone: its lines changed, and were read anew."""
    if ours.is_answered or not ours.thread.is_outdated:
        return False
    status = next((file.status for file in review.coverage if file.path == ours.thread.path), None)
    if status is None:  # no longer part of the change
        return review.outcome is Outcome.REVIEWED and not is_incremental
    return status is FileStatus.REVIEWED and review.outcome in (Outcome.REVIEWED, Outcome.PARTIAL)


def _carried(review: Review, standing: Standing, *, is_incremental: bool) -> tuple[Item, ...]:
    """What the summary until now told in full; only a whole look at the whole change lets it go."""
    is_whole = review.outcome is Outcome.REVIEWED and not is_incremental
    if standing.summary is None or is_whole:
        return ()
    shown = {mark_id(finding.fingerprint) for finding in review.findings}
    return tuple(item for item in read_items(standing.summary.body) if item.fingerprint not in shown)
