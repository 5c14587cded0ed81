"""Answer what somebody asks us in a comment: from the code, where it was asked, and once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import Comment, Person
from mesrai.errors import BudgetSpent, ForgeAuth, ForgeNotFound, ForgeRejected, MemoryRefused, MesraiError, ModelError
from mesrai.flows.configured import policy_of
from mesrai.flows.holding import held
from mesrai.flows.memories import told_of
from mesrai.flows.publishing.standing import is_ours
from mesrai.flows.remember import Notebook, Said, origin_of, remember, with_memories
from mesrai.flows.run_review import Desk, place_of
from mesrai.flows.speaking import answer_once, show, thread_of
from mesrai.forges.forge import Forge, Reaction, Source, Thread
from mesrai.jobs.queue import Job
from mesrai.llm.model import Model
from mesrai.review.answers import TalkAnswer
from mesrai.review.options import Options
from mesrai.review.render.description import without_part_of_ours
from mesrai.review.render.marks import (
    RESOLVED,
    STATE_END,
    is_summary,
    read_answer_mark,
    read_finding_mark,
    without_mark,
)
from mesrai.review.render.talk_reply import render_reply, render_unanswered
from mesrai.review.talk import Remark, Role, Talk, answer_talk

MOST_AN_HOUR: Final = 12  # answers in one thread, or in the conversation
_HOUR_S: Final = 3_600.0
_MOST_STARTS: Final = 8  # of a job that waits for its model again and again
_SHORT_S: Final = 120.0  # a wait that needs no word
_MOST_REMARKS: Final = 20
_MOST_ASKED_ABOUT: Final = 10  # people whose right to write is looked up
UNABLE, WAITS, ENOUGH = "unable", "waits", "enough"  # notes on answers that are none
_ENOUGH: Final = f"That is {MOST_AN_HOUR} answers here within an hour, and no more are given until it is over."
_NOT_OURS: Final = "`@mesrai resolve` settles a thread that began with a finding of Mesrai's, and this is none."
_SETTLED: Final = "Settled as asked; this finding is not told again."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """Where we are spoken to, and what stands there."""

    desk: Desk
    job: Job
    forge: Forge
    me: Person
    thread: Thread | None  # None: the conversation
    standing: Sequence[Comment]

    @property
    def number(self) -> int:
        return int(str(self.job.payload["number"]))

    @property
    def comment(self) -> int:
        return int(str(self.job.payload["comment"]))

    @property
    def asked(self) -> Comment | None:
        """The comment that speaks to us; None if it is gone."""
        return next((each for each in self.standing if each.id == self.comment), None)

    @property
    def finding(self) -> bool:
        """Whether the thread began with a finding of ours."""
        return self.thread is not None and _is_finding(self.thread, self.me)

    async def show(self, reaction: Reaction) -> None:
        """React to the comment."""
        await show(self.forge, self.number, reaction, self.comment)

    async def say(self, text: str, *, note: str = "") -> None:
        """Answer the comment, once."""
        await answer_once(self.job.payload, self.forge, text, note=note, now=self.desk.now())


async def converse(desk: Desk, job: Job, forge: Forge, question: str) -> str:
    """Answer a question of somebody who may write; what came of it, in words.

    Errors: those of the forge, the source, the store and the model, for the worker to judge; what the model's error
    means for the person is said to them first, once.
    """
    spot = await _looked(desk, job, forge)
    asked = spot.asked
    if asked is None:
        return "The comment is gone."
    if asked.author.is_bot or is_ours(asked, spot.me):
        return "Programs are not answered."
    marks = [mark for each in spot.standing if is_ours(each, spot.me) and (mark := read_answer_mark(each.body))]
    if any(mark.comment == spot.comment and mark.note in ("", UNABLE) for mark in marks):
        return "It was answered before."
    recent = [mark.note for mark in marks if mark.at > desk.now() - _HOUR_S]
    if recent.count("") >= MOST_AN_HOUR:
        if ENOUGH not in recent:
            await spot.say(_ENOUGH, note=ENOUGH)
        await spot.show(Reaction.SKIPPED)
        return _ENOUGH
    await spot.show(Reaction.STARTED)
    async with held(desk.queue, job, renew_s=desk.renew_s):
        try:
            text = await _answered(spot, question)
        except ModelError as error:
            return await _unanswered(spot, error)
        await spot.say(text)
        await spot.show(Reaction.DONE)
    return "The question was answered."


async def settle(desk: Desk, job: Job, forge: Forge) -> str:
    """Settle the thread of ours in which somebody who may write asks for it. Errors: ForgeError."""
    spot = await _looked(desk, job, forge)
    if spot.thread is None or not spot.finding:
        await spot.say(_NOT_OURS)
        return _NOT_OURS
    if not spot.thread.is_resolved:
        await forge.resolve(spot.thread)
    await spot.say(_SETTLED, note=RESOLVED)
    await spot.show(Reaction.DONE)
    return _SETTLED


async def tell_unanswered(desk: Desk, job: Job, forge: Forge, error: MesraiError) -> None:
    """Say why what was asked in a comment is not answered or done, if it still stands there. Errors: ForgeError."""
    spot = await _looked(desk, job, forge)
    if spot.asked is not None:
        await spot.say(render_unanswered(error.message), note=UNABLE)


async def _looked(desk: Desk, job: Job, forge: Forge) -> _Spot:
    thread = await thread_of(job.payload, forge)
    if job.payload.get("thread") is None:
        standing = await forge.comments(int(str(job.payload["number"])))
    else:
        standing = () if thread is None else thread.comments
    return _Spot(desk=desk, job=job, forge=forge, me=await forge.me(), thread=thread, standing=standing)


async def _answered(spot: _Spot, question: str) -> str:
    """The answer as a comment. Errors: ModelError, SourceError, ForgeError, StoreError, UserError."""
    desk, pull_request = spot.desk, await spot.forge.pull_request(spot.number)
    talk = await _talk(spot, question)
    async with (
        desk.source(spot.forge, pull_request, "") as source,
        desk.model(spot.job, pull_request) as model,
    ):
        change = await source.change()
        # Without what a review wrote there: it would be another question when the job begins anew.
        change = replace(change, title=pull_request.title, description=without_part_of_ours(pull_request.body))
        policy = await _policy(spot, source, [talk.path] if talk.path else [file.path for file in change.files])
        options = Options(cache_key=f"mesrai-{pull_request.head_sha[:12]}")
        reply = await answer_talk(talk, change, source, model, policy=policy, options=options)
        told = await _remembered(spot, reply.value, model, policy)
    return render_reply(reply.value, model=reply.model, told=told)


async def _policy(spot: _Spot, source: Source, paths: Sequence[str]) -> Policy:
    """What holds for these paths, but for what this very comment taught us: that would make it another question."""
    desk, payload = spot.desk, spot.job.payload
    repository, _, _ = place_of(payload)
    policy = await with_memories(
        await policy_of(source, repository, desk.central, desk.saved),
        desk.database,
        organisation=desk.organisation,
        repository=str(repository),
        paths=paths,
    )
    here = f"{origin_of(payload)},"
    return replace(policy, memories=tuple(each for each in policy.memories if not each.origin.startswith(here)))


async def _talk(spot: _Spot, question: str) -> Talk:
    """What is asked, with what stood there before: what came later would make it another question."""
    before = [each for each in spot.standing if each.id < spot.comment]
    summaries = [each for each in before if is_ours(each, spot.me) and is_summary(each.body)]
    thread = spot.thread
    return Talk(
        question=question,
        login=str(spot.job.payload["login"]),
        remarks=await _remarks(spot, [each for each in before if each not in summaries]),
        path=thread.path if thread is not None else "",
        line=thread.line if thread is not None else None,
        first_line=thread.first_line if thread is not None else None,
        is_about_finding=spot.finding,
        findings="" if thread is not None else await _findings(spot),
        summary=without_mark(summaries[-1].body).rpartition(STATE_END)[2] if summaries else "",
    )


async def _findings(spot: _Spot) -> str:
    """Our findings that had been told when we were asked, with their places."""
    told = [
        f"{each.path}, {f'line {each.line}' if each.line else 'lines that have changed since'}"
        f"{', settled' if each.is_resolved else ''}:\n{without_mark(each.comments[0].body)}"
        for each in await spot.forge.threads(spot.number)
        if each.comments and each.comments[0].id < spot.comment and _is_finding(each, spot.me)
    ]
    return "\n\n".join(told)


async def _remarks(spot: _Spot, before: Sequence[Comment]) -> tuple[Remark, ...]:
    """The first and the last of what was said, and whether they may write who said it."""
    if len(before) > _MOST_REMARKS:
        before = [*before[:1], *before[1 - _MOST_REMARKS :]]
    roles: dict[str, Role] = {}
    for each in before:
        login = each.author.login
        if is_ours(each, spot.me) or each.author.is_bot or login in roles:
            continue
        may_write = len(roles) < _MOST_ASKED_ABOUT and await _may_write(spot.forge, login)
        roles[login] = Role.WRITER if may_write else Role.READER
    return tuple(
        Remark(login=each.author.login, role=_role(each, spot.me, roles), text=without_mark(each.body))
        for each in before
    )


def _is_finding(thread: Thread, me: Person) -> bool:
    """Whether a thread began with a finding of ours."""
    first = thread.comments[0]
    return is_ours(first, me) and read_finding_mark(first.body) is not None


def _role(comment: Comment, me: Person, roles: dict[str, Role]) -> Role:
    if is_ours(comment, me):
        return Role.OURSELVES
    return Role.PROGRAM if comment.author.is_bot else roles[comment.author.login]


async def _may_write(forge: Forge, login: str) -> bool:
    """Whether they may, as far as that can be told: who left is no longer known."""
    try:
        return await forge.may_write(login)
    except (ForgeAuth, ForgeNotFound, ForgeRejected):
        return False


async def _remembered(spot: _Spot, answer: TalkAnswer, model: Model, policy: Policy) -> Sequence[str]:
    """Keep what they stated as a lasting convention; what they are told of it. Errors: StoreError, ForgeError."""
    desk, payload = spot.desk, spot.job.payload
    repository, _, _ = place_of(payload)
    login = str(payload["login"])
    notebook = Notebook(
        database=desk.database,
        organisation=desk.organisation,
        model=model,
        requires_approval=policy.memories_require_approval,
    )
    told: list[str] = []
    for number, convention in enumerate(answer.remember, 1):
        said = Said(
            text=convention.statement,
            words=convention.quote,
            login=login,
            origin=origin_of(payload, number=number),
            repository=str(repository),
            path=spot.thread.path if spot.thread is not None else "",
            may_administer=await spot.forge.may_administer(login),
        )
        try:
            remembered = await remember(notebook, said)
        except (ModelError, MemoryRefused):
            told.append(
                "*A convention that was stated here could not be remembered: `@mesrai remember: …` tries again.*"
            )
            continue
        if remembered.memory is not None:
            told.append(told_of(remembered))
    return told


async def _unanswered(spot: _Spot, error: ModelError) -> str:
    """What becomes of a question that no model answers now; said once. Errors: the same one, if it is tried again."""
    if isinstance(error, BudgetSpent) or spot.job.attempt >= _MOST_STARTS:
        await spot.say(render_unanswered(error.message), note=UNABLE)
        await spot.show(Reaction.FAILED)
        return f"There is no answer: {error.message}"
    if error.until is not None and error.until > spot.desk.now() + _SHORT_S:
        when = datetime.fromtimestamp(error.until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        await spot.say(render_unanswered(error.message, until=when), note=WAITS)
    raise error
