"""Find out which commits of a pull request are under review, from what GitHub says of two commits."""

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from mesrai.domain.change import Revision
from mesrai.domain.pull_request import PullRequest
from mesrai.errors import ForgeNotFound, HeadGone
from mesrai.forges.github.payloads import a_mapping, a_sha, an_object, as_documented, text
from mesrai.forges.github.transport import Transport
from mesrai.forges.pull_range import PullRange, check_names
from mesrai.forges.work_tree import shown

_IN_LINE: Final = ("ahead", "identical")  # how a commit stands to one of its ancestors
_UNRELATED: Final = "no common ancestor"  # in GitHub's refusal: https://docs.github.com/rest/commits/commits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """How two commits stand to each other."""

    status: str  # the second one is ahead, behind, identical or diverged
    merge_base: str


async def find_api_range(transport: Transport, repository: str, pull_request: PullRequest, since: str) -> PullRange:
    """What is compared. `repository` is its path, such as repos/acme/shop; `since` an earlier head, or empty.

    Errors: HeadGone, SourceError, ForgeError.
    """
    check_names(pull_request, since)
    return await _Search(transport, repository, pull_request, since).find()


class _Search:
    def __init__(self, transport: Transport, repository: str, pull_request: PullRequest, since: str) -> None:
        self._transport = transport
        self._repository = repository
        self._pull_request = pull_request
        self._head = pull_request.head_sha
        self._since = since
        self._target = pull_request.base_ref

    async def find(self) -> PullRange:
        await self._check_head()
        base, notices = await self._base()
        span = PullRange(revision=Revision(base=base, head=self._head), target=base, notices=notices)
        return await self._since_then(span)

    async def _check_head(self) -> None:
        """The head must be the pull request's, or have been; or be one that it does not show yet."""
        number = self._pull_request.number
        payload = await self._transport.read(f"{self._repository}/pulls/{number}")
        with as_documented():
            tip = a_sha(an_object(a_mapping(payload), "head"))
        if tip == self._head:
            return
        try:
            status = (await self._compare(self._head, tip)).status
        except ForgeNotFound:
            status = "gone"
        if status not in (*_IN_LINE, "behind"):
            raise HeadGone(
                f"The commit {self._head[:12]} is no longer part of pull request {number}: "
                "another history was pushed in its place."
            )

    async def _base(self) -> tuple[str, tuple[str, ...]]:
        """Where the work left its target, and what is to be said of it."""
        old_base = self._pull_request.base_sha
        try:
            met = await self._meet()
            if met == self._head and old_base:  # merged already: what it was before
                met = (await self._compare(old_base, self._head)).merge_base
        except ForgeNotFound as error:
            if not old_base or _UNRELATED not in error.message.lower():
                raise
            notice = (
                f"The pull request and {shown(self._pull_request.base_ref)} have no commit in common, so it is "
                f"compared with {old_base[:12]} as a whole; some of what is shown may not be its own."
            )
            return old_base, (notice,)
        return met, ()

    async def _meet(self) -> str:
        try:
            return (await self._compare(self._target, self._head)).merge_base
        except ForgeNotFound as error:
            if not self._pull_request.base_sha or _UNRELATED in error.message.lower():
                raise
        self._target = self._pull_request.base_sha  # the branch is gone
        return (await self._compare(self._target, self._head)).merge_base

    async def _since_then(self, span: PullRange) -> PullRange:
        """Only what came after `since`, if the head was built on it."""
        since, target = self._since, span.target
        if not since or target == self._head:
            return span
        if not await self._is_ancestor(since, self._head):
            notice = (
                f"The commit reviewed before, {since[:12]}, is no longer part of the pull request, so all of it is "
                "reviewed."
            )
            return replace(span, notices=(*span.notices, notice))
        if span.notices or await self._is_ancestor(since, target):
            return span  # what was reviewed is in the target already; or nothing is known of it
        before = (await self._compare(self._target, since)).merge_base
        return replace(span, revision=Revision(base=since, head=self._head), is_mixed=before != target)

    async def _is_ancestor(self, old: str, new: str) -> bool:
        try:
            return (await self._compare(old, new)).status in _IN_LINE
        except ForgeNotFound:
            return False  # a commit that was pushed away may be gone for good

    async def _compare(self, one: str, other: str) -> _Compared:
        """Errors: ForgeNotFound if one of them is not there, or they have no commit in common."""
        # The changed files, which may be megabytes, come with the first page of commits only.
        path = f"{self._repository}/compare/{quote(one, safe='')}...{other}"
        payload = await self._transport.read(path, page=2, per_page=1)
        with as_documented():
            told = a_mapping(payload)
            return _Compared(status=text(told, "status"), merge_base=a_sha(an_object(told, "merge_base_commit")))
