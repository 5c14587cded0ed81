"""One conversation with a forge about a pull request: each step by itself, so that none that fails loses the others."""

from dataclasses import dataclass, field, replace

from mesrai.domain.pull_request import Comment, PullRequest
from mesrai.errors import ForgeError, ForgeNotFound, ForgeRateLimited
from mesrai.flows.publishing.standing import find_summary
from mesrai.forges.forge import Check, Forge, Reaction
from mesrai.review.render.summary_comment import render_state
from mesrai.review.render.untrusted import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is remembered of earlier conversations. None of it need be true any more."""

    summary_comment: int | None = None
    check: int | None = None
    check_sha: str = ""  # the commit that check is on
    problems: tuple[str, ...] = ()  # what could not be done so far
    is_once: bool = False  # no service follows the request: no check is set, and nobody waits for commands
    progress: str = ""  # the mark that says how far reviews got, if the one that is told now was whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A block of calls of which a failure ends the block only."""

    what: str
    problems: list[str]

    def __enter__(self) -> None:
        """Nothing is to be prepared."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Note the failure and go on after the block."""
        if not isinstance(error, ForgeError) or isinstance(error, ForgeRateLimited):
            return False
        self.problems.append(f"{self.what}: {one_line(error.message, 200)}")
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A forge, what we speak of there, and what could not be done."""

    forge: Forge
    pull_request: PullRequest
    problems: list[str] = field(default_factory=list)

    def step(self, what: str) -> Step:
        """A step whose failure is noted under `what`. Only ForgeRateLimited goes up: the job goes on later."""
        return Step(what=what, problems=self.problems)

    async def react(self, reaction: Reaction) -> None:
        """Show a state on the pull request."""
        with self.step("The reaction could not be set"):
            await self.forge.react(self.pull_request.number, reaction)

    async def put_check(self, check: Check, known: Known) -> int | None:
        """Make the check, or bring ours on that commit up to date; its id if it has one. No check for `is_once`."""
        if known.is_once:
            return None
        id_ = known.check if known.check_sha == check.sha else None
        with self.step("The check could not be set"):
            try:
                return await self.forge.put_check(check, id=id_)
            except ForgeNotFound:
                if id_ is None:
                    raise
            return await self.forge.put_check(check)
        return id_

    async def put_summary(self, text: str, before: Comment | None, known: Known) -> int | None:
        """Put the text into the comment that stands there, or make one; its id, or None if neither worked.

        `before` is what was found by its mark. An id that is only remembered may be of a comment that is gone.
        """
        id_ = before.id if before is not None else known.summary_comment
        with self.step("The summary could not be written"):
            if before is not None and _is_same_text(before.body, text):
                return before.id
            if id_ is not None:
                try:
                    await self.forge.edit_comment(id_, text)
                    return id_
                except ForgeNotFound:
                    pass
            return await self.forge.post_comment(self.pull_request.number, text)
        return None

    async def put_state(self, sentence: str, known: Known, *, is_new: bool = True) -> int | None:
        """Say how things stand above the last result; the comment's id. `is_new` lets a comment be made for it."""
        id_ = known.summary_comment
        with self.step("How the review stands could not be said"):
            before = await find_summary(self.forge, self.pull_request.number, await self.forge.me())
            if before is None and not is_new:
                return id_
            text = render_state(sentence, before.body if before is not None else "")
            return await self.put_summary(text, before, known)
        return id_

    def told(self, known: Known, *, comment: int | None, check: int | None) -> Known:
        """What is to be remembered of this conversation."""
        return replace(
            known,
            summary_comment=comment,
            check=check,
            check_sha=self.pull_request.head_sha,
            problems=(*known.problems, *self.problems),
        )


def _is_same_text(one: str, other: str) -> bool:
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
