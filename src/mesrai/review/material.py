"""The change as the model sees it: parts of files with margins, surroundings and analyser statements, as text."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.diff import Action, FileDiff, Hunk, Line, LineKind
from mesrai.domain.unseen import UNSEEN
from mesrai.review.code.pieces import ContextPiece, PieceKind

LINE_CHARS = 500  # a longer line is cut
CUT = " […]"
_NO_FENCE = "[…]"  # in place of a fence inside a fence: whoever knows the whole change could foresee it
_LONG_PART = 16_000  # characters above which a second look is shown what is near
_SLICE = 3_000
_NEAR = 60  # lines
_IN_LISTING = (PieceKind.ENCLOSING, PieceKind.IMPORTS)
_MARKS = {LineKind.CONTEXT: " ", LineKind.ADDED: "+", LineKind.REMOVED: "-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of one file's change that is read in one go."""

    file: FileDiff  # with only the hunks, or slices of hunks, of this part
    hunk_ids: tuple[int, ...]  # for each hunk or slice in it, which hunk of the whole file diff it is of
    number: int = 1  # which part of the file
    of: int = 1
    context: tuple[ContextPiece, ...] = ()
    statements: tuple[Diagnostic, ...] = ()

    @property
    def chars(self) -> int:
        """About how long its text is."""
        surroundings = sum(piece_chars(piece) for piece in self.context)
        said = sum(len(each.message) + 60 for each in self.statements)
        return sum(hunk_chars(hunk) for hunk in self.file.hunks) + surroundings + said + 120


def visible(text: str) -> str:
    """The text with unseen characters shown as their code, such as [U+202E]; tabs and line feeds stay."""
    return UNSEEN.sub(lambda found: found[0] if found[0] in "\n\t" else f"[U+{ord(found[0]):04X}]", text)


def shown_path(path: str) -> str:
    """A path on one line with nothing unseen in it: as the model sees it, and has to name it."""
    return visible(path).replace("\n", "[U+000A]").replace("\t", "[U+0009]")


def fence_for(texts: Iterable[str]) -> str:
    """A fence that the texts cannot contain on purpose, since it depends on all of them."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()[:12]


def fenced(text: str, fence: str) -> str:
    """Untrusted text between the marks the instructions name, which it cannot hold itself."""
    return f"<<<{fence}\n{text.replace(fence, _NO_FENCE).rstrip()}\n>>>{fence}"


def render_part(part: Part) -> str:
    """One part as text: what it is, its hunks with the code around them in order, the rest of its surroundings."""
    own, others = _own_and_other(part)
    blocks = [_heading(part), *_listing(part, own), *(_piece_text(piece) for piece in others)]
    if part.statements:
        blocks.append("What static analysers say about added lines (a hint, not proof):\n" + _said(part.statements))
    return visible("\n\n".join(blocks))


def render_files(files: Iterable[FileDiff], *, most: int = 300) -> str:
    """One line a file: how it changed and by how much."""
    listed = [f"- {shown_path(file.path)} ({_action(file)}, +{file.additions} -{file.deletions})" for file in files]
    rest = len(listed) - most
    return visible("\n".join(listed[:most] + ([f"- and {rest} more files"] if rest > 0 else [])))


def margin(number: int | None, mark: str, text: str) -> str:
    """A line with its number and mark before it."""
    shown = text if len(text) <= LINE_CHARS else text[:LINE_CHARS] + CUT
    return f"{number or 0:>5} {mark} {shown}"


def slices_of(hunk: Hunk, most_chars: int) -> Iterator[Hunk]:
    """The hunk in consecutive pieces of at most about `most_chars`, each with right line numbers."""
    lines: list[Line] = []
    size = 0
    for line in hunk.lines:
        cost = min(len(line.text), LINE_CHARS) + 9
        if lines and size + cost > most_chars:
            yield _hunk_of(lines, hunk.section)
            lines, size = [], 0
        lines.append(line)
        size += cost
    if lines:
        yield _hunk_of(lines, hunk.section)


def hunk_chars(hunk: Hunk) -> int:
    """About how long the hunk's text is."""
    return sum(min(len(line.text), LINE_CHARS) + 9 for line in hunk.lines) + 60


def piece_chars(piece: ContextPiece) -> int:
    """About how long a piece of surroundings is."""
    return len(piece.text) + 9 * (piece.end_line - piece.start_line + 1) + 120


def without_context(part: Part) -> Part:
    """The part without what is not the change itself."""
    return replace(part, context=())


def _hunk_of(lines: Sequence[Line], section: str) -> Hunk:
    old = [line.old for line in lines if line.old is not None]
    new = [line.new for line in lines if line.new is not None]
    return Hunk(
        old_start=old[0] if old else 0,
        old_count=len(old),
        new_start=new[0] if new else 0,
        new_count=len(new),
        section=section,
        lines=tuple(lines),
    )


def _heading(part: Part) -> str:
    file = part.file
    came_from = f" from {shown_path(file.old_path)}" if file.old_path else ""
    piece = f", part {part.number} of {part.of}" if part.of > 1 else ""
    return f"## File {shown_path(file.path)}\n({_action(file)}{came_from}{piece})"


def _action(file: FileDiff) -> str:
    mode = (
        f", mode {file.old_mode} to {file.new_mode}"
        if file.old_mode and file.new_mode not in ("", file.old_mode)
        else ""
    )
    return f"{file.action}{mode}" if file.action is not Action.DELETED else "deleted"


def near(part: Part, lines: Sequence[int]) -> Part:
    """Of a long part, what stands near the given new lines; of a short one, all of it."""
    if part.chars <= _LONG_PART:
        return part
    kept = [
        (index, piece)
        for index, hunk in zip(part.hunk_ids, part.file.hunks, strict=True)
        for piece in slices_of(hunk, _SLICE)
        if any(piece.new_start - _NEAR <= line <= _end_of(piece) + _NEAR for line in lines)
    ]
    if not kept:
        return part
    file = replace(part.file, hunks=tuple(hunk for _, hunk in kept))
    return replace(part, file=file, hunk_ids=tuple(index for index, _ in kept))


def _own_and_other(part: Part) -> tuple[list[ContextPiece], list[ContextPiece]]:
    """The pieces of the same file that belong into its listing; and the others."""
    own = [piece for piece in part.context if piece.path == part.file.path and piece.kind in _IN_LISTING]
    return own, [piece for piece in part.context if piece not in own]


def _listing(part: Part, own: Sequence[ContextPiece]) -> list[str]:
    """Hunks and the lines around them as one listing, with a heading wherever lines are left out."""
    shown = {line.new for hunk in part.file.hunks for line in hunk.lines}
    around = {
        number: margin(number, " ", text)
        for piece in own
        for number, text in enumerate(piece.text.split("\n"), piece.start_line)
        if number not in shown
    }
    rows = [(number, number, row) for number, row in around.items()]
    rows += [(hunk.new_start, _end_of(hunk), _hunk_rows(hunk)) for hunk in part.file.hunks]
    texts: list[str] = []
    last = 0
    for start, end, row in sorted(rows, key=lambda each: each[0]):
        if texts and start <= last + 1:
            texts[-1] += "\n" + row
        else:
            texts.append(f"### {_where(part.file, start)}\n{row}")
        last = max(last, end)
    return texts


def _said(statements: Sequence[Diagnostic]) -> str:
    """One line for each thing that is said, with all the lines it is said of."""
    places: dict[str, list[str]] = {}
    for each in statements:
        places.setdefault(f"{each.analyser} {each.code}: {each.message}", []).append(str(each.start_line))
    return "\n".join(f"- line {', '.join(lines[:20])}: {said}" for said, lines in places.items())


def _where(file: FileDiff, start: int) -> str:
    return "The lines that were removed" if file.action is Action.DELETED else f"The file from line {start}"


def _end_of(hunk: Hunk) -> int:
    return hunk.new_start + max(hunk.new_count - 1, 0)


def _hunk_rows(hunk: Hunk) -> str:
    return "\n".join(
        margin(line.new if line.new is not None else line.old, _MARKS[line.kind], line.text) for line in hunk.lines
    )


def _piece_rows(piece: ContextPiece) -> str:
    lines = piece.text.split("\n")
    return "\n".join(margin(number, " ", text) for number, text in enumerate(lines, piece.start_line))


def _piece_text(piece: ContextPiece) -> str:
    where = f"{shown_path(piece.path)}, lines {piece.start_line} to {piece.end_line}"
    return f"### Elsewhere: {where} ({piece.why})\n{_piece_rows(piece)}"
