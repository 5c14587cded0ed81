"""The stand-in thinks aloud: it names what it was given to look at, at a length that fits the effort asked for."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from mesrai.sandbox.listing import Row
from mesrai.sandbox.problems import RULES
from mesrai.sandbox.reading import added_in, claims_in, is_review, paths_in, question_in
from mesrai.sandbox.saying import Body
from mesrai.sandbox.thinking import effort_of

_SHORT: Final = "Let me look at what was asked."
_MOST_LINES: Final = 200


def thoughts_about(chat: Body) -> str:
    """The reasoning that goes before an answer: a sentence with low effort, a line for each added line with max."""
    question, effort = question_in(chat), effort_of(chat)
    if not is_review(question) and not claims_in(question):
        return _SHORT
    thoughts = list(_thoughts(question))
    if effort == "low":
        return thoughts[0]
    if effort == "max":
        thoughts += list(_at_length(question))
    return "\n".join([*thoughts, "I am a set of fixed rules, so this is all I can see. Now the answer."])


def _thoughts(question: str) -> Iterator[str]:
    lines = list(added_in(question))
    yield f"I look at {', '.join(paths_in(question)) or 'what is shown'}, {len(lines)} added lines."
    for claim in claims_in(question):
        yield f"Finding {claim.number} is said to be {claim.severity}; does its line stand in the change?"
    for path, count in Counter(line.path for line in lines).items():
        yield f"{path} gets {count} new lines."
    for line in lines:
        for rule in line.broken:
            yield f"{line.path}, line {line.line}: {rule.title.lower()}? The line says so."


def _at_length(question: str) -> Iterator[str]:
    yield f"I hold each line against {len(RULES)} rules."
    for line in list(added_in(question))[:_MOST_LINES]:
        verdict = "something is wrong" if line.broken else "nothing to see"
        yield f"{line.path}:{line.line} {line.text.strip()[:60]!r}: {verdict}."


def unseen_tokens(chat: Body, row: Row | None) -> int:
    """How many tokens of reasoning a model counts that shows none of it."""
    is_hidden = row is not None and row.thinking == "hidden" and effort_of(chat) not in ("none", "")
    return len(thoughts_about(chat)) // 4 if is_hidden else 0
