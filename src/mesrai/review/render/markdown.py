"""A review as a markdown document or comment, in which nothing a model or a repository says can act or reach out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mesrai.domain.finding import Finding
from mesrai.domain.review import Dropped, Review, Unanchored
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.review.render import wording
from mesrai.review.render.code import Lines, code_of, hiding_secrets, no_lines
from mesrai.review.render.markdown_text import blocks, code_cell, code_span, fenced, inline, plain, title
from mesrai.review.render.untrusted import one_line, shown_path
from mesrai.review.suggestions import render_suggestion_diff

MAX_CHARS: Final = 60_000  # GitHub takes 65,536 for a comment
_MOST_ROWS: Final = 100
_NOTE: Final = 120  # characters kept for saying that something was left out


def render_markdown(review: Review, *, lines: Lines = no_lines, max_chars: int = MAX_CHARS) -> str:
    """The document. What would make it longer than `max_chars` (some 4,000 at least) is left out, and it says so.

    Credentials in the code shown are hidden.
    """
    share = max_chars // 5
    head = [f"## {inline(wording.headline(review))}", *_fitting(_head(review), share)]
    table = _table("| | Severity | Category | Where | What |", _finding_rows(review.findings), share, "finding")
    outside = _fitting(_outside(review.unanchored), share // 2)
    tail = [*outside, *_coverage(review, share // 2), *_dropped(review.dropped, share // 2), "---", _foot(review)]
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
        yield f"| {number} | {finding.severity} | {_category(finding.category)} | {where} | {what} |"


def _findings(review: Review, lines: Lines, room: int) -> Iterator[str]:
    for number, finding in enumerate(review.findings, 1):
        section = "\n\n".join(_finding(number, finding, lines))
        room -= len(section) + 2
        if room < _NOTE:
            left = len(review.findings) - number + 1
            yield f"*{wording.counted(left, 'finding')} left out here: the text would be too long.*"
            return
        yield section


def _finding(number: int, finding: Finding, lines: Lines) -> Iterator[str]:
    yield f"### {number}. {title(one_line(finding.title))}"
    facts = [
        f"**{finding.severity}**, {_category(finding.category)}",
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
        yield _folded("Why it is believed", blocks(finding.evidence, most=2_000))


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
        kind = f"**{inline(one_line(each.severity, 20))}**, {_category(each.category)}"
        yield f"#### {title(one_line(each.title))}\n\n{kind} · {where}\n\n{blocks(each.body, most=2_000)}"


def _coverage(review: Review, room: int) -> Iterator[str]:
    if not review.coverage:
        return
    line = wording.coverage_line(review)
    yield f"### Coverage\n\n{plain(line[:1].upper() + line[1:])}."
    unread = wording.unread_files(review)
    rows = [
        f"| {code_cell(shown_path(file.path, 120))} | {file.status} | {file.hunks_read} of {file.hunks} "
        f"| {inline(one_line(file.reason, 160))} |"
        for file in [*unread, *wording.left_out_files(review)]
    ]
    table = "\n\n".join(_table("| File | Status | Hunks read | Reason |", rows, room, "file"))
    if table:
        yield table if unread else _folded("Files left out on purpose", table)


def _dropped(dropped: Sequence[Dropped], room: int) -> Iterator[str]:
    rows = [
        f"| {code_cell(wording.place_of(each.path, each.line))} | {inline(one_line(each.severity, 20))} "
        f"| {title(one_line(each.title, 120))} | {inline(one_line(each.reason, 160))} |"
        for each in dropped
    ]
    table = "\n\n".join(_table("| Where | Severity | What | Why it is not shown |", rows, room, "finding"))
    if table:
        yield _folded(f"{wording.counted(len(dropped), 'finding')} not shown", table)


def _foot(review: Review) -> str:
    used = [one_line(f"{each.model} ({each.provider})", 60) for each in review.models[:6]]
    costs = [f" {inline(wording.cost_text(each.usage))}" if len(used) > 1 else "" for each in review.models[:6]]
    named = [code_span(name) + cost for name, cost in zip(used, costs, strict=True)]
    who = ["reviewed by " + ", ".join(named)] if used else []
    change = review.change
    size = f"{wording.counted(change.files, 'file')}, +{change.additions} −{change.deletions}"
    compared = f"{code_span(_short(change.base))} to {code_span(_short(change.head))} ({size})"
    spent = [inline(part) for part in wording.spending(review)]
    return f"<sub>{' · '.join([f'outcome: {review.outcome}', compared, *who, *spent])}</sub>"


def _table(head: str, rows: Iterable[str], room: int, noun: str) -> Sequence[str]:
    """The table with the rows that fit, and a note for the others; empty without rows."""
    rows = list(rows)
    if not rows:
        return []
    columns = head.count("|") - 1
    shown = [head, "|" + "---|" * columns]
    for row in rows[:_MOST_ROWS]:
        room -= len(row) + 1
        if room < _NOTE + len(head) * 2:
            break
        shown.append(row)
    left = len(rows) - len(shown) + 2
    return ["\n".join(shown)] + [f"*… and {wording.counted(left, f'more {noun}')}.*"] * bool(left)


def _fitting(parts: Iterable[str], room: int) -> list[str]:
    """The parts that fit, and a note if some do not."""
    kept: list[str] = []
    for part in parts:
        room -= len(part) + 2
        if room < _NOTE:
            return [*kept, "*More is left out here: the text would be too long.*"]
        kept.append(part)
    return kept


def _folded(name: str, content: str) -> str:
    return f"<details><summary>{name}</summary>\n\n{content}\n\n</details>"


def _category(category: str) -> str:
    return inline(one_line(category, 40).replace("_", " "))


def _short(revision: str) -> str:
    return one_line(revision[:12] if len(revision) == 40 else revision, 60)
