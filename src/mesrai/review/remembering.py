"""Ask the model what of a statement is to be remembered; its answer is held to what the person asked for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from mesrai.domain.memory import Memory, MemoryScope, memory_paths, memory_text
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.llm.model import Model, Prompt, UserTurn
from mesrai.review.answers import AnswerMisshapen, object_in
from mesrai.review.conversation import Ledger, NoLookups, converse
from mesrai.review.material import fence_for, fenced, shown_path, visible
from mesrai.review.shapes import remember_shape, skeleton_of

_MOST_STATEMENT: Final = 4_000
_MOST_KNOWN_CHARS: Final = 40_000  # of the notes there are
_MOST_REASON: Final = 300
_MOST_SENTENCES_CHARS: Final = 600  # of what the model words: one or two sentences
_MOST_TOKENS: Final = 8_000  # reasoning included
_UNTOLD: Final = "It says nothing that would help with later reviews."
# What would act on somebody who reads it, or is no sentence: a command of ours or of others, an address, a fence. Other
# words with an @, such as a decorator's name, are of use, and notify nobody where a memory is shown.
_ACTIVE: Final = re.compile(r"(?i)@mesrai|[a-z][a-z0-9+.-]{1,20}://|\bwww\.|<!--|```|~~~|^\s*/[a-z]")
# Only the person's own words make something hold in all repositories.
_ORGANISATION: Final = re.compile(
    r"(?i)\b(?:all|every|each)(?:\s+one)?(?:\s+of)?(?:\s+(?:the|our|your|my|its|other|git|github)){0,3}"
    r"\s+(?:repositor(?:y|ies)|repos?|projects?|code ?bases?)\b"
    r"|\b(?:organi[sz]ation|org|company)[- ]?wide\b"
    r"|\b(?:whole|entire|across (?:the|our)|throughout (?:the|our)) (?:organi[sz]ation|org|company)\b"
)


class Action(StrEnum):
    """What is to be done with a statement."""

    CREATE = "create"
    UPDATE = "update"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What somebody said."""

    text: str
    words: str  # their own: a text may be what a model made of them
    path: str = ""  # of the file it was said at


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What is to be kept of it, within what was asked for."""

    action: Action
    text: str = ""
    scope: MemoryScope = MemoryScope.REPOSITORY
    paths: tuple[str, ...] = ()
    replaces: int = 0  # of an update: one of those shown
    reason: str = ""  # of a skip


def means_all_repositories(text: str) -> bool:
    """Whether a person says in so many words that it holds for the whole organisation."""
    return _ORGANISATION.search(text) is not None


async def word_memory(model: Model, statement: Statement, known: Sequence[Memory]) -> Wording:
    """What of the statement is to be kept, given what is. Errors: ModelError."""
    reply = await converse(
        model,
        _prompt(statement, known),
        toolbox=NoLookups(),
        steps=0,
        read=lambda text: read_wording(text, statement, known),
        ledger=Ledger(),
    )
    return reply.value


def read_wording(text: str, statement: Statement, known: Sequence[Memory]) -> Wording:
    """The model's answer; what reaches further than was asked for is narrowed. Errors: AnswerMisshapen."""
    answer = object_in(text, "action")
    action = str(answer.get("action")).strip().lower()
    if action == Action.SKIP:
        return Wording(action=Action.SKIP, reason=_reason(answer.get("reason")))
    if action not in (Action.CREATE, Action.UPDATE):
        raise AnswerMisshapen("`action` must be create, update or skip")
    scope, paths = _reach(answer, statement)
    wording = Wording(action=Action.CREATE, text=_sentences(answer.get("text")), scope=scope, paths=paths)
    return wording if action == Action.CREATE else _update(wording, answer.get("replaces"), known)


def _update(wording: Wording, replaces: Any, known: Sequence[Memory]) -> Wording:
    """It takes the place of another only within that one's reach: else it would end where nobody asked for it."""
    numbers = {memory.id: memory for memory in known}
    if isinstance(replaces, bool) or not isinstance(replaces, int) or replaces not in numbers:
        raise AnswerMisshapen("`replaces` must be the number of one of the notes")
    old = numbers[replaces]
    is_wide = (old.scope is MemoryScope.ORGANISATION, wording.scope is MemoryScope.ORGANISATION)
    if is_wide[0] != is_wide[1]:
        return wording
    is_narrower = wording.scope is MemoryScope.DIRECTORY or old.scope is not MemoryScope.DIRECTORY
    return Wording(
        action=Action.UPDATE,
        text=wording.text,
        scope=wording.scope if is_narrower else old.scope,
        paths=wording.paths if is_narrower else old.paths,
        replaces=replaces,
    )


def _reach(answer: dict[str, Any], statement: Statement) -> tuple[MemoryScope, tuple[str, ...]]:
    named = str(answer.get("scope")).strip().lower()
    if named not in list(MemoryScope):
        raise AnswerMisshapen(f"`scope` must be one of {', '.join(MemoryScope)}")
    scope = MemoryScope(named)
    if scope is MemoryScope.ORGANISATION and not means_all_repositories(statement.words):
        return MemoryScope.REPOSITORY, ()
    if scope is not MemoryScope.DIRECTORY:
        return scope, ()
    paths = answer.get("paths")
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise AnswerMisshapen("`paths` must be a list of strings")
    try:
        return scope, memory_paths(paths)
    except ValueError as problem:
        raise AnswerMisshapen(f"`paths`: {problem}") from problem


def _sentences(text: Any) -> str:
    if not isinstance(text, str):
        raise AnswerMisshapen("`text` must be a string")
    try:
        kept = memory_text(text)
    except ValueError as problem:
        raise AnswerMisshapen(f"`text`: {problem}") from problem
    if len(kept) > _MOST_SENTENCES_CHARS:
        raise AnswerMisshapen(f"`text` must be one or two sentences of at most {_MOST_SENTENCES_CHARS} characters")
    if _ACTIVE.search(kept):
        raise AnswerMisshapen("`text` must be plain words, without addresses, commands or markup")
    return kept


def _reason(reason: Any) -> str:
    """For a person; where the model gives none that can be shown, ours."""
    if not isinstance(reason, str):
        return _UNTOLD
    try:
        return memory_text(reason[:_MOST_REASON])
    except ValueError:
        return _UNTOLD


def _prompt(statement: Statement, known: Sequence[Memory]) -> Prompt:
    said = visible(redact_secrets(statement.text[:_MOST_STATEMENT])[0])
    where = shown_path(statement.path) or "nowhere in particular"
    notes = visible(_notes(known))
    fence = fence_for([said, where, notes])
    shape = remember_shape()
    blocks = (
        f"What the person said:\n{fenced(said, fence)}",
        f"The file it was said at:\n{fenced(where, fence)}",
        f"The notes there are:\n{fenced(notes, fence)}",
        f"Answer with one JSON object and nothing else.\n{skeleton_of(shape)}",
    )
    return Prompt(
        system=_instruction().replace("{fence}", fence),
        turns=(UserTurn(text="\n\n".join(blocks)),),
        shape=shape,
        max_output_tokens=_MOST_TOKENS,
    )


def _notes(known: Sequence[Memory]) -> str:
    """One line for each, those that were kept last first, as many as there is room for."""
    lines: list[str] = []
    left = _MOST_KNOWN_CHARS
    for memory in sorted(known, key=lambda each: -each.id):
        line = f"{memory.id}. ({memory.reach}) {memory.text}"
        left -= len(line)
        if left < 0:
            break
        lines.append(line)
    return "\n".join(lines) or "None."


@cache
def _instruction() -> str:
    return (files("mesrai.review") / "instructions" / "remember.md").read_text("utf-8")
