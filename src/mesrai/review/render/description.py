"""The description of a pull request with our part in it, which is known by the marks around it."""

import re
from collections.abc import Iterator
from typing import Final

from mesrai.domain.policy import ExistingDescription
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.review.render.fit import MAX_COMMENT, cut_markdown
from mesrai.review.render.markdown_text import blocks
from mesrai.review.render.marks import DESCRIPTION_BEGIN, DESCRIPTION_END

_OURS: Final = re.compile(
    rf"\s*(?:{re.escape(DESCRIPTION_BEGIN)}.*?{re.escape(DESCRIPTION_END)}|{re.escape(DESCRIPTION_BEGIN)}"
    rf"|{re.escape(DESCRIPTION_END)})\s*",
    re.DOTALL,
)
_WORD: Final = re.compile(r"[^\W_]{4,}")
_SAID: Final = 0.6  # share of a paragraph's words that the author's text must hold for it to say nothing new


def has_part_of_ours(description: str) -> bool:
    """Whether a part of ours stands in a description."""
    return DESCRIPTION_BEGIN in description


def without_part_of_ours(description: str) -> str:
    """What its author wrote."""
    return _OURS.sub("\n\n", description).strip()


def description_with(description: str, summary: str, mode: ExistingDescription, *, is_partial: bool) -> str:
    """The description with the summary in it as the owners wish; as it was if there is no room or nothing to add."""
    authors = without_part_of_ours(description)
    if mode is ExistingDescription.COMPLEMENT:
        summary = "\n\n".join(_news(summary, authors))
    if not summary.strip():
        return authors if has_part_of_ours(description) else description
    note = "\n\n*Only a part of the change was read.*" if is_partial else ""
    said = cut_markdown(redact_secrets(blocks(summary, most=12_000))[0], 20_000)
    ours = f"{DESCRIPTION_BEGIN}\n### Summary by Mesrai\n\n{said}{note}\n{DESCRIPTION_END}"
    if mode is ExistingDescription.REPLACE or not authors:
        return ours
    whole = f"{authors}\n\n{ours}"
    return whole if len(whole) <= MAX_COMMENT else description


def _news(summary: str, authors: str) -> Iterator[str]:
    """The paragraphs and list items that say something the author did not."""
    known = {word.lower() for word in _WORD.findall(authors)}
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*+] )", summary):
        words = {word.lower() for word in _WORD.findall(paragraph)}
        if words and len(words & known) < _SAID * len(words):
            yield paragraph
