"""Answer somebody who speaks to us about a change, from its code."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from mesrai.domain.change import At, Change
from mesrai.domain.diff import FileDiff
from mesrai.domain.file_text import is_binary, lines_of, text_of
from mesrai.domain.policy import Policy
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.errors import PromptTooLong
from mesrai.forges.forge import Source
from mesrai.llm.model import Model
from mesrai.review.answers import TalkAnswer, read_talk_answer
from mesrai.review.batches import output_tokens_for, parts_of, room_for
from mesrai.review.conversation import Ledger, Reply, converse
from mesrai.review.gather import Gathered, gather
from mesrai.review.guidance import load_guidance
from mesrai.review.material import Part, fenced, margin, near, shown_path, visible
from mesrai.review.options import Options
from mesrai.review.prompts import Framing, framing_for, material_of, talk_prompt, without_hidden
from mesrai.review.tools import Toolbox

_MOST_REMARKS: Final = 20
_MOST_CHARS_EACH: Final = 4_000  # of a remark
_MOST_SUMMARY: Final = 12_000
_MOST_CODE: Final = 40_000  # characters of the change in one question; more can be looked up
_MOST_NAMED: Final = 5  # other files of the change that a question in a thread names, and is shown
_LEAST: Final = 1_500  # characters of a part
_AROUND: Final = 60  # lines
_SMALLER: Final = 0.1  # of the room, where the window turns out smaller than thought


class Role(StrEnum):
    """Who somebody is to us."""

    OURSELVES = "you"
    WRITER = "may write to the repository"
    READER = "may not write to the repository"
    PROGRAM = "a program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What somebody said before."""

    login: str
    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What we are asked, and where."""

    question: str
    login: str  # of the person who asks and may write
    remarks: tuple[Remark, ...] = ()  # what was said there before, oldest first
    path: str = ""  # of the file in whose thread it is said; empty: in the conversation
    line: int | None = None  # of the new file; None: not known, or it is gone
    first_line: int | None = None  # of several lines, of which `line` is the last
    is_about_finding: bool = False  # of ours: the first remark is it
    summary: str = ""  # ours, where it is said in the conversation
    findings: str = ""  # ours with their places, where it is said in the conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """All that is shown, without secrets and without what people do not see."""

    talk: Talk  # with its texts made so
    gathered: Gathered
    elsewhere: str  # the file around the line, where the file is no part of the change

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is no part of the change."""
        talk = self.talk
        return (talk.question, talk.summary, talk.findings, self.elsewhere, *(each.text for each in talk.remarks))


async def answer_talk(
    talk: Talk, change: Change, source: Source, model: Model, *, policy: Policy, options: Options
) -> Reply[TalkAnswer]:
    """What to say, and which model says it; that a finding does not hold is only ever said in a thread about one.

    Errors: ModelError if there is no usable answer; SourceError.
    """
    material = await _material(talk, change, source, policy, options)
    framing = framing_for(
        change, material.gathered.files, policy, material.gathered.guidance, options, also=material.texts
    )
    try:
        reply = await _asked(material, framing, source, model, options)
    except PromptTooLong:
        reply = await _asked(material, framing, source, model, options, share=_SMALLER)
    concedes = reply.value.concedes and talk.is_about_finding
    return replace(reply, value=replace(reply.value, concedes=concedes))


async def _asked(
    material: _Material, framing: Framing, source: Source, model: Model, options: Options, share: float = 1.0
) -> Reply[TalkAnswer]:
    """The answer, with a share of the code and of the look-ups that there is room for."""
    has_tools = model.profile.has_tools
    tokens = output_tokens_for(model.profile, options.max_output_tokens)
    room = room_for(
        model.profile,
        overhead_chars=framing.chars + sum(map(len, material.texts)),
        output_tokens=tokens,
        most=_MOST_CODE,
        tools=options.effort.look_chars if has_tools else 0,
    )
    toolbox = Toolbox(source, most_chars=int(room.tools * share))
    tools = toolbox.tools if has_tools and options.effort.look_steps else ()
    text = _text(material, framing, int(room.total * share))
    return await converse(
        model,
        talk_prompt(framing, text, tools, options, tokens),
        toolbox=toolbox,
        steps=options.effort.look_steps if tools else 0,
        read=lambda answer: read_talk_answer(answer, material.talk.question),
        ledger=Ledger(),
    )


async def _material(talk: Talk, change: Change, source: Source, policy: Policy, options: Options) -> _Material:
    if talk.path:
        # Whoever asks about a file wants it looked at, whatever reviews leave out.
        named = [file for file in change.files if file.path != talk.path and _is_named(file, talk.question)]
        own = [file for file in change.files if file.path == talk.path]
        part = replace(change, files=(*own, *named[:_MOST_NAMED]))
        gathered = await gather(part, source, (), Policy(), context_chars=options.effort.context_chars)
        has_own = any(file.path == talk.path for file in gathered.files)
        elsewhere = "" if has_own else await _file_near(talk, source)
    else:
        gathered = await gather(change, source, (), policy, context_chars=None)
        elsewhere = ""
    if not gathered.guidance.text:
        guidance = await load_guidance(source, gathered.files)
        gathered = replace(gathered, guidance=replace(guidance, text=redact_secrets(guidance.text)[0]))
    return _Material(talk=_cleaned(talk), gathered=gathered, elsewhere=elsewhere)


async def _file_near(talk: Talk, source: Source) -> str:
    """The file around the line as it is now; empty if there is no such text."""
    content = await source.file(talk.path, At.HEAD)
    if content is None or is_binary(content):
        return ""
    lines = lines_of(redact_secrets(text_of(content))[0])
    first = max((talk.line or 1) - _AROUND, 1)
    shown = enumerate(lines[first - 1 : first + 2 * _AROUND], first)
    return visible("\n".join(margin(number, " ", text) for number, text in shown))


def _cleaned(talk: Talk) -> Talk:
    """The talk as the model may see it: the first remark and the last ones, each within bounds."""
    remarks = talk.remarks
    if len(remarks) > _MOST_REMARKS:
        remarks = (remarks[0], *remarks[1 - _MOST_REMARKS :])
    return replace(
        talk,
        question=_clean(talk.question, _MOST_CHARS_EACH),
        summary=_clean(talk.summary, _MOST_SUMMARY),
        findings=_clean(talk.findings, _MOST_SUMMARY),
        remarks=tuple(replace(each, text=_clean(each.text, _MOST_CHARS_EACH)) for each in remarks),
    )


def _clean(text: str, most: int) -> str:
    whole = visible(redact_secrets(without_hidden(text.replace("\r\n", "\n")))[0]).strip()
    return whole if len(whole) <= most else whole[:most] + "\n[…]"


def _text(material: _Material, framing: Framing, most_chars: int) -> str:
    """Where they speak, the code it is about, what was said before, and what they say."""
    talk, fence = material.talk, framing.fence
    blocks = [_place(talk), _code(material, framing, most_chars)]
    if talk.summary:
        blocks.append(f"Your summary of the review, as it stands in the conversation:\n{fenced(talk.summary, fence)}")
    if talk.findings:
        blocks.append(f"Your findings, each of which has a thread of its own:\n{fenced(talk.findings, fence)}")
    if talk.remarks:
        blocks.append("What was said there before, oldest first:")
        blocks += [
            f"{number}. {_who(each)}:\n{fenced(each.text, fence)}" for number, each in enumerate(talk.remarks, 1)
        ]
    blocks.append(
        f"What {shown_path(talk.login)}, who {Role.WRITER}, says to you now, and what you answer:\n"
        f"{fenced(talk.question, fence)}"
    )
    return "\n\n".join(blocks)


def _place(talk: Talk) -> str:
    if not talk.path:
        return "You are spoken to in the conversation of the pull request, about the change as a whole."
    where = "lines that were removed or have changed since"
    if talk.line:
        lines = f"lines {talk.first_line} to {talk.line}" if talk.first_line else f"line {talk.line}"
        where = f"{lines} of the new file"
    whose = "that you began with a finding" if talk.is_about_finding else "that somebody began with a comment"
    return f"You are spoken to in a thread {whose}, on {shown_path(talk.path)}, {where}."


def _who(remark: Remark) -> str:
    if remark.role is Role.OURSELVES:
        return "You"
    return f"{shown_path(remark.login)} ({remark.role})"


def _code(material: _Material, framing: Framing, most_chars: int) -> str:
    """The part of the change they speak of, as far as there is room."""
    talk = material.talk
    around = ""
    if material.elsewhere:
        shown = fenced(material.elsewhere[:most_chars], framing.fence)
        around = f"The file is not shown as part of the change. It now reads near there:\n\n{shown}"
    if talk.path:
        parts = _parts_at(material, most_chars)
    else:
        files = material.gathered.files
        parts = _parts_within(sorted(files, key=lambda file: not _is_named(file, talk.question)), most_chars)
    if not parts:
        return around or "No code of the change is shown here; look up what you need."
    what = "The part of the change it is about" if talk.path else "The change, as far as there is room"
    shown = f"{what}:\n\n{material_of(parts, framing.fence)}"
    return f"{around}\n\n{shown}" if around else shown


def _parts_at(material: _Material, most_chars: int) -> Sequence[Part]:
    """Of the file, what stands near the line; and of other files that the question names, as much as there is room."""
    talk, gathered, line = material.talk, material.gathered, material.talk.line
    own = next((file for file in gathered.files if file.path == talk.path), None)
    if own is None:
        return _parts_within(gathered.files, most_chars)
    context = gathered.contexts[own.path].pieces if own.path in gathered.contexts else ()
    parts = parts_of(own, context, (), most_chars)
    found = parts[0]
    if line is not None:
        found = near(next((part for part in parts if _holds(part, line)), found), [line])
    return [found, *_parts_within([file for file in gathered.files if file is not own], most_chars - found.chars)]


def _parts_within(files: Sequence[FileDiff], most_chars: int) -> Sequence[Part]:
    """As much of the files as there is room for."""
    chosen: list[Part] = []
    left = most_chars
    for file in files:
        if left < _LEAST:
            break
        for part in parts_of(file, (), (), left):
            if part.chars <= left:
                chosen.append(part)
                left -= part.chars
    return chosen


def _is_named(file: FileDiff, text: str) -> bool:
    name = re.escape(PurePosixPath(file.path).name)
    return re.search(rf"(?<![\w.-]){name}(?![\w-])", text) is not None


def _holds(part: Part, line: int) -> bool:
    return any(hunk.new_start <= line < hunk.new_start + max(hunk.new_count, 1) for hunk in part.file.hunks)
