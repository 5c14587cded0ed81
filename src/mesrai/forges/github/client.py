"""GitHub as a Forge: one repository under one credential."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from mesrai.domain.pull_request import Comment, Person, PullRequest, RepositoryName
from mesrai.errors import ForgeAuth, ForgeNotFound, ForgeUnavailable
from mesrai.forges.forge import Check, InlineComment, Posted, Reaction, Thread, Verdict
from mesrai.forges.github.api_source import ApiSource, open_api_source
from mesrai.forges.github.bodies import (
    CHECK_NAME,
    OUR_RUN,
    annotation_body,
    capped,
    check_bodies,
    comment_text,
    status_body,
)
from mesrai.forges.github.git_access import GitAccess, git_access
from mesrai.forges.github.payloads import a_list, a_mapping, an_id, an_object, as_documented, optional_object, text
from mesrai.forges.github.reviews import Posting, dismiss, post_review, standing_verdict
from mesrai.forges.github.threads import fetch_threads, resolve_thread
from mesrai.forges.github.transport import Transport
from mesrai.forges.github.wire import comment_from, is_same, person_from, pull_request_from, repository_from

_WORKFLOW_BOT: Final = "github-actions[bot]"  # who a workflow's token acts as


class GitHub:
    """One repository on GitHub. See Forge for what each method promises."""

    def __init__(self, transport: Transport, repository: RepositoryName) -> None:
        self._transport = transport
        self._repository = repository
        self._now = repository  # under the name it has by now, as far as known
        self._me: Person | None = None
        self._has_checks = True  # until GitHub says otherwise

    async def me(self) -> Person:
        """See Forge. Asked once."""
        if self._me is None:
            login = await self._transport.credentials.login()
            self._me = await (self._account(login) if login else self._token_owner())
        return self._me

    async def pull_request(self, number: int) -> PullRequest:
        """See Forge."""
        payload = await self._transport.read(self._pull(number))
        with as_documented():
            found = pull_request_from(a_mapping(payload), self._repository)
            self._now = repository_from(an_object(an_object(payload, "base"), "repo"), self._repository.forge)
        return found

    async def may_write(self, login: str) -> bool:
        """See Forge. An app or a bot may not, and neither may a name that nobody has."""
        permission, _ = await self._rights(login)
        return permission in ("admin", "maintain", "write")

    async def may_administer(self, login: str) -> bool:
        """See Forge. `permission` has no word for who maintains: it is the role that says so.

        https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        """
        permission, role = await self._rights(login)
        return permission == "admin" or role in ("admin", "maintain")

    async def _rights(self, login: str) -> tuple[object, object]:
        """A person's permission and role here; none of a name that nobody has."""
        try:
            payload = await self._transport.read(f"{self._path}/collaborators/{_quoted(login)}/permission")
        except ForgeNotFound as error:
            if "is not a user" in error.message:
                return "none", "none"
            raise
        with as_documented():
            told = a_mapping(payload)
        return told.get("permission"), told.get("role_name")

    async def threads(self, number: int) -> Sequence[Thread]:
        """See Forge."""
        return await fetch_threads(self._transport, self._now, number)

    async def comments(self, number: int) -> Sequence[Comment]:
        """See Forge."""
        payloads = await self._transport.pages(f"{self._path}/issues/{number}/comments")
        with as_documented():
            return [comment_from(a_mapping(payload)) for payload in payloads]

    async def post_review(
        self, number: int, *, sha: str, verdict: Verdict, body: str, comments: Sequence[InlineComment]
    ) -> Sequence[Posted]:
        """See Forge."""
        posting = Posting(pull=self._pull(number), sha=sha, verdict=verdict, body=body, comments=tuple(comments))
        return await post_review(self._transport, posting)

    async def post_comment(self, number: int, body: str) -> int:
        """See Forge."""
        return await self._made(f"{self._path}/issues/{number}/comments", {"body": comment_text(body)})

    async def edit_comment(self, comment: int, body: str) -> None:
        """See Forge."""
        await self._transport.write("PATCH", f"{self._path}/issues/comments/{comment}", {"body": comment_text(body)})

    async def reply(self, number: int, *, thread: int, body: str) -> int:
        """See Forge."""
        return await self._made(f"{self._pull(number)}/comments/{thread}/replies", {"body": comment_text(body)})

    async def resolve(self, thread: Thread) -> None:
        """See Forge."""
        await resolve_thread(self._transport, thread.id)

    async def describe(self, number: int, body: str) -> None:
        """See Forge."""
        await self._transport.write("PATCH", self._pull(number), {"body": capped(body)})

    async def verdict(self, number: int) -> Verdict | None:
        """See Forge."""
        found = await standing_verdict(self._transport, self._pull(number), await self.me())
        return None if found is None else found[1]

    async def withdraw(self, number: int, reason: str) -> None:
        """See Forge. Where no verdict of ours stands, nothing is done."""
        found = await standing_verdict(self._transport, self._pull(number), await self.me())
        if found is not None:
            await dismiss(self._transport, self._pull(number), found[0], capped(reason))

    async def react(self, number: int, reaction: Reaction, *, comment: int | None = None) -> None:
        """See Forge."""
        place = f"{self._path}/issues/{number}/reactions"
        if comment is None:
            await self._react_at(place, reaction)
            return
        # An id does not tell whether its comment stands in the conversation or on a line.
        try:
            await self._react_at(f"{self._path}/issues/comments/{comment}/reactions", reaction)
        except ForgeNotFound:
            await self._react_at(f"{self._path}/pulls/comments/{comment}/reactions", reaction)

    async def put_check(self, check: Check, *, id: int | None = None) -> int | None:  # noqa: A002 - the forge's word
        """See Forge. With many annotations it takes several calls, of which the last one concludes."""
        try:
            if id is not None or self._has_checks:
                return await self._put_run(check, await self._run_on(check.sha) if id is None else id)
        except ForgeAuth as error:
            if error.status != 403 or id is not None:
                raise
            self._has_checks = False  # only Apps may: https://docs.github.com/rest/checks/runs
        await self._transport.write("POST", f"{self._path}/statuses/{check.sha}", status_body(check))
        return None

    async def git_access(self) -> GitAccess:
        """How git reaches the repository now; good for five minutes at least."""
        token = await self._transport.credentials.token()
        return git_access(self._transport.place, self._now, token)

    def source(self, pull_request: PullRequest, since: str = "") -> AbstractAsyncContextManager[ApiSource]:
        """The change of a pull request, read through this interface alone; see `open_api_source`."""
        return open_api_source(self._transport, self._path, pull_request, since=since)

    @property
    def _path(self) -> str:
        return f"repos/{_quoted(self._now.owner)}/{_quoted(self._now.name)}"

    def _pull(self, number: int) -> str:
        return f"{self._path}/pulls/{number}"

    async def _account(self, login: str) -> Person:
        payload = await self._transport.read(f"users/{_quoted(login)}")
        with as_documented():
            return person_from(a_mapping(payload))

    async def _token_owner(self) -> Person:
        try:
            payload = await self._transport.read("user")
        except ForgeAuth as error:
            if error.status != 403:
                raise
            return await self._account(_WORKFLOW_BOT)
        with as_documented():
            return person_from(a_mapping(payload))

    async def _made(self, path: str, body: dict[str, Any]) -> int:
        answer = await self._transport.write("POST", path, body)
        with as_documented():
            return an_id(a_mapping(answer))

    async def _react_at(self, place: str, reaction: Reaction) -> None:
        """Show the new state first, so that at no moment there is none."""
        standing = await self._transport.pages(place)
        me = await self.me()
        kept = await self._made(place, {"content": reaction.value})
        for each in standing:
            with as_documented():
                payload = a_mapping(each)
                id_, who = an_id(payload), person_from(optional_object(payload, "user"))
            is_state = text(payload, "content") in {state.value for state in Reaction}
            if is_state and id_ != kept and is_same(who, me):
                await self._transport.write("DELETE", f"{place}/{id_}")

    async def _run_on(self, sha: str) -> int | None:
        """Our newest check run on a commit; None if there is none. A workflow may name its jobs as we name ours."""
        path = f"{self._path}/commits/{_quoted(sha)}/check-runs"
        answer = await self._transport.read(path, check_name=CHECK_NAME, filter="all", per_page=100)
        me = await self.me()
        with as_documented():
            runs = [a_mapping(each) for each in a_list(a_mapping(answer), "check_runs")]
            ours = [
                an_id(run)
                for run in runs
                if text(run, "external_id") == OUR_RUN and _is_app(optional_object(run, "app"), me)
            ]
        return max(ours, default=None)

    async def _put_run(self, check: Check, run: int | None) -> int:
        if run is not None and check.annotations:
            check = await self._without_standing(check, run)
        first, *others = check_bodies(check)
        if run is None:
            run = await self._made(f"{self._path}/check-runs", {**first, "head_sha": check.sha, "external_id": OUR_RUN})
        else:
            others.insert(0, first)
        for body in others:
            await self._update_run(f"{self._path}/check-runs/{run}", body)
        return run

    async def _without_standing(self, check: Check, run: int) -> Check:
        """The check without the annotations that its run has already: what is sent is added to them."""
        rows = await self._transport.pages(f"{self._path}/check-runs/{run}/annotations")
        with as_documented():
            standing = {_annotation_key(a_mapping(row)) for row in rows}
        left = [each for each in check.annotations if _annotation_key(annotation_body(each)) not in standing]
        return replace(check, annotations=tuple(left))

    async def _update_run(self, place: str, body: Mapping[str, Any]) -> None:
        """Bring it up to date; if that fails, look, and do it again if it had no effect: a check must not hang."""
        try:
            await self._transport.write("PATCH", place, body)
        except ForgeUnavailable:
            with as_documented():
                stands = a_mapping(await self._transport.read(place))
                is_done = text(an_object(stands, "output"), "title") == body["output"]["title"]
            same = [text(stands, key) == body.get(key, "") for key in ("status", "conclusion")]
            if not is_done or not all(same):
                await self._transport.write("PATCH", place, body)


def _annotation_key(body: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(body.get(name) for name in ("path", "start_line", "end_line", "title", "message"))


def _is_app(app: Mapping[str, Any] | None, me: Person) -> bool:
    return app is not None and f"{text(app, 'slug')}[bot]".casefold() == me.login.casefold()


def _quoted(segment: str) -> str:
    return quote(segment, safe="")
