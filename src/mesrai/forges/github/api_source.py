"""A pull request as a source read through GitHub's interface alone, where there is no git."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from mesrai.domain.change import At, Change
from mesrai.domain.pull_request import PullRequest
from mesrai.forges.forge import Tree
from mesrai.forges.github.api_diff import Difference
from mesrai.forges.github.api_range import find_api_range
from mesrai.forges.github.objects import MOST_FILE, Blobs, Trees
from mesrai.forges.github.transport import Transport
from mesrai.forges.once import Once
from mesrai.forges.pull_range import PullRange


@asynccontextmanager
async def open_api_source(
    transport: Transport, repository: str, pull_request: PullRequest, *, since: str = ""
) -> AsyncIterator["ApiSource"]:
    """A pull request's change, from where it left its base; with `since`, an earlier head, what came after that.

    `repository` is its path in the interface, such as repos/acme/shop. Errors, here and of everything that is read:
    HeadGone, SourceError, ForgeError.
    """
    span = await find_api_range(transport, repository, pull_request, since)
    yield ApiSource(transport, repository, pull_request, span)


class ApiSource:
    """The change of a pull request. Which paths differ is taken from the trees, so none is passed over.

    There is no looking around: GitHub searches default branches only, and tells nothing of single lines.
    """

    def __init__(self, transport: Transport, repository: str, pull_request: PullRequest, span: PullRange) -> None:
        self._pull_request = pull_request
        self._span = span
        self._trees = Trees(transport, repository)
        self._blobs = Blobs(transport, repository)
        self._difference = Difference(transport, repository, self._blobs)
        self._change = Once(self._read_change)

    @property
    def tree(self) -> Tree | None:
        """See Source."""
        return None

    async def change(self) -> Change:
        """See Source. It is read once."""
        return await self._change.get()

    async def file(self, path: str, at: At) -> bytes | None:
        """See Source."""
        node = await self._trees.find(self._span.commit_at(at), path)
        if node is None or not node.is_file or node.size > MOST_FILE:
            return None
        return await self._blobs.get(node)

    async def below(self, folder: str, at: At) -> Sequence[str]:
        """See Source."""
        return await self._trees.below(self._span.commit_at(at), folder)

    async def _read_change(self) -> Change:
        span, number = self._span, self._pull_request.number
        changed = await self._trees.changed(span.revision.base, span.revision.head)
        is_whole = span.revision.base == span.target and not span.notices
        told = await self._difference.take(span.revision, changed, pull=number if is_whole else None)
        files, notices = told.files, (*span.notices, *told.notices)
        if span.is_mixed:
            own = {each.path for each in await self._trees.changed(span.target, span.revision.head)}
            files = tuple(file for file in files if file.path in own or file.base_path in own)
            notices = (
                *notices,
                "The target was merged in since the last review; of what changed since, only the pull request's own "
                "files are shown.",
            )
        return Change(
            revision=span.revision,
            files=files,
            title=self._pull_request.title,
            description=self._pull_request.body,
            notices=notices,
        )
