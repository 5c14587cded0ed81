"""What git says changed between two commits, as GitHub shows it, and which lines can carry a comment."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from tests.github.git_store import GitStore

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}
NOBODY = "0" * 40


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line inside a hunk."""

    kind: str  # " ", "+" or "-"
    old: int  # its number on the old side; of an added line, the number the next old line has
    new: int
    hunk: int  # which hunk of the file, from 0
    text: str


@dataclass(frozen=True, kw_only=True)
class FileDiff:
    """One file of a difference."""

    path: str
    old_path: str
    status: str
    blob: str
    patch: str | None  # None: binary, or nothing but a rename
    rows: tuple[Row, ...] = field(repr=False, default=())

    @property
    def additions(self) -> int:
        return sum(row.kind == "+" for row in self.rows)

    @property
    def deletions(self) -> int:
        return sum(row.kind == "-" for row in self.rows)

    @cached_property
    def anchors(self) -> dict[tuple[str, int], Row]:
        """The lines that can carry a comment, by side and number.

        A context line can carry one on either side.
        """
        found: dict[tuple[str, int], Row] = {}
        for row in self.rows:
            if row.kind in " +":
                found["RIGHT", row.new] = row
            if row.kind in " -":
                found["LEFT", row.old] = row
        return found

    def hunk_until(self, row: Row) -> str:
        """The patch from the hunk's header to this line, as GitHub's `diff_hunk`."""
        header = [line for line in (self.patch or "").split("\n") if _HUNK.match(line)][row.hunk]
        upto = self.rows[: self.rows.index(row) + 1]
        return "\n".join([header, *(each.kind + each.text for each in upto if each.hunk == row.hunk)])

    def position(self, row: Row) -> int:
        """How far below the first hunk's header the row stands, as GitHub counted once; further headers count."""
        return self.rows.index(row) + 1 + row.hunk

    def moved(self, line: int) -> int | None:
        """Where a line of the old file stands in the new one, or None if it is gone."""
        if self.status == "removed":
            return None
        shift = 0
        for row in self.rows:
            if row.kind == "-" and row.old == line:
                return None
            if row.kind == "-" and row.old < line:
                shift -= 1
            if row.kind == "+" and row.old <= line:
                shift += 1
        return line + shift


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All files of a difference, in git's order."""

    files: tuple[FileDiff, ...]
    raw: bytes = field(repr=False)  # as git wrote it, each file in its own encoding

    def file(self, path: str) -> FileDiff | None:
        return next((each for each in self.files if each.path == path), None)

    def from_old(self, path: str) -> FileDiff | None:
        """The file that had this name before."""
        return next((each for each in self.files if each.old_path == path and each.status != "added"), None)


def difference(store: GitStore, old: str, new: str) -> Difference:
    """What changed from one commit to the other."""
    span = [old, new, "--"]
    options = ["-M", "--no-color", "--no-ext-diff", "--no-textconv"]
    raw = store.run("diff", *options, "--raw", "-z", "--abbrev=40", *span).decode(errors="replace").split("\0")
    raw_text = store.run("diff", *options, *span)
    text = raw_text.decode(errors="replace")
    patches = re.split(r"(?m)^(?=diff --git )", text)[1:]
    files: list[FileDiff] = []
    at = 0
    while at < len(raw) and raw[at]:
        fields = raw[at].split(" ")
        letter = fields[4][0]
        names = raw[at + 1 : at + (3 if letter in "RC" else 2)]
        at += 1 + len(names)
        files.append(_file(letter, names, fields[2] if letter == "D" else fields[3], patches[len(files)]))
    return Difference(files=tuple(files), raw=raw_text)


def _file(letter: str, names: list[str], blob: str, patch: str) -> FileDiff:
    body = patch[patch.index("\n@@ ") + 1 :] if "\n@@ " in patch else ""
    return FileDiff(
        path=names[-1],
        old_path=names[0],
        status=_STATUS[letter],
        blob=blob,
        patch=body.removesuffix("\n") if body else None,
        rows=_rows(body),
    )


def _rows(body: str) -> tuple[Row, ...]:
    rows: list[Row] = []
    old = new = 0
    hunk = -1
    for line in body.removesuffix("\n").split("\n") if body else ():
        if header := _HUNK.match(line):
            hunk += 1
            # An empty side is written with the number of the line before it.
            old = int(header[1]) + (header[2] == "0")
            new = int(header[3]) + (header[4] == "0")
        elif line[:1] in (" ", "+", "-"):
            rows.append(Row(kind=line[0], old=old, new=new, hunk=hunk, text=line[1:]))
            old += line[0] in " -"
            new += line[0] in " +"
    return tuple(rows)
