"""Pull requests on a git server of the test, opened through the cache of clones."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.git_http import GitServer, Hosted, hosted, serving
from tests.repositories import ENVIRONMENT, Content

from mesrai.domain.change import Change
from mesrai.domain.pull_request import Lifecycle, Person, PullRequest, RepositoryName
from mesrai.domain.secret import Secret
from mesrai.forges.clone_cache import Bounds, CloneCache
from mesrai.forges.clones import CloneSource, open_pull_request

Value = TypeVar("Value")

KEY = "Basic eC1hY2Nlc3MtdG9rZW46Z2hzX3NlY3JldA=="
QUICK = Bounds(wait_s=10.0, fetch_s=20.0)


def pull_request_on(head: str, *, number: int = 7, base: str = "", base_ref: str = "main") -> PullRequest:
    return PullRequest(
        repository=RepositoryName(forge="127.0.0.1", owner="o", name="r"),
        number=number,
        title="Title",
        body="",
        author=Person(id=1, login="ada"),
        lifecycle=Lifecycle.OPEN,
        is_draft=False,
        head_sha=head,
        head_ref="work",
        base_sha=base,
        base_ref=base_ref,
        is_fork=True,
        default_branch="main",
    )


@dataclass
class Hall:
    """A server with one repository, and a cache of clones."""

    server: GitServer
    hosted: Hosted
    cache: CloneCache
    folder: Path

    def commit(self, files: Mapping[str, Content], message: str = "change") -> str:
        return self.hosted.work.commit(message, files)

    def on_main(self, files: Mapping[str, Content]) -> str:
        """A commit on the target branch, on the server too."""
        self.hosted.work.git("checkout", "--quiet", "main", fails=True)  # which fails before the first commit
        commit = self.commit(files)
        self.hosted.push("main:refs/heads/main")
        return commit

    def on_work(self, files: Mapping[str, Content], *, at: str = "") -> str:
        """A commit on the pull request's branch, made anew from `at` if that is given, as pull request 7."""
        if at:
            self.hosted.work.git("checkout", "--quiet", "-B", "work", at)
        self.commit(files)
        return self.hosted.open(7)

    def use(
        self,
        pull_request: PullRequest,
        use: Callable[[CloneSource], Awaitable[Value]],
        *,
        since: str = "",
        key: str | None = None,
        url: str | None = None,
        cache: CloneCache | None = None,
    ) -> Value:
        async def work() -> Value:
            secret = Secret(f"Authorization: {key}") if key else None
            async with open_pull_request(
                cache or self.cache,
                self.server.url() if url is None else url,
                pull_request,
                authorization=secret,
                since=since,
            ) as source:
                return await use(source)

        return asyncio.run(work())

    def change(self, pull_request: PullRequest, *, since: str = "", key: str | None = None) -> Change:
        return self.use(pull_request, CloneSource.change, since=since, key=key)

    def clone(self) -> Path:
        """The folder of the one clone there is."""
        (found,) = self.folder.glob("*.git")
        return found


@contextmanager
def a_hall(
    folder: Path,
    *,
    authorization: str | None = None,
    bounds: Bounds = QUICK,
    most_bytes: int = 10**9,
    environ: Mapping[str, str] = ENVIRONMENT,
    has_filter: bool = True,
    options: tuple[str, ...] = (),
) -> Iterator[Hall]:
    with serving(folder / "server", authorization=authorization) as server:
        clones = folder / "clones"
        cache = CloneCache(clones, most_bytes=most_bytes, bounds=bounds, environ=environ)
        repository = hosted(folder / "server", has_filter=has_filter, options=options)
        yield Hall(server=server, hosted=repository, cache=cache, folder=clones)
