"""Rules of ours for GitHub workflows and actions; they need no program.

Their codes are zizmor's where both mean the same, so that a statement is not shown twice.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mesrai.analysers.workflow_files import is_action, is_workflow
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity
from mesrai.domain.yaml_lines import Listing, Node, Scalar, Table, YamlProblem, read_yaml

_PRIVILEGED_TRIGGERS: Final = ("pull_request_target", "workflow_run")
_HEAD_OF_OTHERS: Final = re.compile(
    r"github\.event\.pull_request\.(?:head\b|merge_commit_sha)|github\.head_ref|refs/pull/|github\.event\.workflow_run\.head"
    r"|github\.event\.number|github\.event\.pull_request\.number"
)
# What anybody can write who may open an issue or a pull request:
# https://docs.github.com/en/actions/reference/security/secure-use
_WRITTEN_BY_OTHERS: Final = re.compile(
    r"\$\{\{[^}]{0,200}?\b(?:github\.head_ref"
    r"|github\.event\.(?:issue|pull_request|discussion)\.(?:title|body)"
    r"|github\.event\.(?:comment|review|review_comment)\.body"
    r"|github\.event\.pull_request\.head\.(?:ref|label|repo\.default_branch)"
    r"|github\.event\.(?:head_commit|commits\[?[^.]{0,20})\.(?:message|author\.(?:email|name))"
    r"|github\.event\.workflow_run\.(?:head_branch|display_title|head_commit\.(?:message|author\.(?:email|name)))"
    r"|github\.event\.pages[^.]{0,20}\.page_name)\b"
)
_USES: Final = re.compile(r"(?P<owner>[A-Za-z0-9_.-]+)/(?P<rest>[^@\s]+)@(?P<ref>\S+)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_GITHUBS_OWN: Final = frozenset(("actions", "github"))
_DOCS: Final = "https://docs.zizmor.sh/audits/#"


class Workflows:
    """Dangerous checkouts, injected text, actions without a fixed version, and files that are no YAML."""

    @property
    def name(self) -> str:
        """How it is called in findings and coverage."""
        return "workflows"

    def covers(self, path: str) -> bool:
        """Workflows and actions."""
        return is_workflow(path) or is_action(path)

    async def run(self, files: Mapping[str, str]) -> Sequence[Diagnostic]:
        """What the rules say about these files."""
        return [each for path, text in files.items() for each in await asyncio.to_thread(_of_file, path, text)]


def _of_file(path: str, text: str) -> list[Diagnostic]:
    return list(_statements(path, text))


def _statements(path: str, text: str) -> Iterator[Diagnostic]:
    try:
        root = read_yaml(text)
    except YamlProblem as error:
        yield _diagnostic(path, error.line, "syntax", f"The file is not valid YAML: {error.message}.", Severity.HIGH)
        return
    lines = text.split("\n")
    is_privileged = _is_triggered_by_others(root)
    for step in _steps(root):
        yield from _untrusted_checkout(path, step, is_privileged)
        yield from _injections(path, step, lines)
    for uses in _all_uses(root):
        yield from _unpinned(path, uses)


def _is_triggered_by_others(root: Node) -> bool:
    """Whether other people's pull requests start the workflow with the repository's own rights."""
    triggers = root.find("on") if isinstance(root, Table) else None
    names: list[Node] = []
    if isinstance(triggers, Table):
        names = [key for key, _ in triggers.pairs]
    elif isinstance(triggers, Listing):
        names = list(triggers.items)
    elif triggers is not None:
        names = [triggers]
    return any(isinstance(name, Scalar) and name.text in _PRIVILEGED_TRIGGERS for name in names)


def _steps(root: Node) -> Iterator[Table]:
    if not isinstance(root, Table):
        return
    jobs = root.find("jobs")
    owners = [value for _, value in jobs.pairs] if isinstance(jobs, Table) else [root.find("runs")]
    for owner in owners:
        steps = owner.find("steps") if isinstance(owner, Table) else None
        if isinstance(steps, Listing):
            yield from (step for step in steps.items if isinstance(step, Table))


def _all_uses(root: Node) -> Iterator[Scalar]:
    """What steps use, and what whole jobs use."""
    jobs = root.find("jobs") if isinstance(root, Table) else None
    whole = [value for _, value in jobs.pairs if isinstance(value, Table)] if isinstance(jobs, Table) else []
    for owner in [*whole, *_steps(root)]:
        uses = owner.find("uses")
        if isinstance(uses, Scalar):
            yield uses


def _untrusted_checkout(path: str, step: Table, is_privileged: bool) -> Iterator[Diagnostic]:
    uses, given = step.find("uses"), step.find("with")
    if not (is_privileged and isinstance(uses, Scalar) and uses.text.startswith("actions/checkout@")):
        return
    ref = given.find("ref") if isinstance(given, Table) else None
    if isinstance(ref, Scalar) and _HEAD_OF_OTHERS.search(ref.text):
        message = (
            "The workflow runs with the repository's secrets and checks out code from a pull request: whoever opens "
            "one can run code with those rights. Use the `pull_request` trigger, or do not run what was checked out."
        )
        yield _diagnostic(path, ref.line, "untrusted-checkout", message, Severity.HIGH, "dangerous-triggers")


def _injections(path: str, step: Table, lines: Sequence[str]) -> Iterator[Diagnostic]:
    given = step.find("with")
    for script in (step.find("run"), given.find("script") if isinstance(given, Table) else None):
        if not isinstance(script, Scalar):
            continue
        line = script.line
        for expression in _WRITTEN_BY_OTHERS.finditer(script.text):
            line = next((at for at in range(line, len(lines) + 1) if expression[0] in lines[at - 1]), script.line)
            message = (
                "Text that other people write is put into the script before it runs, so they can add commands. "
                "Hand it over in an environment variable (`env:`) instead."
            )
            yield _diagnostic(path, line, "template-injection", message, Severity.HIGH, "template-injection")


def _unpinned(path: str, uses: Scalar) -> Iterator[Diagnostic]:
    named = _USES.fullmatch(uses.text.strip())
    if not named or named["owner"] in _GITHUBS_OWN or named["owner"] in (".", "..") or _COMMIT.fullmatch(named["ref"]):
        return
    message = (
        f"`{named['ref']}` of this action can be moved to other code by its owner. Name the full commit id, "
        "with the version in a comment."
    )
    yield _diagnostic(path, uses.line, "unpinned-uses", message, Severity.LOW, "unpinned-uses")


def _diagnostic(path: str, line: int, code: str, message: str, severity: Severity, page: str = "") -> Diagnostic:
    return Diagnostic(
        analyser="workflows",
        code=code,
        path=path,
        start_line=line,
        end_line=line,
        message=message,
        severity=severity,
        category=Category.BUG if code == "syntax" else Category.SECURITY,
        url=_DOCS + page if page else "",
    )
