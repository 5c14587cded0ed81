"""Find out which commits of a pull request are under review, fetching as much history as that needs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mesrai.domain.change import At, Revision
from mesrai.domain.pull_request import PullRequest
from mesrai.errors import ForgeNotFound, HeadGone, SourceError
from mesrai.forges.fetching import Fetching, RefUnknown
from mesrai.forges.git import Git
from mesrai.forges.work_tree import shown

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# https://git-scm.com/docs/git-check-ref-format
_BAD_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|^[/.@]$|^[/.]|[/.]$")
_MOST_TRIES = 2  # how often more is fetched only to be sure of a merge base that is known


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRange:
    """What of a pull request is compared."""

    revision: Revision
    target: str  # the commit where the work left its target, whose configuration and documents hold
    notices: tuple[str, ...] = ()
    is_mixed: bool = False  # the target was merged in between: of the difference only the work's own files count

    def commit_at(self, at: At) -> str:
        """The commit at one end, or the target."""
        return {At.BASE: self.revision.base, At.HEAD: self.revision.head, At.TARGET: self.target}[at]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Met:
    """Where the work and its target part, as far as it is known."""

    commit: str  # empty: not found
    is_sure: bool  # no history that was left out can change it


async def find_range(
    git: Git, fetching: Fetching, pull_request: PullRequest, since: str, depths: Sequence[int]
) -> PullRange:
    """Fetch the pull request, and say what is compared.

    `since` is a head that was reviewed before, or empty. Errors: HeadGone, ForgeNotFound, those of `Fetching.fetch`.
    """
    return await _Search(git, fetching, pull_request, since).find(depths)


def check_names(pull_request: PullRequest, since: str) -> None:
    """Raise SourceError if what git is about to be told is not a commit's full id, a branch's name or a number."""
    ids = [pull_request.head_sha, *filter(None, (pull_request.base_sha, since))]
    for commit in ids:
        if not _ID.fullmatch(commit):
            raise SourceError(f"“{shown(commit[:80])}” is not the full id of a commit.")
    if _BAD_NAME.search(pull_request.base_ref) or not pull_request.base_ref:
        raise SourceError(f"“{shown(pull_request.base_ref[:80])}” cannot be the name of a branch.")
    if pull_request.number < 1:
        raise SourceError(f"{pull_request.number} is not the number of a pull request.")


class _Search:
    def __init__(self, git: Git, fetching: Fetching, pull_request: PullRequest, since: str) -> None:
        self._git = git
        self._fetching = fetching
        self._pull_request = pull_request
        self._head = pull_request.head_sha
        self._since = since
        folder = f"refs/mesrai/{pull_request.number}"
        self._tip, self._base, self._old_base, self._found_head = (
            f"{folder}/{name}" for name in ("head", "base", "old-base", "found")
        )
        self._refspecs = [
            f"+refs/pull/{pull_request.number}/head:{self._tip}",
            f"+refs/heads/{pull_request.base_ref}:{self._base}",
        ]

    async def find(self, depths: Sequence[int]) -> PullRange:
        met, depth = _Met(commit="", is_sure=False), depths[0]
        for tries, depth in enumerate(depths, 1):
            await self._fetch(depth)
            await self._check_head(depth)
            met = await self._meet(self._base)
            if met.is_sure or (met.commit and tries >= _MOST_TRIES):
                break
        if met.commit == self._head:  # merged already: what it was before
            met = await self._meet_old_base(met, depth)
        if not met.commit:
            return await self._without_merge_base(met, depth)
        span = PullRange(revision=Revision(base=met.commit, head=self._head), target=met.commit)
        return await self._since_then(span)

    async def _fetch(self, depth: int) -> None:
        number, base = self._pull_request.number, self._pull_request.base_sha
        try:
            await self._fetching.fetch(self._refspecs, depth=depth)
        except RefUnknown as error:
            if error.ref.startswith("refs/pull/"):
                raise ForgeNotFound(f"The forge has no pull request {number} in this repository.") from error
            if not error.ref.startswith("refs/heads/") or not base:
                raise ForgeNotFound(f"The forge no longer has what pull request {number} is based on.") from error
            self._refspecs[1] = f"+{base}:{self._base}"  # the branch is gone
            await self._fetch(depth)

    async def _check_head(self, depth: int) -> None:
        """The head must be the pull request's, or have been; or be one that its ref does not show yet."""
        if await self._is_ancestor(self._head, self._tip):
            return
        try:
            await self._fetching.fetch([f"+{self._head}:{self._found_head}"], depth=depth)
            is_newer = await self._is_ancestor(self._tip, self._head)
        except RefUnknown:
            is_newer = False
        if not is_newer:
            raise HeadGone(
                f"The commit {self._head[:12]} is no longer part of pull request {self._pull_request.number}: "
                "another history was pushed in its place."
            )

    async def _meet(self, other: str) -> _Met:
        ended = await self._git.ask("merge-base", other, self._head, accept=(0, 1))
        commit = ended.out.decode("ascii", "replace").strip()
        ends = self._shallow()
        if not ends:
            return _Met(commit=commit, is_sure=True)
        without = [f"^{commit}"] if commit else []
        out = await self._git.run("rev-list", other, self._head, *without, "--")
        return _Met(commit=commit, is_sure=ends.isdisjoint(out.decode("ascii").split()))

    async def _meet_old_base(self, met: _Met, depth: int) -> _Met:
        """Where it left the base that the forge names, if the branch contains the head already."""
        if not await self._has_old_base(depth):
            return met
        old = await self._meet(self._old_base)
        return old if old.commit else met

    async def _has_old_base(self, depth: int) -> bool:
        base = self._pull_request.base_sha
        if not base:
            return False
        try:
            await self._fetching.fetch([f"+{base}:{self._old_base}"], depth=depth)
        except RefUnknown:
            return False
        return True

    async def _without_merge_base(self, met: _Met, depth: int) -> PullRange:
        """Compare with the base that the forge names, and say so."""
        base = await self._commit(self._old_base if await self._has_old_base(depth) else self._base)
        why = "have no commit in common" if met.is_sure else f"part more than {depth:,} commits ago"
        notice = (
            f"The pull request and {shown(self._pull_request.base_ref)} {why}, so it is compared with {base[:12]} as a "
            "whole; some of what is shown may not be its own."
        )
        return PullRange(revision=Revision(base=base, head=self._head), target=base, notices=(notice,))

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
        if await self._is_ancestor(since, target):
            return span  # what was reviewed is in the target already
        before = await self._meet_with(since)
        return replace(span, revision=Revision(base=since, head=self._head), is_mixed=before != target)

    async def _meet_with(self, commit: str) -> str:
        ended = await self._git.ask("merge-base", self._base, commit, accept=(0, 1))
        return ended.out.decode("ascii", "replace").strip()

    async def _is_ancestor(self, old: str, new: str) -> bool:
        ended = await self._git.ask("merge-base", "--is-ancestor", old, new, accept=(0, 1, 128))  # 128: it is not here
        return ended.code == 0

    async def _commit(self, ref: str) -> str:
        out = await self._git.run("rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
        return out.decode("ascii").strip()

    def _shallow(self) -> frozenset[str]:
        """The commits at which the clone ends."""
        place = self._git.folder / "shallow"
        return frozenset(place.read_text(encoding="ascii").split()) if place.exists() else frozenset()
