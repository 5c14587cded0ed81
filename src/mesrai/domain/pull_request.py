"""A pull request on a forge, and what happens to it."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryName:
    """One project on a forge."""

    forge: str  # host, such as github.com
    owner: str
    name: str

    @property
    def path(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    def __str__(self) -> str:
        return f"{self.forge}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account on a forge."""

    id: int
    login: str
    is_bot: bool = False


class Lifecycle(StrEnum):
    """Whether a pull request can still be reviewed."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A proposal to merge one branch into another, as it stands now."""

    repository: RepositoryName
    number: int
    title: str
    body: str
    author: Person
    lifecycle: Lifecycle
    is_draft: bool
    head_sha: str
    head_ref: str
    base_sha: str  # may lag behind the branch
    base_ref: str
    is_fork: bool  # the head lies in another repository
    default_branch: str
    labels: tuple[str, ...] = ()


class EventKind(StrEnum):
    """What a forge told us, as far as we act on it."""

    OPENED = "opened"  # also reopened, and ready for review
    PUSHED = "pushed"  # new commits on the pull request
    EDITED = "edited"  # title or base changed
    CLOSED = "closed"  # or merged
    COMMENTED = "commented"  # in the conversation, or in a thread on a line
    RERUN = "rerun"  # somebody asked the forge to run our check again
    CONNECTED = "connected"  # the app was installed, or repositories were added
    DISCONNECTED = "disconnected"
    PING = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What a person wrote."""

    id: int
    author: Person
    body: str
    thread: int | None = None  # the first comment of the thread on a line it stands in; None: the conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a forge told us. It is a hint: what counts is read again from the forge."""

    kind: EventKind
    delivery: str  # the same when it is told again
    repository: RepositoryName | None = None
    number: int | None = None  # of the pull request
    installation: int | None = None  # under which our app reaches the repository
    sender: Person | None = None
    head_sha: str = ""
    before_sha: str = ""  # of a push: the head it replaced
    comment: Comment | None = None
    repositories: tuple[RepositoryName, ...] = ()  # those connected or disconnected; empty: all of the installation
