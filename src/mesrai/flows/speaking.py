"""Speak where somebody spoke to us: react to the comment, and answer it once however often its job begins."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from mesrai.domain.pull_request import Comment
from mesrai.errors import ForgeAuth, ForgeNotFound, ForgeRejected
from mesrai.flows.publishing.standing import is_same
from mesrai.forges.forge import Forge, Reaction, Thread
from mesrai.review.render.marks import answer_mark, read_answer_mark


async def show(forge: Forge, number: int, reaction: Reaction, comment: int) -> None:
    """React to the comment, if that is possible there: it may be gone. Errors: ForgeRateLimited, ForgeUnavailable."""
    with suppress(ForgeNotFound, ForgeRejected, ForgeAuth):
        await forge.react(number, reaction, comment=comment)


async def answer_once(payload: Mapping[str, Any], forge: Forge, text: str, *, note: str = "", now: float = 0.0) -> None:
    """Answer the comment a job is about where it stands, unless that answer stands there.

    `note` tells several answers to one comment apart; `now`, in seconds since the epoch, is written into the mark.
    Errors: ForgeError.
    """
    number, comment, thread = int(str(payload["number"])), int(str(payload["comment"])), payload.get("thread")
    me = await forge.me()
    standing = await comments_around(payload, forge)
    marks = [read_answer_mark(each.body) for each in standing if is_same(each.author, me)]
    if any(mark is not None and (mark.comment, mark.note) == (comment, note) for mark in marks):
        return
    body = f"{text}\n\n{answer_mark(comment, note=note, at=now)}"
    if thread is None:
        await forge.post_comment(number, body)
    else:
        await forge.reply(number, thread=int(str(thread)), body=body)


async def comments_around(payload: Mapping[str, Any], forge: Forge) -> Sequence[Comment]:
    """What stands where the comment does: in its thread, or in the conversation. Errors: ForgeError."""
    if payload.get("thread") is None:
        return await forge.comments(int(str(payload["number"])))
    thread = await thread_of(payload, forge)
    return () if thread is None else thread.comments


async def thread_of(payload: Mapping[str, Any], forge: Forge) -> Thread | None:
    """The thread the comment stands in; None if it stands in none, or the thread is gone. Errors: ForgeError."""
    first = payload.get("thread")
    threads = () if first is None else await forge.threads(int(str(payload["number"])))
    return next((each for each in threads if each.comments and each.comments[0].id == int(str(first))), None)
