"""The sentences every rendering says of a review, so that none of them says more than was reviewed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding, Severity
from mesrai.domain.review import FileCoverage, FileStatus, Outcome, Review
from mesrai.domain.usage import Estimate, Usage
from mesrai.review.render.untrusted import one_line, shown_path

_MOST_NAMED = 4
_MOST_MODELS = 6
SEVERITIES = tuple(str(severity) for severity in Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How much of the change was read."""

    read: int  # files read whole
    chosen: int  # files that should have been read
    left_out: int  # files skipped on purpose
    hunks_read: int
    hunks: int

    @property
    def is_whole(self) -> bool:
        """Whether every changed file was read, those left out on purpose included."""
        return self.read == self.chosen and not self.left_out


def tally(review: Review) -> Tally:
    """Count the coverage."""
    chosen = [file for file in review.coverage if file.status is not FileStatus.SKIPPED]
    return Tally(
        read=sum(file.status is FileStatus.REVIEWED for file in chosen),
        chosen=len(chosen),
        left_out=len(review.coverage) - len(chosen),
        hunks_read=sum(file.hunks_read for file in chosen),
        hunks=sum(file.hunks for file in chosen),
    )


def headline(review: Review) -> str:
    """The outcome in plain words; it speaks of no problems only if the whole change was read."""
    if review.outcome is Outcome.FAILED:
        return "The review failed: nothing of this change was reviewed."
    if review.outcome is Outcome.NOTHING:
        return "There was nothing to review."
    if review.outcome is Outcome.PARTIAL:
        return f"Only a part of this change was reviewed: {_missing(review)}. {_found_so_far(review)}"
    found = counts(review)
    if found:
        return f"{counted(_shown_count(review), 'problem')} found: {found}."
    return _nothing_found(review)


def counts(review: Review) -> str:
    """How many findings of each severity are shown, worst first; empty if there are none."""
    found: Counter[str] = Counter(each.severity for each in review.findings)
    found.update(each.severity for each in review.unanchored)
    known = [f"{found[severity]} {severity}" for severity in SEVERITIES if found[severity]]
    other = sum(count for severity, count in found.items() if severity not in SEVERITIES)
    return ", ".join(known + [f"{other} of unknown severity"] * bool(other))


def coverage_line(review: Review) -> str:
    """How many files and hunks were read of how many."""
    sums = tally(review)
    if not sums.chosen:
        return "no file read" + (f", {sums.left_out} left out" if sums.left_out else "")
    line = f"{sums.read} of {counted(sums.chosen, 'file')} read, "
    line += f"{sums.hunks_read} of {counted(sums.hunks, 'hunk')}"
    return line + (f", {sums.left_out} left out" if sums.left_out else "")


def spending(review: Review) -> Sequence[str]:
    """Calls, tokens, cost and time, those that there are."""
    usage = review.usage
    parts = [counted(usage.calls, "call")] if usage.calls else []
    if usage.input_tokens or usage.output_tokens:
        parts += [
            f"{tokens_text(usage.input_tokens)} tokens in{_cached(usage)}",
            f"{tokens_text(usage.output_tokens)} out",
        ]
    if usage.calls:
        parts.append(cost_text(usage))
    return [*parts, seconds_text(review.timings.total_s)]


def model_spending(review: Review) -> Sequence[str]:
    """What each model did and cost, where there were several; empty where the whole says it already."""
    if len(review.models) < 2:
        return []
    return [
        f"{one_line(each.model, 60)} ({one_line(each.provider, 40)}): {counted(each.usage.calls, 'call')}, "
        f"{_all_tokens(each.usage)} tokens{_cached(each.usage)}, {cost_text(each.usage)}"
        for each in review.models[:_MOST_MODELS]
    ]


def cost_text(usage: Usage) -> str:
    """The cost with its currency, precise enough for small sums, or that it is unknown."""
    if usage.cost is None:
        return "cost unknown"
    digits = 2 if usage.cost >= 1 or not usage.cost else 4
    return f"{usage.cost:.{digits}f} {usage.currency}".strip()


def estimate_text(estimate: Estimate) -> str:
    """What a review will about cost, in one line."""
    low, high = estimate.low, estimate.high
    if not high.calls:
        return "nothing, since no question is to be asked"
    tokens = f"{_all_tokens(low)} to {_all_tokens(high)} tokens on {one_line(estimate.model, 80)}"
    if low.cost is None or high.cost is None:
        return f"about {tokens} (no price per token is known)"
    digits = next((digits for digits in (2, 3, 4) if low.cost >= Decimal(1).scaleb(-digits)), 4)
    money = f"{low.cost:.{digits}f} to {high.cost:.{digits}f} {high.currency}"
    return f"about {money}, {tokens} (prices of {estimate.prices_of})"


def seconds_text(seconds: float) -> str:
    """A span of time."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number and its noun, in the plural where that is due."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def place_of(path: str, start: int | None, end: int | None = None, side: Side = Side.NEW) -> str:
    """Path and lines as people write them; lines of the old file say so."""
    shown = shown_path(path)
    if start is None:
        return shown
    lines = f"{start}" if end in (None, start) else f"{start}-{end}"
    return f"{shown}:{lines}" + (" (old file)" if side is Side.OLD else "")


def place(finding: Finding) -> str:
    """Where a finding stands."""
    return place_of(finding.path, finding.start_line, finding.end_line, finding.side)


def body_of(finding: Finding) -> str:
    """The body without a first line that only repeats the title, as analysers write it; it may be empty."""
    first, _, rest = finding.body.strip().partition("\n")
    return rest.strip() if first.strip() == finding.title.strip() else finding.body.strip("\n")


def lines_of(finding: Finding) -> str:
    """The lines of a finding in words."""
    many = finding.end_line != finding.start_line
    where = f"lines {finding.start_line}-{finding.end_line}" if many else f"line {finding.start_line}"
    return where + (" of the old file" if finding.side is Side.OLD else "")


def unread_files(review: Review) -> Sequence[FileCoverage]:
    """The files that should have been read and were not, or not whole."""
    return [file for file in review.coverage if file.status in (FileStatus.FAILED, FileStatus.PARTIAL)]


def left_out_files(review: Review) -> Sequence[FileCoverage]:
    """The files skipped on purpose."""
    return [file for file in review.coverage if file.status is FileStatus.SKIPPED]


def left_out_line(files: Sequence[FileCoverage]) -> str:
    """How many files were left out and why; a few are named."""
    named = [f"{shown_path(file.path, 80)} ({one_line(file.reason, 80) or 'no reason given'})" for file in files]
    why = ", ".join(named) if len(named) <= _MOST_NAMED else reasons_line([file.reason for file in files])
    return f"{counted(len(files), 'file')} left out: {why}."


def reasons_line(reasons: Sequence[str], most: int = 4) -> str:
    """Equal reasons counted, the most frequent first."""
    found = Counter(one_line(reason, 120) or "no reason given" for reason in reasons).most_common()
    shown = [f"{count} × {reason}" if count > 1 else reason for reason, count in found[:most]]
    return "; ".join(shown + [f"{len(found) - most} other reasons"] * (len(found) > most))


def _shown_count(review: Review) -> int:
    return len(review.findings) + len(review.unanchored)


def _missing(review: Review) -> str:
    sums = tally(review)
    unread = sums.chosen - sums.read
    if unread:
        return f"{unread:,} of {counted(sums.chosen, 'file')} {'was' if unread == 1 else 'were'} not read whole"
    return "some of what was found could not be verified"


def _found_so_far(review: Review) -> str:
    found = counts(review)
    count = _shown_count(review)
    return f"{counted(count, 'problem')} found so far: {found}." if found else "Nothing can be said of the rest."


def _nothing_found(review: Review) -> str:
    sums = tally(review)
    if sums.read < sums.chosen or not sums.chosen:
        return "The review found nothing, but not every file was read."
    if not review.models:
        return f"The static analysers found nothing in {counted(sums.read, 'file')}; no model read the change."
    if not sums.is_whole:
        return f"Nothing found in the {counted(sums.read, 'file')} read; {sums.left_out} left out on purpose."
    return "No problems found."


def tokens_text(count: int) -> str:
    """A number of tokens: exact below ten thousand, then in thousands or millions."""
    if count < 10_000:
        return f"{count:,}"
    return f"{count / 1_000:.0f}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"


def _all_tokens(usage: Usage) -> str:
    return tokens_text(usage.input_tokens + usage.output_tokens)


def _cached(usage: Usage) -> str:
    if not usage.input_tokens or not usage.cached_tokens:
        return ""
    return f" ({usage.cached_tokens / usage.input_tokens:.0%} cached)"
