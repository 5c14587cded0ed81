"""A repository that strangers fill runs nothing, reaches nobody else, and never sees or spreads a secret."""

import asyncio
import os
import time
from asyncio.subprocess import DEVNULL
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.clones import KEY, Hall, a_hall, pull_request_on
from tests.git_http import Answered, Seen, serving
from tests.local_changes import actions
from tests.repositories import a_program

from mesrai.domain.change import At
from mesrai.domain.diff import Action, FileKind
from mesrai.domain.pull_request import PullRequest
from mesrai.domain.secret import Secret
from mesrai.errors import (
    ForgeAuth,
    ForgeError,
    ForgeNotFound,
    ForgeRateLimited,
    ForgeUnavailable,
    MesraiError,
    SourceError,
)
from mesrai.forges.clone_cache import Bounds, CloneCache
from mesrai.forges.clones import CloneSource, open_pull_request

SECRET = "ghs_secret"
BARE_KEY = KEY.removeprefix("Basic ")


def a_simple_hall(hall: Hall) -> PullRequest:
    return pull_request_on(hall.on_work({"a.py": "2\n"}, at=hall.on_main({"a.py": "1\n"})))


@dataclass(frozen=True)
class Shared:
    """A hall that tests leave as they found it."""

    hall: Hall
    pull_request: PullRequest


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with a_hall(tmp_path_factory.mktemp("shared")) as hall:
        yield Shared(hall, a_simple_hall(hall))


@pytest.fixture
def shared(standing: Shared) -> Iterator[Shared]:
    standing.hall.server.seen.clear()
    yield standing
    standing.hall.server.answer = lambda seen: None


# Names


@pytest.mark.parametrize("name", ["--upload-pack=touch${IFS}ran;false", "-x", "--output=ran"])
def test_branch_named_like_an_option_is_only_a_name(shared: Shared, name: str) -> None:
    hall, head = shared.hall, shared.pull_request.head_sha
    hall.hosted.bare.git("update-ref", f"refs/heads/{name}", "refs/heads/main")
    assert actions(hall.change(pull_request_on(head, base_ref=name))) == {"a.py": Action.MODIFIED}
    assert not list(hall.folder.parent.rglob("ran"))


def test_odd_file_names_links_and_submodules_are_only_entries(tmp_path: Path) -> None:
    names = ["a\tb", "new\nline", 'quo"te', "-p", ":(top)x", "sp ace", "é", "*", "back\\slash"]

    async def read(source: CloneSource) -> None:
        files = {file.path: file for file in (await source.change()).files}
        assert set(files) == {*names, "link", "sub", ".gitmodules"}
        assert {files[name].kind for name in names} == {FileKind.TEXT}
        assert (files["link"].kind, files["sub"].kind) == (FileKind.SYMLINK, FileKind.SUBMODULE)
        assert sorted(await source.tree.paths()) == sorted(["a.py", ".gitmodules", *names])
        for path in ("link", "sub", "../x", "/etc/passwd", ".git/HEAD", "", "HEAD"):
            assert await source.file(path, At.HEAD) is None
        assert await source.file("new\nline", At.HEAD) == b"needle\n"
        assert {match.path for match in await source.tree.search("needle")} == set(names)

    with a_hall(tmp_path) as hall:
        start = hall.on_main({"a.py": "1\n"})
        work = hall.hosted.work
        work.git("checkout", "--quiet", "-b", "work")
        work.link("link", "/etc/passwd")
        trap = a_program(tmp_path, "trap", f"touch {tmp_path}/ran")
        hall.commit(
            {**dict.fromkeys(names, "needle\n"), ".gitmodules": f'[submodule "sub"]\n\tpath = sub\n\turl = {trap}\n'}
        )
        work.git("update-index", "--add", "--cacheinfo", f"160000,{start},sub")
        work.git("commit", "--quiet", "--amend", "--no-edit")
        hall.use(pull_request_on(hall.hosted.open(7)), read)
        assert not (tmp_path / "ran").exists()


# Programs


def a_hostile_home(folder: Path) -> Mapping[str, str]:
    """An environment whose configuration, everywhere it may lie, runs a program, and whose .netrc holds a secret."""
    trap = a_program(folder, "trap", f'echo "$0 $@" >> {folder}/ran; exit 1')
    home = folder / "home"
    (home / "git").mkdir(parents=True)
    settings = f"""
        [core]
            fsmonitor = {trap}
            hooksPath = {trap.parent}
            sshCommand = {trap}
            askPass = {trap}
            attributesFile = {home}/git/attributes
        [credential]
            helper = {trap}
        [diff "t"]
            textconv = {trap}
            command = {trap}
        [diff]
            external = {trap}
        [filter "t"]
            smudge = {trap}
            clean = {trap}
            process = {trap}
            required = true
        [http]
            extraHeader = X-Leak: yes
            followRedirects = true
        [url "ext::{trap} "]
            insteadOf = http://
    """
    for place in (home / ".gitconfig", home / "git" / "config", folder / "system"):
        place.write_text(settings)
    (home / "git" / "attributes").write_text("* filter=t diff=t\n")
    (home / ".netrc").write_text(f"machine 127.0.0.1 login leak password {SECRET}\n")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_SYSTEM": str(folder / "system"),
        "GIT_ASKPASS": str(trap),
        "GIT_SSH_COMMAND": str(trap),
        "GIT_EXTERNAL_DIFF": str(trap),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": str(trap),
        "GIT_ALLOW_PROTOCOL": "http:https:ext:file:ssh",
        "GIT_TRACE": str(folder / "trace"),
        "GIT_TRACE_CURL": str(folder / "trace"),
        "GIT_TRACE_REDACT": "0",
        "GITHUB_TOKEN": SECRET,
    }


def test_nothing_of_this_machines_configuration_holds(tmp_path: Path) -> None:
    async def read(source: CloneSource) -> None:
        assert actions(await source.change()) == {"a.py": Action.MODIFIED, ".gitattributes": Action.ADDED}
        await source.tree.search("2")
        await source.tree.history("a.py", 1)

    with a_hall(tmp_path, environ=a_hostile_home(tmp_path / "machine")) as hall:
        start = hall.on_main({"a.py": "1\n"})
        head = hall.on_work({"a.py": "2\n", ".gitattributes": "* filter=t diff=t merge=t\n"}, at=start)
        hall.use(pull_request_on(head), read)
        assert {seen.authorization for seen in hall.server.seen} == {None}
        assert not (tmp_path / "machine" / "ran").exists()
        assert not (tmp_path / "machine" / "trace").exists()


def test_password_of_this_machines_user_is_not_sent(tmp_path: Path) -> None:
    netrc = "Basic " + b64encode(f"leak:{SECRET}".encode()).decode()
    with a_hall(tmp_path, authorization=netrc, environ=a_hostile_home(tmp_path / "machine")) as hall:
        pull_request = a_simple_hall(hall)
        with pytest.raises(ForgeAuth):
            hall.change(pull_request)
        with pytest.raises(ForgeAuth):
            hall.change(pull_request, key=KEY)
        assert {seen.authorization for seen in hall.server.seen} == {None, KEY}


def test_trap_works_on_a_bare_git(tmp_path: Path) -> None:
    """The test above means something only if such a configuration does run its program."""
    environ = a_hostile_home(tmp_path / "machine")
    with a_hall(tmp_path) as hall:
        a_simple_hall(hall)
        asyncio.run(_plain_git(environ, "clone", hall.server.url(), str(tmp_path / "clone")))
        assert (tmp_path / "machine" / "ran").exists()


async def _plain_git(environ: Mapping[str, str], *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, env=environ, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
    )
    async with asyncio.timeout(20):
        await process.wait()


def test_clone_has_no_work_tree_no_hooks_no_tags_and_no_remote(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        hall.hosted.work.git("tag", "v1")
        hall.hosted.push("refs/tags/v1")
        hall.change(pull_request)
        clone = hall.clone()
        found = {str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file()}
        assert {name for name in found if not name.startswith("objects/")} == {
            "HEAD", "config", "mesrai-depth", "refs/mesrai/7/base", "refs/mesrai/7/head",
        }  # fmt: skip
        config = (clone / "config").read_text()
        assert "remote" not in config
        assert "url" not in config
        assert hall.folder.stat().st_mode & 0o777 == 0o700
        assert clone.stat().st_mode & 0o777 == 0o700


def test_object_that_would_write_into_gits_folder_is_refused(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        bare = hall.hosted.bare
        blob = bare.git("hash-object", "-w", "--stdin", stdin=b"[core]\n")
        inner = bare.git("mktree", stdin=f"100644 blob {blob}\tconfig\n".encode())
        raw = b"40000 .git\0" + bytes.fromhex(inner)
        tree = bare.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)
        head = bare.git("commit-tree", tree, "-p", pull_request.head_sha, "-m", "evil")
        bare.git("update-ref", "refs/pull/7/head", head)
        with pytest.raises(SourceError, match=r"refuses.*hasDotgit"):
            hall.change(pull_request_on(head))


def test_commit_that_git_refuses_is_said_and_the_clone_is_kept(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        hall.change(pull_request)
        bare = hall.hosted.bare
        tree = bare.git("rev-parse", f"{pull_request.head_sha}^{{tree}}")
        who = "a <a@b> 1 +0000"
        raw = f"tree {tree}\nparent {pull_request.head_sha}\nauthor {who}\ncommitter {who}\n\nhi\0there\n".encode()
        head = bare.git("hash-object", "-w", "-t", "commit", "--literally", "--stdin", stdin=raw)
        bare.git("update-ref", "refs/pull/7/head", head)
        with pytest.raises(SourceError, match=r"git refuses: .*nulInCommit"):
            hall.change(pull_request_on(head))
        assert (hall.clone() / "mesrai-depth").exists(), "or else every push would have all of it fetched anew"


# Where git goes


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% ran",
        "file:///etc",
        "/etc",
        "ssh://git@github.com/o/r",
        "git@github.com:o/r.git",
        "http://example.org/o/r.git",
        "http://127.0.0.1.example.org/o/r.git",
        "https://user:ghs_secret@github.com/o/r.git",
        "https://github.com/o/../r.git",
        "https://github.com/o/r.git?x=ghs_secret",
        "https://github.com/o/r.git#ghs_secret",
        "https://github.com/--upload-pack=x\n/r",
        "https://git hub.com/o/r",
        "https:///o/r",
        "https://[/o/r",
        "--upload-pack=touch ran",
        "",
    ],
)
def test_git_is_sent_nowhere_but_to_a_plain_https_address(tmp_path: Path, url: str) -> None:
    async def open_it() -> None:
        cache = CloneCache(tmp_path / "clones", most_bytes=1)
        async with open_pull_request(
            cache, url, pull_request_on("1" * 40), authorization=Secret(f"Authorization: {KEY}")
        ):
            pass

    with pytest.raises(SourceError) as caught:
        asyncio.run(open_it())
    assert SECRET not in str(caught.value)
    assert not (tmp_path / "clones").exists()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed_and_the_header_stays_here(shared: Shared, tmp_path: Path, status: int) -> None:
    server = shared.hall.server
    with serving(tmp_path) as other:
        server.answer = lambda seen: Answered(status, {"Location": other.origin + seen.path})
        with pytest.raises(ForgeNotFound, match=f"redirect \\({status}\\)"):
            shared.hall.change(shared.pull_request, key=KEY)
        assert [seen.authorization for seen in server.seen] == [KEY]
        assert other.seen == []


# The credential


def test_credential_is_in_no_command_line_and_in_no_file(tmp_path: Path) -> None:
    with a_hall(tmp_path, authorization=KEY) as hall:
        pull_request = a_simple_hall(hall)
        hall.server.open.clear()

        async def look() -> list[str]:
            opening = asyncio.create_task(_opened(hall, pull_request))
            async with asyncio.timeout(10):
                while not hall.server.seen:  # noqa: ASYNC110 - another thread adds to it
                    await asyncio.sleep(0.01)
            lines = _command_lines()
            hall.server.open.set()
            await opening
            return lines

        lines = asyncio.run(look())
        assert any("git-remote-http" in line for line in lines)
        assert not [line for line in lines if BARE_KEY in line or SECRET in line]
        assert hall.server.seen[-1].authorization == KEY
        for path in hall.folder.rglob("*"):
            assert path.is_dir() or BARE_KEY.encode() not in path.read_bytes()


async def _opened(hall: Hall, pull_request: PullRequest) -> None:
    async with open_pull_request(
        hall.cache, hall.server.url(), pull_request, authorization=Secret(f"Authorization: {KEY}")
    ) as source:
        await source.change()


def _command_lines() -> list[str]:
    lines = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(place.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return lines


def test_forge_that_repeats_the_credential_does_not_spread_it(shared: Shared) -> None:
    def repeat(seen: Seen) -> Answered | None:
        said = f"# service=git-upload-pack\nERR you sent {seen.authorization}, so {SECRET}"
        lines = [f"{len(line) + 5:04x}{line}\n" for line in said.split("\n")]
        body = f"{lines[0]}0000{lines[1]}".encode()
        return Answered(200, {"Content-Type": "application/x-git-upload-pack-advertisement"}, body)

    shared.hall.server.answer = repeat
    with pytest.raises(MesraiError) as caught:
        shared.hall.change(shared.pull_request, key=KEY)
    assert "you sent" in str(caught.value)
    assert BARE_KEY not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("header", ["Authorization: Basic a\r\nX-Other: b", "Basic a", "Cookie: a", "Authorization: é"])
def test_credential_that_is_not_one_header_is_refused(shared: Shared, header: str) -> None:
    async def open_it() -> None:
        hall = shared.hall
        async with open_pull_request(hall.cache, hall.server.url(), shared.pull_request, authorization=Secret(header)):
            pass

    with pytest.raises(ForgeAuth, match="not one line") as caught:
        asyncio.run(open_it())
    assert header not in str(caught.value)
    assert shared.hall.server.seen == []


def test_clone_shows_nothing_to_a_credential_that_the_forge_refuses(tmp_path: Path) -> None:
    with a_hall(tmp_path, authorization=KEY) as hall:
        pull_request = a_simple_hall(hall)
        hall.change(pull_request, key=KEY)
        for key in (None, "Basic b3RoZXI="):
            with pytest.raises(ForgeAuth):
                hall.change(pull_request, key=key)
        before = hall.server.sent
        hall.change(pull_request, key=KEY)
        assert hall.server.sent - before < 2_000  # the clone was kept


# What goes wrong


@pytest.mark.parametrize(
    ("answered", "kind", "words"),
    [
        (Answered(401), ForgeAuth, "credentials"),
        (Answered(403), ForgeAuth, "does not let git read"),
        (Answered(404), ForgeNotFound, "no such repository"),
        (Answered(429), ForgeRateLimited, "how fast"),
        (Answered(500), ForgeUnavailable, "failed while git fetched"),
        (Answered(503), ForgeUnavailable, "failed while git fetched"),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answered) else "",
)
def test_refusal_is_the_error_that_it_means(
    shared: Shared, answered: Answered, kind: type[ForgeError], words: str
) -> None:
    shared.hall.server.answer = lambda seen: answered
    with pytest.raises(kind, match=words) as caught:
        shared.hall.change(shared.pull_request, key=KEY)
    assert caught.value.status == answered.status
    assert len(shared.hall.server.seen) == 1


def test_forge_that_is_not_there_or_breaks_off_is_unavailable(tmp_path: Path) -> None:
    with a_hall(tmp_path) as hall:
        pull_request = a_simple_hall(hall)
        hall.server.answer = lambda seen: (
            Answered(200, {"Content-Length": "1000"}, b"") if seen.method == "POST" else None
        )
        with pytest.raises(ForgeUnavailable):
            hall.change(pull_request)
        url = hall.server.url()
    with pytest.raises(ForgeUnavailable, match="could not be reached"):
        hall.use(pull_request, CloneSource.change, url=url)


def test_forge_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with a_hall(tmp_path, bounds=Bounds(wait_s=5, fetch_s=0.4)) as hall:
        pull_request = a_simple_hall(hall)
        hall.server.open.clear()
        began = time.monotonic()
        with pytest.raises(ForgeUnavailable, match=r"longer than 0\.4 s"):
            hall.change(pull_request)
        assert time.monotonic() - began < 5
        assert not [line for line in _command_lines() if hall.server.origin in line]


def test_repository_larger_than_the_room_for_clones_is_given_up(tmp_path: Path) -> None:
    with a_hall(tmp_path, most_bytes=1_000_000) as hall:
        noise = os.urandom(3_000_000)
        pull_request = pull_request_on(hall.on_work({"a.py": "2\n"}, at=hall.on_main({"a.py": "1\n", "noise": noise})))
        hall.server.pace_s = 0.05
        with pytest.raises(SourceError, match=r"larger than 1\.0 MB"):
            hall.change(pull_request)
        left = sum(path.stat().st_size for path in hall.folder.rglob("*") if path.is_file())
        assert left < 100_000
