"""Divide the change into questions that fit the model's window."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.diff import FileDiff, Hunk
from mesrai.llm.model import Profile
from mesrai.review.code.pieces import ContextPiece
from mesrai.review.material import Part, hunk_chars, piece_chars, slices_of, without_context

_SMALLEST = 24_000  # characters below which dividing further only costs calls
_ROOM_FOR_TOOLS = 0.45  # of what is left of the window
_HEADING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is asked about in one conversation."""

    id: int
    parts: tuple[Part, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The files in it, each once."""
        return tuple(dict.fromkeys(part.file.path for part in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much one question may hold, in characters."""

    total: int  # all of the change's text in one question
    tools: int  # what tools may return in its conversation


def room_for(profile: Profile, *, overhead_chars: int, output_tokens: int, most: int, tools: int) -> Room:
    """The room that the window leaves after the fixed texts and the answer are reserved."""
    chars = int((profile.window - output_tokens) * profile.chars_per_token) - overhead_chars
    if profile.max_body is not None:
        chars = min(chars, profile.max_body // 2 - overhead_chars)  # JSON escapes and multi-byte letters
    chars = max(chars, 4_000)
    for_tools = min(tools, int(chars * _ROOM_FOR_TOOLS))
    return Room(total=max(min(most, chars - for_tools), 2_000), tools=for_tools)


def output_tokens_for(profile: Profile, wanted: int | None) -> int:
    """How many tokens to reserve for an answer: what the user set, else a quarter of the window up to 16,384."""
    return min(wanted or min(16_384, profile.window // 4), profile.max_output)


def parts_of(
    file: FileDiff, context: Sequence[ContextPiece], statements: Sequence[Diagnostic], most_chars: int
) -> list[Part]:
    """The file in parts of at most about `most_chars`; surroundings give way before the change does."""
    whole = Part(
        file=file, hunk_ids=tuple(range(len(file.hunks))), context=tuple(context), statements=tuple(statements)
    )
    if whole.chars <= most_chars:
        return [whole]
    bare = without_context(whole)
    if bare.chars <= most_chars:
        return [_with_fitting_context(bare, context, most_chars)]
    groups = _groups(file.hunks, most_chars - _HEADING)
    return [
        Part(
            file=replace(file, hunks=tuple(hunk for _, hunk in group)),
            hunk_ids=tuple(index for index, _ in group),
            number=number,
            of=len(groups),
            statements=tuple(each for each in statements if _covers(group, each.start_line)),
        )
        for number, group in enumerate(groups, 1)
    ]


def batches_of(parts: Sequence[Part], *, room: Room, parallel: int) -> list[Batch]:
    """The parts packed into batches, files of one folder together where it costs nothing."""
    total = sum(part.chars for part in parts)
    target = min(max(total // max(parallel, 1) + 1, _SMALLEST), room.total)
    ordered = sorted(parts, key=lambda part: (PurePosixPath(part.file.path).parts[:-1], part.file.path, part.number))
    packed: list[list[Part]] = []
    size = 0
    for part in ordered:
        cost = part.chars
        if not packed or size + cost > target:
            packed.append([])
            size = 0
        packed[-1].append(part)
        size += cost
    return [Batch(id=number, parts=tuple(group)) for number, group in enumerate(packed, 1)]


def halves_of(batch: Batch) -> tuple[Batch, ...]:
    """The batch in two smaller ones for a window smaller than thought; empty if it cannot be divided further."""
    if len(batch.parts) > 1:
        middle = len(batch.parts) // 2
        return replace(batch, parts=batch.parts[:middle]), replace(batch, parts=batch.parts[middle:])
    part = batch.parts[0]
    if part.context:
        return (replace(batch, parts=(without_context(part),)),)
    most = part.chars // 2
    if most < 1_500:
        return ()
    smaller = parts_of(part.file, (), part.statements, most)
    if len(smaller) < 2:
        return ()
    real = [replace(piece, hunk_ids=tuple(part.hunk_ids[index] for index in piece.hunk_ids)) for piece in smaller]
    return tuple(replace(batch, parts=(piece,)) for piece in real)


def _with_fitting_context(bare: Part, context: Sequence[ContextPiece], most_chars: int) -> Part:
    kept: list[ContextPiece] = []
    left = most_chars - bare.chars
    for piece in context:
        cost = piece_chars(piece)
        if cost <= left:
            kept.append(piece)
            left -= cost
    return replace(bare, context=tuple(kept))


def _groups(hunks: Sequence[Hunk], most_chars: int) -> list[list[tuple[int, Hunk]]]:
    groups: list[list[tuple[int, Hunk]]] = []
    size = 0
    for index, hunk in enumerate(hunks):
        for piece in slices_of(hunk, most_chars):
            cost = hunk_chars(piece)
            if not groups or size + cost > most_chars:
                groups.append([])
                size = 0
            groups[-1].append((index, piece))
            size += cost
    return groups


def _covers(group: Sequence[tuple[int, Hunk]], line: int) -> bool:
    return any(hunk.new_start <= line < hunk.new_start + max(hunk.new_count, 1) for _, hunk in group)
