"""Find the commits that last touched a line, within a bounded time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mesrai.errors import SourceError
from mesrai.forges.forge import LogEntry
from mesrai.forges.git import Git

_BLAME_S = 15.0
_FURTHER_S = 5.0
_SECONDS = re.compile(r"-?[0-9]{1,20}")
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # the years 1 and 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blamed:
    """The commit that last touched a line, and where the line was in it."""

    entry: LogEntry
    path: str
    line: int


async def blame_commit(git: Git, commit: str, path: str, line: int, *, most: int) -> Sequence[LogEntry]:
    """The last commits up to `commit` that touched the line, newest first. Errors: SourceError."""
    out = await git.run(*_blame(line), commit, "--", path, most_s=_BLAME_S)
    return await _further_back(git, _blamed_in(out), most)


async def blame_text(git: Git, content: bytes, path: str, line: int, *, most: int) -> Sequence[LogEntry]:
    """The same for a line of text that stands at `path` on top of HEAD; empty if HEAD does not have the line.

    Errors: SourceError.
    """
    known = await git.ask("ls-tree", "-z", "HEAD", "--", path, accept=(0, 128))  # 128: there is no commit yet
    if not known.out:
        return ()
    out = await git.run(*_blame(line), "--contents", "-", "--", path, stdin=content, most_s=_BLAME_S)
    return await _further_back(git, _blamed_in(out), most)


def _blame(line: int) -> tuple[str, ...]:
    # A configured file of revisions to ignore need not exist here, and git would fail.
    return ("blame", "--porcelain", "--no-textconv", "--no-ignore-revs-file", f"-L{line},{line}")


def _blamed_in(out: bytes) -> _Blamed | None:
    """Of the one line: its commit, its old and new number; then facts; then the text after a tab."""
    head, *lines = out.decode("utf-8", "replace").split("\n")
    commit, old_line, *_ = head.split(" ")
    if not commit.strip("0"):
        return None
    facts = dict(line.partition(" ")[::2] for line in lines if not line.startswith("\t"))
    entry = LogEntry(commit=commit, date=_date(facts["author-time"]), subject=facts["summary"])
    return _Blamed(entry=entry, path=facts["filename"], line=int(old_line))


async def _further_back(git: Git, blamed: _Blamed | None, most: int) -> Sequence[LogEntry]:
    if blamed is None:
        return ()
    options = ("--no-patch", "-z", "--no-color", "--no-show-signature", "--no-ext-diff", "--no-textconv")
    span = f"-L{blamed.line},{blamed.line}:{blamed.path}"
    try:
        out = await git.run(
            "log", *options, "--format=%H%x1f%at%x1f%s", f"-{most}", span, blamed.entry.commit, most_s=_FURTHER_S
        )
    except SourceError:
        return (blamed.entry,)  # a long history, or a name that git quotes: what is known is enough
    records = [record.split("\x1f") for record in out.decode("utf-8", "replace").split("\0") if record.strip()]
    return [
        LogEntry(commit=commit, date=_date(time), subject="\x1f".join(subject)) for commit, time, *subject in records
    ]


def _date(seconds: str) -> str:
    """When it was, as whoever made the commit says: of what no calendar holds, its nearest end."""
    said = int(seconds) if _SECONDS.fullmatch(seconds) else 0
    return datetime.fromtimestamp(min(max(said, _FIRST), _LAST), UTC).isoformat()
