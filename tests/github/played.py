"""Repositories and pull requests as a test plays with them: what people do there, and what stands there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.github import told
from tests.github.git_store import Content, GitStore
from tests.github.records import (
    App,
    CheckRun,
    CommitStatus,
    IssueComment,
    Pull,
    Reacted,
    Repository,
    Review,
    ReviewComment,
    User,
)
from tests.github.world import World


@dataclass(frozen=True, kw_only=True)
class PlayedRepository:
    """A project."""

    world: World = field(repr=False)
    record: Repository

    @property
    def path(self) -> str:
        return self.record.path

    @property
    def store(self) -> GitStore:
        """Its git repository."""
        return self.record.store

    @property
    def clone_url(self) -> str:
        return f"{self.world.root}/{self.path}.git"

    @property
    def head(self) -> str:
        """The newest commit of the default branch."""
        found = self.store.sha(f"refs/heads/{self.record.default_branch}")
        assert found is not None
        return found

    def grant(self, login: str, role: str) -> User:
        """Give a person a role: none, read, triage, write, maintain or admin."""
        with self.world.lock:
            user = self.world.user(login)
            self.record.roles[login] = role
            return user

    def install(self, app: App | None = None) -> None:
        """Install the app (ours, if none is named) here, and tell."""
        with self.world.lock:
            chosen = app or self.world.apps[0]
            is_new = self.world.installation_of(chosen, self.record.owner) is None
            installation = self.world.install(chosen, self.record)
            sender = self.record.owner
            if is_new:
                told.tell_installation(self.world, installation, "created", sender)
            else:
                told.tell_repositories(self.world, installation, added=[self.record], sender=sender)

    def uninstall(self) -> None:
        """Remove our app from the owner's projects, and tell. Its tokens reach nothing any more."""
        with self.world.lock:
            installation = self.world.installation_of(self.world.apps[0], self.record.owner)
            assert installation is not None, self.path
            told.tell_installation(self.world, installation, "deleted", self.record.owner)
            installation.repositories.clear()
            self.world.installations.remove(installation)

    def vanish(self) -> None:
        """The project is deleted."""
        with self.world.lock:
            self.record.is_gone = True

    def rename(self, name: str) -> None:
        """Give it another name; whoever asks under the old one is sent on."""
        with self.world.lock:
            self.record.old_paths.append(self.record.path)
            self.record.name = name

    def push(self, files: Mapping[str, Content], *, branch: str = "main", author: str = "ada") -> str:
        """Put a commit on a branch, and tell; its sha."""
        with self.world.lock:
            before = self.store.sha(f"refs/heads/{branch}")
            assert before is not None, branch
            after = self.store.commit(branch, files)
            told.tell_push(self.world, self.record, branch, before, after, self.world.user(author))
            return after

    def branch(self, name: str, *, at: str = "") -> None:
        """A new branch, at a commit or at the default branch's head."""
        self.store.point(f"refs/heads/{name}", at or self.head)

    def fork(self, owner: str) -> "PlayedRepository":
        """A person's copy of it."""
        with self.world.lock:
            account = self.world.user(owner)
            made = self.world.new_repository(
                account, self.record.name, parent=self.record, is_private=self.record.is_private
            )
            made.store.take(self.store, self.head, f"refs/heads/{made.default_branch}")
            return PlayedRepository(world=self.world, record=made)

    def open_pull_request(
        self,
        branch: str,
        files: Mapping[str, Content],
        *,
        title: str = "A change",
        body: str | None = None,
        author: str = "ada",
        is_draft: bool = False,
        base: str = "main",
        fork: "PlayedRepository | None" = None,
    ) -> "PlayedPull":
        """A pull request with one commit on a new branch, here or in a fork; and tell."""
        with self.world.lock:
            head = fork or self
            start = self.store.sha(f"refs/heads/{base}")
            assert start is not None, base
            head.store.take(self.store, start, f"refs/heads/{branch}")
            head.store.commit(branch, files)
            return head.open_branch(
                branch, into=self, title=title, body=body, author=author, is_draft=is_draft, base=base
            )

    def open_branch(
        self,
        branch: str,
        *,
        into: "PlayedRepository | None" = None,
        title: str = "A change",
        body: str | None = None,
        author: str = "ada",
        is_draft: bool = False,
        base: str = "main",
    ) -> "PlayedPull":
        """A pull request of a branch that is there, into this project or the one it was forked from; and tell."""
        with self.world.lock:
            record = self.world.open_pull(
                (into or self).record,
                head_repository=self.record,
                head_ref=branch,
                base_ref=base,
                title=title,
                body=body,
                author=self.world.user(author),
                is_draft=is_draft,
            )
            told.tell_pull(self.world, record, "opened", record.author)
            return PlayedPull(world=self.world, record=record)

    @property
    def checks(self) -> list[CheckRun]:
        """All check runs, oldest first."""
        return [each for each in self.world.checks if each.repository is self.record]

    @property
    def statuses(self) -> list[CommitStatus]:
        """All commit statuses, oldest first."""
        return [each for each in self.world.statuses if each.repository is self.record]


@dataclass(frozen=True, kw_only=True)
class PlayedPull:
    """A pull request."""

    world: World = field(repr=False)
    record: Pull

    @property
    def number(self) -> int:
        return self.record.number

    @property
    def head_sha(self) -> str:
        return self.record.head_sha

    # What people do

    def _sender(self, login: str) -> User:
        return self.world.user(login) if login else self.record.author

    def push(self, files: Mapping[str, Content], *, by: str = "") -> str:
        """A further commit; its sha."""
        return self._moved(files, None, by)

    def force_push(self, files: Mapping[str, Content], *, by: str = "") -> str:
        """Replace all commits of the pull request by one on top of the merge base; its sha."""
        return self._moved(files, self.world.merge_base(self.record), by)

    def _moved(self, files: Mapping[str, Content], parent: str | None, by: str) -> str:
        with self.world.lock:
            pull = self.record
            before = pull.head_sha
            pull.head_repository.store.commit(pull.head_ref, files, parent=parent)
            if pull.state != "open":
                return pull.head_sha
            self.world.follow(pull)
            moved = {"before": before, "after": pull.head_sha}
            told.tell_pull(self.world, pull, "synchronize", self._sender(by), **moved)
            return pull.head_sha

    def edit(self, *, title: str | None = None, body: str | None = None, by: str = "") -> None:
        """Change title or description."""
        with self.world.lock:
            changes: dict[str, Any] = {}
            for name, value in (("title", title), ("body", body)):
                if value is not None:
                    changes[name] = {"from": getattr(self.record, name) or ""}
                    setattr(self.record, name, value)
            told.tell_pull(self.world, self.record, "edited", self._sender(by), changes=changes)

    def retarget(self, base: str, *, by: str = "") -> None:
        """Choose another branch to merge into."""
        with self.world.lock:
            pull = self.record
            sha = pull.repository.store.sha(f"refs/heads/{base}")
            assert sha is not None, base
            changes = {"base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}}
            pull.base_ref, pull.base_sha = base, sha
            told.tell_pull(self.world, pull, "edited", self._sender(by), changes=changes)

    def label(self, name: str, *, by: str = "") -> None:
        with self.world.lock:
            self.record.labels.append(name)
            label = {
                "id": 1,
                "node_id": "LA_1",
                "url": f"{self.world.root}/labels/{name}",
                "name": name,
                "description": None,
                "color": "ededed",
                "default": False,
            }
            told.tell_pull(self.world, self.record, "labeled", self._sender(by), label=label)

    def draft(self, *, by: str = "") -> None:
        with self.world.lock:
            self.record.is_draft = True
            told.tell_pull(self.world, self.record, "converted_to_draft", self._sender(by))

    def ready(self, *, by: str = "") -> None:
        with self.world.lock:
            self.record.is_draft = False
            told.tell_pull(self.world, self.record, "ready_for_review", self._sender(by))

    def close(self, *, by: str = "") -> None:
        with self.world.lock:
            self.record.state, self.record.closed = "closed", self.world.now()
            told.tell_pull(self.world, self.record, "closed", self._sender(by))

    def reopen(self, *, by: str = "") -> None:
        with self.world.lock:
            self.record.state, self.record.closed = "open", None
            self.world.follow(self.record)
            told.tell_pull(self.world, self.record, "reopened", self._sender(by))

    def merge(self, *, by: str = "") -> str:
        """Merge it for real; the merge's sha."""
        with self.world.lock:
            pull, user = self.record, self._sender(by)
            before = pull.repository.store.sha(f"refs/heads/{pull.base_ref}")
            assert before is not None
            pull.merge_sha = pull.repository.store.merge(pull.base_ref, pull.head_sha, f"Merge #{pull.number}")
            pull.state, pull.closed, pull.merged, pull.merged_by = "closed", self.world.now(), self.world.now(), user
            told.tell_pull(self.world, pull, "closed", user)
            told.tell_push(self.world, pull.repository, pull.base_ref, before, pull.merge_sha, user)
            return pull.merge_sha

    def say(self, login: str, body: str) -> IssueComment:
        """A comment in the conversation."""
        with self.world.lock:
            now = self.world.now()
            made = IssueComment(
                id=self.world.new_id(),
                pull=self.record,
                user=self.world.user(login),
                body=body,
                created=now,
                updated=now,
            )
            self.world.comments.append(made)
            told.tell_comment(self.world, made, "created")
            return made

    def reply(self, login: str, thread: ReviewComment, body: str) -> ReviewComment:
        """An answer in a thread on a line."""
        with self.world.lock:
            now, user = self.world.now(), self.world.user(login)
            review = Review(
                id=self.world.new_id(),
                pull=self.record,
                user=user,
                body="",
                state="COMMENTED",
                commit=thread.commit,
                submitted=now,
            )
            self.world.reviews.append(review)
            made = ReviewComment(
                id=self.world.new_id(),
                pull=self.record,
                review=review,
                user=user,
                body=body,
                path=thread.path,
                commit=thread.commit,
                merge_base=thread.merge_base,
                diff_hunk=thread.diff_hunk,
                side=thread.side,
                line=thread.line,
                start_line=thread.start_line,
                start_side=thread.start_side,
                created=now,
                updated=now,
                reply_to=thread.root,
            )
            self.world.review_comments.append(made)
            told.tell_review_comment(self.world, made, "created")
            return made

    def settle(self, login: str, thread: ReviewComment) -> None:
        """Somebody resolves a thread."""
        with self.world.lock:
            self.world.resolved[thread.root] = user = self.world.user(login)
            root = next(each for each in self.world.review_comments if each.id == thread.root)
            told.tell_thread(self.world, root, "resolved", user)

    def rerun(self, check: CheckRun, *, by: str = "") -> None:
        """Somebody asks for a check again."""
        with self.world.lock:
            told.tell_check(self.world, check, "rerequested", self._sender(by))

    # What stands there

    @property
    def body(self) -> str | None:
        return self.record.body

    @property
    def comments(self) -> list[IssueComment]:
        """The conversation, oldest first."""
        return [each for each in self.world.comments if each.pull is self.record]

    @property
    def reviews(self) -> list[Review]:
        """All reviews, oldest first; single comments have one each, with an empty body."""
        return [each for each in self.world.reviews if each.pull is self.record]

    @property
    def review_comments(self) -> list[ReviewComment]:
        """All comments on lines and files, oldest first."""
        return [each for each in self.world.review_comments if each.pull is self.record]

    def is_resolved(self, thread: ReviewComment) -> bool:
        return thread.root in self.world.resolved

    def line_of(self, comment: ReviewComment) -> int | None:
        """Where it stands as the change is now; None: outdated."""
        with self.world.lock:
            found = self.world.stands_at(comment)
            return found[0] if found else None

    def reactions(self, comment: IssueComment | ReviewComment | None = None) -> list[Reacted]:
        """Of the pull request, or of a comment."""
        on = ("issues", self.record.id)
        if comment is not None:
            on = ("comments" if isinstance(comment, IssueComment) else "pulls", comment.id)
        return [each for each in self.world.reactions if each.on == on]
