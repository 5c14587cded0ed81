"""The description of a pull request with our part in it, which is known by the marks around it."""

import re
from collections.abc import Iterator
from typing import Final

from mesrai.domain.policy import ExistingDescription
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.review.render.fit import MAX_COMMENT, cut_markdown
from mesrai.review.render.markdown_text import blocks
from mesrai.review.render.marks import AUTHOR_BEGIN, AUTHOR_END, DESCRIPTION_BEGIN, DESCRIPTION_END

_OURS: Final = re.compile(
    rf"\s*(?:{re.escape(DESCRIPTION_BEGIN)}.*?{re.escape(DESCRIPTION_END)}|{re.escape(DESCRIPTION_BEGIN)}"
    rf"|{re.escape(DESCRIPTION_END)})\s*",
    re.DOTALL,
)
_AUTHORS: Final = re.compile(rf"{re.escape(AUTHOR_BEGIN)}(.*?){re.escape(AUTHOR_END)}", re.DOTALL)
_WORD: Final = re.compile(r"[^\W_]{4,}")
_SAID: Final = 0.6  # share of a paragraph's words that the author's text must hold for it to say nothing new


def has_part_of_ours(description: str) -> bool:
    """Whether a part of ours stands in a description."""
    return DESCRIPTION_BEGIN in description


def without_part_of_ours(description: str) -> str:
    """What its author wrote, also where that stands folded inside our part."""
    return _OURS.sub(lambda found: _kept_in(found[0]), description).strip()


def description_with(description: str, summary: str, mode: ExistingDescription, *, is_partial: bool) -> str:
    """The description with the summary in it as the owners wish; as it was if there is no room or nothing to add."""
    authors = without_part_of_ours(description).replace(AUTHOR_BEGIN, "").replace(AUTHOR_END, "").strip()
    if mode is ExistingDescription.COMPLEMENT:
        summary = "\n\n".join(_news(summary, authors))
    if not summary.strip():
        return authors if has_part_of_ours(description) else description
    note = "\n\n*Only a part of the change was read.*" if is_partial else ""
    said = cut_markdown(redact_secrets(blocks(summary, most=12_000))[0], 20_000)
    ours = f"{DESCRIPTION_BEGIN}\n### Summary by Mesrai\n\n{said}{note}\n{DESCRIPTION_END}"
    if not authors:
        return ours
    whole = _around(authors, ours) if mode is ExistingDescription.REPLACE else f"{authors}\n\n{ours}"
    return whole if len(whole) <= MAX_COMMENT else description


def _around(authors: str, ours: str) -> str:
    """Our part in place of the author's text, which is kept folded inside: nobody else has it, and it may be wanted."""
    kept = f"{AUTHOR_BEGIN}\n{authors}\n{AUTHOR_END}"
    folded = f"<details>\n<summary>What the author wrote</summary>\n\n{kept}\n\n</details>"
    return f"{ours.removesuffix(DESCRIPTION_END)}\n{folded}\n{DESCRIPTION_END}"


def _kept_in(part: str) -> str:
    """The author's text inside a part of ours, between blank lines."""
    found = _AUTHORS.search(part)
    return f"\n\n{found[1].strip()}\n\n" if found else "\n\n"


def _news(summary: str, authors: str) -> Iterator[str]:
    """The paragraphs and list items that say something the author did not."""
    known = {word.lower() for word in _WORD.findall(authors)}
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*+] )", summary):
        words = {word.lower() for word in _WORD.findall(paragraph)}
        if words and len(words & known) < _SAID * len(words):
            yield paragraph
