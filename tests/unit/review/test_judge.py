"""What is shown, in which order, and why the rest is not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.diff import Side
from mesrai.domain.finding import Category, Finding, Severity, Suggestion
from mesrai.domain.policy import Grouping, Limitation, Policy, SuggestionControl
from mesrai.review.judge import judge_findings


def a_finding(
    title: str = "Divides by zero",
    *,
    line: int = 1,
    path: str = "a.py",
    severity: Severity = Severity.MEDIUM,
    category: Category = Category.BUG,
    confidence: float = 0.5,
) -> Finding:
    return Finding(
        fingerprint=f"{path}{line}{category}",
        path=path,
        side=Side.NEW,
        start_line=line,
        end_line=line,
        severity=severity,
        category=category,
        title=title,
        body="",
        evidence="",
        confidence=confidence,
        source="m",
    )


def a_policy(
    *,
    most: int = 0,
    by: Limitation = Limitation.PR,
    lowest: Severity = Severity.LOW,
    grouping: Grouping = Grouping.FULL,
) -> Policy:
    return Policy(
        suggestion_control=SuggestionControl(
            max_suggestions=most, limitation_type=by, severity_level_filter=lowest, grouping_mode=grouping
        )
    )


def reasons(findings: list[Finding], policy: Policy) -> list[str]:
    return [each.reason for each in judge_findings(findings, policy).dropped]


def test_the_worst_and_surest_come_first() -> None:
    low, high, sure = (
        a_finding("Low one", severity=Severity.LOW),
        a_finding("High one", line=20, severity=Severity.HIGH),
        a_finding("Sure one", line=40, severity=Severity.HIGH, confidence=0.9),
    )
    assert judge_findings([low, high, sure], a_policy()).findings == (sure, high, low)


def test_the_same_problem_said_twice_on_neighbouring_lines_is_shown_once() -> None:
    one = a_finding("The total divides by zero for an empty list", line=10, confidence=0.9)
    two = a_finding("Divides by zero when the list is empty", line=11)
    judged = judge_findings([two, one], a_policy())
    assert judged.findings == (one,)
    assert [each.reason for each in judged.dropped] == [
        "the same as “The total divides by zero for an empty list” on line 10"
    ]


def test_two_different_problems_on_one_line_are_both_shown() -> None:
    one = a_finding("Divides by zero for an empty list")
    two = a_finding("User name is put into the query", category=Category.SECURITY)
    assert len(judge_findings([one, two], a_policy()).findings) == 2


def test_unwanted_category_and_low_severity_are_dropped_with_the_reason() -> None:
    policy = replace(a_policy(lowest=Severity.MEDIUM), categories=frozenset({Category.BUG}))
    findings = [a_finding(severity=Severity.LOW), a_finding("Slow", line=50, category=Category.PERFORMANCE)]
    assert sorted(reasons(findings, policy)) == [
        "its severity is below medium, the lowest that the policy asks for",
        "the policy does not ask for performance",
    ]


def test_limit_for_the_change_keeps_the_worst_and_never_drops_a_critical_one() -> None:
    findings = [
        a_finding("A", line=10, severity=Severity.HIGH),
        a_finding("B", line=30, severity=Severity.MEDIUM),
        a_finding("C", line=50, severity=Severity.CRITICAL),
        a_finding("D", line=70, severity=Severity.CRITICAL),
    ]
    judged = judge_findings(findings, a_policy(most=1))
    assert [each.title for each in judged.findings] == ["C", "D"]
    assert {each.reason for each in judged.dropped} == {"over the limit of 1 findings a pr"}


def test_limit_for_each_file_counts_each_file() -> None:
    findings = [a_finding("A", path="a.py"), a_finding("B", path="b.py"), a_finding("C", path="b.py", line=9)]
    judged = judge_findings(findings, a_policy(most=1, by=Limitation.FILE))
    assert [each.title for each in judged.findings] == ["A", "B"]


def test_the_same_finding_in_many_places_is_one_that_lists_them() -> None:
    findings = [a_finding(path=path) for path in ("a.py", "b.py", "c.py")]
    judged = judge_findings(findings, a_policy())
    assert [(each.path, each.also_at) for each in judged.findings] == [("a.py", ("b.py:1", "c.py:1"))]
    assert len(judge_findings(findings, a_policy(grouping=Grouping.INDIVIDUAL)).findings) == 3


def test_findings_with_suggestions_of_their_own_are_not_grouped() -> None:
    fix = Suggestion(start_line=1, end_line=1, replacement="x")
    findings = [replace(a_finding(path=path), suggestion=fix) for path in ("a.py", "b.py")]
    assert len(judge_findings(findings, a_policy()).findings) == 2


def test_equal_fingerprints_are_told_apart() -> None:
    findings = [replace(a_finding(title, line=line), fingerprint="f") for title, line in (("A", 1), ("B", 50))]
    assert sorted(each.fingerprint for each in judge_findings(findings, a_policy()).findings) == ["f", "f-2"]


some_findings = st.lists(
    st.builds(
        a_finding,
        st.sampled_from(["Divides by zero", "Divides by zero on empty input", "Leaks the key", "Slow loop"]),
        line=st.integers(1, 8),
        path=st.sampled_from(["a.py", "b.py"]),
        severity=st.sampled_from(Severity),
        category=st.sampled_from([Category.BUG, Category.SECURITY]),
    ),
    max_size=12,
)


@given(findings=some_findings, most=st.integers(0, 4), order=st.randoms())
def test_nothing_is_lost_and_order_does_not_matter(findings: list[Finding], most: int, order: object) -> None:
    judged = judge_findings(findings, a_policy(most=most))
    assert len(judged.findings) + len(judged.dropped) == len(findings)
    assert len({each.fingerprint for each in judged.findings}) == len(judged.findings)
    shuffled = list(findings)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judge_findings(shuffled, a_policy(most=most)).findings == judged.findings
