"""A source and a tree that live in memory."""

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from mesrai.domain.change import At, Change, Revision
from mesrai.domain.diff import Action, FileDiff, FileKind, Hunk, Line, LineKind
from mesrai.domain.file_text import is_binary, text_of
from mesrai.errors import SourceError
from mesrai.forges.forge import LogEntry, Match, Tree

MOST_FILE = 4 * 1024 * 1024
_WORD = r"(?<!\w)(?:{})(?!\w)"

Files = Mapping[str, str | bytes]


class MemoryTree:
    """A tree of the files given. It counts what it is asked for."""

    def __init__(self, files: Files, history: Mapping[tuple[str, int], Sequence[LogEntry]] | None = None) -> None:
        self._files = {path: _bytes(content) for path, content in files.items()}
        self._history = history or {}
        self.searches: list[str] = []

    async def paths(self) -> Sequence[str]:
        return sorted(self._files)

    async def search(
        self,
        text: str,
        *,
        word: bool = False,
        regex: bool = False,
        under: str = "",
        endings: Sequence[str] = (),
        most: int = 100,
    ) -> Sequence[Match]:
        if not text:
            raise SourceError("There is nothing to search for.")
        self.searches.append(text)
        pattern = text if regex else re.escape(text)
        try:
            wanted = re.compile(_WORD.format(pattern) if word else pattern)
        except re.error as error:
            raise SourceError(f"{text!r} is no regular expression") from error
        folder = under.rstrip("/")
        return [
            Match(path=path, line=number, text=line[:400])
            for path, content in sorted(self._files.items())
            if not folder or path == folder or path.startswith(f"{folder}/")
            if not endings or path.endswith(tuple(endings))
            if not is_binary(content)
            for number, line in enumerate(_lines(text_of(content)), 1)
            if wanted.search(line)
        ][:most]

    async def history(self, path: str, line: int, *, most: int = 5) -> Sequence[LogEntry]:
        return list(self._history.get((path, line), ()))[:most]


class MemorySource:
    """A change and the files at its two ends. It counts the files it is asked for, as (path, end)."""

    def __init__(
        self,
        base: Files,
        head: Files,
        change: Change | None = None,
        *,
        has_tree: bool = True,
        history: Mapping[tuple[str, int], Sequence[LogEntry]] | None = None,
    ) -> None:
        """Without a `change`, it is the difference of the two."""
        self._ends = {At.BASE: base, At.TARGET: base, At.HEAD: head}
        self._change = change or change_between(base, head)
        self.memory_tree = MemoryTree(head, history) if has_tree else None
        self.reads: Counter[tuple[str, At]] = Counter()

    @property
    def tree(self) -> Tree | None:
        return self.memory_tree

    async def change(self) -> Change:
        return self._change

    async def file(self, path: str, at: At) -> bytes | None:
        self.reads[path, at] += 1
        content = self._ends[at].get(path)
        data = None if content is None else _bytes(content)
        return data if data is not None and len(data) <= MOST_FILE else None

    async def below(self, folder: str, at: At) -> Sequence[str]:
        prefix = folder.rstrip("/") + "/"
        return sorted(path for path in self._ends[at] if path.startswith(prefix))


def change_between(base: Files, head: Files, *, margin: int = 3) -> Change:
    """The change from one set of files to another, with so many unchanged lines around; renames are not looked for."""
    files = [
        file_diff_between(path, base.get(path), head.get(path), margin=margin)
        for path in sorted({*base, *head})
        if base.get(path) != head.get(path)
    ]
    return Change(revision=Revision(base="b" * 40, head="h" * 40), files=tuple(files))


def file_diff_between(path: str, old: str | bytes | None, new: str | bytes | None, *, margin: int = 3) -> FileDiff:
    """What happens to one path; None where it does not exist."""
    action = Action.ADDED if old is None else Action.DELETED if new is None else Action.MODIFIED
    before, after = _bytes(old or b""), _bytes(new or b"")
    binary = is_binary(before) or is_binary(after)
    return FileDiff(
        path=path,
        action=action,
        kind=FileKind.BINARY if binary else FileKind.TEXT,
        old_mode="" if old is None else "100644",
        new_mode="" if new is None else "100644",
        hunks=() if binary else _hunks(_lines(text_of(before)), _lines(text_of(after)), margin),
    )


def _hunks(old: Sequence[str], new: Sequence[str], margin: int) -> tuple[Hunk, ...]:
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    hunks: list[Hunk] = []
    for group in matcher.get_grouped_opcodes(margin):
        lines: list[Line] = []
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                lines += [
                    Line(kind=LineKind.CONTEXT, old=old_from + at + 1, new=new_from + at + 1, text=old[old_from + at])
                    for at in range(old_to - old_from)
                ]
                continue
            lines += [Line(kind=LineKind.REMOVED, old=at + 1, new=None, text=old[at]) for at in range(old_from, old_to)]
            lines += [Line(kind=LineKind.ADDED, old=None, new=at + 1, text=new[at]) for at in range(new_from, new_to)]
        hunks.append(_hunk(lines, group[0][1], group[0][3]))
    return tuple(hunks)


def _hunk(lines: Sequence[Line], old_from: int, new_from: int) -> Hunk:
    old_count = sum(line.old is not None for line in lines)
    new_count = sum(line.new is not None for line in lines)
    return Hunk(
        old_start=old_from + bool(old_count),
        old_count=old_count,
        new_start=new_from + bool(new_count),
        new_count=new_count,
        lines=tuple(lines),
    )


def _lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8") if isinstance(content, str) else content


class MemoryFiles:
    """The files of a repository at one commit. See Files."""

    def __init__(self, files: Files, name: str = "") -> None:
        self.files = files
        self.name = name

    async def file(self, path: str) -> bytes | None:
        content = self.files.get(path)
        return None if content is None else _bytes(content)

    async def below(self, folder: str) -> Sequence[str]:
        return sorted(path for path in self.files if path.startswith(f"{folder}/"))
