"""The one comment of ours in a pull request's conversation: how the review went, what it found, what is still open."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mesrai.domain.finding import Category, Finding, Severity, fingerprint_of
from mesrai.domain.review import Outcome, Review, Unanchored
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.review.render import wording
from mesrai.review.render.fit import cut_markdown
from mesrai.review.render.inline_comment import finding_parts, heading
from mesrai.review.render.links import Links
from mesrai.review.render.markdown_parts import category_words, coverage, fitting, foot_line, not_shown, table_of
from mesrai.review.render.markdown_text import blocks, code_span, inline, plain, title
from mesrai.review.render.marks import STATE_END, SUMMARY_MARK, Item, item_text, without_mark
from mesrai.review.render.untrusted import one_line

MAX_SUMMARY: Final = 63_000  # leaves room for a word on the next review before it
_SHORT: Final = 600  # characters of a finding for which there is little room
_COMMANDS: Final = (
    "<sub>Write `@mesrai review` for another look, `@mesrai review --full` for one at the whole change, "
    "`@mesrai pause` or `@mesrai resume`, `@mesrai help`, or ask with `@mesrai …` in a thread.</sub>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A finding of the review, and where it is told."""

    finding: Finding
    state: str  # one or two words: new, open, dismissed …
    is_told_here: bool = False  # it stands on no line, so the summary tells it in full
    reason: str = ""  # why it stands on no line
    is_refused: bool = False  # the forge takes no comment there, so it is not tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A finding of an earlier review whose thread is not settled."""

    severity: Severity
    path: str
    line: int | None
    text: str  # its first line, markdown of ours
    is_outdated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything the summary says."""

    review: Review
    placed: Sequence[Placed] = ()
    earlier: Sequence[Earlier] = ()
    carried: Sequence[Item] = ()  # what earlier summaries told in full and no whole review took back
    problems: Sequence[str] = ()  # what could not be done
    notes: Sequence[str] = ()
    since: str = ""  # the commit after which the review looked; empty: it looked at all of the change
    has_overview: bool = False  # whether it says what the change does
    is_once: bool = False  # nobody waits for commands
    progress: str = ""  # the mark that ends the comment: how far reviews got


def render_summary(told: Told, links: Links) -> str:
    """The comment with its mark, at most some 63,000 characters long."""
    share = MAX_SUMMARY // 6
    parts = [
        f"## {inline(_headline(told))}",
        *fitting(_circumstances(told), share),
        *coverage(told.review, share // 2),
        *["### Findings"] * bool(told.placed),
        *table_of("| | Severity | Category | Where | What | State |", _rows(told, links), share, "finding"),
        *_items(told, links, share * 2),
        *_earlier(told.earlier, links, share // 2),
        *_overview(told),
        *not_shown(told.review.dropped, share // 2),
        "---",
        foot_line(told.review),
        *[_COMMANDS] * (not told.is_once),
    ]
    text = SUMMARY_MARK + "\n" + cut_markdown(redact_secrets("\n\n".join(parts))[0], MAX_SUMMARY)
    return f"{text}\n\n{told.progress}" if told.progress else text


def render_state(sentence: str, before: str = "") -> str:
    """The comment that says how things stand while there is no result; `before`, the comment until now, stays below.

    `sentence` is our own markdown on one line.
    """
    rest = without_mark(before).rpartition(STATE_END)[2].strip() if before else ""
    below = f"\n\n*What follows is from the review before.*\n\n{rest}" if rest else ""
    return f"{SUMMARY_MARK}\n> {redact_secrets(sentence)[0]}\n\n{STATE_END}{below}"


def items_of(told: Told, links: Links) -> Sequence[Item]:
    """All that the summary tells in full, those carried on from earlier ones included."""
    here = [_item_of_finding(each, links) for each in told.placed if each.is_told_here]
    here += [_item_outside(each, links) for each in told.review.unanchored]
    known = {item.fingerprint for item in here}
    return [*here, *(item for item in told.carried if item.fingerprint not in known)]


def severities_told(unanchored: Sequence[Unanchored]) -> Sequence[Severity]:
    """How bad findings are that stand on no line; a word that is no severity counts as medium."""
    known = list(Severity)
    return [Severity(each.severity) if each.severity in known else Severity.MEDIUM for each in unanchored]


def _headline(told: Told) -> str:
    """What the review found, but never that nothing was found while earlier findings are open."""
    still = len(told.earlier) + len(told.carried)
    review = told.review
    if still and review.outcome is Outcome.REVIEWED and not review.findings and not review.unanchored:
        return f"Nothing new was found; {wording.counted(still, 'earlier finding')} still open."
    return wording.headline(review)


def _circumstances(told: Told) -> Iterator[str]:
    for failure in told.review.failures[:10]:
        yield f"> **Failed:** {inline(one_line(failure, 300))}"
    for problem in told.problems[:10]:
        yield f"> **Not done:** {inline(one_line(problem, 300))}"
    if told.since:
        since = code_span(one_line(told.since[:12], 60))
        yield f"This review looked at what is new since {since}. Earlier findings that are still open are listed below."
    if told.review.outcome in (Outcome.PARTIAL, Outcome.FAILED):
        yield "`@mesrai review` tries again."
    yield from (plain(one_line(note, 300)) for note in told.notes)
    notices = [f"- {plain(one_line(notice, 300))}" for notice in told.review.notices[:20]]
    if notices:
        yield "\n".join(notices)


def _rows(told: Told, links: Links) -> Iterator[str]:
    for number, each in enumerate(told.placed, 1):
        found = each.finding
        what = title(one_line(redact_secrets(found.title)[0], 120))
        facts = (found.severity, category_words(found.category), links.finding(found), what, each.state)
        yield f"| {number} | {' | '.join(facts)} |"


def _items(told: Told, links: Links, room: int) -> Iterator[str]:
    items = items_of(told, links)
    if items:
        yield "### Not on a line of the change"
        yield from fitting(_as_room_allows(items, room - len(items) * _SHORT), room)


def _as_room_allows(items: Sequence[Item], room: int) -> Iterator[str]:
    """Each item whole as long as there is room, and then only its first lines, so that none is forgotten."""
    for item in items:
        text = item_text(item)
        room -= len(text)
        if room < 0:
            first = "\n\n".join(item.text.split("\n\n")[:2])
            text = item_text(replace(item, text=cut_markdown(first, _SHORT)))
        yield text


def _item_of_finding(placed: Placed, links: Links) -> Item:
    reason = f"\n\n*{inline(one_line(placed.reason, 200))}*" if placed.reason else ""
    text = "\n\n".join(finding_parts(placed.finding, links, is_on_line=False)) + reason
    finding = placed.finding
    return Item(fingerprint=finding.fingerprint, severity=finding.severity, text=text, is_refused=placed.is_refused)


def _item_outside(found: Unanchored, links: Links) -> Item:
    kind = f"<sub>{inline(one_line(found.severity, 20))}, {category_words(found.category)}</sub>"
    body = blocks(redact_secrets(found.body)[0], most=2_000)
    text = "\n\n".join([heading(found.severity, found.title), links.place(found.path, found.line), body])
    return Item(
        fingerprint=unanchored_fingerprint(found),
        severity=severities_told([found])[0],
        text=f"{text}\n\n{kind}",
    )


def unanchored_fingerprint(found: Unanchored) -> str:
    """What such a finding is known by in later summaries."""
    return fingerprint_of(path=found.path, category=Category.BUG, code=found.title, symbol=found.category)


def _earlier(earlier: Sequence[Earlier], links: Links, room: int) -> Iterator[str]:
    rows = [
        f"| {each.severity} | {links.place(each.path, each.line)} | {each.text} "
        f"| {'open, and its lines changed since' if each.is_outdated else 'open'} |"
        for each in earlier
    ]
    if rows:
        yield "### Open from earlier reviews"
        yield from table_of("| Severity | Where | What | State |", rows, room, "finding")


def _overview(told: Told) -> Iterator[str]:
    if told.has_overview and told.review.summary.strip():
        yield "### What is new" if told.since else "### What the change does"
        yield blocks(told.review.summary, most=4_000)
