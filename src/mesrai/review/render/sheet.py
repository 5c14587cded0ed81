"""Lines of styled text for a terminal; whatever text is put on a sheet, none of it can act on the terminal."""

from collections.abc import Sequence
from io import StringIO
from typing import Final

from rich.console import Console
from rich.text import Text

from mesrai.review.render.look import DRAWN, Look
from mesrai.review.render.prose import Block, BlockKind, Span, read_blocks, read_spans
from mesrai.review.render.untrusted import visible

Piece = tuple[str, str]  # text and its style; an empty style is the terminal's own

NARROWEST: Final = 40
WIDEST: Final = 200
_WIDEST_PROSE: Final = 96  # longer lines are hard to read
_PLAIN: Final = str.maketrans(DRAWN, '|-->-.-""\'x')


class Sheet:
    """Lines that become one text."""

    def __init__(self, look: Look) -> None:
        self.width = max(NARROWEST, min(look.width, WIDEST))
        self._look = look
        self._lines: list[Text] = []
        self._out = StringIO()
        self._console = Console(
            file=self._out,
            width=self.width,
            color_system="standard" if look.has_colour else None,
            force_terminal=look.has_colour,
            force_jupyter=False,
            no_color=not look.has_colour,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )

    def gap(self) -> None:
        """An empty line, unless there is one already or nothing before it."""
        if self._lines and self._lines[-1].plain:
            self._lines.append(Text())

    def line(self, *pieces: Piece, indent: int = 0) -> None:
        """One line, cut at the right edge."""
        text = _styled(((" " * indent, ""), *pieces))
        text.truncate(self.width, overflow="ellipsis")
        text.rstrip()
        self._lines.append(text)

    def prose(self, *pieces: Piece, indent: int = 0, hang: int = 0) -> None:
        """Wrapped text; further lines are indented by `hang` more."""
        room = max(20, min(self.width, _WIDEST_PROSE + indent) - indent - hang)
        wrapped = _styled(pieces).wrap(self._console, room, justify="left", overflow="fold")
        for number, text in enumerate(wrapped):
            text.rstrip()
            self._lines.append(Text(" " * (indent + (hang if number else 0))) + text)

    def parts(self, parts: Sequence[Sequence[Piece]]) -> None:
        """The parts with dots between them; a line breaks only between two parts, if it can."""
        line = Text()
        for pieces in parts:
            part = _styled(pieces)
            if line and line.cell_len + 3 + part.cell_len > self.width:
                self._wrapped(line)
                line = Text()
            if line:
                line.append(" · ", "dim")
            line.append_text(part)
        self._wrapped(line)

    def _wrapped(self, line: Text) -> None:
        for text in line.wrap(self._console, self.width, overflow="fold"):
            text.rstrip()
            self._lines.append(text)

    def rule(self, *pieces: Piece) -> None:
        """A line across, after the pieces if there are any."""
        text = Text()
        if pieces:
            title = _styled(pieces)
            title.truncate(self.width - 8, overflow="ellipsis")
            text.append("── ", "dim").append_text(title).append(" ")
        text.append("─" * max(2, min(self.width, 120) - text.cell_len), "dim")
        self._lines.append(text)

    def markdown(self, text: str, *, indent: int = 0, style: str = "", most: int = 6_000) -> None:
        """Markdown from outside, lightly formatted."""
        before: Block | None = None
        for block in read_blocks(text, most):
            if before and not (before.kind is block.kind is BlockKind.ITEM):
                self.gap()
            self._block(block, indent, style)
            before = block

    def text(self) -> str:
        """All lines, with a line end."""
        self._console.print(Text("\n").join(self._lines), soft_wrap=True)
        text = self._out.getvalue()
        return text if self._look.is_unicode else text.translate(_PLAIN)

    def _block(self, block: Block, indent: int, style: str) -> None:
        if block.kind is BlockKind.CODE:
            for line in block.text.split("\n"):
                self.prose((line, style or "cyan"), indent=indent + 2)
            return
        pieces = [self._span(span, style) for span in read_spans(block.text)]
        if block.kind is BlockKind.HEADING:
            self.prose(*[(words, f"{own} bold".strip()) for words, own in pieces], indent=indent)
        elif block.kind is BlockKind.ITEM:
            mark = f"{block.mark} "
            self.prose((mark, style), *pieces, indent=indent + 2 * block.depth, hang=len(mark))
        else:
            self.prose(*pieces, indent=indent)

    def _span(self, span: Span, style: str) -> Piece:
        styles = [style] * bool(style) + ["bold"] * span.is_strong
        if span.is_code and not self._look.has_colour:
            return f"`{span.text}`", ""
        return span.text, " ".join(styles + ["cyan"] * (span.is_code and not style))


def _styled(pieces: Sequence[Piece]) -> Text:
    text = Text()
    for words, style in pieces:
        text.append(visible(words.expandtabs(4), keep=""), style or None)
    return text
