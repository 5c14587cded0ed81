"""A forge in memory for one pull request, which can fail at any write, before or after its effect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from mesrai.domain.pull_request import Comment, Lifecycle, Person, PullRequest, RepositoryName
from mesrai.errors import ForgeNotFound, ForgeRejected
from mesrai.forges.forge import Check, Conclusion, InlineComment, Posted, Reaction, Thread, Verdict

T = TypeVar("T")
ME = Person(id=900, login="mesrai[bot]", is_bot=True)
ADA = Person(id=1, login="ada")  # may write
EVE = Person(id=2, login="eve")  # may not
HEAD, BASE = "a" * 40, "b" * 40


class Crashed(Exception):
    """The process was killed here."""


def a_pull_request(**changes: object) -> PullRequest:
    """An open pull request of Ada's."""
    pull_request = PullRequest(
        repository=RepositoryName(forge="github.com", owner="acme", name="shop"),
        number=7,
        title="Discounts",
        body="Adds discount codes.",
        author=ADA,
        lifecycle=Lifecycle.OPEN,
        is_draft=False,
        head_sha=HEAD,
        head_ref="discounts",
        base_sha=BASE,
        base_ref="main",
        is_fork=False,
        default_branch="main",
    )
    return replace(pull_request, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong at the `at`th write, counted from 1."""

    at: int
    error: Exception
    has_effect: bool = False  # the write was done all the same
    call: str = ""  # only at writes by that method, counted among themselves


@dataclass(slots=True, kw_only=True)
class MemoryForge:
    """See Forge."""

    pull: PullRequest = field(default_factory=a_pull_request)
    who: Person = ME
    writers: set[str] = field(default_factory=lambda: {"ada"})
    administrators: set[str] = field(default_factory=lambda: {"ada"})
    bad_lines: set[tuple[str, int]] = field(default_factory=set)  # that it takes no comment on
    refused_verdicts: set[Verdict] = field(default_factory=set)
    fault: Fault | None = None
    all_threads: list[Thread] = field(default_factory=list)
    conversation: list[Comment] = field(default_factory=list)
    reviews: list[tuple[Verdict, str]] = field(default_factory=list)
    checks: dict[int, Check] = field(default_factory=dict)
    reaction: Reaction | None = None
    reactions: dict[int, Reaction] = field(default_factory=dict)  # on comments
    standing_verdict: Verdict | None = None
    writes: list[str] = field(default_factory=list)
    ids: int = 1000

    async def me(self) -> Person:
        return self.who

    async def pull_request(self, number: int) -> PullRequest:
        return self.pull

    async def may_write(self, login: str) -> bool:
        return login in self.writers

    async def may_administer(self, login: str) -> bool:
        return login in self.administrators

    async def threads(self, number: int) -> Sequence[Thread]:
        return list(self.all_threads)

    async def comments(self, number: int) -> Sequence[Comment]:
        return list(self.conversation)

    async def post_review(
        self, number: int, *, sha: str, verdict: Verdict, body: str, comments: Sequence[InlineComment]
    ) -> Sequence[Posted]:
        if verdict in self.refused_verdicts:
            raise ForgeRejected("You may not approve.", status=422)
        posted = [self._write("post_review", partial(self._put_thread, each)) for each in comments]
        self._write("post_review", lambda: self._give(verdict, body))
        return posted

    async def post_comment(self, number: int, body: str) -> int:
        return self._write("post_comment", lambda: self.say(self.who, body))

    async def edit_comment(self, comment: int, body: str) -> None:
        places = [at for at, each in enumerate(self.conversation) if each.id == comment]
        if not places:
            raise ForgeNotFound
        self._write("edit_comment", lambda: self._edit(places[0], body))

    async def reply(self, number: int, *, thread: int, body: str) -> int:
        return self._write("reply", lambda: self._reply(thread, body))

    async def resolve(self, thread: Thread) -> None:
        self._write("resolve", lambda: self.settle(thread.id, self.who))

    async def describe(self, number: int, body: str) -> None:
        self._write("describe", lambda: self._describe(body))

    async def verdict(self, number: int) -> Verdict | None:
        return self.standing_verdict

    async def withdraw(self, number: int, reason: str) -> None:
        self._write("withdraw", lambda: self._stand(None))

    async def react(self, number: int, reaction: Reaction, *, comment: int | None = None) -> None:
        self._write("react", lambda: self._show(reaction, comment))

    async def put_check(self, check: Check, *, id: int | None = None) -> int | None:  # noqa: A002 - the forge's word
        return self._write("put_check", lambda: self._check(check, id))

    # What others do there.

    def say(self, author: Person, body: str) -> int:
        self.conversation.append(Comment(id=self._id(), author=author, body=body))
        return self.ids

    def answer(self, thread: str, author: Person, body: str) -> None:
        self._change(thread, comment=Comment(id=self._id(), author=author, body=body))

    def settle(self, thread: str, by: Person | None) -> None:
        self._change(thread, is_resolved=True, resolved_by=by)

    def outdate(self, thread: str) -> None:
        self._change(thread, is_outdated=True, line=None)

    @property
    def summary(self) -> str:
        (only,) = [each.body for each in self.conversation if each.author == self.who]
        return only

    @property
    def check(self) -> Check:
        return self.checks[max(self.checks)]

    @property
    def conclusion(self) -> Conclusion | None:
        return self.check.conclusion

    def _write(self, call: str, effect: Callable[[], T]) -> T:
        self.writes.append(call)
        fault = self.fault
        count = len(self.writes) if fault is None or not fault.call else self.writes.count(call)
        is_due = fault is not None and fault.call in ("", call) and fault.at == count
        if fault is not None and is_due and not fault.has_effect:
            raise fault.error
        result = effect()
        if fault is not None and is_due:
            raise fault.error
        return result

    def _id(self) -> int:
        self.ids += 1
        return self.ids

    def _put_thread(self, comment: InlineComment) -> Posted:
        if (comment.path, comment.last_line) in self.bad_lines:
            return Posted(comment=comment, id=None, reason="Line could not be resolved")
        id_ = self._id()
        self.all_threads.append(
            Thread(
                id=f"T{id_}",
                comments=(Comment(id=id_, author=self.who, body=comment.body, thread=id_),),
                path=comment.path,
                line=comment.last_line,
                is_resolved=False,
                is_outdated=False,
            )
        )
        return Posted(comment=comment, id=id_)

    def _give(self, verdict: Verdict, body: str) -> None:
        self.reviews.append((verdict, body))
        if verdict is not Verdict.COMMENT:
            self.standing_verdict = verdict

    def _edit(self, at: int, body: str) -> None:
        self.conversation[at] = replace(self.conversation[at], body=body)

    def _describe(self, body: str) -> None:
        self.pull = replace(self.pull, body=body)

    def _stand(self, verdict: Verdict | None) -> None:
        self.standing_verdict = verdict

    def _show(self, reaction: Reaction, comment: int | None) -> None:
        if comment is None:
            self.reaction = reaction
        else:
            self.reactions[comment] = reaction

    def _reply(self, thread: int, body: str) -> int:
        (name,) = [each.id for each in self.all_threads if each.comments[0].id == thread]
        self.answer(name, self.who, body)
        return self.ids

    def _check(self, check: Check, id_: int | None) -> int:
        if id_ is not None and id_ not in self.checks:
            raise ForgeNotFound
        standing = [each for each, other in self.checks.items() if other.sha == check.sha]
        kept = id_ or (standing[-1] if standing else self._id())
        self.checks[kept] = check
        return kept

    def _change(self, thread: str, *, comment: Comment | None = None, **changes: object) -> None:
        for at, each in enumerate(self.all_threads):
            if each.id == thread:
                comments = each.comments if comment is None else (*each.comments, comment)
                self.all_threads[at] = replace(each, comments=comments, **changes)  # type: ignore[arg-type]
