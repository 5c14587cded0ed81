"""A review as a markdown document or comment, in which nothing a model or a repository says can act or reach out."""

from collections.abc import Iterator, Sequence
from typing import Final

from mesrai.domain.finding import Finding
from mesrai.domain.review import Review, Unanchored
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.review.render import wording
from mesrai.review.render.code import Lines, code_of, hiding_secrets, no_lines
from mesrai.review.render.markdown_parts import (
    NOTE,
    category_words,
    coverage,
    fitting,
    folded,
    foot_line,
    not_shown,
    table_of,
)
from mesrai.review.render.markdown_text import blocks, code_cell, code_span, fenced, inline, plain, title
from mesrai.review.render.untrusted import one_line
from mesrai.review.suggestions import render_suggestion_diff

MAX_CHARS: Final = 60_000  # GitHub takes 65,536 for a comment


def render_markdown(review: Review, *, lines: Lines = no_lines, max_chars: int = MAX_CHARS) -> str:
    """The document. What would make it longer than `max_chars` (some 4,000 at least) is left out, and it says so.

    Credentials in the code shown are hidden.
    """
    share = max_chars // 5
    head = [f"## {inline(wording.headline(review))}", *fitting(_head(review), share)]
    table = table_of("| | Severity | Category | Where | What |", _finding_rows(review.findings), share, "finding")
    outside = fitting(_outside(review.unanchored), share // 2)
    tail = [*outside, *coverage(review, share // 2), *not_shown(review.dropped, share // 2), "---", foot_line(review)]
    room = max_chars - sum(len(part) + 2 for part in (*head, *table, *tail))
    return "\n\n".join([*head, *table, *_findings(review, hiding_secrets(lines), room), *tail]) + "\n"


def _head(review: Review) -> Iterator[str]:
    for failure in review.failures[:10]:
        yield f"> **Failed:** {inline(one_line(failure, 300))}"
    if review.summary.strip():
        yield blocks(review.summary, most=4_000)
    notices = [f"- {plain(one_line(notice, 300))}" for notice in review.notices[:20]]
    if notices:
        yield "\n".join(notices)


def _finding_rows(findings: Sequence[Finding]) -> Iterator[str]:
    for number, finding in enumerate(findings, 1):
        where = code_cell(wording.place(finding))
        what = title(one_line(finding.title, 120))
        yield f"| {number} | {finding.severity} | {category_words(finding.category)} | {where} | {what} |"


def _findings(review: Review, lines: Lines, room: int) -> Iterator[str]:
    for number, finding in enumerate(review.findings, 1):
        section = "\n\n".join(_finding(number, finding, lines))
        room -= len(section) + 2
        if room < NOTE:
            left = len(review.findings) - number + 1
            yield f"*{wording.counted(left, 'finding')} left out here: the text would be too long.*"
            return
        yield section


def _finding(number: int, finding: Finding, lines: Lines) -> Iterator[str]:
    yield f"### {number}. {title(one_line(finding.title))}"
    facts = [
        f"**{finding.severity}**, {category_words(finding.category)}",
        code_span(wording.place(finding)),
        f"found by {code_span(one_line(finding.source, 80))}, {finding.confidence:.0%} sure",
    ]
    if finding.also_at:
        facts.append("also at " + ", ".join(code_span(one_line(each)) for each in finding.also_at[:10]))
    yield " · ".join(facts)
    body = wording.body_of(finding)
    if body:
        yield blocks(body)
    yield from _code(finding, lines)
    if finding.evidence.strip() and finding.evidence != finding.source:
        yield folded("Why it is believed", blocks(finding.evidence, most=2_000))


def _code(finding: Finding, lines: Lines) -> Iterator[str]:
    if finding.suggestion is not None:
        yield "Suggested change:"
        diff = render_suggestion_diff(lines(finding.path, finding.side), finding.suggestion)
        yield fenced(redact_secrets(diff)[0], "diff")
        return
    rows = code_of(finding, lines, most=12)
    if rows:
        yield fenced("\n".join(f"… {row.left_out} lines" if row.left_out else row.text for row in rows))


def _outside(unanchored: Sequence[Unanchored]) -> Iterator[str]:
    if not unanchored:
        return
    yield "### On lines that the change does not show"
    for each in unanchored:
        where = code_span(wording.place_of(each.path, each.line))
        kind = f"**{inline(one_line(each.severity, 20))}**, {category_words(each.category)}"
        yield f"#### {title(one_line(each.title))}\n\n{kind} · {where}\n\n{blocks(each.body, most=2_000)}"
