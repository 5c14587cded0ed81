"""Markdown from a model, read into a few plain blocks and spans, so that a rendering writes only marks of its own."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from mesrai.review.render.untrusted import visible

_FENCE: Final = re.compile(r"[ ]{0,12}(`{3,}|~{3,})[ \t]*([^`]*)")
_HEADING: Final = re.compile(r"[ ]{0,3}#{1,6}[ \t]+(\S.*)")
_ITEM: Final = re.compile(r"([ \t]*)([-*+]|\d{1,4}[.)])[ \t]+(\S.*)")
_RULE: Final = re.compile(r"[ \t]*(?:[-=_*][ \t]*)+")
_LINK: Final = re.compile(r"!?\[([^\[\]]{0,300})\]\([ ]?<?([^()\s<>]{1,1000})>?(?:[ ]\"[^\"]{0,200}\")?[ ]?\)")
_CODE_INDENT: Final = "    "


class BlockKind(StrEnum):
    """What a block of text is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"  # of a list
    CODE = "code"  # also a table: what must keep its lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of text; every character in it can be seen."""

    kind: BlockKind
    text: str  # one line; of code, its lines
    language: str = ""  # of code, what the fence said
    mark: str = ""  # of an item: "-" or its number with a dot
    depth: int = 0  # of an item: 0, 1 or 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A run of one line."""

    text: str
    is_code: bool = False
    is_strong: bool = False


def read_blocks(markdown: str, most: int = 6_000) -> tuple[Block, ...]:
    """The blocks of the first `most` characters; a last paragraph says so if there were more."""
    text = visible(markdown[:most]).expandtabs(4)
    blocks = list(_blocks(text.split("\n")))
    if len(markdown) > most:
        blocks.append(Block(kind=BlockKind.PARAGRAPH, text=f"… ({len(markdown) - most} more characters)"))
    return tuple(blocks)


def read_spans(text: str) -> tuple[Span, ...]:
    """The spans of one line; a link becomes its text and its address."""
    pieces = [(piece if is_code else _LINK.sub(_link_text, piece), is_code) for piece, is_code in _code_spans(text)]
    return tuple(_strong_spans(pieces))


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence := _FENCE.fullmatch(line):
            end = _fence_end(lines, at, fence[1])
            yield _code(lines[at + 1 : end], fence[2].strip())
            at = end + 1
        elif line.lstrip().startswith("|"):
            end = next((n for n in range(at, len(lines)) if not lines[n].lstrip().startswith("|")), len(lines))
            yield _code(lines[at:end], "")
            at = end
        elif not line.strip() or _RULE.fullmatch(line):
            at += 1
        elif line.startswith(_CODE_INDENT) and not _ITEM.fullmatch(line):
            end = next((n for n in range(at, len(lines)) if lines[n][:4].strip()), len(lines))
            yield _code(lines[at:end], "")
            at = end
        else:
            end = _paragraph_end(lines, at)
            yield _text_block(lines[at:end])
            at = end


def _fence_end(lines: Sequence[str], start: int, fence: str) -> int:
    """The index of the closing fence, or of the end."""
    for at in range(start + 1, len(lines)):
        shown = lines[at].strip()
        if len(shown) >= len(fence) and not shown.strip(fence[0]):
            return at
    return len(lines)


def _code(lines: Sequence[str], language: str) -> Block:
    whole = list(lines)
    while whole and not whole[0].strip():
        whole.pop(0)
    while whole and not whole[-1].strip():
        whole.pop()
    indent = min((len(line) - len(line.lstrip()) for line in whole if line.strip()), default=0)
    return Block(kind=BlockKind.CODE, text="\n".join(line[indent:].rstrip() for line in whole), language=language)


def _paragraph_end(lines: Sequence[str], start: int) -> int:
    if _HEADING.fullmatch(lines[start]):
        return start + 1
    for at in range(start + 1, len(lines)):
        line = lines[at]
        ends = not line.strip() or line.lstrip().startswith("|") or _RULE.fullmatch(line)
        if ends or _FENCE.fullmatch(line) or _HEADING.fullmatch(line) or _ITEM.fullmatch(line):
            return at
    return len(lines)


def _text_block(lines: Sequence[str]) -> Block:
    first, rest = lines[0], [line.strip().removeprefix(">").strip() for line in lines[1:]]
    if heading := _HEADING.fullmatch(first):
        return Block(kind=BlockKind.HEADING, text=heading[1].rstrip("# ") or heading[1])
    if item := _ITEM.fullmatch(first):
        mark = f"{item[2][:-1]}." if item[2][0].isdigit() else "-"
        text = " ".join([item[3].strip(), *rest])
        return Block(kind=BlockKind.ITEM, text=text, mark=mark, depth=min(len(item[1]) // 2, 2))
    return Block(kind=BlockKind.PARAGRAPH, text=" ".join([first.strip().removeprefix(">").strip(), *rest]).strip())


def _code_spans(text: str) -> Iterator[tuple[str, bool]]:
    """Pieces of the text, and whether each is code: what stands between two equally long runs of backticks."""
    runs = [(found.start(), found.end()) for found in re.finditer("`+", text)]
    partner: dict[int, int] = {}
    later: dict[int, int] = {}
    for index in range(len(runs) - 1, -1, -1):
        size = runs[index][1] - runs[index][0]
        if size in later:
            partner[index] = later[size]
        later[size] = index
    at = index = 0
    while index < len(runs):
        other = partner.get(index)
        if other is None:
            index += 1
            continue
        yield text[at : runs[index][0]], False
        yield text[runs[index][1] : runs[other][0]].strip(), True
        at, index = runs[other][1], other + 1
    yield text[at:], False


def _strong_spans(pieces: Sequence[tuple[str, bool]]) -> Iterator[Span]:
    """Divide at the asterisks that open and close strong text; all others stay."""
    tokens: list[tuple[str, bool]] = []
    for text, is_code in pieces:
        tokens += [(text, True)] if is_code else [(part, False) for part in re.split(r"(\*\*)", text) if part]
    strong = _strong_marks(tokens)
    is_strong = False
    for at, (text, is_code) in enumerate(tokens):
        if at in strong:
            is_strong = not is_strong
        elif text:
            yield Span(text=text, is_code=is_code, is_strong=is_strong)


def _strong_marks(tokens: Sequence[tuple[str, bool]]) -> set[int]:
    """The indexes of the tokens that open or close strong text."""
    marks: list[int] = []
    for at, token in enumerate(tokens):
        if token != ("**", False):
            continue
        before = tokens[at - 1][0][-1:] if at else " "
        after = tokens[at + 1][0][:1] if at + 1 < len(tokens) else " "
        beside = before if len(marks) % 2 else after
        if beside.strip() and beside != "*":
            marks.append(at)
    paired = marks[: len(marks) // 2 * 2]
    return {at for opened, closed in list(pairwise(paired))[::2] for at in (opened, closed) if closed > opened + 1}


def _link_text(found: re.Match[str]) -> str:
    text, address = found[1].strip(), found[2]
    return address if text in ("", address) else f"{text} ({address})"
