"""What each tool does. Answers are plain text, in which nothing from outside can act on a terminal."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from io import StringIO
from pathlib import Path
from typing import Any, Final, Protocol

from mesrai.cli.call import Call
from mesrai.cli.config.text import config_json
from mesrai.cli.fix import Talk, Tree, fix_all
from mesrai.cli.levels_here import levels_here
from mesrai.cli.mcp import tools
from mesrai.cli.running import Attended, Done, run_estimate, run_review
from mesrai.domain.finding import Finding, Severity
from mesrai.domain.policy_levels import merged
from mesrai.domain.review import Review
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import UserError
from mesrai.review.options import Depth
from mesrai.review.pipeline import ReviewFailed
from mesrai.review.progress import Watch
from mesrai.review.render.code import Lines, hiding_secrets
from mesrai.review.render.look import Look
from mesrai.review.render.prompt_only import CAUTION, render_prompt
from mesrai.review.render.terminal import render_finding
from mesrai.review.render.untrusted import one_line
from mesrai.review.render.wording import counted, estimate_text, headline, place

_KINDS: Final = {
    "working_tree": SelectionKind.WORKING_TREE,
    "staged": SelectionKind.STAGED,
    "commit": SelectionKind.COMMIT,
    "branch": SelectionKind.BRANCH,
    "range": SelectionKind.RANGE,
}
_SHORT: Final = 12  # characters of a finding's id that are shown
_LOOK: Final = Look(width=100, is_verbose=True)

Watching = Watch
Work = Callable[[dict[str, Any], Watching], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A review, and what was read for it."""

    review: Review
    root: Path
    heads: Mapping[str, bytes]
    lines: Lines


class Memory(Protocol):
    """Where reviews are remembered."""

    def keep(self, kept: Kept) -> str:
        """Remember a review; its id."""
        ...

    def review(self, name: str) -> Kept:
        """The review of that id, or the latest. Errors: UserError."""
        ...


def works(memory: Memory) -> Mapping[str, Work]:
    """Each tool by its name."""
    desk = _Desk(memory)
    return {
        tools.REVIEW_CHANGE: desk.review_change,
        tools.LIST_FINDINGS: desk.list_findings,
        tools.EXPLAIN_FINDING: desk.explain_finding,
        tools.APPLY_SUGGESTION: desk.apply_suggestion,
        tools.GET_POLICY: desk.get_policy,
        tools.ESTIMATE: desk.estimate,
    }


class _Desk:
    """The tools. Arguments were checked against the schemas."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def review_change(self, given: dict[str, Any], watching: Watching) -> str:
        """Review; the findings as text for an agent. Errors: MesraiError."""
        call = _call(given)
        try:
            async with run_review(call, Attended(watch=watching, stop=asyncio.Event())) as done:
                name = self._memory.keep(_kept(done))
                text = render_prompt(done.review, lines=done.lines)
        except ReviewFailed as failed:
            told = "; ".join(one_line(each, 300) for each in failed.review.failures[:3])
            raise UserError(f"{failed.message} {headline(failed.review)} {told}".rstrip()) from failed
        return f"This is {name}. Ids for the other tools:\n{_listed(done.review.findings)}\n\n{text}"

    async def list_findings(self, given: dict[str, Any], _watching: Watching) -> str:
        """One line each. Errors: UserError."""
        kept = self._memory.review(given.get("review", ""))
        least = Severity(given.get("severity", str(Severity.LOW)))
        within = str(given.get("path", "")).rstrip("/")
        found = [
            each
            for each in kept.review.findings
            if each.severity.reaches(least) and (not within or f"{each.path}/".startswith(f"{within}/"))
        ]
        return f"{headline(kept.review)}\n{CAUTION}\n{_listed(found)}"

    async def explain_finding(self, given: dict[str, Any], _watching: Watching) -> str:
        """All of one finding. Errors: UserError."""
        kept = self._memory.review(given.get("review", ""))
        finding = _find(kept.review, given["finding"])
        number = list(kept.review.findings).index(finding) + 1
        shown = render_finding(finding, number=number, lines=hiding_secrets(kept.lines), look=_LOOK)
        return f"{CAUTION}\n\n{shown}\nSource: {one_line(finding.source)}. Confidence: {finding.confidence:g}."

    async def apply_suggestion(self, given: dict[str, Any], _watching: Watching) -> str:
        """Write the files; what was applied and what was not. Errors: UserError if nothing was."""
        kept = self._memory.review(given.get("review", ""))
        wanted = tuple(dict.fromkeys(_find(kept.review, each) for each in given["findings"]))
        for each in wanted:
            if each.suggestion is None:
                raise UserError(f"The finding {each.fingerprint[:_SHORT]} has no suggestion; nothing was changed.")
        out = StringIO()
        talk = Talk(answers=StringIO(), out=out, look=_LOOK)
        tree = Tree(root=kept.root, reviewed=kept.heads)
        fixed = fix_all(replace(kept.review, findings=wanted), tree, talk, asks=False)
        lines = [f"Applied {counted(len(fixed.applied), 'suggestion')}."]
        lines += [f"applied: {place(each)} {one_line(each.title)}" for each in fixed.applied]
        lines += [f"not applied: {place(each.finding)}: {one_line(each.reason, 300)}" for each in fixed.skipped]
        if not fixed.applied:
            raise UserError("\n".join(lines))
        return "\n".join(lines)

    async def get_policy(self, given: dict[str, Any], _watching: Watching) -> str:
        """As JSON. Errors: MesraiError."""
        here = await levels_here(given.get("path", ""))
        return config_json(here, merged(here.levels.layers, here.levels.scene))

    async def estimate(self, given: dict[str, Any], _watching: Watching) -> str:
        """In a sentence. Errors: MesraiError."""
        return f"This review would cost {estimate_text(await run_estimate(_call(given)))}."


def _kept(done: Done) -> Kept:
    return Kept(review=done.review, root=done.root, heads=done.heads, lines=done.lines)


def _listed(findings: Sequence[Finding]) -> str:
    lines = [
        f"{each.fingerprint[:_SHORT]} {each.severity} {place(each)} {one_line(each.title)}"
        + (" [has a suggestion]" if each.suggestion else "")
        for each in findings
    ]
    return "\n".join(lines) or "(no findings)"


def _find(review: Review, name: str) -> Finding:
    """The finding whose id begins so. Errors: UserError."""
    found = [each for each in review.findings if len(name) >= 4 and each.fingerprint.startswith(name)]
    if len(found) != 1:
        many = "There is no finding" if not found else f"{len(found)} findings have ids that begin with"
        raise UserError(f"{many} {one_line(name, 80)}; list_findings tells the ids.")
    return found[0]


def _call(given: Mapping[str, Any]) -> Call:
    """Errors: UserError for what does not go together."""
    what, revision = given.get("what", "working_tree"), given.get("revision", "")
    if (what in ("commit", "branch", "range")) != bool(revision):
        raise UserError("revision goes with commit, branch and range, which need it.")
    is_offline = given.get("offline", False)
    for name in ("rules_only", "budget"):
        if is_offline and given.get(name):
            raise UserError(f"{name} needs a model, so it cannot go with offline.")
    return Call(
        selection=Selection(kind=_KINDS[what], value=revision, paths=tuple(given.get("paths", ()))),
        form="prompt",
        output=None,
        fields=(),
        is_quiet=True,
        is_verbose=False,
        fail_on=None,
        wants_fix=False,
        wants_interactive=False,
        assumes_yes=False,
        context=given.get("context", ""),
        is_rules_only=given.get("rules_only", False),
        depth=Depth(given.get("depth", str(Depth.NORMAL))),
        is_offline=is_offline,
        budget=_budget(given.get("budget", "")),
    )


def _budget(text: str) -> Decimal | None:
    if not text:
        return None
    with suppress(InvalidOperation):
        amount = Decimal(text)
        if amount.is_finite() and 0 < amount < 1_000_000:
            return amount
    raise UserError("budget is an amount above 0, such as 0.50.")
