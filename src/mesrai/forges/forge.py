"""The contracts: Source and Tree for reading a change, Forge for a code host that one can also speak to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mesrai.domain.change import At, Change
from mesrai.domain.diff import Side
from mesrai.domain.pull_request import Comment, Person, PullRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A line that a search found."""

    path: str
    line: int  # 1-based
    text: str  # cut to 400 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A commit that touched a line."""

    commit: str
    date: str  # ISO 8601
    subject: str


class Tree(Protocol):
    """The whole tree at the head revision, for looking around. Read-only and bounded.

    Paths are relative to the repository's root, with slashes; one that leaves the tree, or is a symlink or
    submodule, does not exist here. Errors: SourceError.
    """

    async def paths(self) -> Sequence[str]:
        """All tracked paths (and, in a working tree, the untracked ones that are not ignored), sorted."""
        ...

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
        """Lines that contain `text` (as a whole word if `word`; an extended regular expression if `regex`).

        Only in files below the folder `under`, and with one of the `endings` such as ".py", if any are given.
        """
        ...

    async def history(self, path: str, line: int, *, most: int = 5) -> Sequence[LogEntry]:
        """The commits that last touched a line, newest first; empty for a line that is not committed."""
        ...


class Source(Protocol):
    """Where a change and its files are read from.

    Errors of every method: SourceError; and ForgeError where files are read through a code host's interface.
    """

    @property
    def tree(self) -> Tree | None:
        """A way to look around at the head revision, or None where the source cannot offer one."""
        ...

    async def change(self) -> Change:
        """The change under review."""
        ...

    async def file(self, path: str, at: At) -> bytes | None:
        """A file's bytes at one end of the change, or at its target; None if there is no regular file of that name,
        or it is larger than 4 MiB.
        """
        ...

    async def below(self, folder: str, at: At) -> Sequence[str]:
        """The paths of all regular files below a folder, sorted, at one end of the change or at its target."""
        ...


class Files(Protocol):
    """The files of a repository as they are at one commit. Errors of every method: SourceError, ForgeError."""

    @property
    def name(self) -> str:
        """What stands before a path where people are told of it, such as `owner/name`; may be empty."""
        ...

    async def file(self, path: str) -> bytes | None:
        """A file's bytes; None if there is no regular file of that name, or it is larger than 4 MiB."""
        ...

    async def below(self, folder: str) -> Sequence[str]:
        """The paths of all regular files below a folder, sorted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineComment:
    """A comment to be put on lines of the change."""

    path: str
    side: Side
    first_line: int  # on that side; equal to last_line for one line
    last_line: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of one inline comment."""

    comment: InlineComment
    id: int | None  # None: the forge would not take it there
    reason: str = ""  # why not, in the forge's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A comment of ours or of others on a line, with its replies."""

    id: str  # by which it is resolved
    comments: tuple[Comment, ...]  # the first one began it
    path: str
    line: int | None  # on the new side, as the change stands now; None: outdated
    is_resolved: bool
    is_outdated: bool  # the lines it stands on are not as they were
    resolved_by: Person | None = None  # None: not resolved, or the forge does not say by whom
    first_line: int | None = None  # of several lines, of which `line` is the last; None: only one, or outdated


class Verdict(StrEnum):
    """What a review says of the whole pull request."""

    COMMENT = "comment"
    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"


class Reaction(StrEnum):
    """The state of a review, shown as a reaction."""

    STARTED = "rocket"
    DONE = "hooray"
    SKIPPED = "eyes"
    FAILED = "confused"


class Conclusion(StrEnum):
    """How a check ends. Only a whole review that found nothing severe is `success`."""

    SUCCESS = "success"
    NEUTRAL = "neutral"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One line of a check's list of findings."""

    path: str
    first_line: int
    last_line: int
    level: str  # notice, warning or failure
    title: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The state of our check on a commit."""

    sha: str
    title: str
    summary: str
    conclusion: Conclusion | None = None  # None: it runs still
    annotations: tuple[Annotation, ...] = ()


class Forge(Protocol):
    """One repository on a code host, under credentials that reach that repository only.

    Errors of every method: ForgeAuth, ForgeNotFound, ForgeRejected, ForgeRateLimited, ForgeUnavailable. Nothing here
    repeats a request that may have had an effect; whoever calls first looks at what stands there.
    """

    async def me(self) -> Person:
        """Who we are there, so that our own events and comments are known."""
        ...

    async def pull_request(self, number: int) -> PullRequest:
        """A pull request as it stands now."""
        ...

    async def may_write(self, login: str) -> bool:
        """Whether a person may write to the repository, asked at this moment."""
        ...

    async def may_administer(self, login: str) -> bool:
        """Whether a person may maintain or administer the repository, asked at this moment."""
        ...

    async def threads(self, number: int) -> Sequence[Thread]:
        """All threads on lines, with their replies."""
        ...

    async def comments(self, number: int) -> Sequence[Comment]:
        """All comments of the conversation."""
        ...

    async def post_review(
        self, number: int, *, sha: str, verdict: Verdict, body: str, comments: Sequence[InlineComment]
    ) -> Sequence[Posted]:
        """Post one review on a commit. A comment that the forge will not take there costs none of the others."""
        ...

    async def post_comment(self, number: int, body: str) -> int:
        """Comment in the conversation; the comment's id."""
        ...

    async def edit_comment(self, comment: int, body: str) -> None:
        """Put another text into a comment of ours in the conversation."""
        ...

    async def reply(self, number: int, *, thread: int, body: str) -> int:
        """Answer in a thread on a line, named by its first comment; the answer's id."""
        ...

    async def resolve(self, thread: Thread) -> None:
        """Mark a thread as settled."""
        ...

    async def describe(self, number: int, body: str) -> None:
        """Replace the pull request's description."""
        ...

    async def verdict(self, number: int) -> Verdict | None:
        """Our approval or request for changes that counts now; None if there is none, or it was dismissed."""
        ...

    async def withdraw(self, number: int, reason: str) -> None:
        """Take that verdict back, with a sentence that says why."""
        ...

    async def react(self, number: int, reaction: Reaction, *, comment: int | None = None) -> None:
        """Show a state on the pull request or on a comment, in place of the one we showed before."""
        ...

    async def put_check(self, check: Check, *, id: int | None = None) -> int | None:  # noqa: A002 - the forge's word
        """Bring the check with that id up to date, or else ours that stands on the commit, or else make one; its id.

        None: these credentials may not make checks, and a commit status was set instead.
        """
        ...
