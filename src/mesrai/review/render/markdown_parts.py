"""Parts that several markdown renderings of a review have in common."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mesrai.domain.review import Dropped, Review
from mesrai.review.render import wording
from mesrai.review.render.markdown_text import code_cell, code_span, inline, plain, title
from mesrai.review.render.untrusted import one_line, shown_path

_MOST_ROWS: Final = 100
NOTE: Final = 120  # characters kept for saying that something was left out


def coverage(review: Review, room: int) -> Iterator[str]:
    """How much was read, with the files that were not; at most `room` characters of them. Nothing without coverage."""
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
    shown = "\n\n".join(table_of("| File | Status | Hunks read | Reason |", rows, room, "file"))
    if shown:
        yield shown if unread else folded("Files left out on purpose", shown)


def not_shown(dropped: Sequence[Dropped], room: int) -> Iterator[str]:
    """The findings that are not shown, each with its reason, folded away; nothing if there are none."""
    rows = [
        f"| {code_cell(wording.place_of(each.path, each.line))} | {inline(one_line(each.severity, 20))} "
        f"| {title(one_line(each.title, 120))} | {inline(one_line(each.reason, 160))} |"
        for each in dropped
    ]
    shown = "\n\n".join(table_of("| Where | Severity | What | Why it is not shown |", rows, room, "finding"))
    if shown:
        yield folded(f"{wording.counted(len(dropped), 'finding')} not shown", shown)


def foot_line(review: Review) -> str:
    """One small line: outcome, what was compared, by which models, for how much."""
    used = [one_line(f"{each.model} ({each.provider})", 60) for each in review.models[:6]]
    costs = [f" {inline(wording.cost_text(each.usage))}" if len(used) > 1 else "" for each in review.models[:6]]
    named = [code_span(name) + cost for name, cost in zip(used, costs, strict=True)]
    who = ["reviewed by " + ", ".join(named)] if used else []
    change = review.change
    size = f"{wording.counted(change.files, 'file')}, +{change.additions} −{change.deletions}"
    compared = f"{code_span(_short(change.base))} to {code_span(_short(change.head))} ({size})"
    spent = [inline(part) for part in wording.spending(review)]
    return f"<sub>{' · '.join([f'outcome: {review.outcome}', compared, *who, *spent])}</sub>"


def table_of(head: str, rows: Iterable[str], room: int, noun: str) -> Sequence[str]:
    """The table with the rows that fit, and a note for the others; empty without rows."""
    rows = list(rows)
    if not rows:
        return []
    columns = head.count("|") - 1
    shown = [head, "|" + "---|" * columns]
    for row in rows[:_MOST_ROWS]:
        room -= len(row) + 1
        if room < NOTE + len(head) * 2:
            break
        shown.append(row)
    left = len(rows) - len(shown) + 2
    return ["\n".join(shown)] + [f"*… and {wording.counted(left, f'more {noun}')}.*"] * bool(left)


def fitting(parts: Iterable[str], room: int) -> list[str]:
    """The parts that fit, and a note if some do not."""
    kept: list[str] = []
    for part in parts:
        room -= len(part) + 2
        if room < NOTE:
            return [*kept, "*More is left out here: the text would be too long.*"]
        kept.append(part)
    return kept


def folded(name: str, content: str) -> str:
    """Text that opens on a click."""
    return f"<details><summary>{name}</summary>\n\n{content}\n\n</details>"


def category_words(category: str) -> str:
    """A category in words."""
    return inline(one_line(category, 40).replace("_", " "))


def _short(revision: str) -> str:
    return one_line(revision[:12] if len(revision) == 40 else revision, 60)
