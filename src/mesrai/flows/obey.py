"""Carry out what somebody wrote to us in a comment, if they may."""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from mesrai.domain.command import Command, CommandKind, Scope, command_in
from mesrai.domain.occasion import Trigger
from mesrai.errors import ForgeAuth, ForgeNotFound, ForgeRejected
from mesrai.flows.receive import REVIEW
from mesrai.flows.run_review import USUAL, Desk, place_of
from mesrai.forges.forge import Forge, Reaction
from mesrai.jobs.queue import Job
from mesrai.store.pull_requests import Followed, change_followed

HELP: Final = """What Mesrai does here when somebody who may write says so:

- `@mesrai start-review` or `@mesrai review`: review what is new now, whatever the policy leaves out
- `@mesrai review --full`: all of the change again; `--fast`: less thorough; `--deep`: more thorough
- `@mesrai pause`: no reviews after pushes; `@mesrai resume`: reviews again
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
    async with desk.forge(repository, installation) as forge:
        login = str(job.payload["login"])
        if not await forge.may_write(login):
            await _show(forge, number, Reaction.SKIPPED, int(str(job.payload["comment"])))
            told = _NOT_ALLOWED
        else:
            told = await _carried_out(desk, job, forge, command, f"{repository}#{number}")
    await desk.queue.finish(job)
    return told


async def tell_failure(desk: Desk, job: Job) -> None:
    """Show on the comment that its command could not be carried out. Errors: ForgeError."""
    repository, number, installation = place_of(job.payload)
    async with desk.forge(repository, installation) as forge:
        await forge.react(number, Reaction.FAILED, comment=int(str(job.payload["comment"])))


async def _carried_out(desk: Desk, job: Job, forge: Forge, command: Command, subject: str) -> str:
    _, number, _ = place_of(job.payload)
    comment = int(str(job.payload["comment"]))
    if command.kind is CommandKind.REVIEW:
        # Last, so that nothing that can fail lets it be asked for again.
        await _show(forge, number, Reaction.STARTED, comment)
        await _ask(desk, job, command.scope, subject)
        return f"A review of {subject} was asked for."
    if command.kind in (CommandKind.PAUSE, CommandKind.RESUME):
        is_paused = command.kind is CommandKind.PAUSE
        await change_followed(desk.database, subject, lambda now: replace(now, is_paused=is_paused))
        await _show(forge, number, Reaction.DONE, comment)
        return f"Reviews of {subject} are {'paused' if is_paused else 'resumed'}."
    await _answer(job, forge, HELP)
    return "The commands were listed."


async def _show(forge: Forge, number: int, reaction: Reaction, comment: int) -> None:
    """React to the comment, if that is possible there: it may be gone. Errors: ForgeRateLimited, ForgeUnavailable."""
    with suppress(ForgeNotFound, ForgeRejected, ForgeAuth):
        await forge.react(number, reaction, comment=comment)


async def _ask(desk: Desk, job: Job, scope: Scope, subject: str) -> None:
    """Remember that somebody asked, which no later push can undo, and have it done."""

    def asked(now: Followed) -> Followed:
        return replace(now, asked=scope.value or USUAL)

    await change_followed(desk.database, subject, asked)
    payload = {name: job.payload[name] for name in ("forge", "owner", "name", "number", "installation")}
    await desk.queue.put(REVIEW, subject, payload | {"trigger": Trigger.ASKED.value})


async def _answer(job: Job, forge: Forge, text: str) -> None:
    """Answer where we were spoken to, once however often this begins: the answer carries a hidden mark."""
    _, number, _ = place_of(job.payload)
    thread, mark = job.payload.get("thread"), f"<!-- mesrai:v1 re={job.payload['comment']} -->"
    me = await forge.me()
    if thread is None:
        standing = await forge.comments(number)
    else:
        first = int(str(thread))
        threads = await forge.threads(number)
        standing = [each for one in threads if one.comments[0].id == first for each in one.comments]
    if any(mark in each.body and each.author.login == me.login for each in standing):
        return
    body = f"{text}\n\n{mark}"
    if thread is None:
        await forge.post_comment(number, body)
    else:
        await forge.reply(number, thread=int(str(thread)), body=body)
