"""Markdown written from blocks and spans: every mark is ours, and what others wrote is only ever text or code."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mesrai.review.render.prose import Block, BlockKind, Span, read_blocks, read_spans
from mesrai.review.render.untrusted import cut, fence_for, visible

_BREAK: Final = "&#8203;"  # a zero-width space: what stands around it is no longer one word
_ENTITIES: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "$": "&#36;", "|": "&#124;"}  # a dollar begins a formula
_MARKUP: Final = re.compile(r"[\\`*\[\]~<>&$|]|(?<![^\W_])_|_(?![^\W_])")
_ADDRESS: Final = re.compile(r"(?i)(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s`|]{1,2000}")
# Mentions, and numbers of issues and merge requests, which a forge would turn into notifications and links.
_REFERENCE: Final = re.compile(r"@(?=[\w{])|[#!](?=\d)|\bGH-(?=\d)", re.IGNORECASE)
_CLOSING: Final = re.compile(
    r"(?i)\b(clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?)(:?[ ]+)"
    r"(?=[a-z]\w{0,20}-\d)"
)
_LEADING: Final = re.compile(r"[#+\-=:/]|\d+(?=[.)])")
_COMMAND: Final = re.compile(r"(?m)^([ \t]*)(?=/[A-Za-z][\w-]*(?:[ \t]|$))")  # some bots read them inside code too
_COMMENT: Final = "<!--"  # our own markers look so: nobody else's text may, not even as code
_LONGEST_LINE: Final = 400
_LANGUAGE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+#-]{0,20}")
_ACTIVE: Final = frozenset(
    {"suggestion", "mermaid", "math", "geojson", "topojson", "stl"}
)  # drawn or applied by forges


def blocks(markdown: str, *, most: int = 6_000) -> str:
    """The first `most` characters of markdown from outside, with only its harmless parts in effect."""
    written: list[str] = []
    depth = -1  # of the item before, if there is one
    for block in read_blocks(markdown, most):
        is_item = block.kind is BlockKind.ITEM
        gap = "\n" if is_item and depth >= 0 else "\n\n"
        depth = min(block.depth, depth + 1) if is_item else -1
        written.append(gap + "   " * depth + _block(block))
    return "".join(written).strip("\n")


def plain(text: str) -> str:
    """One line of text with no mark in effect, fit for the start of a line."""
    return _at_start(inline(text))


def inline(text: str) -> str:
    """One line of text with addresses as code and no mark in effect, fit for a table, not for the start of a line."""
    written: list[str] = []
    at = 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(".,;:!?)]}>\"'*")
        written += [_escaped(text[at : found.start()]), code_span(address)]
        at = found.start() + len(address)
    return _joined([*written, _escaped(text[at:])])


def title(text: str) -> str:
    """The same, with what stands between backticks as code."""
    return _joined([code_cell(span.text) if span.is_code else inline(span.text) for span in read_spans(text)])


def code_span(text: str) -> str:
    """One line of text as code."""
    text = _without_comments(" ".join(text.split()) or " ")
    fence = fence_for(text, shortest=1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def code_cell(text: str) -> str:
    """One line of text as code in a table, where a vertical bar would end the cell even inside code."""
    return inline(text) if "|" in text else code_span(text)


def fenced(code: str, language: str = "") -> str:
    """A block of code with long lines cut. A language that a forge would act on is left out."""
    code = "\n".join(cut(line, _LONGEST_LINE) for line in visible(code).split("\n"))
    fence = fence_for(code)
    named = language if _LANGUAGE.fullmatch(language) and language.lower() not in _ACTIVE else ""
    shown = _COMMAND.sub(lambda found: found[1] + "\u200b", _without_comments(code))
    return f"{fence}{named}\n{shown}\n{fence}"


def _block(block: Block) -> str:
    if block.kind is BlockKind.CODE:
        return fenced(block.text, block.language)
    spans = read_spans(block.text)
    if block.kind is BlockKind.HEADING:
        return _strong(_joined([_span(replace(span, is_strong=False)) for span in spans]))
    text = _at_start(_joined([_span(span) for span in spans]))
    return f"{block.mark} {text}" if block.kind is BlockKind.ITEM else text


def _span(span: Span) -> str:
    if span.is_code:
        return code_span(span.text)
    text = inline(span.text)
    return _strong(text) if span.is_strong else text


def _strong(text: str) -> str:
    inner = text.strip()
    return text.replace(inner, f"**{inner}**", 1) if inner else text


def _joined(pieces: Sequence[str]) -> str:
    """The pieces side by side, but never two backticks: together they would make another fence than either."""
    text = ""
    for piece in pieces:
        text += f" {piece}" if text.endswith("`") and piece.startswith("`") else piece
    return text


def _escaped(text: str) -> str:
    marked = _CLOSING.sub(lambda found: f"{found[1]}\0{found[2]}", _REFERENCE.sub(lambda found: found[0] + "\0", text))
    escaped = _MARKUP.sub(lambda found: _ENTITIES.get(found[0], "\\" + found[0]), marked)
    return escaped.replace("\0", _BREAK)


def _at_start(text: str) -> str:
    """The line without what makes it a heading, a list, a rule or a command."""
    text = text.strip()
    found = _LEADING.match(text)
    if not found:
        return text
    at = found.end() if found[0][0].isdigit() else found.start()
    return f"{text[:at]}\\{text[at:]}"


def _without_comments(code: str) -> str:
    return code.replace(_COMMENT, "<\u200b!--")
