"""The comment about one finding, as it stands on a line of a pull request."""

from collections.abc import Iterator
from typing import Final

from mesrai.domain.diff import Side
from mesrai.domain.finding import Finding, Suggestion
from mesrai.domain.secrets_in_text import find_secrets, redact_secrets
from mesrai.review.render import wording
from mesrai.review.render.fit import cut_markdown
from mesrai.review.render.links import Links
from mesrai.review.render.markdown_parts import category_words, folded
from mesrai.review.render.markdown_text import blocks, code_span, fenced, inline, title
from mesrai.review.render.marks import finding_mark
from mesrai.review.render.untrusted import fence_for, one_line

_MOST_SUGGESTION: Final = 20_000  # characters
_MOST_PLACES: Final = 20


def render_inline_comment(finding: Finding, links: Links) -> str:
    """The comment with its mark. Nothing in it acts but a suggestion that fits the commented lines exactly."""
    text = "\n\n".join(finding_parts(finding, links))
    return finding_mark(finding.fingerprint, finding.severity) + "\n" + cut_markdown(redact_secrets(text)[0], 64_000)


def finding_parts(finding: Finding, links: Links, *, is_on_line: bool = True) -> Iterator[str]:
    """The finding's title, text, suggestion, places, evidence and origin; `is_on_line` if its lines stand above it."""
    yield heading(finding.severity, finding.title or finding.category)
    if not is_on_line:
        yield links.finding(finding)
    body = redact_secrets(wording.body_of(finding))[0]
    if body.strip():
        yield blocks(body)
    if finding.suggestion is not None:
        yield _suggested(finding, finding.suggestion, is_on_line=is_on_line)
    if finding.also_at:
        more = len(finding.also_at) - _MOST_PLACES
        places = [links.named(each) for each in finding.also_at[:_MOST_PLACES]]
        yield "Also at " + ", ".join(places + [f"{more} more places"] * (more > 0)) + "."
    if finding.evidence.strip() and finding.evidence != finding.source:
        yield folded("Why it is believed", blocks(redact_secrets(finding.evidence)[0], most=4_000))
    who = f"found by {code_span(one_line(finding.source, 80))}, {finding.confidence:.0%} sure"
    yield f"<sub>{finding.severity}, {category_words(finding.category)} · {who}</sub>"


def heading(severity: str, name: str) -> str:
    """The line that says how bad it is and what it is."""
    word = inline(one_line(severity, 20).capitalize()) or "Unknown"
    return f"**{word}: {title(one_line(redact_secrets(name)[0])) or 'no title'}**"


def _suggested(finding: Finding, suggestion: Suggestion, *, is_on_line: bool) -> str:
    shown = fenced(redact_secrets(suggestion.replacement)[0])
    if is_on_line and _is_exact(finding, suggestion) and _can_be_applied(suggestion.replacement):
        fence = fence_for(suggestion.replacement)
        replacement = suggestion.replacement + "\n" if suggestion.replacement else ""
        return f"{fence}suggestion\n{replacement}{fence}"
    start, end = suggestion.start_line, suggestion.end_line
    lines = f"line {start}" if start == end else f"lines {start}-{end}"
    if not suggestion.replacement:
        return f"Suggested: delete {lines}."
    return f"Suggested for {lines}:\n\n{shown}"


def _is_exact(finding: Finding, suggestion: Suggestion) -> bool:
    """Whether what a forge would replace, the commented lines, is what the suggestion replaces."""
    lines = (finding.start_line, finding.end_line)
    return finding.side is Side.NEW and lines == (suggestion.start_line, suggestion.end_line)


def _can_be_applied(replacement: str) -> bool:
    """Whether it may be offered on a button: what would be changed before it is shown is not what people approve."""
    if len(replacement) > _MOST_SUGGESTION or find_secrets(replacement):
        return False
    fence = fence_for(replacement)
    return fenced(replacement) == f"{fence}\n{replacement}\n{fence}"
