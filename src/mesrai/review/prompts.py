"""What the model is asked: the fixed instructions, the material, and the shapes of its answers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from mesrai.domain.change import Change
from mesrai.domain.diff import FileDiff
from mesrai.domain.finding import Category, Severity
from mesrai.domain.policy import CustomPrompts, Policy, Rule, Scope
from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.llm.model import AnswerShape, Prompt, Tool, UserTurn
from mesrai.review.batches import Batch
from mesrai.review.candidates import Candidate
from mesrai.review.guidance import Guidance
from mesrai.review.material import Part, fence_for, fenced, near, render_files, render_part, shown_path, visible
from mesrai.review.options import Options
from mesrai.review.remembered import memories_text
from mesrai.review.shapes import reply_shape, review_shape, skeleton_of, verify_shape

_ASKED_FOR = {
    Category.ERROR_HANDLING: "errors swallowed, lost or shown wrongly",
    Category.MAINTAINABILITY: "structure that will make the next change go wrong",
    Category.REFACTORING: "duplicated or needlessly tangled code in the changed lines",
    Category.CODE_STYLE: "clear breaks of the style the surrounding code keeps",
    Category.DOCUMENTATION: "documentation and comments that the change makes false",
    Category.BUSINESS_LOGIC: "requirements stated in the description or by the person that the change does not meet",
}
# What nobody sees who looks at a description: comments, and one without an end where a line begins.
_HIDDEN = re.compile(r"<!--.*?-->|^ {0,3}<!--.*", re.DOTALL | re.MULTILINE)
_ALWAYS = (Category.BUG, Category.SECURITY, Category.PERFORMANCE)
_WRITING = ("suggestion", "How titles, bodies and replacements are written")


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """What all questions of one review share: their common beginning, which providers cache."""

    review_system: str
    verify_system: str
    talk_system: str
    overview: str  # title, description, list of files, what the person adds
    fence: str
    review_shape: AnswerShape
    verify_shape: AnswerShape

    @property
    def chars(self) -> int:
        """The most characters the fixed texts and shapes add to a question."""
        systems = (self.review_system, self.verify_system, self.talk_system)
        return max(map(len, systems)) + len(self.overview) + 6_000


def framing_for(
    change: Change,
    reviewed: Sequence[FileDiff],
    policy: Policy,
    guidance: Guidance,
    options: Options,
    also: Sequence[str] = (),
) -> Framing:
    """The fixed texts of one review, or of one talk; `also` is what else from outside will be shown."""
    overview = _overview(change, reviewed, options.context)
    remembered = [memory.text for memory in policy.memories]
    holding = rules_that_hold(policy, reviewed)
    owners = [policy.summary.instructions, *(_rule_text(rule) for rule in holding)]
    owners += [text for text in asdict(policy.prompts).values() if text]
    fence = fence_for([overview, guidance.text, *remembered, *owners, *_all_lines(change), *also])
    rules = _rules_text(holding, fence)
    wanted = [each for each in Category if policy.wants(each) and (each is not Category.RULE or holding)]
    if options.rules_only:
        wanted = [Category.RULE]
    guide = memories_text(policy.memories, [file.path for file in reviewed], fence)
    if guidance.text:
        guide += "\n# Conventions of this repository (its own documents)\n\n" + fenced(guidance.text, fence)
    review = _rules_instructions(fence, wanted) if options.rules_only else _instructions(fence, wanted)
    verify, talk = (_instruction(name).replace("{fence}", fence) for name in ("verify", "talk"))
    judged = [] if options.rules_only else _judged(wanted)
    wishes = _wishes_text(policy, fence) + _prompts_text(policy.prompts, [*judged, _WRITING], fence)
    language = _language_text(policy)
    return Framing(
        review_system=review + rules + guide + wishes + language,
        verify_system=verify + rules + guide + _prompts_text(policy.prompts, judged, fence) + language,
        talk_system=talk + rules + guide + language,
        overview=fenced(overview, fence),
        fence=fence,
        review_shape=review_shape(wanted),
        verify_shape=verify_shape(),
    )


def rules_that_hold(policy: Policy, reviewed: Sequence[FileDiff]) -> list[Rule]:
    """The owners' rules that cover a reviewed file or the change as a whole; none if the policy wants none checked."""
    if not policy.wants(Category.RULE):
        return []
    return [
        rule
        for rule in policy.rules
        if rule.is_enabled and (rule.scope is Scope.PULL_REQUEST or any(rule.covers(file.path) for file in reviewed))
    ]


def review_prompt(framing: Framing, batch: Batch, tools: Sequence[Tool], options: Options, most_tokens: int) -> Prompt:
    """The question that searches a batch for problems."""
    names = "\n".join(f"- {shown_path(path)}" for path in batch.paths)
    text = (
        f"{framing.overview}\n\nReview this part of the change; files of the change that are not in it are reviewed "
        f"separately:\n\n{material_of(batch.parts, framing.fence)}\n\n"
        f"Report on these files, each with an entry in `files`:\n{names}\n\n"
        f"{_answer_hint(framing.review_shape, tools, options.effort.look_steps)}"
    )
    return _prompt(framing.review_system, text, framing.review_shape, tools, options, most_tokens)


def verify_prompt(
    framing: Framing,
    batch: Batch,
    candidates: Sequence[Candidate],
    tools: Sequence[Tool],
    options: Options,
    most_tokens: int,
) -> Prompt:
    """The question that tries to refute what was found in a batch."""
    lines: dict[str, list[int]] = {}
    for candidate in candidates:
        lines.setdefault(candidate.path, []).append(candidate.line or 0)
    parts = tuple(near(part, lines[part.file.path]) for part in batch.parts if part.file.path in lines)
    listed = "\n\n".join(_claim(number, each) for number, each in enumerate(candidates, 1))
    text = (
        f"{framing.overview}\n\nThe part of the change the findings are about:\n\n"
        f"{material_of(parts, framing.fence)}\n\n"
        f"The findings:\n\n{fenced(visible(redact_secrets(listed)[0]), framing.fence)}\n\n"
        f"Give one verdict for each finding, numbered 1 to {len(candidates)}.\n\n"
        f"{_answer_hint(framing.verify_shape, tools, options.effort.check_steps)}"
    )
    return _prompt(framing.verify_system, text, framing.verify_shape, tools, options, most_tokens)


def talk_prompt(framing: Framing, text: str, tools: Sequence[Tool], options: Options, most_tokens: int) -> Prompt:
    """The question that has somebody answered; `text` says where they speak, of what, and what they say."""
    shape = reply_shape()
    asked = f"{framing.overview}\n\n{text}\n\n{_answer_hint(shape, tools, options.effort.look_steps)}"
    return _prompt(framing.talk_system, asked, shape, tools, options, most_tokens)


def without_hidden(text: str) -> str:
    """Markdown without what nobody sees who looks at it."""
    return _HIDDEN.sub("", text)


def _prompt(
    system: str, text: str, shape: AnswerShape, tools: Sequence[Tool], options: Options, most_tokens: int
) -> Prompt:
    return Prompt(
        system=system,
        turns=(UserTurn(text=text),),
        tools=tuple(tools),
        shape=shape,
        max_output_tokens=most_tokens,
        thinking=options.thinking,
        cache_key=options.cache_key,
    )


def material_of(parts: Sequence[Part], fence: str) -> str:
    """Parts of the change as one piece of material."""
    return fenced("\n\n".join(render_part(part) for part in parts), fence)


def _answer_hint(shape: AnswerShape, tools: Sequence[Tool], steps: int) -> str:
    looked = "Answer"
    if tools:
        looked = (
            f"If something is unclear, look it up with the tools first: in at most {steps} turns, several calls in one "
            "turn where you can; what they return shares one budget, so ask for what is narrow. Then answer"
        )
    return f"{looked} with one JSON object and nothing else.\n{skeleton_of(shape)}"


def _claim(number: int, candidate: Candidate) -> str:
    where = f"{candidate.path}, line {candidate.line}" if candidate.line else candidate.path
    replacement = candidate.raw.replacement
    fix = "" if replacement is None else f"\nProposed replacement of the quoted lines:\n{replacement}"
    return (
        f"{number}. {candidate.raw.title} ({candidate.raw.severity}, {candidate.raw.category}; {where})\n"
        f"Quoted code:\n{candidate.raw.quote}\n{candidate.raw.body}\nEvidence given: {candidate.raw.evidence}{fix}"
    )


def _overview(change: Change, reviewed: Sequence[FileDiff], context: str) -> str:
    description = _clipped(without_hidden(change.description), 6_000)
    blocks = [f"Title: {change.title[:300]}" if change.title else "", description]
    if context:
        blocks.append("What the person who asked for the review adds:\n" + _clipped(context, 20_000))
    blocks.append("Files of the change that are reviewed:\n" + render_files(reviewed))
    others = [file for file in change.files if file not in reviewed] if len(change.files) < 2_000 else []
    if others:
        blocks.append("Other files of the change, not shown:\n" + render_files(others, most=100))
    return visible(redact_secrets("\n\n".join(block for block in blocks if block))[0])


def _all_lines(change: Change) -> Iterator[str]:
    """All that an outsider may have written: a fence made from it cannot stand in it."""
    return (line.text for file in change.files for hunk in file.hunks for line in hunk.lines)


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "\n[…]"


def _rules_text(rules: Sequence[Rule], fence: str) -> str:
    if not rules:
        return ""
    listed = "\n\n".join(_rule_text(rule) for rule in rules)
    intro = (
        "\n# Rules of this repository's owners\n\nReport each place where the changed lines break one of these, with "
        "category `rule`, the rule's severity, and the rule's title at the start of the body. A rule holds only for "
        "the paths it names.\n\n"
    )
    return intro + fenced(listed, fence)


def _rule_text(rule: Rule) -> str:
    paths = ", ".join(rule.paths) or "all files"
    examples = "".join(
        f"\n  {'Right' if example.is_correct else 'Wrong'}: {example.snippet}" for example in rule.examples
    )
    return f"- {rule.title} ({rule.severity}; {paths}): {rule.rule}{examples}"


def _wishes_text(policy: Policy, fence: str) -> str:
    """What the owners ask of the summary."""
    asked = policy.summary.instructions.strip()
    if not asked or not policy.summary.is_generated:
        return ""
    intro = "\n# What the owners ask of `summary`\n\nIt shapes what the summary tells of the change, nothing else.\n\n"
    return intro + fenced(visible(asked), fence) + "\n"


def _judged(wanted: Sequence[Category]) -> list[tuple[str, str]]:
    """What of a finding the owners may have words on: their field, and what it is about."""
    categories = [(str(each), f"Category `{each}`") for each in _ALWAYS if each in wanted]
    return categories + [(str(each), f"Severity `{each}`") for each in Severity]


def _prompts_text(prompts: CustomPrompts, told: Sequence[tuple[str, str]], fence: str) -> str:
    """What the owners say of these: each a field of their prompts, with what it is about."""
    said = [f"{about}:\n{text}" for name, about in told if (text := getattr(prompts, name).strip())]
    if not said:
        return ""
    intro = (
        "\n# What the owners say of findings\n\nWhere it differs from what is said above of a category, a severity or "
        "of how to write, theirs holds. It changes nothing else: neither what is proof nor the form of the answer.\n\n"
    )
    return intro + fenced(visible("\n\n".join(said)), fence) + "\n"


def _language_text(policy: Policy) -> str:
    if not policy.language:
        return ""
    return (
        f"\n# Language\n\nWrite all prose of your answer in {policy.language}: titles, bodies, evidence, notes, "
        "summary, replies. Leave as they are: paths, names in code, `quote` and `replacement`, titles of rules, "
        "and the fixed words of the answer's form, such as categories, severities and verdicts.\n"
    )


def _instructions(fence: str, wanted: Sequence[Category]) -> str:
    more = [f"- **{each}**: {_ASKED_FOR[each]}." for each in wanted if each in _ASKED_FOR]
    unwanted = [str(each) for each in _ALWAYS if each not in wanted]
    if unwanted:
        more.append(f"\nThe owners do not want findings of these categories: {', '.join(unwanted)}.")
    values = {
        "categories": "\n".join(more),
        "category_names": ", ".join(wanted),
        "no_style": "" if Category.CODE_STYLE in wanted else "style and naming, ",
        "fence": fence,
    }
    text = _instruction("review")
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _rules_instructions(fence: str, wanted: Sequence[Category]) -> str:
    whole = _instructions(fence, wanted)
    return _instruction("rules_only") + "\n" + whole[whole.index("# How to report") :]


@cache
def _instruction(name: str) -> str:
    return (files("mesrai.review") / "instructions" / f"{name}.md").read_text("utf-8")
