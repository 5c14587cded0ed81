"""Carry out what somebody wrote to us in a comment, if they may."""

from dataclasses import replace
from typing import Any, Final

from mesrai.domain.command import Command, CommandKind, Scope, command_in
from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import Lifecycle
from mesrai.errors import MesraiError
from mesrai.flows.converse import UNABLE, converse, settle, tell_unanswered
from mesrai.flows.memories import MEMORY_COMMANDS, obey_about_memories, told_failed
from mesrai.flows.receive import REVIEW
from mesrai.flows.run_review import Desk, place_of
from mesrai.flows.speaking import answer_once, show
from mesrai.forges.forge import Forge, Reaction
from mesrai.jobs.queue import Job
from mesrai.store.deliveries import note_delivery
from mesrai.store.pull_requests import USUAL, change_followed, change_followed_in
from mesrai.store.repositories import SWITCHED_OFF, is_switched_off

HELP: Final = """What Mesrai does here when somebody who may write says so:

- `@mesrai start-review` or `@mesrai review`: review what is new now, whatever the policy leaves out
- `@mesrai review --full`: all of the change again; `--fast`: less thorough; `--deep`: more thorough
- `@mesrai pause`: no reviews after pushes; `@mesrai resume`: reviews again, of what came meanwhile too
- `@mesrai remember: …`: tell later reviews of a convention
- `@mesrai apply 12`, `@mesrai discard 12`, `@mesrai forget 12`: decide on what is to be remembered (who may maintain)
- `@mesrai …` with a question, in a thread or in the conversation: answers it from the code
- `@mesrai resolve`, in a thread that Mesrai began: settles it, and its finding is not told again
- `@mesrai help`: this list"""
_NOT_ALLOWED: Final = "Only people who may write to this repository can tell Mesrai what to do."


async def obey(desk: Desk, job: Job) -> str:
    """Carry out a command job; it is finished when this returns, which says in words what came of it.

    Whether the person may is asked of the forge now. Errors: ForgeError, StoreError.
    """
    repository, number, installation = place_of(job.payload)
    command = command_in(str(job.payload["body"]))
    if command is None:
        await desk.queue.finish(job)
        return "It says nothing to us."
    if await is_switched_off(desk.database, desk.organisation, str(repository)):  # since the comment came
        await desk.queue.finish(job)
        return SWITCHED_OFF.format(repository)
    async with desk.forge(repository, installation) as forge:
        login = str(job.payload["login"])
        if not await forge.may_write(login):
            await show(forge, number, Reaction.SKIPPED, int(str(job.payload["comment"])))
            told = _NOT_ALLOWED
        else:
            told = await _carried_out(desk, job, forge, command, f"{repository}#{number}")
    await desk.queue.finish(job)
    return told


async def tell_failure(desk: Desk, job: Job, error: MesraiError) -> None:
    """Show on the comment that its command could not be carried out, and of some why. Errors: ForgeError."""
    repository, number, installation = place_of(job.payload)
    async with desk.forge(repository, installation) as forge:
        await show(forge, number, Reaction.FAILED, int(str(job.payload["comment"])))
        command = command_in(str(job.payload["body"]))
        if command is not None and command.kind in (CommandKind.QUESTION, CommandKind.RESOLVE):
            await tell_unanswered(desk, job, forge, error)
        elif command is not None and command.kind in MEMORY_COMMANDS:
            await answer_once(job.payload, forge, told_failed(error), note=UNABLE)


async def _carried_out(desk: Desk, job: Job, forge: Forge, command: Command, subject: str) -> str:
    _, number, _ = place_of(job.payload)
    comment = int(str(job.payload["comment"]))
    if command.kind is CommandKind.REVIEW:
        lifecycle = (await forge.pull_request(number)).lifecycle
        if lifecycle is not Lifecycle.OPEN:
            told = f"The pull request is {lifecycle}, so it is not reviewed."
            await answer_once(job.payload, forge, told)
            await show(forge, number, Reaction.SKIPPED, comment)
            return told
        # Last, so that nothing that can fail lets it be asked for again.
        await show(forge, number, Reaction.STARTED, comment)
        await _ask(desk, job, command.scope, subject)
        return f"A review of {subject} was asked for."
    if command.kind in (CommandKind.PAUSE, CommandKind.RESUME):
        is_paused = command.kind is CommandKind.PAUSE
        await change_followed(desk.database, subject, lambda now: replace(now, is_paused=is_paused))
        if not is_paused:  # what was pushed meanwhile is due now, as far as the policy has pushes reviewed
            await desk.queue.put(REVIEW, subject, _place(job) | {"trigger": Trigger.PUSHED.value})
        await show(forge, number, Reaction.DONE, comment)
        return f"Reviews of {subject} are {'paused' if is_paused else 'resumed'}."
    if command.kind is CommandKind.QUESTION:
        return await converse(desk, job, forge, command.text)
    if command.kind is CommandKind.RESOLVE:
        return await settle(desk, job, forge)
    if command.kind in MEMORY_COMMANDS:
        return await obey_about_memories(desk, job, forge, command)
    await answer_once(job.payload, forge, HELP)
    return "The commands were listed."


async def _ask(desk: Desk, job: Job, scope: Scope, subject: str) -> None:
    """Remember that somebody asked, which no later push can undo, and have it done: once, however often this begins."""
    async with desk.database.transaction() as statements:
        is_new = await note_delivery(desk.database, statements, f"ask:{job.subject}", "A review was asked for.")
        followed = await change_followed_in(
            desk.database, statements, subject, lambda now: now.with_ask(scope.value or USUAL) if is_new else now
        )
    if not is_new and not followed.asked:
        return  # it was done by now
    await desk.queue.put(REVIEW, subject, _place(job) | {"trigger": Trigger.ASKED.value})


def _place(job: Job) -> dict[str, Any]:
    """What a job says of the pull request alone."""
    return {name: job.payload[name] for name in ("forge", "owner", "name", "number", "installation")}
