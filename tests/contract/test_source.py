"""What every Source keeps to, run over the kinds of local change and over a pull request."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.clones import a_hall, pull_request_on
from tests.github.stand_in import GitHub, running_github
from tests.github.through import through_github
from tests.local_changes import with_source
from tests.repositories import Repository, a_repository

from mesrai.domain.change import At
from mesrai.domain.diff import Action, FileDiff, FileKind, Side
from mesrai.domain.file_text import text_of
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.forges.clones import CloneSource
from mesrai.forges.forge import Source
from mesrai.forges.github.api_source import ApiSource
from mesrai.forges.github.client import GitHub as Client
from mesrai.forges.local import LocalSource

SELECTIONS = [
    Selection(),
    Selection(paths=("src", "latin")),
    Selection(kind=SelectionKind.STAGED),
    Selection(kind=SelectionKind.COMMIT, value="HEAD"),
    Selection(kind=SelectionKind.COMMIT, value="start"),
    Selection(kind=SelectionKind.BRANCH, value="start"),
    Selection(kind=SelectionKind.RANGE, value="HEAD..start"),
]


PULL_REQUESTS = ["as a whole", "since an earlier head"]
OVER_THE_API = ["over the api as a whole", "over the api since an earlier head", "over the api from the files alone"]

AnySource = LocalSource | CloneSource | ApiSource
Check = Callable[[AnySource], Awaitable[None]]


def a_changed_repository(folder: Path) -> Repository:
    """A repository with changes of every sort in each of its layers."""
    many = [f"line {number}" for number in range(40)]
    repository = a_repository(
        folder, {"src/a.py": "\n".join(many), "src/moved.py": "\n".join(many), "gone": "1\n2\n", "latin": b"\xe9\r\n"}
    )
    repository.git("branch", "start")
    many[3], many[30] = "three", "thirty"
    repository.git("mv", "src/moved.py", "src/new name.py")
    repository.git("rm", "-q", "gone")
    repository.link("link", "src/a.py")
    repository.commit("second", {"src/a.py": "\n".join(many), "src/new name.py": "\n".join(many), "bin": b"\0"})
    repository.write("src/a.py", "\r\n".join([*many, "staged"]))
    repository.git("add", "-A")
    repository.write("src/a.py", "\n".join([*many, "on disk", ""]))
    repository.write("src/untracked é.py", "1\n2\n")
    repository.write("latin", b"\xe9\r\n\xe8\r\n")
    return repository


@pytest.fixture(
    params=[*SELECTIONS, *PULL_REQUESTS, *OVER_THE_API],
    ids=lambda each: each if isinstance(each, str) else f"{each.kind} {each.value} {' '.join(each.paths)}".strip(),
)
def verify(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Check], None]]:
    """Runs a check on one kind of source."""
    chosen: Selection | str = request.param
    if isinstance(chosen, Selection):
        folder = a_changed_repository(tmp_path).root
        yield lambda check: with_source(folder, check, chosen)
        return
    if chosen in OVER_THE_API:
        with running_github(tmp_path / "forge") as github:
            yield over_the_api(github, a_changed_repository(tmp_path / "work"), str(chosen))
        return
    with a_hall(tmp_path) as hall:
        work = a_changed_repository(tmp_path / "work")
        bare = str(hall.hosted.bare.root)
        earlier = work.git("rev-parse", "HEAD")
        head = work.commit("third", {"src/untracked é.py": "of its own\n"})  # not the text of a file that is gone
        work.git("push", "--quiet", bare, "start:refs/heads/main", "HEAD:refs/pull/7/head")
        since = earlier if chosen == PULL_REQUESTS[1] else ""
        yield lambda check: hall.use(pull_request_on(head), check, since=since)


def over_the_api(github: GitHub, work: Repository, chosen: str) -> Callable[[Check], None]:
    """Runs a check on the same pull request, read through the interface of the stand-in alone."""
    shop = github.repository("acme/shop")
    earlier = work.git("rev-parse", "HEAD")
    work.commit("third", {"src/untracked é.py": "of its own\n"})
    work.git("push", "--quiet", "--force", str(shop.store.path), "start:refs/heads/main", "HEAD:refs/heads/feature")
    pull = shop.open_branch("feature")
    if "files alone" in chosen:
        github.fail("GET", "*/compare/*...*", status=406, times=99, accept=".diff")
        github.fail("GET", "*/pulls/*/files", status=422, times=99)
    since = earlier if "since" in chosen else ""

    def run(check: Check) -> None:
        async def work_with(forge: Client) -> None:
            async with forge.source(await forge.pull_request(pull.number), since) as source:
                await check(source)

        through_github(github, work_with)

    return run


async def lines_at(source: Source, file: FileDiff, at: At) -> list[str]:
    content = await source.file(file.base_path if at is At.BASE else file.path, at)
    return [line.removesuffix("\r") for line in text_of(content or b"").split("\n")]


def test_lines_of_the_change_stand_in_the_files_at_both_ends(verify: Callable[[Check], None]) -> None:
    async def check(source: AnySource) -> None:
        change = await source.change()
        assert change.files
        for file in change.files:
            if file.kind is not FileKind.TEXT:
                continue
            for side, at in ((Side.OLD, At.BASE), (Side.NEW, At.HEAD)):
                whole = await lines_at(source, file, at)
                shown = {line.number(side): line.text for hunk in file.hunks for line in hunk.lines}
                shown.pop(None, None)
                assert shown == {number: whole[number - 1] for number in shown if number}

    verify(check)


def test_files_stand_at_the_ends_that_their_action_says(verify: Callable[[Check], None]) -> None:
    async def check(source: AnySource) -> None:
        for file in (await source.change()).files:
            is_file = file.kind in (FileKind.TEXT, FileKind.BINARY)
            at_base = await source.file(file.base_path, At.BASE)
            at_head = await source.file(file.path, At.HEAD)
            assert (at_base is not None) == (is_file and file.action is not Action.ADDED)
            assert (at_head is not None) == (is_file and file.action is not Action.DELETED)
            assert bool(file.old_mode) == (file.action is not Action.ADDED)
            assert bool(file.new_mode) == (file.action is not Action.DELETED)

    verify(check)


def test_change_is_the_same_each_time_and_sorted(verify: Callable[[Check], None]) -> None:
    async def check(source: AnySource) -> None:
        change = await source.change()
        assert change == await source.change()
        paths = [file.path for file in change.files]
        assert paths == sorted(set(paths))
        assert change.title

    verify(check)


def test_paths_of_the_tree_are_those_that_can_be_read(verify: Callable[[Check], None]) -> None:
    async def check(source: AnySource) -> None:
        if source.tree is None:
            return
        paths = await source.tree.paths()
        assert "src/a.py" in paths
        for path in paths:
            assert await source.file(path, At.HEAD) is not None

    verify(check)


def test_what_is_no_regular_file_cannot_be_read(verify: Callable[[Check], None]) -> None:
    async def check(source: AnySource) -> None:
        for path in ("link", "src", "none", "../x", "/etc/passwd", ".git/HEAD", "src/../gone", "", "./latin"):
            assert await source.file(path, At.HEAD) is None
            assert await source.file(path, At.BASE) is None

    verify(check)


@pytest.mark.parametrize("at", At)
def test_paths_below_a_folder_are_those_that_can_be_read_there(verify: Callable[[Check], None], at: At) -> None:
    async def check(source: AnySource) -> None:
        paths = await source.below("src", at)
        assert ("src/a.py" in paths) == (await source.file("src/a.py", at) is not None)
        assert list(paths) == sorted(path for path in set(paths) if path.startswith("src/"))
        for path in paths:
            assert await source.file(path, at) is not None
        assert not any([await source.below(folder, at) for folder in ("sr", "none", "link", "src/a.py")])

    verify(check)


def test_matches_of_a_search_stand_in_the_files(verify: Callable[[Check], None]) -> None:
    async def check(source: AnySource) -> None:
        if source.tree is None:
            return
        matches = await source.tree.search("line 1", most=7)
        assert len(matches) == 7
        for match in matches:
            whole = text_of(await source.file(match.path, At.HEAD) or b"").split("\n")
            assert whole[match.line - 1].removesuffix("\r") == match.text

    verify(check)
