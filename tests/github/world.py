"""The stand-in's whole memory, and the things that can happen in it."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.github.diffs import Difference, difference
from tests.github.git_store import GitStore, Log
from tests.github.records import (
    App,
    CheckRun,
    CommitStatus,
    Installation,
    IssueComment,
    Pull,
    Reacted,
    Repository,
    Review,
    ReviewComment,
    Token,
    User,
)

APP_PERMISSIONS = {
    "metadata": "read",
    "contents": "read",
    "pull_requests": "write",
    "checks": "write",
    "statuses": "write",
    "issues": "write",
}
ACTIONS_PERMISSIONS = {**APP_PERMISSIONS}


@dataclass(kw_only=True)
class Emitted:
    """Something that happened, as the webhooks tell it."""

    event: str
    payload: dict[str, Any]


@lru_cache(maxsize=1)
def key_pair() -> tuple[str, str]:
    """A private and a public key in PEM; one per process, for making one costs a tenth of a second."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@dataclass(kw_only=True)
class World:
    """All of it. Whoever reads or changes it holds `lock`."""

    folder: Path
    root: str = ""  # where the stand-in is reached; known once it listens
    lock: threading.RLock = field(default_factory=threading.RLock)
    users: dict[str, User] = field(default_factory=dict)
    apps: list[App] = field(default_factory=list)
    installations: list[Installation] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)
    repositories: list[Repository] = field(default_factory=list)
    pulls: list[Pull] = field(default_factory=list)
    comments: list[IssueComment] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    review_comments: list[ReviewComment] = field(default_factory=list)
    resolved: dict[int, User] = field(default_factory=dict)  # threads, by their first comment: who settled them
    reactions: list[Reacted] = field(default_factory=list)
    checks: list[CheckRun] = field(default_factory=list)
    statuses: list[CommitStatus] = field(default_factory=list)
    emit: Callable[[Emitted], None] = lambda _: None
    token_life_s: float = 3600.0
    stateless_tokens: bool = False  # the long form that GitHub gives out since 2026
    most_tree_entries: int = 100_000  # past which a tree is cut, and says so
    resolving_needs: str = "pull_requests"  # some report that apps need "contents" (write) to settle a thread
    manifest_codes: set[str] = field(default_factory=set)  # each is good for one conversion into the first App
    manifest_secret: str = "made-by-github-of-the-manifest"
    ids: Iterator[int] = field(default_factory=lambda: count(1001))
    _differences: dict[tuple[str, str, str], Difference] = field(default_factory=dict)
    _merge_bases: dict[tuple[str, str], str] = field(default_factory=dict)
    _commits: dict[tuple[str, str], list[Log]] = field(default_factory=dict)

    def new_id(self) -> int:
        return next(self.ids)

    @staticmethod
    def now() -> str:
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    # People and credentials

    def user(self, login: str, *, is_bot: bool = False, is_organisation: bool = False) -> User:
        """The account of that name, made if it is new."""
        if login not in self.users:
            made = User(id=self.new_id(), login=login, is_bot=is_bot, is_organisation=is_organisation)
            self.users[login] = made
        return self.users[login]

    def new_app(self, slug: str, permissions: dict[str, str], events: list[str]) -> App:
        private, public = key_pair()
        app = App(
            id=self.new_id(),
            client_id=f"Iv23li{slug[:10]}",
            slug=slug,
            name=slug.capitalize(),
            owner=self.user("acme", is_organisation=True),
            bot=self.user(f"{slug}[bot]", is_bot=True),
            private_key=private,
            public_key=public,
            permissions=permissions,
            events=events,
            created=self.now(),
        )
        self.apps.append(app)
        return app

    def install(self, app: App, repository: Repository) -> Installation:
        """Install the app for the repository too, in the installation of its owner."""
        found = self.installation_of(app, repository.owner)
        if found is None:
            found = Installation(
                id=self.new_id(),
                app=app,
                account=repository.owner,
                repositories=set(),
                permissions=dict(app.permissions),
                created=self.now(),
            )
            self.installations.append(found)
        found.repositories.add(repository.id)
        return found

    def installation_of(self, app: App, account: User) -> Installation | None:
        return next((each for each in self.installations if each.app is app and each.account is account), None)

    def give_token(self, token: Token) -> Token:
        self.tokens[token.text] = token
        return token

    def token_text(self, app: App) -> str:
        """A new installation token, as long as GitHub's are."""
        if not self.stateless_tokens:
            return f"ghs_{uuid.uuid4().hex}{uuid.uuid4().hex[:4]}"
        claims = {"iss": "github", "jti": uuid.uuid4().hex, "pad": uuid.uuid4().hex * 4, "at": time.time()}
        return f"ghs_{app.id}_{jwt.encode(claims, app.private_key, algorithm='RS256')}"

    # Repositories and pull requests

    def repository(self, owner: str, name: str) -> Repository | None:
        """Names are compared without regard to case, as on GitHub."""
        wanted = f"{owner}/{name}".lower()
        return next((each for each in self.repositories if each.path.lower() == wanted and not each.is_gone), None)

    def followed(self, owner: str, name: str) -> Repository | None:
        """The project of that name now, or before."""
        found = self.repository(owner, name)
        return found or next((each for each in self.repositories if f"{owner}/{name}" in each.old_paths), None)

    def new_repository(self, owner: User, name: str, **changes: Any) -> Repository:
        store = GitStore(self.folder / owner.login / f"{name}.git")
        made = Repository(
            id=self.new_id(),
            owner=owner,
            name=name,
            store=store,
            default_branch="main",
            created=self.now(),
            **{"is_private": True, **changes},
        )
        if not owner.is_organisation:
            made.roles[owner.login] = "admin"
        self.repositories.append(made)
        return made

    def pull(self, repository: Repository, number: int) -> Pull | None:
        return next((p for p in self.pulls if p.repository is repository and p.number == number), None)

    def open_pull(self, repository: Repository, **fields: Any) -> Pull:
        now = self.now()
        number = repository.next_number
        repository.next_number += 1
        pull = Pull(
            id=self.new_id(),
            number=number,
            repository=repository,
            created=now,
            updated=now,
            head_sha="",
            base_sha="",
            **fields,
        )
        self.pulls.append(pull)
        self.follow(pull)
        return pull

    def follow(self, pull: Pull) -> None:
        """Bring a pull request up to date with its branches, and its refs with it."""
        head = pull.head_repository.store.sha(f"refs/heads/{pull.head_ref}")
        base = pull.repository.store.sha(f"refs/heads/{pull.base_ref}")
        assert head, f"no branch {pull.head_ref}"
        assert base, f"no branch {pull.base_ref}"
        if not pull.base_sha:
            pull.base_sha = base
        if head != pull.head_sha:
            pull.repository.store.take(pull.head_repository.store, head, f"refs/pull/{pull.number}/head")
            pull.head_sha, pull.base_sha = head, base
            pull.heads.append(head)
        pull.updated = self.now()

    def role(self, repository: Repository, user: User) -> str:
        """What a person may do there. Bots have no role of their own."""
        return repository.roles.get(user.login, "none" if repository.is_private or user.is_bot else "read")

    def difference(self, repository: Repository, old: str, new: str) -> Difference:
        """Between two commits; kept, for commits never change."""
        key = (str(repository.store.path), old, new)
        if key not in self._differences:
            self._differences[key] = difference(repository.store, old, new)
        return self._differences[key]

    def merge_base(self, pull: Pull, head: str = "") -> str:
        """Where the pull request (or an earlier commit of it) left its base; kept, as differences are."""
        ends = (pull.base_sha, head or pull.head_sha)
        if ends not in self._merge_bases:
            self._merge_bases[ends] = pull.repository.store.merge_base(*ends)
        return self._merge_bases[ends]

    def commits(self, pull: Pull) -> list[Log]:
        """The commits of a pull request, oldest first."""
        ends = (self.merge_base(pull), pull.head_sha)
        if ends not in self._commits:
            self._commits[ends] = pull.repository.store.log(*ends)
        return self._commits[ends]

    def change(self, pull: Pull, head: str = "") -> Difference:
        """What the pull request changes: its merge base to its head (or to an earlier commit of it)."""
        return self.difference(pull.repository, self.merge_base(pull, head), head or pull.head_sha)

    def stands_at(self, comment: ReviewComment) -> tuple[int, int | None] | None:
        """The line (and first line) of a comment as the change stands now, or None: outdated.

        Each of its lines must have come through unchanged and still be within the change.
        """
        if comment.line is None:
            return None
        pull = comment.pull
        if comment.side == "RIGHT":
            old, new = comment.commit, pull.head_sha
        else:
            old, new = comment.merge_base, self.merge_base(pull)
        first = comment.start_line or comment.line
        now: list[int] = []
        path = comment.path
        if old != new:
            moved = self.difference(pull.repository, old, new).from_old(comment.path)
            path = moved.path if moved else path
            places = [moved.moved(n) if moved else n for n in range(first, comment.line + 1)]
        else:
            places = list(range(first, comment.line + 1))
        file = self.change(pull).file(path)
        for place in places:
            if place is None or file is None or (comment.side, place) not in file.anchors:
                return None
            now.append(place)
        return now[-1], now[0] if comment.start_line else None
