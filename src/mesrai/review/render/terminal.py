"""A review for people at a terminal: findings by file with their code and suggested change, then what was not said."""

from collections.abc import Sequence
from typing import Final

from mesrai.domain.diff import LineKind, Side
from mesrai.domain.finding import Finding, Suggestion
from mesrai.domain.review import FileCoverage, FileStatus, Outcome, Review, Unanchored
from mesrai.review.render import wording
from mesrai.review.render.code import Lines, Row, excerpt, no_lines
from mesrai.review.render.look import Look
from mesrai.review.render.sheet import Piece, Sheet
from mesrai.review.render.untrusted import one_line, shown_path
from mesrai.review.suggestions import suggestion_diff

_SEVERITY_STYLES: Final = {
    "critical": "bold reverse red",
    "high": "bold red",
    "medium": "bold yellow",
    "low": "bold blue",
}
_OUTCOME_STYLES: Final = {Outcome.PARTIAL: "bold yellow", Outcome.FAILED: "bold red"}
_OUTCOME_WORDS: Final = {
    Outcome.REVIEWED: "Reviewed",
    Outcome.PARTIAL: "Partly reviewed",
    Outcome.FAILED: "Failed",
    Outcome.NOTHING: "Nothing to review",
}
_STATUS_STYLES: Final = {
    FileStatus.REVIEWED: "green",
    FileStatus.PARTIAL: "yellow",
    FileStatus.SKIPPED: "dim",
    FileStatus.FAILED: "red",
}
_DIFF_STYLES: Final = {LineKind.ADDED: ("+", "green"), LineKind.REMOVED: ("-", "red"), LineKind.CONTEXT: (" ", "dim")}
_MOST_UNREAD: Final = 10  # files listed unless all are asked for
_MOST_DIFF: Final = 40
_EVIDENCE: Final = 160  # characters shown unless all is asked for
_INDENT: Final = 2


def render_terminal(review: Review, *, lines: Lines = no_lines, look: Look | None = None) -> str:
    """The whole review as text, with a line end; the last line says outcome, counts, coverage and spending."""
    look = look or Look()
    sheet = Sheet(look)
    sheet.prose((wording.headline(review), _headline_style(review)))
    if review.failures:
        sheet.gap()
    for failure in review.failures:
        sheet.prose(("Failed: ", "bold red"), (one_line(failure, 500), "red"), hang=3)
    if review.summary.strip():
        sheet.gap()
        sheet.markdown(review.summary)
    number = 0
    for path, findings in by_file(review.findings):
        sheet.gap()
        sheet.rule((shown_path(path), "bold"))
        for finding in findings:
            number += 1
            sheet.gap()
            _finding(sheet, number, finding, lines, look)
    _outside(sheet, review.unanchored)
    _coverage(sheet, review, look)
    _dropped(sheet, review, look)
    if look.has_notices:
        _notices(sheet, review.notices)
    sheet.gap()
    for line in wording.model_spending(review):
        sheet.prose((line, "dim"))
    sheet.rule()
    sheet.parts(_last_line(review))
    return sheet.text()


def render_finding(finding: Finding, *, number: int = 1, lines: Lines = no_lines, look: Look | None = None) -> str:
    """One finding as it stands in the whole review, under its path."""
    sheet = Sheet(look or Look())
    sheet.rule((shown_path(finding.path), "bold"))
    sheet.gap()
    _finding(sheet, number, finding, lines, look or Look())
    return sheet.text()


def render_change(path: str, suggestions: Sequence[Suggestion], lines: Lines, look: Look) -> str:
    """The suggested changes to one file as a diff."""
    sheet = Sheet(look)
    sheet.rule((shown_path(path), "bold"))
    for suggestion in suggestions:
        sheet.gap()
        _suggestion(sheet, path, suggestion, lines)
    return sheet.text()


def by_file(findings: Sequence[Finding]) -> Sequence[tuple[str, Sequence[Finding]]]:
    """The findings of each file, worst first; the file with the worst finding first."""
    files: dict[str, list[Finding]] = {}
    for finding in findings:
        files.setdefault(finding.path, []).append(finding)
    ordered = sorted(files.items(), key=lambda item: (min(each.severity.rank for each in item[1]), item[0]))
    return [(path, sorted(found, key=lambda each: (each.severity.rank, each.start_line))) for path, found in ordered]


def _headline_style(review: Review) -> str:
    if review.outcome is Outcome.REVIEWED and not wording.counts(review):
        return "bold green" if wording.tally(review).is_whole and review.models else "bold"
    return _OUTCOME_STYLES.get(review.outcome, "bold")


def _finding(sheet: Sheet, number: int, finding: Finding, lines: Lines, look: Look) -> None:
    head: list[Piece] = [(f"{number}. ", "dim"), *_badge(finding.severity), (one_line(finding.title), "bold")]
    sheet.prose(*head, indent=_INDENT, hang=3)
    facts = [wording.lines_of(finding), finding.category.replace("_", " "), one_line(finding.source, 60)]
    facts += [f"{finding.confidence:.0%} sure"]
    facts += ["also at " + ", ".join(one_line(each, 80) for each in finding.also_at)] * bool(finding.also_at)
    sheet.prose((" · ".join(facts), "dim"), indent=_INDENT + 3)
    _code(sheet, finding, lines)
    body = wording.body_of(finding)
    if body:
        sheet.gap()
        sheet.markdown(body, indent=_INDENT + 3)
    if finding.suggestion is not None:
        sheet.gap()
        sheet.line(("Suggested change", "bold"), indent=_INDENT + 3)
        _suggestion(sheet, finding.path, finding.suggestion, lines)
    _evidence(sheet, finding, look)


def _badge(severity: str) -> tuple[Piece, Piece]:
    word = one_line(severity, 20).upper()
    style = _SEVERITY_STYLES.get(severity, "bold")
    return (f" {word} " if "reverse" in style else word, style), ("  ", "")


def _code(sheet: Sheet, finding: Finding, lines: Lines) -> None:
    found = lines(finding.path, finding.side)
    rows = excerpt(found, finding.start_line, finding.end_line) if found is not None else ()
    if not rows:
        return
    sheet.gap()
    digits = len(str(rows[-1].number))
    for row in rows:
        _row(sheet, row, digits, _SEVERITY_STYLES[finding.severity].replace("reverse ", ""))


def _row(sheet: Sheet, row: Row, digits: int, style: str) -> None:
    if row.left_out:
        sheet.line((f"{'┄' * digits} │ ", "dim"), (f"{row.left_out} more lines", "dim"), indent=_INDENT + 3)
        return
    mark = ("▌ ", style) if row.is_marked else ("  ", "")
    number = (f"{row.number:>{digits}} ", "" if row.is_marked else "dim")
    sheet.line(mark, number, ("│ ", "dim"), (row.text, "" if row.is_marked else "dim"), indent=_INDENT + 1)


def _suggestion(sheet: Sheet, path: str, suggestion: Suggestion, lines: Lines) -> None:
    diff = suggestion_diff(lines(path, Side.NEW), suggestion)
    digits = len(str(max((line.old or line.new or 0 for line in diff), default=0)))
    for line in diff[:_MOST_DIFF]:
        mark, style = _DIFF_STYLES[line.kind]
        sheet.line(
            (f"{line.new or line.old:>{digits}} ", "dim"),
            ("│ ", "dim"),
            (f"{mark} {line.text}", style),
            indent=_INDENT + 3,
        )
    if len(diff) > _MOST_DIFF:
        sheet.line((f"… {len(diff) - _MOST_DIFF} more lines", "dim"), indent=_INDENT + 3)


def _evidence(sheet: Sheet, finding: Finding, look: Look) -> None:
    if not finding.evidence.strip() or finding.evidence == finding.source:
        return
    sheet.gap()
    if look.is_verbose:
        sheet.markdown(f"Why: {finding.evidence}", indent=_INDENT + 3, style="dim")
    else:
        sheet.prose((f"Why: {one_line(finding.evidence, _EVIDENCE)}", "dim"), indent=_INDENT + 3)


def _outside(sheet: Sheet, unanchored: Sequence[Unanchored]) -> None:
    if not unanchored:
        return
    sheet.gap()
    sheet.rule(("On lines that the change does not show", "bold"))
    for each in unanchored:
        sheet.gap()
        sheet.prose(*_badge(each.severity), (one_line(each.title), "bold"), indent=_INDENT, hang=3)
        facts = (wording.place_of(each.path, each.line), one_line(each.category, 40), one_line(each.source, 60))
        sheet.prose((" · ".join(facts), "dim"), indent=_INDENT + 3)
        sheet.gap()
        sheet.markdown(each.body, indent=_INDENT + 3)


def _coverage(sheet: Sheet, review: Review, look: Look) -> None:
    unread, left_out = wording.unread_files(review), wording.left_out_files(review)
    listed = review.coverage if look.is_verbose else unread[:_MOST_UNREAD]
    if listed:
        sheet.gap()
        sheet.rule(("Coverage" if look.is_verbose else "Not read", "bold"))
        for file in listed:
            _file(sheet, file)
    if not look.is_verbose and len(unread) > _MOST_UNREAD:
        sheet.line((f"… and {len(unread) - _MOST_UNREAD} more; --verbose lists them", "dim"), indent=_INDENT)
    if left_out and not look.is_verbose:
        sheet.gap()
        sheet.prose((wording.left_out_line(left_out), "dim"))


def _file(sheet: Sheet, file: FileCoverage) -> None:
    style = _STATUS_STYLES[file.status]
    hunks = f"{file.hunks_read}/{file.hunks} hunks" if file.hunks else ""
    sheet.prose(
        (f"{file.status:<9}", style), (shown_path(file.path), ""), (f"  {hunks}", "dim"), indent=_INDENT, hang=9
    )
    if file.reason:
        sheet.prose((one_line(file.reason, 300), "dim"), indent=_INDENT + 9)


def _dropped(sheet: Sheet, review: Review, look: Look) -> None:
    if not review.dropped:
        return
    sheet.gap()
    count = wording.counted(len(review.dropped), "finding")
    if not look.is_verbose:
        sheet.prose((f"{count} not shown; --verbose and --format json say which and why.", "dim"))
        return
    sheet.rule((f"{count} not shown", "bold"))
    for each in review.dropped:
        title = f"{wording.place_of(each.path, each.line)}  {one_line(each.severity, 20)}: {one_line(each.title)}"
        sheet.prose((title, ""), indent=_INDENT, hang=3)
        sheet.prose((one_line(each.reason, 300), "dim"), indent=_INDENT + 3)


def _notices(sheet: Sheet, notices: Sequence[str]) -> None:
    sheet.gap()
    for notice in notices:
        sheet.prose(("Note: ", "bold"), (one_line(notice, 500), ""), hang=3)


def _last_line(review: Review) -> Sequence[Sequence[Piece]]:
    parts: list[Sequence[Piece]] = [[(_OUTCOME_WORDS[review.outcome], _OUTCOME_STYLES.get(review.outcome, "bold"))]]
    if review.outcome in (Outcome.REVIEWED, Outcome.PARTIAL):
        parts.append(_counted(review))
    parts += [[(part, "")] for part in (wording.coverage_line(review), *wording.spending(review))]
    return parts


def _counted(review: Review) -> Sequence[Piece]:
    counts = wording.counts(review)
    if not counts:
        return [("nothing found" if review.outcome is Outcome.REVIEWED else "nothing found so far", "")]
    pieces: list[Piece] = []
    for part in counts.split(", "):
        style = _SEVERITY_STYLES.get(part.split()[1], "")
        pieces += [(", ", "")] * bool(pieces) + [(part, style.replace("reverse ", ""))]
    return pieces
