"""Makers of the words of the domain: sensible values, of which a test names only those it is about."""

from decimal import Decimal
from typing import Any

from mesrai.domain.change import Change, Revision
from mesrai.domain.diff import Action, FileDiff, Hunk, Line, LineKind, Side
from mesrai.domain.finding import Category, Finding, Severity, Suggestion, fingerprint_of
from mesrai.domain.review import (
    ChangeFacts,
    Dropped,
    FileCoverage,
    FileStatus,
    ModelUsage,
    Outcome,
    Review,
    Timings,
    Unanchored,
)
from mesrai.domain.usage import Usage

_KINDS = {" ": LineKind.CONTEXT, "+": LineKind.ADDED, "-": LineKind.REMOVED}


def a_hunk(text: str, *, old_start: int = 1, new_start: int = 1, section: str = "") -> Hunk:
    """A hunk from lines that begin with a space, a plus or a minus."""
    lines: list[Line] = []
    old, new = old_start, new_start
    for raw in text.removesuffix("\n").split("\n"):
        kind = _KINDS[raw[0]]
        is_old, is_new = kind is not LineKind.ADDED, kind is not LineKind.REMOVED
        lines.append(Line(kind=kind, old=old if is_old else None, new=new if is_new else None, text=raw[1:]))
        old, new = old + is_old, new + is_new
    return Hunk(
        old_start=old_start,
        old_count=old - old_start,
        new_start=new_start,
        new_count=new - new_start,
        section=section,
        lines=tuple(lines),
    )


def a_file_diff(path: str = "src/cart.py", text: str = "", **changes: Any) -> FileDiff:
    """A modified file with one hunk, or as `changes` say."""
    hunks = (a_hunk(text or " def total(items):\n-    return 0\n+    return sum(items)"),)
    facts: dict[str, Any] = {"path": path, "action": Action.MODIFIED, "old_mode": "100644", "new_mode": "100644"}
    return FileDiff(**(facts | {"hunks": hunks} | changes))


def a_change(*files: FileDiff, **changes: Any) -> Change:
    facts: dict[str, Any] = {
        "revision": Revision(base="b" * 40, head="working tree"),
        "files": files or (a_file_diff(),),
    }
    return Change(**(facts | changes))


def a_suggestion(start_line: int = 2, end_line: int = 2, replacement: str = "    return sum(items)") -> Suggestion:
    return Suggestion(start_line=start_line, end_line=end_line, replacement=replacement)


def a_finding(title: str = "The total leaves out the quantities", **changes: Any) -> Finding:
    facts: dict[str, Any] = {
        "path": "src/cart.py",
        "side": Side.NEW,
        "start_line": 2,
        "end_line": 2,
        "severity": Severity.HIGH,
        "category": Category.BUG,
        "title": title,
        "body": "`total` adds each price once, so an order of three costs as much as one of one.",
        "evidence": "`return sum(item.price for item in items)` never reads `item.quantity`.",
        "confidence": 0.9,
        "source": "kimi-k2.6",
    } | changes
    made = fingerprint_of(path=facts["path"], category=facts["category"], code=title)
    return Finding(**({"fingerprint": made} | facts))


def an_unanchored(title: str = "The caller still expects a float", **changes: Any) -> Unanchored:
    facts: dict[str, Any] = {
        "path": "src/checkout.py",
        "line": 40,
        "severity": "medium",
        "category": "bug",
        "title": title,
        "body": "`pay()` rounds what is now a Decimal.",
        "source": "kimi-k2.6",
    }
    return Unanchored(**(facts | changes))


def a_dropped(title: str = "The loop may never end", **changes: Any) -> Dropped:
    facts: dict[str, Any] = {
        "reason": "refuted: the list is finite",
        "path": "src/cart.py",
        "title": title,
        "body": "If `items` grows while it is read, the loop goes on.",
        "severity": "low",
        "category": "bug",
        "quote": "for item in items:",
        "source": "kimi-k2.6",
        "line": 12,
    }
    return Dropped(**(facts | changes))


def a_coverage(path: str = "src/cart.py", **changes: Any) -> FileCoverage:
    facts: dict[str, Any] = {"path": path, "status": FileStatus.REVIEWED, "hunks_read": 1, "hunks": 1}
    return FileCoverage(**(facts | changes))


def a_usage(**changes: Any) -> Usage:
    facts: dict[str, Any] = {
        "calls": 3,
        "input_tokens": 42_000,
        "cached_tokens": 21_000,
        "output_tokens": 3_100,
        "reasoning_tokens": 1_800,
        "cost": Decimal("0.048300"),
        "currency": "USD",
    }
    return Usage(**(facts | changes))


def a_model_usage(**changes: Any) -> ModelUsage:
    facts: dict[str, Any] = {"provider": "moonshot", "model": "kimi-k2.6", "usage": a_usage()}
    return ModelUsage(**(facts | changes))


def a_review(*findings: Finding, **changes: Any) -> Review:
    """A whole review by one model of one file, with the findings given."""
    facts: dict[str, Any] = {
        "outcome": Outcome.REVIEWED,
        "summary": "Prices are added up in one place.",
        "change": ChangeFacts(base="b" * 40, head="working tree", files=1, additions=1, deletions=1),
        "findings": findings,
        "coverage": (a_coverage(),),
        "usage": a_usage(),
        "models": (a_model_usage(),),
        "timings": Timings(total_s=12.4, gather_s=0.2, ask_s=12.1, first_answer_s=3.9),
    }
    return Review(**(facts | changes))
