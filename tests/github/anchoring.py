"""Whether a comment's lines are lines of the change, in the words GitHub refuses them with."""

from dataclasses import dataclass
from typing import Any

from tests.github.diffs import FileDiff, Row
from tests.github.records import Pull
from tests.github.world import World

SIDES = ("LEFT", "RIGHT")
LONGEST_BODY = 65_536


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """Where a comment stands."""

    path: str
    commit: str
    merge_base: str
    diff_hunk: str
    side: str
    line: int | None
    start_line: int | None
    start_side: str | None


class Unanchored(Exception):
    """GitHub takes no comment there. `field`: of a review thread."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message

    @property
    def sentence(self) -> str:
        """As a review's errors say it."""
        if self.field in ("line", "start_line", "path") and self.message == "could not be resolved":
            return f"{self.field.replace('_', ' ').capitalize()} could not be resolved"
        return f"Pull request review thread {self.field.replace('_', ' ')} {self.message}"


def anchor(world: World, pull: Pull, sent: dict[str, Any], commit: str) -> Anchor:
    """Where these fields of a comment point, on that commit of the pull request. Errors: Unanchored."""
    change = world.change(pull, commit)
    path = str(sent.get("path", ""))
    file = change.file(path)
    if file is None:
        raise Unanchored("path", "could not be resolved")
    merge_base = world.merge_base(pull, commit)
    if sent.get("subject_type") == "file":
        return Anchor(
            path=path,
            commit=commit,
            merge_base=merge_base,
            diff_hunk="",
            side="RIGHT",
            line=None,
            start_line=None,
            start_side=None,
        )
    last, first = _rows(file, sent)
    return Anchor(
        path=path,
        commit=commit,
        merge_base=merge_base,
        diff_hunk=file.hunk_until(last),
        side=sent.get("side") or "RIGHT",
        line=int(sent["line"]),
        start_line=int(sent["start_line"]) if first else None,
        start_side=(sent.get("start_side") or sent.get("side") or "RIGHT") if first else None,
    )


def _rows(file: FileDiff, sent: dict[str, Any]) -> tuple[Row, Row | None]:
    """The last row of the comment, and the first if it has several."""
    side = sent.get("side") or "RIGHT"
    start_side = sent.get("start_side") or side
    if side not in SIDES:
        raise Unanchored("side", "is not a valid value")
    if start_side not in SIDES:
        raise Unanchored("start_side", "is not a valid value")
    line, start_line = sent.get("line"), sent.get("start_line")
    last = file.anchors.get((side, line)) if isinstance(line, int) else None
    if last is None:
        raise Unanchored("line", "could not be resolved")
    if start_line is None:
        return last, None
    if start_side == side and start_line >= line:
        raise Unanchored("start_line", "must precede the end line.")
    first = file.anchors.get((start_side, start_line))
    if first is None:
        raise Unanchored("start_line", "could not be resolved")
    if first.hunk != last.hunk:
        raise Unanchored("start_line", "must be part of the same hunk as the line.")
    if file.rows.index(first) >= file.rows.index(last):
        raise Unanchored("start_line", "must precede the end line.")
    return last, first
