"""Markdown from a model as safe HTML: paragraphs, lists, code and strong words; every letter of it is only text."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from markupsafe import Markup

from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.review.render.prose import Block, BlockKind, read_blocks, read_spans
from mesrai.review.render.untrusted import one_line

_MOST_LINE: Final = 1_000
_STRONG: Final = Markup("<strong>{}</strong>")
_CODE: Final = Markup("<code>{}</code>")
_PARAGRAPH: Final = Markup("<p>{}</p>")
_HEADING: Final = Markup("<p><strong>{}</strong></p>")
_BULLETS: Final = Markup("<ul>{}</ul>")
_NUMBERS: Final = Markup("<ol>{}</ol>")


def markdown(text: str, most: int = 6_000) -> Markup:
    """What a model wrote, as HTML: nothing of it can act, reach out, or look like a part of the page. No credentials.

    Links are shown as their address.
    """
    return Markup("\n").join(_blocks(redact_secrets(text)[0], most))


def plain_line(text: str) -> Markup:
    """One line of markdown, such as a title: code and strong words."""
    return Markup("").join(_spans(one_line(redact_secrets(text)[0], _MOST_LINE)))


def _blocks(text: str, most: int) -> Iterator[Markup]:
    for is_list, blocks in groupby(read_blocks(text, most), key=lambda block: block.kind is BlockKind.ITEM):
        if is_list:
            yield _list(list(blocks))
            continue
        for block in blocks:
            yield _block(block)


def _block(block: Block) -> Markup:
    if block.kind is BlockKind.CODE:
        return Markup('<pre tabindex="0"><code>{}</code></pre>').format(block.text)
    spans = Markup("").join(_spans(block.text))
    return (_HEADING if block.kind is BlockKind.HEADING else _PARAGRAPH).format(spans)


def _list(items: list[Block]) -> Markup:
    """A list; what stands deeper in it is a list of its own inside its item."""
    parts: list[Markup] = []
    at = 0
    while at < len(items):
        end = next((n for n in range(at + 1, len(items)) if items[n].depth <= items[0].depth), len(items))
        inner = _list(items[at + 1 : end]) if end > at + 1 else Markup("")
        parts.append(Markup("<li>{}{}</li>").format(Markup("").join(_spans(items[at].text)), inner))
        at = end
    return (_BULLETS if items[0].mark == "-" else _NUMBERS).format(Markup("").join(parts))


def _spans(text: str) -> Iterator[Markup]:
    for span in read_spans(text):
        shown = _CODE.format(span.text) if span.is_code else Markup.escape(span.text)
        yield _STRONG.format(shown) if span.is_strong else shown
