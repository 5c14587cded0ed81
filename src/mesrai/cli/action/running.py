"""Carry out one step of a workflow: find out what is due, review it, tell it, and decide how the step ends."""

from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from mesrai.assembly.once import pull_request_desk, workflow_event
from mesrai.cli.action.due import Due, due_of
from mesrai.cli.action.telling import tell, tell_nothing_due, tell_review, tell_unreviewed
from mesrai.cli.exits import Exit, exit_code_for, exit_code_of
from mesrai.cli.model_asked import asking_team
from mesrai.cli.running import stopped_by_interrupt
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.pull_request_address import PullRequestAddress
from mesrai.domain.review import Outcome
from mesrai.errors import CredentialMissing, ForgeError, MesraiError
from mesrai.flows.publishing.verdict import reaction_to
from mesrai.flows.review_once import Desk, Once, Wish, review_once
from mesrai.forges.forge import Forge, Reaction
from mesrai.review.options import Options
from mesrai.settings.serving import load_github_access
from mesrai.settings.team import TOKEN_NAME, find_login
from mesrai.settings.workflow import Workflow, load_workflow
from mesrai.wiring import NOT_CONNECTED, Installation, open_installation

_DEPENDABOT: Final = "dependabot[bot]"
_UNPOSTED: Final = "Mesrai: not everything was posted"


async def run_action(environ: Mapping[str, str]) -> int:
    """Carry out the step; its exit code. What went wrong is told in the log, in the summary, and in the outputs."""
    environ = _with_own_folder(environ)
    workflow: Workflow | None = None
    try:
        workflow = load_workflow(environ)
        return await _run(environ, workflow)
    except MesraiError as error:
        if workflow is None:
            tell("error", error.message, title="Mesrai: the review failed")
        else:
            tell_unreviewed(workflow, error.message, outcome="failed", level="error")
        return exit_code_for(error)


def _with_own_folder(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The clone lies where the runner removes it after the job."""
    temporary = environ.get("RUNNER_TEMP", "").strip()
    if not temporary or environ.get("MESRAI_CLONES", "").strip():
        return environ
    return {**environ, "MESRAI_CLONES": str(Path(temporary) / "mesrai-clones")}


async def _run(environ: Mapping[str, str], workflow: Workflow) -> int:
    event = workflow_event(workflow.event_name, workflow.event)
    due = due_of(event, workflow.inputs.number)
    if isinstance(due, str):
        tell_nothing_due(workflow, due)
        return Exit.FINE
    async with AsyncExitStack() as opened:
        installation, missing = await _installation(opened, environ)
        place = PullRequestAddress(origin="", owner=workflow.owner, name=workflow.name, number=due.number)
        access = load_github_access(environ).access
        limit = workflow.inputs.budget
        desk = await opened.enter_async_context(pull_request_desk(environ, access, place, installation, limit=limit))
        if not await _may_ask(desk.forge, due):
            tell_nothing_due(workflow, "Only people who may write to this repository can ask for a review.")
            return Exit.FINE
        if installation is not None and environ.get(TOKEN_NAME, "").strip():
            desk = asking_team(environ, installation, desk, limit)
        excuse = ""
        if desk.model is None:
            excuse = _excuse(workflow, await desk.forge.pull_request(due.number))
            if not excuse:
                find_login(environ)  # half of one is a mistake
                raise missing or CredentialMissing(NOT_CONNECTED)
        stop = opened.enter_context(stopped_by_interrupt())
        wish = _wish(workflow, due, installation, is_posted=workflow.inputs.posts and not excuse)
        once = await _shown(desk, due, review_once(desk, due.number, wish, stop=stop))
    return _ended(workflow, once, excuse)


async def _installation(
    opened: AsyncExitStack, environ: Mapping[str, str]
) -> tuple[Installation | None, CredentialMissing | None]:
    """What is connected; where a model is named whose key is not there, why nothing is."""
    try:
        return await opened.enter_async_context(open_installation(environ)), None
    except CredentialMissing as missing:
        return None, missing


async def _may_ask(forge: Forge, due: Due) -> bool:
    """Whether the person who asked in a comment may, asked of GitHub now. Errors: ForgeError."""
    if due.comment is None:
        return True
    may = await forge.may_write(due.comment.author.login)
    await _react(forge, due, Reaction.STARTED if may else Reaction.SKIPPED)
    return may


async def _react(forge: Forge, due: Due, reaction: Reaction) -> None:
    """Show on the comment what became of it, where the token may."""
    if due.comment is not None:
        with suppress(ForgeError):
            await forge.react(due.number, reaction, comment=due.comment.id)


def _excuse(workflow: Workflow, pull_request: PullRequest) -> str:
    """Why there is no key, where GitHub gives none to a workflow; empty if there should be one."""
    if workflow.event_name != "pull_request":
        return ""
    if pull_request.is_fork:
        whose = "comes from a fork"
    elif _DEPENDABOT in (workflow.actor, pull_request.author.login):
        whose = "is Dependabot's"
    else:
        return ""
    return (
        f"The pull request {whose}, so GitHub gives this workflow no secrets, and there is no key to ask a model with. "
        "Only static analysers read the change. Somebody who may write can have it reviewed by a comment: "
        "@mesrai review, where the workflow listens to comments."
    )


def _wish(workflow: Workflow, due: Due, installation: Installation | None, *, is_posted: bool) -> Wish:
    inputs = workflow.inputs
    options = Options(depth=due.depth or inputs.depth)
    main = installation.settings.main if installation is not None else None
    if main is not None:
        parallel = min(main.max_concurrent_requests or options.parallel, options.parallel)
        options = replace(options, max_output_tokens=main.max_output_tokens, parallel=parallel)
    return Wish(trigger=due.trigger, options=options, is_full=due.is_full or inputs.is_full, is_posted=is_posted)


async def _shown(desk: Desk, due: Due, reviewing: Awaitable[Once]) -> Once:
    """The review, with how it went shown on the comment that asked for it."""
    try:
        once = await reviewing
    except MesraiError:
        await _react(desk.forge, due, Reaction.FAILED)
        raise
    await _react(desk.forge, due, Reaction.SKIPPED if once.review is None else reaction_to(once.review.outcome))
    return once


def _ended(workflow: Workflow, once: Once, excuse: str) -> int:
    """Tell it; the exit code. Errors: SettingsError."""
    review, inputs = once.review, workflow.inputs
    if review is None:
        tell_unreviewed(workflow, once.reason)
        return Exit.PARTLY if inputs.requires_review else Exit.FINE
    tell_review(workflow, once, review, excuse=excuse)
    if once.failed is not None:
        return exit_code_for(once.failed)
    if not _is_told(once):
        return Exit.FAILED
    still_open = once.published.open if once.published is not None and once.published.is_said else None
    code = exit_code_of(review, inputs.fail_on, still_open=still_open)
    is_lacking = bool(excuse) or review.outcome is Outcome.PARTIAL
    return Exit.PARTLY if code is Exit.FINE and inputs.requires_review and is_lacking else code


def _is_told(once: Once) -> bool:
    """Tell what could not be posted; False if the review was begun there and then could not be said."""
    published = once.published
    if once.unposted:
        tell("warning", f"Nothing was posted, so the findings stand only here. {once.unposted}", title=_UNPOSTED)
        return True
    if published is None:
        return True
    for problem in published.problems:
        tell("notice" if published.is_overtaken else "warning", problem, title=_UNPOSTED)
    return published.is_said or published.is_overtaken
