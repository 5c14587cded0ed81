"""Memories as a table, as a sheet and as JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mesrai.cli.usage_text import json_text
from mesrai.domain.memory import Memory, MemoryState
from mesrai.review.render.look import Look
from mesrai.review.render.sheet import Sheet
from mesrai.review.render.untrusted import one_line, shown_path

_MOST_REACH: Final = 36  # characters of where it holds, in the table
_STYLES: Final = {MemoryState.ACTIVE: "", MemoryState.PENDING: "yellow", MemoryState.DISCARDED: "dim"}
NOTHING: Final = "Nothing is remembered. Write `@mesrai remember: …` on a pull request, or: mesrai memories add TEXT"


def memories_table(memories: Sequence[Memory], look: Look) -> str:
    """One line for each, and what to do about those that wait."""
    sheet = Sheet(look)
    if not memories:
        sheet.prose((NOTHING, ""))
        return sheet.text()
    rows = [(str(each.id), each.state.value, shown_path(each.reach, _MOST_REACH)) for each in memories]
    heads = ("no.", "state", "holds for")
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(3)]
    sheet.line((f"{heads[0]:>{widths[0]}}  {heads[1]:<{widths[1]}}  {heads[2]:<{widths[2]}}  text", "dim"))
    for memory, (number, state, reach) in zip(memories, rows, strict=True):
        begin = f"{number:>{widths[0]}}  {state:<{widths[1]}}  {reach:<{widths[2]}}  "
        sheet.line((begin + one_line(memory.text, 500), _STYLES[memory.state]))
    waiting = sum(each.state is MemoryState.PENDING for each in memories)
    if waiting:
        sheet.gap()
        many = "1 waits" if waiting == 1 else f"{waiting} wait"
        sheet.prose((f"{many} for approval: mesrai memories apply NUMBER, or discard NUMBER", ""))
    return sheet.text()


def memory_sheet(memory: Memory, told: str, look: Look) -> str:
    """All of one; `told` is what was done to it."""
    sheet = Sheet(look)
    sheet.prose((f"Memory {memory.id} ", "bold"), (f"({memory.state}), for {memory.reach}:", ""))
    sheet.prose((memory.text, ""), indent=2)
    said = [f"Said by {memory.author}"] if memory.author else []
    said += [f"in {memory.origin}"] if memory.origin else []
    said += [f"on {_when(memory.created_at)[:10]}"] if memory.created_at else []
    lines = [f"{' '.join(said)}."] if said else []
    if memory.decided_at:
        lines.append(f"Decided by {memory.decided_by} on {_when(memory.decided_at)[:10]}.")
    if memory.replaces:
        waits = memory.state is MemoryState.PENDING
        lines.append(f"It {'would take' if waits else 'took'} the place of memory {memory.replaces}.")
    for line in lines:
        sheet.prose((line, "dim"))
    if told:
        sheet.prose((told, ""))
    return sheet.text()


def memories_json(memories: Sequence[Memory]) -> str:
    """All of them as one document."""
    return json_text({"memories": [_plain(each) for each in memories]})


def memory_json(memory: Memory) -> str:
    """One as a document."""
    return json_text({"memory": _plain(memory)})


def _plain(memory: Memory) -> dict[str, Any]:
    return {
        "id": memory.id,
        "text": memory.text,
        "state": memory.state.value,
        "scope": memory.scope.value,
        "repository": memory.repository or None,
        "paths": list(memory.paths),
        "author": memory.author,
        "origin": memory.origin or None,
        "replaces": memory.replaces or None,
        "created_at": _when(memory.created_at),
        "decided_by": memory.decided_by or None,
        "decided_at": _when(memory.decided_at) if memory.decided_at else None,
    }


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
