"""What the stand-in remembers: people, repositories, pull requests and what was said on them."""

from dataclasses import dataclass, field

from tests.github.git_store import GitStore

ROLES = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(kw_only=True)
class User:
    """An account."""

    id: int
    login: str
    is_bot: bool = False
    is_organisation: bool = False

    @property
    def kind(self) -> str:
        return "Bot" if self.is_bot else "Organization" if self.is_organisation else "User"


@dataclass(kw_only=True)
class App:
    """A GitHub App."""

    id: int
    client_id: str
    slug: str
    name: str
    owner: User
    bot: User
    private_key: str = field(repr=False)  # PEM
    public_key: str = field(repr=False)
    permissions: dict[str, str]
    events: list[str]
    created: str


@dataclass(kw_only=True)
class Installation:
    """An App, installed for an owner's repositories."""

    id: int
    app: App
    account: User
    repositories: set[int]
    permissions: dict[str, str]
    created: str


@dataclass(kw_only=True)
class Token:
    """A credential given out."""

    text: str = field(repr=False)
    user: User
    installation: Installation | None = None  # None: somebody's own
    repositories: set[int] | None = None  # None: all that the user or the installation reaches
    permissions: dict[str, str] | None = None  # None: all that the user may do
    expires: float | None = None  # on time.time()'s clock
    is_revoked: bool = False


@dataclass(kw_only=True)
class Repository:
    """A project, with its git repository."""

    id: int
    owner: User
    name: str
    store: GitStore = field(repr=False)
    default_branch: str
    is_private: bool
    created: str
    parent: "Repository | None" = None
    roles: dict[str, str] = field(default_factory=dict)  # by login
    is_gone: bool = False
    old_paths: list[str] = field(default_factory=list)  # before it was renamed, or went to another owner
    next_number: int = 1

    @property
    def path(self) -> str:
        return f"{self.owner.login}/{self.name}"


@dataclass(kw_only=True)
class Pull:
    """A pull request."""

    id: int
    number: int
    repository: Repository
    head_repository: Repository
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    title: str
    body: str | None
    author: User
    created: str
    updated: str
    is_draft: bool = False
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    closed: str | None = None
    merged: str | None = None
    merged_by: User | None = None
    merge_sha: str | None = None
    heads: list[str] = field(default_factory=list)  # all that it ever had


@dataclass(kw_only=True)
class IssueComment:
    """A comment in a conversation."""

    id: int
    pull: Pull
    user: User
    body: str
    created: str
    updated: str
    app: App | None = None


@dataclass(kw_only=True)
class Review:
    """A review; its comments point to it."""

    id: int
    pull: Pull
    user: User
    body: str
    state: str
    commit: str
    submitted: str | None


@dataclass(kw_only=True)
class ReviewComment:
    """A comment on lines of the change, or on a file of it."""

    id: int
    pull: Pull
    review: Review
    user: User
    body: str
    path: str
    commit: str  # for which the lines were named
    merge_base: str
    diff_hunk: str
    side: str
    line: int | None  # None: on the file
    start_line: int | None
    start_side: str | None
    created: str
    updated: str
    reply_to: int | None = None

    @property
    def subject(self) -> str:
        return "file" if self.line is None else "line"

    @property
    def root(self) -> int:
        """The first comment of its thread."""
        return self.reply_to or self.id


@dataclass(kw_only=True)
class Reacted:
    """A reaction to something: ("issues", pull id), ("comments", id) or ("pulls", review comment id)."""

    id: int
    user: User
    content: str
    on: tuple[str, int]
    created: str


@dataclass(kw_only=True)
class CheckRun:
    """A check on a commit."""

    id: int
    repository: Repository
    app: App
    suite: int
    name: str
    sha: str
    status: str
    conclusion: str | None
    started: str | None
    completed: str | None
    external_id: str
    details_url: str | None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, object]] = field(default_factory=list)


@dataclass(kw_only=True)
class CommitStatus:
    """A status set on a commit."""

    id: int
    repository: Repository
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created: str
