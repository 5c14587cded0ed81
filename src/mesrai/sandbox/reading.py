"""What the stand-in reads in a question of a review: files, added lines, and the findings it is asked to judge."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.sandbox.problems import Rule, rules_broken
from mesrai.sandbox.saying import Body, text_of

_HEADING: Final = re.compile(r"^## File (.+)$")
_ADDED: Final = re.compile(r"^\s*(\d+) \+ (.*)$")
_COUNT: Final = re.compile(r"numbered 1 to (\d+)")
_CLAIM: Final = re.compile(r"^(\d+)\. .*\((critical|high|medium|low), [\w-]+; ")
_REPLACED: Final = "Proposed replacement of the quoted lines:"
_IS_REVIEW: Final = "Review this part of the change"
_IS_TALK: Final = "You are spoken to in "
_STATEMENT: Final = re.compile(r"^What the person said:\n<<<([0-9a-f]+)\n(.*?)\n>>>\1$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """One added line."""

    path: str
    line: int
    text: str

    @property
    def broken(self) -> Sequence[Rule]:
        """The rules by which it is a problem."""
        return tuple(rules_broken(self.path, self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A finding to judge."""

    number: int
    severity: str
    has_replacement: bool


def question_in(body: Body) -> str:
    """What the user's turns say."""
    asked = [text_of(each.get("content")) for each in body.get("messages") or () if each.get("role") == "user"]
    return "\n".join(asked)


def is_review(question: str) -> bool:
    """Whether it asks to look through a change."""
    return _IS_REVIEW in question


def is_talk(question: str) -> bool:
    """Whether somebody is to be answered."""
    return _IS_TALK in question


def statement_in(question: str) -> str:
    """What somebody wants remembered; empty if the question is about something else."""
    found = _STATEMENT.search(question)
    return found[2].strip() if found else ""


def paths_in(question: str) -> list[str]:
    """The files it shows, in order."""
    return list(dict.fromkeys(found[1] for line in question.splitlines() if (found := _HEADING.match(line))))


def added_in(question: str) -> Iterator[Added]:
    """The lines that the change adds; neither removed ones, nor what stands around or elsewhere."""
    path, is_change = "", False
    for line in question.splitlines():
        heading, added = _HEADING.match(line), _ADDED.match(line)
        if heading:
            path = heading[1]
        elif line.startswith("###"):
            is_change = not line.startswith("### Elsewhere")
        elif added and path and is_change:
            yield Added(path=path, line=int(added[1]), text=added[2])


def claims_in(question: str) -> list[Claim]:
    """The findings to judge, as many as the question says there are."""
    count = _COUNT.search(question)
    severities: dict[int, str] = {}
    replaced: set[int] = set()
    current = 0
    for line in question.splitlines():
        if (claim := _CLAIM.match(line)) is not None:
            current = int(claim[1])
            severities.setdefault(current, claim[2])
        elif line == _REPLACED:
            replaced.add(current)
    return [
        Claim(number=number, severity=severities.get(number, "medium"), has_replacement=number in replaced)
        for number in range(1, int(count[1]) + 1 if count else 1)
    ]
