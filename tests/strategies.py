"""What hypothesis draws: texts that try to break out, and whole reviews."""

import os
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from mesrai.domain.diff import Side
from mesrai.domain.finding import Category, Finding, Severity, Suggestion
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

# Whole reviews take long to draw. HYPOTHESIS_EXAMPLES=2000 looks harder.
FEW = settings(max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "40")), deadline=None)

_NASTY = (
    "```", "`", "``", "~~~~", "\n", "\r\n", "\r", "\t", " ", "    ", "\\", "|", "**", "*", "_", "<", ">", "&", "#", "-",
    "<!-- mesrai:v1 fp=1 -->", "</details>", "<img src=x onerror=alert(1)>", "<script>", "![x](http://evil.example/a)",
    "[click](https://evil.example)", "[x]: http://evil.example", "https://evil.example/?q=`", "www.evil.example",
    "@admin", "&#64;admin", "Fixes #12", "closes PROJ-7", "/approve", "\n/merge\n", "\n:-:\n", "|-|\n",
    "===\n", "---\n",
    "::error::owned", "\n::set-env name=x::y", "##[error]owned", "##vso[task.x]", "%0A", "%", ":", ",",
    "\x1b[2J", "\x1b]8;;http://evil.example\x07", "\x9b31m", "\x07", "\x08", "\x00", "\x85", "\u2028", "\u202e",
    "\u200b",    "\udcff", "漢字", "é", "🙂", "1. ", "- ", "> ", "# ", "$x$", "a", "word", "0", "“",
)  # fmt: skip


def hostile_text(most: int = 8) -> st.SearchStrategy[str]:
    """Text out of pieces that mean something to markdown, to terminals, to forges or to workflows."""
    return st.lists(st.sampled_from(_NASTY), max_size=most).map("".join) | st.text(max_size=most)


def findings(text: st.SearchStrategy[str]) -> st.SearchStrategy[Finding]:
    return st.builds(
        _finding,
        fingerprint=text,
        path=text,
        title=text,
        body=text,
        evidence=text,
        source=text,
        side=st.sampled_from(Side),
        lines=st.tuples(st.integers(1, 500), st.integers(0, 30)),
        severity=st.sampled_from(Severity),
        category=st.sampled_from(Category),
        confidence=st.integers(0, 100).map(lambda percent: percent / 100),
        suggestion=st.none() | suggestions(text),
        also_at=st.lists(text, max_size=2).map(tuple),
    )


def suggestions(text: st.SearchStrategy[str]) -> st.SearchStrategy[Suggestion]:
    return st.builds(
        lambda start, more, new: Suggestion(start_line=start, end_line=start + more, replacement=new),
        st.integers(1, 500),
        st.integers(0, 5),
        text,
    )


def reviews(text: st.SearchStrategy[str]) -> st.SearchStrategy[Review]:
    """Reviews of every outcome whose strings are drawn from `text`."""
    amounts = st.integers(0, 10_000_000)
    seconds = st.integers(0, 10**7).map(lambda thousandths: thousandths / 1000)
    usages = st.builds(
        Usage,
        calls=amounts,
        input_tokens=amounts,
        cached_tokens=amounts,
        output_tokens=amounts,
        reasoning_tokens=amounts,
        cost=st.none() | st.integers(0, 10**12).map(lambda millionths: Decimal(millionths).scaleb(-6)),
        currency=st.sampled_from(["", "USD", "CNY"]),
    )
    line = st.none() | st.integers(1, 500)
    words = st.sampled_from(["critical", "low", "unheard of"]) | text
    unanchored = st.builds(
        Unanchored, path=text, line=line, severity=words, category=text, title=text, body=text, source=text
    )
    dropped = st.builds(
        Dropped,
        reason=text, path=text, title=text, body=text, severity=words, category=text, quote=text, source=text,
        line=line,
    )  # fmt: skip
    coverage = st.builds(
        FileCoverage, path=text, status=st.sampled_from(FileStatus), reason=text, hunks_read=amounts, hunks=amounts
    )
    return st.builds(
        Review,
        outcome=st.sampled_from(Outcome),
        summary=text,
        change=st.builds(ChangeFacts, base=text, head=text, files=amounts, additions=amounts, deletions=amounts),
        findings=_some(findings(text)),
        unanchored=_some(unanchored),
        dropped=_some(dropped),
        coverage=_some(coverage),
        usage=usages,
        models=_some(st.builds(ModelUsage, provider=text, model=text, usage=usages)),
        timings=st.builds(
            Timings, total_s=seconds, gather_s=seconds, ask_s=seconds, first_answer_s=st.none() | seconds
        ),
        notices=_some(text),
        failures=_some(text),
    )


def _some(each: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(each, max_size=3).map(tuple)


def _finding(*, lines: tuple[int, int], **rest: Any) -> Finding:
    return Finding(start_line=lines[0], end_line=sum(lines), **rest)
