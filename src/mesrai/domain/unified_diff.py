"""Read git's unified diff output, strictly: what cannot be understood raises, and no file is passed over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mesrai.domain.diff import Action, FileDiff, FileKind, Hunk, Line, LineKind
from mesrai.domain.file_text import text_of
from mesrai.errors import SourceError

SYMLINK_MODE = "120000"
SUBMODULE_MODE = "160000"

# No line of a hunk or of a binary patch can look like this: the former begin with a mark, the latter hold no space.
_FILE = re.compile(rb"^diff --(?:git|cc|combined) ", re.MULTILINE)
_EXTENDED = re.compile(
    rb"(old mode|new mode|deleted file mode|new file mode|rename from|rename to|copy from|copy to"
    rb"|similarity index|dissimilarity index|index|---|\+\+\+) (.*)"
)
_SHOW_HEAD = re.compile(rb"commit |    |[A-Za-z-]+(?: \([^)]*\))?:")
_INDEX = re.compile(rb"([0-9a-f]+)\.\.([0-9a-f]+)(?: ([0-7]{6}))?")
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(?: (.*))?")
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2}|.)", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_EMPTY_BLOBS = (  # https://git-scm.com/docs/hash-function-transition: the same empty blob in both formats
    b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    b"473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)


def read_diff(data: bytes) -> tuple[FileDiff, ...]:
    """Every file of the output of `git diff` or `git show`, in its order; empty if nothing differs.

    The prefixes must be `a/` and `b/`. A path that changed its type, which git shows as a deletion and a creation,
    becomes one file diff. Lines are UTF-8, or Latin-1 in a file that is not; bytes of a path that are not UTF-8
    become surrogate escapes. Errors: SourceError with the line number of the diff.
    """
    starts = [found.start() for found in _FILE.finditer(data)]
    if data and not data.endswith(b"\n"):
        raise _unreadable(data.count(b"\n") + 1, "it ends in the middle of a line")
    before = data[: starts[0]] if starts else data
    _check_before_files(before)
    number = before.count(b"\n") + 1
    files = []
    for start, end in pairwise([*starts, len(data)]):
        files.append(_file_of(data[start:end], number))
        number += data.count(b"\n", start, end)
    return _joined(files)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What stands before the hunks of one file."""

    facts: dict[bytes, bytes]  # the extended header lines, `---` and `+++`: keyword to value
    git_line: bytes  # what follows `diff --git `
    is_binary: bool
    number: int  # of its first line in the diff


def _unreadable(number: int, why: str) -> SourceError:
    return SourceError(f"The diff cannot be read: line {number}: {why}.")


def _check_before_files(before: bytes) -> None:
    """Only the head of `git show` may stand before the first file: `commit …`, headers, an indented message."""
    is_commit = before.startswith(b"commit ")
    for number, line in enumerate(before.split(b"\n"), 1):
        if line and not (is_commit and _SHOW_HEAD.match(line)):
            raise _unreadable(number, "this is not the beginning of a file")


def _file_of(chunk: bytes, number: int) -> FileDiff:
    if not chunk.startswith(b"diff --git "):
        raise _unreadable(number, "this is a combined diff of a merge; ask for the diff against one parent")
    split = chunk.find(b"\n@@ ") + 1 or len(chunk)
    header = _header_of(chunk[:split], number)
    hunks = _hunks_of(chunk[split:], number + chunk.count(b"\n", 0, split))
    _check_complete(header, hunks)
    return _file_diff(header, hunks)


def _header_of(head: bytes, number: int) -> _Header:
    lines = head.split(b"\n")[:-1]
    facts: dict[bytes, bytes] = {}
    for at, line in enumerate(lines[1:], 1):
        if line == b"GIT binary patch":
            _check_binary_patch(lines[at + 1 :], number + at + 1)
            return _Header(facts=facts, git_line=lines[0][11:], is_binary=True, number=number)
        if line.startswith(b"Binary files ") and line.endswith(b" differ"):
            if at != len(lines) - 1:
                raise _unreadable(number + at + 1, "there is text after a binary file")
            return _Header(facts=facts, git_line=lines[0][11:], is_binary=True, number=number)
        found = _EXTENDED.fullmatch(line)
        if found is None or found[1] in facts:
            raise _unreadable(number + at, "this does not belong in the head of a file")
        facts[found[1]] = found[2]
    return _Header(facts=facts, git_line=lines[0][11:], is_binary=False, number=number)


def _check_binary_patch(lines: Sequence[bytes], number: int) -> None:
    """Blocks of `literal N` or `delta N`, lines that begin with their length as a letter, and a blank line."""
    is_inside = False
    for at, line in enumerate(lines, number):
        if not is_inside:
            is_inside = re.fullmatch(rb"(literal|delta) \d+", line) is not None
            is_fine = is_inside or (not line and at > number)
        elif not line:
            is_inside, is_fine = False, True
        else:
            letter = line[:1]
            size = ord(letter) - 64 if letter.isupper() else ord(letter) - 70
            is_fine = letter.isalpha() and len(line) == 1 + -(-size // 4) * 5
        if not is_fine:
            raise _unreadable(at, "this does not belong in a binary patch")
    if is_inside or not lines:
        raise _unreadable(number + len(lines), "the binary patch ends early")


def _hunks_of(body: bytes, number: int) -> tuple[Hunk, ...]:
    if not body:
        return ()
    lines = text_of(body).replace("\r\n", "\n").split("\n")[:-1]
    hunks: list[Hunk] = []
    at = 0
    old_free = new_free = 0  # the first lines that no hunk covers yet
    while at < len(lines):
        found = _HUNK.fullmatch(lines[at])
        if found is None:
            raise _unreadable(number + at, "neither a hunk nor a file begins here")
        hunk, end = _hunk_of(found, lines, at, number)
        if hunk.old_start + (not hunk.old_count) < old_free or hunk.new_start + (not hunk.new_count) < new_free:
            raise _unreadable(number + at, "this hunk begins before the one above it ends")
        old_free = hunk.old_start + hunk.old_count
        new_free = hunk.new_start + hunk.new_count
        hunks.append(hunk)
        at = end
    return tuple(hunks)


def _hunk_of(found: re.Match[str], lines: Sequence[str], at: int, number: int) -> tuple[Hunk, int]:
    """The hunk whose head is at `at`, and the place after it; `number` is the diff's line of `lines[0]`."""
    old, new = int(found[1]), int(found[3])
    old_count, new_count = int(found[2] or 1), int(found[4] or 1)
    old_end, new_end = old + old_count, new + new_count
    hunk_lines: list[Line] = []
    end = at + 1
    while old < old_end or new < new_end:
        if end == len(lines):
            raise _unreadable(number + end, "the hunk ends early")
        raw = lines[end]
        mark = raw[:1]
        if mark == "+":
            hunk_lines.append(Line(kind=LineKind.ADDED, old=None, new=new, text=raw[1:]))
            new += 1
        elif mark == "-":
            hunk_lines.append(Line(kind=LineKind.REMOVED, old=old, new=None, text=raw[1:]))
            old += 1
        elif mark in (" ", ""):  # an empty line: a context line of diff.suppressBlankEmpty
            hunk_lines.append(Line(kind=LineKind.CONTEXT, old=old, new=new, text=raw[1:]))
            old += 1
            new += 1
        elif mark != "\\" or not hunk_lines:
            raise _unreadable(number + end, "this is not a line of a hunk")
        end += 1
    if old != old_end or new != new_end:
        raise _unreadable(number + at, "the hunk does not have as many lines as it says")
    if end < len(lines) and lines[end].startswith("\\ "):  # "No newline at end of file", in git's language
        end += 1
    hunk = Hunk(
        old_start=old_end - old_count,
        old_count=old_count,
        new_start=new_end - new_count,
        new_count=new_count,
        section=found[5] or "",
        lines=tuple(hunk_lines),
    )
    return hunk, end


def _check_complete(header: _Header, hunks: Sequence[Hunk]) -> None:
    """A file without hunks must say another way what happened to it."""
    facts = header.facts
    if header.is_binary and hunks:
        raise _unreadable(header.number, "a binary file has hunks")
    if header.is_binary or hunks:
        return
    ids = _index_of(header)
    if ids is None:
        is_told = b"new mode" in facts or b"rename from" in facts or b"copy from" in facts
    elif b"new file mode" in facts:
        is_told = _is_empty(ids[1])
    else:
        is_told = b"deleted file mode" in facts and _is_empty(ids[0])
    if not is_told or b"---" in facts:
        raise _unreadable(header.number, "this file's hunks are missing")


def _index_of(header: _Header) -> tuple[bytes, bytes, bytes] | None:
    """Both blob ids and the mode, which is empty if it changed; None if the header names none."""
    value = header.facts.get(b"index")
    if value is None:
        return None
    found = _INDEX.fullmatch(value)
    if found is None:
        raise _unreadable(header.number, "the index line has no two object ids")
    return found[1], found[2], found[3] or b""


def _is_empty(blob: bytes) -> bool:
    return any(known.startswith(blob) for known in _EMPTY_BLOBS) or not blob.strip(b"0")


def _file_diff(header: _Header, hunks: tuple[Hunk, ...]) -> FileDiff:
    action = _action_of(header)
    old_path, new_path = _paths_of(header, action)
    old_mode, new_mode = _modes_of(header, action)
    kind = {SYMLINK_MODE: FileKind.SYMLINK, SUBMODULE_MODE: FileKind.SUBMODULE}.get(new_mode or old_mode)
    is_moved = action in (Action.RENAMED, Action.COPIED)
    return FileDiff(
        path=old_path if action is Action.DELETED else new_path,
        old_path=old_path if is_moved else None,
        action=action,
        kind=kind or (FileKind.BINARY if header.is_binary else FileKind.TEXT),
        old_mode=old_mode,
        new_mode=new_mode,
        hunks=hunks,
    )


def _action_of(header: _Header) -> Action:
    named = {
        b"new file mode": Action.ADDED,
        b"deleted file mode": Action.DELETED,
        b"rename from": Action.RENAMED,
        b"copy from": Action.COPIED,
    }
    found = [action for keyword, action in named.items() if keyword in header.facts]
    if len(found) > 1:
        raise _unreadable(header.number, f"the file is both {found[0]} and {found[1]}")
    return found[0] if found else Action.MODIFIED


def _modes_of(header: _Header, action: Action) -> tuple[str, str]:
    facts = header.facts
    ids = _index_of(header)
    kept = ids[2] if ids else b""
    old = facts.get(b"deleted file mode", facts.get(b"old mode", kept))
    new = facts.get(b"new file mode", facts.get(b"new mode", kept))
    if not all(re.fullmatch(rb"[0-7]{6}|", mode) for mode in (old, new)):
        raise _unreadable(header.number, "a mode is not six octal digits")
    return ("" if action is Action.ADDED else old.decode(), "" if action is Action.DELETED else new.decode())


def _paths_of(header: _Header, action: Action) -> tuple[str, str]:
    """The old and the new path; both are given even where only one exists."""
    facts, number = header.facts, header.number
    if action in (Action.RENAMED, Action.COPIED):
        verb = b"rename" if action is Action.RENAMED else b"copy"
        if verb + b" to" not in facts:
            raise _unreadable(number, "the new name is missing")
        names = (_unquoted(facts[verb + b" from"], number), _unquoted(facts[verb + b" to"], number))
    elif b"---" in facts and b"+++" in facts:
        names = _from_marks(header, action)
    else:
        names = _from_git_line(header)
    old, new = (name.decode("utf-8", "surrogateescape") for name in names)
    if not old or not new:
        raise _unreadable(number, "the file has no name")
    return old, new


def _from_marks(header: _Header, action: Action) -> tuple[bytes, bytes]:
    """The names of the `---` and `+++` lines, after which git puts a tab if they hold a space."""
    old, new = header.facts[b"---"].removesuffix(b"\t"), header.facts[b"+++"].removesuffix(b"\t")
    if (old == b"/dev/null") != (action is Action.ADDED) or (new == b"/dev/null") != (action is Action.DELETED):
        raise _unreadable(header.number, "the names do not fit what happens to the file")
    first = b"" if action is Action.ADDED else _bare(old, b"a/", header.number)
    second = b"" if action is Action.DELETED else _bare(new, b"b/", header.number)
    if first and second and first != second:
        raise _unreadable(header.number, "the names differ without a rename")
    return first or second, second or first


def _from_git_line(header: _Header) -> tuple[bytes, bytes]:
    """The name that stands twice in `diff --git a/NAME b/NAME`; spaces in it are not quoted."""
    line = header.git_line
    quoted = _QUOTED.match(line)
    middle = quoted.end() if quoted else len(line) // 2
    old, new = _bare(line[:middle], b"a/", header.number), _bare(line[middle + 1 :], b"b/", header.number)
    if old != new or line[middle : middle + 1] != b" ":
        raise _unreadable(header.number, "the file's two names are not equal")
    return old, new


def _bare(name: bytes, prefix: bytes, number: int) -> bytes:
    plain = _unquoted(name, number)
    if not plain.startswith(prefix):
        raise _unreadable(number, f"a name does not begin with {prefix.decode()}")
    return plain[len(prefix) :]


def _unquoted(name: bytes, number: int) -> bytes:
    """The name without git's C-style quotes, if it has them."""
    if not name.startswith(b'"'):
        return name
    if not _QUOTED.fullmatch(name):
        raise _unreadable(number, "a quoted name does not end")

    def letter(found: re.Match[bytes]) -> bytes:
        code = found[1]
        if len(code) == 3:
            return bytes([int(code, 8)])
        if code not in _LETTERS and code not in (b'"', b"\\"):
            raise _unreadable(number, "a quoted name has an unknown escape")
        return _LETTERS.get(code, code)

    return _ESCAPE.sub(letter, name[1:-1])


def _joined(files: Sequence[FileDiff]) -> tuple[FileDiff, ...]:
    """The files with a deletion and the creation of the same path that follows it made one."""
    joined: list[FileDiff] = []
    for file in files:
        last = joined[-1] if joined else None
        is_retyped = last and (last.path, last.action, file.action) == (file.path, Action.DELETED, Action.ADDED)
        if last and is_retyped:
            joined[-1] = _retyped(last, file)
        else:
            joined.append(file)
    paths = [file.path for file in joined]
    if len(set(paths)) != len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise SourceError(f"The diff cannot be read: it has {twice!r} twice.")
    return tuple(joined)


def _retyped(old: FileDiff, new: FileDiff) -> FileDiff:
    """One file diff of a path that became another kind of thing; its kind is the new one."""
    removed = old.hunks[0] if old.hunks else Hunk(old_start=0, old_count=0, new_start=0, new_count=0, lines=())
    added = new.hunks[0] if new.hunks else Hunk(old_start=0, old_count=0, new_start=0, new_count=0, lines=())
    hunk = replace(
        removed, new_start=added.new_start, new_count=added.new_count, lines=removed.lines + added.lines, section=""
    )
    has_hunk = bool(hunk.lines) and new.kind is not FileKind.BINARY
    return replace(
        new, action=Action.MODIFIED, old_mode=old.old_mode, new_mode=new.new_mode, hunks=(hunk,) if has_hunk else ()
    )
