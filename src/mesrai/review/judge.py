"""Decide what is shown: merge what is said twice, keep to the policy, rank, cap; every other finding gets a reason."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mesrai.domain.finding import Category, Finding, Severity
from mesrai.domain.policy import Grouping, Policy
from mesrai.domain.review import Dropped

_SAME_TITLE = 0.5  # share of words two titles have in common
_NEAR = 2  # lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is shown, worst first, and what is not."""

    findings: tuple[Finding, ...]
    dropped: tuple[Dropped, ...]


def judge_findings(findings: Sequence[Finding], policy: Policy) -> Judged:
    """Order does not matter; a finding is either in the result or dropped, never lost and never twice."""
    ranked = sorted(findings, key=_order)
    dropped: list[Dropped] = []
    kept: list[Finding] = []
    for finding in ranked:
        reason = reason_unwanted(finding.category, finding.severity, policy) or _merged_into(finding, kept)
        if reason:
            dropped.append(_dropped(finding, reason))
        else:
            kept.append(finding)
    if policy.suggestion_control.grouping_mode is Grouping.FULL:
        kept, grouped = _grouped(kept)
        dropped += grouped
    shown, over = _capped(kept, policy)
    return Judged(findings=_told_apart(shown), dropped=(*dropped, *over))


def reason_unwanted(category: str, severity: str, policy: Policy) -> str:
    """Why the policy does not ask for such a finding; empty if it does."""
    if not policy.wants(Category(category)):
        return f"the policy does not ask for {category}"
    lowest = policy.suggestion_control.severity_level_filter
    if not Severity(severity).reaches(lowest):
        return f"its severity is below {lowest}, the lowest that the policy asks for"
    return ""


def _order(finding: Finding) -> tuple[int, float, str, int, str, str, str]:
    place = (finding.path, finding.start_line)
    return (finding.severity.rank, -finding.confidence, *place, finding.title, finding.category, finding.fingerprint)


def _merged_into(finding: Finding, kept: Sequence[Finding]) -> str:
    for other in kept:
        if _is_same(finding, other):
            return f"the same as “{other.title}” on line {other.start_line}"
    return ""


def _is_same(one: Finding, other: Finding) -> bool:
    """Whether two findings speak of the same problem at the same place."""
    if one.path != other.path or one.side is not other.side:
        return False
    if one.start_line > other.end_line + _NEAR or other.start_line > one.end_line + _NEAR:
        return False
    alike = _likeness(one.title, other.title)
    overlap = one.start_line <= other.end_line and other.start_line <= one.end_line
    return alike >= _SAME_TITLE or (overlap and one.category is other.category and alike >= _SAME_TITLE / 2)


def _grouped(kept: Sequence[Finding]) -> tuple[list[Finding], list[Dropped]]:
    """One finding that lists every place, for those that say the same and offer no suggestion of their own."""
    first: dict[tuple[str, str, str], Finding] = {}
    places: dict[tuple[str, str, str], list[str]] = {}
    order: list[tuple[tuple[str, str, str] | None, Finding]] = []
    dropped: list[Dropped] = []
    for finding in kept:
        key = (finding.category, finding.severity, " ".join(finding.title.lower().split()))
        if finding.suggestion is not None:
            order.append((None, finding))
        elif key in first:
            places[key].append(_place(finding))
            dropped.append(_dropped(finding, f"listed with the same finding at {_place(first[key])}"))
        else:
            first[key], places[key] = finding, []
            order.append((key, finding))
    merged = [replace(each, also_at=tuple(places[key])) if key and places[key] else each for key, each in order]
    return merged, dropped


def _place(finding: Finding) -> str:
    return f"{finding.path}:{finding.start_line}"


def _likeness(one: str, other: str) -> float:
    words, others = set(re.findall(r"\w+", one.lower())), set(re.findall(r"\w+", other.lower()))
    return len(words & others) / max(len(words | others), 1)


def _capped(kept: Sequence[Finding], policy: Policy) -> tuple[list[Finding], list[Dropped]]:
    """Keep the worst up to the limit for the change or for each file; critical ones always stay."""
    control = policy.suggestion_control
    most = control.max_suggestions
    if most == 0:
        return list(kept), []
    shown: list[Finding] = []
    over: list[Dropped] = []
    seen: Counter[str] = Counter()
    for finding in kept:
        group = finding.path if control.limitation_type == "file" else ""
        if seen[group] < most or finding.severity is Severity.CRITICAL:
            seen[group] += 1
            shown.append(finding)
        else:
            over.append(_dropped(finding, f"over the limit of {most} findings a {control.limitation_type}"))
    return shown, over


def _told_apart(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Give findings with equal fingerprints different ones, in a stable order."""
    seen: Counter[str] = Counter()
    result: list[Finding] = []
    for finding in findings:
        nth = seen[finding.fingerprint]
        seen[finding.fingerprint] += 1
        result.append(finding if nth == 0 else replace(finding, fingerprint=f"{finding.fingerprint}-{nth + 1}"))
    return tuple(result)


def _dropped(finding: Finding, reason: str) -> Dropped:
    return Dropped(
        reason=reason,
        path=finding.path,
        title=finding.title,
        body=finding.body,
        severity=finding.severity,
        category=finding.category,
        quote="",
        source=finding.source,
        line=finding.start_line,
    )
