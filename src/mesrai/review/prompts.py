"""What the model is asked: the fixed instructions, the material, and the shapes of its answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mesrai.domain.change import Change
from mesrai.domain.diff import FileDiff
from mesrai.domain.finding import Category, Severity
from mesrai.domain.policy import Policy, Rule, Scope
from mesrai.llm.model import AnswerShape, Json, Prompt, Tool, UserTurn
from mesrai.review.batches import Batch
from mesrai.review.candidates import Candidate
from mesrai.review.guidance import Guidance
from mesrai.review.material import fence_for, fenced, render_files, render_part, visible
from mesrai.review.options import Options

_TEXT = "string"
_ASKED_FOR = {
    Category.ERROR_HANDLING: "errors swallowed, lost or shown wrongly",
    Category.MAINTAINABILITY: "structure that will make the next change go wrong",
    Category.REFACTORING: "duplicated or needlessly tangled code in the changed lines",
    Category.CODE_STYLE: "clear breaks of the style the surrounding code keeps",
    Category.DOCUMENTATION: "documentation and comments that the change makes false",
    Category.BUSINESS_LOGIC: "requirements stated in the description or by the person that the change does not meet",
}
_ALWAYS = (Category.BUG, Category.SECURITY, Category.PERFORMANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """What all questions of one review share: their common beginning, which providers cache."""

    review_system: str
    verify_system: str
    overview: str  # title, description, list of files, what the person adds
    fence: str
    review_shape: AnswerShape
    verify_shape: AnswerShape

    @property
    def chars(self) -> int:
        """The most characters the fixed texts and shapes add to a question."""
        return max(len(self.review_system), len(self.verify_system)) + len(self.overview) + 6_000


def framing_for(
    change: Change, reviewed: Sequence[FileDiff], policy: Policy, guidance: Guidance, options: Options
) -> Framing:
    """The fixed texts of one review."""
    overview = _overview(change, reviewed, options.context)
    fence = fence_for([overview, guidance.text, *_all_lines(change)])
    rules = _rules_text(_rules_that_hold([*policy.rules, *guidance.rules], reviewed), fence)
    guide = ""
    if guidance.text:
        guide = "\n# Conventions of this repository (its own documents)\n\n" + fenced(guidance.text, fence)
    review = _instructions("review", fence, policy) if not options.rules_only else _rules_instructions(fence, policy)
    return Framing(
        review_system=review + rules + guide,
        verify_system=_instruction("verify").replace("{fence}", fence) + rules + guide,
        overview=fenced(overview, fence),
        fence=fence,
        review_shape=_review_shape(_wanted(policy)),
        verify_shape=_verify_shape(),
    )


def review_prompt(framing: Framing, batch: Batch, tools: Sequence[Tool], options: Options, most_tokens: int) -> Prompt:
    """The question that searches a batch for problems."""
    names = "\n".join(f"- {path}" for path in batch.paths)
    text = (
        f"{framing.overview}\n\nReview this part of the change:\n\n{_material(batch, framing.fence)}\n\n"
        f"Report on these files, each with an entry in `files`:\n{visible(names)}\n\n"
        f"{_answer_hint(framing.review_shape, tools)}"
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
    about = {candidate.path for candidate in candidates}
    parts = tuple(part for part in batch.parts if part.file.path in about)
    listed = "\n\n".join(_claim(number, each) for number, each in enumerate(candidates, 1))
    text = (
        f"{framing.overview}\n\nThe part of the change the findings are about:\n\n"
        f"{_material(Batch(id=batch.id, parts=parts), framing.fence)}\n\n"
        f"The findings:\n\n{fenced(visible(listed), framing.fence)}\n\n"
        f"Give {len(candidates)} verdicts, numbered 1 to {len(candidates)}.\n\n"
        f"{_answer_hint(framing.verify_shape, tools)}"
    )
    return _prompt(framing.verify_system, text, framing.verify_shape, tools, options, most_tokens)


def _prompt(
    system: str, text: str, shape: AnswerShape, tools: Sequence[Tool], options: Options, most_tokens: int
) -> Prompt:
    return Prompt(
        system=system,
        turns=(UserTurn(text=text),),
        tools=tuple(tools),
        shape=shape,
        max_output_tokens=most_tokens,
        thinking=options.thinking_used,
        cache_key=options.cache_key,
    )


def _material(batch: Batch, fence: str) -> str:
    return fenced("\n\n".join(render_part(part) for part in batch.parts), fence)


def _answer_hint(shape: AnswerShape, tools: Sequence[Tool]) -> str:
    looked = "If you have to look something up, call the tools first. Then answer" if tools else "Answer"
    keys = ", ".join(f"`{key}`" for key in shape.schema["properties"])
    return f"{looked} with one JSON object and nothing else. It has exactly these keys: {keys}."


def _claim(number: int, candidate: Candidate) -> str:
    where = f"{candidate.path}, line {candidate.line}" if candidate.line else candidate.path
    replacement = candidate.raw.replacement
    fix = "" if replacement is None else f"\nProposed replacement of the quoted lines:\n{replacement}"
    return (
        f"{number}. {candidate.raw.title} ({candidate.raw.severity}, {candidate.raw.category}; {where})\n"
        f"Quoted code:\n{candidate.raw.quote}\n{candidate.raw.body}\nEvidence given: {candidate.raw.evidence}{fix}"
    )


def _overview(change: Change, reviewed: Sequence[FileDiff], context: str) -> str:
    blocks = [f"Title: {change.title[:300]}" if change.title else "", _clipped(change.description, 6_000)]
    if context:
        blocks.append("What the person who asked for the review adds:\n" + _clipped(context, 20_000))
    blocks.append("Files of the change that are reviewed:\n" + render_files(reviewed))
    others = [file for file in change.files if file not in reviewed] if len(change.files) < 2_000 else []
    if others:
        blocks.append("Other files of the change, not shown:\n" + render_files(others, most=100))
    return visible("\n\n".join(block for block in blocks if block))


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


def _rules_that_hold(rules: Sequence[Rule], reviewed: Sequence[FileDiff]) -> list[Rule]:
    return [
        rule
        for rule in rules
        if rule.is_enabled and (rule.scope is Scope.PULL_REQUEST or any(rule.covers(file.path) for file in reviewed))
    ]


def _rule_text(rule: Rule) -> str:
    paths = ", ".join(rule.paths) or "all files"
    examples = "".join(
        f"\n  {'Right' if example.is_correct else 'Wrong'}: {example.snippet}" for example in rule.examples
    )
    return f"- {rule.title} ({rule.severity}; {paths}): {rule.rule}{examples}"


def _wanted(policy: Policy) -> list[Category]:
    return [category for category in Category if policy.wants(category)]


def _instructions(name: str, fence: str, policy: Policy) -> str:
    wanted = _wanted(policy)
    more = [f"- **{each}**: {_ASKED_FOR[each]}." for each in wanted if each in _ASKED_FOR]
    unwanted = [str(each) for each in _ALWAYS if each not in wanted]
    if unwanted:
        more.append(f"\nThe owners do not want findings of these categories: {', '.join(unwanted)}.")
    text = _instruction(name).replace("{categories}", "\n".join(more))
    return text.replace("{category_names}", ", ".join(wanted)).replace("{fence}", fence)


def _rules_instructions(fence: str, policy: Policy) -> str:
    whole = _instructions("review", fence, policy)
    return _instruction("rules_only") + "\n" + whole[whole.index("# How to report") :]


@cache
def _instruction(name: str) -> str:
    return (files("mesrai.review") / "instructions" / f"{name}.md").read_text("utf-8")


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _one_of(values: Sequence[str]) -> Json:
    return {"type": _TEXT, "enum": list(values)}


def _list_of(item: Json) -> Json:
    return {"type": "array", "items": item}


def _review_shape(categories: Sequence[Category]) -> AnswerShape:
    text: Mapping[str, str] = {"type": _TEXT}
    finding = _object(
        path=text,
        line={"type": "integer"},
        quote=text,
        evidence=text,
        title=text,
        body=text,
        category=_one_of(categories),
        severity=_one_of(list(Severity)),
        confidence={"type": "number"},
        replacement={"anyOf": [{"type": _TEXT}, {"type": "null"}]},
    )
    return AnswerShape(
        name="submit_review",
        description="Hand in the review of this part of the change.",
        schema=_object(files=_list_of(_object(path=text, note=text)), findings=_list_of(finding), summary=text),
    )


def _verify_shape() -> AnswerShape:
    verdict = _object(
        number={"type": "integer"},
        evidence={"type": _TEXT},
        verdict=_one_of(["confirmed", "refuted"]),
        severity=_one_of(list(Severity)),
        confidence={"type": "number"},
    )
    return AnswerShape(
        name="submit_verdicts",
        description="Hand in the verdict on each finding.",
        schema=_object(verdicts=_list_of(verdict)),
    )
