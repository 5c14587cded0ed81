"""Say what the owners of a repository want said when a review begins and when it ends: once for each commit."""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Final

from mesrai.domain.change import Change
from mesrai.domain.finding import Category
from mesrai.domain.policy import CadenceKind, MessageTiming, Policy
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.flows.publishing.standing import is_same
from mesrai.flows.publishing.talk import Talk
from mesrai.forges.forge import Forge
from mesrai.review.render import wording
from mesrai.review.render.fit import cut_markdown
from mesrai.review.render.markdown_text import code_span
from mesrai.review.render.marks import ANY_MARK, message_mark, read_message_mark
from mesrai.review.render.untrusted import shown_path

_MOST: Final = 20_000  # characters of a message
_MOST_FILES: Final = 50


class Moment(StrEnum):
    """When a message is said."""

    START = "start"
    END = "end"


async def say_message(
    forge: Forge, pull_request: PullRequest, moment: Moment, change: Change, policy: Policy, *, is_first: bool
) -> tuple[str, ...]:
    """Post the message for this moment of a review, if the owners have one and it does not stand there already.

    `is_first`: nothing of the pull request was reviewed as a whole before. Returns what could not be done, a sentence
    each. Errors: ForgeRateLimited.
    """
    template = policy.messages.start if moment is Moment.START else policy.messages.end
    timing = policy.messages.timing
    is_due = timing is MessageTiming.EVERY_PUSH or (timing is MessageTiming.WHEN_OPENED and is_first)
    if not template.strip() or not is_due:
        return ()
    talk = Talk(forge=forge, pull_request=pull_request)
    with talk.step(f"The owners' message at the {moment} could not be posted"):
        me = await forge.me()
        ours = [each for each in await forge.comments(pull_request.number) if is_same(each.author, me)]
        marks = [read_message_mark(each.body) for each in ours]
        heads = [mark[1] for mark in marks if mark is not None and mark[0] == moment]
        is_said = bool(heads) if timing is MessageTiming.WHEN_OPENED else pull_request.head_sha in heads
        if not is_said:
            begin = message_mark(moment, pull_request.head_sha)
            await forge.post_comment(pull_request.number, f"{begin}\n{message_text(template, change, policy)}")
    return tuple(talk.problems)


def message_text(template: str, change: Change, policy: Policy) -> str:
    """The owners' text with what it asks for put in; a placeholder that does not exist stays as it is.

    The text is theirs and comes from the base branch, so it may mention people and hold any markdown. What is put in
    comes from the change, so it has no effect.
    """
    values = placeholders(change, policy)
    text = template.replace("\r\n", "\n").replace(ANY_MARK, "<!-- ")
    # In one go, so that what is put in is never taken for a placeholder.
    names = "|".join(values)
    placeholder = re.compile(rf"(?<![\w@])@({names})(?!\w)|\{{\{{\s{{0,5}}@?({names})\s{{0,5}}\}}\}}")
    filled = placeholder.sub(lambda found: values[found[1] or found[2]](), text)
    return cut_markdown(redact_secrets(filled)[0].strip(), _MOST)


def placeholders(change: Change, policy: Policy) -> Mapping[str, Callable[[], str]]:
    """What is put in for `@` and each name."""
    return {
        "changedFiles": lambda: "\n".join(_files(change)),
        "changedSummary": lambda: _summary(change),
        "reviewOptions": lambda: _options(policy),
        "reviewCadence": lambda: _cadence(policy),
    }


def _files(change: Change) -> Iterator[str]:
    for file in change.files[:_MOST_FILES]:
        yield f"- {code_span(shown_path(file.path))} (+{file.additions} −{file.deletions})"
    more = len(change.files) - _MOST_FILES
    if more > 0:
        yield f"- and {wording.counted(more, 'more file')}"


def _summary(change: Change) -> str:
    added = sum(file.additions for file in change.files)
    removed = sum(file.deletions for file in change.files)
    lines = f"{wording.counted(added, 'line')} added, {wording.counted(removed, 'line')} removed"
    return f"{wording.counted(len(change.files), 'file')} changed, {lines}"


def _options(policy: Policy) -> str:
    wanted = [each.replace("_", " ") for each in Category if policy.wants(each)]
    return ", ".join(wanted) or "nothing"


def _cadence(policy: Policy) -> str:
    if not policy.is_review_automatic:
        return "a review when somebody asks for one"
    cadence = policy.cadence
    return {
        CadenceKind.AUTOMATIC: "every push is reviewed",
        CadenceKind.AUTO_PAUSE: (
            f"every push is reviewed, but more than {wording.counted(cadence.pushes, 'push', 'pushes')} within "
            f"{wording.counted(cadence.window_minutes, 'minute')} pause the reviews"
        ),
        CadenceKind.MANUAL: "pushes after the first review are reviewed when somebody asks",
    }[cadence.kind]
