"""What stands on a pull request from us: threads about findings, the summary, the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from mesrai.domain.finding import Severity
from mesrai.domain.pull_request import Comment, Person
from mesrai.errors import ForgeError, ForgeRateLimited
from mesrai.forges.forge import Forge, Thread, Verdict
from mesrai.review.render.marks import ANY_MARK, FIXED_MARK, RESOLVED, is_summary, read_answer_mark, read_finding_mark


@dataclass(frozen=True, slots=True, kw_only=True)
class OurThread:
    """A thread that we began about a finding."""

    thread: Thread
    fingerprint: str
    severity: Severity
    is_answered: bool  # by anybody but us
    is_resolved_by_us: bool
    is_resolved_by_right: bool  # by somebody who may write, or the forge does not say by whom
    is_told_fixed: bool = False  # our word in it that the finding is fixed is the last one, since we may not resolve it


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What we find on a pull request."""

    me: Person
    threads: tuple[OurThread, ...]
    summary: Comment | None
    verdict: Verdict | None

    def about(self, fingerprint: str) -> tuple[OurThread, ...]:
        """Our threads about one finding."""
        return tuple(each for each in self.threads if each.fingerprint == fingerprint)


async def look(forge: Forge, number: int) -> Standing:
    """Look at everything of ours. Errors: ForgeError; without having looked, nothing may be posted."""
    me = await forge.me()
    threads = await our_threads(forge, number, me)
    return Standing(
        me=me, threads=threads, summary=await find_summary(forge, number, me), verdict=await forge.verdict(number)
    )


async def our_threads(forge: Forge, number: int, me: Person) -> tuple[OurThread, ...]:
    """The threads that we began with a mark. A mark in a comment of anybody else says nothing. Errors: ForgeError."""
    found: list[OurThread] = []
    rights: dict[str, bool] = {}
    for thread in await forge.threads(number):
        mark = _mark(thread, me)
        if mark is None:
            continue
        by = thread.resolved_by
        if thread.is_resolved and by is not None and not _is_us(by, me) and by.login not in rights:
            rights[by.login] = await _may_write(forge, by.login)
        found.append(
            OurThread(
                thread=thread,
                fingerprint=mark[0],
                severity=mark[1],
                is_answered=any(not is_ours(each, me) for each in thread.comments[1:]),
                is_resolved_by_us=by is not None
                and not _was_asked_for(thread, me)
                and _is_resolved_by_us(thread, by, me),
                is_told_fixed=_is_told_fixed(thread, me),
                is_resolved_by_right=thread.is_resolved and (by is None or _is_us(by, me) or rights[by.login]),
            )
        )
    return tuple(found)


async def find_summary(forge: Forge, number: int, me: Person) -> Comment | None:
    """Our summary comment, found by its mark; of several the first. Errors: ForgeError."""
    comments: Sequence[Comment] = await forge.comments(number)
    ours = [each for each in comments if is_same(each.author, me) and is_summary(each.body)]
    return min(ours, key=lambda each: each.id, default=None)


def is_same(one: Person, other: Person) -> bool:
    """Whether two mentions mean one account; an id of 0 is not known."""
    return (one.id == other.id and one.id > 0) or one.login.casefold() == other.login.casefold()


def is_ours(comment: Comment, me: Person) -> bool:
    """Whether we wrote a comment. Under a person's token the person does too, but without a mark."""
    return is_same(comment.author, me) and (me.is_bot or ANY_MARK in comment.body)


def _is_resolved_by_us(thread: Thread, by: Person, me: Person) -> bool:
    """Whether we settled a thread: only ever where its lines changed, which tells us from a person with our token."""
    return thread.is_resolved and _is_us(by, me) and (me.is_bot or thread.is_outdated)


def _was_asked_for(thread: Thread, me: Person) -> bool:
    """Whether we settled it because somebody who may write asked us to: we said so there."""
    marks = [read_answer_mark(each.body) for each in thread.comments[1:] if is_ours(each, me)]
    return any(mark is not None and mark.note == RESOLVED for mark in marks)


def _is_told_fixed(thread: Thread, me: Person) -> bool:
    last = thread.comments[-1]
    return is_same(last.author, me) and last.body.lstrip().startswith(FIXED_MARK)


def _is_us(by: Person, me: Person) -> bool:
    """Whether we resolved a thread. GitHub's GraphQL may name an app there by its slug alone, and without an id."""
    return is_same(by, me) or (me.is_bot and by.id == 0 and f"{by.login}[bot]".casefold() == me.login.casefold())


def _mark(thread: Thread, me: Person) -> tuple[str, Severity] | None:
    first = thread.comments[0] if thread.comments else None
    return read_finding_mark(first.body) if first is not None and is_same(first.author, me) else None


async def _may_write(forge: Forge, login: str) -> bool:
    try:
        return await forge.may_write(login)
    except ForgeRateLimited:
        raise
    except ForgeError:
        return False
