"""Put a review together from what was gathered, asked and judged."""

from collections.abc import Sequence

from mesrai.analysers.analyser import Analyser
from mesrai.domain.change import Change
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.diff import FileDiff, Side
from mesrai.domain.file_text import lines_of
from mesrai.domain.finding import Category, Finding, Severity, Suggestion, fingerprint_of
from mesrai.domain.review import ChangeFacts, FileCoverage, FileStatus, Outcome, Unanchored
from mesrai.review.asking import Work
from mesrai.review.candidates import Candidate
from mesrai.review.code.symbols import Outline, parses_no_worse, symbol_at
from mesrai.review.fixes import suggestion_for
from mesrai.review.gather import Gathered

_TITLE = 110


def change_facts(change: Change) -> ChangeFacts:
    """The size of the change."""
    return ChangeFacts(
        base=change.revision.base,
        head=change.revision.head,
        files=len(change.files),
        additions=sum(file.additions for file in change.files),
        deletions=sum(file.deletions for file in change.files),
    )


def finding_from(candidate: Candidate, gathered: Gathered, outlines: dict[str, Outline]) -> Finding:
    """An anchored candidate as a finding. `outlines`: those of files that were looked at; more are added."""
    anchor = candidate.anchor
    if anchor is None:
        raise ValueError("only an anchored candidate becomes a finding")
    raw = candidate.raw
    head = gathered.heads.get(candidate.path)
    category = Category(raw.category)
    is_new = bool(head) and anchor.side is Side.NEW
    symbol = symbol_at(head or "", candidate.path, anchor.start_line, outlines) if is_new else ""
    return Finding(
        fingerprint=fingerprint_of(path=candidate.path, category=category, code=anchor.code, symbol=symbol),
        path=candidate.path,
        side=anchor.side,
        start_line=anchor.start_line,
        end_line=anchor.end_line,
        severity=Severity(raw.severity),
        category=category,
        title=raw.title,
        body=raw.body,
        evidence=raw.evidence,
        confidence=round(raw.confidence, 2),
        suggestion=suggestion_for(candidate, head),
        source=candidate.source,
    )


def unanchored_from(candidate: Candidate) -> Unanchored:
    """A candidate that stands in the file but not on the diff."""
    raw = candidate.raw
    return Unanchored(
        path=candidate.path,
        line=candidate.line,
        severity=raw.severity,
        category=raw.category,
        title=raw.title,
        body=raw.body,
        source=candidate.source,
    )


def finding_from_diagnostic(said: Diagnostic, gathered: Gathered) -> Finding:
    """What an analyser says, as a finding of its own."""
    head = gathered.heads.get(said.path, "")
    lines = lines_of(head)
    code = "\n".join(lines[said.start_line - 1 : said.end_line])
    title, _, rest = said.message.partition("\n")
    link = f"\n\nRule: {said.url}" if said.url else ""
    return Finding(
        fingerprint=fingerprint_of(path=said.path, category=said.category, code=said.code + code),
        path=said.path,
        side=Side.NEW,
        start_line=said.start_line,
        end_line=said.end_line,
        severity=said.severity,
        category=said.category,
        title=title if len(title) <= _TITLE else title[: _TITLE - 1] + "…",
        body=(said.message if rest or len(title) > _TITLE else title) + link,
        evidence=f"{said.analyser} {said.code}",
        confidence=0.8,
        suggestion=_suggestion(said, lines),
        source=f"{said.analyser} {said.code}",
    )


def _suggestion(said: Diagnostic, lines: Sequence[str]) -> Suggestion | None:
    if said.replacement is None:
        return None
    new = said.replacement.split("\n") if said.replacement else []
    after = [*lines[: said.start_line - 1], *new, *lines[said.end_line :]]
    if after == list(lines) or not parses_no_worse("\n".join(lines), "\n".join(after), said.path):
        return None
    return Suggestion(start_line=said.start_line, end_line=said.end_line, replacement=said.replacement)


def outcome_of(coverage: Sequence[FileCoverage], works: Sequence[Work]) -> Outcome:
    """What may be said of the whole: only `reviewed` when every chosen file was read and every finding verified."""
    chosen = [file for file in coverage if file.status is not FileStatus.SKIPPED]
    if not chosen:
        return Outcome.NOTHING
    if all(file.status is FileStatus.FAILED for file in chosen):
        return Outcome.FAILED
    is_whole = all(file.status is FileStatus.REVIEWED for file in chosen)
    return Outcome.PARTIAL if not is_whole or any(work.has_unverified for work in works) else Outcome.REVIEWED


def summary_of(works: Sequence[Work]) -> str:
    """What the change does, in the model's words."""
    said = [work.answer.summary.strip() for work in works if work.answer and work.answer.summary.strip()]
    distinct = list(dict.fromkeys(said))
    return distinct[0] if len(distinct) == 1 else "\n".join(f"- {' '.join(each.split())}" for each in distinct)


def failures_of(works: Sequence[Work]) -> tuple[str, ...]:
    """One sentence for each way in which a part of the review failed."""
    sentences = [work.failure.message for work in works if work.failure]
    sentences += [
        f"Findings could not be verified: {work.verify_failure.message}" for work in works if work.verify_failure
    ]
    if any(work.answer is None and work.failure is None for work in works):
        sentences.append("The review was stopped before it was complete.")
    missing = [path for work in works if work.answer for path in work.answer.missing]
    if missing:
        sentences.append(f"The model said nothing of {len(missing)} files, even when it was asked again.")
    return tuple(dict.fromkeys(sentences))


def offline_coverage(
    files: Sequence[FileDiff], gathered: Gathered, analysers: Sequence[Analyser]
) -> list[FileCoverage]:
    """Which analysers read each file; one whose analyser failed was read in part, or not at all."""
    failed = {
        (failure.analyser, path): failure.message for failure in gathered.analyser_failures for path in failure.paths
    }
    result: list[FileCoverage] = []
    for file in files:
        covering = [each.name for each in analysers if file.path in gathered.heads and each.covers(file.path)]
        done = [name for name in covering if (name, file.path) not in failed]
        broken = [f"{name}: {failed[name, file.path]}" for name in covering if (name, file.path) in failed]
        if not covering:
            result.append(
                FileCoverage(
                    path=file.path,
                    status=FileStatus.SKIPPED,
                    reason=_unread(file.path, gathered),
                    hunks=len(file.hunks),
                )
            )
            continue
        status = FileStatus.REVIEWED if not broken else FileStatus.PARTIAL if done else FileStatus.FAILED
        reason = "; ".join([f"read by {', '.join(done)}"] * bool(done) + broken)
        hunks = len(file.hunks)
        result.append(
            FileCoverage(path=file.path, status=status, reason=reason, hunks_read=hunks if done else 0, hunks=hunks)
        )
    return result


def _unread(path: str, gathered: Gathered) -> str:
    return "no analyser reads it" if path in gathered.heads else "deleted, or too large for the analysers"
