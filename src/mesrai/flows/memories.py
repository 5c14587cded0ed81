"""Carry out what a comment asks of our memories: remember, apply, discard, forget; and say what came of it."""

from datetime import UTC, datetime
from typing import Final

from mesrai.domain.command import Command, CommandKind
from mesrai.domain.memory import Memory, MemoryScope, MemoryState
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.errors import AnswerUnreadable, BudgetSpent, MesraiError, ModelError, UserError
from mesrai.flows.configured import policy_of
from mesrai.flows.holding import held
from mesrai.flows.remember import Notebook, Remembered, Resolution, Said, origin_of, remember
from mesrai.flows.run_review import Desk, place_of
from mesrai.flows.speaking import answer_once, show, thread_of
from mesrai.forges.forge import Forge, Reaction
from mesrai.jobs.queue import Job
from mesrai.review.render.markdown_text import code_span, plain
from mesrai.review.render.untrusted import one_line
from mesrai.store.memories import decide_memory, find_memory

MEMORY_COMMANDS: Final = (CommandKind.REMEMBER, CommandKind.APPLY, CommandKind.DISCARD, CommandKind.FORGET)
NOT_ALLOWED: Final = "Only people who may maintain or administer this repository decide on what is remembered."
_WAITS: Final = "waits"  # a note on an answer that is none yet
_DECIDED: Final = {
    CommandKind.APPLY: "Reviews are told of it from now on",
    CommandKind.DISCARD: "It is discarded: reviews are not told of it",
    CommandKind.FORGET: "It is forgotten: reviews are not told of it any more",
}


async def obey_about_memories(desk: Desk, job: Job, forge: Forge, command: Command) -> str:
    """Carry out one of MEMORY_COMMANDS and answer it, once however often this begins; what came of it, in words.

    Errors: ModelError, ForgeError, SourceError, StoreError, and then nothing is half done; of a model's that says
    until when it lasts, the person is told, once.
    """
    async with held(desk.queue, job, renew_s=desk.renew_s):
        try:
            if command.kind is CommandKind.REMEMBER:
                text = told_of(await _remembered(desk, job, forge, command.text))
            else:
                text = await _decided(desk, job, forge, command)
        except (UserError, AnswerUnreadable, BudgetSpent) as error:  # which no other try of this job would change
            text = told_failed(error)
        except ModelError as error:
            if error.until is not None:
                await answer_once(job.payload, forge, _told_waits(error, error.until), note=_WAITS)
            raise
        await answer_once(job.payload, forge, text)
    return one_line(text.partition("\n")[0], 300)


def told_of(remembered: Remembered) -> str:
    """What a person is told of it, as markdown: what was kept, where it holds, and whether it waits."""
    memory = remembered.memory
    if memory is None:
        return f"Nothing was remembered. {plain(one_line(remembered.reason, 400))}"
    waits = memory.state is MemoryState.PENDING
    head = f"Remembered as memory {memory.id}"
    if remembered.resolution is Resolution.UPDATED:
        head += f", which {'would take' if waits else 'takes'} the place of memory {memory.replaces}"
    lines = [f"{head}:", f"> {plain(memory.text)}", f"It holds for {_reach(memory)}."]
    if waits:
        lines.append(
            "**It waits for approval** by somebody who may maintain this repository, and reviews are not told of it "
            f"until then: `@mesrai apply {memory.id}` or `@mesrai discard {memory.id}`, or on the server "
            f"`mesrai memories apply {memory.id}`."
        )
    elif memory.state is MemoryState.DISCARDED:
        lines.append("It was discarded since.")
    else:
        lines.append(f"Reviews are told of it from now on. `@mesrai forget {memory.id}` takes it back.")
    return "\n\n".join(lines)


def told_failed(error: MesraiError) -> str:
    """What a person is told of a command that failed, as markdown."""
    return f"This could not be done: {_why(error)}"


def _told_waits(error: ModelError, until: float) -> str:
    when = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"⏳ This has to wait: {_why(error)} It is tried again by itself at about {when}."


def _why(error: MesraiError) -> str:
    return plain(one_line(redact_secrets(error.message)[0], 400))


async def _remembered(desk: Desk, job: Job, forge: Forge, text: str) -> Remembered:
    repository, number, _ = place_of(job.payload)
    login = str(job.payload["login"])
    pull_request = await forge.pull_request(number)
    async with desk.source(forge, pull_request, "") as source:
        policy = await policy_of(source, repository, desk.central, desk.saved)
    thread = await thread_of(job.payload, forge)
    said = Said(
        text=text,
        login=login,
        origin=origin_of(job.payload),
        repository=str(repository),
        path="" if thread is None else thread.path,
        may_administer=await forge.may_administer(login),
    )
    async with desk.model(job, pull_request) as model:
        notebook = Notebook(
            database=desk.database,
            organisation=desk.organisation,
            model=model,
            requires_approval=policy.memories_require_approval,
        )
        return await remember(notebook, said)


async def _decided(desk: Desk, job: Job, forge: Forge, command: Command) -> str:
    repository, number, _ = place_of(job.payload)
    login = str(job.payload["login"])
    if not await forge.may_administer(login):
        await show(forge, number, Reaction.SKIPPED, int(str(job.payload["comment"])))
        return NOT_ALLOWED
    found = await find_memory(desk.database, desk.organisation, command.number)
    if found is None or not _is_visible(found, str(repository)):
        return f"There is no memory {command.number} here."
    state = MemoryState.ACTIVE if command.kind is CommandKind.APPLY else MemoryState.DISCARDED
    memory = await decide_memory(desk.database, desk.organisation, command.number, state, who=login)
    return f"Memory {memory.id}:\n\n> {plain(memory.text)}\n\n{_DECIDED[command.kind]}, for {_reach(memory)}."


def _is_visible(memory: Memory, repository: str) -> bool:
    """Whether people of that repository may know of it: those of other repositories are none of their business."""
    return memory.scope is MemoryScope.ORGANISATION or memory.repository.lower() == repository.lower()


def _reach(memory: Memory) -> str:
    if memory.scope is MemoryScope.ORGANISATION:
        return "all repositories of the organisation"
    if memory.scope is MemoryScope.REPOSITORY:
        return "this repository"
    return f"{', '.join(code_span(path) for path in memory.paths)} in this repository"
