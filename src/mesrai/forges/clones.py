"""A pull request as a source: its change and its files, read with git from a bare clone."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from mesrai.domain.change import At, Change
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.secret import Secret
from mesrai.errors import HeadGone, SourceError
from mesrai.forges.clone_address import CloneAddress, read_address
from mesrai.forges.clone_cache import CloneCache, Place
from mesrai.forges.clone_diff import paths_between, take_change
from mesrai.forges.clone_git import clone_git, fetching_git
from mesrai.forges.fetching import Fetching, RepositoryRefused
from mesrai.forges.listing import files_below
from mesrai.forges.local_diff import Taken
from mesrai.forges.local_tree import LocalTree
from mesrai.forges.objects import Objects
from mesrai.forges.once import Once
from mesrai.forges.pull_range import PullRange, check_names, find_range
from mesrai.forges.repository import Repository, empty_tree_of
from mesrai.forges.revisions import Pair, read_message
from mesrai.forges.together import together

_MOST_PACKS = 50
_LOST = re.compile(r"not on this machine|unable to (?:read|unpack)|corrupt|inflate|bad (?:object|tree)|does not match")


@asynccontextmanager
async def open_pull_request(
    cache: CloneCache, url: str, pull_request: PullRequest, *, authorization: Secret | None, since: str = ""
) -> AsyncIterator["CloneSource"]:
    """A pull request's change, from where it left its base; with `since`, an earlier head, what came after that.

    `url` is the repository's address for git, `authorization` the header `Authorization: …` in full. Each time the
    forge must serve this very credential before anything is read, so a clone shows nothing to one whom the forge no
    longer lets in. Title and description are those of the commits. Errors: HeadGone; ForgeAuth, ForgeNotFound,
    ForgeRateLimited, ForgeUnavailable; SourceError.
    """
    address = read_address(url)
    check_names(pull_request, since)
    async with AsyncExitStack() as stack:
        async with cache.turn(address) as place:
            span = await _fetched(cache, place, address, pull_request, authorization=authorization, since=since)
            await stack.enter_async_context(cache.use(place))
        await cache.evict()
        repository = _repository(cache, place, pull_request)
        objects = await stack.enter_async_context(Objects(repository.git, omits_large=True))
        name = f"Pull request #{pull_request.number}"
        try:
            yield CloneSource(repository, objects, span, largest_file=cache.bounds.largest_file, name=name)
        except SourceError as error:
            if _LOST.search(error.message):
                place.doubt()
            raise


class CloneSource:
    """The change of a pull request. Nothing is fetched any more: what is not there is too large."""

    def __init__(
        self, repository: Repository, objects: Objects, span: PullRange, *, largest_file: int, name: str
    ) -> None:
        self._repository = repository
        self._objects = objects
        self._span = span
        self._largest_file = largest_file
        self._name = name
        self._tree = LocalTree(repository, objects, span.revision.head)
        self._change = Once(self._read_change)

    @property
    def tree(self) -> LocalTree:
        """See Source."""
        return self._tree

    async def change(self) -> Change:
        """See Source. It is read once."""
        return await self._change.get()

    async def file(self, path: str, at: At) -> bytes | None:
        """See Source."""
        entry = await self._objects.find(self._span.commit_at(at), path)
        return await self._objects.blob(entry.id, self._largest_file) if entry and entry.is_file else None

    async def below(self, folder: str, at: At) -> Sequence[str]:
        """See Source."""
        return await files_below(self._repository.git, self._span.commit_at(at), folder)

    async def _read_change(self) -> Change:
        git, span = self._repository.git, self._span
        async with together() as group:
            reading = group.create_task(read_message(git, Pair(revision=span.revision, label=self._name)))
            taking = group.create_task(self._take())
        message, taken = reading.result(), taking.result()
        return Change(
            revision=span.revision,
            files=taken.files,
            title=message.title,
            description=message.description,
            notices=(*span.notices, *taken.notices),
        )

    async def _take(self) -> Taken:
        span = self._span
        taken = await take_change(self._repository, span.revision, largest=self._largest_file)
        if not span.is_mixed:
            return taken
        own = await paths_between(self._repository.git, span.target, span.revision.head)
        notice = (
            "The target was merged in since the last review; of what changed since, only the pull request's own files "
            "are shown."
        )
        files = tuple(file for file in taken.files if file.path in own or file.base_path in own)
        return Taken(files=files, notices=(*taken.notices, notice))


async def _fetched(
    cache: CloneCache,
    place: Place,
    address: CloneAddress,
    pull_request: PullRequest,
    *,
    authorization: Secret | None,
    since: str,
) -> PullRange:
    """Fetch into the clone; into a new one, if the one that is there is of no use."""
    while True:
        was_there = await cache.prepare(place, object_format=_format_of(pull_request))
        try:
            return await _fetched_into(cache, place, address, pull_request, authorization=authorization, since=since)
        except (HeadGone, RepositoryRefused):
            raise
        except SourceError:
            await cache.discard(place)
            if not was_there:
                raise


async def _fetched_into(
    cache: CloneCache,
    place: Place,
    address: CloneAddress,
    pull_request: PullRequest,
    *,
    authorization: Secret | None,
    since: str,
) -> PullRange:
    bounds = cache.bounds
    fetching = Fetching(
        fetching_git(place.folder, cache.environ, address, authorization, blob_limit=bounds.largest_file),
        authorization=authorization,
        blob_limit=bounds.largest_file,
        most_bytes=cache.most_bytes,
        most_s=bounds.fetch_s,
    )
    if len(list(place.folder.glob("objects/pack/*.pack"))) > _MOST_PACKS:
        await fetching.join_packs()
    known = place.depth
    depths = [depth for depth in bounds.depths if depth > known]
    git = clone_git(place.folder, cache.environ)
    try:
        return await find_range(git, fetching, pull_request, since, [known, *depths] if known else depths)
    finally:
        if fetching.depth:
            place.mark(max(known, fetching.depth))


def _repository(cache: CloneCache, place: Place, pull_request: PullRequest) -> Repository:
    return Repository(
        root=place.folder,
        git=clone_git(place.folder, cache.environ),
        filters=frozenset(),
        shallow=frozenset(),
        empty_tree=empty_tree_of(_format_of(pull_request)),
        is_bare=True,
    )


def _format_of(pull_request: PullRequest) -> str:
    return "sha256" if len(pull_request.head_sha) == 64 else "sha1"
