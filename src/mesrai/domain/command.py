"""Commands that people write to us in comments: a fixed grammar, never free options."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_FENCE: Final = re.compile(r"^\s{0,3}(```|~~~)")
_MOST_TEXT: Final = 2_000
_NUMBER: Final = re.compile(r"(?:memory\s+)?#?([0-9]{1,18})[.!]?")


class CommandKind(StrEnum):
    """What is asked of us."""

    REVIEW = "review"
    PAUSE = "pause"
    RESUME = "resume"
    RESOLVE = "resolve"  # settle the thread it is said in
    HELP = "help"
    REMEMBER = "remember"
    APPLY = "apply"  # a memory that waits for approval
    DISCARD = "discard"  # the same
    FORGET = "forget"  # a memory
    QUESTION = "question"  # anything else said to us
    UNKNOWN = "unknown"  # a command with options that do not exist


class Scope(StrEnum):
    """How a review that is asked for is to be done."""

    USUAL = ""
    FULL = "--full"  # all of the change, not only what is new
    FAST = "--fast"
    DEEP = "--deep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command."""

    kind: CommandKind
    scope: Scope = Scope.USUAL
    text: str = ""  # what is to be remembered, or the question
    number: int = 0  # of the memory to apply, discard or forget


_ABOUT_MEMORIES: Final = {
    "apply": CommandKind.APPLY,
    "discard": CommandKind.DISCARD,
    "forget": CommandKind.FORGET,
}


def command_in(body: str, name: str = "mesrai") -> Command | None:
    """The command in a comment; None if it does not speak to us.

    It stands in the first line that is not empty; lines that quote others, and code, say nothing to us.
    """
    line, rest = _first_line(body)
    found = re.match(rf"@{re.escape(name)}(?:\[bot\])?(?![\w-])[,:]?\s*(.*)$", line, re.IGNORECASE)
    if found is None:
        return None
    return _command(found[1].strip(), rest)


def _command(said: str, rest: str) -> Command:
    verb, _, options = said.partition(" ")
    verb, options = verb.lower(), options.strip().lower()
    if verb in ("start-review", "review"):
        scopes = {scope.value: scope for scope in Scope}
        if options in scopes:
            return Command(kind=CommandKind.REVIEW, scope=scopes[options])
        return Command(kind=CommandKind.UNKNOWN) if options.startswith("-") else _asked(said, rest)
    plain = {
        "pause": CommandKind.PAUSE,
        "resume": CommandKind.RESUME,
        "resolve": CommandKind.RESOLVE,
        "help": CommandKind.HELP,
        "": CommandKind.HELP,
    }
    if verb in plain and not options and (verb or not rest):
        return Command(kind=plain[verb])
    if verb in _ABOUT_MEMORIES and (numbered := _NUMBER.fullmatch(options)):
        return Command(kind=_ABOUT_MEMORIES[verb], number=int(numbered[1]))
    remembered = re.match(r"(?:please\s+)?remember:?\s+(.*)$", said, re.IGNORECASE)
    if remembered:
        return Command(kind=CommandKind.REMEMBER, text=_whole(remembered[1], rest))
    return _asked(said, rest)


def _asked(said: str, rest: str) -> Command:
    return Command(kind=CommandKind.QUESTION, text=_whole(said, rest))


def _whole(first: str, rest: str) -> str:
    return f"{first}\n{rest}".strip()[:_MOST_TEXT]


def _first_line(body: str) -> tuple[str, str]:
    """The first line that says something of its own, and what follows it; empty if there is none."""
    lines = body.splitlines()
    is_code = False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code and line.strip() and not line.lstrip().startswith(">") and not line.startswith("    "):
            return line.strip(), "\n".join(lines[number + 1 :]).strip()
    return "", ""
